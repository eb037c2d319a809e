package proxy

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPoliciesByAccount(t *testing.T) {
	p := setup(t, func(c *Config, _ *Deps) {
		c.JWTSecret = "secret of the test"
		c.Policies = []Policy{
			{Name: "strangers", Routes: []Route{{Endpoint: "/", Service: "frontend"}}},
			{Name: "plain", Routes: []Route{{Endpoint: "/", Service: "ocs"}}},
			{Name: "math", Routes: []Route{{Endpoint: "/", Service: "graph"}, {Endpoint: "/open", Service: "ocdav", Unprotected: true}}},
		}
		s := &c.PolicySelector.Regex
		s.Default, s.Unauthenticated = "plain", "strangers"
		s.Matches = []Match{{Priority: 20, Property: "mail", Match: ".*", Policy: "plain"}, {Priority: 10, Property: "username", Match: "^ada$", Policy: "math"}}
	})
	do := func(path, user string, cookies []*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		if user != "" {
			r.SetBasicAuth(user, "secret")
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	w := do("/x", "ada", nil)
	if !strings.Contains(w.Body.String(), "service=graph") {
		t.Errorf("ada: %s", w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "opencloud-selector" || !cookies[0].HttpOnly || !cookies[0].Secure {
		t.Fatalf("%v", cookies)
	}
	if w := do("/x", "guest", nil); !strings.Contains(w.Body.String(), "service=ocs") {
		t.Errorf("guest: %s", w.Body)
	}
	if w := do("/x", "guest", cookies); !strings.Contains(w.Body.String(), "service=ocs") {
		t.Errorf("a cookie gives somebody else's policy: %s", w.Body)
	}
	if w := do("/open", "", nil); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
	if w := do("/open", "", cookies); w.Code != 200 || !strings.Contains(w.Body.String(), "service=ocdav user= ") {
		t.Errorf("with the cookie: %d %s", w.Code, w.Body)
	}
	cookies[0].Value = cookies[0].Value[:len(cookies[0].Value)-1] + "x"
	if w := do("/open", "", cookies); w.Code != 401 {
		t.Errorf("with a forged cookie: %d", w.Code)
	}
	for name, change := range map[string]func(*Selector){
		"both":           func(s *Selector) { s.Claims.Default, s.Regex.Default = "default", "default" },
		"unknown policy": func(s *Selector) { s.Claims.Default = "other" },
		"property": func(s *Selector) {
			s.Regex.Default, s.Regex.Matches = "default", []Match{{Property: "shoe", Policy: "default"}}
		},
		"expression": func(s *Selector) {
			s.Regex.Default, s.Regex.Matches = "default", []Match{{Property: "id", Match: "(", Policy: "default"}}
		},
	} {
		cfg := testConfig()
		change(&cfg.PolicySelector)
		if _, err := newProxy(cfg, Deps{Tokens: tokens(t)}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
