package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/storage"
)

func TestLinkToken(t *testing.T) {
	for _, c := range []struct {
		url, header string
		token       string
		open, ok    bool
	}{
		{url: "/dav/public-files/abc", token: "abc", open: true, ok: true},
		{url: "/dav/public-files/abc/d/e", token: "abc", open: true, ok: true},
		{url: "/remote.php/dav/public-files/abc/d", token: "abc", open: true, ok: true},
		{url: "/dav/public-files/", open: true, ok: true},
		{url: "/dav/public-files"},
		{url: "/dav/public-filesx/abc"},
		{url: "/dav/spaces/abc"},
		{url: "/remote.php/remote.php/dav/public-files/abc"},
		{url: "/dav/spaces/x?public-token=abc"},
		{url: "/dav/spaces/x", header: "abc"},
		{url: "/graph/v1.0/me?public-token=abc", header: "abc"},
		{url: "/archiver", header: "abc", token: "abc", ok: true},
		{url: "/archiver?public-token=abc", token: "abc", ok: true},
		{url: "/archiver?public-token=no", header: "abc", token: "abc", ok: true},
		{url: "/archiver"},
		{url: "/archiver/x?public-token=abc"},
		{url: "/app/open?public-token=abc", token: "abc", ok: true},
		{url: "/app/list?public-token=abc"},
		{url: "/ocs/v1.php/apps/files_sharing/api/v1/tokeninfo/unprotected/abc", open: true, ok: true},
		{url: "/ocs/v2.php/apps/files_sharing/api/v1/tokeninfo/unprotected/abc", open: true, ok: true},
		{url: "/ocs/v2.php/apps/files_sharing/api/v1/tokeninfo/protected/abc"},
		{url: "/ocs/v2.php/apps/files_sharing/api/v1/shares?public-token=abc", header: "abc"},
	} {
		r := httptest.NewRequest("GET", c.url, nil)
		r.Header.Set("Public-Token", c.header)
		if token, open, ok := linkToken(r); token != c.token || open != c.open || ok != c.ok {
			t.Errorf("%s (%s): %q %t %t, want %q %t %t", c.url, c.header, token, open, ok, c.token, c.open, c.ok)
		}
	}
}

// links: "open" has no password, "closed" has "right", "internal" is for people, "busy" is throttled.
type links struct{ keys []link.Key }

func (l *links) Open(_ context.Context, token string, k link.Key) (link.Link, identity.Actor, error) {
	l.keys = append(l.keys, k)
	visitor := identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x", Username: "public"}, Visit: &identity.Visit{Token: token, Creator: ada()}}
	switch token {
	case "open":
		return link.Link{}, visitor, nil
	case "closed":
		switch {
		case k.Who.Kind == identity.Person, k.Signature == "signed", k.Password == "right":
			return link.Link{}, visitor, nil
		case k.Password != "" || k.Signature != "":
			return link.Link{}, identity.Actor{}, link.ErrWrongPassword
		}
		return link.Link{}, identity.Actor{}, link.ErrPassword
	case "internal":
		return link.Link{}, identity.Actor{}, link.ErrInternal
	case "busy":
		return link.Link{}, identity.Actor{}, &identity.ThrottledError{RetryAfter: time.Second}
	}
	return link.Link{}, identity.Actor{}, storage.ErrNotFound
}

// TestVisit: who is let in by a link, and as whom he is passed on.
func TestVisit(t *testing.T) {
	const dav, archive = "/dav/public-files/", "/archiver?id=1&public-token="
	for _, c := range []struct {
		name, method, url, user, password string
		status                            int
		as                                string
	}{
		{name: "no password", url: dav + "open", status: 200, as: "public"},
		{name: "no password is needed", url: dav + "open", user: "public", password: "x", status: 200, as: "public"},
		{name: "the password", url: dav + "closed/x", user: "public", password: "right", status: 200, as: "public"},
		{name: "whoever knows it", url: dav + "closed", user: "ada", password: "right", status: 200, as: "public"},
		{name: "a wrong one", url: dav + "closed", user: "public", password: "wrong", status: 401},
		{name: "that of an account", url: dav + "closed", user: "ada", password: "secret", status: 401},
		{name: "none: the service says what is missing", url: dav + "closed", status: 200},
		{name: "a signature", url: dav + "closed/x?signature=signed&expiration=e", status: 200, as: "public"},
		{name: "a signature, for the head", method: "HEAD", url: dav + "closed/x?signature=signed&expiration=e", status: 200},
		{name: "a wrong signature", url: dav + "closed/x?signature=s&expiration=e", status: 401},
		{name: "a signature is for reading", method: "PUT", url: dav + "closed/x?signature=signed&expiration=e", status: 200},
		{name: "nor for looking", method: "PROPFIND", url: dav + "closed/x?signature=signed&expiration=e", status: 200},
		{name: "an address for people", url: dav + "internal", status: 200},
		{name: "nothing", url: dav + "nothing", status: 200},
		{name: "too many guesses", url: dav + "busy", user: "public", password: "x", status: 429},
		{name: "archive", url: archive + "open", status: 200, as: "public"},
		{name: "archive with the password", url: archive + "closed", user: "public", password: "right", status: 200, as: "public"},
		{name: "archive without", url: archive + "closed", status: 401},
		{name: "archive with a wrong one", url: archive + "closed", user: "public", password: "wrong", status: 401},
		{name: "archive of nothing", url: archive + "nothing", status: 401},
		{name: "archive for people", url: archive + "internal", status: 401},
		{name: "archive by guessing", url: archive + "busy", user: "public", password: "x", status: 429},
		{name: "archive without link", url: "/archiver?id=1", status: 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &links{}
			p := setup(t, func(_ *Config, d *Deps) { d.Links = l })
			r := httptest.NewRequest(map[bool]string{true: "GET", false: c.method}[c.method == ""], c.url, nil)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Fatalf("%d, want %d: %s", w.Code, c.status, w.Body)
			}
			if r.Method != http.MethodHead && c.status == 200 && !strings.Contains(w.Body.String(), " user="+c.as+" ") {
				t.Errorf("passed on as %s, want %q", w.Body, c.as)
			}
			if len(l.keys) > 0 && l.keys[0].Address == "" {
				t.Error("guesses are not counted for an address")
			}
		})
	}
}

// A person who comes by a link is known to it; whose token is refused does not come in as somebody else.
func TestVisitWithBearer(t *testing.T) {
	l := &links{}
	p := setup(t, func(_ *Config, d *Deps) { d.Links = l })
	p.authenticators = append([]authenticator{bearers{}}, p.authenticators...)
	for _, c := range []struct {
		token, url string
		status     int
		as         string
	}{
		{"good", "/dav/public-files/closed", 200, "public"},
		{"good", "/dav/public-files/internal", 200, "ada"},
		{"good", "/dav/public-files/nothing", 200, "ada"},
		{"good", "/archiver?public-token=closed", 200, "public"},
		{"good", "/archiver?public-token=nothing", 200, "ada"},
		{"bad", "/dav/public-files/open", 401, ""},
		{"bad", "/archiver?public-token=open", 401, ""},
	} {
		r := httptest.NewRequest("GET", c.url, nil)
		r.Header.Set("Authorization", "Bearer "+c.token)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != c.status || c.status == 200 && !strings.Contains(w.Body.String(), " user="+c.as+" ") {
			t.Errorf("%s with a %s token: %d %s", c.url, c.token, w.Code, w.Body)
		}
	}
}

// bearers knows the token "good".
type bearers struct{}

func (bearers) authenticate(r *http.Request, _ string) (identity.Actor, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer good":
		return ada(), nil
	case "Bearer bad":
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{}, errNotMine
}
