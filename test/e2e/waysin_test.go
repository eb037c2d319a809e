package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/test/server"
)

// insider is a server with a project of the administrator's, a folder M in it, and a secret beside it.
func insider(t *testing.T, env ...string) (*server.Server, *world) {
	s := server.Start(t, server.Options{Env: env})
	w := &world{t: t, s: s, owner: s.Admin(), drive: newProject(t, s.Admin(), "Project"), mount: "M"}
	for _, name := range []string{"P", "P/M", "P/MM"} {
		w.dav("MKCOL", name, "")
	}
	w.dav("PUT", "P/MM/secret.txt", "secret")
	w.dav("PUT", "P/secret.txt", "secret")
	w.dav("PUT", "P/M/f.txt", "f")
	w.folder = w.id("P/M")
	return s, w
}

const open = "OC_SHARING_PUBLIC_SHARE_MUST_HAVE_PASSWORD=false"

func (w *world) member(name, role string) (c *server.Client, id string) {
	id = account(w.t, w.s, name)
	w.give("", id, role, 0)
	return w.s.As(name, server.Password), id
}

// TestLeavers: who is taken out has nothing left: no link that he made, no upload that he began, no jail.
func TestLeavers(t *testing.T) {
	s, w := insider(t, open)
	nobody := s.As("", "")
	begin := func(c *server.Client, at string) string {
		t.Helper()
		a := c.Want("POST", at, "", []string{"Tus-Resumable", "1.0.0", "Upload-Length", "3", "Upload-Metadata", "filename bmV3"}, 201)
		return a.Header.Get("Location")
	}
	refused := func(what, upload string) {
		t.Helper()
		a := nobody.Do("PATCH", upload, "new", "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		if a.Status != 403 && a.Status != 404 {
			t.Errorf("%s goes on with an upload: %d", what, a.Status)
		}
		if a := w.owner.Do("GET", "/dav/spaces/"+w.folder+"/new", ""); a.Status != 404 {
			t.Errorf("%s has written", what)
		}
	}
	folder := "/graph/v1beta1/drives/" + w.drive + "/items/" + w.folder

	t.Run("a manager", func(t *testing.T) {
		m, id := w.member("manager", permission.ManagerID)
		a := m.Want("POST", folder+"/createLink", `{"type":"edit"}`, nil, 200)
		token := regexp.MustCompile(`/s/([A-Za-z]{15})"`).FindStringSubmatch(a.Body)[1]
		root := "/dav/public-files/" + token
		nobody.Want("GET", root+"/f.txt", "", nil, 200)
		upload := begin(nobody, root)
		w.owner.Want("PATCH", "/graph/v1beta1/drives/"+w.drive+"/root/permissions/u:"+id, `{"roles":["`+permission.SpaceEditorID+`"]}`, nil, 200)
		m.Want("GET", "/dav/spaces/"+w.folder+"/f.txt", "", nil, 200) // still a member, who may not share any more
		for _, c := range []struct{ method, path string }{{"GET", root + "/f.txt"}, {"PROPFIND", root}, {"GET", "/archiver?id=" + w.folder + "&public-token=" + token}} {
			if a := nobody.Do(c.method, c.path, ""); a.Status != 404 && a.Status != 401 {
				t.Errorf("the link of one who may not share: %s %s: %d", c.method, c.path, a.Status)
			}
		}
		refused("a link's visitor", upload)
	})
	t.Run("a member", func(t *testing.T) {
		m, id := w.member("member", permission.SpaceEditorID)
		upload := begin(m, "/dav/spaces/"+w.folder)
		w.owner.Want("DELETE", "/graph/v1beta1/drives/"+w.drive+"/root/permissions/u:"+id, "", nil, 204)
		refused("a former member", upload)
		m.Want("PROPFIND", "/dav/spaces/"+w.folder, "", nil, 404)
	})
	t.Run("of a group", func(t *testing.T) {
		ids := people(t, s)
		w.give("P/M", "g:"+ids["group"], permission.EditorID, 0)
		m := s.As("group-member", server.Password)
		personal(t, m)
		jail := "/dav/spaces/" + jailSpace + "/M"
		m.Want("PROPFIND", jail, "", nil, 207)
		upload := begin(m, jail)
		s.Admin().Want("DELETE", "/graph/v1.0/groups/"+ids["group"]+"/members/"+ids["group-member"]+"/$ref", "", nil, 204)
		refused("who left the group", upload)
		m.Want("PROPFIND", jail, "", nil, 404)
		m.Want("PROPFIND", "/dav/spaces/"+w.folder, "", nil, 404)
	})
	t.Run("a disabled account", func(t *testing.T) {
		m, id := w.member("leaver", permission.SpaceEditorID)
		upload := begin(m, "/dav/spaces/"+w.folder)
		s.Admin().Want("PATCH", "/graph/v1.0/users/"+id, `{"accountEnabled":false}`, nil, 200)
		refused("a disabled account", upload)
	})
}

// TestLinkStaysInside: nothing but what is below a link's folder can be reached by it, whatever is named.
func TestLinkStaysInside(t *testing.T) {
	s, w := insider(t, open)
	w.dav("PUT", "P/M/f.txt", "g") // a version
	w.dav("PUT", "P/M/gone.txt", "gone")
	gone := w.id("P/M/gone.txt")
	w.dav("DELETE", "P/M/gone.txt", "")
	secret, file, space := w.id("P/secret.txt"), w.id("P/M/f.txt"), w.drive
	_, token := w.graph("P/M", "createLink", `{"type":"edit"}`)
	guest, root := s.As("", ""), "/dav/public-files/"+token
	guest.Want("GET", root+"/f.txt", "", nil, 200)
	var tries []struct{ method, path, to string }
	try := func(method, path string, to ...string) {
		tries = append(tries, struct{ method, path, to string }{method, path, strings.Join(to, "")})
	}
	for _, out := range []string{"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fMM/secret.txt", "M/secret.txt", "/f.txt/../../secret.txt", "//../secret.txt", "/..\\secret.txt", "/\u2025/secret.txt"} {
		try("GET", root+out)
		try("PROPFIND", root+out)
	}
	for _, id := range []string{secret, space, w.id("P"), w.id("P/MM"), gone} {
		try("GET", "/archiver?public-token="+token+"&id="+id)
		try("GET", "/archiver?public-token="+token+"&id="+w.folder+"&id="+id)
		try("COPY", root+"/f.txt", "/dav/spaces/"+id+"/x")
		try("MOVE", root+"/f.txt", "/dav/spaces/"+id+"/x")
		try("MOVE", root+"/f.txt", "/dav/spaces/"+id)
	}
	for _, id := range []string{secret, file, w.folder, space} {
		try("PROPFIND", "/dav/spaces/"+id)
		try("PROPFIND", "/dav/meta/"+id+"/v")
		try("PROPFIND", "/dav/spaces/trash-bin/"+id)
		try("GET", "/graph/v1.0/drives/"+space+"/items/"+id)
	}
	try("COPY", root+"/f.txt", root+"/../x")
	try("COPY", root+"/f.txt", root+"M/x")
	try("DELETE", root)
	try("MOVE", root, root+"x")
	before := w.owner.Want("PROPFIND", "/dav/spaces/"+w.drive, askETag, []string{"Depth", "0"}, 207).Body
	for _, c := range tries {
		a, err := guest.Try(c.method, c.path, nil, "Destination", s.URL+c.to, "Public-Token", token)
		if err == nil && (a.Status < 400 || strings.Contains(a.Body, "secret.txt")) {
			t.Errorf("%s %s %s: %d %.100s", c.method, c.path, c.to, a.Status, a.Body)
		}
	}
	if after := w.owner.Want("PROPFIND", "/dav/spaces/"+w.drive, askETag, []string{"Depth", "0"}, 207).Body; after != before {
		t.Error("something changed")
	}
}

const askETag = `<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/></d:prop></d:propfind>`

// TestGuessing: passwords of links cannot be guessed at speed: not from a neighbouring address, nor by another door.
func TestGuessing(t *testing.T) {
	s, w := insider(t, "PROXY_TRUSTED_PROXIES=127.0.0.1/32,::1/128")
	_, token := w.graph("P/M", "createLink", `{"type":"view","password":"`+linkPassword+`"}`)
	for door, path := range map[string]string{"dav": "/dav/public-files/" + token + "/f.txt", "archiver": "/archiver?id=" + url.QueryEscape(w.folder) + "&public-token=" + token} {
		slowed := false
		for n := range 40 {
			a := s.As("public", fmt.Sprint("guess", n)).Do("GET", path, "", "X-Forwarded-For", fmt.Sprintf("2001:db8:0:%d::%x", len(door), n+1))
			if a.Status < 400 {
				t.Fatalf("%s: let in by a guess: %d", door, a.Status)
			}
			if slowed = a.Status == 429; slowed {
				break
			}
		}
		if !slowed {
			t.Errorf("%s: 40 guesses from one network", door)
		}
	}
	a := s.As("public", linkPassword).Do("GET", "/ocs/v2.php/apps/files_sharing/api/v1/tokeninfo/unprotected/"+token, "")
	b := s.As("public", "wrong").Do("GET", "/ocs/v2.php/apps/files_sharing/api/v1/tokeninfo/unprotected/"+token, "")
	if a.Status != b.Status || a.Body != b.Body {
		t.Errorf("tokeninfo tells a right password from a wrong one:\n%s\n%s", a.Body, b.Body)
	}
}

// TestNothingRuns: what people upload is never run under our origin, and their names break out of no header.
func TestNothingRuns(t *testing.T) {
	_, w := insider(t, open)
	nobody := w.s.As("", "")
	for _, name := range []string{"x.html", "x.svg", "x.xhtml", "x.js", `a"b.html`, "a;b'c.svg", "a\u2028b.html", "%0d%0aSet-Cookie: x.html"} {
		at := "/dav/spaces/" + w.folder + "/" + url.PathEscape(name)
		w.owner.Want("PUT", at, "<script>1</script>", nil, 201)
		w.owner.Want("PUT", at, "<script>2</script>", nil, 204)
		list := w.owner.Want("PROPFIND", at, askID, nil, 207).Body
		id := fileID.FindStringSubmatch(list)[1]
		meta := "/dav/meta/" + id + "/v"
		version := versionHref.FindStringSubmatch(w.owner.Want("PROPFIND", meta, "", nil, 207).Body)[1]
		_, token := w.graph("P/M", "createLink", `{"type":"view"}`)
		content := w.owner.Want("GET", "/graph/v1.0/drives/"+w.drive+"/items/"+id+"/content", "", nil, 302).Header.Get("Location")
		for what, a := range map[string]server.Answer{
			"download": w.owner.Want("GET", at, "", nil, 200), "version": w.owner.Want("GET", meta+"/"+version, "", nil, 200),
			"link": nobody.Want("GET", "/dav/public-files/"+token+"/"+url.PathEscape(name), "", nil, 200), "graph": nobody.Want("GET", content, "", nil, 200),
			"archive": w.owner.Want("GET", "/archiver?id="+id, "", nil, 200),
		} {
			disposition := a.Header.Get("Content-Disposition")
			if !strings.HasPrefix(disposition, "attachment;") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s of %q can be shown: %v", what, name, a.Header)
			}
			if what != "archive" && !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s of %q can run: %v", what, name, a.Header["Content-Security-Policy"])
			}
			if strings.ContainsAny(disposition, "\r\n") || strings.Count(disposition, `"`)%2 != 0 || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: the name %q breaks out: %s", what, name, disposition)
			}
		}
	}
	for _, name := range []string{"a%0d%0ab", "a%0ab", "a%00b"} {
		if a := w.owner.Do("PUT", "/dav/spaces/"+w.folder+"/"+name, "x"); a.Status < 300 {
			got := w.owner.Want("GET", "/dav/spaces/"+w.folder+"/"+name, "", nil, 200).Header
			if strings.ContainsAny(got.Get("Content-Disposition"), "\r\n\x00") {
				t.Errorf("%s: %q", name, got.Get("Content-Disposition"))
			}
		}
	}
}

// TestLockTokens: whoever may not write does not learn tokens of locks, and takes none off.
func TestLockTokens(t *testing.T) {
	s, w := insider(t, open)
	viewer, _ := w.member("viewer", permission.SpaceViewerID)
	_, token := w.graph("P/M", "createLink", `{"type":"edit"}`)
	at := "/dav/spaces/" + w.folder + "/f.txt"
	const body = `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`
	lock := strings.Trim(w.owner.Want("LOCK", at, body, nil, 200).Header.Get("Lock-Token"), "<>")
	const ask = `<d:propfind xmlns:d="DAV:"><d:prop><d:lockdiscovery/></d:prop></d:propfind>`
	if !strings.Contains(w.owner.Want("PROPFIND", at, ask, nil, 207).Body, lock) {
		t.Error("the owner does not see his lock")
	}
	visitor, public := s.As("", ""), "/dav/public-files/"+token+"/f.txt"
	for who, a := range map[string]server.Answer{
		"viewer looks": viewer.Want("PROPFIND", at, ask, nil, 207), "viewer lists": viewer.Want("PROPFIND", "/dav/spaces/"+w.folder, ask, []string{"Depth", "1"}, 207),
		"viewer writes": viewer.Want("PUT", at, "x", nil, 403), "viewer locks": viewer.Want("LOCK", at, body, nil, 403), "viewer unlocks": viewer.Want("UNLOCK", at, "", []string{"Lock-Token", "<" + lock + ">"}, 403),
		"viewer refreshes": viewer.Want("LOCK", at, "", []string{"If", "(<" + lock + ">)"}, 403),
		"visitor looks":    visitor.Want("PROPFIND", public, ask, nil, 207), "visitor writes": visitor.Want("PUT", public, "x", nil, 423), "visitor deletes": visitor.Want("DELETE", public, "", nil, 423),
		"visitor locks": visitor.Want("LOCK", public, body, nil, 423), "visitor writes with the token": visitor.Want("PUT", public, "x", []string{"If", "(<" + lock + ">)"}, 412, 423),
		"visitor unlocks": visitor.Want("UNLOCK", public, "", []string{"Lock-Token", "<" + lock + ">"}, 403),
	} {
		if strings.Contains(a.Body, lock) || strings.Contains(fmt.Sprint(a.Header), lock) {
			t.Errorf("%s and learns the token: %s", who, a.Body)
		}
	}
	w.owner.Want("UNLOCK", at, "", []string{"Lock-Token", "<" + lock + ">"}, 204)
}

// TestSignatures: the address of a download is good for that file, for reading, and for no other.
func TestSignatures(t *testing.T) {
	s, w := insider(t)
	nobody := s.As("", "")
	at := "/dav/spaces/" + w.folder + "/f.txt"
	list := w.owner.Want("PROPFIND", at, `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:downloadURL/></d:prop></d:propfind>`, nil, 207).Body
	m := regexp.MustCompile(`<oc:downloadURL>https?://[^/]+([^<]+)<`).FindStringSubmatch(list)
	if m == nil {
		t.Fatal(list)
	}
	signed := strings.ReplaceAll(m[1], "&amp;", "&")
	nobody.Want("GET", signed, "", nil, 200)
	for _, c := range []struct{ method, path string }{{"PUT", signed}, {"DELETE", signed}, {"PROPFIND", signed}, {"GET", strings.Replace(signed, "f.txt", "../secret.txt", 1)},
		{"GET", strings.Replace(signed, w.folder, w.drive, 1)}, {"GET", signed + "&x=1"}, {"GET", signed[:len(signed)-4] + "AAAA"}, {"GET", at + "?oc-jwt-sig="}, {"GET", at + "?OC-Signature=&OC-Credential=admin"}} {
		if a := nobody.Do(c.method, c.path, ""); a.Status != 401 && a.Status != 400 {
			t.Errorf("%s %s: %d", c.method, c.path, a.Status)
		}
	}
}
