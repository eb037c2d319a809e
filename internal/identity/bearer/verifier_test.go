package bearer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"opencloud/internal/identity"
)

// issuer is a provider whose behaviour a test changes.
type issuer struct {
	*httptest.Server
	mu       sync.Mutex
	keys     []jose.JSONWebKey
	document map[string]any
	info     map[string]any // of userinfo; nil: 401
	active   map[string]any // of introspection
	down     atomic.Bool
	asked    map[string]int
	padding  int // bytes after the keys
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newIssuer(t testing.TB) *issuer {
	i := &issuer{asked: map[string]int{}}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	i.document = map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "userinfo_endpoint": i.URL + "/userinfo", "introspection_endpoint": i.URL + "/introspect"}
	i.keys = []jose.JSONWebKey{{Key: rsaKey().Public(), KeyID: "k1", Use: "sig"}}
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.URL.Path]++
	var out any
	switch {
	case i.down.Load():
		w.WriteHeader(503)
		return
	case r.URL.Path == "/.well-known/openid-configuration":
		out = i.document
	case r.URL.Path == "/keys":
		out = map[string]any{"keys": i.keys, "padding": strings.Repeat("x", i.padding)}
	case r.URL.Path == "/userinfo" && i.info != nil && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		out = i.info
	case r.URL.Path == "/introspect":
		if id, secret, _ := r.BasicAuth(); id != "cloud" || secret != "s3cret" {
			w.WriteHeader(401)
			return
		}
		out = i.active
	default:
		w.WriteHeader(401)
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

func (i *issuer) claims(change map[string]any) map[string]any {
	c := map[string]any{"iss": i.URL, "sub": "ada", "sid": "s1", "iat": time.Now().Add(-time.Second).Unix(), "exp": time.Now().Add(time.Hour).Unix(), "preferred_username": "ada"}
	maps.Copy(c, change)
	for k, v := range change {
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(claims)
	o, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verifier(i *issuer, change func(*Options)) *Verifier {
	o := Options{Issuer: i.URL, HTTP: &http.Client{Timeout: 5 * time.Second}}
	if change != nil {
		change(&o)
	}
	return New(o)
}

func TestTokens(t *testing.T) {
	i := newIssuer(t)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	i.keys = append(i.keys, jose.JSONWebKey{Key: ec.Public(), KeyID: "ec", Algorithm: "ES256"}, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "ps", Algorithm: "PS256"}, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "oct"})
	v := verifier(i, nil)
	der, _ := x509.MarshalPKIXPublicKey(rsaKey().Public())
	good := sign(t, jose.RS256, rsaKey(), "k1", i.claims(nil))
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "." + parts[1] + "."
	rs := func(change map[string]any) string { return sign(t, jose.RS256, rsaKey(), "k1", i.claims(change)) }
	hour := func(h int) int64 { return time.Now().Add(time.Duration(h) * time.Hour).Unix() }
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"good":                     {good, true},
		"PS512":                    {sign(t, jose.PS512, rsaKey(), "k1", i.claims(nil)), true},
		"ES256":                    {sign(t, jose.ES256, ec, "ec", i.claims(nil)), true},
		"no kid":                   {sign(t, jose.RS256, rsaKey(), "", i.claims(nil)), true},
		"key for encryption":       {sign(t, jose.RS256, rsaKey(), "enc", i.claims(nil)), false},
		"another algorithm's key":  {sign(t, jose.RS256, rsaKey(), "ps", i.claims(nil)), false},
		"shared secret of the set": {sign(t, jose.HS256, []byte("0123456789abcdef0123456789abcdef"), "oct", i.claims(nil)), false},
		"public key as secret":     {sign(t, jose.HS256, der, "k1", i.claims(nil)), false},
		"none":                     {none, false},
		"no signature":             {parts[0] + "." + parts[1] + ".", false},
		"changed":                  {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"eve"}`)) + "." + parts[2], false},
		"another key":              {sign(t, jose.RS256, other, "k1", i.claims(nil)), false},
		"weak key":                 {sign(t, jose.RS256, weak, "k1", i.claims(nil)), false},
		"kid as path":              {sign(t, jose.RS256, rsaKey(), "../../keys", i.claims(nil)), false},
		"kid as address":           {sign(t, jose.RS256, rsaKey(), i.URL+"/keys", i.claims(nil)), false},
		"expired":                  {rs(map[string]any{"exp": hour(-1)}), false},
		"never expires":            {rs(map[string]any{"exp": nil}), false},
		"exp as text":              {rs(map[string]any{"exp": "9999999999"}), false},
		"EXP":                      {rs(map[string]any{"exp": nil, "EXP": hour(1)}), false},
		"not yet":                  {rs(map[string]any{"nbf": hour(1)}), false},
		"another issuer":           {rs(map[string]any{"iss": "https://evil.example"}), false},
		"issuer with slash":        {rs(map[string]any{"iss": i.URL + "/"}), false},
		"no issuer":                {rs(map[string]any{"iss": nil}), false},
		"nobody":                   {rs(map[string]any{"sub": nil}), false},
		"id token of Keycloak":     {rs(map[string]any{"typ": "ID"}), false},
		"logout token":             {rs(map[string]any{"events": map[string]any{logoutEvent: map[string]any{}}}), false},
		"no object":                {sign(t, jose.RS256, rsaKey(), "k1", []string{"x"}), false},
		"opaque":                   {"abcdef", false},
		"empty":                    {"", false},
		"too long":                 {strings.Repeat("x", maxToken+1), false},
	} {
		cl, err := v.Verify(context.Background(), c.token)
		if c.ok && (err != nil || cl.Subject != "ada" || cl.SessionID != "s1" || !cl.First) || !c.ok && !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("%s: %+v, %v", name, cl, err)
		}
	}
	if i.count("/keys") > 2 {
		t.Errorf("keys were fetched %d times", i.count("/keys"))
	}
	if cl, err := v.Verify(context.Background(), good); err != nil || cl.First {
		t.Errorf("the second time: %+v, %v", cl, err)
	}
	v.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if _, err := v.Verify(context.Background(), good); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("a remembered token outlives itself: %v", err)
	}
}

func TestKeyRotation(t *testing.T) {
	i := newIssuer(t)
	v := verifier(i, nil)
	now := time.Now()
	v.now = func() time.Time { return now }
	ctx := context.Background()
	if _, err := v.Verify(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(nil))); err != nil {
		t.Fatal(err)
	}
	next, _ := rsa.GenerateKey(rand.Reader, 2048)
	i.mu.Lock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: next.Public(), KeyID: "k2"})
	i.mu.Unlock()
	if _, err := v.Verify(ctx, sign(t, jose.RS256, next, "k2", i.claims(nil))); err != nil {
		t.Errorf("new key: %v", err)
	}
	for n := range 20 {
		if _, err := v.Verify(ctx, sign(t, jose.RS256, next, fmt.Sprint("x", n), i.claims(nil))); !errors.Is(err, identity.ErrCredentials) {
			t.Fatal(err)
		}
	}
	if i.count("/keys") != 2 {
		t.Errorf("unknown keys made us ask %d times", i.count("/keys"))
	}
	i.down.Store(true)
	now = now.Add(2 * time.Hour)
	if _, err := v.Verify(ctx, sign(t, jose.RS256, next, "k2", i.claims(map[string]any{"jti": "late", "exp": now.Add(time.Hour).Unix()}))); err != nil {
		t.Errorf("known keys are no good while the issuer is away: %v", err)
	}
}

// TestKeyOptions: when the issuer's keys are fetched again is the operator's to say.
func TestKeyOptions(t *testing.T) {
	next, _ := rsa.GenerateKey(rand.Reader, 2048)
	const known, unknown = "k1", "k2"
	for name, c := range map[string]struct {
		keys  KeyOptions
		after time.Duration
		kid   string
		want  int // questions, beside the first
	}{
		"good for an hour":          {KeyOptions{}, 59 * time.Minute, known, 0},
		"an hour later":             {KeyOptions{}, 61 * time.Minute, known, 1},
		"good for five minutes":     {KeyOptions{Refresh: 5 * time.Minute}, 6 * time.Minute, known, 1},
		"unknown":                   {KeyOptions{}, 30 * time.Second, unknown, 1},
		"unknown, twice a minute":   {KeyOptions{Between: 20 * time.Second}, 30 * time.Second, unknown, 2},
		"unknown, not to be looked": {KeyOptions{KnownOnly: true}, 30 * time.Minute, unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			now := time.Now()
			v := verifier(i, func(o *Options) { o.Keys = c.keys })
			v.now = func() time.Time { return now }
			ask := func(kid, id string) {
				key := rsaKey()
				if kid == unknown {
					key = next
				}
				_, err := v.Verify(t.Context(), sign(t, jose.RS256, key, kid, i.claims(map[string]any{"jti": id, "exp": now.Add(2 * time.Hour).Unix()})))
				if kid == known && err != nil || kid == unknown && !errors.Is(err, identity.ErrCredentials) {
					t.Fatal(err)
				}
			}
			ask(known, "1")
			if c.kid == unknown {
				ask(unknown, "2")
			}
			now = now.Add(c.after)
			ask(c.kid, "3")
			if got := i.count("/keys") - 1; got != c.want {
				t.Errorf("asked %d times more, want %d", got, c.want)
			}
		})
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	v := New(Options{Issuer: slow.URL, HTTP: &http.Client{Timeout: 30 * time.Second}, Keys: KeyOptions{Timeout: 50 * time.Millisecond}})
	begin := time.Now()
	if _, err := v.Verify(t.Context(), sign(t, jose.RS256, next, "x", map[string]any{})); err == nil || errors.Is(err, identity.ErrCredentials) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

func TestIssuerAwayOrWrong(t *testing.T) {
	for name, change := range map[string]func(*issuer){
		"down":           func(i *issuer) { i.down.Store(true) },
		"another name":   func(i *issuer) { i.document["issuer"] = "https://evil.example" },
		"too many keys":  func(i *issuer) { i.keys = make([]jose.JSONWebKey, 0); i.fill(maxKeys + 1) },
		"endless answer": func(i *issuer) { i.padding = maxAnswer },
	} {
		i := newIssuer(t)
		change(i)
		v := verifier(i, nil)
		for n := range 3 {
			_, err := v.Verify(context.Background(), sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"n": n})))
			if err == nil || errors.Is(err, identity.ErrCredentials) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := i.count("/.well-known/openid-configuration"); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

func (i *issuer) fill(n int) {
	for range n {
		i.keys = append(i.keys, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "k1"})
	}
}

func TestUserinfo(t *testing.T) {
	i := newIssuer(t)
	v := verifier(i, func(o *Options) { o.Userinfo = true })
	ctx := context.Background()
	i.info = map[string]any{"sub": "eve", "email": "e@x"}
	if _, err := v.Verify(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(nil))); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("userinfo of somebody else: %v", err)
	}
	i.info = map[string]any{"sub": "ada", "email": "ada@example.org"}
	tok := sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"n": 1}))
	for range 3 {
		if c, err := v.Verify(ctx, tok); err != nil || c.Text("email") != "ada@example.org" {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if i.count("/userinfo") != 2 {
		t.Errorf("asked %d times", i.count("/userinfo"))
	}
	i.info = nil
	if _, err := v.Verify(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"n": 2}))); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("userinfo refuses: %v", err)
	}
}

func TestOpaqueTokens(t *testing.T) {
	i := newIssuer(t)
	ctx := context.Background()
	v := verifier(i, func(o *Options) { o.Opaque = true })
	i.info = map[string]any{"sub": "ada"}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if c, err := v.Verify(ctx, "opaque"); err != nil || c.Subject != "ada" {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
	wg.Wait()
	if n := i.count("/userinfo"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	i.info = nil
	for range 3 {
		if _, err := v.Verify(ctx, "wrong"); !errors.Is(err, identity.ErrCredentials) {
			t.Error(err)
		}
	}
	if n := i.count("/userinfo"); n != 2 {
		t.Errorf("a wrong token was asked about %d times", n-1)
	}
	v = verifier(i, func(o *Options) { o.Opaque, o.ClientID, o.ClientSecret = true, "cloud", "s3cret" })
	for name, c := range map[string]struct {
		says map[string]any
		ok   bool
	}{
		"active":         {map[string]any{"active": true, "sub": "ada", "exp": time.Now().Add(time.Hour).Unix()}, true},
		"inactive":       {map[string]any{"active": false, "sub": "ada"}, false},
		"as text":        {map[string]any{"active": "true", "sub": "ada"}, false},
		"expired":        {map[string]any{"active": true, "sub": "ada", "exp": 5}, false},
		"another issuer": {map[string]any{"active": true, "sub": "ada", "iss": "x"}, false},
		"nobody":         {map[string]any{"active": true}, false},
	} {
		i.mu.Lock()
		i.active = c.says
		i.mu.Unlock()
		if _, err := v.Verify(ctx, "t-"+name); (err == nil) != c.ok || !c.ok && !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	v = verifier(i, func(o *Options) { o.Opaque, o.ClientID, o.ClientSecret = true, "cloud", "wrong" })
	if _, err := v.Verify(ctx, "x"); err == nil || errors.Is(err, identity.ErrCredentials) {
		t.Errorf("our own secret is wrong, and the client is told: %v", err)
	}
}

type sessions map[string]bool

func (s sessions) Active(_ context.Context, sid, _ string) (bool, error) {
	if sid == "broken" {
		return false, errors.New("database is away")
	}
	return s[sid], nil
}

func TestOwnSessions(t *testing.T) {
	i := newIssuer(t)
	open := sessions{"s1": true}
	v := verifier(i, func(o *Options) { o.Own, o.Sessions = true, open })
	ctx := context.Background()
	tok := sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"lg.t": "1"}))
	if _, err := v.Verify(ctx, tok); err != nil {
		t.Fatal(err)
	}
	delete(open, "s1")
	if _, err := v.Verify(ctx, tok); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("a revoked session goes on: %v", err)
	}
	for _, change := range []map[string]any{{"lg.t": nil}, {"lg.t": "1", "sid": nil}} {
		if _, err := v.Verify(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(change))); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("%v: %v", change, err)
		}
	}
	if _, err := v.Verify(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"lg.t": "1", "sid": "broken"}))); err == nil || errors.Is(err, identity.ErrCredentials) {
		t.Errorf("cannot tell: %v", err)
	}
}

func TestLogout(t *testing.T) {
	ctx := context.Background()
	event := map[string]any{logoutEvent: map[string]any{}}
	for name, c := range map[string]struct {
		change map[string]any
		ok     bool
	}{
		"session":        {nil, true},
		"person":         {map[string]any{"sid": nil}, true},
		"wrong event":    {map[string]any{"events": map[string]any{"http://x": map[string]any{}}}, false},
		"event as text":  {map[string]any{"events": map[string]any{logoutEvent: "x"}}, false},
		"no events":      {map[string]any{"events": nil}, false},
		"nonce":          {map[string]any{"nonce": "x"}, false},
		"no jti":         {map[string]any{"jti": nil}, false},
		"no aud":         {map[string]any{"aud": nil}, false},
		"about nobody":   {map[string]any{"sid": nil, "sub": nil}, false},
		"old":            {map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}, false},
		"future":         {map[string]any{"iat": time.Now().Add(time.Hour).Unix()}, false},
		"no iat":         {map[string]any{"iat": nil}, false},
		"another issuer": {map[string]any{"iss": "x"}, false},
	} {
		i := newIssuer(t)
		v := verifier(i, nil)
		access := sign(t, jose.RS256, rsaKey(), "k1", i.claims(nil))
		if _, err := v.Verify(ctx, access); err != nil {
			t.Fatal(err)
		}
		claims := i.claims(map[string]any{"aud": "cloud", "jti": "j1", "events": event})
		maps.Copy(claims, c.change)
		for k, val := range c.change {
			if val == nil {
				delete(claims, k)
			}
		}
		tok := sign(t, jose.RS256, rsaKey(), "k1", claims)
		_, _, err := v.Logout(ctx, tok)
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrLogout) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := v.Verify(ctx, access); (err == nil) == c.ok {
			t.Errorf("%s: afterwards %v", name, err)
		}
		if _, _, err := v.Logout(ctx, tok); !errors.Is(err, ErrLogout) {
			t.Errorf("%s: replayed: %v", name, err)
		}
	}
	// Whoever signs in again after that is not kept out, whether or not the token says when it was made.
	i := newIssuer(t)
	i.info = map[string]any{"sub": "ada"}
	v := verifier(i, func(o *Options) { o.Opaque = true })
	now := time.Now()
	v.now = func() time.Time { return now }
	if _, err := v.Verify(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Logout(ctx, sign(t, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"sid": nil, "aud": "cloud", "jti": "j", "events": event}))); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(ctx, "one"); !errors.Is(err, identity.ErrCredentials) {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if _, err := v.Verify(ctx, "two"); err != nil {
		t.Errorf("a new sign-in: %v", err)
	}
}

func TestClaimPaths(t *testing.T) {
	c := Claims{Values: map[string]any{"a": map[string]any{"b.c": []any{"x", 1, "x", "y"}}, "https://x.y/r": "z"}}
	for path, want := range map[string]string{`a.b\.c`: "[x y]", "a.b": "[]", "": "[]", "https://x.y/r": "[z]", "a.b.c.d.e": "[]"} {
		if got := fmt.Sprint(c.Strings(path)); got != want {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	i := newIssuer(f)
	v := verifier(i, nil)
	f.Add(sign(f, jose.RS256, rsaKey(), "x", i.claims(nil)))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := v.Verify(context.Background(), token); err == nil {
			t.Errorf("%q was taken: %+v", token, c)
		}
	})
}

func BenchmarkWarm(b *testing.B) {
	i := newIssuer(b)
	v := verifier(i, func(o *Options) { o.Own, o.Sessions = true, sessions{"s1": true} })
	tok := sign(b, jose.RS256, rsaKey(), "k1", i.claims(map[string]any{"lg.t": "1"}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), tok); err != nil {
			b.Fatal(err)
		}
	}
}
