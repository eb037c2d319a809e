package idp

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"opencloud/internal/identity/factor"
	"opencloud/internal/identity/role"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/db"
)

var keyField = regexp.MustCompile(`<code>([A-Z2-7 ]+)</code>`)

// post sends a form to a page and returns what it answers.
func (b *browser) post(page, path string, fields url.Values) (*http.Response, string) {
	b.t.Helper()
	if proof := proofField.FindStringSubmatch(page); proof != nil {
		fields.Set("proof", proof[1])
	}
	req, err := http.NewRequest("POST", b.url+path, strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.url)
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

// codeAt is what an authenticator application shows.
func codeAt(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Who scanned the picture and mistypes the code, or loads the page again, goes on with the same key.
func TestEnrolmentKeepsItsKey(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{Required: true})
	b := r.browser()
	_, page := b.get(r.url + pagePath + "identifier")
	b.send(page, url.Values{"username": {"ada"}, "password": {password}})
	_, page = b.get(r.url + pagePath + "factor")
	key := keyField.FindStringSubmatch(page)
	if key == nil {
		t.Fatalf("no key is shown:\n%s", page)
	}
	resp, page := b.post(page, pagePath+"factor", url.Values{"code": {"000000"}})
	if again := keyField.FindStringSubmatch(page); resp.StatusCode != http.StatusUnauthorized || again == nil || again[1] != key[1] {
		t.Errorf("after a wrong code: %d, key %v, was %v", resp.StatusCode, again, key)
	}
	_, page = b.get(r.url + pagePath + "factor")
	if again := keyField.FindStringSubmatch(page); again == nil || again[1] != key[1] {
		t.Errorf("after a reload: key %v, was %v", again, key)
	}
	if resp, page = b.post(page, pagePath+"factor", url.Values{"code": {codeAt(t, key[1], time.Now())}}); resp.StatusCode != http.StatusOK || !strings.Contains(page, `class="codes"`) {
		t.Errorf("the code of the key that was scanned: %d", resp.StatusCode)
	}
}

// The same on the account page: a wrong code does not make people scan again.
func TestAccountEnrolmentKeepsItsKey(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	r.apps()[0].signIn(t, b)
	_, page := b.get(r.url + pagePath + "account")
	_, page = b.post(page, pagePath+"account", url.Values{"do": {"totp-new"}})
	key := keyField.FindStringSubmatch(page)
	if key == nil {
		t.Fatalf("no key is shown:\n%s", page)
	}
	resp, page := b.post(page, pagePath+"account", url.Values{"do": {"totp-confirm"}, "code": {"000000"}})
	if again := keyField.FindStringSubmatch(page); resp.StatusCode != http.StatusUnprocessableEntity || again == nil || again[1] != key[1] {
		t.Errorf("after a wrong code: %d, key %v, was %v", resp.StatusCode, again, key)
	}
}

// Who signed in long ago is led to the sign-in page and back before anything that guards the account changes.
func TestOldSignIn(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	err := r.db.Write(t.Context(), func(tx db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE directory_users SET password_changed=0 WHERE id=?`, r.user.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, cookie, err := r.store.Open(t.Context(), oidc.Session{Kind: oidc.Browser, UserID: r.user.ID, Authenticated: time.Now().Add(-time.Hour), Expires: time.Now().Add(time.Hour), Methods: []string{"pwd"}})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(r.url + pagePath)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: cookie, Path: pagePath, Secure: true}})
	resp, page := b.get(r.url + pagePath + "account")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the page itself: %d", resp.StatusCode)
	}
	if resp, _ := b.post(page, pagePath+"passkey/new", url.Values{}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("passkey/new: %d", resp.StatusCode) // our script sends the form then
	}
	for _, do := range []string{"passkey-new", "totp-new", "recovery-new", "remove", "rename", "password"} {
		resp, _ := b.post(page, pagePath+"account", url.Values{"do": {do}})
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != pagePath+"identifier?return=account" {
			t.Errorf("%s: %d to %s", do, resp.StatusCode, to)
		}
	}
}

// A password typed before does not keep anybody from signing in with a passkey instead; only who typed one is asked for a
// passkey as second factor.
func TestPasskeyInPlaceOfPendingSignIn(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{Required: true})
	b := r.browser()
	if resp, _ := b.post("", pagePath+"passkey/factor", url.Values{}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a stranger's second factor: %d", resp.StatusCode)
	}
	_, page := b.get(r.url + pagePath + "identifier")
	b.send(page, url.Values{"username": {"ada"}, "password": {password}})
	resp, text := b.post("", pagePath+"passkey/signin", url.Values{})
	var answer struct {
		Challenge string
		Options   struct {
			Challenge        string
			AllowCredentials []any
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || resp.StatusCode != http.StatusOK || answer.Challenge == "" || answer.Options.Challenge == "" || answer.Options.AllowCredentials != nil {
		t.Fatalf("%d %s %v", resp.StatusCode, text, err)
	}
}

// A policy for a role counts for those who have the role by default, on every page of the way.
func TestEnrolmentByDefaultRole(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{Required: true, Roles: []string{role.User}})
	b := r.browser()
	_, page := b.get(r.url + pagePath + "identifier")
	b.send(page, url.Values{"username": {"ada"}, "password": {password}})
	_, page = b.get(r.url + pagePath + "factor")
	key := keyField.FindStringSubmatch(page)
	if key == nil {
		t.Fatalf("the password is not enough, and nothing can be set up:\n%s", page)
	}
}

// A password that the policy forbids is explained in the reader's language.
func TestWeakPassword(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	r.apps()[0].signIn(t, b)
	for lang, want := range map[string]string{"en": "at least 8 characters are needed.", "de": "mindestens 8 Zeichen sind nötig.", "fr": "il faut au moins 8 caractères.", "es": "hacen falta al menos 8 caracteres."} {
		_, page := b.get(r.url + pagePath + "account?ui_locales=" + lang)
		resp, text := b.post(page, pagePath+"account?ui_locales="+lang, url.Values{"do": {"password"}, "old": {password}, "new": {"short"}})
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, want) {
			t.Errorf("%s: %d\n%s", lang, resp.StatusCode, text)
		}
	}
}

// The form comes with all it needs but one style and one script; it works without the script.
func TestSignInPageIsSmall(t *testing.T) {
	r := newRig(t, sqlite(t))
	b := r.browser()
	resp, page := b.get(r.url + pagePath + "identifier")
	var loads []string
	for _, m := range regexp.MustCompile(`<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"`).FindAllStringSubmatch(html.UnescapeString(page), -1) {
		if !strings.HasPrefix(m[1], "data:image/svg+xml;base64,") {
			loads = append(loads, m[1])
		}
	}
	if len(loads) != 2 || !strings.Contains(loads[0], ".css") || !strings.Contains(loads[1], ".js") || len(page) > 8<<10 {
		t.Errorf("%v, %d bytes", loads, len(page))
	}
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "img-src 'self' data:") {
		t.Errorf("the icon is not shown: %s", policy)
	}
	if !regexp.MustCompile(`data-options="[^"]*challenge[^"]*" data-challenge="[^"]+"`).MatchString(page) {
		t.Errorf("no passkeys are offered beside user names:\n%s", page)
	}
}
