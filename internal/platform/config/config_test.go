package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/platform/config"
)

type sample struct {
	HTTP    config.HTTP       `yaml:"http" addr:"127.0.0.1:1"`
	Log     config.Log        `yaml:"log"`
	URL     string            `yaml:"url" env:"OC_URL;SAMPLE_URL" global:"opencloud_url" default:"https://localhost:9200"`
	Secret  string            `yaml:"secret" env:"OC_SECRET" global:"secret" required:"true" secret:"true"`
	Wait    time.Duration     `yaml:"wait" env:"SAMPLE_WAIT" default:"5s"`
	Many    []string          `yaml:"many" env:"SAMPLE_MANY"`
	Pairs   map[string]string `yaml:"pairs"`
	Count   int               `yaml:"count" default:"3"`
	Enabled bool              `yaml:"enabled"`
	Path    string            `yaml:"path" default:"{DATA}/x"`
}

// load writes the files, loads the service "my-sample", and returns what came of it.
func load(t *testing.T, files map[string]string, env map[string]string) (sample, []string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var c sample
	s, err := config.Open(dir, "/data", func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		return c, nil, err
	}
	w, err := s.Load("my-sample", &c)
	return c, w, err
}

func TestLayers(t *testing.T) {
	c, w, err := load(t, map[string]string{
		"opencloud.yaml": "secret: g\nopencloud_url: https://global\nlog: {level: info}\nmy_sample:\n  count: 7\n  many: [a, \"${WHO|bob}\"]\n  wait: 10\n",
		"my-sample.yaml": "count: 9\npairs: {k: v}\n",
	}, map[string]string{"OC_URL": "https://env", "MY_SAMPLE_HTTP_ADDR": "0.0.0.0:5"})
	if err != nil || len(w) != 0 {
		t.Fatal(w, err)
	}
	if c.URL != "https://env" || c.Count != 9 || c.Secret != "g" || c.Log.Level != "info" || c.Wait != 10*time.Second || c.HTTP.Addr != "0.0.0.0:5" ||
		c.Many[1] != "bob" || c.Pairs["k"] != "v" || c.Path != "/data/x" {
		t.Fatalf("%+v", c)
	}
}

func TestLastVariableWins(t *testing.T) {
	c, _, err := load(t, map[string]string{"opencloud.yaml": "secret: g\n"}, map[string]string{"OC_URL": "a", "SAMPLE_URL": ""})
	if err != nil || c.URL != "" {
		t.Fatalf("%q %v: a variable that is set but empty counts", c.URL, err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		file, want string
		env        map[string]string
	}{
		"wrong type":     {"secret: s\nmy_sample:\n  count: many\n", "opencloud.yaml:3: my_sample.count: \"many\" is no whole number", nil},
		"missing secret": {"my_sample:\n  count: 1\n", "secret is missing", nil},
		"variable":       {"secret: s\n", "environment variable SAMPLE_WAIT", map[string]string{"SAMPLE_WAIT": "soon"}},
		"list":           {"secret: s\nmy_sample:\n  count: [1]\n", "opencloud.yaml:3: my_sample.count: expected a single value", nil},
		"syntax":         {"secret: [\n", "opencloud.yaml", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, map[string]string{"opencloud.yaml": tc.file}, tc.env)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestUnknownKeysAreWarnings(t *testing.T) {
	_, w, err := load(t, map[string]string{"opencloud.yaml": "secret: s\nmy_sample:\n  cuont: 1\n  events: {tls_insecure: true}\n"}, nil)
	if err != nil || len(w) != 1 || !strings.Contains(w[0], "opencloud.yaml:3: my_sample.cuont") || !strings.Contains(w[0], `"count"`) {
		t.Fatal(w, err)
	}
}

func TestExpand(t *testing.T) {
	env := func(k string) (string, bool) { v, ok := map[string]string{"A": "1", "E": ""}[k]; return v, ok }
	for in, want := range map[string]string{"$$x": "$x", "${A}": "1", "${B|d}": "d", "${E:-d}": "d", "${E-d}": "", "${A:+y}": "y", "p$w": "p$w", "${B:=z}": "z"} {
		if got, err := config.Expand(in, env); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("secret: s\nmy_sample: {count: 1}\n")
	f.Add("a: &x 1\nb: *x\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "opencloud.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Open(dir, "/data", func(string) (string, bool) { return "", false })
		if err == nil {
			var c sample
			_, _ = s.Load("my-sample", &c)
		}
	})
}
