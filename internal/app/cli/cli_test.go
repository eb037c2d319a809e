package cli_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/app"
	"opencloud/internal/app/cli"
)

// run executes a command line in a home of its own.
func run(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	lookup := func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	c := cli.New("1.2.3", lookup)
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func TestCommands(t *testing.T) {
	env := map[string]string{"HOME": t.TempDir()}
	out, err := run(t, env, "version", "--skip-services")
	if err != nil || !strings.Contains(out, "1.2.3") {
		t.Error(out, err)
	}
	for _, n := range app.Names() {
		if out, err := run(t, env, n, "version"); err != nil || !strings.Contains(out, "1.2.3") {
			t.Errorf("%s version: %s %v", n, out, err)
		}
		if out, err := run(t, env, n, "--help"); err != nil || !strings.Contains(out, "server") || !strings.Contains(out, "health") {
			t.Errorf("%s: %s %v", n, out, err)
		}
	}
	if out, err := run(t, env, "completion", "bash"); err != nil || !strings.Contains(out, "opencloud") {
		t.Error(err)
	}
	if _, err := run(t, env, "no-such-thing"); err == nil {
		t.Error("an unknown command was taken")
	}
}

func TestInitCommand(t *testing.T) {
	home := t.TempDir()
	env := map[string]string{"HOME": home, "IDM_ADMIN_PASSWORD": "From-the-env-1"}
	out, err := run(t, env, "init", "--insecure", "no")
	if err != nil || !strings.Contains(out, "From-the-env-1") || !strings.Contains(out, filepath.Join(home, ".opencloud", "config", "opencloud.yaml")) {
		t.Error(out, err)
	}
	if out, err := run(t, env, "init", "--help"); err != nil || strings.Contains(out, "From-the-env-1") {
		t.Errorf("help shows the password: %v", err)
	}
	for _, args := range [][]string{{"init", "--insecure", "no"}, {"init", "--insecure", "no", "--diff", "-f"}, {"init", "--insecure", "no", "-d", "--admin-password", "x"}, {"init", "--insecure", "maybe", "-f"}} {
		if _, err := run(t, env, args...); err == nil {
			t.Errorf("%v went through", args)
		}
	}
	if out, err := run(t, env, "init", "--insecure", "no", "--diff"); err != nil || !strings.Contains(out, "no changes") {
		t.Error(out, err)
	}
}

func TestHealthCommand(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("OK"))
	}))
	defer s.Close()
	env := map[string]string{"HOME": t.TempDir(), "GRAPH_DEBUG_ADDR": strings.TrimPrefix(s.URL, "http://")}
	if out, err := run(t, env, "graph", "health"); err != nil || !strings.Contains(out, "OK") {
		t.Error(out, err)
	}
	status = http.StatusInternalServerError
	if _, err := run(t, env, "graph", "health"); err == nil {
		t.Error("a sick service passes for a healthy one")
	}
	s.Close()
	if _, err := run(t, env, "graph", "health"); err == nil {
		t.Error("a dead service passes for a healthy one")
	}
	env["OC_RUNTIME_PORT"] = "1"
	if _, err := run(t, env, "list"); err == nil {
		t.Error("list found a server where there is none")
	}
}
