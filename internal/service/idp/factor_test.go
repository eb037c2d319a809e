package idp

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"opencloud/internal/identity/factor"
)

// With a second factor the password alone opens nothing: no code for applications, no account page, no way round.
func TestSecondFactorIsAsked(t *testing.T) {
	r := newRig(t, sqlite(t))
	secret, _, err := r.factors.NewTOTP(t.Context(), r.user.User, "a session")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-30 * time.Second)
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := r.factors.ConfirmTOTP(t.Context(), r.user.ID, "a session", code(at)); err != nil {
		t.Fatal(err)
	}
	a, b := r.apps()[0], r.browser()
	ask := a.AuthCodeURL("s") + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	resp, _ := b.get(ask)
	to, _ := resp.Location()
	_, page := b.get(to.String())
	resp = b.send(page, url.Values{"username": {"ada"}, "password": {password}})
	for range 2 {
		resp, _ = b.get(ask)
		if to, _ = resp.Location(); to.Path != pagePath+"factor" {
			t.Fatalf("after the password: %s", to)
		}
	}
	if resp, _ := b.get(ask + "&prompt=none"); !strings.Contains(resp.Header.Get("Location"), "login_required") {
		t.Errorf("silent: %s", resp.Header.Get("Location"))
	}
	if resp, _ := b.get(r.url + pagePath + "account"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("account page: %d", resp.StatusCode)
	}
	for _, endpoint := range []string{"passkey/new"} {
		req, _ := http.NewRequest("POST", r.url+pagePath+endpoint, nil)
		req.Header.Set("Origin", r.url)
		resp, err := b.http.Do(req)
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v, %v", endpoint, resp.Status, err)
		}
		resp.Body.Close()
	}
	_, page = b.get(to.String())
	if resp = b.send(page, url.Values{"code": {"000000"}}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong code: %d", resp.StatusCode)
	}
	if resp = b.send(page, url.Values{"code": {code(time.Now())}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("a right code: %d", resp.StatusCode)
	}
	resp, _ = b.get(ask)
	if to, _ = resp.Location(); to.Query().Get("code") == "" {
		t.Errorf("after the code: %s", to)
	}
	sessions, err := r.store.List(t.Context(), r.user.ID)
	if err != nil || len(sessions) != 1 || sessions[0].ACR() != "2" {
		t.Errorf("%+v, %v", sessions, err)
	}
}

// Changes on the account page: sessions end, passwords change, and nobody changes what is somebody else's.
func TestAccountPage(t *testing.T) {
	r := newRig(t, sqlite(t))
	a := r.apps()[0]
	other, b := r.browser(), r.browser()
	a.signIn(t, other)
	a.signIn(t, b)
	_, page := b.get(r.url + pagePath + "account")
	proofs := proofField.FindAllStringSubmatch(page, -1)
	do := func(b *browser, fields url.Values) (int, string) {
		fields.Set("proof", proofs[0][1])
		req, _ := http.NewRequest("POST", r.url+pagePath+"account", strings.NewReader(fields.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", r.url)
		resp, err := b.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	if ids := regexp.MustCompile(`value="revoke"`).FindAllString(page, -1); len(ids) != 2 {
		t.Errorf("%d devices are shown, want 2", len(ids))
	}
	if status, _ := do(r.browser(), url.Values{"do": {"revoke"}, "id": {"x"}}); status != http.StatusSeeOther {
		t.Errorf("a stranger: %d", status)
	}
	if status, _ := do(b, url.Values{"do": {"revoke"}, "id": {"somebody else's"}}); status != http.StatusNotFound {
		t.Errorf("a session that is not one's own: %d", status)
	}
	for _, c := range []struct {
		old, new string
		want     int
	}{{"wrong", "a new password", 422}, {password, "a new password", 200}} {
		if status, text := do(b, url.Values{"do": {"password"}, "old": {c.old}, "new": {c.new}}); status != c.want {
			t.Errorf("%s: %d\n%s", c.old, status, text)
		}
	}
	if resp, _ := other.get(r.url + pagePath + "account"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("another browser is still signed in after the password was changed: %d", resp.StatusCode)
	}
	if resp, _ := b.get(r.url + pagePath + "account"); resp.StatusCode != http.StatusOK {
		t.Errorf("the browser that changed the password is signed out: %d", resp.StatusCode)
	}
}

var _ Factors = (*factor.Store)(nil)
