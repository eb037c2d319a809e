// Package browser runs the tests of pages in a real Chromium against the real program.
package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opencloud/test/server"
)

// TestBrowser runs each file of node's tests against a server of its own: with OC_BROWSER=all (make browser) all of them, else
// those that CI has time for. OC_SHOTS names a folder that the screenshots go to.
func TestBrowser(t *testing.T) {
	for _, program := range []string{"node", "npm", "chromium"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", program)
			}
			t.Skipf("%s is not installed", program)
		}
	}
	dir := filepath.Join(server.Root(t), "test", "browser")
	if out, err := command(dir, "npm", "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.test.js"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	always := []string{"signin", "sidebar"}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".test.js")
		if os.Getenv("OC_BROWSER") == "" && !slices.Contains(always, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o server.Options
			if name == "embed" { // another page may have the client in a frame
				o.Env = []string{"WEB_OPTION_EMBED_MESSAGES_ORIGIN=https://partner.example", "PROXY_CSP_CONFIG_FILE_LOCATION=" + filepath.Join(dir, "testdata", "embed-csp.yaml")}
			}
			s := server.Start(t, o)
			env := []string{"OPENCLOUD_URL=" + s.URL, "ADMIN_PASSWORD=" + server.Password, "SHOTS=" + os.Getenv("OC_SHOTS"), "OPENCLOUD_DATA=" + filepath.Join(s.Dir, "data")}
			if name == "signin" {
				strict := []string{"IDP_SECOND_FACTOR=required", "IDP_SECOND_FACTOR_ROLES=user"}
				env = append(env, "OPENCLOUD_STRICT_URL="+server.Start(t, server.Options{Split: true, Env: strict}).URL,
					"OPENCLOUD_ASSETS_URL="+server.Start(t, server.Options{Env: append(strict, "IDP_ASSET_PATH="+filepath.Join(dir, "testdata", "assets"))}).URL)
			}
			cmd := command(dir, "node", "--test", "--test-reporter=spec", "--test-timeout=900000", file)
			cmd.Env = append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

func command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	return cmd
}
