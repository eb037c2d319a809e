package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"opencloud/test/server"
)

// TestSyncOfShares: two people with sync clients, one of whom shares a folder with the other. Whatever either changes arrives at the
// other's by syncing in turns, which it only does if the ETags of both trees change. (spec/storage.md §1.3, §5)
func TestSyncOfShares(t *testing.T) {
	client := tool(t, "owncloudcmd")
	inBothWirings(t, func(t *testing.T, o server.Options) { syncShares(t, client, o) })
}

// desktop is somebody's folder that is kept the same as one on the server.
type desktop struct {
	*sharer
	client, dir, dav, home string
}

func (d *desktop) run() ([]byte, error) {
	exclude := filepath.Join(d.home, "exclude")
	must(d.t, os.MkdirAll(d.dir, 0o755))
	must(d.t, os.WriteFile(exclude, nil, 0o644))
	cmd := exec.Command(d.client, "--trust", "--non-interactive", "--exclude", exclude, "--user", d.User, "--password", d.Password, "--davpath", d.dav, d.dir, d.URL+"/")
	// This client makes TUS uploads in the user's own space, wherever it was told to sync.
	cmd.Env = append(os.Environ(), "QT_QPA_PLATFORM=offscreen", "HOME="+d.home, "OWNCLOUD_NO_TUS=1")
	return cmd.CombinedOutput()
}

func (d *desktop) sync() {
	d.t.Helper()
	if out, err := d.run(); err != nil {
		d.t.Fatalf("owncloudcmd of %s: %v\n%s", d.User, err, out[max(0, len(out)-4000):])
	}
}

func (d *desktop) at(p string) string { return filepath.Join(d.dir, p) }

func (d *desktop) write(p, text string) {
	d.t.Helper()
	must(d.t, os.MkdirAll(filepath.Dir(d.at(p)), 0o755))
	must(d.t, os.WriteFile(d.at(p), []byte(text), 0o644))
}

// has fails the test unless a file has this content; "": unless there is nothing.
func (d *desktop) has(p, text string) {
	d.t.Helper()
	c, err := os.ReadFile(d.at(p))
	if text == "" && os.IsNotExist(err) {
		return
	}
	if err != nil || string(c) != text {
		d.t.Fatalf("%s's %s: %q %v, want %q", d.User, p, c, err, text)
	}
}

func syncShares(t *testing.T, client string, o server.Options) {
	s := server.Start(t, o)
	dir := t.TempDir()
	open := func(user string) *desktop {
		p := as(t, s, user)
		must(t, os.MkdirAll(filepath.Join(dir, user, "home"), 0o755))
		return &desktop{p, client, filepath.Join(dir, user, "files"), "/dav/spaces/" + p.drive, filepath.Join(dir, user, "home")}
	}
	alan, mary := open("alan"), open("mary")
	mary.dav = "/dav/spaces/" + jailSpace
	alan.write("docs/a.txt", "of alan")
	alan.write("docs/sub/deep.txt", "deep")
	alan.write("other/not hers.txt", "x")
	alan.sync()
	share := alan.invite("docs", maryUser, editorRole)
	mary.sync()
	same(t, alan.at("docs"), mary.at("docs"))
	mary.has("other/not hers.txt", "")
	turns := func() { // each of them sees what the other did last
		t.Helper()
		mary.sync()
		alan.sync()
		mary.sync()
		alan.sync()
	}

	// Changes by either.
	mary.write("docs/sub/deep.txt", "changed by mary")
	mary.write("docs/new/of mary.txt", "new")
	mary.sync()
	alan.sync()
	alan.has("docs/sub/deep.txt", "changed by mary")
	alan.has("docs/new/of mary.txt", "new")
	alan.write("docs/a.txt", "changed by alan")
	must(t, os.Rename(alan.at("docs/new/of mary.txt"), alan.at("docs/new/renamed.txt")))
	alan.sync()
	mary.sync()
	mary.has("docs/a.txt", "changed by alan")
	mary.has("docs/new/renamed.txt", "new")
	mary.has("docs/new/of mary.txt", "")
	must(t, os.Rename(mary.at("docs/sub"), mary.at("docs/moved")))
	must(t, os.Remove(mary.at("docs/new/renamed.txt")))
	turns()
	alan.has("docs/moved/deep.txt", "changed by mary")
	alan.has("docs/new/renamed.txt", "")
	same(t, alan.at("docs"), mary.at("docs"))

	// She calls it otherwise; he does not see that, and it stays so whatever he calls it.
	// (Not with this client, which moves nothing within a folder to which nothing may be added; what it sees of it is what counts.)
	mary.Want("MOVE", mary.dav+"/docs", "", []string{"Destination", mary.dav + "/mine"}, 201)
	turns()
	mary.has("docs/a.txt", "")
	mary.has("mine/a.txt", "changed by alan")
	alan.has("docs/a.txt", "changed by alan")
	alan.has("mine/a.txt", "")
	must(t, os.Rename(alan.at("docs"), alan.at("papers")))
	alan.write("papers/a.txt", "after the rename")
	alan.sync()
	mary.sync()
	mary.has("mine/a.txt", "after the rename")
	mary.write("mine/b.txt", "by mary")
	turns()
	alan.has("papers/b.txt", "by mary")
	same(t, alan.at("papers"), mary.at("mine"))

	// As a viewer she changes nothing, and nothing is lost at his.
	permission := "/graph/v1beta1/drives/" + alan.drive + "/items/" + alan.id("papers") + "/permissions/" + url.PathEscape(share)
	alan.Want("PATCH", permission, `{"roles":["`+viewerRole+`"]}`, nil, 200)
	mary.sync()
	must(t, os.Chmod(mary.at("mine"), 0o755))
	must(t, os.Chmod(mary.at("mine/a.txt"), 0o644))
	mary.write("mine/a.txt", "not allowed")
	mary.write("mine/added.txt", "not allowed")
	must(t, os.Remove(mary.at("mine/b.txt")))
	for range 2 {
		_, _ = mary.run() // it may say that not everything was possible
		alan.sync()
	}
	for p, want := range map[string]string{"papers/a.txt": "after the rename", "papers/b.txt": "by mary", "papers/added.txt": "", "papers/moved/deep.txt": "changed by mary"} {
		alan.has(p, want)
	}
	mary.has("mine/b.txt", "by mary")
	mary.has("mine/a.txt", "after the rename")

	// Taken back: hers goes, his stays.
	must(t, os.RemoveAll(mary.at("mine/added.txt")))
	alan.Want("DELETE", permission, "", nil, 204)
	_, _ = mary.run()
	mary.has("mine/a.txt", "")
	alan.sync()
	for p, want := range map[string]string{"papers/a.txt": "after the rename", "papers/b.txt": "by mary"} {
		alan.has(p, want)
	}
	if out, err := s.Command("shares", "check").CombinedOutput(); err != nil {
		t.Errorf("shares check: %v\n%s", err, out)
	}
}
