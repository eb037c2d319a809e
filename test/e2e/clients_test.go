// Package e2e tests the real program with real clients.
package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"opencloud/test/server"
)

// tool skips the test when a program is not there; make test installs them.
func tool(t *testing.T, name string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return p
}

var spaceID = regexp.MustCompile(`"id":"([^"!]+)","driveType":"personal"`)

// personal returns the id of the user's personal space.
func personal(t *testing.T, c *server.Client) string {
	t.Helper()
	m := spaceID.FindStringSubmatch(c.Want("GET", "/graph/v1.0/me/drives", "", nil, 200).Body)
	if m == nil {
		t.Fatal("no personal space")
	}
	return m[1]
}

// everywhere runs a suite on both databases and in both wirings.
func everywhere(t *testing.T, f func(t *testing.T, o server.Options)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, server.Options{}) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); f(t, server.Options{Database: postgres(t)}) })
	t.Run("split", func(t *testing.T) { t.Parallel(); f(t, server.Options{Split: true}) })
}

// inBothWirings runs a suite in one process and in many; where only the database could make a difference, the suites of the
// packages tell.
func inBothWirings(t *testing.T, f func(t *testing.T, o server.Options)) {
	t.Run("together", func(t *testing.T) { t.Parallel(); f(t, server.Options{}) })
	t.Run("split", func(t *testing.T) { t.Parallel(); f(t, server.Options{Split: true}) }) // the processes share files
}

// TestManyProcessesOneNewDatabase: all processes make their tables in one new PostgreSQL database at once.
func TestManyProcessesOneNewDatabase(t *testing.T) {
	s := server.Start(t, server.Options{Split: true, Database: postgres(t)})
	alan := as(t, s, "alan")
	alan.mkdir("docs")
	alan.put("docs/a.txt", "one")
	alan.invite("docs", maryUser, viewerRole)
	if a := as(t, s, "mary").Want("GET", "/dav/spaces/"+jailSpace+"/docs/a.txt", "", nil, 200); a.Body != "one" {
		t.Errorf("%s", a.Body)
	}
}

func TestLitmus(t *testing.T) {
	litmus := tool(t, "litmus")
	everywhere(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		roots := []string{"/remote.php/webdav", "/dav/files/admin", "/dav/spaces/" + personal(t, s.Admin())}
		for range 2 { // a path that was used before must serve as well
			for _, root := range roots {
				cmd := exec.Command(litmus, "-k", s.URL+root, "admin", server.Password)
				cmd.Dir = t.TempDir()
				cmd.Env = append(os.Environ(), "TESTS=basic copymove props locks http")
				out, err := cmd.CombinedOutput()
				if err != nil || bytes.Contains(out, []byte("FAIL")) || bytes.Contains(out, []byte("WARNING")) || bytes.Count(out, []byte("100.0%")) != 5 {
					t.Fatalf("litmus %s: %v\n%s", root, err, out)
				}
			}
		}
	})
}

// oddNames must survive every round trip.
var oddNames = []string{"empty.txt", "ünïcode 文件.txt", "per%cent", "hash#tag", "quest?ion", "plus+sign", "amp&er", "quo'te", `dq"uote`, "back;semi",
	"sp ace ", " lead", "e\u0301-nfd", "\u00e9-nfc", "Case.txt", "case.txt", "🎉", "-dash", "a,b=c@d!$(e)"}

// fill makes a folder of many files.
func fill(t *testing.T, dir string, files int, seed uint64, long bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	write := func(p string, n int) {
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	names := oddNames
	if long {
		names = append([]string{strings.Repeat("a", 255)}, names...)
	}
	for i, n := range names {
		size := 10 * i
		if n == "empty.txt" {
			size = 0
		}
		write(filepath.Join(dir, "odd", n), size)
	}
	for i := len(names); i < files; i++ {
		write(filepath.Join(dir, fmt.Sprintf("folder %d/sub%d/file%d.bin", i%7, i%3, i)), r.IntN(8000))
	}
}

// plenty is how many files the clients get: fewer where only the wiring or the database is another.
func plenty(o server.Options) int {
	if o.Split || o.Database != "" {
		return 250
	}
	return 1000
}

func TestRclone(t *testing.T) {
	rclone := tool(t, "rclone")
	everywhere(t, func(t *testing.T, o server.Options) { roundTrips(t, rclone, o) })
}

func roundTrips(t *testing.T, rclone string, o server.Options) {
	s := server.Start(t, o)
	dir := t.TempDir()
	src, back := filepath.Join(dir, "src"), filepath.Join(dir, "back")
	fill(t, src, plenty(o), 1, true)
	size := int64(64 << 20)
	if os.Getenv("OC_E2E_BIG") != "" {
		size = 2 << 30
	}
	big, err := os.Create(filepath.Join(src, "big.bin"))
	if err == nil {
		_, err = big.WriteAt([]byte("the end"), size-7)
		err = errorsJoin(err, big.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	password, err := exec.Command(rclone, "obscure", server.Password).Output()
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(rclone, append([]string{"--no-check-certificate", "--config", filepath.Join(dir, "none.conf"), "--transfers", "8"}, args...)...)
		cmd.Env = append(os.Environ(), "RCLONE_CONFIG_C_TYPE=webdav", "RCLONE_CONFIG_C_URL="+s.URL+"/remote.php/webdav", "RCLONE_CONFIG_C_VENDOR=owncloud",
			"RCLONE_CONFIG_C_USER=admin", "RCLONE_CONFIG_C_PASS="+strings.TrimSpace(string(password)))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("rclone %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("sync", src, "C:trip")
	run("check", src, "C:trip")
	run("check", "--download", src+"/odd", "C:trip/odd")
	run("sync", "C:trip", back)
	run("check", src, back)
	fill(t, src, plenty(o), 2, true) // other content under the same names
	if err := os.RemoveAll(filepath.Join(src, "folder 3")); err != nil {
		t.Fatal(err)
	}
	run("sync", src, "C:trip")
	run("check", src, "C:trip")
	run("move", "C:trip", "C:moved")
	run("check", src, "C:moved")
}

func errorsJoin(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// TestOwncloudcmd syncs two folders by turns through the server.
func TestOwncloudcmd(t *testing.T) {
	client := tool(t, "owncloudcmd")
	everywhere(t, func(t *testing.T, o server.Options) { byTurns(t, client, o) })
}

func byTurns(t *testing.T, client string, o server.Options) {
	s := server.Start(t, o)
	dir := t.TempDir()
	a, b, exclude := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "exclude")
	if err := os.WriteFile(exclude, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	sync := func(d string) {
		t.Helper()
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(client, "--trust", "--non-interactive", "--exclude", exclude, "--user", "admin", "--password", server.Password, d, s.URL+"/")
		cmd.Env = append(os.Environ(), "QT_QPA_PLATFORM=offscreen", "HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			tail := out[max(0, len(out)-4000):]
			t.Fatalf("owncloudcmd: %v\n%s", err, tail)
		}
	}
	fill(t, a, plenty(o), 3, false)
	sync(a)
	sync(b)
	same(t, a, b)
	// changes on both sides that do not meet
	must(t, os.WriteFile(filepath.Join(a, "odd", "hash#tag"), []byte("changed by a"), 0o644))
	must(t, os.RemoveAll(filepath.Join(a, "folder 1")))
	must(t, os.Rename(filepath.Join(b, "folder 2"), filepath.Join(b, "renamed 2")))
	sync(a)
	sync(b)
	sync(a)
	sync(b)
	same(t, a, b)
	if _, err := os.Stat(filepath.Join(a, "folder 1")); err == nil {
		t.Fatal("a deleted folder came back")
	}
	// a conflict: both keep a copy, nothing is lost
	must(t, os.WriteFile(filepath.Join(a, "odd", "amp&er"), []byte("version of a"), 0o644))
	must(t, os.WriteFile(filepath.Join(b, "odd", "amp&er"), []byte("version of b, longer"), 0o644))
	sync(a)
	sync(b)
	found := ""
	must(t, filepath.Walk(filepath.Join(b, "odd"), func(p string, i os.FileInfo, err error) error {
		if err == nil && strings.HasPrefix(i.Name(), "amp&er") {
			c, _ := os.ReadFile(p)
			found += string(c) + "|"
		}
		return err
	}))
	if !strings.Contains(found, "version of a") || !strings.Contains(found, "version of b, longer") {
		t.Fatalf("a side of the conflict is lost: %s", found)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares two folders but for the client's own files.
func same(t *testing.T, a, b string) {
	t.Helper()
	list := func(dir string) map[string]string {
		out := map[string]string{}
		must(t, filepath.Walk(dir, func(p string, i os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(dir, p)
			if strings.HasPrefix(filepath.Base(p), ".") || strings.HasPrefix(rel, ".") {
				return nil
			}
			if i.IsDir() {
				out[rel] = "folder"
				return nil
			}
			c, err := os.ReadFile(p)
			out[rel] = string(c)
			return err
		}))
		return out
	}
	la, lb := list(a), list(b)
	for p, c := range la {
		if lb[p] != c {
			t.Errorf("%q differs", p)
		}
	}
	for p := range lb {
		if _, ok := la[p]; !ok {
			t.Errorf("%q is only in the second folder", p)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
