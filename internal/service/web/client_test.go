package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

const script = "console.log('hello');\n"

// built is a client as the build makes it.
func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":                 {Data: []byte(`<!doctype html><html><head><title>OpenCloud</title><!-- __DATA__ --><script nonce="__CSP_NONCE__">1</script></head></html>`)},
		"favicon.ico":                {Data: []byte("icon")},
		"assets/main-Ab3dEf9h.js":    {Data: []byte(strings.Repeat(script, 100))},
		"assets/main-Ab3dEf9h.js.br": {Data: []byte("brotli")},
		"assets/main-Ab3dEf9h.js.gz": {Data: []byte("gzip")},
		".gitkeep":                   {},
	}
}

// world is a service with folders of its own.
type world struct {
	http.Handler
	cfg Config
	dir string
}

// files are written below the world's folder before it starts.
func start(t *testing.T, client fs.FS, files map[string]string, change ...func(*Config)) world {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		put(t, filepath.Join(dir, name), content)
	}
	cfg := Config{Data: filepath.Join(dir, "data"), Asset: Assets{Core: filepath.Join(dir, "core"), Themes: filepath.Join(dir, "themes"), Apps: filepath.Join(dir, "apps")}}
	cfg.HTTP.CacheTTL = time.Hour
	cfg.Web.ThemeServer, cfg.Web.ThemePath = "https://cloud.example.org", "/themes/opencloud/theme.json"
	cfg.Web.Config.Server, cfg.Web.Config.OIDC.Authority = "https://cloud.example.org", "https://cloud.example.org"
	for _, c := range change {
		c(&cfg)
	}
	parts, err := New(t.Context(), cfg, Deps{Client: client, ConfigDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parts.Close() })
	return world{parts.HTTP, cfg, dir}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w world) do(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	return w.as("", method, path, body, headers...)
}

// as sends a request of somebody: "" is a stranger, else the name of a role, or "service".
func (w world) as(who, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if who == "service" {
		r = r.WithContext(identity.WithActor(r.Context(), identity.Actor{Kind: identity.Service, User: identity.User{ID: "s", Roles: []string{role.ServiceAccount}}}))
	} else if who == "visitor" {
		r = r.WithContext(identity.WithActor(r.Context(), identity.Actor{Kind: identity.Visitor, Visit: &identity.Visit{}}))
	} else if who != "" {
		found, _ := role.Find(who)
		r = r.WithContext(identity.WithActor(r.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: who, Roles: []string{found.ID}}}))
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	return rec
}

// TestAddressesOfTheClient: all of the application's own addresses get its page, files get themselves, and nothing else is there.
func TestAddressesOfTheClient(t *testing.T) {
	w := start(t, built(), nil)
	for path, want := range map[string]string{
		"/": "page", "/index.html": "page", "/files/spaces/personal/admin": "page", "/files/spaces/project/alias/sub/report.js": "page", "/files/trash/overview": "page",
		"/files/link/token/x": "page", "/f/a$b!c": "page", "/s/token/folder/picture.png": "page", "/o/token": "page", "/account/preferences": "page", "/login": "page",
		"/logout": "page", "/access-denied": "page", "/web-oidc-callback": "page", "/admin-settings/users": "page", "/external?x=y": "page",
		"/oidc-callback.html": "page", "/oidc-silent-redirect.html": "page", "/.gitkeep": "page", "/f/..hidden": "page",
		"/favicon.ico": "icon", "/assets/main-Ab3dEf9h.js": script,
		"/assets/gone-Ab3dEf9h.js": "", "/assets/": "", "/.well-known/nothing": "",
	} {
		r := w.do("GET", path, nil)
		switch {
		case want == "page" && (r.Code != 200 || !strings.Contains(r.Body.String(), `<head><base href="/"><title>OpenCloud</title>`) || r.Header().Get("Content-Type") != "text/html; charset=utf-8"),
			want == "" && r.Code != 404,
			want != "page" && want != "" && (r.Code != 200 || !strings.HasPrefix(r.Body.String(), want)):
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
		if r.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: browsers may guess the type", path)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PROPFIND", "OPTIONS"} {
		if r := w.do(method, "/files", nil); r.Code != 405 {
			t.Errorf("%s: %d", method, r.Code)
		}
	}
}

// TestNonce: every answer has a nonce of its own, in the page and in a policy beside that of the proxy.
func TestNonce(t *testing.T) {
	w := start(t, built(), nil, func(c *Config) {
		c.Web.Config.Scripts = []Script{{Src: "https://scripts.example.org/a.js"}, {Src: "/b.js"}, {Src: "https://evil.example.org;x/"}}
	})
	seen := map[string]bool{}
	for range 3 {
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Security-Policy", "the proxy's")
		w.ServeHTTP(rec, httptest.NewRequest("GET", "/files", nil))
		m := regexp.MustCompile(`<script nonce="([A-Z0-9]{20,})">`).FindStringSubmatch(rec.Body.String())
		policies := rec.Header().Values("Content-Security-Policy")
		if m == nil || len(policies) != 2 || policies[0] != "the proxy's" {
			t.Fatalf("%v %s", policies, rec.Body)
		}
		if want := "script-src 'self' 'nonce-" + m[1] + "' https://scripts.example.org; script-src-attr 'none'; base-uri 'self'"; policies[1] != want {
			t.Errorf("%s, want %s", policies[1], want)
		}
		if rec.Header().Get("Etag") != "" || rec.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("a page from a cache would have the nonce of another answer: %v", rec.Header())
		}
		seen[m[1]] = true
	}
	if len(seen) != 3 {
		t.Errorf("nonces repeat: %v", seen)
	}
}

func TestWithoutClient(t *testing.T) {
	w := start(t, fstest.MapFS{".gitkeep": {}}, nil)
	for _, path := range []string{"/", "/files/spaces/personal/admin"} {
		if r := w.do("GET", path, nil); r.Code != 200 || !strings.Contains(r.Body.String(), "<title>OpenCloud</title>") || !strings.Contains(r.Body.String(), "make build") {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	if r := w.do("GET", "/themes/opencloud/logo.svg", nil); r.Code != 200 || r.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("logo: %d %v", r.Code, r.Header())
	}
}

// TestForeignClient: a folder with an index.html is served as it is, alone and without a policy of ours.
func TestForeignClient(t *testing.T) {
	w := start(t, built(), map[string]string{
		"core/index.html":                "<html><HEAD lang=x><title>Theirs</title></HEAD></html>",
		"core/oidc-callback.html":        "<html><head></head>callback</html>",
		"core/js/chunk-Ab3dEf9h.mjs":     strings.Repeat(script, 100),
		"core/js/stale-12345678.mjs":     "new",
		"core/icons/arrow-download.svg":  "<svg/>",
		"core/.env":                      "secret",
		"outside":                        "secret",
		"core/has-base-12345678/x":       "",
		"core/oidc-silent-redirect.html": `<html><head><base href="/there/"></head></html>`,
	})
	put(t, filepath.Join(w.dir, "core/js/stale-12345678.mjs.gz"), "old")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(w.dir, "core/js/stale-12345678.mjs.gz"), old, old); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "../outside", "inner": "icons/arrow-download.svg"} {
		if err := os.Symlink(target, filepath.Join(w.dir, "core", name)); err != nil {
			t.Fatal(err)
		}
	}
	r := w.do("GET", "/files/x", nil)
	if want := `<html><HEAD lang=x><base href="/"><title>Theirs</title></HEAD></html>`; r.Body.String() != want || r.Header().Get("Content-Security-Policy") != "" || r.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%v %s", r.Header(), r.Body)
	}
	if again := w.do("GET", "/", nil, "If-None-Match", r.Header().Get("Etag")); again.Code != 304 {
		t.Errorf("conditional: %d", again.Code)
	}
	for path, want := range map[string]string{"/oidc-callback.html": `<html><head><base href="/"></head>callback</html>`, "/oidc-silent-redirect.html": `<html><head><base href="/there/"></head></html>`,
		"/inner": "<svg/>"} {
		if r := w.do("GET", path, nil); r.Body.String() != want {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	for _, path := range []string{"/link", "/.env", "/../outside", "/js/../../outside", "/js/%2e%2e/%2e%2e/outside", "/assets/main-Ab3dEf9h.js", "/js/..\\..\\outside"} {
		if r := w.do("GET", path, nil); strings.Contains(r.Body.String(), "secret") || strings.Contains(r.Body.String(), script) {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	r = w.do("GET", "/js/chunk-Ab3dEf9h.mjs", nil, "Accept-Encoding", "gzip, deflate")
	z, err := gzip.NewReader(r.Body)
	if err != nil || r.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v %v", err, r.Header())
	}
	if b, _ := io.ReadAll(z); string(b) != strings.Repeat(script, 100) {
		t.Errorf("%.100s", b)
	}
	if r := w.do("GET", "/js/stale-12345678.mjs", nil, "Accept-Encoding", "gzip"); r.Body.String() != "new" || r.Header().Get("Content-Encoding") != "" {
		t.Errorf("a compressed form older than its file was sent: %s", r.Body)
	}
	if r := w.do("GET", "/icons/arrow-download.svg", nil); r.Header().Get("Cache-Control") != "public, max-age=3600" {
		t.Errorf("%v", r.Header())
	}
	// A file that is replaced while the server runs is served as it is now.
	before := w.do("GET", "/icons/arrow-download.svg", nil).Header().Get("Etag")
	put(t, filepath.Join(w.dir, "core/icons/arrow-download.svg"), "<svg a/>")
	if r := w.do("GET", "/icons/arrow-download.svg", nil, "If-None-Match", before); r.Code != 200 || r.Body.String() != "<svg a/>" {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}

// TestOverlay: single files of a folder without index.html take the place of ours.
func TestOverlay(t *testing.T) {
	w := start(t, built(), map[string]string{"core/favicon.ico": "own icon"})
	if r := w.do("GET", "/favicon.ico", nil); r.Body.String() != "own icon" {
		t.Errorf("%s", r.Body)
	}
	if r := w.do("GET", "/", nil); !strings.Contains(r.Body.String(), "<title>OpenCloud</title>") || r.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("%v %s", r.Header(), r.Body)
	}
}

func TestConditionsPartsAndEncodings(t *testing.T) {
	w := start(t, built(), nil)
	const path = "/assets/main-Ab3dEf9h.js"
	plain := w.do("GET", path, nil)
	h := plain.Header()
	if h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Etag") == "" {
		t.Errorf("%v", h)
	}
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
		body         string
		encoding     string
	}{
		{"brotli", "GET", []string{"Accept-Encoding", "gzip, br"}, 200, "brotli", "br"},
		{"gzip", "GET", []string{"Accept-Encoding", "gzip;q=0.5, br;q=0"}, 200, "gzip", "gzip"},
		{"nothing that is known", "GET", []string{"Accept-Encoding", "zstd"}, 200, plain.Body.String(), ""},
		{"head", "HEAD", []string{"Accept-Encoding", "br"}, 200, "", "br"},
		{"not changed", "GET", []string{"If-None-Match", h.Get("Etag")}, 304, "", ""},
		{"changed", "GET", []string{"If-None-Match", `"other"`}, 200, plain.Body.String(), ""},
		{"part", "GET", []string{"Range", "bytes=0-6", "Accept-Encoding", "br"}, 206, "console", ""},
		{"part that is not there", "GET", []string{"Range", "bytes=99999-"}, 416, "", ""},
	} {
		r := w.do(c.method, path, nil, c.headers...)
		if r.Code != c.status || r.Header().Get("Content-Encoding") != c.encoding || c.status != 416 && r.Body.String() != c.body {
			t.Errorf("%s: %d %v %.60q", c.name, r.Code, r.Header(), r.Body)
		}
	}
	packed := w.do("GET", path, nil, "Accept-Encoding", "br").Header()
	if packed.Get("Etag") == h.Get("Etag") || packed.Get("Content-Length") != "6" {
		t.Errorf("forms of a file differ in their ETag: %v", packed)
	}
}

func TestHashed(t *testing.T) {
	for name, want := range map[string]bool{
		"main-Ab3dEf9h.js": true, "js/web-a_-4Bc9d.mjs": true, "chunk.0123456789abcdef.css": true, "logo-00112233445566ff.png": true, "x-Ab3dEf9h.js.map": true,
		"oidc-callback.html": false, "index.html": false, "arrow-download.svg": false, "favicon.ico": false, "main.js": false, "a-README12x.md": false,
	} {
		if hashed(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

// TestMemoryIsBounded: what is kept compressed has a limit, and what is beyond it is served all the same.
func TestMemoryIsBounded(t *testing.T) {
	f := newFiles("", fstest.MapFS{"a.js": {Data: bytes.Repeat([]byte("x"), 1000)}})
	f.packed = maxMemory
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/a.js", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	if !f.serve(rec, r, "a.js") || rec.Body.Len() != 1000 || f.packed != maxMemory {
		t.Errorf("%d bytes, %d kept", rec.Body.Len(), f.packed)
	}
}
