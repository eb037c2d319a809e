package webfinger

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/platform/config"
)

type tokens struct{}

func (tokens) Identify(_ context.Context, token string) (identity.Actor, bearer.Claims, error) {
	switch token {
	case "good":
		return identity.Actor{Kind: identity.Person, User: identity.User{Username: "ada"}},
			bearer.Claims{Values: map[string]any{"sub": "1", "email": "ada@example.com", "team": "blue", "evil": "x/../y"}}, nil
	case "away":
		return identity.Actor{}, bearer.Claims{}, errors.New("issuer is away")
	}
	return identity.Actor{}, bearer.Claims{}, identity.ErrCredentials
}

func setup(t *testing.T, change func(*Config)) *handler {
	t.Helper()
	src, err := config.Open(t.TempDir(), "/data", func(k string) (string, bool) { return "https://cloud.example.org", k == "OC_URL" })
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if _, err := src.Load("webfinger", &cfg); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	h, err := newHandler(cfg, Deps{Log: slog.New(slog.DiscardHandler), Bearer: tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h *handler, query, token string) (*httptest.ResponseRecorder, descriptor) {
	r := httptest.NewRequest("GET", "/.well-known/webfinger?"+query, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var d descriptor
	_ = json.Unmarshal(w.Body.Bytes(), &d)
	return w, d
}

func TestStatus(t *testing.T) {
	h := setup(t, nil)
	for _, c := range []struct {
		query, token string
		status       int
	}{
		{"", "", 400},
		{"resource=", "", 400},
		{"resource=https://cloud.example.org", "", 200},
		{"resource=acct:ada@cloud.example.org", "", 200},
		{"resource=acct:@x", "", 404},
		{"resource=acct:ada@", "", 404},
		{"resource=mailto:ada@x", "", 404},
		{"resource=javascript:alert(1)", "", 404},
		{"resource=rubbish", "", 404},
		{"resource=https://" + strings.Repeat("x", maxResource), "", 404},
		{"resource=https://cloud.example.org", "good", 200},
		{"resource=https://cloud.example.org", "expired", 401},
		{"resource=https://cloud.example.org", "away", 503},
	} {
		w, _ := get(h, c.query, c.token)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s %s: %d, want %d", c.query, c.token, w.Code, c.status)
		}
	}
	for method, want := range map[string]int{"OPTIONS": 204, "POST": 405, "HEAD": 200} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/.well-known/webfinger?resource=https://x", nil))
		if w.Code != want {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/webfingers", nil)); w.Code != 404 {
		t.Errorf("another path: %d", w.Code)
	}
}

func TestPlatforms(t *testing.T) {
	h := setup(t, nil)
	for platform, id := range map[string]string{"web": "web", "desktop": "OpenCloudDesktop", "android": "OpenCloudAndroid", "ios": "OpenCloudIOS", "toaster": ""} {
		w, d := get(h, "resource="+url.QueryEscape("https://Cloud.example.org:443/x%20y")+"&platform="+platform, "")
		if d.Subject != "https://Cloud.example.org:443/x%20y" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%s: subject %q, %v", platform, d.Subject, w.Header())
		}
		if id == "" {
			if d.Properties != nil {
				t.Errorf("%s: %v", platform, d.Properties)
			}
			continue
		}
		scopes := []any{"openid", "profile", "email", "offline_access"}
		if platform == "web" {
			scopes = scopes[:3]
		}
		if d.Properties[propClient] != id || !reflect.DeepEqual(d.Properties[propScopes], scopes) {
			t.Errorf("%s: %v", platform, d.Properties)
		}
		if len(d.Links) != 1 || d.Links[0].Href != "https://cloud.example.org" {
			t.Errorf("%s: %v", platform, d.Links)
		}
	}
}

func TestServersAreForThoseWhoSignedIn(t *testing.T) {
	h := setup(t, nil)
	if _, d := get(h, "resource=https://x&rel="+relInstance, ""); len(d.Links) != 0 {
		t.Errorf("a stranger sees %v", d.Links)
	}
	_, d := get(h, "resource=https://cloud.example.org&rel="+relInstance, "good")
	if d.Subject != "acct:ada@cloud.example.org" || len(d.Links) != 1 || d.Links[0].Rel != relInstance || d.Links[0].Href != "https://cloud.example.org" || d.Links[0].Titles["en"] != "OpenCloud Instance" {
		t.Errorf("%+v", d)
	}
	if _, d = get(h, "resource=https://cloud.example.org", "good"); len(d.Links) != 2 {
		t.Errorf("%+v", d)
	}
}

func TestInstances(t *testing.T) {
	h := setup(t, func(c *Config) {
		c.Instances = []Instance{
			{Claim: "email", Regex: `.+@elsewhere\.com`, Href: "https://elsewhere.example"},
			{Claim: "none", Regex: `.*`, Href: "https://none.example"},
			{Claim: "sub", Regex: `.*`, Href: "https://{{.missing}}.example"},
			{Claim: "sub", Regex: `.*`, Href: "javascript:{{.sub}}"},
			{Claim: "email", Regex: `.+@example\.com`, Href: "https://{{.team}}.example.com", Break: true},
			{Claim: "sub", Regex: `.*`, Href: "https://never.example"},
		}
	})
	_, d := get(h, "resource=https://x&rel="+relInstance, "good")
	if len(d.Links) != 1 || d.Links[0].Href != "https://blue.example.com" {
		t.Errorf("%+v", d.Links)
	}
}

func TestBadConfiguration(t *testing.T) {
	for _, c := range []Config{{Relations: []string{"x"}}, {Instances: []Instance{{Claim: "sub", Regex: "(", Href: "https://x"}}}, {Instances: []Instance{{Claim: "sub", Href: "{{"}}}, {Instances: []Instance{{Href: "https://x"}}}} {
		if _, err := newHandler(c, Deps{}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
