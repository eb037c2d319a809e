package web

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/permission"
)

func theme(t *testing.T, w world, id string) map[string]any {
	t.Helper()
	r := w.do("GET", "/themes/"+id+"/theme.json", nil)
	if r.Code != 200 || r.Header().Get("Content-Type") != "application/json" || r.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("%d %v %s", r.Code, r.Header(), r.Body)
	}
	return decoded(t, r.Body)
}

// TestOwnTheme: it has all that clients insist on, and every file that it names is there.
func TestOwnTheme(t *testing.T) {
	w := start(t, built(), nil)
	got := theme(t, w, "opencloud")
	for _, path := range []string{"common.logo", "clients.web.defaults.logo", "clients.web.defaults.favicon", "clients.web.defaults.background"} {
		file, _ := at(got, path).(string)
		if r := w.do("GET", "/"+file, nil); r.Code != 200 || r.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(r.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s %q: %d %v", path, file, r.Code, r.Header())
		}
	}
	if at(got, "common.name") != "OpenCloud" || at(got, "common.urls.privacy") != "" {
		t.Errorf("%v", got["common"])
	}
	looks, _ := at(got, "clients.web.themes").([]any)
	if len(looks) != 2 || at(looks[0], "isDark") != false || at(looks[1], "isDark") != true {
		t.Fatalf("%v", looks)
	}
	light, dark := at(looks[0], "designTokens.roles").(map[string]any), at(looks[1], "designTokens.roles").(map[string]any)
	for token := range light {
		if dark[token] == nil {
			t.Errorf("%s has no dark colour", token)
		}
	}
	for _, r := range permission.Roles() {
		if icon, _ := at(got, "common.shareRoles."+r.ID+".iconName").(string); icon == "" {
			t.Errorf("%s has no picture", r.Name)
		}
	}
	if n := at(got, "common.shareRoles."+permission.ViewerID+".name"); n != "UnifiedRoleViewer" {
		t.Errorf("%v", n)
	}
}

func TestThemesOfOperators(t *testing.T) {
	w := start(t, built(), map[string]string{
		"themes/acme/theme.json": `{"common":{"name":"ACME","shareRoles":{"` + permission.ViewerID + `":{"iconName":"glasses"}}},"clients":{"web":{"themes":[{"label":"Only"}]}}}`,
		"themes/acme/logo.png":   "picture", "themes/acme/page.html": "<script>", "themes/acme/.secret": "secret", "themes/opencloud/favicon.svg": "<svg own/>",
		"themes/broken/theme.json": "{", "secret": "secret",
	})
	if err := os.Symlink("../../secret", filepath.Join(w.dir, "themes/acme/link.png")); err != nil {
		t.Fatal(err)
	}
	got := theme(t, w, "acme")
	if at(got, "common.name") != "ACME" || at(got, "common.logo") != "themes/opencloud/logo.svg" || len(at(got, "clients.web.themes").([]any)) != 1 ||
		at(got, "common.shareRoles."+permission.ViewerID+".iconName") != "glasses" || at(got, "common.shareRoles."+permission.EditorID+".iconName") != "pencil" {
		t.Errorf("%v", got)
	}
	for _, id := range []string{"broken", "unknown"} { // clients do not start without one
		if got := theme(t, w, id); at(got, "common.name") != "OpenCloud" {
			t.Errorf("%s: %v", id, got)
		}
	}
	for path, want := range map[string]string{"acme/logo.png": "picture", "opencloud/favicon.svg": "<svg own/>"} {
		if r := w.do("GET", "/themes/"+path, nil); r.Body.String() != want {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	for _, path := range []string{"acme/link.png", "acme/.secret", "acme/page.html", "acme", "acme/", "../secret", "acme/../../secret", "acme/%2e%2e/%2e%2e/secret", "noclient.html", ""} {
		if r := w.do("GET", "/themes/"+path, nil); r.Code != 404 || strings.Contains(r.Body.String(), "secret") {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
}

// picture is one of a kind.
func picture(t *testing.T, kind string) []byte {
	t.Helper()
	i := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.White})
	var b bytes.Buffer
	err := map[string]func(io.Writer, image.Image) error{
		"png": png.Encode, "jpeg": func(w io.Writer, i image.Image) error { return jpeg.Encode(w, i, nil) }, "gif": func(w io.Writer, i image.Image) error { return gif.Encode(w, i, nil) },
	}[kind](&b, i)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sendLogo sends a picture as browsers do.
func sendLogo(w world, who, field, name string, content []byte) int {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	_ = form.WriteField("other", "x")
	part, _ := form.CreateFormFile(field, name)
	_, _ = part.Write(content)
	_ = form.Close()
	return w.as(who, "POST", "/branding/logo", &b, "Content-Type", form.FormDataContentType()).Code
}

func TestLogo(t *testing.T) {
	w := start(t, built(), map[string]string{"themes/_branding/theme.json": `{"common":{"slogan":"Ours"}}`})
	logo := func() string {
		got := theme(t, w, "opencloud")
		name, _ := at(got, "common.logo").(string)
		if at(got, "clients.web.defaults.logo") != name || at(got, "common.slogan") != "Ours" {
			t.Errorf("%v", got)
		}
		return name
	}
	own := logo()
	for _, c := range []struct{ name, kind string }{{"a.png", "png"}, {"b.jpg", "jpeg"}, {"c.JPEG", "jpeg"}, {"d.gif", "gif"}} {
		content := picture(t, c.kind)
		if code := sendLogo(w, "admin", "logo", c.name, content); code != 200 {
			t.Fatalf("%s: %d", c.name, code)
		}
		r := w.do("GET", "/"+logo(), nil)
		if r.Code != 200 || !bytes.Equal(r.Body.Bytes(), content) || r.Header().Get("Content-Type") != "image/"+c.kind || r.Header().Get("Cache-Control") != forEver {
			t.Errorf("%s: %d %v", c.name, r.Code, r.Header())
		}
		if files, _ := os.ReadDir(filepath.Join(w.dir, "themes/_branding")); len(files) != 2 {
			t.Errorf("%s: old logos stay: %v", c.name, files)
		}
	}
	before := logo()
	for name, c := range map[string]struct {
		field, file string
		content     []byte
		want        int
	}{
		"other extension": {"logo", "a.png", picture(t, "gif"), 400}, "no extension": {"logo", "png", picture(t, "png"), 400}, "tiff": {"logo", "a.tiff", []byte("II*\x00aaaaaaaa"), 400},
		"svg": {"logo", "a.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), 400}, "page": {"logo", "a.png", []byte("<html><script>"), 400},
		"only a beginning": {"logo", "a.png", []byte("\x89PNG\r\n\x1a\n"), 400}, "other field": {"picture", "a.png", picture(t, "png"), 400},
		"large": {"logo", "a.png", append(picture(t, "png"), make([]byte, maxLogo)...), 413},
	} {
		if code := sendLogo(w, "admin", c.field, c.file, c.content); code != c.want {
			t.Errorf("%s: %d, want %d", name, code, c.want)
		}
	}
	if r := w.as("admin", "POST", "/branding/logo", bytes.NewReader(picture(t, "png")), "Content-Type", "image/png"); r.Code != 400 {
		t.Errorf("no form: %d", r.Code)
	}
	if logo() != before {
		t.Error("what was refused changed the logo")
	}
	for range 2 {
		if r := w.as("admin", "DELETE", "/branding/logo", nil); r.Code != 200 || logo() != own {
			t.Errorf("%d %s", r.Code, logo())
		}
	}
	if files, _ := os.ReadDir(filepath.Join(w.dir, "themes/_branding")); len(files) != 1 {
		t.Errorf("%v", files)
	}
}

// TestWhoMay: who may change the look and announce something; all others change and learn nothing.
func TestWhoMay(t *testing.T) {
	for who, want := range map[string]int{"": 401, "visitor": 401, "service": 403, "user-light": 403, "user": 403, "spaceadmin": 403, "admin": 0} {
		w := start(t, built(), nil)
		if want == 0 {
			if sendLogo(w, who, "logo", "a.png", picture(t, "png")) != 200 || w.as(who, "DELETE", "/branding/logo", nil).Code != 200 ||
				w.as(who, "PUT", "/announcement", strings.NewReader(`{"enabled":true,"bannerText":"x"}`)).Code != 204 || w.as(who, "GET", "/announcement", nil).Code != 200 {
				t.Errorf("%s may not", who)
			}
			continue
		}
		if code := sendLogo(w, who, "logo", "a.png", picture(t, "png")); code != want {
			t.Errorf("%q sets the logo: %d", who, code)
		}
		for _, c := range []struct{ method, path, body string }{{"DELETE", "/branding/logo", ""}, {"GET", "/announcement", ""}, {"PUT", "/announcement", `{"enabled":true,"bannerText":"x"}`}} {
			if r := w.as(who, c.method, c.path, strings.NewReader(c.body)); r.Code != want || strings.Contains(r.Body.String(), "enabled") {
				t.Errorf("%q %s %s: %d %s, want %d", who, c.method, c.path, r.Code, r.Body, want)
			}
		}
		for _, made := range []string{"data", "themes"} {
			if _, err := os.Stat(filepath.Join(w.dir, made)); err == nil {
				t.Errorf("%q left something in %s", who, made)
			}
		}
	}
	w := start(t, built(), nil)
	for _, c := range []struct{ method, path string }{{"GET", "/branding/logo"}, {"PUT", "/branding/logo"}, {"POST", "/announcement"}, {"DELETE", "/announcement"}} {
		if r := w.as("admin", c.method, c.path, nil); r.Code != http.StatusMethodNotAllowed || r.Header().Get("Allow") == "" {
			t.Errorf("%s %s: %d", c.method, c.path, r.Code)
		}
	}
}
