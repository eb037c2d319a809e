package testkit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// RequireSlapd is the environment variable that, set to 1, makes tests fail instead of skip without OpenLDAP's server.
const RequireSlapd = "OC_TEST_REQUIRE_SLAPD"

// SlapdPassword is that of cn=admin,<suffix> at the server of Slapd.
const SlapdPassword = "secret"

// Slapd starts OpenLDAP's server with an empty tree and returns its address; stop ends it before the test does. schemas are
// files to include beside core, cosine and inetorgperson. Without slapd the test is skipped, see RequireSlapd.
func Slapd(t testing.TB, suffix string, schemas ...string) (address string, stop func()) {
	t.Helper()
	program, err := exec.LookPath("slapd")
	if err != nil {
		program = "/usr/sbin/slapd"
	}
	if _, err := os.Stat(program); err != nil {
		if os.Getenv(RequireSlapd) == "1" {
			t.Fatal("slapd is not installed (Debian: apt-get install slapd)")
		}
		t.Skip("slapd is not installed (Debian: apt-get install slapd)")
	}
	dir := t.TempDir()
	config := "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude /etc/ldap/schema/inetorgperson.schema\n"
	for _, s := range schemas {
		config += "include " + s + "\n"
	}
	config += fmt.Sprintf("modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile %s/pid\ndatabase mdb\nmaxsize 104857600\nsuffix %q\nrootdn \"cn=admin,%s\"\nrootpw %s\ndirectory %s\nsizelimit size.soft=100 size.pr=unlimited\n",
		dir, suffix, suffix, SlapdPassword, dir)
	file := filepath.Join(dir, "slapd.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := FreeAddr(t)
	cmd := exec.Command(program, "-f", file, "-h", "ldap://"+addr, "-d", "0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "ldap://" + addr, stop
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("slapd does not answer")
	return "", nil
}
