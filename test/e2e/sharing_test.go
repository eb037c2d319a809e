package e2e

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"opencloud/test/server"
)

// Ids of demo users and of roles. (spec/identity.md §14.9)
const (
	maryUser     = "056fc874-dd7f-11ef-ba84-af6fca4b7289"
	lynnUser     = "60708dda-e897-11ef-919f-bbb7437d6ec2"
	viewerRole   = "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5"
	editorRole   = "fb6c3e19-e378-47e5-b277-9732f9de6e21"
	jailID       = "a0ca6a90-a365-4782-871e-d44447bbc668"
	jailSpace    = jailID + "$" + jailID
	linkPassword = "Qw3rty!x"
)

// sharer is somebody with a personal space.
type sharer struct {
	*server.Client
	t     *testing.T
	drive string
}

func as(t *testing.T, s *server.Server, user string) *sharer {
	t.Helper()
	c := s.As(user, "demo")
	a := c.Want("GET", "/graph/v1.0/me/drive", "", nil, 200)
	var d struct{ ID string }
	if err := json.Unmarshal([]byte(a.Body), &d); err != nil {
		t.Fatal(err)
	}
	return &sharer{c, t, d.ID}
}

// id of a file or folder of the personal space.
func (s *sharer) id(path string) string {
	s.t.Helper()
	a := s.Want("PROPFIND", "/dav/spaces/"+s.drive+"/"+path, `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:fileid/></d:prop></d:propfind>`, []string{"Depth", "0"}, 207)
	m := regexp.MustCompile(`<oc:fileid>([^<]+)<`).FindStringSubmatch(a.Body)
	if m == nil {
		s.t.Fatal(a.Body)
	}
	return m[1]
}

func (s *sharer) invite(path, user, role string) string {
	s.t.Helper()
	a := s.Want("POST", "/graph/v1beta1/drives/"+s.drive+"/items/"+s.id(path)+"/invite", `{"recipients":[{"objectId":"`+user+`"}],"roles":["`+role+`"]}`, nil, 200)
	var v struct{ Value []struct{ ID string } }
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil || len(v.Value) != 1 {
		s.t.Fatal(a.Body, err)
	}
	return v.Value[0].ID
}

// link makes a link and returns its id and token.
func (s *sharer) link(path, kind string) (id, token string) {
	s.t.Helper()
	a := s.Want("POST", "/graph/v1beta1/drives/"+s.drive+"/items/"+s.id(path)+"/createLink", `{"type":"`+kind+`","password":"`+linkPassword+`"}`, nil, 200)
	var v struct {
		ID   string
		Link struct{ WebURL string }
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		s.t.Fatal(a.Body, err)
	}
	return v.ID, v.Link.WebURL[strings.LastIndexByte(v.Link.WebURL, '/')+1:]
}

func (s *sharer) mkdir(path string) {
	s.t.Helper()
	s.Want("MKCOL", "/dav/spaces/"+s.drive+"/"+path, "", nil, 201)
}

func (s *sharer) put(path, text string) {
	s.t.Helper()
	s.Want("PUT", "/dav/spaces/"+s.drive+"/"+path, text, nil, 201, 204)
}

// TestSharing: what the vectors of spec/storage.md §21 say about shares and links, from the outside.
func TestSharing(t *testing.T) {
	everywhere(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		alan, mary, lynn := as(t, s, "alan"), as(t, s, "mary"), as(t, s, "lynn")
		alan.mkdir("docs")
		alan.put("docs/a.txt", "one")
		alan.put("secret.txt", "x")
		jail := "/dav/spaces/" + jailSpace
		t.Run("share", func(t *testing.T) {
			share := alan.invite("docs", maryUser, viewerRole)
			drives := mary.Want("GET", "/graph/v1beta1/me/drives", "", nil, 200).Body
			if !strings.Contains(drives, `"driveType":"mountpoint"`) || !strings.Contains(drives, `"driveType":"virtual"`) {
				t.Errorf("drives: %s", drives)
			}
			list := mary.Want("PROPFIND", jail, "", []string{"Depth", "1"}, 207).Body
			if !strings.Contains(list, "<oc:permissions>S</oc:permissions>") || !strings.Contains(list, "/docs/") {
				t.Errorf("jail: %s", list)
			}
			if a := mary.Want("GET", jail+"/docs/a.txt", "", nil, 200); a.Body != "one" {
				t.Errorf("%s", a.Body)
			}
			mary.Want("PUT", jail+"/docs/b.txt", "two", nil, 403)
			lynn.Want("PROPFIND", "/dav/spaces/"+alan.id("docs"), "", []string{"Depth", "0"}, 404)
			mary.Want("PROPFIND", "/dav/spaces/"+alan.drive, "", []string{"Depth", "0"}, 404)
			mary.Want("GET", "/dav/spaces/"+alan.drive+"/secret.txt", "", nil, 404)
			alan.Want("PATCH", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id("docs")+"/permissions/"+url.PathEscape(share), `{"roles":["`+editorRole+`"]}`, nil, 200)
			if body := mary.Want("PROPFIND", jail+"/docs", "", []string{"Depth", "0"}, 207).Body; !strings.Contains(body, "SDNVCK") {
				t.Errorf("editor: %s", body)
			}
			before := tagOf(t, alan.Client, "/dav/spaces/"+alan.drive)
			jailBefore := tagOf(t, mary.Client, jail)
			mary.Want("PUT", jail+"/docs/b.txt", "two", nil, 201)
			if tagOf(t, alan.Client, "/dav/spaces/"+alan.drive) == before || tagOf(t, mary.Client, jail) == jailBefore {
				t.Error("a change by a share does not show at its owner's, or in the jail")
			}
			// Whatever his rights, a receiver may call it as he likes; its owner does not see that.
			alan.Want("PATCH", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id("docs")+"/permissions/"+url.PathEscape(share), `{"roles":["`+viewerRole+`"]}`, nil, 200)
			mary.Want("MOVE", jail+"/docs", "", []string{"Destination", jail + "/papers"}, 201)
			alan.Want("PROPFIND", "/dav/spaces/"+alan.drive+"/docs", "", []string{"Depth", "0"}, 207)
			mary.Want("MOVE", jail+"/docs", "", []string{"Destination", jail + "/others"}, 404)
			lynn.Want("MOVE", jail+"/papers", "", []string{"Destination", jail + "/mine"}, 404)
			lynn.Want("DELETE", jail+"/papers", "", nil, 404)
			// Un-synced by the receiver: nothing is lost; then taken back.
			mary.Want("DELETE", jail+"/papers", "", nil, 204)
			mary.Want("PROPFIND", jail+"/papers", "", []string{"Depth", "0"}, 404)
			alan.Want("GET", "/dav/spaces/"+alan.drive+"/docs/b.txt", "", nil, 200)
			mary.Want("POST", "/graph/v1beta1/drives/"+jailSpace+"/root/children", `{"remoteItem":{"id":"`+alan.id("docs")+`"}}`, nil, 200, 201)
			mary.Want("PROPFIND", jail+"/papers", "", []string{"Depth", "0"}, 207)
			alan.Want("DELETE", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id("docs")+"/permissions/"+url.PathEscape(share), "", nil, 204)
			mary.Want("PROPFIND", jail+"/papers", "", []string{"Depth", "0"}, 404)
			mary.Want("PROPFIND", "/dav/spaces/"+alan.id("docs"), "", []string{"Depth", "0"}, 404)
		})
		t.Run("pending", func(t *testing.T) {
			lynn.Want("POST", "/api/v0/settings/values-save", `{"value":{"accountUuid":"me","bundleId":"2a506de7-99bd-4f0d-994e-c38e72c28fd9","settingId":"ec3ed4a3-3946-4efc-8f9f-76d38b12d3a9","resource":{"type":"TYPE_USER"},"boolValue":false}}`, nil, 201)
			alan.invite("docs", lynnUser, viewerRole)
			lynn.Want("PROPFIND", jail+"/docs", "", []string{"Depth", "0"}, 404)
			if a := lynn.Want("GET", "/graph/v1beta1/me/drive/sharedWithMe", "", nil, 200); !strings.Contains(a.Body, `"@client.synchronize":false`) {
				t.Errorf("%s", a.Body)
			}
			lynn.Want("POST", "/graph/v1beta1/drives/"+jailSpace+"/root/children", `{"remoteItem":{"id":"`+alan.id("docs")+`"}}`, nil, 201)
			lynn.Want("PROPFIND", jail+"/docs", "", []string{"Depth", "0"}, 207)
		})
		t.Run("link", func(t *testing.T) {
			alan.Want("POST", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id("docs")+"/createLink", `{"type":"view"}`, nil, 400) // a password is needed
			id, token := alan.link("docs", "view")
			root := "/dav/public-files/" + token
			stranger, guest := s.As("", ""), s.As("public", linkPassword)
			if a := stranger.Want("PROPFIND", root, "", []string{"Depth", "0"}, 401); !strings.Contains(a.Body, "ERR_MISSING_BASIC_AUTH") {
				t.Errorf("%s", a.Body)
			}
			if a := s.As("public", "wrong").Want("PROPFIND", root, "", []string{"Depth", "0"}, 401); !strings.Contains(a.Body, "ERR_INVALID_CREDENTIALS") {
				t.Errorf("%s", a.Body)
			}
			stranger.Want("PROPFIND", "/dav/public-files/"+strings.Repeat("A", 15), "", []string{"Depth", "0"}, 404)
			list := guest.Want("PROPFIND", root, `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:fileid/><oc:public-link-permission/><oc:public-link-item-type/><oc:signature-auth/><oc:downloadURL/></d:prop></d:propfind>`, []string{"Depth", "1"}, 207).Body
			if !strings.Contains(list, "<oc:public-link-permission>1<") || !strings.Contains(list, "<oc:public-link-item-type>folder<") {
				t.Errorf("%s", list)
			}
			guest.Want("GET", root+"/a.txt", "", nil, 200)
			guest.Want("PUT", root+"/c.txt", "x", nil, 403)
			for _, p := range []string{root + "/../secret.txt", root + "/%2e%2e/secret.txt", "/dav/spaces/" + alan.id("secret.txt"), "/dav/spaces/" + alan.drive, "/graph/v1.0/me", "/dav/spaces/trash-bin/" + alan.drive} {
				if a, err := guest.Try("GET", p, nil); err == nil && a.Status < 400 {
					t.Errorf("%s: %d", p, a.Status)
				}
			}
			// A browser downloads by itself, with the signature; and only that.
			m := regexp.MustCompile(`<oc:downloadURL>https?://[^/]+([^<]+)<`).FindStringSubmatch(list)
			if m == nil {
				t.Fatalf("%s", list)
			}
			signed := strings.ReplaceAll(m[1], "&amp;", "&")
			stranger.Want("GET", signed, "", nil, 200)
			stranger.Want("GET", strings.Replace(signed, "signature=", "signature=0", 1), "", nil, 401)
			stranger.Want("PUT", signed, "x", nil, 401)
			// Archives: of what is below, and nothing else.
			guest.Want("GET", "/archiver?public-token="+token+"&id="+alan.id("docs"), "", nil, 200)
			guest.Want("GET", "/archiver?public-token="+token+"&id="+alan.id("secret.txt"), "", nil, 404)
			guest.Want("GET", "/archiver?public-token="+token+"&id="+alan.drive, "", nil, 404)
			stranger.Want("GET", "/archiver?public-token="+token+"&id="+alan.id("docs"), "", nil, 401)
			// Its maker sees how often it was used, whichever process counts.
			permission := "/graph/v1beta1/drives/" + alan.drive + "/items/" + alan.id("docs") + "/permissions/" + id
			var used struct {
				Views     int64 `json:"@opencloud.link.views"`
				Downloads int64 `json:"@opencloud.link.downloads"`
			}
			for until := time.Now().Add(20 * time.Second); used.Views == 0 || used.Downloads == 0; time.Sleep(200 * time.Millisecond) {
				if err := json.Unmarshal([]byte(alan.Want("GET", permission, "", nil, 200).Body), &used); err != nil {
					t.Fatal(err)
				}
				if time.Now().After(until) {
					t.Fatalf("nobody counts: %+v", used)
				}
			}
			alan.Want("DELETE", permission, "", nil, 204)
			guest.Want("PROPFIND", root, "", []string{"Depth", "0"}, 404)
		})
		t.Run("drop", func(t *testing.T) {
			_, token := alan.link("docs", "createOnly")
			guest, root := s.As("public", linkPassword), "/dav/public-files/"+token
			guest.Want("PUT", root+"/new.txt", "1", nil, 201)
			guest.Want("PUT", root+"/new.txt", "2", nil, 201)
			guest.Want("GET", root+"/new.txt", "", nil, 403, 404)
			guest.Want("PROPFIND", root+"/new.txt", "", []string{"Depth", "0"}, 404)
			guest.Want("PROPFIND", root, "", []string{"Depth", "1"}, 403)
			if a := alan.Want("GET", "/dav/spaces/"+alan.drive+"/docs/new.txt", "", nil, 200); a.Body != "1" {
				t.Errorf("replaced: %s", a.Body)
			}
		})
		t.Run("internal", func(t *testing.T) {
			a := alan.Want("POST", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id("docs")+"/createLink", `{"type":"internal"}`, nil, 200)
			m := regexp.MustCompile(`/s/([A-Za-z]{15})`).FindStringSubmatch(a.Body)
			if m == nil {
				t.Fatal(a.Body)
			}
			if a := s.As("", "").Want("PROPFIND", "/dav/public-files/"+m[1], "", []string{"Depth", "0"}, 401); !strings.Contains(a.Body, "ERR_MISSING_BEARER_AUTH") {
				t.Errorf("%s", a.Body)
			}
			for name, want := range map[string]int{"alan": 207, "dennis": 404} { // who may see it, and who may not
				tokens, err := s.Browser().SignIn(s.Apps()[0], name, "demo")
				must(t, err)
				a := s.Bearer(tokens.Access, "PROPFIND", "/dav/public-files/"+m[1], "")
				if a.Status != 307 {
					t.Errorf("%s, signed in: %d %s", name, a.Status, a.Body)
				}
				if a := s.Bearer(tokens.Access, "PROPFIND", a.Header.Get("Location"), ""); a.Status != want {
					t.Errorf("%s, sent on: %d %s", name, a.Status, a.Body)
				}
			}
		})
	})
}
