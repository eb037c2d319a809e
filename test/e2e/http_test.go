package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/platform/testkit"
	"opencloud/test/server"
)

func postgres(t *testing.T) string {
	t.Helper()
	return testkit.Postgres(t)
}

var etag = regexp.MustCompile(`<d:getetag>&#34;([^&]+)&#34;</d:getetag>`)

// tagOf returns the ETag that a PROPFIND shows.
func tagOf(t *testing.T, c *server.Client, path string) string {
	t.Helper()
	m := etag.FindStringSubmatch(c.Want("PROPFIND", path, "", []string{"Depth", "0"}, 207).Body)
	if m == nil {
		t.Fatalf("no ETag at %s", path)
	}
	return m[1]
}

// TestVectors are those of spec/storage.md §21.
func TestVectors(t *testing.T) {
	everywhere(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		c := s.Admin()
		root := "/dav/spaces/" + personal(t, c)
		c.Want("PUT", root+"/a/b.txt", "x", nil, 409)
		c.Want("MKCOL", root+"/a", "", nil, 201)
		c.Want("MKCOL", root+"/sibling", "", nil, 201)
		c.Want("MKCOL", root+"/a", "", nil, 405)
		before, sibling := tagOf(t, c, root), tagOf(t, c, root+"/sibling")
		e1 := strings.Trim(c.Want("PUT", root+"/a/b.txt", "hello", nil, 201).Header.Get("Etag"), `"`)
		if tagOf(t, c, root) == before || tagOf(t, c, root+"/sibling") != sibling {
			t.Fatal("ETags of the root and a sibling")
		}
		c.Want("PUT", root+"/a/b.txt", "hello2", []string{"If-Match", `"` + e1 + `"`}, 204)
		c.Want("PUT", root+"/a/b.txt", "no", []string{"If-Match", `"` + e1 + `"`}, 412)
		c.Want("PUT", root+"/a/b.txt", "no", []string{"If-None-Match", "*"}, 412)
		c.Want("PUT", root+"/a/b.txt", "bad", []string{"OC-Checksum", "SHA1:" + strings.Repeat("0", 40)}, 400)
		got := c.Want("GET", root+"/a/b.txt", "", nil, 200)
		if got.Body != "hello2" {
			t.Fatalf("content %q", got.Body)
		}
		c.Want("GET", root+"/a/b.txt", "", []string{"If-None-Match", got.Header.Get("Etag")}, 304)
		if r := c.Want("GET", root+"/a/b.txt", "", []string{"Range", "bytes=0-0"}, 206); r.Body != "h" {
			t.Fatalf("range %q", r.Body)
		}
		c.Want("GET", root+"/a/b.txt", "", []string{"Range", "bytes=99-"}, 416)
		c.Want("PUT", root+"/c.txt", "target", nil, 201)
		id := got.Header.Get("Oc-Fileid")
		c.Want("MOVE", root+"/a/b.txt", "", []string{"Destination", s.URL + root + "/c.txt", "Overwrite", "F"}, 412)
		if m := c.Want("MOVE", root+"/a/b.txt", "", []string{"Destination", s.URL + root + "/c.txt"}, 204); m.Header.Get("Oc-Fileid") != id {
			t.Fatal("MOVE changed the id")
		}
		c.Want("DELETE", root+"/c.txt", "", nil, 204)
		trash := "/dav/spaces/trash-bin/" + strings.TrimPrefix(root, "/dav/spaces/")
		list := c.Want("PROPFIND", trash, "", []string{"Depth", "1"}, 207).Body
		if strings.Count(list, "<oc:trashbin-original-location>c.txt<") != 2 {
			t.Fatalf("trash: %s", list)
		}
		key := id[strings.Index(id, "!")+1:]
		c.Want("MOVE", trash+"/"+key, "", []string{"Destination", s.URL + root + "/back.txt"}, 201)
		if c.Want("GET", root+"/back.txt", "", nil, 200).Header.Get("Oc-Fileid") != id {
			t.Fatal("restoring changed the id")
		}
		versions(t, c, root, id)
		tus(t, c, root)
	})
}

func versions(t *testing.T, c *server.Client, root, id string) {
	t.Helper()
	v := c.Want("PROPFIND", "/dav/meta/"+id+"/v", "", []string{"Depth", "1"}, 207).Body
	hrefs := regexp.MustCompile(`<d:href>(/dav/meta/[^<]+/v/[^<]+)</d:href>`).FindAllStringSubmatch(v, -1)
	if len(hrefs) != 1 {
		t.Fatalf("versions: %s", v)
	}
	if b := c.Want("GET", hrefs[0][1], "", nil, 200).Body; b != "hello" {
		t.Fatalf("version %q", b)
	}
	c.Want("COPY", hrefs[0][1], "", nil, 204)
	if b := c.Want("GET", root+"/back.txt", "", nil, 200).Body; b != "hello" {
		t.Fatalf("restored %q", b)
	}
}

func tus(t *testing.T, c *server.Client, root string) {
	t.Helper()
	h := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "11", "Upload-Metadata", "filename ZGlyL2EudHh0,mtime MTc4NTU3ODcwMA=="}
	loc := c.Want("POST", root, "", h, 201).Header.Get("Location")
	patch := func(offset, body string, status int) server.Answer {
		return c.Want("PATCH", loc, body, []string{"Tus-Resumable", "1.0.0", "Upload-Offset", offset, "Content-Type", "application/offset+octet-stream"}, status)
	}
	patch("0", "hello", 204)
	patch("3", "no", 409)
	if o := c.Want("HEAD", loc, "", []string{"Tus-Resumable", "1.0.0"}, 200).Header.Get("Upload-Offset"); o != "5" {
		t.Fatalf("offset %s", o)
	}
	last := patch("5", " world", 204)
	for _, name := range []string{"Etag", "Oc-Perm", "Oc-Fileid"} {
		if last.Header.Get(name) == "" {
			t.Errorf("the last PATCH has no %s", name)
		}
	}
	got := c.Want("GET", root+"/dir/a.txt", "", nil, 200)
	if got.Body != "hello world" || got.Header.Get("Last-Modified") != "Sat, 01 Aug 2026 10:05:00 GMT" {
		t.Fatalf("%q %s", got.Body, got.Header.Get("Last-Modified"))
	}
}

// TestStrangers: without an account, or with somebody else's, there is nothing to see.
func TestStrangers(t *testing.T) {
	everywhere(t, strangers)
}

func strangers(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	admin, mary := s.Admin(), s.As("mary", "demo")
	root := "/dav/spaces/" + personal(t, admin)
	id := admin.Want("PUT", root+"/secret.txt", "secret", nil, 201).Header.Get("Oc-Fileid")
	paths := []string{root, root + "/secret.txt", root + "/none", "/dav/spaces/" + url.PathEscape(id), "/dav/meta/" + url.PathEscape(id) + "/v", "/dav/files/admin/secret.txt",
		"/dav/spaces/trash-bin/" + strings.TrimPrefix(root, "/dav/spaces/")}
	lock := `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`
	bodies := map[string]string{"LOCK": lock, "PROPPATCH": `<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x xmlns="y">1</x></d:prop></d:set></d:propertyupdate>`,
		"REPORT": `<d:sync-collection xmlns:d="DAV:"><d:sync-token/><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>`}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "REPORT", "POST"} {
		for _, p := range paths {
			h := []string{"Destination", s.URL + "/remote.php/webdav/x", "Lock-Token", "<opaquelocktoken:x>", "Tus-Resumable", "1.0.0", "Upload-Length", "1", "Upload-Metadata", "filename YQ=="}
			if a := s.As("", "").Do(method, p, bodies[method], h...); a.Status != 401 {
				t.Errorf("%s %s without account: %d", method, p, a.Status)
			}
			if a := s.As("admin", "wrong").Do(method, p, bodies[method], h...); a.Status != 401 && a.Status != 429 {
				t.Errorf("%s %s with a wrong password: %d", method, p, a.Status)
			}
			a := mary.Do(method, p, bodies[method], h...)
			if a.Status < 400 || a.Status >= 500 || strings.Contains(a.Body, "secret") {
				t.Errorf("%s %s as another user: %d %s", method, p, a.Status, a.Body)
			}
			if strings.HasSuffix(p, "secret.txt") && a.Status == 403 {
				t.Errorf("%s %s tells another user that it exists", method, p)
			}
		}
	}
	for _, p := range []string{"/graph/v1.0/me", "/graph/v1.0/me/drives", "/graph/v1.0/drives", "/ocs/v1.php/cloud/user", "/archiver?id=" + url.QueryEscape(id)} {
		if a := s.As("", "").Do("GET", p, ""); a.Status != 401 {
			t.Errorf("%s without account: %d", p, a.Status)
		}
	}
	if a := mary.Do("GET", "/archiver?id="+url.QueryEscape(id), ""); a.Status != 404 {
		t.Errorf("archive of another user: %d", a.Status)
	}
	if got := admin.Want("GET", root+"/secret.txt", "", nil, 200).Body; got != "secret" {
		t.Fatalf("content %q", got)
	}
}

// TestHostileInput gets bounded errors in the protocol's own form.
func TestHostileInput(t *testing.T) {
	everywhere(t, hostileInput)
}

func hostileInput(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	c := s.Admin()
	c.Want("PUT", "/webdav/f.txt", "0123456789", nil, 201)
	bomb := `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><d:propfind xmlns:d="DAV:"><d:prop><d:x>&b;</d:x></d:prop></d:propfind>`
	external := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><d:propfind xmlns:d="DAV:"><d:prop>&e;</d:prop></d:propfind>`
	deep := strings.Repeat("<a>", 100_000)
	many := "bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", 1000), ",")
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
	}{
		"bomb": {"PROPFIND", "/webdav/", bomb, nil}, "external entity": {"PROPFIND", "/webdav/", external, nil}, "deep XML": {"PROPFIND", "/webdav/", deep, nil},
		"huge XML": {"PROPFIND", "/webdav/", "<d:propfind xmlns:d='DAV:'>" + strings.Repeat(" ", 2<<20) + "</d:propfind>", nil},
		"dots":     {"GET", "/webdav/%2e%2e/%2e%2e/etc/passwd", "", nil}, "NUL": {"GET", "/webdav/a%00b", "", nil}, "slash": {"PUT", "/webdav/a%2fb", "x", nil},
		"infinity": {"PROPFIND", "/webdav/", "", []string{"Depth", "infinity"}}, "ranges": {"GET", "/webdav/f.txt", "", []string{"Range", many}},
		"if": {"PUT", "/webdav/f.txt", "x", []string{"If", "(<a" + strings.Repeat("(", 1000)}}, "destination": {"MOVE", "/webdav/f.txt", "", []string{"Destination", "/webdav/%2e%2e/x"}},
		"mtime": {"PUT", "/webdav/g.txt", "x", []string{"X-OC-Mtime", "yesterday"}}, "long name": {"PUT", "/webdav/" + strings.Repeat("x", 256), "x", nil},
		"id": {"PROPFIND", "/dav/spaces/..%2f..", "", nil}, "reserved": {"PUT", "/webdav/.Trash", "x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			a := c.Do(tc.method, tc.path, tc.body, tc.header...)
			if a.Status < 400 || a.Status >= 500 || time.Since(began) > 5*time.Second || len(a.Body) > 8<<10 || strings.Contains(a.Body, "root:") {
				t.Errorf("%d after %v: %.300s", a.Status, time.Since(began), a.Body)
			}
		})
	}
	if got := c.Want("GET", "/webdav/f.txt", "", nil, 200).Body; got != "0123456789" {
		t.Fatalf("content %q", got)
	}
}

// TestDisk: what other programs do on disk is seen through WebDAV.
func TestDisk(t *testing.T) {
	everywhere(t, disk)
}

func disk(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	c := s.Admin()
	id := personal(t, c)
	dir := filepath.Join(s.Dir, "data", "storage", "users", "users", id[strings.Index(id, "$")+1:])
	must(t, os.MkdirAll(filepath.Join(dir, "from disk", "deep"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "from disk", "deep", "x.txt"), []byte("disk"), 0o644))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	list := c.Want("PROPFIND", "/webdav/", "", []string{"Depth", "1"}, 207).Body
	if !strings.Contains(list, "from%20disk") || strings.Contains(list, "link") {
		t.Fatalf("listing: %s", list)
	}
	c.Want("GET", "/webdav/link", "", nil, 404)
	a := c.Want("GET", "/webdav/from%20disk/deep/x.txt", "", nil, 200)
	must(t, os.Rename(filepath.Join(dir, "from disk", "deep", "x.txt"), filepath.Join(dir, "y.txt")))
	c.Want("PROPFIND", "/webdav/", "", []string{"Depth", "1"}, 207)
	if b := c.Want("GET", "/webdav/y.txt", "", nil, 200); b.Header.Get("Oc-Fileid") != a.Header.Get("Oc-Fileid") {
		t.Error("a move on disk changed the id")
	}
	c.Want("PUT", "/webdav/z.txt", "by client", nil, 201)
	if b, err := os.ReadFile(filepath.Join(dir, "z.txt")); err != nil || string(b) != "by client" {
		t.Errorf("on disk: %q %v", b, err)
	}
}

// TestRacingWriters: of many writers of one file each is answered, and one whole body stays.
func TestRacingWriters(t *testing.T) {
	everywhere(t, racingWriters)
}

func racingWriters(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	c := s.Admin()
	personal(t, c)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			body := strings.Repeat(fmt.Sprintf("%02d", i), 5000)
			a, err := c.Try("PUT", "/webdav/race.txt", strings.NewReader(body))
			if err != nil || a.Status != 201 && a.Status != 204 {
				t.Errorf("writer %d: %d %v", i, a.Status, err)
			}
		})
	}
	wg.Wait()
	got := c.Want("GET", "/webdav/race.txt", "", nil, 200).Body
	if len(got) != 10_000 || strings.Repeat(got[:2], 5000) != got {
		t.Fatalf("mixed content of %d bytes", len(got))
	}
}
