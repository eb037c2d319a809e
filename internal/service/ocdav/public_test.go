package ocdav

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	spaces "opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
)

// marys is a machine that knows mary.
type marys struct{}

func (marys) ActorBy(_ context.Context, _, id string) (identity.Actor, error) {
	if id != "u-mary" {
		return identity.Actor{}, identity.ErrNotFound
	}
	return mary(), nil
}

func mary() identity.Actor {
	a := person("u-mary", "mary")
	a.User.Roles = []string{role.User}
	return a
}

// publicRig has links: mary has a folder d with f.txt in it.
func publicRig(t *testing.T) (*rig, *link.Service) {
	r := newRig(t)
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "links.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	store, err := link.NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r.links = store
	links := link.New(link.Options{FS: r.fs, Machine: marys{}, Store: store})
	parts, err := New(t.Context(), Config{PublicURL: "https://cloud.test", MountID: mount, TransferSecret: "a secret that is long enough", URLSecret: urlSecret, Names: NameValidation{MaxLength: 255}},
		Deps{FS: entrance.New(r.fs, nil, links), Log: slog.New(slog.DiscardHandler), Links: links})
	if err != nil {
		t.Fatal(err)
	}
	r.h = parts.HTTP
	r.do("MKCOL", "/dav/spaces/"+mount+"$u-mary/d", "")
	r.do("PUT", "/dav/spaces/"+mount+"$u-mary/d/f.txt", "f")
	return r, links
}

// linked makes a link of mary's and returns it and who comes by it.
func (r *rig) linked(links *link.Service, path string, kind link.Type, password string) (link.Link, identity.Actor) {
	r.t.Helper()
	ctx := identity.WithActor(context.Background(), mary())
	id, err := (&handler{cfg: Config{MountID: mount}}).parseID(mount + "$u-mary")
	if err != nil {
		r.t.Fatal(err)
	}
	rights, err := kind.Rights(!strings.Contains(path, "."))
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := links.Create(ctx, storage.At(id, path), link.Request{Rights: rights, Password: password})
	if err != nil {
		r.t.Fatal(err)
	}
	_, visitor, err := links.Open(context.Background(), l.Token, link.Key{Password: password})
	if err != nil && kind != link.Internal {
		r.t.Fatal(err)
	}
	return l, visitor
}

// TestPublicFiles: who is not let in is told what is missing, and a visitor comes no further than his link.
func TestPublicFiles(t *testing.T) {
	r, links := publicRig(t)
	open, visitor := r.linked(links, "d", link.View, "")
	closed, guest := r.linked(links, "d", link.View, "secret")
	internal, _ := r.linked(links, "d", link.Internal, "")
	file, reader := r.linked(links, "d/f.txt", link.View, "")
	nobody, alan := identity.Actor{}, person("u-alan", "alan")
	const root = "/dav/public-files/"
	for _, c := range []struct {
		name, method, path string
		who                identity.Actor
		status             int
		has                string
	}{
		{"a visitor lists", "PROPFIND", open.Token, visitor, 207, "/f.txt"},
		{"a visitor reads", "GET", open.Token + "/f.txt", visitor, 200, "f"},
		{"with the password", "GET", closed.Token + "/f.txt", guest, 200, "f"},
		{"without", "GET", closed.Token + "/f.txt", nobody, 401, "ERR_MISSING_BASIC_AUTH"},
		{"without, signed in", "GET", closed.Token + "/f.txt", alan, 401, "ERR_MISSING_BASIC_AUTH"},
		{"without, and nothing is there", "GET", closed.Token + "/nothing", nobody, 401, "ERR_MISSING_BASIC_AUTH"},
		{"another link's visitor", "GET", closed.Token + "/f.txt", visitor, 401, "ERR_MISSING_BASIC_AUTH"},
		{"an open link whose creator may no longer", "GET", open.Token + "/f.txt", nobody, 404, ""},
		{"no link", "PROPFIND", strings.Repeat("A", 15), visitor, 404, ""},
		{"no token", "PROPFIND", "", visitor, 404, ""},
		{"for people, nobody", "PROPFIND", internal.Token, nobody, 401, "ERR_MISSING_BEARER_AUTH"},
		{"for people", "PROPFIND", internal.Token + "/f.txt", alan, 307, ""},
		{"nothing is set", "PROPPATCH", open.Token + "/f.txt", visitor, 403, ""},
		{"nothing is asked", "REPORT", open.Token, visitor, 403, ""},
		{"a file in its folder", "PROPFIND", file.Token, reader, 207, "/f.txt"},
		{"a file", "GET", file.Token + "/f.txt", reader, 200, "f"},
		{"a file under another name", "GET", file.Token + "/g.txt", reader, 404, ""},
		{"a file is not made a folder", "MKCOL", file.Token + "/x", reader, 405, ""},
		{"a file is not deleted", "DELETE", file.Token + "/f.txt", reader, 405, ""},
		{"a file is not moved", "MOVE", file.Token + "/f.txt", reader, 405, ""},
	} {
		w := r.as(c.who, c.method, root+c.path, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s: %d, want %d with %q: %s", c.name, w.Code, c.status, c.has, w.Body)
		}
		if w.Code == 307 && !strings.HasPrefix(w.Header().Get("Location"), "/dav/spaces/"+internal.Item.String()+"/f.txt") {
			t.Errorf("%s: sent to %s", c.name, w.Header().Get("Location"))
		}
		if w.Code >= 400 && strings.Contains(w.Body.String(), mount) {
			t.Errorf("%s tells an id: %s", c.name, w.Body)
		}
	}
	if w := r.as(visitor, "GET", "/remote.php"+root+open.Token+"/f.txt", ""); w.Code != 200 {
		t.Errorf("by the old address: %d", w.Code)
	}
	// The name of the host comes from outside.
	req := httptest.NewRequest("PROPFIND", root+internal.Token, nil)
	req.Host = "a\"b\\c\r\nX: y"
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req.WithContext(identity.WithActor(req.Context(), nobody)))
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="abcX: y", charset="UTF-8"` {
		t.Errorf("%q", w.Header())
	}
}

// TestPublicSignatures: a signature is made only for who was let in, and only where there is a password.
func TestPublicSignatures(t *testing.T) {
	r, links := publicRig(t)
	open, visitor := r.linked(links, "d", link.View, "")
	closed, guest := r.linked(links, "d", link.View, "secret")
	const ask = `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:signature-auth/><oc:downloadURL/></d:prop></d:propfind>`
	if w := r.as(guest, "PROPFIND", "/dav/public-files/"+closed.Token, ask, "Depth", "1"); strings.Count(w.Body.String(), "<oc:signature>") != 1 || !strings.Contains(w.Body.String(), "signature=") {
		t.Errorf("%s", w.Body)
	}
	if w := r.as(visitor, "PROPFIND", "/dav/public-files/"+open.Token, ask, "Depth", "1"); strings.Contains(w.Body.String(), "signature=") || strings.Contains(w.Body.String(), "<oc:signature>") {
		t.Errorf("%s", w.Body)
	}
	// Without a password there is no key: no signature opens anything, the one with the empty key least of all.
	signature, expiration := links.Sign(&link.Link{Token: closed.Token})
	if _, _, err := links.Open(t.Context(), closed.Token, link.Key{Signature: signature, Expiration: expiration}); err == nil {
		t.Error("a signature with an empty key was taken")
	}
	signature, _ = links.Sign(&closed)
	for _, until := range []string{"", "x", time.Now().Add(24 * time.Hour).Format(time.RFC3339), expiration + " "} {
		if _, _, err := links.Open(t.Context(), closed.Token, link.Key{Signature: signature, Expiration: until}); err == nil {
			t.Errorf("a signature until %q was taken", until)
		}
	}
	if w := r.as(identity.Actor{}, "PROPFIND", "/dav/public-files/"+closed.Token, ask); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "signature>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestShareTypes: lists tell whom things are shared with, to those who may know.
func TestShareTypes(t *testing.T) {
	r, links := publicRig(t)
	const space = "/dav/spaces/" + mount + "$u-mary"
	r.as(mary(), "PUT", space+"/d/g.txt", "g")
	r.as(mary(), "MKCOL", space+"/e", "")
	r.linked(links, "d/f.txt", link.View, "")
	l, visitor := r.linked(links, "d", link.View, "")
	ctx := identity.WithActor(context.Background(), mary())
	root, err := (&handler{cfg: Config{MountID: mount}}).parseID(mount + "$u-mary")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []spaces.GranteeKind{spaces.GroupGrantee, spaces.UserGrantee} {
		if err := r.fs.SetGrant(ctx, storage.At(root, "d/f.txt"), spaces.Grant{Kind: kind, Grantee: "u-alan", Permissions: permission.Viewer}); err != nil {
			t.Fatal(err)
		}
	}
	const ask = `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:share-types/></d:prop></d:propfind>`
	types := func(who identity.Actor, path, depth string) []string {
		w := r.as(who, "PROPFIND", path, ask, "Depth", depth)
		if w.Code != http.StatusMultiStatus {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return regexp.MustCompile(`<oc:share-types>.*?</oc:share-types>`).FindAllString(w.Body.String(), -1)
	}
	const all, byLink = "<oc:share-types><oc:share-type>0</oc:share-type><oc:share-type>1</oc:share-type><oc:share-type>3</oc:share-type></oc:share-types>",
		"<oc:share-types><oc:share-type>3</oc:share-type></oc:share-types>"
	for _, c := range []struct {
		who         identity.Actor
		path, depth string
		want        []string
	}{
		{mary(), space, "1", []string{byLink}}, // of d; e is not shared, and neither is the root
		{mary(), space + "/d", "1", []string{byLink, all}},
		{mary(), space + "/d/f.txt", "0", []string{all}},
		{mary(), space + "/d/g.txt", "0", nil},
		{visitor, "/dav/public-files/" + l.Token, "1", nil},
	} {
		if got := types(c.who, c.path, c.depth); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.path, got, c.want)
		}
	}
}

// TestPublicOwner: a visitor learns once whose link it is, by the name that people know.
func TestPublicOwner(t *testing.T) {
	r, links := publicRig(t)
	l, visitor := r.linked(links, "d", link.View, "")
	const ask = `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:owner-display-name/></d:prop></d:propfind>`
	w := r.as(visitor, "PROPFIND", "/dav/public-files/"+l.Token, ask, "Depth", "1")
	if strings.Count(w.Body.String(), "<oc:owner-display-name>MARY</oc:owner-display-name>") != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, who := range map[string]identity.Actor{"a stranger": {}, "somebody else": person("u-alan", "alan")} {
		if w := r.as(who, "PROPFIND", "/dav/public-files/"+l.Token, ask); strings.Contains(w.Body.String(), "MARY") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestPublicTellsLittle: who comes by a link learns neither how full the owner's space is nor who has locked something.
func TestPublicTellsLittle(t *testing.T) {
	r, links := publicRig(t)
	edit, visitor := r.linked(links, "d", link.Edit, "")
	const ask = `<d:propfind xmlns:d="DAV:"><d:prop><d:quota-used-bytes/><d:quota-available-bytes/></d:prop></d:propfind>`
	if w := r.as(visitor, "PROPFIND", "/dav/public-files/"+edit.Token, ask); w.Code != 207 || strings.Contains(w.Body.String(), "<d:quota-used-bytes>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	const lock = `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`
	if w := r.do("LOCK", "/dav/spaces/"+mount+"$u-mary/d/f.txt", lock); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w := r.as(visitor, "PUT", "/dav/public-files/"+edit.Token+"/f.txt", "x")
	if w.Code != 423 || strings.Contains(w.Body.String(), "mary") || strings.Contains(w.Body.String(), "locked by") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPublicDownloads: what is counted as a download is what was answered.
func TestPublicDownloads(t *testing.T) {
	r, links := publicRig(t)
	view, visitor := r.linked(links, "d", link.View, "")
	drop, dropper := r.linked(links, "d", link.CreateOnly, "")
	etag := r.as(visitor, "HEAD", "/dav/public-files/"+view.Token+"/f.txt", "").Header().Get("ETag")
	for _, c := range []struct {
		name, path     string
		who            identity.Actor
		headers        []string
		status, counts int
	}{
		{"the file", view.Token + "/f.txt", visitor, nil, 200, 1},
		{"what is not there", view.Token + "/nothing", visitor, nil, 404, 0},
		{"the folder", view.Token, visitor, nil, 405, 0},
		{"what a file drop does not show", drop.Token + "/f.txt", dropper, nil, 404, 0},
		{"what the browser has", view.Token + "/f.txt", visitor, []string{"If-None-Match", etag}, 304, 0},
		{"what is other now", view.Token + "/f.txt", visitor, []string{"If-Match", `"other"`}, 412, 0},
		{"beyond the end", view.Token + "/f.txt", visitor, []string{"Range", "bytes=10-"}, 416, 0},
		{"a part", view.Token + "/f.txt", visitor, []string{"Range", "bytes=0-0"}, 206, 0},
	} {
		before := r.downloads(links, view.ID) + r.downloads(links, drop.ID)
		w := r.as(c.who, "GET", "/dav/public-files/"+c.path, "", c.headers...)
		if got := r.downloads(links, view.ID) + r.downloads(links, drop.ID) - before; w.Code != c.status || got != int64(c.counts) {
			t.Errorf("%s: %d and %d downloads, want %d and %d", c.name, w.Code, got, c.status, c.counts)
		}
	}
}

// downloads returns how often something was downloaded by a link.
func (r *rig) downloads(links *link.Service, id string) int64 {
	r.t.Helper()
	if err := r.links.Flush(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	l, _, err := links.Find(identity.WithActor(context.Background(), mary()), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return l.Downloads
}

// TestPublicLocks: who locked something by a link may go on with the token; nobody else learns or can use it.
func TestPublicLocks(t *testing.T) {
	r, links := publicRig(t)
	edit, visitor := r.linked(links, "d", link.Edit, "")
	other, stranger := r.linked(links, "d", link.Edit, "")
	const lock = `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`
	file, theirs := "/dav/public-files/"+edit.Token+"/f.txt", "/dav/public-files/"+other.Token+"/f.txt"
	w := r.as(visitor, "LOCK", file, lock)
	token := strings.Trim(w.Header().Get("Lock-Token"), "<>")
	if w.Code != 200 || token == "" {
		t.Fatalf("LOCK: %d %s", w.Code, w.Body)
	}
	owners := "/dav/spaces/" + mount + "$u-mary/d/f.txt"
	for _, c := range []struct {
		name, method, path, condition string
		who                           identity.Actor
		status                        int
	}{
		{"without the token", "PUT", file, "", visitor, 423},
		{"with it", "PUT", file, "(<" + token + ">)", visitor, 204},
		{"with it and the address", "PUT", file, "<https://cloud.test" + file + "> (<" + token + ">)", visitor, 204},
		{"with another", "PUT", file, "(<opaquelocktoken:other>)", visitor, 412},
		{"not locked, it says", "PUT", file, "(Not <" + token + ">)", visitor, 423},
		{"by another link", "PUT", theirs, "(<" + token + ">)", stranger, 412},
		{"by another link, whatever is locked", "PUT", theirs, "(<" + token + ">) (Not <DAV:no-lock>)", stranger, 423},
		{"the owner with a visitor's token", "PUT", owners, "(<" + token + ">)", mary(), 423},
		{"a stranger", "PUT", owners, "(<" + token + ">)", person("u-alan", "alan"), 412},
		{"refreshed by another link", "LOCK", theirs, "(<" + token + ">)", stranger, 403},
		{"refreshed", "LOCK", file, "(<" + token + ">)", visitor, 200},
		{"removed by another link", "DELETE", theirs, "(<" + token + ">)", stranger, 412},
		{"removed", "DELETE", file, "(<" + token + ">)", visitor, 204},
	} {
		w := r.as(c.who, c.method, c.path, "", "If", c.condition)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.status, w.Body)
		}
		if c.who.User.ID != visitor.User.ID && strings.Contains(w.Body.String(), token) {
			t.Errorf("%s tells the token: %s", c.name, w.Body)
		}
		for _, who := range []identity.Actor{visitor, stranger} { // they share the link's address with everybody
			at := map[string]string{visitor.User.ID: edit.Token, stranger.User.ID: other.Token}[who.User.ID]
			if w := r.as(who, "PROPFIND", "/dav/public-files/"+at, "", "Depth", "1"); w.Code != 207 || strings.Contains(w.Body.String(), token) {
				t.Errorf("after %s: %d %s", c.name, w.Code, w.Body)
			}
		}
	}
}
