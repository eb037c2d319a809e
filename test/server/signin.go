package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Browser is somebody with a browser: cookies, and no other credentials.
type Browser struct {
	s    *Server
	http *http.Client
}

// Browser returns a new browser without cookies.
func (s *Server) Browser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &Browser{s, &http.Client{Timeout: time.Minute, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 4}}}
}

// HTTP is the browser's client; it follows no redirects.
func (b *Browser) HTTP() *http.Client { return b.http }

// Tokens are what a sign-in gives.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Error   string `json:"error"`
}

// App is an application that people sign in to.
type App struct{ ID, Redirect, Scope string }

// Apps are those that every server knows.
func (s *Server) Apps() []App {
	return []App{
		{"web", s.URL + "/oidc-callback.html", "openid profile email"},
		{"OpenCloudDesktop", "http://127.0.0.1:38123", "openid offline_access email profile"},
		{"OpenCloudAndroid", "oc://android.opencloud.eu", "openid offline_access email profile"},
		{"OpenCloudIOS", "oc://ios.opencloud.eu", "openid offline_access email profile"},
	}
}

// Authorize begins a sign-in and returns the parameters of the request and its PKCE verifier.
func (a App) Authorize() (url.Values, string) {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"client_id": {a.ID}, "redirect_uri": {a.Redirect}, "response_type": {"code"}, "scope": {a.Scope}, "state": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}, verifier
}

const signin = "/signin/v1/identifier"

// Logon posts to the logon API of the original's sign-in page. (spec/identity.md §6.4)
func (b *Browser) Logon(endpoint string, body any) (int, map[string]any, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequest("POST", b.s.URL+signin+"/_/"+endpoint, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Kopano-Konnect-XSRF", "1")
	req.Header.Set("Origin", b.s.URL)
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	if resp.StatusCode == http.StatusOK {
		err = json.NewDecoder(resp.Body).Decode(&out)
	}
	return resp.StatusCode, out, err
}

// SignIn signs somebody in to an application, as its client does: authorisation, logon, consent, code, tokens.
func (b *Browser) SignIn(app App, user, password string) (Tokens, error) {
	params, verifier := app.Authorize()
	code, err := b.Code(app, params, user, password)
	if err != nil {
		return Tokens{}, err
	}
	return b.s.Token(url.Values{"grant_type": {"authorization_code"}, "client_id": {app.ID}, "redirect_uri": {app.Redirect}, "code": {code}, "code_verifier": {verifier}})
}

// Code gets an authorisation code.
func (b *Browser) Code(app App, params url.Values, user, password string) (string, error) {
	authorize := b.s.URL + signin + "/_/authorize?" + params.Encode()
	for range 6 {
		resp, err := b.http.Get(authorize)
		if err != nil {
			return "", err
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		location, err := resp.Location()
		if err != nil {
			return "", fmt.Errorf("authorize: %d %s", resp.StatusCode, text)
		}
		hello := map[string]any{"state": params.Get("state"), "flow": "oidc", "client_id": app.ID, "scope": app.Scope, "redirect_uri": app.Redirect, "prompt": ""}
		switch {
		case strings.HasPrefix(location.String(), app.Redirect):
			if location.Query().Get("state") != params.Get("state") {
				return "", fmt.Errorf("state %q came back", location.Query().Get("state"))
			}
			if e := location.Query().Get("error"); e != "" {
				return "", fmt.Errorf("authorize: %s", e)
			}
			return location.Query().Get("code"), nil
		case location.Path == "/signin/v1/consent":
			q := location.Query()
			status, _, err := b.Logon("consent", map[string]any{"state": q.Get("state"), "allow": true, "scope": app.Scope, "client_id": app.ID,
				"redirect_uri": app.Redirect, "ref": q.Get("ref"), "flow_nonce": q.Get("nonce")})
			if err != nil || status != http.StatusOK {
				return "", fmt.Errorf("consent: %d %w", status, err)
			}
			params.Set("konnect", q.Get("state"))
			authorize = b.s.URL + signin + "/_/authorize?" + params.Encode()
		case location.Path == signin:
			status, out, err := b.Logon("logon", map[string]any{"state": params.Get("state"), "params": []string{user, password, "1"}, "hello": hello})
			if err != nil || status != http.StatusOK {
				return "", fmt.Errorf("logon: %d %w", status, err)
			}
			if h, ok := out["hello"].(map[string]any); ok {
				if next, ok := h["continue_uri"].(string); ok && next != "" {
					authorize = next + "?" + params.Encode()
				}
			}
		default:
			return "", fmt.Errorf("authorize leads to %s", location)
		}
	}
	return "", fmt.Errorf("the sign-in does not come to its end")
}

// Token asks the token endpoint.
func (s *Server) Token(form url.Values) (Tokens, error) {
	resp, err := s.As("", "").http.PostForm(s.URL+"/konnect/v1/token", form)
	if err != nil {
		return Tokens{}, err
	}
	defer resp.Body.Close()
	var t Tokens
	if err := json.NewDecoder(resp.Body).Decode(&t); err != nil {
		return t, err
	}
	if resp.StatusCode != http.StatusOK {
		return t, fmt.Errorf("token: %d %s", resp.StatusCode, t.Error)
	}
	return t, nil
}

// Bearer asks with an access token.
func (s *Server) Bearer(token, method, path, body string, headers ...string) Answer {
	s.t.Helper()
	return s.As("", "").Do(method, path, body, append([]string{"Authorization", "Bearer " + token}, headers...)...)
}
