package app

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/app/setup"
	"opencloud/internal/platform/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func noEnv(string) (string, bool) { return "", false }

// read loads a folder's configuration for every service: its warnings, and what is not as it is by default, with secrets
// masked.
func read(t *testing.T, dir string) (warnings []string, set map[string]any) {
	t.Helper()
	s, err := config.Open(dir, "/data", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := config.Open(t.TempDir(), "/data", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	warnings, set = s.Unused(sections(), globalKeys), map[string]any{}
	for _, c := range configs() {
		name := c.name
		if name == "runtime" {
			name = "opencloud-runtime"
		}
		v := reflect.New(reflect.TypeOf(c.config))
		w, err := s.Load(name, v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		warnings = append(warnings, w...)
		base := reflect.New(reflect.TypeOf(c.config))
		_, _ = defaults.Load(name, base.Interface()) // secrets are missing there
		if d := different(config.Masked(v.Interface()), config.Masked(base.Interface())); len(d) > 0 {
			set[c.name] = d
		}
	}
	return warnings, set
}

// different returns what is not the same in base.
func different(set, base map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range set {
		if sub, ok := v.(map[string]any); ok {
			other, _ := base[k].(map[string]any)
			if d := different(sub, other); len(d) > 0 {
				out[k] = d
			}
		} else if !reflect.DeepEqual(v, base[k]) {
			out[k] = v
		}
	}
	return out
}

// TestConfigurationOfTheOriginal: it is understood; what means nothing here is told with file and line, except for what
// init writes; secrets are never shown.
func TestConfigurationOfTheOriginal(t *testing.T) {
	dir := t.TempDir()
	raw, err := os.ReadFile("testdata/original.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "opencloud.yaml"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	warnings, set := read(t, dir)
	var got bytes.Buffer
	for _, w := range warnings {
		got.WriteString(strings.ReplaceAll(w, dir+"/", "") + "\n")
	}
	got.WriteString("\n")
	e := json.NewEncoder(&got)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(set); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"jwt-secret", "machine-key", "transfer-secret", "signing-secret", "account-secret", "admin-password", "reva-bind"} {
		if strings.Contains(got.String(), secret) {
			t.Errorf("the secret %q is shown", secret)
		}
	}
	golden := "testdata/original.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(want, got.Bytes()) {
		t.Errorf("differs from %s (go test ./internal/app -update writes it anew): %v\n%s", golden, err, got.String())
	}
}

// TestFreshConfigurationIsQuiet: what init writes is read without a warning.
func TestFreshConfigurationIsQuiet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var out bytes.Buffer
	if err := setup.Init(setup.Options{Dir: dir}, &out); err != nil {
		t.Fatal(err)
	}
	if w, _ := read(t, dir); len(w) > 0 {
		t.Errorf("warnings:\n%s", strings.Join(w, "\n"))
	}
}

// TestEverySectionIsInTheReference: a service without its settings in the reference is one nobody can configure.
func TestEverySectionIsInTheReference(t *testing.T) {
	for _, n := range Names() {
		if !slices.ContainsFunc(configs(), func(s section) bool { return s.name == n }) {
			t.Errorf("%s is missing", n)
		}
	}
}
