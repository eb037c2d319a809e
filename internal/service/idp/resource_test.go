package idp

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"opencloud/internal/identity"
	"opencloud/internal/oidc"
)

// userinfo asks with a token and returns the status and the challenge.
func (r *rig) userinfo(token string) (int, string) {
	r.t.Helper()
	req, _ := http.NewRequest("GET", r.url+oidc.UserinfoPath, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate")
}

// TestUserinfoErrors: whatever is wrong with a token, the client is told to get another one. (RFC 6750 §3)
func TestUserinfoErrors(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[0]
	token, _ := a.signIn(t, r.browser())
	id, _ := token.Extra("id_token").(string)
	const invalid = `Bearer error="invalid_token"`
	check := func(name, token string, status int, challenge string) {
		t.Helper()
		if s, c := r.userinfo(token); s != status || c != challenge {
			t.Errorf("%s: %d %q, want %d %q", name, s, c, status, challenge)
		}
	}
	check("good", token.AccessToken, 200, "")
	check("none", "", 401, "Bearer")
	check("garbage", "garbage", 401, invalid)
	check("three parts of garbage", "a.b.c", 401, invalid)
	check("id token", id, 401, invalid)
	parts := strings.Split(token.AccessToken, ".")
	check("other signature", parts[0]+"."+parts[1]+"."+strings.Split(id, ".")[2], 401, invalid)
	r.store.SetClock(func() time.Time { return time.Now().Add(-5*time.Minute + 2*time.Second) })
	old, _ := a.signIn(t, r.browser())
	r.store.SetClock(time.Now)
	time.Sleep(2 * time.Second)
	check("expired", old.AccessToken, 401, invalid)
	resp, err := r.http.PostForm(r.url+oidc.UserinfoPath, url.Values{"access_token": {token.AccessToken}})
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("in a form: %v %v", resp.Status, err)
	}
	if resp, err = r.http.Get(r.url + oidc.UserinfoPath + "?access_token=" + token.AccessToken); err != nil || resp.StatusCode != 401 {
		t.Errorf("in the address: %v %v", resp.Status, err)
	}
	off := false
	if _, err := r.dir.UpdateAccount(t.Context(), r.user.ID, identity.AccountChange{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	check("disabled account", token.AccessToken, 401, invalid)
	on := true
	if _, err := r.dir.UpdateAccount(t.Context(), r.user.ID, identity.AccountChange{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.RevokeAll(t.Context(), r.user.ID, ""); err != nil {
		t.Fatal(err)
	}
	check("ended session", token.AccessToken, 401, invalid)
}

// TestIntrospection: an application with a secret learns of its own tokens, and of others' only that they are not active.
// (RFC 7662)
func TestIntrospection(t *testing.T) {
	r := newRig(t, sqlite(t))
	own := r.apps()[4]
	token, _ := own.signIn(t, r.browser())
	foreign, _ := r.apps()[0].signIn(t, r.browser())
	ask := func(token, id, secret string) (int, map[string]any) {
		req, _ := http.NewRequest("POST", r.url+oidc.IntrospectPath, strings.NewReader(url.Values{"token": {token}, "client_id": {id}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if secret != "" {
			req.SetBasicAuth(id, url.QueryEscape(secret))
		}
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out := map[string]any{}
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, out
	}
	status, out := ask(token.AccessToken, "confidential", "its secret")
	for name, want := range map[string]any{"active": true, "client_id": "confidential", "sub": r.user.ID, "username": "ada", "token_type": "Bearer", "iss": r.url, "acr": "1",
		"scope": "openid profile offline_access"} {
		if out[name] != want {
			t.Errorf("%s is %v, want %v", name, out[name], want)
		}
	}
	exp, _ := out["exp"].(float64)
	iat, _ := out["iat"].(float64)
	if sid, _ := out["sid"].(string); status != 200 || exp-iat != 300 || sid == "" {
		t.Errorf("%d %v", status, out)
	}
	for name, c := range map[string]struct {
		token, id, secret string
		status            int
	}{
		"another's":    {foreign.AccessToken, "confidential", "its secret", 200},
		"garbage":      {"garbage", "confidential", "its secret", 200},
		"wrong secret": {token.AccessToken, "confidential", "wrong", 401},
		"public":       {foreign.AccessToken, "web", "", 401},
		"no secret":    {token.AccessToken, "confidential", "", 401},
	} {
		if status, out := ask(c.token, c.id, c.secret); status != c.status || out["active"] == true || out["sub"] != nil || status == 200 && len(out) != 1 {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if err := r.store.RevokeAll(t.Context(), r.user.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, out := ask(token.AccessToken, "confidential", "its secret"); out["active"] != false || len(out) != 1 {
		t.Errorf("ended: %v", out)
	}
}

// TestValidationKeys: what a key in the folder signed is good, though nothing is signed with it any more.
func TestValidationKeys(t *testing.T) {
	r := newRig(t, sqlite(t))
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(old.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.others, "old.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := r.store.Open(t.Context(), oidc.Session{Kind: oidc.Browser, UserID: r.user.ID, Authenticated: time.Now(), Expires: time.Now().Add(time.Hour), Methods: []string{"pwd"}})
	if err != nil {
		t.Fatal(err)
	}
	token := func(kid string) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: old}, (&jose.SignerOptions{}).WithHeader("kid", kid))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(map[string]any{"iss": r.url, "sub": r.user.ID, "aud": "web", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": s.ID + ".p.x"})
		signed, err := signer.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := signed.CompactSerialize()
		return text
	}
	for kid, want := range map[string]int{"old": 200, "unknown": 401, "private-key": 401} {
		if got, _ := r.userinfo(token(kid)); got != want {
			t.Errorf("%s: %d, want %d", kid, got, want)
		}
	}
	fresh, _ := r.apps()[0].signIn(t, r.browser())
	if header, _ := base64.RawURLEncoding.DecodeString(strings.Split(fresh.AccessToken, ".")[0]); !strings.Contains(string(header), `"kid":"private-key"`) {
		t.Errorf("it signs: %s", header)
	}
}

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	for name, c := range map[string]struct {
		file, want string
		fails      bool
	}{
		"none":    {"", "of the environment", false},
		"file":    {write("good", "a secret of its own\n"), "a secret of its own\n", false},
		"short":   {write("short", "short"), "of the environment", true},
		"large":   {write("large", strings.Repeat("x", maxSecret+1)), "of the environment", true},
		"missing": {filepath.Join(dir, "missing"), "of the environment", true},
	} {
		cfg := Config{EncryptionSecret: "of the environment", EncryptionFile: c.file}
		if err := cfg.ReadSecret(); (err != nil) != c.fails || cfg.EncryptionSecret != c.want {
			t.Errorf("%s: %q, %v", name, cfg.EncryptionSecret, err)
		}
	}
}
