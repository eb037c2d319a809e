package pages

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"opencloud/internal/identity/password"
)

// texts finds what people read: in templates, and in the handlers that give pages their titles and messages.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(file string, pattern *regexp.Regexp, source []byte) {
		for _, m := range pattern.FindAllSubmatch(source, -1) {
			if text := string(m[1]); strings.Contains(text, " ") || !strings.Contains(text, ".") { // names of scopes are no texts
				out[text] = file
			}
		}
	}
	inTemplate := regexp.MustCompile(`\bt "([^"]+)"`)
	err := fs.WalkDir(templates, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := templates.ReadFile(p)
		add(p, inTemplate, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// A sentence in a handler, or a title: what is logged begins with a small letter.
	inHandler := regexp.MustCompile(`(?:Title: |title :?= |Message: |Hint: |Error[,:]? ?(?:status)? ?[:=]+ ?|Done, err = |errPage\{|problem\(w, r, [\w.]+, |zoidc.Scope\w+, |u, |u.Language, )"([A-Z][^"]+)"`)
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults(t) {
		out[f.Text] = "password policy"
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		add(f, inHandler, b)
	}
	return out
}

// faults are all that the policy of passwords may say.
func faults(t *testing.T) []password.Fault {
	t.Helper()
	list := filepath.Join(t.TempDir(), "banned")
	if err := os.WriteFile(list, []byte("-\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := password.Policy{Length: 2, Lower: 2, Upper: 2, Digits: 2, Special: 2}
	if err := p.Ban(list); err != nil {
		t.Fatal(err)
	}
	all := p.Faults("-")
	if len(all) != 6 {
		t.Fatalf("the policy says %v", all)
	}
	return all
}

// Every text has a translation in every language, with the same places for values.
func TestTranslations(t *testing.T) {
	s, err := New(Brand{})
	if err != nil {
		t.Fatal(err)
	}
	all := texts(t)
	if len(all) < 90 || len(s.texts.Tags) != 4 {
		t.Fatalf("%d texts in %d languages: are they found?", len(all), len(s.texts.Tags))
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for _, tag := range s.texts.Tags {
		for text, file := range all {
			got := s.texts.In(tag)(text)
			if !s.texts.Has(tag, text) {
				t.Errorf("%s: %q (%s) has no translation", tag, text, file)
			} else if strings.Join(verbs.FindAllString(text, -1), "") != strings.Join(verbs.FindAllString(got, -1), "") {
				t.Errorf("%s: %q has other values than %q", tag, got, text)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	s, err := New(Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ locales, own, accept, want string }{
		{"", "", "", "en"},
		{"", "", "de-AT,en;q=0.5", "de"},
		{"", "fr", "de", "fr"},
		{"es fr", "de", "de", "es"},
		{"xx", "", "ja", "en"},
		{"", "", strings.Repeat("de,", 1000), "en"},
		{"%%%", "\x00", ";;;", "en"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		q := r.URL.Query()
		q.Set("ui_locales", c.locales)
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Accept-Language", c.accept)
		if got := s.Language(r, c.own); got != language.MustParse(c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What people and operators write is text on the page, never markup; the policy names the nonce of the page.
func TestRender(t *testing.T) {
	s, err := New(Brand{Text: "<script>alert(1)</script>", Background: "https://pictures.example/x.jpg"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	data := struct{ Message, Hint, Retry string }{`<img src=x onerror="alert(1)">`, "", `javascript:alert(1)`}
	if err := s.Render(w, httptest.NewRequest("GET", "/", nil), Page{Template: "problem", Title: "This did not work", Status: 418, Data: data}); err != nil {
		t.Fatal(err)
	}
	body, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	if w.Code != 418 || strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") || strings.Contains(body, `href="javascript:`) {
		t.Errorf("%d\n%s", w.Code, body)
	}
	nonce := regexp.MustCompile(`nonce-([A-Z0-9]+)`).FindStringSubmatch(policy)
	if nonce == nil || !strings.Contains(body, `nonce="`+nonce[1]+`"`) || !strings.Contains(policy, "https://pictures.example") {
		t.Errorf("%s\n%s", policy, body)
	}
}
