package idp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/factor"
	"opencloud/internal/identity/login"
	passwords "opencloud/internal/identity/password"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

// rig is the service over a real directory, on TLS.
type rig struct {
	t       testing.TB
	handler http.Handler
	db      db.DB
	url     string
	dir     *directory.Directory
	store   *oidc.Store
	factors *factor.Store
	user    identity.Account
	http    *http.Client // without cookies
	others  string       // folder of keys that only check; read at the first request
}

const password = "a password of ada"

func newRig(t testing.TB, database string) *rig {
	t.Helper()
	return newRigWith(t, database, factor.Options{})
}

// newRigWith takes the policy of second factors from the options.
func newRigWith(t testing.TB, database string, policy factor.Options, change ...func(*Config)) *rig {
	t.Helper()
	ctx := t.Context()
	d, err := db.Open(ctx, database, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	var h http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	dir, err := directory.New(ctx, d, directory.Options{Issuer: server.URL, Passwords: passwords.Policy{Length: 8}})
	if err != nil {
		t.Fatal(err)
	}
	store, err := oidc.NewStore(ctx, d)
	others := t.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := oidc.NewKeys(oidc.KeyOptions{Dir: t.TempDir(), Others: others})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Issuer: server.URL, SessionSeconds: 3600, EncryptionSecret: "a secret for tests"}
	for _, f := range change {
		f(&cfg)
	}
	clients := append(oidc.DefaultClients(), oidc.Client{ID: "confidential", Name: "Confidential", Secret: "its secret", Trusted: true, RedirectURIs: []string{"https://app.example/cb"}})
	provider, err := oidc.New(oidc.Options{Issuer: server.URL, Clients: clients, Keys: keys, Store: store, Accounts: dir, AccessTTL: 5 * time.Minute, IDTTL: 5 * time.Minute,
		RefreshTTL: time.Hour, Secret: Seal(cfg.EncryptionSecret, "engine")})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // passkeys need a name
	factors, err := factor.New(ctx, d, factor.Options{Issuer: name, Name: "Test", Secret: []byte(cfg.EncryptionSecret), Required: policy.Required, Roles: policy.Roles})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := New(ctx, cfg, Deps{Provider: provider, Login: login.New(dir), Accounts: dir, Factors: factors, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h = parts.HTTP
	u, err := dir.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", DisplayName: "Ada Lovelace", Mail: "ada@example.org", Enabled: true}}, password)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, handler: h, db: d, url: server.URL, dir: dir, store: store, factors: factors, user: u, http: client(nil), others: others}
}

func client(jar http.CookieJar) *http.Client {
	return &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func sqlite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "idp.db") }

func eachDatabase(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newRig(t, sqlite(t))) })
	t.Run("postgres", func(t *testing.T) { f(t, newRig(t, testkit.Postgres(t))) })
}

// browser is somebody at the sign-in pages.
type browser struct {
	*rig
	http *http.Client
}

func (r *rig) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &browser{r, client(jar)}
}

func (b *browser) get(address string) (*http.Response, string) {
	b.t.Helper()
	resp, err := b.http.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

var (
	proofField  = regexp.MustCompile(`name="proof" value="([^"]+)"`)
	randomField = regexp.MustCompile(`(name="proof" value|nonce|data-options|data-challenge)="[^"]+"`)
	actionField = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// send fills in the form of a page as a browser without scripts does.
func (b *browser) send(page string, fields url.Values) *http.Response {
	b.t.Helper()
	proof, action := proofField.FindStringSubmatch(page), actionField.FindStringSubmatch(page)
	if proof == nil || action == nil {
		b.t.Fatalf("the page has no form:\n%s", page)
	}
	fields.Set("proof", proof[1])
	req, err := http.NewRequest("POST", b.url+html.UnescapeString(action[1]), strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.url)
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// through goes from page to page until the application is reached, and returns what it is told.
func (b *browser) through(address, redirect string) url.Values {
	b.t.Helper()
	for range 10 {
		resp, page := b.get(address)
		if resp.StatusCode == http.StatusOK {
			fields := url.Values{"username": {"ada"}, "password": {password}}
			switch resp.Request.URL.Path {
			case pagePath + "consent":
				fields = url.Values{"answer": {"allow"}}
			case pagePath + "chooseaccount":
				fields = url.Values{"answer": {"same"}}
			}
			resp = b.send(page, fields)
		}
		to, err := resp.Location()
		if err != nil {
			b.t.Fatalf("%s: %d\n%s", resp.Request.URL.Path, resp.StatusCode, page)
		}
		if strings.HasPrefix(to.String(), redirect) {
			return to.Query()
		}
		address = to.String()
	}
	b.t.Fatal("the sign-in does not come to its end")
	return nil
}

// app is a relying party that knows nothing of our code.
type app struct {
	oauth2.Config
	provider *gooidc.Provider
	ctx      context.Context
}

func (r *rig) app(id, secret, redirect string, scopes ...string) app {
	r.t.Helper()
	ctx := gooidc.ClientContext(context.WithValue(r.t.Context(), oauth2.HTTPClient, r.http), r.http)
	p, err := gooidc.NewProvider(ctx, r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	return app{oauth2.Config{ClientID: id, ClientSecret: secret, Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: append([]string{"openid"}, scopes...)}, p, ctx}
}

func (r *rig) apps() []app {
	return []app{
		r.app("web", "", r.url+"/oidc-callback.html", "profile", "email"),
		r.app("OpenCloudDesktop", "", "http://127.0.0.1:45678", "profile", "email", "offline_access"),
		r.app("OpenCloudAndroid", "", "oc://android.opencloud.eu", "profile", "offline_access"),
		r.app("OpenCloudIOS", "", "oc://ios.opencloud.eu", "profile", "offline_access"),
		r.app("confidential", "its secret", "https://app.example/cb", "profile", "offline_access"),
	}
}

// signIn goes the whole way.
func (a app) signIn(t *testing.T, b *browser, more ...oauth2.AuthCodeOption) (*oauth2.Token, *gooidc.IDToken) {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	q := b.through(a.AuthCodeURL("some state", append(more, oauth2.S256ChallengeOption(verifier), gooidc.Nonce("some nonce"))...), a.RedirectURL)
	if q.Get("state") != "some state" || q.Get("error") != "" {
		t.Fatalf("%s: %v", a.ClientID, q)
	}
	token, err := a.Exchange(a.ctx, q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("%s: %v", a.ClientID, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := a.provider.VerifierContext(a.ctx, &gooidc.Config{ClientID: a.ClientID, SupportedSigningAlgs: []string{"PS256"}}).Verify(a.ctx, raw)
	if err != nil {
		t.Fatalf("%s: id token: %v", a.ClientID, err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Errorf("%s: at_hash: %v", a.ClientID, err)
	}
	if id.Nonce != "some nonce" {
		t.Errorf("%s: nonce %q", a.ClientID, id.Nonce)
	}
	return token, id
}

// TestRelyingParty: an independent library completes the flow for every application.
func TestRelyingParty(t *testing.T) {
	eachDatabase(t, func(t *testing.T, r *rig) {
		subject := ""
		for _, a := range r.apps() {
			token, id := a.signIn(t, r.browser())
			if subject == "" {
				subject = id.Subject
			}
			var claims struct {
				SID, ACR, Preferred_username, Name string
				AMR                                []string
			}
			if err := id.Claims(&claims); err != nil || id.Subject != subject || claims.SID == "" || claims.ACR != "1" || len(claims.AMR) != 1 || claims.AMR[0] != "pwd" {
				t.Errorf("%s: %+v, %v", a.ClientID, claims, err)
			}
			info, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token))
			if err != nil || info.Subject != subject {
				t.Errorf("%s: userinfo %+v, %v", a.ClientID, info, err)
			}
			offline := strings.Contains(strings.Join(a.Scopes, " "), "offline_access")
			if (token.RefreshToken != "") != offline {
				t.Errorf("%s: refresh token %q", a.ClientID, token.RefreshToken)
			}
			if !offline {
				continue
			}
			again, err := a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
			if err != nil || again.RefreshToken == token.RefreshToken {
				t.Fatalf("%s: refresh: %v", a.ClientID, err)
			}
			if _, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(again)); err != nil {
				t.Errorf("%s: userinfo with the new token: %v", a.ClientID, err)
			}
		}
	})
}

func (a app) refresh(refresh string) error {
	_, err := a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	return err
}

// TestTheft: what was used once is worth nothing to a second one.
func TestTheft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, r *rig) {
		a := r.apps()[1]
		b := r.browser()
		verifier := oauth2.GenerateVerifier()
		ask := func() string {
			return b.through(a.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), a.RedirectURL).Get("code")
		}
		code := ask()
		token, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(verifier)); err == nil {
			t.Error("a code was taken twice")
		}
		if err := a.refresh(token.RefreshToken); err == nil {
			t.Error("the tokens of a code that was used twice are still good")
		}
		if _, err := a.Exchange(a.ctx, ask(), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
			t.Error("a wrong verifier was taken")
		}
		if _, err := a.Exchange(a.ctx, ask()); err == nil {
			t.Error("no verifier was taken")
		}
		other := r.apps()[2]
		other.RedirectURL = a.RedirectURL
		if _, err := other.Exchange(other.ctx, ask(), oauth2.VerifierOption(verifier)); err == nil {
			t.Error("another application took the code")
		}
		elsewhere := a
		elsewhere.RedirectURL = "http://127.0.0.1:1"
		if _, err := elsewhere.Exchange(a.ctx, ask(), oauth2.VerifierOption(verifier)); err == nil {
			t.Error("the code was taken at another address")
		}
		secret := r.apps()[4]
		q := b.through(secret.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), secret.RedirectURL)
		secret.ClientSecret = "wrong"
		if _, err := secret.Exchange(secret.ctx, q.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
			t.Error("a wrong client secret was taken")
		}
	})
}

// TestReplayedCode: an application without refresh token loses the access token of a code that is used again; its person
// stays signed in.
func TestReplayedCode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, r *rig) {
		a, b := r.apps()[0], r.browser()
		verifier := oauth2.GenerateVerifier()
		code := b.through(a.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), a.RedirectURL).Get("code")
		token, err := a.Exchange(a.ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		other, _ := a.signIn(t, b)
		good := func(token *oauth2.Token) error {
			_, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token))
			return err
		}
		if err := good(token); err != nil {
			t.Fatalf("before: %v", err)
		}
		if _, err := a.Exchange(a.ctx, code); err == nil {
			t.Error("a code was taken twice")
		}
		if good(token) == nil {
			t.Error("the access token of a code that was used twice is still good")
		}
		if err := good(other); err != nil {
			t.Errorf("another token of the same browser: %v", err)
		}
		resp, err := r.http.PostForm(r.url+oidc.RevokePath, url.Values{"token": {other.AccessToken}, "token_type_hint": {"access_token"}, "client_id": {"web"}})
		if err != nil || resp.StatusCode != http.StatusOK || good(other) == nil {
			t.Errorf("revoked: %v %v", resp.Status, err)
		}
		a.signIn(t, b)
	})
}

// TestRotation: a replaced refresh token is good for a minute; after that its use ends the sign-in.
func TestRotation(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[1]
	first, _ := a.signIn(t, r.browser())
	second, err := a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: first.RefreshToken}).Token()
	if err != nil {
		t.Fatal(err)
	}
	third, err := a.TokenSource(a.ctx, &oauth2.Token{RefreshToken: first.RefreshToken}).Token()
	if err != nil {
		t.Fatalf("who refreshes twice at once is signed out: %v", err)
	}
	r.store.SetClock(func() time.Time { return time.Now().Add(61 * time.Second) })
	if err := a.refresh(first.RefreshToken); err == nil {
		t.Error("a refresh token replaced a minute ago was taken")
	}
	for _, token := range []*oauth2.Token{second, third} {
		if err := a.refresh(token.RefreshToken); err == nil {
			t.Error("after a stolen token was used, its sign-in goes on")
		}
	}
}

// TestEnds: sign-ins end with the account, the password, by revocation and by signing out.
func TestEnds(t *testing.T) {
	off := false
	for name, end := range map[string]func(t *testing.T, r *rig, a app, token *oauth2.Token){
		"disabled": func(t *testing.T, r *rig, _ app, _ *oauth2.Token) {
			if _, err := r.dir.UpdateAccount(t.Context(), r.user.ID, identity.AccountChange{Enabled: &off}); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, r *rig, _ app, _ *oauth2.Token) {
			if err := r.dir.DeleteAccount(t.Context(), r.user.ID, false); err != nil {
				t.Fatal(err)
			}
		},
		"password": func(t *testing.T, r *rig, _ app, _ *oauth2.Token) {
			if err := r.dir.SetPassword(t.Context(), r.user.ID, "another password"); err != nil {
				t.Fatal(err)
			}
		},
		"revoked by the person": func(t *testing.T, r *rig, _ app, _ *oauth2.Token) {
			if err := r.store.RevokeAll(t.Context(), r.user.ID, ""); err != nil {
				t.Fatal(err)
			}
		},
		"revoked by the application": func(t *testing.T, r *rig, a app, token *oauth2.Token) {
			resp, err := r.http.PostForm(r.url+oidc.RevokePath, url.Values{"token": {token.RefreshToken}, "client_id": {a.ClientID}})
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%v, %v", resp.Status, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, sqlite(t))
			a := r.apps()[1]
			b := r.browser()
			token, _ := a.signIn(t, b)
			end(t, r, a, token)
			if err := a.refresh(token.RefreshToken); err == nil {
				t.Error("the refresh token is still good")
			}
			if name == "password" || name == "revoked by the application" {
				return // access tokens of these are refused at the door, or end in minutes
			}
			if _, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token)); err == nil {
				t.Error("the access token is still good")
			}
		})
	}
}

// TestPrompts: silent renewal answers with a redirect always; login and max_age ask anew.
func TestPrompts(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[0]
	b := r.browser()
	option := oauth2.SetAuthURLParam
	challenge := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	if q := b.through(a.AuthCodeURL("s", challenge, option("prompt", "none")), a.RedirectURL); q.Get("error") != "login_required" || q.Get("state") != "s" {
		t.Errorf("silent without a sign-in: %v", q)
	}
	a.signIn(t, b)
	if q := b.through(a.AuthCodeURL("s", challenge, option("prompt", "none")), a.RedirectURL); q.Get("code") == "" {
		t.Errorf("silent: %v", q)
	}
	first := func(options ...oauth2.AuthCodeOption) string {
		resp, _ := b.get(a.AuthCodeURL("another state", append(options, challenge)...))
		to, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		return to.Path
	}
	for _, c := range []struct{ name, value, want string }{
		{"prompt", "login", pagePath + "identifier"},
		{"prompt", "select_account", pagePath + "chooseaccount"},
		{"max_age", "0", pagePath + "identifier"},
		{"max_age", "1000", "/oidc-callback.html"},
		{"id_token_hint", "nonsense", pagePath + "identifier"},
	} {
		if got := first(option(c.name, c.value)); got != c.want {
			t.Errorf("%s=%s leads to %s, want %s", c.name, c.value, got, c.want)
		}
	}
	for _, prompt := range []string{"login", "select_account", "select_account consent", "consent"} {
		desktop := r.apps()[1]
		if q := b.through(desktop.AuthCodeURL("state of "+prompt, challenge, option("prompt", prompt)), desktop.RedirectURL); q.Get("code") == "" {
			t.Errorf("prompt=%s: %v", prompt, q)
		}
	}
}

// TestNativeApplications: what was agreed to once is no pass for another program at another port.
func TestNativeApplications(t *testing.T) {
	r := newRig(t, sqlite(t))
	b, desktop := r.browser(), r.apps()[1]
	desktop.signIn(t, b)
	desktop.RedirectURL = "http://127.0.0.1:1"
	challenge := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	resp, _ := b.get(desktop.AuthCodeURL("another", challenge))
	if to, err := resp.Location(); err != nil || to.Path != pagePath+"consent" {
		t.Errorf("without being asked: %d %v", resp.StatusCode, to)
	}
	resp, _ = b.get(desktop.AuthCodeURL("silent", challenge, oauth2.SetAuthURLParam("prompt", "none")))
	if to, err := resp.Location(); err != nil || to.Query().Get("error") != "consent_required" {
		t.Errorf("silently: %d %v", resp.StatusCode, to)
	}
	if q := b.through(desktop.AuthCodeURL("asked", challenge), desktop.RedirectURL); q.Get("code") == "" {
		t.Errorf("after being asked: %v", q)
	}
}

// TestBadRequests: errors go to the application only at an address of its own.
func TestBadRequests(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	base := url.Values{"client_id": {"web"}, "redirect_uri": {r.url + "/oidc-callback.html"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {"x"}, "code_challenge_method": {"S256"}}
	for _, c := range []struct {
		name, value, want string // want: error at the application; empty: a page
	}{
		{"redirect_uri", "https://evil.example/", ""},
		{"redirect_uri", "", ""},
		{"client_id", "nobody", ""},
		{"state", strings.Repeat("x", 5000), ""},
		{"client_id", "", ""},
		{"response_type", "token", "invalid_request"},
		{"response_type", "id_token token", "invalid_request"},
		{"scope", "profile", "invalid_scope"},
		{"code_challenge", "", "invalid_request"},
		{"code_challenge_method", "plain", "invalid_request"},
		{"code_challenge_method", "", "invalid_request"},
		{"response_mode", "web_message", "invalid_request"},
		{"request", "e30.e30.", "request_not_supported"},
		{"prompt", "none login", "invalid_request"},
	} {
		q := url.Values{}
		for k, v := range base {
			q[k] = v
		}
		q.Set(c.name, c.value)
		resp, _ := b.get(r.url + oidc.AuthorizePath + "?" + q.Encode())
		to, err := resp.Location()
		if err == nil && to.Fragment != "" { // where answers to other response types belong
			to.RawQuery = to.EscapedFragment()
		}
		switch {
		case c.want == "" && (resp.StatusCode != 400 || err == nil):
			t.Errorf("%s=%q: %d %v", c.name, c.value, resp.StatusCode, to)
		case c.want != "" && (err != nil || !strings.HasPrefix(to.String(), r.url+"/oidc-callback.html") || to.Query().Get("error") != c.want || to.Query().Get("state") != "s"):
			t.Errorf("%s=%q: %d %v", c.name, c.value, resp.StatusCode, to)
		}
	}
	resp, _ := b.get(r.url + oidc.AuthorizePath + "?" + base.Encode() + "&redirect_uri=https://evil.example/")
	if resp.StatusCode != 400 {
		t.Errorf("two addresses: %d", resp.StatusCode)
	}
}

// TestForgedHints: a hint that we did not sign proves nothing.
func TestForgedHints(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[0]
	b := r.browser()
	token, _ := a.signIn(t, b)
	real, _ := token.Extra("id_token").(string)
	parts := strings.Split(real, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	changed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(bytes.Replace(claims, []byte(`"aud"`), []byte(`"AUD"`), 1)) + "." + parts[2]
	for name, hint := range map[string]string{"none": none, "changed": changed, "nonsense": "x.y.z"} {
		resp, _ := b.get(r.url + oidc.EndSessionPath + "?" + url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {r.url + "/"}}.Encode())
		if resp.StatusCode != 400 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if _, err := r.store.List(t.Context(), r.user.ID); err != nil {
		t.Fatal(err)
	}
	resp, _ := b.get(r.url + oidc.EndSessionPath + "?" + url.Values{"id_token_hint": {real}, "post_logout_redirect_uri": {"https://evil.example/"}}.Encode())
	if resp.StatusCode != 400 || resp.Header.Get("Location") != "" {
		t.Errorf("return to a stranger: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
}

// TestSignOut: the application's request signs out, and returns with its state.
func TestSignOut(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[0]
	b := r.browser()
	token, _ := a.signIn(t, b)
	id, _ := token.Extra("id_token").(string)
	resp, _ := b.get(r.url + oidc.EndSessionPath + "?" + url.Values{"id_token_hint": {id}, "post_logout_redirect_uri": {r.url + "/"}, "state": {"bye"}}.Encode())
	if to, err := resp.Location(); err != nil || to.String() != r.url+"/?state=bye" {
		t.Errorf("%d %v", resp.StatusCode, to)
	}
	if _, err := a.provider.UserInfo(a.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("the access token is still good")
	}
	challenge := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	if q := b.through(a.AuthCodeURL("s", challenge, oauth2.SetAuthURLParam("prompt", "none")), a.RedirectURL); q.Get("error") != "login_required" {
		t.Errorf("still signed in: %v", q)
	}
	// without a hint the person is asked: any page could send them here
	a.signIn(t, b)
	resp, _ = b.get(r.url + oidc.EndSessionPath)
	to, err := resp.Location()
	if err != nil || to.Path != pagePath+"goodbye" {
		t.Fatalf("%d %v", resp.StatusCode, to)
	}
	_, page := b.get(to.String())
	if q := b.through(a.AuthCodeURL("s", challenge, oauth2.SetAuthURLParam("prompt", "none")), a.RedirectURL); q.Get("code") == "" {
		t.Errorf("signed out without being asked: %v", q)
	}
	b.send(page, url.Values{})
	if q := b.through(a.AuthCodeURL("s", challenge, oauth2.SetAuthURLParam("prompt", "none")), a.RedirectURL); q.Get("error") != "login_required" {
		t.Errorf("still signed in after saying yes: %v", q)
	}
}

// TestForms: a form is taken only from our own page, and tells nothing of accounts.
func TestForms(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	_, page := b.get(r.url + pagePath + "identifier")
	post := func(origin, proof string) int {
		req, _ := http.NewRequest("POST", r.url+pagePath+"identifier", strings.NewReader(url.Values{"username": {"ada"}, "password": {password}, "proof": {proof}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		resp, err := b.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	proof := proofField.FindStringSubmatch(page)[1]
	for _, c := range []struct {
		origin, proof string
		want          int
	}{{"https://evil.example", proof, 403}, {r.url, "", 403}, {r.url, proof[:len(proof)-2] + "AA", 403}, {r.url, proof, 303}} {
		if got := post(c.origin, c.proof); got != c.want {
			t.Errorf("origin %q, proof %q: %d, want %d", c.origin, c.proof, got, c.want)
		}
	}
	var answers []string
	for _, name := range []string{"ada", "nobody"} {
		fresh := r.browser()
		_, page := fresh.get(r.url + pagePath + "identifier")
		req, _ := http.NewRequest("POST", r.url+pagePath+"identifier", strings.NewReader(url.Values{"username": {name}, "password": {"wrong"}, "proof": {proofField.FindStringSubmatch(page)[1]}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := fresh.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 401 || len(resp.Cookies()) != 0 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		answers = append(answers, randomField.ReplaceAllString(strings.ReplaceAll(string(text), name, "NAME"), ""))
	}
	if answers[0] != answers[1] {
		t.Error("the page tells whether an account exists")
	}
}

// TestLogonAPI: the original's page works with our server. (spec/identity.md §6.4)
func TestLogonAPI(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	call := func(endpoint, body string, headers ...string) (int, map[string]any) {
		req, _ := http.NewRequest("POST", r.url+apiPath+endpoint, strings.NewReader(body))
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := b.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return resp.StatusCode, out
	}
	ours := []string{"Kopano-Konnect-XSRF", "1", "Origin", r.url}
	hello := `{"state":"x1","flow":"oidc","client_id":"web","scope":"openid profile","redirect_uri":"` + r.url + `/oidc-callback.html"}`
	logon := func(pw string) string {
		return `{"state":"x1","params":["ada","` + pw + `","1"],"hello":` + hello + `}`
	}
	for name, c := range map[string]struct {
		endpoint, body string
		headers        []string
		want           int
	}{
		"no header":      {"logon", logon(password), []string{"Origin", r.url}, 400},
		"other origin":   {"logon", logon(password), []string{"Kopano-Konnect-XSRF", "1", "Origin", "https://evil.example"}, 400},
		"no origin":      {"logon", logon(password), []string{"Kopano-Konnect-XSRF", "1"}, 400},
		"broken":         {"logon", `{`, ours, 400},
		"wrong":          {"logon", logon("wrong"), ours, 204},
		"bad redirect":   {"hello", `{"state":"x1","client_id":"web","redirect_uri":"https://evil.example/"}`, ours, 400},
		"unknown client": {"hello", `{"state":"x1","client_id":"nobody","redirect_uri":"https://evil.example/"}`, ours, 400},
	} {
		if got, _ := call(c.endpoint, c.body, c.headers...); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if status, out := call("hello", hello, ours...); status != 200 || out["success"] != false || out["username"] != nil {
		t.Errorf("hello of a stranger: %d %v", status, out)
	}
	if status, out := call("logon", logon(password), ours...); status != 200 || out["success"] != true || out["state"] != "x1" {
		t.Fatalf("logon: %d %v", status, out)
	}
	if status, out := call("hello", hello, ours...); status != 200 || out["success"] != true || out["username"] != "ada" || out["displayName"] != "Ada Lovelace" {
		t.Errorf("hello: %d %v", status, out)
	}
	if status, out := call("logoff", `{"state":"x1"}`, ours...); status != 200 || out["success"] != true {
		t.Errorf("logoff: %d %v", status, out)
	}
	if _, out := call("hello", hello, ours...); out["success"] != false {
		t.Error("still signed in")
	}
}
