package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCSP(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Setenv("COLLABORA_DOMAIN", "office.example.org")
	one := write("a.yaml", `directives: {frame-src: ["https://${COLLABORA_DOMAIN|x}/", "'self'"], default-src: ["'self'"]}`)
	write("b.yaml", `directives: {img-src: ["https://${NOBODY_SETS_THIS|fallback.example.org}/", "https://a;script-src *"]}`)
	broken := write("broken.yml", "directives: [")
	plain, err := loadCSP("", "")
	if err != nil || !strings.Contains(plain, "frame-ancestors 'self'") || !strings.Contains(plain, "default-src 'none'") {
		t.Errorf("default: %s, %v", plain, err)
	}
	got, err := loadCSP(filepath.Join(dir, "*.yaml"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"frame-src 'self' blob: https://embed.diagrams.net/ https://office.example.org/;", "default-src 'self';", "https://fallback.example.org/"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Count(got, "script-src") != 2 || strings.Contains(got, ";script-src *") { // the second is inside a source, harmless
		t.Errorf("a source broke out: %s", got)
	}
	if got, err := loadCSP("", one); err != nil || got != "default-src 'self'; frame-src https://office.example.org/ 'self'" {
		t.Errorf("override: %s, %v", got, err)
	}
	if _, err := loadCSP(filepath.Join(dir, "*.nothing"), ""); err != nil {
		t.Errorf("pattern without hits: %v", err)
	}
	for _, bad := range [][2]string{{filepath.Join(dir, "missing.yaml"), ""}, {"", filepath.Join(dir, "*.nothing")}, {broken, ""}} {
		if _, err := loadCSP(bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}
