package graph

import (
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	withMe   = "/v1beta1/me/drive/sharedWithMe"
	byMe     = "/v1beta1/me/drive/sharedByMe"
	jailPath = "/v1beta1" + jailDrive
	received = jailPath + "/items/" + share.JailID + "$" + share.JailID + "!{share}"
)

func TestSharedWithMe(t *testing.T) {
	w := newShared(t, nil)
	m := w.want(200, recvID, "GET", withMe+"?$expand=thumbnails", "")
	if in(m, "name") != "dir,folder" {
		t.Fatal(m)
	}
	d, jail := dig(m, "value", 0), share.Jail()
	sid := strings.NewReplacer(w.names...).Replace("{share}")
	dir := strings.NewReplacer(w.names...).Replace("{dir}")
	for _, c := range []struct {
		want any
		path []any
	}{
		{jail.WithNode(sid).String(), []any{"id"}},
		{true, []any{"@client.synchronize"}}, {false, []any{"@UI.Hidden"}},
		{jail.SpaceID(), []any{"parentReference", "driveId"}}, {"virtual", []any{"parentReference", "driveType"}}, {jail.String(), []any{"parentReference", "id"}},
		{"Ada Lovelace", []any{"createdBy", "user", "displayName"}}, {map[string]any{}, []any{"folder"}}, {nil, []any{"file"}},
		{dir, []any{"remoteItem", "id"}}, {"dir", []any{"remoteItem", "name"}}, {"/", []any{"remoteItem", "path"}}, {"personal/" + adaID, []any{"remoteItem", "driveAlias"}},
		{resource.SpaceRoot(mount, adaID).String(), []any{"remoteItem", "rootId"}}, {mount + "$" + adaID, []any{"remoteItem", "parentReference", "driveId"}},
		{"personal", []any{"remoteItem", "parentReference", "driveType"}}, {nil, []any{"remoteItem", "parentReference", "path"}}, {nil, []any{"remoteItem", "parentReference", "id"}},
		{"https://cloud.test/f/" + dir, []any{"remoteItem", "webUrl"}}, {sid, []any{"remoteItem", "permissions", 0, "id"}},
		{permission.EditorID, []any{"remoteItem", "permissions", 0, "roles", 0}}, {adaID, []any{"remoteItem", "permissions", 0, "invitation", "invitedBy", "user", "id"}},
		{nil, []any{"remoteItem", "permissions", 1}},
	} {
		got := dig(d, c.path...)
		if o, ok := got.(map[string]any); ok && len(o) == 0 && c.want != nil {
			continue
		}
		if got != c.want {
			t.Errorf("%v: %v, want %v", c.path, got, c.want)
		}
	}
	// The same thing by a group: once, with both permissions.
	w.want(200, adaID, "POST", docItem+"/invite", `{"recipients":[{"objectId":"`+emptyID+`","@libre.graph.recipient.type":"group"}],"roles":["`+permission.ViewerID+`"]}`)
	w.want(204, adminID, "POST", "/v1.0/groups/"+emptyID+"/members/$ref", `{"@odata.id":"https://cloud.test/graph/v1.0/users/`+recvID+`"}`)
	w.want(200, adaID, "POST", docItem+"/invite", to(recvID, permission.FileEditorID))
	if m := w.want(200, recvID, "GET", withMe, ""); in(m, "name") != "dir,folder,doc.txt" || dig(m, "value", 2, "remoteItem", "permissions", 1) == nil || dig(m, "value", 2, "file", "mimeType") == nil {
		t.Error(m)
	}
	// What is gone is not there.
	w.want(204, adaID, "DELETE", docItem, "")
	w.want(204, adaID, "DELETE", dirItem+"/permissions/{share}", "")
	if m := w.want(200, recvID, "GET", withMe, ""); in(m, "name") != "folder" {
		t.Error(m)
	}
	for _, who := range []string{evaID, adaID, viewID} {
		if m := w.want(200, who, "GET", withMe, ""); in(m, "name") != "" {
			t.Error(who, m)
		}
	}
	w.want(400, recvID, "GET", withMe+"?$expand=shoes", "")
}

func TestSharedByMe(t *testing.T) {
	w := newShared(t, nil)
	m := w.want(200, adaID, "GET", byMe+"?$expand=thumbnails", "")
	if in(m, "name") != "dir" || dig(m, "value", 0, "permissions", 0, "roles", 0) != permission.EditorID || dig(m, "value", 0, "permissions", 1, "link", "type") != "view" ||
		dig(m, "value", 0, "parentReference", "path") != "/" || dig(m, "value", 0, "folder") == nil || dig(m, "value", 0, "id") != strings.NewReplacer(w.names...).Replace("{dir}") {
		t.Error(m)
	}
	if m := w.want(200, mgrID, "GET", byMe, ""); in(m, "name") != "folder" {
		t.Error(m)
	}
	for _, who := range []string{evaID, viewID, recvID} { // what others shared, even in a common space, is theirs
		if m := w.want(200, who, "GET", byMe, ""); in(m, "name") != "" {
			t.Error(who, m)
		}
	}
}

// Who was a manager, and now sees one folder deep in the space, is not told where it lies.
func TestSharedByMeHidesWhatIsAbove(t *testing.T) {
	w := newShared(t, nil)
	w.put("{deep}", mgrID, moonID, "folder/secret/")
	deep := "/v1beta1" + moon + "/items/{deep}"
	w.want(200, mgrID, "POST", deep+"/invite", to(recvID, permission.ViewerID))
	w.want(200, bjornID, "GET", deep+"/permissions", "")
	i, err := w.fs.Stat(w.as(bjornID), storage.At(moonRootID(), "folder/secret"), storage.View{})
	check(t, err)
	check(t, w.fs.SetGrant(w.as(bjornID), storage.At(i.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: mgrID, Permissions: permission.Viewer}))
	w.want(204, bjornID, "DELETE", moonRoot+"/permissions/u:"+mgrID, "")
	body := w.call(mgrID, "GET", byMe, "").Body.String()
	if !strings.Contains(body, `"secret"`) || strings.Contains(body, `folder/`) || strings.Contains(body, `"/folder"`) {
		t.Error(body)
	}
}

func TestMountAndUnmount(t *testing.T) {
	w := newShared(t, nil)
	if m := w.want(200, recvID, "GET", received, ""); m["name"] != "dir" || m["@client.synchronize"] != true || dig(m, "remoteItem", "name") != "dir" {
		t.Error(m)
	}
	const children = jailPath + "/root/children"
	if m := w.want(200, recvID, "GET", children, ""); in(m, "name") != "dir,folder" {
		t.Error(m)
	}
	before := w.want(200, recvID, "GET", jailPath+"/root", "")
	w.want(409, recvID, "POST", children, `{"remoteItem":{"id":"{dir}"}}`)
	w.want(204, recvID, "DELETE", received, "")
	w.want(409, recvID, "DELETE", received, "")
	if after := w.want(200, recvID, "GET", jailPath+"/root", ""); after["eTag"] == before["eTag"] || after["name"] != "Shares" || after["root"] == nil {
		t.Error(before, after)
	}
	if m := w.want(200, recvID, "GET", children, ""); in(m, "name") != "folder" {
		t.Error(m)
	}
	if m := w.want(200, recvID, "GET", withMe, ""); dig(m, "value", 0, "@client.synchronize") != false || in(m, "name") != "dir,folder" {
		t.Error(m)
	}
	if m := w.want(201, recvID, "POST", children, `{"name":"whatever","remoteItem":{"id":"{dir}"}}`); m["@client.synchronize"] != true || m["name"] != "dir" {
		t.Error(m)
	}
	if m := w.want(200, recvID, "PATCH", received, `{"@UI.Hidden":true}`); m["@UI.Hidden"] != true || m["@client.synchronize"] != true {
		t.Error(m)
	}
	if m := w.want(200, recvID, "PATCH", received, `{"@UI.Hidden":false}`); m["@UI.Hidden"] != false {
		t.Error(m)
	}
	for body, want := range map[string]int{`{"remoteItem":{"id":""}}`: 400, `{"remoteItem":{}}`: 400, `{"remoteItem":{"id":"nonsense"}}`: 400, `{"remoteItem":{"id":"{dir}"},"folder":{}}`: 400,
		`{"folder":{},"name":"x"}`: 400, `{"remoteItem":{"id":"{dir}","shoe":1}}`: 400, `{}`: 400, `{"remoteItem":{"id":"{doc}"}}`: 404, `{"remoteItem":{"id":"{plan}"}}`: 404} {
		w.want(want, recvID, "POST", children, body)
	}
	for body, want := range map[string]int{`{}`: 400, `{"name":"x"}`: 400, `{"@UI.Hidden":"yes"}`: 400} {
		w.want(want, recvID, "PATCH", received, body)
	}
	w.want(400, adaID, "PATCH", docItem, `{"@UI.Hidden":true}`)
	// Others do not find it, whether it exists or not.
	for _, who := range []string{evaID, adaID, viewID} {
		for _, item := range []string{received, jailPath + "/items/" + share.JailID + "$" + share.JailID + "!none"} {
			w.want(404, who, "GET", item, "")
			w.want(404, who, "DELETE", item, "")
			w.want(404, who, "PATCH", item, `{"@UI.Hidden":true}`)
		}
		w.want(404, who, "POST", children, `{"remoteItem":{"id":"{dir}"}}`)
	}
}

func TestJailDrives(t *testing.T) {
	w := newShared(t, nil)
	const mine = "/v1beta1/me/drives"
	if m := w.want(200, recvID, "GET", mine, ""); in(m, "driveType") != "virtual,mountpoint,mountpoint" {
		t.Error(m)
	}
	m := w.want(200, recvID, "GET", mine+"?$filter=driveType eq 'mountpoint'&$orderby=name desc", "")
	if in(m, "name") != "folder,dir" || dig(m, "value", 1, "root", "remoteItem", "id") != strings.NewReplacer(w.names...).Replace("{dir}") ||
		dig(m, "value", 1, "driveAlias") != "mountpoint/dir" || dig(m, "value", 1, "owner", "user", "displayName") != "Ada Lovelace" || dig(m, "value", 1, "webUrl") == nil {
		t.Error(m)
	}
	id, _ := dig(m, "value", 1, "id").(string)
	if got := w.want(200, recvID, "GET", "/v1beta1/drives/"+id, ""); got["name"] != "dir" {
		t.Error(got)
	}
	w.want(404, evaID, "GET", "/v1beta1/drives/"+id, "")
	if got := w.want(200, recvID, "GET", mine+"?$filter=id eq '"+id+"'", ""); in(got, "name") != "dir" {
		t.Error(got)
	}
	virtual := w.want(200, recvID, "GET", mine+"?$filter=driveType eq virtual", "") // as browsers write it
	if in(virtual, "id") != share.Jail().SpaceID() || in(virtual, "driveAlias") != "virtual/shares" || in(virtual, "name") != "Shares" {
		t.Error(virtual)
	}
	if got := w.want(200, recvID, "GET", jailPath, ""); dig(got, "root", "eTag") != dig(virtual, "value", 0, "root", "eTag") || dig(got, "root", "eTag") == nil {
		t.Error(got)
	}
	w.want(204, recvID, "DELETE", received, "")
	if got := w.want(200, recvID, "GET", mine+"?$filter=driveType eq mountpoint", ""); in(got, "name") != "folder" {
		t.Error(got)
	}
	if got := w.want(200, evaID, "GET", "/v1beta1/drives", ""); in(got, "driveType") != "virtual" {
		t.Error(got)
	}
	if got := w.want(200, adaID, "GET", mine+"?$filter=driveType eq personal", ""); in(got, "driveType") != "personal" {
		t.Error(got)
	}
	w.want(501, adaID, "GET", mine+"?$filter=id eq x", "")
	w.want(404, recvID, "PATCH", jailPath, `{"name":"Mine"}`)
	w.want(404, recvID, "DELETE", jailPath, "")
}
