package ocdav

import (
	"context"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
)

const mount = "11111111-1111-4111-8111-111111111111"

const urlSecret = "another secret that is long"

// rig is the service over a real storage, with two people.
type rig struct {
	t     testing.TB
	h     http.Handler
	fs    storage.FS
	links *link.Store // of publicRig
}

func person(id, name string) identity.Actor {
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Username: name, DisplayName: strings.ToUpper(name)}}
}

func newRig(t testing.TB) *rig {
	t.Helper()
	dir := t.TempDir()
	d, err := db.Open(context.Background(), "sqlite:"+filepath.Join(dir, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := posix.New(context.Background(), posix.Config{Root: filepath.Join(dir, "files"), StorageID: mount, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fs.Close(); d.Close() })
	for _, a := range []identity.Actor{person("u-mary", "mary"), person("u-alan", "alan")} {
		if _, err := fs.CreateSpace(identity.WithActor(context.Background(), a), storage.SpaceRequest{Type: space.Personal, Name: a.User.DisplayName}); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := New(context.Background(), Config{PublicURL: "https://cloud.test", MountID: mount, TransferSecret: "a secret that is long enough", URLSecret: urlSecret, Names: NameValidation{MaxLength: 255}},
		Deps{FS: fs, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, h: parts.HTTP, fs: fs}
}

// do sends a request as mary.
func (r *rig) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return r.as(person("u-mary", "mary"), method, path, body, headers...)
}

func (r *rig) as(a identity.Actor, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, "https://cloud.test"+path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req.WithContext(identity.WithActor(req.Context(), a)))
	return w
}

type step struct {
	method, path, body string
	headers            []string
	status             int
	has, hasNot        []string // in the body
}

func (r *rig) run(steps []step) {
	r.t.Helper()
	for _, s := range steps {
		w := r.do(s.method, s.path, s.body, s.headers...)
		body := w.Body.String()
		if w.Code != s.status {
			r.t.Errorf("%s %s %v: %d, want %d\n%s", s.method, s.path, s.headers, w.Code, s.status, body)
		}
		for _, x := range s.has {
			if !strings.Contains(body, x) {
				r.t.Errorf("%s %s: %q is missing in\n%s", s.method, s.path, x, body)
			}
		}
		for _, x := range s.hasNot {
			if strings.Contains(body, x) {
				r.t.Errorf("%s %s: %q is in\n%s", s.method, s.path, x, body)
			}
		}
		if strings.Contains(w.Header().Get("Content-Type"), "xml") && s.method != "GET" && body != "" {
			wellFormed(r.t, body)
		}
	}
}

func wellFormed(t testing.TB, body string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("not well formed: %v\n%s", err, body)
			return
		}
	}
}

func TestRules(t *testing.T) {
	r := newRig(t)
	web, spaces := "/remote.php/webdav", "/dav/spaces/"+mount+"$u-mary"
	lock := `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype><d:owner>Mary &amp; co</d:owner></d:lockinfo>`
	r.run([]step{
		{"MKCOL", web + "/a", "", nil, 201, nil, nil},
		{"MKCOL", web + "/a", "", nil, 405, []string{`Sabre\DAV\Exception\MethodNotAllowed`}, nil},
		{"MKCOL", web + "/x/y", "", nil, 409, nil, nil},
		{"MKCOL", web + "/b", "body", nil, 415, nil, nil},
		{"PUT", web + "/a/f&<>.txt", "hello", []string{"X-OC-Mtime", "1785578700.5"}, 201, nil, nil},
		{"PUT", web + "/a", "x", nil, 409, nil, nil},
		{"PUT", web + "/a/part", "x", []string{"Content-Range", "bytes 0-1/2"}, 501, nil, nil},
		{"PUT", web + "/a/sum", "x", []string{"OC-Checksum", "SHA1:zz"}, 400, nil, nil},
		{"PROPFIND", spaces + "/a", "", []string{"Depth", "1"}, 207, []string{"<d:href>" + spaces + "/a/f%26%3C%3E.txt</d:href>", "f&amp;&lt;&gt;.txt", "<oc:permissions>RDNVWZP</oc:permissions>",
			"SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "Sat, 01 Aug 2026 10:05:00 GMT"}, nil},
		{"PROPFIND", spaces, `<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><x xmlns="urn:y"/></d:prop></d:propfind>`, []string{"Depth", "0"}, 207,
			[]string{"404 Not Found", `xmlns:x="urn:y"`}, nil},
		{"PROPFIND", spaces, `<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><x xmlns="urn:y"/></d:prop></d:propfind>`, []string{"Depth", "0", "Prefer", "return=minimal"}, 207, nil, []string{"404"}},
		{"PROPFIND", spaces, `<d:propfind xmlns:d="DAV:"><d:prop><d:quota-available-bytes/><d:quota-used-bytes/></d:prop></d:propfind>`, []string{"Depth", "0"}, 207,
			[]string{"<d:quota-available-bytes>-3<", "<d:quota-used-bytes>5<"}, nil},
		{"PROPFIND", spaces, "<broken", nil, 400, []string{"BadRequest"}, nil},
		{"PROPFIND", spaces, "", []string{"Depth", "2"}, 400, nil, nil},
		{"PROPFIND", spaces, "", []string{"Depth", "infinity"}, 400, nil, nil},
		{"PROPFIND", "/dav/files", "", []string{"Depth", "1"}, 405, nil, nil},
		{"GET", "/dav/spaces/nonsense", "", nil, 404, nil, nil},
		{"GET", "/dav/files/alan/x", "", nil, 404, nil, nil},
		{"PROPPATCH", web + "/a", `<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x xmlns="urn:y"><z>1</z></x></d:prop></d:set></d:propertyupdate>`, nil, 207, []string{"200 OK"}, nil},
		{"PROPPATCH", web + "/a", `<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:getetag>x</d:getetag><n xmlns="urn:y">1</n></d:prop></d:set></d:propertyupdate>`, nil, 207,
			[]string{"403 Forbidden", "424 Failed Dependency"}, []string{"200 OK"}},
		{"PROPPATCH", web + "/a", `<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop><oc:favorite>1</oc:favorite></d:prop></d:set></d:propertyupdate>`, nil, 207, []string{"200 OK"}, nil},
		{"REPORT", web, `<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:name/></d:prop><oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules></oc:filter-files>`, nil, 207, []string{web + "/a/"}, nil},
		{"REPORT", web, `<d:unknown xmlns:d="DAV:"/>`, nil, 501, nil, nil},
		{"LOCK", web + "/a/f&<>.txt", lock, []string{"Timeout", "Second-60"}, 200, []string{"<d:owner>Mary &amp; co</d:owner>", "<d:timeout>Second-60<"}, nil},
		{"PUT", web + "/a/f&<>.txt", "other", nil, 423, []string{"Locked"}, []string{"opaquelocktoken"}},
		{"PUT", web + "/a/f&<>.txt", "other", []string{"If", "(<opaquelocktoken:wrong>)"}, 412, nil, nil},
		{"LOCK", web + "/a/new.txt", lock, nil, 201, nil, nil},
		{"UNLOCK", web + "/a/new.txt", "", []string{"Lock-Token", "<wrong>"}, 409, nil, nil},
		{"MOVE", web + "/a", "", []string{"Destination", "https://elsewhere.test/webdav/c"}, 502, nil, nil},
		{"MOVE", web + "/a", "", []string{"Destination", web + "/a/below"}, 409, nil, nil},
		{"MOVE", web + "/none", "", []string{"Destination", web + "/c"}, 404, nil, nil},
		{"MOVE", web + "/a", "", nil, 400, nil, nil},
		{"DELETE", web, "", nil, 405, nil, nil},
		{"BREW", web, "", nil, 405, nil, nil},
	})
	if w := r.do("GET", web+"/a/f&<>.txt", ""); w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Error("downloads may be taken for pages")
	}
	if w := r.do("OPTIONS", web, ""); w.Code != 204 || w.Header().Get("DAV") != "1, 2" {
		t.Error("OPTIONS", w.Code, w.Header())
	}
}

// TestSyncCollection follows changes by token. (RFC 6578)
func TestSyncCollection(t *testing.T) {
	r := newRig(t)
	root := "/dav/spaces/" + mount + "$u-mary"
	token := regexp.MustCompile(`<d:sync-token>([^<]*)</d:sync-token>`)
	sync := func(since string) (string, string) {
		t.Helper()
		w := r.do("REPORT", root, `<d:sync-collection xmlns:d="DAV:"><d:sync-token>`+since+`</d:sync-token><d:sync-level>infinite</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>`)
		if w.Code != 207 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		wellFormed(t, w.Body.String())
		return w.Body.String(), token.FindStringSubmatch(w.Body.String())[1]
	}
	r.do("MKCOL", root+"/a", "")
	r.do("PUT", root+"/a/x", "1")
	all, first := sync("")
	if !strings.Contains(all, root+"/a/x<") {
		t.Fatal(all)
	}
	if none, same := sync(first); strings.Contains(none, "<d:response>") || same != first {
		t.Fatal(none)
	}
	r.do("PUT", root+"/a/x", "2")
	r.do("MOVE", root+"/a", "", "Destination", root+"/b")
	r.do("PUT", root+"/c", "3")
	r.do("DELETE", root+"/c", "")
	changes, second := sync(first)
	for _, want := range []string{"<d:href>" + root + "/a</d:href><d:status>HTTP/1.1 404", root + "/b/</d:href><d:propstat>", root + "/b/x</d:href><d:propstat>"} {
		if !strings.Contains(changes, want) {
			t.Errorf("%q is missing in %s", want, changes)
		}
	}
	if none, _ := sync(second); strings.Contains(none, "<d:response>") {
		t.Error(none)
	}
	now := r.do("PROPFIND", root, `<d:propfind xmlns:d="DAV:"><d:prop><d:sync-token/></d:prop></d:propfind>`, "Depth", "0")
	if m := token.FindStringSubmatch(now.Body.String()); m == nil || m[1] != second {
		t.Errorf("the property is not the current token %s: %s", second, now.Body)
	}
	for _, bad := range []string{"opencloud:sync:x:1", "http://other", "opencloud:sync:u-alan:5"} {
		w := r.do("REPORT", root, `<d:sync-collection xmlns:d="DAV:"><d:sync-token>`+bad+`</d:sync-token><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>`)
		if w.Code != 403 || !strings.Contains(w.Body.String(), "<d:valid-sync-token/>") {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
}

// TestNames: what a name holds cannot break out of headers or XML.
func TestNames(t *testing.T) {
	if d := disposition("a\r\nSet-Cookie: x\"\\\u00fc"); strings.ContainsAny(d, "\r\n") || strings.Count(d, `"`) != 2 {
		t.Error(d)
	}
}

func TestDepthInfinityIsBounded(t *testing.T) {
	r := newRig(t)
	h := r.h.(*handler)
	h.cfg.AllowInfinity = true
	r.do("MKCOL", "/webdav/a", "")
	r.do("MKCOL", "/webdav/a/b", "")
	r.do("PUT", "/webdav/a/b/c", "x")
	w := r.do("PROPFIND", "/webdav/", "", "Depth", "infinity")
	if w.Code != 207 || !strings.Contains(w.Body.String(), "/webdav/a/b/c<") {
		t.Fatal(w.Code, w.Body)
	}
	wellFormed(t, w.Body.String())
}

func BenchmarkPropfindDepth0(b *testing.B) {
	r := newRig(b)
	r.do("PUT", "/webdav/f", "x")
	for b.Loop() {
		if w := r.do("PROPFIND", "/webdav/f", "", "Depth", "0"); w.Code != 207 {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkGetSmall(b *testing.B) {
	r := newRig(b)
	r.do("PUT", "/webdav/f", strings.Repeat("x", 4096))
	for b.Loop() {
		if w := r.do("GET", "/webdav/f", ""); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
