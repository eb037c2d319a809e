package graph

import (
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/share"
)

// sharers are who asks, in the order of the columns below. Viewer, editor and manager are members of the project, Ada owns another
// space, and the receiver was given a folder of each.
func sharers() []struct{ name, id string } {
	return []struct{ name, id string }{{"user light", lightID}, {"another user", evaID}, {"viewer", viewID}, {"editor", editID}, {"manager", mgrID}, {"owner of another space", adaID}, {"receiver", recvID},
		{"stranger", ""}, {"disabled user", deadID}}
}

// sharingCall is a row: a call, and the status for each of the sharers who is signed in.
type sharingCall struct {
	method, path, body string
	want               [7]int
}

func sharingMatrix() []sharingCall {
	const folder, item = moon + "/items/{folder}", jailDrive + "/items/" + share.JailID + "$" + share.JailID + "!{share}"
	members := func(viewer, editor, manager, receiver int) [7]int {
		return [7]int{404, 404, viewer, editor, manager, 404, receiver}
	}
	managers := func(status int) [7]int { return members(404, 404, status, 404) } // others do not learn which links there are
	all := func(status int) [7]int {
		return [7]int{status, status, status, status, status, status, status}
	}
	receiver := func(status int) [7]int { return [7]int{404, 404, 404, 404, 404, 404, status} }
	viewer, editor := `{"roles":["`+permission.ViewerID+`"]}`, `{"roles":["`+permission.SpaceEditorID+`"]}`
	const name, pw = `{"link":{"@libre.graph.displayName":"x"}}`, `{"password":"long enough"}`
	return []sharingCall{
		{"GET", folder + "/permissions", "", members(200, 200, 200, 200)},
		{"GET", folder + "/permissions/{moonshare}", "", members(200, 200, 200, 404)},
		{"PATCH", folder + "/permissions/{moonshare}", viewer, members(403, 403, 200, 404)},
		{"DELETE", folder + "/permissions/{moonshare}", "", members(403, 403, 204, 404)},
		{"GET", folder + "/permissions/{moonlink}", "", managers(200)},
		{"PATCH", folder + "/permissions/{moonlink}", name, managers(200)},
		{"DELETE", folder + "/permissions/{moonlink}", "", managers(204)},
		{"POST", folder + "/permissions/{moonlink}/setPassword", pw, managers(200)},
		{"POST", folder + "/invite", to(bjornID, permission.EditorID), members(403, 403, 200, 403)},
		{"POST", folder + "/createLink", `{"type":"view"}`, members(403, 403, 200, 403)},
		{"POST", folder + "/createLink", `{"type":"internal"}`, members(200, 200, 200, 200)},
		{"GET", moon + "/root/permissions", "", members(200, 200, 200, 404)},
		{"GET", moon + "/root/permissions/u:" + viewID, "", members(200, 200, 200, 404)},
		{"PATCH", moon + "/root/permissions/u:" + viewID, editor, members(403, 403, 200, 404)},
		{"DELETE", moon + "/root/permissions/u:" + viewID, "", members(204, 403, 204, 404)},
		{"POST", moon + "/root/permissions/{rootlink}/setPassword", pw, managers(200)},
		{"POST", moon + "/root/invite", to(groupID, permission.SpaceViewerID), members(403, 403, 400, 404)}, // a group, but not called one
		{"POST", moon + "/root/createLink", `{"type":"view"}`, members(403, 403, 200, 404)},
		{"GET", "/me/drive/sharedWithMe", "", all(200)},
		{"GET", "/me/drive/sharedByMe", "", all(200)},
		{"GET", "/me/drives", "", all(200)},
		{"GET", jailDrive, "", all(200)},
		{"GET", jailDrive + "/root", "", all(200)},
		{"GET", jailDrive + "/root/children", "", all(200)},
		{"GET", jailDrive + "/root/permissions", "", all(200)},
		{"POST", jailDrive + "/root/invite", to(bjornID, permission.ViewerID), all(400)},
		{"POST", jailDrive + "/root/createLink", `{"type":"view"}`, all(400)},
		{"POST", jailDrive + "/root/children", `{"remoteItem":{"id":"{dir}"}}`, receiver(409)},
		{"GET", item, "", receiver(200)},
		{"PATCH", item, `{"@UI.Hidden":true}`, receiver(200)},
		{"DELETE", item, "", receiver(204)},
		{"PATCH", folder, `{"@UI.Hidden":true}`, all(400)},
	}
}

func newSharing(t testing.TB) *world {
	w := newShared(t, nil)
	for name, at := range map[string]string{"{moonlink}": "/items/{folder}", "{rootlink}": "/root"} {
		w.names = append(w.names, name, fmt.Sprint(w.want(200, mgrID, "POST", "/v1beta1"+moon+at+"/createLink", `{"type":"view"}`)["id"]))
	}
	return w
}

// eachSharing makes every call as everybody, on a world that no other call has changed.
func eachSharing(t *testing.T, begin func(*world), each func(c sharingCall, who string, want int, out *httptest.ResponseRecorder)) {
	w := newSharing(t)
	begin(w)
	for _, c := range sharingMatrix() {
		for i, who := range sharers() {
			want := 401
			if i < len(c.want) {
				want = c.want[i]
			}
			out := w.call(who.id, c.method, "/v1beta1"+c.path, c.body)
			each(c, who.name, want, out)
			if c.method != "GET" && out.Code < 300 {
				w = newSharing(t)
				begin(w)
			}
		}
	}
}

func TestSharingMatrix(t *testing.T) {
	eachSharing(t, func(*world) {}, func(c sharingCall, who string, want int, out *httptest.ResponseRecorder) {
		if out.Code != want {
			t.Errorf("%s %s as %s: %d, want %d: %.200s", c.method, c.path, who, out.Code, want, out.Body)
		}
		if want >= 400 && !strings.Contains(out.Body.String(), `"error":{"code":"`) {
			t.Errorf("%s %s as %s: no error in %.200s", c.method, c.path, who, out.Body)
		}
	})
}

// Who may not see a thing is told the same, word for word, as if it did not exist.
func TestNobodyLearnsWhatExists(t *testing.T) {
	w := newSharing(t)
	date := regexp.MustCompile(`"date":"[^"]*"`)
	gone := strings.NewReplacer("{folder}", mount+"$"+moonID+"!none", "{moonshare}", mount+":"+moonID+":none", "{moonlink}", "abcdefghijklmno", "{rootlink}", "abcdefghijklmno",
		"{share}", "none", "{dir}", mount+"$"+adaID+"!none", "u:"+viewID, "u:none")
	elsewhere := strings.NewReplacer(moonID, "00000000-0000-4000-8000-0000000000e9", "{folder}", mount+"$00000000-0000-4000-8000-0000000000e9!none")
	compared := 0
	for _, c := range sharingMatrix() {
		for i, who := range sharers() {
			if i >= len(c.want) || c.want[i] != 404 {
				continue
			}
			ask := func(path, body string) string {
				out := w.call(who.id, c.method, "/v1beta1"+path, body)
				return fmt.Sprint(out.Code, date.ReplaceAllString(out.Body.String(), ""))
			}
			there, not := ask(c.path, c.body), ask(gone.Replace(c.path), gone.Replace(c.body))
			if there != not {
				t.Errorf("%s %s as %s: %s, but %s if it does not exist", c.method, c.path, who.name, there, not)
			}
			if strings.HasPrefix(c.path, moon) {
				if no := ask(elsewhere.Replace(c.path), c.body); no != there {
					t.Errorf("%s %s as %s: %s, but %s in a space that does not exist", c.method, c.path, who.name, there, no)
				}
			}
			compared++
		}
	}
	if compared < 60 {
		t.Errorf("only %d answers were compared", compared)
	}
}
