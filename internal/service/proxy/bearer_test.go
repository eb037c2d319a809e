package proxy

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"opencloud/internal/identity"
)

const ownIssuer = "https://cloud.example.org"

// provider is an identity provider of this process; tok makes its access tokens.
func provider(t testing.TB) (idp http.Handler, tok func(change map[string]any) string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	idp = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": ownIssuer, "jwks_uri": ownIssuer + "/konnect/v1/jwks.json"})
		case "/konnect/v1/jwks.json":
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}})
		default:
			http.NotFound(w, r)
		}
	})
	return idp, func(change map[string]any) string {
		c := map[string]any{"iss": ownIssuer, "sub": "ada-id", "sid": "s1", "lg.t": "1", "iat": time.Now().Unix() - 1, "exp": time.Now().Add(time.Hour).Unix()}
		for k, v := range change {
			c[k] = v
		}
		b, _ := json.Marshal(c)
		o, err := s.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := o.CompactSerialize()
		return text
	}
}

func TestBearer(t *testing.T) {
	idp, tok := provider(t)
	p := setup(t, func(c *Config, d *Deps) {
		c.OIDC.Issuer, c.OIDC.Rewrite = ownIssuer, true
		d.Machine, d.Local["idp"] = machine{}, idp
	})
	do := func(path, authorization string, change func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "cloud.example.org"
		r.Header.Set("Authorization", authorization)
		if change != nil {
			change(r)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	good := tok(nil)
	for name, c := range map[string]struct {
		path, authorization string
		status              int
	}{
		"good":       {"/graph/v1.0/me", "Bearer " + good, 200},
		"lower case": {"/graph/v1.0/me", "bearer  " + good, 200},
		"expired":    {"/graph/v1.0/me", "Bearer " + tok(map[string]any{"exp": time.Now().Unix() - 1}), 401},
		"disabled":   {"/graph/v1.0/me", "Bearer " + tok(map[string]any{"sub": "dora-id"}), 401},
		"nobody":     {"/graph/v1.0/me", "Bearer " + tok(map[string]any{"sub": "nobody"}), 401},
		"id token":   {"/graph/v1.0/me", "Bearer " + tok(map[string]any{"lg.t": "x"}), 401},
		"by a link":  {"/dav/public-files/x", "Bearer " + good, 200},
		"federated":  {"/dav/ocm/x", "Bearer " + good, 401},
		"huge":       {"/graph/v1.0/me", "Bearer " + strings.Repeat("x", 20<<10), 401},
	} {
		w := do(c.path, c.authorization, nil)
		if w.Code != c.status || c.status == 200 && !strings.Contains(w.Body.String(), `user=ada initiator= auth="" token=""`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if c.status == 401 && w.Body.Len() > 0 {
			t.Errorf("%s: not plain: %s", name, w.Body)
		}
	}
	if w := do("/graph/v1.0/me", "Bearer x", func(r *http.Request) { r.Header.Set("X-Requested-With", "XMLHttpRequest") }); w.Code != 401 || w.Header()["Www-Authenticate"] != nil {
		t.Errorf("a browser is asked for a password: %v", w.Header())
	}
	if w := do("/.well-known/openid-configuration", "", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "jwks_uri") {
		t.Errorf("well-known: %d %s", w.Code, w.Body)
	}
	if w := do("/.well-known/change-password", "", nil); w.Code != 302 || w.Header().Get("Location") != "/signin/v1/account" {
		t.Errorf("change-password: %d", w.Code)
	}
	logout := func(method, token string) (int, string) {
		r := httptest.NewRequest(method, "/backchannel_logout", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, _ := logout("GET", ""); code != 405 {
		t.Errorf("GET: %d", code)
	}
	if code, body := logout("POST", good); code != 400 || !strings.Contains(body, `"error":"invalid_request"`) {
		t.Errorf("an access token: %d %s", code, body)
	}
	event := map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}, "jti": "1", "aud": "cloud"}
	if code, body := logout("POST", tok(event)); code != 200 || body != "null" {
		t.Errorf("logout: %d %s", code, body)
	}
	if w := do("/graph/v1.0/me", "Bearer "+good, nil); w.Code != 401 {
		t.Errorf("after the logout: %d", w.Code)
	}
}

func TestIssuerAway(t *testing.T) {
	_, tok := provider(t)
	p := setup(t, func(c *Config, d *Deps) {
		c.OIDC.Issuer = ownIssuer
		d.Machine = machine{}
		d.Local["idp"] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	})
	r := httptest.NewRequest("GET", "/graph/v1.0/me", nil)
	r.Header.Set("Authorization", "Bearer "+tok(nil))
	w := httptest.NewRecorder()
	if p.ServeHTTP(w, r); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("clients are signed out by an outage: %d", w.Code)
	}
	r = httptest.NewRequest("GET", "/.well-known/openid-configuration", nil)
	w = httptest.NewRecorder()
	p.cfg.OIDC.Rewrite = true
	if p.ServeHTTP(w, r); w.Code != 500 {
		t.Errorf("well-known: %d", w.Code)
	}
}

// The issuer's certificate is checked against the system's and those of PROXY_HTTPS_CACERT; how its keys are fetched is configured.
func TestIssuerOptions(t *testing.T) {
	var keys atomic.Int64
	idp, tok := provider(t)
	remote := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": "https://" + r.Host, "jwks_uri": "https://" + r.Host + "/konnect/v1/jwks.json"})
		default:
			keys.Add(1)
			idp.ServeHTTP(w, r)
		}
	}))
	defer remote.Close()
	remote.Config.ErrorLog = discard()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: remote.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	bearerOf := func(change func(*Config)) (*Bearer, error) {
		c := Config{PublicURL: "https://cloud.example.org", UserOIDCClaim: "preferred_username", UserCS3Claim: "username"}
		c.OIDC.Issuer, c.OIDC.SkipUserInfo = remote.URL, true
		change(&c)
		return NewBearer(c, Deps{Machine: machine{}, Log: slog.New(slog.DiscardHandler)})
	}
	token := tok(map[string]any{"iss": remote.URL, "preferred_username": "ada"})
	unknown := func(b *Bearer) int64 {
		before := keys.Load()
		_, more := provider(t)
		parts := strings.Split(more(map[string]any{"iss": remote.URL}), ".")
		parts[0] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"PS256","kid":"unknown"}`))
		if _, _, err := b.Identify(t.Context(), strings.Join(parts, ".")); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("an unknown key: %v", err)
		}
		return keys.Load() - before
	}
	without, err := bearerOf(func(*Config) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := without.Identify(t.Context(), token); err == nil || errors.Is(err, identity.ErrCredentials) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	for _, look := range []bool{true, false} {
		b, err := bearerOf(func(c *Config) { c.BackendCACert, c.OIDC.JWKS.RefreshUnknown = file, look })
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err := b.Identify(t.Context(), token); err != nil || a.User.Username != "ada" {
			t.Fatalf("%+v %v", a, err)
		}
		if n := unknown(b); n != map[bool]int64{true: 1, false: 0}[look] {
			t.Errorf("look for unknown keys %v: asked %d times", look, n)
		}
	}
	if _, err := bearerOf(func(c *Config) { c.BackendCACert = file + "x" }); err == nil {
		t.Error("a missing file is taken")
	}
}

func BenchmarkBearer(b *testing.B) {
	idp, tok := provider(b)
	p := setup(b, func(c *Config, d *Deps) {
		c.OIDC.Issuer = ownIssuer
		d.Machine, d.Local["idp"] = machine{}, idp
		d.Spaces = &spaces{}
		d.Local["ocdav"] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	r := httptest.NewRequest("PROPFIND", "/dav/spaces/abc/x", nil)
	auth := []string{"Bearer " + tok(nil)}
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = auth
		p.ServeHTTP(httptest.NewRecorder(), r)
	}
}
