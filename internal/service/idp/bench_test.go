package idp

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"opencloud/internal/oidc"
)

// cpu is the time that this process has computed: other work on the machine does not count.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSignIn is the web client's whole sign-in with a password that is recognised, without network and TLS: the form,
// the form sent, the authorisation, the tokens. Each request's share of the time is told too.
func BenchmarkSignIn(b *testing.B) {
	r := newRig(b, sqlite(b))
	host := strings.TrimPrefix(r.url, "https://")
	verifier := oauth2.GenerateVerifier()
	query := url.Values{"client_id": {"web"}, "redirect_uri": {r.url + "/oidc-callback.html"}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {"s"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"}}.Encode()
	ask := func(method, path string, form url.Values, cookie string, want int) *http.Response {
		req := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		req.Host = host
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", r.url)
		}
		if cookie != "" {
			req.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
		}
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, req)
		if w.Code != want {
			b.Fatalf("%s %s: %d\n%s", method, path, w.Code, w.Body)
		}
		return w.Result()
	}
	var spent [4]time.Duration
	signIn := func() {
		step, at := 0, cpu(b)
		done := func() {
			now := cpu(b)
			spent[step] += now - at
			step, at = step+1, now
		}
		page := ask("GET", pagePath+"identifier?flow=oidc&"+query, nil, "", 200)
		done()
		text, _ := io.ReadAll(page.Body)
		proof := proofField.FindSubmatch(text)
		sent := ask("POST", pagePath+"identifier?flow=oidc&"+query, url.Values{"username": {"ada"}, "password": {password}, "proof": {html.UnescapeString(string(proof[1]))}}, "", 303)
		done()
		cookie := ""
		for _, c := range sent.Cookies() {
			if c.Name == cookieName {
				cookie = c.Value
			}
		}
		back, err := ask("GET", oidc.AuthorizePath+"?"+query, nil, cookie, 302).Location()
		done()
		if err != nil {
			b.Fatal(err)
		}
		answer := ask("POST", oidc.TokenPath, url.Values{"grant_type": {"authorization_code"}, "client_id": {"web"}, "code": {back.Query().Get("code")},
			"redirect_uri": {r.url + "/oidc-callback.html"}, "code_verifier": {verifier}}, "", 200)
		done()
		var tokens struct{ Access_token string }
		if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.Access_token == "" {
			b.Fatal(err)
		}
	}
	signIn() // the first makes the key and pays for argon2id
	spent = [4]time.Duration{}
	for b.Loop() {
		signIn()
	}
	total := time.Duration(0)
	for i, name := range []string{"form", "password", "authorize", "token"} {
		b.ReportMetric(float64(spent[i])/float64(b.N), name+"-cpu-ns/op")
		total += spent[i]
	}
	b.ReportMetric(float64(total)/float64(b.N), "cpu-ns/op")
}
