package idp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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
