package idp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"opencloud/internal/oidc"
)

// TestGuessedSecrets: who guesses the secret of an application is slowed down at each endpoint that takes one; the
// application itself, elsewhere, is not.
func TestGuessedSecrets(t *testing.T) {
	r := newRig(t, sqlite(t))
	post := func(path, address, secret string, inForm bool) *http.Response {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "token": {"x"}, "client_id": {"confidential"}}
		if inForm {
			form.Set("client_secret", secret)
		}
		req, _ := http.NewRequest("POST", r.url+path, strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Real-Ip", address) // as our own proxy says
		if !inForm {
			req.SetBasicAuth("confidential", url.QueryEscape(secret))
		}
		resp, err := r.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for i, c := range []struct {
		path   string
		inForm bool
	}{{oidc.TokenPath, false}, {oidc.TokenPath, true}, {oidc.IntrospectPath, false}, {oidc.RevokePath, false}, {oidc.RevokePath, true}} {
		address := fmt.Sprintf("192.0.2.%d", i+1)
		var last *http.Response
		for n := range 10 {
			last = post(c.path, address, fmt.Sprint("guess ", i, n), c.inForm)
			if i == 0 && n < 4 && last.StatusCode == http.StatusTooManyRequests {
				t.Fatalf("%s: the guess %d is refused", c.path, n)
			}
		}
		if last.StatusCode != http.StatusTooManyRequests || last.Header.Get("Retry-After") == "" {
			t.Errorf("%s, in the form %v: after ten guesses %s", c.path, c.inForm, last.Status)
		}
		if resp := post(c.path, address, "its secret", c.inForm); resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s: the right one is told from the others: %s", c.path, resp.Status)
		}
		if i > 0 {
			continue // after so many guesses from everywhere, strangers wait too
		}
		if resp := post(oidc.IntrospectPath, "198.51.100.1", "its secret", false); resp.StatusCode != http.StatusOK {
			t.Errorf("the application itself: %s", resp.Status)
		}
	}
	if resp := post(oidc.IntrospectPath, "198.51.100.1", "its secret", false); resp.StatusCode != http.StatusOK {
		t.Errorf("the application itself, after guesses from everywhere: %s", resp.Status)
	}
}

// TestGuessedCodes: codes of the authenticator application and recovery codes are guessed together, and on each page.
func TestGuessedCodes(t *testing.T) {
	r := newRig(t, sqlite(t))
	secret, _, err := r.factors.NewTOTP(t.Context(), r.user.User, "a session")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.factors.ConfirmTOTP(t.Context(), r.user.ID, "a session", codeAt(t, secret, time.Now().Add(-30*time.Second))); err != nil {
		t.Fatal(err)
	}
	recovery, err := r.factors.NewRecovery(t.Context(), r.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	b := r.browser()
	_, page := b.get(r.url + pagePath + "identifier")
	b.send(page, url.Values{"username": {"ada"}, "password": {password}})
	_, page = b.get(r.url + pagePath + "factor")
	status := 0
	for n := range 10 {
		guess := fmt.Sprintf("%06d", n)
		if n%2 == 1 {
			guess = fmt.Sprintf("aaaaa-aaaa%d", n)
		}
		resp, _ := b.post(page, pagePath+"factor", url.Values{"code": {guess}})
		if status = resp.StatusCode; n < 4 && status != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", n, status)
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("after ten guesses: %d", status)
	}
	for name, right := range map[string]string{"code": codeAt(t, secret, time.Now()), "recovery code": recovery[0]} {
		if resp, _ := b.post(page, pagePath+"factor", url.Values{"code": {right}}); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			t.Errorf("the right %s is told from the others: %d", name, resp.StatusCode)
		}
	}
}
