// Package browser runs the tests of pages in a real Chromium against the real program.
package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"opencloud/test/server"
)

// TestBrowser starts a server and runs node's tests. OC_SHOTS names a folder that the screenshots go to.
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
	shots := os.Getenv("OC_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	s := server.Start(t, server.Options{})
	cmd := command(dir, "node", "--test", "--test-concurrency=1")
	strict := server.Start(t, server.Options{Split: true, Env: []string{"IDP_SECOND_FACTOR=required", "IDP_SECOND_FACTOR_ROLES=user"}})
	other := server.Start(t, server.Options{Env: []string{"IDP_SECOND_FACTOR=required", "IDP_SECOND_FACTOR_ROLES=user", "IDP_ASSET_PATH=" + filepath.Join(dir, "testdata", "assets")}})
	cmd.Env = append(os.Environ(), "OPENCLOUD_URL="+s.URL, "OPENCLOUD_ASSETS_URL="+other.URL, "ADMIN_PASSWORD="+server.Password, "OPENCLOUD_STRICT_URL="+strict.URL, "SHOTS="+shots)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	return cmd
}
