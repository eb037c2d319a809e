package graph

import (
	"net/url"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/signedurl"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestItem(t *testing.T) {
	w := newWorld(t, nil)
	ada := mount + "$" + adaID
	root := w.want(200, adaID, "GET", "/v1.0"+adas+"/root", "")
	for _, path := range []string{"/v1.0/me/drive/root", "/v1beta1" + adas + "/items/" + ada + "!" + adaID, "/v1.0" + adas + "/root:/:"} {
		if m := w.want(200, adaID, "GET", path, ""); at(m, "id") != at(root, "id") || m["root"] == nil || m["folder"] == nil || m["file"] != nil {
			t.Error(path, m)
		}
	}
	for _, path := range []string{"/items/{in}", "/root:/dir/in.txt", "/root:/dir/in.txt:", "/items/{dir}:/in.txt:", "/root:/dir//in.txt"} {
		m := w.want(200, adaID, "GET", "/v1.0"+adas+path, "")
		id, _ := m["id"].(string)
		for _, x := range []struct{ got, want any }{
			{m["name"], "in.txt"}, {m["size"], 5.0}, {at(m, "parentReference", "path"), "/dir"}, {at(m, "parentReference", "name"), "dir"}, {at(m, "parentReference", "driveId"), ada},
			{at(m, "parentReference", "driveType"), "personal"}, {at(m, "file", "mimeType"), "text/plain"}, {at(m, "file", "hashes", "sha1Hash"), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"},
			{m["webDavUrl"], "https://cloud.test/dav/spaces/" + ada + "/dir/in.txt"}, {m["webUrl"], "https://cloud.test/f/" + id}, {m["folder"], nil}, {m["root"], nil},
			{m[selectDownload], nil}, {m[selectActions], nil},
		} {
			if x.got != x.want {
				t.Errorf("%s: %v, want %v", path, x.got, x.want)
			}
		}
		if tag, _ := m["eTag"].(string); len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			t.Errorf("ETag %q", tag)
		}
	}
	for path, want := range map[string]int{"/items/nonsense": 400, "/items/" + ada + "!nothing": 404, "/items/{plan}": 404, "/root:/../x": 400, "/root:/dir:/shoes": 404,
		"/root:/none:/children": 404, "/items/{doc}/children": 400, "/items/{dir}/content": 404, "/root:/doc.txt/x:/content": 404} {
		w.want(want, adaID, "GET", "/v1.0"+adas+path, "")
	}
	w.want(404, adaID, "GET", "/v1.0/drives/"+strings.TrimPrefix(w.names[1], "/")+"/root", "") // a file is no drive
}

func TestChildren(t *testing.T) {
	w := newWorld(t, nil)
	for path, want := range map[string]string{"/root/children": "dir,doc.txt", "/items/{dir}/children": "in.txt", "/root:/dir:/children": "in.txt", "/items/{dir}:/:/children": "in.txt"} {
		if m := w.want(200, adaID, "GET", "/v1.0"+adas+path, ""); in(m, "name") != want {
			t.Errorf("%s: %v", path, m)
		}
	}
	m := w.want(200, adaID, "GET", "/v1.0/me/drive/root/children?$top=1&$count=true", "")
	if in(m, "name") != "dir" || m["@odata.count"] != 2.0 || !strings.Contains(m["@odata.nextLink"].(string), "skip=1") {
		t.Error(m)
	}
	if m := w.want(200, adaID, "GET", "/v1.0"+adas+"/items/{dir}/children", ""); !strings.HasSuffix(in(m, "webDavUrl"), "/dir/in.txt") {
		t.Error(m)
	}
}

// Who was given a part of a space sees no names of what is above it.
func TestItemsOfAPart(t *testing.T) {
	w := newWorld(t, nil)
	dir := storage.At(resource.SpaceRoot(mount, adaID), "dir")
	check(t, w.fs.SetGrant(w.as(adaID), dir, space.Grant{Kind: space.UserGrantee, Grantee: bjornID, Permissions: permission.Viewer}))
	for _, path := range []string{"/items/{in}", "/items/{dir}", "/items/{dir}/children"} {
		out := w.call(bjornID, "GET", "/v1.0"+adas+path, "")
		body := out.Body.String()
		if out.Code != 200 || strings.Contains(body, `"path"`) || strings.Contains(body, "/dir") {
			t.Errorf("%s: %d %s", path, out.Code, body)
		}
	}
	w.want(404, bjornID, "GET", "/v1.0"+adas+"/root", "")
	w.want(404, bjornID, "GET", "/v1.0"+adas+"/items/{doc}", "")
	check(t, w.fs.SetGrant(w.as(adaID), dir, space.Grant{Kind: space.UserGrantee, Grantee: bjornID, Permissions: permission.SecureViewer}))
	w.want(403, bjornID, "GET", "/v1.0"+adas+"/items/{in}/content", "")
	if m := w.want(200, bjornID, "GET", "/v1.0"+adas+"/items/{in}?$select="+selectDownload, ""); m[selectDownload] != nil {
		t.Error("an address for who may not download")
	}
}

func TestDownloadAddress(t *testing.T) {
	w := newWorld(t, nil)
	s, err := signedurl.New([]byte("a secret that is long enough"))
	check(t, err)
	m := w.want(200, adaID, "GET", "/v1.0"+adas+"/items/{doc}?$select="+selectDownload+","+selectActions, "")
	if all, _ := m[selectActions].([]any); len(all) != len(permission.Manager.Actions()) {
		t.Error(m)
	}
	out := w.call(adaID, "GET", "/v1beta1"+adas+"/items/{doc}/content", "")
	if out.Code != 302 {
		t.Fatal(out.Code, out.Body)
	}
	for _, text := range []any{m[selectDownload], out.Header().Get("Location")} {
		u, err := url.Parse(text.(string))
		check(t, err)
		if who, err := s.Verify(u, "https://cloud.test"); err != nil || who != adaID || !strings.HasPrefix(u.Path, "/dav/spaces/"+mount) {
			t.Error(text, who, err)
		}
	}
	w = newWorld(t, func(c *Config) { c.URLSecret = "" })
	w.want(501, adaID, "GET", "/v1.0"+adas+"/items/{doc}/content", "")
	if m := w.want(200, adaID, "GET", "/v1.0"+adas+"/items/{doc}?$select="+selectDownload, ""); m[selectDownload] != nil {
		t.Error(m)
	}
}

// TestFollow: what somebody follows is a favourite of his, and of nobody else.
func TestFollow(t *testing.T) {
	w := newWorld(t, nil)
	check(t, w.fs.SetGrant(w.as(adaID), storage.At(w.put("{shared}", adaID, adaID, "shared.txt").ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: bjornID, Permissions: permission.Viewer}))
	following := func(who string) any {
		t.Helper()
		return w.want(200, who, "GET", "/v1.0"+adas+"/items/{shared}", "")["@libre.graph.me.following"]
	}
	if m := w.want(201, bjornID, "POST", "/v1.0/me/drive/items/{shared}/follow", ""); m["name"] != "shared.txt" || m["@libre.graph.me.following"] != true {
		t.Errorf("%v", m)
	}
	if b, a := following(bjornID), following(adaID); b != true || a != nil {
		t.Errorf("%v follows, and the owner %v", b, a)
	}
	w.want(404, lightID, "POST", "/v1.0/me/drive/items/{shared}/follow", "")
	w.want(401, "", "POST", "/v1.0/me/drive/items/{shared}/follow", "")
	w.want(204, bjornID, "DELETE", "/v1.0/me/drive/following/{shared}", "")
	if b := following(bjornID); b != nil {
		t.Errorf("%v still follows", b)
	}
}
