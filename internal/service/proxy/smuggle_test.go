package proxy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestHeadersOfIdentityAreOurs: nothing that a client sends makes a backend take it for somebody else, or for nobody.
func TestHeadersOfIdentityAreOurs(t *testing.T) {
	var got http.Header
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }))
	defer backend.Close()
	to, _ := url.Parse(backend.URL)
	m := tokens(t)
	p := setup(t, func(c *Config, d *Deps) {
		d.Local, d.Tokens = nil, m
		d.Resolve = func(context.Context, string) (*url.URL, error) { return to, nil }
		c.AdditionalPolicies = []Policy{{Name: "default", Routes: []Route{{Endpoint: "/caldav/", Backend: backend.URL, RemoteUserHeader: "X-Remote-User", SkipXAccessToken: true,
			AdditionalHeaders: []map[string]string{{"X-Script-Name": "/caldav"}}}}}}
	})
	send := func(path string) {
		got = nil
		r := httptest.NewRequest("GET", path, nil)
		r.SetBasicAuth("ada", "secret")
		r.Header["Connection"] = []string{"X-Remote-User, X-Access-Token, X-Script-Name, X-Real-Ip"}
		for _, name := range []string{"X_Remote_User", "x_remote-user", "X-Remote-User", "X_Access_Token", "X-Access_Token", "X_Script-Name"} {
			r.Header[name] = []string{"admin"}
		}
		p.ServeHTTP(httptest.NewRecorder(), r)
	}
	check := func(want map[string]string) {
		t.Helper()
		for name, v := range want {
			if got.Get(name) != v {
				t.Errorf("%s: %q, want %q", name, got.Get(name), v)
			}
		}
	}
	send("/caldav/x")
	check(map[string]string{"X-Remote-User": "ada", "X-Script-Name": "/caldav", "X-Access-Token": "", "X-Real-Ip": "192.0.2.1"})
	for name, v := range got {
		if strings.Contains(name, "_") || strings.Contains(strings.Join(v, ""), "admin") {
			t.Errorf("%s: %s went through", name, v)
		}
	}
	send("/graph/v1.0/me")
	if a, err := m.Parse(got.Get("X-Access-Token")); err != nil || a.User.Username != "ada" {
		t.Errorf("the token was taken out: %v", err)
	}
}

func TestTwoAuthorizations(t *testing.T) {
	p := setup(t, nil)
	r := httptest.NewRequest("GET", "/graph/v1.0/me", nil)
	r.SetBasicAuth("ada", "secret")
	r.Header.Add("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	if p.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("status %d", w.Code)
	}
}

func TestLargeRequests(t *testing.T) {
	p := setup(t, nil)
	for path, want := range map[string]int{"/graph/v1.0/me": 413, "/dav/files/ada/x": 200} {
		r := httptest.NewRequest("PUT", path, strings.NewReader("x"))
		r.ContentLength = maxBody + 1
		r.SetBasicAuth("ada", "secret")
		w := httptest.NewRecorder()
		if p.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
