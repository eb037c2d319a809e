package setup_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"opencloud/internal/app/setup"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestInit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "config")
	path := filepath.Join(dir, "opencloud.yaml")
	var out bytes.Buffer
	if err := setup.Init(setup.Options{Dir: dir, Insecure: true, AdminPassword: `p"'a: #s`}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), path) || !strings.Contains(out.String(), `p"'a: #s`) {
		t.Errorf("the box lacks folder or password:\n%s", out.String())
	}
	for p, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v %v", p, st.Mode(), err)
		}
	}
	var c struct {
		Token struct {
			Secret string `yaml:"jwt_secret"`
		} `yaml:"token_manager"`
		Transfer string `yaml:"transfer_secret"`
		IDM      struct {
			Passwords map[string]string `yaml:"service_user_passwords"`
		} `yaml:"idm"`
		Proxy struct {
			Insecure bool `yaml:"insecure_backends"`
		} `yaml:"proxy"`
		Storage struct {
			Mount string `yaml:"mount_id"`
		} `yaml:"storage_users"`
		Gateway struct {
			Registry map[string]string `yaml:"storage_registry"`
		} `yaml:"gateway"`
	}
	text := read(t, path)
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Token.Secret) < 32 || c.Token.Secret == c.Transfer || c.IDM.Passwords["admin_password"] != `p"'a: #s` || !c.Proxy.Insecure ||
		c.Storage.Mount == "" || c.Storage.Mount != c.Gateway.Registry["storage_users_mount_id"] {
		t.Errorf("%+v", c)
	}
	// A second time: refused, nothing touched, both flags named.
	err := setup.Init(setup.Options{Dir: dir}, &out)
	if !errors.Is(err, setup.ErrExists) || !strings.Contains(err.Error(), "--force-overwrite") || !strings.Contains(err.Error(), "--diff") || read(t, path) != text {
		t.Error(err)
	}
	// By force: a copy of the old one stays.
	if err := setup.Init(setup.Options{Dir: dir, Force: true}, &out); err != nil {
		t.Fatal(err)
	}
	backups, _ := filepath.Glob(path + ".*.backup")
	if len(backups) != 1 || read(t, backups[0]) != text || read(t, path) == text {
		t.Errorf("backups: %v", backups)
	}
}

// TestDiff: what is missing is told and agrees with what is there; nothing is changed.
func TestDiff(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "opencloud.yaml")
	old := "token_manager:\n  jwt_secret: old-secret\nstorage_users:\n  mount_id: the-mount\ngraph:\n  service_account:\n    service_account_id: the-account\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := setup.Init(setup.Options{Dir: dir, Diff: true}, &out); err != nil {
		t.Fatal(err)
	}
	patch := read(t, filepath.Join(dir, "opencloud.config.patch"))
	if read(t, path) != old || strings.Contains(patch, "jwt_secret") || !strings.Contains(patch, "transfer_secret") {
		t.Errorf("patch:\n%s", patch)
	}
	if strings.Count(patch, "storage_users_mount_id: the-mount") != 1 || !strings.Contains(patch, "service_account_id: the-account") {
		t.Errorf("what stands in several places does not agree:\n%s", patch)
	}
}
