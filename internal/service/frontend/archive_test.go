package frontend

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// entries returns the names in an archive.
func entries(t *testing.T, w *httptest.ResponseRecorder) (names []string) {
	t.Helper()
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	if w.Header().Get("Content-Type") == "application/x-tar" {
		for r := tar.NewReader(w.Body); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return names
			}
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, h.Name)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	return names
}

func ids(infos ...storage.Info) string {
	v := url.Values{"public-token": {"t"}}
	for _, i := range infos {
		v.Add("id", i.ID.String())
	}
	return "/archiver?" + v.Encode()
}

// Who comes by a link takes what it opens along, and nothing else.
func TestArchivesByLink(t *testing.T) {
	w := newWorld(t, nil)
	inside, file := w.put("mary", "pub/sub/a.txt", "hello"), w.put("mary", "pub/b.txt", "hello")
	sibling, alans := w.put("mary", "private/c.txt", "hello"), w.put("alan", "d.txt", "hello")
	pub := w.stat("mary", "pub")
	l, err := w.links.Create(w.ctx["mary"], storage.At(pub.ID, ""), link.Request{Rights: permission.Viewer})
	w.must(err)
	visit := func(rights permission.Set) {
		w.visitor(pub.ID, rights)
		identity.ActorFrom(w.ctx["visitor"]).Visit.Link = l.ID
	}
	visit(permission.Viewer)
	if got := entries(t, w.do("visitor", "GET", ids(pub), "")); !slices.Equal(got, []string{"pub/", "pub/b.txt", "pub/sub/", "pub/sub/a.txt"}) {
		t.Error(got)
	}
	if got := entries(t, w.do("visitor", "GET", ids(file, inside)+"&output-format=tar", "")); !slices.Equal(got, []string{"b.txt", "a.txt"}) {
		t.Error(got)
	}
	root := w.stat("mary", "")
	for name, path := range map[string]string{
		"sibling": ids(sibling), "sibling folder": ids(w.stat("mary", "private")), "parent": ids(root), "another space": ids(alans), "its root": ids(w.stat("alan", "")),
		"one inside, one outside":   ids(pub, sibling),
		"its node in another space": "/archiver?id=" + url.QueryEscape(resource.ID{Storage: mount, Space: "u-alan", Node: pub.ID.Node}.String()),
		"by path":                   "/archiver?path=/pub", "by a path out": "/archiver?path=../u-mary/private", "the root by path": "/archiver?path=/",
	} {
		if r := w.do("visitor", "GET", path, ""); r.Code != 404 || strings.Contains(r.Body.String(), "private") {
			t.Errorf("%s: %d %s", name, r.Code, r.Body)
		}
	}
	for name, rights := range map[string]permission.Set{"secure view": permission.SecureViewer, "file drop": permission.Uploader} {
		visit(rights)
		for _, i := range []storage.Info{pub, file} {
			if r := w.do("visitor", "GET", ids(i), ""); r.Code != 403 {
				t.Errorf("%s, %s: %d", name, i.Name, r.Code)
			}
		}
	}
	visit(permission.None)
	if r := w.do("visitor", "GET", ids(pub), ""); r.Code != 404 {
		t.Error("a link that opens nothing:", r.Code)
	}
	w.must(w.stored.Flush(t.Context()))
	if l, _, err := w.links.Find(w.ctx["mary"], l.ID); err != nil || l.Downloads != 2 {
		t.Errorf("%d downloads, %v, want 2", l.Downloads, err)
	}
}

// What may not be downloaded is refused if it is asked for, and left out if it lies inside.
func TestArchivesWithoutDownload(t *testing.T) {
	w := newWorld(t, nil)
	sp := w.project("P")
	at := func(p string) storage.Ref { return storage.At(sp.ID, p) }
	for _, f := range []string{"d/a.txt", "d/no/b.txt"} {
		_, err := w.fs.Upload(w.ctx["mary"], at(f), storage.UploadRequest{Length: 1, MakeParents: true}, strings.NewReader("x"))
		w.must(err)
	}
	grant := func(p, who string, s permission.Set) {
		w.must(w.fs.SetGrant(w.ctx["mary"], at(p), space.Grant{Kind: space.UserGrantee, Grantee: who, Permissions: s}))
	}
	grant("", "u-alan", permission.SpaceViewer)
	grant("d/no", "u-alan", permission.None)
	grant("d", "u-ada", permission.SecureViewer)
	grant("d/no", "u-ada", permission.Viewer)
	d, err := w.fs.Stat(w.ctx["mary"], at("d"), storage.View{})
	w.must(err)
	if got := entries(t, w.do("alan", "GET", ids(d), "")); !slices.Equal(got, []string{"d/", "d/a.txt"}) {
		t.Error(got)
	}
	if r := w.do("ada", "GET", ids(d), ""); r.Code != 403 {
		t.Error("secure view:", r.Code)
	}
	if r := w.do("eve", "GET", ids(d), ""); r.Code != 404 {
		t.Error("a stranger:", r.Code)
	}
	if got := entries(t, w.do("alan", "GET", "/archiver?id="+url.QueryEscape(sp.ID.String()), "")); !slices.Equal(got, []string{"d/", "d/a.txt"}) {
		t.Error("a whole space:", got)
	}
}

// Whatever the names: the header is one header, and what is unpacked stays in its folder.
func TestNamesInArchives(t *testing.T) {
	for _, name := range []string{"a\r\nSet-Cookie: x", `a"; filename="b`, "..", "../../etc", `..\..\x`, `C:\x`, "C:x", "/etc/passwd", "\\\\host\\x", "", "a\x00b", "umläut", "."} {
		i := storage.Info{ID: resource.ID{Storage: mount, Space: "s", Node: "n"}, Parent: resource.SpaceRoot(mount, "s"), Name: name}
		for _, prefix := range []string{"", "folder"} {
			got := entryName(&i, prefix)
			rest, ok := strings.CutPrefix(got, prefix)
			rest = strings.TrimPrefix(rest, "/")
			if !ok || rest == "" || rest == "." || rest == ".." || strings.ContainsAny(rest, "/\\\x00") || path.IsAbs(got) || len(got) > 1 && got[1] == ':' {
				t.Errorf("%q in %q: %q", name, prefix, got)
			}
		}
		_, params, err := mime.ParseMediaType(disposition(name + ".zip"))
		if h := disposition(name + ".zip"); err != nil || params["filename"] != name+".zip" || strings.ContainsAny(h, "\r\n\"\x00") || len(params) != 1 {
			t.Errorf("%q: %s, %v", name, h, err)
		}
	}
}

// Of two that have one name, none is lost.
func TestArchivesOfOneName(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.put("mary", "x/a.txt", "1"), w.put("mary", "y/a.txt", "2")
	if got := entries(t, w.do("mary", "GET", ids(a, b), "")); !slices.Equal(got, []string{"a.txt", "a (1).txt"}) {
		t.Error(got)
	}
}

func TestArchiveLimits(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *link.Options) { c.Archiver.MaxFiles, c.Archiver.MaxSize = 3, 10 })
	w.put("mary", "many/1", "x")
	w.put("mary", "many/2", "x")
	w.put("mary", "many/3", "x")
	big := w.put("mary", "big", strings.Repeat("x", 11))
	for _, i := range []storage.Info{w.stat("mary", "many"), big} {
		r := w.do("mary", "GET", ids(i), "")
		if r.Code != 413 || r.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %d", i.Name, r.Code)
		}
	}
	small := w.stat("mary", "many/1")
	if got := entries(t, w.do("mary", "GET", ids(small, small, small), "")); len(got) != 3 {
		t.Error(got)
	}
	if r := w.do("mary", "GET", ids(small, small, small, small), ""); r.Code != 413 {
		t.Error(r.Code)
	}
	if r := w.do("mary", "POST", ids(small), ""); r.Code != 405 {
		t.Error(r.Code)
	}
	if r := w.do("", "GET", ids(small), ""); r.Code != 401 {
		t.Error(r.Code)
	}
}
