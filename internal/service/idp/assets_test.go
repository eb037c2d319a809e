package idp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"opencloud/internal/identity/factor"
)

const stub = `<!doctype html><html data-path-prefix="__PATH_PREFIX__" data-reset="__PASSWORD_RESET_LINK__"><meta property="csp-nonce" content="__CSP_NONCE__">
<style nonce="__CSP_NONCE__">body{background:url(__BG_IMG_URL__)}</style><script src="__PATH_PREFIX__/static/js/main.0123abcd.js"></script>stub</html>`

// assetFolder is what an operator brings along, below identifier/ as in the original.
func assetFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"identifier/index.html": stub, "identifier/static/js/main.0123abcd.js": "run()", "identifier/static/logo.svg": "<svg/>",
		"identifier/manifest.json": "{}", "identifier/.env": "secret", "identifier/static/font.woff2": "x", "outside.txt": "secret"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"up.txt": "../../outside.txt", "etc.txt": "/etc/passwd", "dir": "/etc", "good.js": "js/main.0123abcd.js"} {
		if err := os.Symlink(to, filepath.Join(dir, "identifier/static", link)); err != nil {
			t.Fatal(err)
		}
	}
	big, err := os.Create(filepath.Join(dir, "identifier/static/big.js"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(maxAsset+1), big.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func withAssets(dir string) func(*Config) {
	return func(c *Config) {
		c.AssetPath, c.BackgroundURL, c.PasswordResetURI = dir, "https://pictures.example/a b')x.jpg", `https://reset.example/?a=1&b="2"`
	}
}

// TestAssets: an operator's pages are shown with what they need to run, and nothing but their folder.
func TestAssets(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{}, withAssets(assetFolder(t)))
	b := r.browser()
	nonces := map[string]bool{}
	for _, page := range []string{"identifier", "chooseaccount", "consent", "welcome", "goodbye", "index.html"} {
		resp, text := b.get(r.url + pagePath + page)
		policy := resp.Header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`script-src 'self' 'nonce-([A-Z0-9]+)'`).FindStringSubmatch(policy)
		if resp.StatusCode != 200 || nonce == nil || nonces[nonce[1]] || strings.Count(text, nonce[1]) != 2 || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Fatalf("%s: %d %s\n%s", page, resp.StatusCode, policy, text)
		}
		nonces[nonce[1]] = true
		for _, want := range []string{`data-path-prefix="/signin/v1"`, `url(https://pictures.example/a%20b%27%29x.jpg)`, `?a=1&amp;b=&#34;2&#34;"`, `src="/signin/v1/static/js/main.0123abcd.js"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s\n%s", page, want, text)
			}
		}
		if strings.Contains(text, "__") || !strings.Contains(policy, "img-src 'self' data: https://pictures.example;") || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s\n%s", page, policy, text)
		}
	}
	for name, want := range map[string]struct{ kind, cache string }{
		"static/js/main.0123abcd.js": {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"static/logo.svg":            {"image/svg+xml", "public, max-age=300"},
		"static/font.woff2":          {"font/woff2", "public, max-age=300"},
		"static/good.js":             {"text/javascript; charset=utf-8", "public, max-age=300"},
		"manifest.json":              {"application/json", "public, max-age=300"},
	} {
		resp, _ := b.get(r.url + pagePath + name)
		if h := resp.Header; resp.StatusCode != 200 || h.Get("Content-Type") != want.kind || h.Get("Cache-Control") != want.cache || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
		}
	}
	for _, name := range []string{"static/up.txt", "static/etc.txt", "static/dir/passwd", "static/dir", "static/", "static/..%2f..%2foutside.txt", "..%2foutside.txt", "%2e%2e/outside.txt",
		".env", "static/%2e%2e/.env", "static/big.js", "static/js", "nothing", "static//logo.svg", "static/x%00.js"} {
		resp, text := b.get(r.url + pagePath + name)
		if resp.StatusCode == 200 || strings.Contains(text, "secret") || strings.Contains(text, "root:") {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	// What is ours goes on to be.
	resp, page := b.get(r.url + pagePath + "identifier?return=account")
	if style := regexp.MustCompile(`/signin/v1/static/[^"]+css[^"]*`).FindString(page); resp.StatusCode != 200 || style == "" {
		t.Errorf("our own page: %d\n%s", resp.StatusCode, page)
	} else if resp, _ := b.get(r.url + style); resp.StatusCode != 200 {
		t.Errorf("its style: %d", resp.StatusCode)
	}
	if resp := b.send(page, url.Values{"username": {"ada"}, "password": {password}}); resp.Header.Get("Location") != pagePath+"account" {
		t.Errorf("signed in for the account page: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, page := b.get(r.url + pagePath + "account"); resp.StatusCode != 200 || strings.Contains(page, "stub") {
		t.Errorf("account page: %d", resp.StatusCode)
	}
}

// A folder that cannot be used is told of in the log, and our pages are shown.
func TestNoAssets(t *testing.T) {
	empty, large := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(large, "index.html"), make([]byte, maxIndex+1), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(linked, "index.html")); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"absent": filepath.Join(empty, "absent"), "empty": empty, "too large": large, "a link to elsewhere": linked} {
		var log bytes.Buffer
		h, err := newHandler(Config{Issuer: "https://x", AssetPath: dir}, Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil || h.assets != nil || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), dir) {
			t.Errorf("%s: %v, log %q", name, err, log.String())
		}
	}
	plain := t.TempDir()
	if err := os.WriteFile(filepath.Join(plain, "index.html"), []byte(stub), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := newHandler(Config{Issuer: "https://x", AssetPath: plain}, Deps{Log: slog.New(slog.DiscardHandler)}); err != nil || h.assets == nil {
		t.Errorf("without identifier/: %v", err)
	}
}

// spa does what the original's page does: it speaks to the logon API, and then goes where it is told with the query it was
// opened with.
type spa struct {
	*browser
	address *url.URL
}

func (s spa) call(endpoint string, body map[string]any) (int, map[string]any) {
	s.t.Helper()
	q := s.address.Query()
	hello := map[string]any{"state": "of the page", "flow": q.Get("flow"), "client_id": q.Get("client_id"), "scope": q.Get("scope"), "redirect_uri": q.Get("redirect_uri"), "prompt": q.Get("prompt")}
	if body["params"] != nil {
		body["hello"] = hello
	} else {
		for k, v := range hello {
			body[k] = v
		}
	}
	raw, _ := json.Marshal(body)
	req, _ := http.NewRequest("POST", s.url+apiPath+endpoint, bytes.NewReader(raw))
	req.Header.Set("Kopano-Konnect-XSRF", "1")
	req.Header.Set("Origin", s.url)
	req.Header.Set("Referer", s.address.String())
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		s.t.Fatal(err)
	}
	return resp.StatusCode, out
}

// onward is where the page goes after a call; silent as the original's page does.
func (s spa) onward(hello map[string]any, silent bool) string {
	q := s.address.Query()
	if silent {
		q.Set("prompt", "none")
	}
	to, _ := hello["continue_uri"].(string)
	return to + "?" + q.Encode()
}

func (b *browser) open(address string) spa {
	b.t.Helper()
	resp, _ := b.get(address)
	to, err := resp.Location()
	if err != nil {
		b.t.Fatalf("%s: %d", address, resp.StatusCode)
	}
	return spa{b, to}
}

// TestAssetsSignIn: the original's page signs people in, with consent, in both ways it is known to go on.
func TestAssetsSignIn(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{}, withAssets(assetFolder(t)))
	for _, silent := range []bool{true, false} {
		for _, prompt := range []string{"", "login", "select_account", "select_account consent"} {
			for _, a := range r.apps()[:2] {
				b := r.browser()
				challenge := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
				ask := a.AuthCodeURL("state of "+prompt, challenge)
				if prompt != "" {
					ask = a.AuthCodeURL("state of "+prompt, challenge, oauth2.SetAuthURLParam("prompt", prompt))
				}
				s := b.open(ask)
				status, out := s.call("logon", map[string]any{"state": "x", "params": []string{"ada", password, "1"}})
				hello, _ := out["hello"].(map[string]any)
				if status != 200 || out["success"] != true {
					t.Fatalf("%s: logon %d %v", a.ClientID, status, out)
				}
				if a.ClientID != "web" {
					if silent && prompt == "" && hello["next"] != "consent" {
						t.Fatalf("%s %q: not asked to agree: %v", a.ClientID, prompt, hello)
					}
					s.address.Path = pagePath + "consent"
					if status, _ := s.call("consent", map[string]any{"state": "y", "allow": true, "ref": "state of " + prompt}); status != 200 {
						t.Fatalf("%s: consent %d", a.ClientID, status)
					}
				}
				resp, _ := b.get(s.onward(hello, silent) + "&konnect=y")
				if to, err := resp.Location(); err != nil || !strings.HasPrefix(to.String(), a.RedirectURL) || to.Query().Get("code") == "" {
					t.Errorf("%s, prompt %q, silent %v: %d %v", a.ClientID, prompt, silent, resp.StatusCode, to)
				}
				if err := r.dir.SignedIn(t.Context(), r.user.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestAssetsSecondFactor: the page's password step opens nothing when a second factor is due; ours asks for it, and leads on.
func TestAssetsSecondFactor(t *testing.T) {
	r := newRigWith(t, sqlite(t), factor.Options{Required: true}, withAssets(assetFolder(t)))
	a, b := r.apps()[0], r.browser()
	ask := a.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	s := b.open(ask)
	status, out := s.call("logon", map[string]any{"state": "x", "params": []string{"ada", password, "1"}})
	hello, _ := out["hello"].(map[string]any)
	if to, _ := hello["continue_uri"].(string); status != 200 || to != r.url+pagePath+"factor" {
		t.Fatalf("%d %v", status, out)
	}
	factorPage := s.onward(hello, true)
	// Every way round it.
	for _, address := range []string{ask, ask + "&prompt=none", ask + "&prompt=login", ask + "&konnect=x"} {
		if resp, _ := b.get(address); strings.Contains(resp.Header.Get("Location"), "code=") {
			t.Errorf("%s gives a code", address)
		}
	}
	if status, _ := s.call("logon", map[string]any{"params": []string{"ada", "", "0"}}); status != 204 {
		t.Errorf("going on as who is half signed in: %d", status)
	}
	if status, _ := s.call("consent", map[string]any{"allow": true, "ref": "s"}); status != 204 {
		t.Errorf("agreeing when half signed in: %d", status)
	}
	if _, out := s.call("hello", map[string]any{"state": "x"}); out["success"] != false || out["username"] != nil {
		t.Errorf("hello: %v", out)
	}
	if resp, _ := b.get(r.url + pagePath + "account"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("account page: %d", resp.StatusCode)
	}
	if resp, _ := b.get(r.url + pagePath + "welcome"); resp.Header.Get("Location") != pagePath+"factor" {
		t.Errorf("without an application: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	_, page := b.get(factorPage)
	key := keyField.FindStringSubmatch(page)
	if key == nil {
		t.Fatalf("nothing can be set up:\n%s", page)
	}
	u, _ := url.Parse(factorPage)
	if resp, page := b.post(page, u.RequestURI(), url.Values{"code": {codeAt(t, key[1], time.Now())}}); resp.StatusCode != 200 || !strings.Contains(page, `class="codes"`) {
		t.Fatalf("%d\n%s", resp.StatusCode, page)
	}
	if resp, _ := b.get(ask); !strings.Contains(resp.Header.Get("Location"), "code=") {
		t.Errorf("after the second factor: %s", resp.Header.Get("Location"))
	}
}
