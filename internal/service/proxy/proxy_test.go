package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/signedurl"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/token"
)

// logins knows ada; everybody else is wrong, "slow" is throttled, "broken" cannot be checked.
type logins struct{ addresses sync.Map }

func (l *logins) Authenticate(_ context.Context, in identity.Login) (identity.Actor, error) {
	l.addresses.Store(in.Address, true)
	switch {
	case in.Name == "ada" && in.Password == "secret":
		return ada(), nil
	case in.Name == "guest" && in.Password == "secret":
		a := ada()
		a.User.ID, a.User.Username, a.User.Roles = "guest-id", "guest", []string{role.UserLight}
		return a, nil
	case in.Name == "slow":
		return identity.Actor{}, &identity.ThrottledError{RetryAfter: 7500 * time.Millisecond}
	case in.Name == "broken":
		return identity.Actor{}, errors.New("database is away")
	}
	return identity.Actor{}, identity.ErrCredentials
}

func ada() identity.Actor {
	return identity.Actor{Kind: identity.Person, Groups: []string{"g"}, User: identity.User{ID: "ada-id", Username: "ada", DisplayName: "Ada Lovelace",
		Mail: "ada@example.org", Enabled: true, Roles: []string{role.User}}}
}

// seen answers with what a service sees of a request.
func seen(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := identity.ActorFrom(r.Context())
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "service=%s user=%s initiator=%s auth=%q token=%q path=%s body=%d", name, a.User.Username, a.Initiator,
			r.Header.Get("Authorization"), r.Header.Get("X-Access-Token"), r.URL.RequestURI(), len(body))
	})
}

type spaces struct {
	storage.Spaces
	mu      sync.Mutex
	created []storage.SpaceRequest
	actors  []string
	err     error
}

func (s *spaces) CreateSpace(ctx context.Context, r storage.SpaceRequest) (space.Space, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created = append(s.created, r)
	s.actors = append(s.actors, identity.ActorFrom(ctx).User.ID)
	return space.Space{}, s.err
}

func tokens(t testing.TB) *token.Manager {
	t.Helper()
	m, err := token.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testConfig() Config {
	return Config{PublicURL: "https://cloud.example.org", EnableBasicAuth: true, TrustedProxies: []string{"127.0.0.0/8", "10.9.0.0/16"}}
}

func setup(t testing.TB, change func(*Config, *Deps)) *proxy {
	t.Helper()
	cfg := testConfig()
	deps := Deps{Log: slog.New(slog.DiscardHandler), Login: &logins{}, Tokens: tokens(t), Local: map[string]http.Handler{
		"frontend": seen("frontend"), "ocdav": seen("ocdav"), "graph": seen("graph"), "ocs": seen("ocs")}}
	if change != nil {
		change(&cfg, &deps)
	}
	p, err := newProxy(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRequests(t *testing.T) {
	p := setup(t, nil)
	type h = map[string]string
	for _, c := range []struct {
		name, method, url, user string // user: name:password
		headers                 h
		status                  int
		has, lacks              string // in the body
		header, value           string
	}{
		{name: "graph", url: "/graph/v1.0/me", user: "ada:secret", status: 200, has: "service=graph user=ada"},
		{name: "credentials stay here", url: "/graph/v1.0/me", user: "ada:secret", status: 200, has: `auth="" token=""`},
		{name: "forged token", url: "/graph/v1.0/me", user: "ada:secret", headers: h{"X-Access-Token": "forged"}, status: 200, has: `token=""`},
		{name: "forged token, nothing else", url: "/graph/v1.0/me", headers: h{"X-Access-Token": "forged"}, status: 401},
		{name: "forged token, open route", url: "/status.php", headers: h{"X-Access-Token": "forged"}, status: 200, has: `user= initiator= auth="" token=""`},
		{name: "initiator", url: "/graph/v1.0/me", user: "ada:secret", headers: h{"Initiator-ID": "tab1"}, status: 200, has: "initiator=tab1"},
		{name: "dav", method: "PROPFIND", url: "/dav/files/ada/x?y=z", user: "ada:secret", status: 200, has: "service=ocdav user=ada"},
		{name: "dav old", method: "PUT", url: "/remote.php/webdav/x", user: "ada:secret", status: 200, has: "service=ocdav"},
		{name: "report", method: "REPORT", url: "/dav/files/ada/", user: "ada:secret", status: 200, has: "service=ocdav"},
		{name: "escapes stay", url: "/dav/files/ada/a%2520b%3F", user: "ada:secret", status: 200, has: "path=/dav/files/ada/a%2520b%3F"},
		{name: "ocs", url: "/ocs/v2.php/cloud/user", user: "ada:secret", status: 200, has: "service=frontend"},
		{name: "signing key", url: "/ocs/v1.php/cloud/user/signing-key", user: "ada:secret", status: 200, has: "service=ocs"},
		{name: "ocs config is open", url: "/ocs/v1.php/config", status: 200, has: "service=frontend user= "},
		{name: "capabilities are open", url: "/ocs/v1.php/cloud/capabilities?format=json", status: 200, has: "service=frontend user= "},
		{name: "capabilities with login", url: "/ocs/v1.php/cloud/capabilities", user: "ada:secret", status: 200, has: "user=ada"},
		{name: "capabilities with wrong login", url: "/ocs/v1.php/cloud/capabilities", user: "ada:wrong", status: 401},
		{name: "status is open", url: "/status.php", status: 200, has: "service=frontend user= "},
		{name: "open route leaves credentials", url: "/data/x", user: "x:y", status: 200, has: `auth="Basic eDp5"`},
		{name: "nobody", url: "/graph/v1.0/me", status: 401, header: "WWW-Authenticate", value: `Bearer realm="cloud.example.org", charset="UTF-8"|Basic realm="cloud.example.org", charset="UTF-8"`},
		{name: "wrong password", url: "/graph/v1.0/me", user: "ada:wrong", status: 401},
		{name: "bearer nobody knows", url: "/graph/v1.0/me", headers: h{"Authorization": "Bearer x"}, status: 401},
		{name: "rubbish", url: "/graph/v1.0/me", headers: h{"Authorization": "Basic %%%"}, status: 401},
		{name: "nobody, dav", method: "PROPFIND", url: "/dav/files/ada", status: 401, has: `<s:exception>Sabre\DAV\Exception\PermissionDenied</s:exception>`},
		{name: "nobody, xhr", url: "/graph/v1.0/me", headers: h{"X-Requested-With": "XMLHttpRequest"}, status: 401, header: "WWW-Authenticate", value: ""},
		{name: "stranger, link", url: "/dav/public-files/tok", user: "ada:secret", status: 200, has: "user= "},
		{name: "stranger, link, old prefix", url: "/remote.php/dav/public-files/tok", status: 200, has: "user= "},
		{name: "archive without token", url: "/archiver?id=x", status: 401},
		{name: "preflight", method: "OPTIONS", url: "/graph/v1.0/me", status: 200, has: "service=graph user= "},
		{name: "throttled", url: "/graph/v1.0/me", user: "slow:x", status: 429, header: "Retry-After", value: "8"},
		{name: "cannot tell", url: "/graph/v1.0/me", user: "broken:x", status: 503, lacks: "database"},
		{name: "service that does not run", url: "/api/v0/settings/x", user: "ada:secret", status: 503, has: "settings"},
		{name: "dav without web", url: "/dav/x?preview=1", user: "ada:secret", status: 404},
		{name: "front page", url: "/", status: 404, has: "https://cloud.example.org/dav/files/"},
		{name: "unknown", url: "/nowhere", status: 404, has: "nothing at this address"},
		{name: "dot dot", url: "/status/../graph/v1.0/me", status: 400},
		{name: "escaped dot dot", url: "/status/%2e%2e/graph/v1.0/me", status: 400},
		{name: "escaped slash", url: "/status%2f..%2fgraph", status: 400},
		{name: "dots in names", url: "/dav/files/ada/a..b/...", user: "ada:secret", status: 200},
		{name: "too long", url: "/dav/" + strings.Repeat("x", maxURL), status: 414},
		{name: "plain http before us", url: "/dav/x?a=b", headers: h{"X-Forwarded-Proto": "http"}, status: 308, header: "Location", value: "https://cloud.example.org/dav/x?a=b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "GET"
			}
			r := httptest.NewRequest(method, c.url, nil)
			r.Host = "cloud.example.org"
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			if name, pw, ok := strings.Cut(c.user, ":"); ok {
				r.SetBasicAuth(name, pw)
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if body := w.Body.String(); !strings.Contains(body, c.has) || c.lacks != "" && strings.Contains(body, c.lacks) {
				t.Errorf("body: %s", body)
			}
			if c.header != "" {
				if got := strings.Join(w.Header().Values(c.header), "|"); got != c.value {
					t.Errorf("%s: %q, want %q", c.header, got, c.value)
				}
			}
			for _, name := range []string{"X-Request-Id", "Content-Security-Policy", "X-Frame-Options", "Strict-Transport-Security"} {
				if w.Header().Get(name) == "" {
					t.Errorf("no %s", name)
				}
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	p := setup(t, nil)
	for in, kept := range map[string]bool{"abc-1": true, "": false, "with space": false, "line\nbreak": false, strings.Repeat("x", 200): false} {
		r := httptest.NewRequest("GET", "/status.php", nil)
		r.Header.Set("X-Request-Id", in)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if got := w.Header().Get("X-Request-Id"); got == "" || (got == in) != kept {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestPersonalSpaces(t *testing.T) {
	s := &spaces{}
	p := setup(t, func(c *Config, d *Deps) { d.Spaces = s; c.RoleQuotas = map[string]int64{role.User: 1000} })
	get := func(user string) int {
		r := httptest.NewRequest("GET", "/graph/v1.0/me", nil)
		r.SetBasicAuth(user, "secret")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Code
	}
	s.err = errors.New("disk on fire")
	if code := get("ada"); code != 503 {
		t.Errorf("space cannot be made: %d", code)
	}
	s.err = storage.ErrExists
	for range 3 {
		if code := get("ada"); code != 200 {
			t.Errorf("status %d", code)
		}
	}
	if len(s.created) != 2 {
		t.Fatalf("%d requests, want one that failed and one more", len(s.created))
	}
	want := storage.SpaceRequest{Type: space.Personal, ID: "ada-id", Owner: "ada-id", Name: "Ada Lovelace", Alias: "personal/ada", Quota: 1000}
	if s.created[1] != want || s.actors[1] != "ada-id" {
		t.Errorf("%+v by %s", s.created[1], s.actors[1])
	}
	if code := get("guest"); code != 200 || len(s.created) != 2 {
		t.Errorf("User Light got a personal space: %d, %v", code, s.created)
	}
	p.homes.now = func() time.Time { return time.Now().Add(time.Hour) }
	if get("ada"); len(s.created) != 3 {
		t.Error("never looked again")
	}
}

func TestRemoteBackend(t *testing.T) {
	m := tokens(t)
	var got *http.Request
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Clone(context.Background())
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Backend", "yes")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, n)
	}))
	defer backend.Close()
	to, _ := url.Parse(backend.URL)
	p := setup(t, func(c *Config, d *Deps) {
		d.Local = nil
		d.Tokens = m
		d.Resolve = func(_ context.Context, name string) (*url.URL, error) {
			if name == "graph" || name == "frontend" {
				return to, nil
			}
			return nil, ErrNoService
		}
	})
	front := httptest.NewServer(p)
	defer front.Close()
	send := func(method, path string, change func(*http.Request)) *http.Response {
		t.Helper()
		r, _ := http.NewRequest(method, front.URL+path, strings.NewReader("hello"))
		r.SetBasicAuth("ada", "secret")
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Connection", "X-Hop")
		r.Header.Set("X-Hop", "1")
		if change != nil {
			change(r)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	res := send("POST", "/graph/v1.0/x%2Fy?q=1;2", nil)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 201 || string(body) != "5" || res.Header.Get("X-Backend") != "yes" || res.Header.Get("X-Frame-Options") == "" {
		t.Errorf("answer: %d %q %v", res.StatusCode, body, res.Header)
	}
	if a, err := m.Parse(got.Header.Get("X-Access-Token")); err != nil || a.User.ID != "ada-id" {
		t.Errorf("token: %+v %v", a, err)
	}
	if got.RequestURI != "/graph/v1.0/x%2Fy?q=1;2" {
		t.Errorf("backend sees %s", got.RequestURI)
	}
	for name, want := range map[string]string{"Authorization": "", "X-Hop": "", "X-Forwarded-Proto": "https", "X-Forwarded-Host": strings.TrimPrefix(front.URL, "http://"),
		"X-Forwarded-For": "198.51.100.7, 127.0.0.1"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	send("GET", "/status.php", func(r *http.Request) { r.Header.Set("X-Access-Token", "forged") })
	if got.Header.Get("X-Access-Token") != "" {
		t.Error("a forged token went through")
	}
	if res := send("GET", "/dav/x", nil); res.StatusCode != 503 {
		t.Errorf("no ocdav: %d", res.StatusCode)
	}
	backend.Close()
	res = send("GET", "/graph/v1.0/me", nil)
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 502 || len(b) != 0 {
		t.Errorf("backend away: %d %q", res.StatusCode, b)
	}
}

func TestStreamsBothWays(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		buf := make([]byte, 5)
		for range 3 {
			if _, err := io.ReadFull(r.Body, buf); err != nil {
				return
			}
			_, _ = w.Write(bytes.ToUpper(buf))
			_ = rc.Flush()
		}
	}))
	defer backend.Close()
	p := setup(t, func(c *Config, _ *Deps) {
		c.AdditionalPolicies = []Policy{{Name: "default", Routes: []Route{{Endpoint: "/echo", Backend: backend.URL, Unprotected: true}}}}
	})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		p.ServeHTTP(w, r)
	}))
	defer front.Close()
	pr, pw := io.Pipe()
	r, _ := http.NewRequest("POST", front.URL+"/echo", pr)
	go func() { _, _ = io.WriteString(pw, "first") }()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	buf := make([]byte, 5)
	for _, word := range []string{"", "secon", "third"} {
		if word != "" {
			_, _ = io.WriteString(pw, word)
		}
		if _, err := io.ReadFull(res.Body, buf); err != nil {
			t.Fatal(err)
		}
	}
	pw.Close()
}

func TestOperatorsRoutes(t *testing.T) {
	var got *http.Request
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Clone(context.Background()) }))
	defer backend.Close()
	p := setup(t, func(c *Config, _ *Deps) {
		c.AdditionalPolicies = []Policy{{Name: "default", Routes: []Route{
			{Endpoint: "/caldav/", Backend: backend.URL, RemoteUserHeader: "X-Remote-User", SkipXAccessToken: true,
				AdditionalHeaders: []map[string]string{{"X-Script-Name": "/caldav"}}},
			{Endpoint: "/status.php", Service: "graph", Unprotected: true},
			{Endpoint: "/graph/special", Method: "post", Service: "ocs"},
		}}}
	})
	do := func(method, path string) string {
		got = nil
		r := httptest.NewRequest(method, path, nil)
		r.SetBasicAuth("ada", "secret")
		r.Header.Set("X-Remote-User", "admin")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Body.String()
	}
	do("GET", "/caldav/ada/")
	for k, want := range map[string]string{"X-Remote-User": "ada", "X-Access-Token": "", "Authorization": "", "X-Script-Name": "/caldav"} {
		if v := got.Header.Get(k); v != want {
			t.Errorf("%s: %q, want %q", k, v, want)
		}
	}
	if b := do("GET", "/status.php"); !strings.Contains(b, "service=graph") {
		t.Errorf("the operator's route does not win: %s", b)
	}
	if b := do("POST", "/graph/special"); !strings.Contains(b, "service=ocs") {
		t.Errorf("POST: %s", b)
	}
	if b := do("GET", "/graph/special"); !strings.Contains(b, "service=graph") {
		t.Errorf("GET: %s", b)
	}
}

func TestBadRoutes(t *testing.T) {
	for _, r := range []Route{{Endpoint: "/x"}, {Endpoint: "x", Service: "a"}, {Endpoint: "/x", Backend: "file:///etc"}, {Type: "regex", Endpoint: "(", Service: "a"},
		{Type: "query", Endpoint: "/x", Service: "a"}, {Type: "magic", Endpoint: "/x", Service: "a"}} {
		cfg := testConfig()
		cfg.AdditionalPolicies = []Policy{{Name: "default", Routes: []Route{r}}}
		if _, err := newProxy(cfg, Deps{Log: slog.New(slog.DiscardHandler), Tokens: tokens(t)}); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	cfg := testConfig()
	cfg.PolicySelector.Static.Policy = "other"
	if _, err := newProxy(cfg, Deps{Tokens: tokens(t)}); err == nil {
		t.Error("a policy that does not exist was selected")
	}
}

func TestAgents(t *testing.T) {
	p := setup(t, func(c *Config, _ *Deps) {
		c.Auth.CredentialsByUserAgent = map[string]string{"davfs2": "basic", "Mozilla": "bearer"}
	})
	for agent, want := range map[string]string{"davfs2/1.6 neon/0.32": "Basic", "Mozilla/5.0": "Bearer", "": "Bearer|Basic", "dav": "Bearer|Basic"} {
		if got := strings.Join(p.challenges(agent), "|"); got != want {
			t.Errorf("%q: %s, want %s", agent, got, want)
		}
	}
}

func TestClientAddress(t *testing.T) {
	n, err := parseNetworks([]string{"127.0.0.1", "10.9.0.0/16", " ::1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"198.51.100.1:1", "", "198.51.100.1"},
		{"198.51.100.1:1", "6.6.6.6", "198.51.100.1"}, // not trusted: a lie counts nothing
		{"127.0.0.1:1", "192.0.2.1", "192.0.2.1"},
		{"127.0.0.1:1", "6.6.6.6, 192.0.2.1", "192.0.2.1"},
		{"127.0.0.1:1", "6.6.6.6, 192.0.2.1, 10.9.1.1", "192.0.2.1"},
		{"[::1]:1", "10.9.1.2, 10.9.1.1", "10.9.1.2"},
		{"127.0.0.1:1", "rubbish", "127.0.0.1"},
		{"@", "192.0.2.1", "@"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := n.client(r); got != c.want {
			t.Errorf("%s / %s: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if _, err := parseNetworks([]string{"example.org"}); err == nil {
		t.Error("a name was taken for a network")
	}
}

func TestAccessLogTellsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	p := setup(t, func(_ *Config, d *Deps) { d.Log = slog.New(slog.NewJSONHandler(&out, nil)) })
	for _, u := range []string{"/graph/v1.0/me?oc-jwt-sig=topsecret", "/data/topsecret"} {
		r := httptest.NewRequest("GET", u, nil)
		r.SetBasicAuth("ada", "secret")
		r.Header.Set("Authorization", r.Header.Get("Authorization"))
		p.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, s := range []string{"topsecret", "YWRhOnNlY3JldA", `"secret"`} {
		if strings.Contains(out.String(), s) {
			t.Errorf("the log holds %q: %s", s, out.String())
		}
	}
	for _, s := range []string{`"path":"/graph/v1.0/me"`, `"status":200`, `"user":"ada-id"`, `"method":"GET"`} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("the log lacks %s: %s", s, out.String())
		}
	}
}

func TestUploadsSeeThe401(t *testing.T) {
	p := setup(t, nil)
	srv := httptest.NewServer(p)
	defer srv.Close()
	for range 3 {
		r, _ := http.NewRequest("PUT", srv.URL+"/dav/files/ada/x", bytes.NewReader(make([]byte, 4<<20)))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	var continued atomic.Bool
	r, _ := http.NewRequest("PUT", srv.URL+"/dav/files/ada/x", readerFunc(func(p []byte) (int, error) { continued.Store(true); return 0, io.EOF }))
	r.ContentLength = 1 << 30
	r.Header.Set("Expect", "100-continue")
	c := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 || continued.Load() {
		t.Errorf("status %d, body asked for: %v", res.StatusCode, continued.Load())
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	p := setup(t, func(_ *Config, d *Deps) { d.Metrics = reg })
	for _, u := range []string{"/status.php", "/nowhere", "/konnect/x"} { // 200, 404, 503
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", u, nil))
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetCounter().GetValue() + float64(f.GetMetric()[0].GetHistogram().GetSampleCount())
	}
	if got["opencloud_proxy_requests_total"] != 3 || got["opencloud_proxy_errors_total"] != 1 || got["opencloud_proxy_duration_seconds"] != 3 {
		t.Errorf("%v", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// machine knows ada, and dora who is disabled.
type machine struct{}

func (machine) ActorBy(_ context.Context, claim, value string) (identity.Actor, error) {
	switch claim + ":" + value {
	case "userid:ada-id", "username:ada":
		return ada(), nil
	case "userid:dora-id", "username:dora":
		return identity.Actor{}, fmt.Errorf("%w: disabled", identity.ErrCredentials)
	}
	return identity.Actor{}, identity.ErrNotFound
}

func TestSignedAddresses(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	signer, err := signedurl.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	p := setup(t, func(c *Config, d *Deps) {
		c.URLSigningSecret, c.PresignedURLs.Enabled, d.Machine = secret, true, machine{}
	})
	sign := func(user string) string {
		u, _ := url.Parse("https://cloud.example.org/dav/files/ada/x%20y?a=1")
		s, err := signer.Sign(u, user, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(s, "https://cloud.example.org")
	}
	for _, c := range []struct {
		method, url string
		status      int
	}{
		{"GET", sign("ada-id"), 200},
		{"HEAD", sign("ada-id"), 200},
		{"PUT", sign("ada-id"), 401},
		{"PROPFIND", sign("ada-id"), 401},
		{"GET", strings.Replace(sign("ada-id"), "x%20y", "z", 1), 401},
		{"GET", sign("dora-id"), 401},
		{"GET", sign("nobody"), 401},
		{"GET", "/dav/files/ada/x?oc-jwt-sig=", 401},
		{"GET", "/dav/files/ada/x?OC-Signature=00&OC-Credential=ada", 401},
		{"GET", "/dav/files/ada/x?OC-Signature=00&OC-Credential=nobody", 401},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		r.Host = "cloud.example.org"
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != c.status || c.status == 200 && c.method == "GET" && !strings.Contains(w.Body.String(), "user=ada") {
			t.Errorf("%s %s: %d, want %d", c.method, c.url, w.Code, c.status)
		}
	}
}

func BenchmarkProxy(b *testing.B) {
	p := setup(b, func(_ *Config, d *Deps) {
		d.Spaces = &spaces{}
		d.Local["ocdav"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	r := httptest.NewRequest("PROPFIND", "/dav/spaces/abc/x", nil)
	r.SetBasicAuth("ada", "secret")
	auth := r.Header["Authorization"]
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = auth
		p.ServeHTTP(w, r)
	}
}
