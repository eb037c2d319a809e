package web

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"opencloud/internal/platform/config"
)

// decoded is the JSON of an answer.
func decoded(t *testing.T, body io.Reader) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// configured starts a service by what an operator wrote.
func configured(t *testing.T, yaml string, env map[string]string) world {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "web.yaml"), yaml)
	s, err := config.Open(dir, dir, func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if warnings, err := s.Load("web", &cfg); err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	return start(t, built(), nil, func(c *Config) { *c = cfg })
}

func TestConfigJSON(t *testing.T) {
	w := configured(t, "", map[string]string{"OC_URL": "https://cloud.example.org"})
	r := w.do("GET", "/config.json", nil)
	const want = `{"apps":["files","search","text-editor","pdf-viewer","external","admin-settings","epub-reader","preview","app-store","rclone-crypt"],` +
		`"openIdConnect":{"authority":"https://cloud.example.org","client_id":"web","metadata_url":"https://cloud.example.org/.well-known/openid-configuration","post_logout_redirect_uri":"","response_type":"code","scope":"openid profile email"},` +
		`"options":{"contextHelpers":true,"contextHelpersReadMore":true,"embed":{},"tokenStorageLocal":true},` +
		`"server":"https://cloud.example.org","theme":"https://cloud.example.org/themes/opencloud/theme.json"}`
	if r.Code != 200 || r.Body.String() != want || r.Header().Get("Content-Type") != "application/json" || r.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v\n%s\nwant\n%s", r.Code, r.Header(), r.Body, want)
	}
	if signedIn := w.as("user", "GET", "/config.json", nil, "Authorization", "Bearer x"); signedIn.Body.String() != want {
		t.Errorf("with a token: %s", signedIn.Body)
	}
	if again := w.do("GET", "/config.json", nil, "If-None-Match", r.Header().Get("Etag")); again.Code != http.StatusNotModified {
		t.Errorf("conditional: %d", again.Code)
	}
}

// TestConfigOfOperators: YAML and environment variables of the original's guides reach the client.
func TestConfigOfOperators(t *testing.T) {
	w := configured(t, `
http: {cache_ttl: 60}
web:
  theme_path: /themes/acme/theme.json
  config:
    oidc: {scope: "openid profile email groups", client_id: browser}
    apps: [files]
    external_apps:
      - {id: draw, path: "https://apps.example.org/draw.mjs", config: {url: "https://draw.example.org", sizes: [1, 2], deep: {on: true}}}
    styles: [{href: /themes/acme/more.css}]
    options: {accountEditLink: {href: "https://id.example.org"}, disabledExtensions: [a, b]}
`, map[string]string{"WEB_OPTION_EMBED_ENABLED": "true", "WEB_OPTION_CONCURRENT_REQUESTS_SHARES_LIST": "7", "WEB_OPTION_TOKEN_STORAGE_LOCAL": "false",
		"WEB_OIDC_METADATA_URL": "https://id.example.org/meta", "WEB_UI_THEME_SERVER": "https://look.example.org/"})
	got := decoded(t, w.do("GET", "/config.json", nil).Body)
	for path, want := range map[string]any{
		"theme": "https://look.example.org/themes/acme/theme.json", "openIdConnect.scope": "openid profile email groups", "openIdConnect.client_id": "browser",
		"openIdConnect.metadata_url": "https://id.example.org/meta", "options.embed.enabled": true, "options.concurrentRequests.shares.list": 7.0,
		"options.tokenStorageLocal": false, "options.accountEditLink.href": "https://id.example.org",
	} {
		if v := at(got, path); v != want {
			t.Errorf("%s: %v, want %v", path, v, want)
		}
	}
	want := `[map[config:map[deep:map[on:true] sizes:[1 2] url:https://draw.example.org] id:draw path:https://apps.example.org/draw.mjs]]`
	if s := fmt.Sprint(got["external_apps"]); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	if p := w.do("GET", "/", nil).Header().Get("Content-Security-Policy"); !strings.Contains(p, "' https://apps.example.org;") {
		t.Errorf("scripts of extensions are not let in: %s", p)
	}
}

// at returns the value at a dotted path.
func at(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func TestConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ui.json")
	put(t, file, `{"server":"https://other.example.org","theme":"x","more":[1]}`)
	w := start(t, built(), nil, func(c *Config) { c.File = file })
	if got := w.do("GET", "/config.json", nil).Body.String(); got != `{"more":[1],"options":{},"server":"https://other.example.org","theme":"x"}` {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "null", "[]", "{"} {
		put(t, file, bad)
		if _, err := New(t.Context(), Config{File: file}, Deps{Client: built(), Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := New(t.Context(), Config{File: file + "x"}, Deps{Client: built(), Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a file that is not there was taken")
	}
}

func TestAnnouncement(t *testing.T) {
	w := start(t, built(), nil)
	get := func() string { return strings.TrimSpace(w.as("admin", "GET", "/announcement", nil).Body.String()) }
	set := func(body string) int { return w.as("admin", "PUT", "/announcement", strings.NewReader(body)).Code }
	banner := func() any { return at(decoded(t, w.do("GET", "/config.json", nil).Body), "options.announcement") }
	const none = `{"enabled":false,"bannerText":"","infoText":""}`
	if get() != none || banner() != nil {
		t.Errorf("before: %s %v", get(), banner())
	}
	if code := set(`{"enabled":true,"bannerText":"Closed on Sunday","infoText":"**All** day"}`); code != 204 {
		t.Fatal(code)
	}
	if get() != `{"enabled":true,"bannerText":"Closed on Sunday","infoText":"**All** day"}` {
		t.Errorf("%s", get())
	}
	if want := map[string]any{"bannerText": "Closed on Sunday", "infoText": "**All** day"}; !reflect.DeepEqual(banner(), want) {
		t.Errorf("%v", banner())
	}
	for body, want := range map[string]int{"": 400, "[]": 400, "nonsense": 400, `{"bannerText":1}`: 400, `{"bannerText":"` + strings.Repeat("x", 50<<10) + `"}`: 413} {
		if code := set(body); code != want {
			t.Errorf("%.30s: %d, want %d", body, code, want)
		}
	}
	if !strings.Contains(get(), "Sunday") {
		t.Errorf("a request that was refused changed it: %s", get())
	}
	// Another process of this service sees it, and it survives a restart.
	other := start(t, built(), nil, func(c *Config) { c.Data = w.cfg.Data })
	if r := other.do("GET", "/config.json", nil); !strings.Contains(r.Body.String(), "Closed on Sunday") {
		t.Errorf("%s", r.Body)
	}
	if code := set(`{"enabled":false,"bannerText":"Later","infoText":""}`); code != 204 || banner() != nil || !strings.Contains(get(), "Later") {
		t.Errorf("disabled: %d %v %s", code, banner(), get())
	}
	if code := set(`{"enabled":true,"bannerText":" ","infoText":"x"}`); code != 204 || get() != none || banner() != nil {
		t.Errorf("taken down: %d %v %s", code, banner(), get())
	}
	if files, err := os.ReadDir(w.cfg.Data); err != nil || len(files) != 0 {
		t.Errorf("something is left: %v %v", files, err)
	}
}

func TestApps(t *testing.T) {
	w := start(t, built(), map[string]string{
		"apps/draw/manifest.json":        `{"entrypoint":"js/main-Ab3dEf9h.mjs","config":{"url":"manifest","keep":{"a":1,"b":1}}}`,
		"apps/draw/js/main-Ab3dEf9h.mjs": "export {}",
		"apps/draw/config.json":          `{"config":{"url":"local"}}`,
		"apps/off/manifest.json":         `{"entrypoint":"x.js"}`,
		"apps/off/x.js":                  "",
		"apps/quiet/manifest.json":       `{"entrypoint":"x.js"}`,
		"apps/quiet/config.json":         `{"disabled":true}`,
		"apps/quiet/x.js":                "",
		"apps/plain one/manifest.json":   `{"entrypoint":"./x.js"}`,
		"apps/plain one/x.js":            "",
		"apps/escapes/manifest.json":     `{"entrypoint":"../draw/js/main-Ab3dEf9h.mjs"}`,
		"apps/nothing/manifest.json":     `{}`,
		"apps/missing/manifest.json":     `{"entrypoint":"gone.js"}`,
		"apps/broken/manifest.json":      `{`,
		"apps/empty/readme.md":           "",
		"apps/linked/manifest.json":      `{"entrypoint":"link.js"}`,
		"apps.yaml":                      "draw: {config: {url: global, keep: {b: 2}}}\noff: {disabled: true}\n",
		"secret.js":                      "secret",
	})
	if err := os.Symlink("../../secret.js", filepath.Join(w.dir, "apps/linked/link.js")); err != nil {
		t.Fatal(err)
	}
	found, err := findApps(mustRoot(t, filepath.Join(w.dir, "apps")), filepath.Join(w.dir, "apps.yaml"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(found)
	want := `[{"id":"draw","path":"/assets/apps/draw/js/main-Ab3dEf9h.mjs","config":{"keep":{"a":1,"b":2},"url":"local"}},{"id":"plain one","path":"/assets/apps/plain%20one/x.js"}]`
	if string(b) != want {
		t.Errorf("%s\nwant\n%s", b, want)
	}
	if got := decoded(t, w.do("GET", "/config.json", nil).Body)["external_apps"].([]any); len(got) != 2 {
		t.Errorf("%v", got)
	}
	r := w.do("GET", "/assets/apps/draw/js/main-Ab3dEf9h.mjs", nil)
	if r.Code != 200 || r.Body.String() != "export {}" || r.Header().Get("Access-Control-Allow-Origin") != "*" || r.Header().Get("Cache-Control") != forEver {
		t.Errorf("%d %v %s", r.Code, r.Header(), r.Body)
	}
	for _, path := range []string{"/assets/apps/linked/link.js", "/assets/apps/../secret.js", "/assets/apps/gone/x.js", "/assets/apps/draw/", "/assets/apps/"} {
		if r := w.do("GET", path, nil); r.Code != 404 {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	put(t, filepath.Join(w.dir, "apps.yaml"), "draw: [")
	if _, err := New(t.Context(), w.cfg, Deps{Client: built(), ConfigDir: w.dir, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a broken apps.yaml was taken")
	}
}

func mustRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// TestDataInThePage: our page carries what it would ask for first, whatever is written in it; a client of the operator's does not.
func TestDataInThePage(t *testing.T) {
	block := regexp.MustCompile(`<script type="application/json" id="(oc-[a-z]+)">([^<]*)</script>`)
	blocks := func(page string) map[string]string {
		out := map[string]string{}
		for _, m := range block.FindAllStringSubmatch(page, -1) {
			out[m[1]] = m[2]
		}
		return out
	}
	w := start(t, built(), map[string]string{"themes/acme/theme.json": `{"common":{"name":"</script><script>alert(1)</script>"}}`}, func(c *Config) {
		c.Web.ThemePath = "/themes/acme/theme.json"
	})
	if code := w.as("admin", "PUT", "/announcement", strings.NewReader(`{"enabled":true,"bannerText":"</script><!--"}`)).Code; code != 204 {
		t.Fatal(code)
	}
	for path, want := range map[string]string{"oc-config": "/config.json", "oc-theme": "/themes/acme/theme.json"} {
		page := w.do("GET", "/files", nil).Body.String()
		if strings.Contains(page, "__DATA__") || strings.Contains(page, "<!--") || strings.Contains(page, "alert(1)<") {
			t.Fatalf("%s", page)
		}
		got := decoded(t, strings.NewReader(blocks(page)[path]))
		asked := decoded(t, w.do("GET", want, nil).Body)
		if path == "oc-theme" { // the logo is in the page too
			for _, branch := range []any{at(got, "common"), at(got, "clients.web.defaults")} {
				if logo := branch.(map[string]any)["logo"]; !strings.HasPrefix(fmt.Sprint(logo), "data:image/svg+xml;base64,") {
					t.Errorf("%v", logo)
				}
				branch.(map[string]any)["logo"] = "themes/opencloud/logo.svg"
			}
		}
		if !reflect.DeepEqual(got, asked) {
			t.Errorf("%s: %v, want %v", path, got, asked)
		}
	}
	packed := w.do("GET", "/", nil, "Accept-Encoding", "gzip, br")
	z, err := gzip.NewReader(packed.Body)
	if err != nil || packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%v %v", err, packed.Header())
	}
	if b, err := io.ReadAll(z); err != nil || len(blocks(string(b))) != 2 {
		t.Errorf("%v %s", err, b)
	}

	// A large logo stays where it is, and one of another server too.
	for _, logo := range []string{"themes/acme/large.png", "https://acme.example/logo.svg", "themes/acme/../../secret.png", "themes/acme/page.html"} {
		w := start(t, built(), map[string]string{"themes/acme/theme.json": `{"common":{"logo":"` + logo + `"}}`, "themes/acme/large.png": strings.Repeat("x", 5000), "themes/acme/page.html": "x", "secret.png": "x"},
			func(c *Config) { c.Web.ThemePath = "/themes/acme/theme.json" })
		if got := at(decoded(t, strings.NewReader(blocks(w.do("GET", "/", nil).Body.String())["oc-theme"])), "common.logo"); got != logo {
			t.Errorf("%s: %v", logo, got)
		}
	}

	// The theme of another kind of address is asked for by the client, and a broken one must not break the page.
	other := start(t, built(), nil, func(c *Config) { c.Web.ThemePath = "/look/theme.json" })
	if got := blocks(other.do("GET", "/", nil).Body.String()); got["oc-config"] == "" || got["oc-theme"] != "" {
		t.Errorf("%v", got)
	}
	foreign := start(t, built(), map[string]string{"core/index.html": "<html><head><!-- __DATA__ --></head></html>"})
	if page := foreign.do("GET", "/", nil).Body.String(); !strings.Contains(page, "__DATA__") {
		t.Errorf("a client of the operator's was changed: %s", page)
	}
}
