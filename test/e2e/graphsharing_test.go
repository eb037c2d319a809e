package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"opencloud/test/server"
)

// TestGraphSharing is sharing over Graph, from the invitation to what the receiver makes of it, and links.
func TestGraphSharing(t *testing.T) {
	inBothWirings(t, graphSharing)
}

func graphSharing(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	admin, mary, alan, nobody := s.Admin(), s.As("mary", "demo"), s.As("alan", "demo"), s.As("", "")
	type item struct {
		ID, Name, DriveType string
		ETag                string
		Synchronize         bool  `json:"@client.synchronize"`
		Remote              *item `json:"remoteItem"`
		Root                *item
		Roles               []string
		Permissions         []item
		Value               []item
		Link                *struct{ Type, WebURL string }
		HasPassword         bool
		GrantedToV2         struct {
			User struct{ ID, DisplayName string }
		}
		Parent struct{ Path string } `json:"parentReference"`
	}
	read := func(a server.Answer) (i item) {
		t.Helper()
		if err := json.Unmarshal([]byte(a.Body), &i); err != nil {
			t.Fatal(err, a.Body)
		}
		return i
	}
	personal(t, mary)
	personal(t, alan)
	who := read(mary.Want("GET", "/graph/v1.0/me", "", nil, 200)).ID
	drive := "/graph/v1beta1/drives/" + url.PathEscape(personal(t, admin))
	dir := read(admin.Want("POST", drive+"/root/children", `{"name":"reports","folder":{}}`, nil, 201))
	at := drive + "/items/" + url.PathEscape(dir.ID)
	const viewer, editor = "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5", "fb6c3e19-e378-47e5-b277-9732f9de6e21"
	invite := `{"recipients":[{"objectId":"` + who + `","@libre.graph.recipient.type":"user"}],"roles":["` + viewer + `"],"expirationDateTime":null}`
	mary.Want("POST", at+"/invite", invite, nil, 404)
	nobody.Want("POST", at+"/invite", invite, nil, 401)
	made := read(admin.Want("POST", at+"/invite", invite, nil, 200)).Value
	if len(made) != 1 || made[0].GrantedToV2.User.DisplayName == "" || made[0].Roles[0] != viewer {
		t.Fatalf("%+v", made)
	}
	admin.Want("POST", at+"/invite", invite, nil, 409)
	permission := at + "/permissions/" + url.PathEscape(made[0].ID)
	if p := read(admin.Want("PATCH", permission, `{"roles":["`+editor+`"]}`, nil, 200)); p.Roles[0] != editor || p.ID != made[0].ID {
		t.Errorf("%+v", p)
	}
	alan.Want("GET", at+"/permissions", "", nil, 404)
	// The receiver finds it, can write, takes it off and on again.
	with := read(mary.Want("GET", "/graph/v1beta1/me/drive/sharedWithMe?$expand=thumbnails", "", nil, 200)).Value
	if len(with) != 1 || with[0].Name != "reports" || !with[0].Synchronize || with[0].Remote == nil || with[0].Remote.ID != dir.ID || len(with[0].Remote.Permissions) != 1 {
		t.Fatalf("%+v", with)
	}
	mary.Want("PUT", "/dav/spaces/"+url.PathEscape(with[0].ID)+"/hello.txt", "hello", nil, 201)
	const mounts = "/graph/v1beta1/me/drives?$filter=driveType+eq+mountpoint"
	if m := read(mary.Want("GET", mounts, "", nil, 200)).Value; len(m) != 1 || m[0].Name != "reports" || m[0].Root.Remote.ID != dir.ID {
		t.Errorf("%+v", m)
	}
	const jail = "/graph/v1beta1/drives/a0ca6a90-a365-4782-871e-d44447bbc668$a0ca6a90-a365-4782-871e-d44447bbc668"
	root := read(mary.Want("GET", jail+"/root", "", nil, 200))
	if a := mary.Want("PROPFIND", "/dav/spaces/a0ca6a90-a365-4782-871e-d44447bbc668$a0ca6a90-a365-4782-871e-d44447bbc668", "", []string{"Depth", "0"}, 207); root.ETag == "" || !strings.Contains(a.Body, strings.Trim(root.ETag, `"`)) {
		t.Errorf("the jail's ETag is %s in one place, and another in %s", root.ETag, a.Body)
	}
	received := jail + "/items/" + url.PathEscape(with[0].ID)
	alan.Want("GET", received, "", nil, 404)
	mary.Want("DELETE", received, "", nil, 204)
	mary.Want("PUT", "/dav/spaces/"+url.PathEscape(with[0].ID)+"/hello.txt", "hello", nil, 404)
	if after := read(mary.Want("GET", jail+"/root", "", nil, 200)); after.ETag == root.ETag {
		t.Error("the jail has the same ETag with nothing in it")
	}
	mount := `{"name":"reports","remoteItem":{"id":"` + dir.ID + `"}}`
	alan.Want("POST", jail+"/root/children", mount, nil, 404)
	mary.Want("POST", jail+"/root/children", mount, nil, 201)
	mary.Want("POST", jail+"/root/children", mount, nil, 409)
	mary.Want("PATCH", received, `{"@UI.Hidden":true}`, nil, 200)
	// Links, and the giver's view of it all.
	admin.Want("POST", at+"/createLink", `{"type":"view"}`, nil, 400) // needs a password
	l := read(admin.Want("POST", at+"/createLink", `{"type":"view","password":"Qw3rty!xyz","displayName":"for press"}`, nil, 200))
	if l.Link == nil || l.Link.Type != "view" || !l.HasPassword || !strings.Contains(l.Link.WebURL, "/s/") {
		t.Errorf("%+v", l)
	}
	mary.Want("GET", at+"/permissions/"+l.ID, "", nil, 404)
	by := read(admin.Want("GET", "/graph/v1beta1/me/drive/sharedByMe", "", nil, 200)).Value
	if len(by) != 1 || by[0].Name != "reports" || len(by[0].Permissions) != 2 || by[0].Parent.Path != "/" {
		t.Errorf("%+v", by)
	}
	// All is taken back.
	admin.Want("DELETE", at+"/permissions/"+l.ID, "", nil, 204)
	admin.Want("DELETE", permission, "", nil, 204)
	mary.Want("GET", received, "", nil, 404)
	if m := read(mary.Want("GET", mounts, "", nil, 200)).Value; len(m) != 0 {
		t.Errorf("%+v", m)
	}
}
