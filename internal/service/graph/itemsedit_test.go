package graph

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

func (w *world) children(as, folder string) string {
	w.t.Helper()
	return in(w.want(200, as, "GET", "/v1.0"+folder, ""), "name")
}

func TestCreateChild(t *testing.T) {
	w := newWorld(t, nil)
	const fail, replace, parents = "?@libre.graph.conflictBehavior=fail", "?@libre.graph.conflictBehavior=replace", "?@libre.graph.missingParentsBehavior=create"
	for _, c := range []struct {
		path, body string
		want       int
		where      string
	}{
		{"/root/children", `{"name":"new","folder":{}}`, 201, "/"},
		{"/root/children" + fail, `{"name":"new","folder":{}}`, 409, ""},
		{"/root/children", `{"name":"new","file":{}}`, 409, ""},
		{"/root/children" + replace, `{"name":"new","file":{}}`, 409, ""}, // a file in place of a folder
		{"/root/children" + replace, `{"name":"new","folder":{}}`, 201, "/"},
		{"/items/{dir}/children", `{"name":"a.txt","file":{}}`, 201, "/dir"},
		{"/items/{dir}/children", `{"name":"a.txt","file":{}}`, 409, ""},
		{"/items/{dir}/children" + replace, `{"name":"a.txt","file":{}}`, 201, "/dir"},
		{"/root:/dir:/children", `{"name":"b.txt","file":{}}`, 201, "/dir"},
		{"/items/{dir}:/x/y:/children", `{"name":"c.txt","file":{}}`, 404, ""},
		{"/items/{dir}:/x/y:/children" + parents, `{"name":"c.txt","file":{}}`, 201, "/dir/x/y"},
		{"/items/{dir}:/x/y:/children" + parents, `{"name":"d","folder":{}}`, 201, "/dir/x/y"},
		{"/root:/doc.txt:/children" + parents, `{"name":"d","folder":{}}`, 400, ""},
		{"/items/{doc}/children", `{"name":"d","folder":{}}`, 400, ""},
		{"/root/children?@libre.graph.conflictBehavior=rename", `{"name":"q","folder":{}}`, 400, ""},
		{"/root/children?@libre.graph.missingParentsBehavior=q", `{"name":"q","folder":{}}`, 400, ""},
		{"/root/children", `{"name":"q"}`, 400, ""},
		{"/root/children", `{"name":"q","folder":null}`, 400, ""},
		{"/root/children", `{"name":"q","folder":{},"file":{}}`, 400, ""},
		{"/root/children", `{"name":"q","remoteItem":{"id":"x"}}`, 400, ""},
		{"/root/children", `{"name":"q","folder":{},"shoes":1}`, 400, ""},
		{"/root/children", `{"folder":{}}`, 400, ""},
		{"/root/children", `{"name":"../q","folder":{}}`, 400, ""},
		{"/root/children", `{"name":"dir/q","file":{}}`, 400, ""},
		{"/root/children", `{"name":"..","file":{}}`, 400, ""},
		{"/root:/dir:/shoes", `{"name":"q","folder":{}}`, 404, ""},
	} {
		m := w.want(c.want, adaID, "POST", "/v1beta1"+adas+c.path, c.body)
		if c.want != 201 {
			continue
		}
		path, _ := at(m, "parentReference", "path").(string)
		if path != c.where || (m["folder"] != nil) != strings.Contains(c.body, `"folder"`) || m["id"] == nil {
			t.Errorf("%s %s: %v", c.path, c.body, m)
		}
	}
	for path, want := range map[string]string{"/root/children": "dir,doc.txt,new", "/items/{dir}/children": "a.txt,b.txt,in.txt,x", "/root:/dir/x/y:/children": "c.txt,d"} {
		if got := w.children(adaID, adas+path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestDeleteRestorePurge(t *testing.T) {
	w := newWorld(t, nil)
	tag := strings.Trim(w.want(200, adaID, "GET", "/v1.0"+adas+"/items/{doc}", "")["eTag"].(string), `"`)
	w.want(412, adaID, "DELETE", "/v1beta1"+adas+"/items/{doc}", "", "If-Match", `"other"`)
	w.want(204, adaID, "DELETE", "/v1beta1"+adas+"/items/{doc}", "", "If-Match", `"other", "`+tag+`"`)
	w.want(404, adaID, "DELETE", "/v1beta1"+adas+"/items/{doc}", "")
	w.want(404, adaID, "GET", "/v1.0"+adas+"/items/{doc}", "")
	if m := w.want(200, adaID, "POST", "/v1.0"+adas+"/items/{doc}/restore", ""); m["name"] != "doc.txt" || at(m, "parentReference", "path") != "/" {
		t.Error(m)
	}
	w.want(404, adaID, "POST", "/v1.0"+adas+"/items/{doc}/restore", "")
	w.want(204, adaID, "DELETE", "/v1.0"+adas+"/root:/doc.txt:", "")
	w.put("{other}", adaID, adaID, "doc.txt")
	w.want(409, adaID, "POST", "/v1.0"+adas+"/items/{doc}/restore", "")
	w.want(204, adaID, "POST", "/v1.0"+adas+"/items/{doc}/permanentDelete", "") // from the trash
	w.want(404, adaID, "POST", "/v1.0"+adas+"/items/{doc}/permanentDelete", "")
	w.want(204, adaID, "POST", "/v1.0"+adas+"/items/{dir}/permanentDelete", "") // from its place
	w.want(404, adaID, "POST", "/v1.0"+adas+"/items/{dir}/restore", "")
	if got := w.children(adaID, adas+"/root/children"); got != "doc.txt" {
		t.Error(got)
	}
	root := adas + "/items/" + mount + "$" + adaID + "!" + adaID
	w.want(405, adaID, "DELETE", "/v1.0"+root, "")
	w.want(405, adaID, "POST", "/v1.0"+root+"/permanentDelete", "")
	w.want(204, adaID, "DELETE", "/v1.0"+adas+"/items/{other}", "")
	w.put("{back}", adaID, adaID, "gone/")
	w.put("{lost}", adaID, adaID, "gone/lost.txt")
	w.want(204, adaID, "DELETE", "/v1.0"+adas+"/items/{lost}", "")
	w.want(204, adaID, "POST", "/v1.0"+adas+"/items/{back}/permanentDelete", "")
	w.want(409, adaID, "POST", "/v1.0"+adas+"/items/{lost}/restore", "")
}

// A locked file stays.
func TestLockedItem(t *testing.T) {
	w := newWorld(t, nil)
	_, _, err := w.fs.Lock(w.as(adaID), storage.At(resource.SpaceRoot(mount, adaID), "doc.txt"), storage.LockRequest{}, storage.Conditions{})
	check(t, err)
	w.want(423, adaID, "DELETE", "/v1.0"+adas+"/items/{doc}", "")
}

func TestUploadSession(t *testing.T) {
	w := newWorld(t, nil)
	signer, err := transfer.NewSigner([]byte(w.cfg.TransferSecret))
	check(t, err)
	data := &transfer.Handler{FS: w.fs, Signer: signer, Log: slog.New(slog.DiscardHandler)}
	put := func(m map[string]any, content string, part ...string) int {
		u, _ := m["uploadUrl"].(string)
		out := httptest.NewRecorder()
		r := httptest.NewRequest("PUT", u, strings.NewReader(content))
		r.Header["Content-Range"] = part
		data.ServeHTTP(out, r)
		return out.Code
	}
	for _, c := range []struct {
		path, body, content string
		want                int
	}{
		{"/items/{doc}/createUploadSession", "", "new content", 204},
		{"/root:/dir/new.txt:/createUploadSession", `{"item":{"name":"new.txt","fileSize":3}}`, "abc", 201},
		{"/root:/dir/new.txt:/createUploadSession", `{"item":{"fileSize":3}}`, "abcd", 413},
		{"/root:/dir/new.txt:/createUploadSession", `{"item":{"@microsoft.graph.conflictBehavior":"fail"}}`, "x", 412},
		{"/root:/dir/new.txt:/createUploadSession", `{"item":{"@microsoft.graph.conflictBehavior":"rename"}}`, "x", 201},
	} {
		m := w.want(200, adaID, "POST", "/v1.0"+adas+c.path, c.body)
		if got := put(m, c.content); got != c.want || m["expirationDateTime"] == nil {
			t.Errorf("%s %s: %d, want %d: %v", c.path, c.body, got, c.want, m)
		}
	}
	if got := w.children(adaID, adas+"/items/{dir}/children"); got != "in.txt,new (2).txt,new.txt" {
		t.Error(got)
	}
	for path, want := range map[string]int{"/items/{dir}/createUploadSession": 400, "/root:/none/x:/createUploadSession": 404, "/root:/doc.txt/x:/createUploadSession": 404} {
		w.want(want, adaID, "POST", "/v1.0"+adas+path, "")
	}
	for _, body := range []string{`{"item":{"fileSize":-1}}`, `{"item":{"@microsoft.graph.conflictBehavior":"shoe"}}`, `{"shoes":1}`} {
		w.want(400, adaID, "POST", "/v1.0"+adas+"/items/{doc}/createUploadSession", body)
	}
	m := w.want(200, adaID, "POST", "/v1.0"+adas+"/root:/parts.txt:/createUploadSession", "")
	for part, want := range map[string]int{"bytes 0-4/10": 400, "bytes 5-9/10": 400, "bytes 0-4/*": 400, "rubbish": 400, "bytes 0-4/5": 201} {
		if got := put(m, "hello", part); got != want {
			t.Errorf("Content-Range: %s: %d, want %d", part, got, want)
		}
	}
	dir := storage.At(resource.SpaceRoot(mount, adaID), "dir")
	check(t, w.fs.SetGrant(w.as(adaID), dir, space.Grant{Kind: space.UserGrantee, Grantee: bjornID, Permissions: permission.Viewer}))
	w.want(403, bjornID, "POST", "/v1.0"+adas+"/items/{in}/createUploadSession", "")
	w.want(403, bjornID, "POST", "/v1.0"+adas+"/items/{dir}:/x:/createUploadSession", "")
	w.want(404, bjornID, "POST", "/v1.0"+adas+"/items/{doc}/createUploadSession", "")
}
