package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	evaID  = "00000000-0000-4000-8000-000000000011" // no member of anything
	viewID = "00000000-0000-4000-8000-000000000012" // members of the project
	editID = "00000000-0000-4000-8000-000000000013"
	mgrID  = "00000000-0000-4000-8000-000000000014"
	recvID = "00000000-0000-4000-8000-000000000015" // received {dir} in Ada's space, and {folder} in the project

	dirItem  = "/v1beta1" + adas + "/items/{dir}"
	docItem  = "/v1beta1" + adas + "/items/{doc}"
	moonRoot = "/v1beta1" + moon + "/root"
	future   = "2199-01-02T03:04:05Z"
)

// newShared is a world in which there is a project with members, and something is shared.
func newShared(t testing.TB, change func(*Config)) *world {
	t.Helper()
	w := newWorld(t, change)
	for id, name := range map[string]string{evaID: "Eva", viewID: "Viewer", editID: "Editor", mgrID: "Manager", recvID: "Receiver"} {
		_, err := w.d.CreateAccount(context.Background(), identity.Account{User: identity.User{ID: id, Username: strings.ToLower(name), DisplayName: name,
			Mail: name + "@secret.example", Enabled: true, Roles: []string{role.User}}}, "")
		check(t, err)
	}
	root := storage.At(moonRootID(), "")
	for id, set := range map[string]permission.Set{viewID: permission.SpaceViewer, editID: permission.SpaceEditor, mgrID: permission.Manager} {
		check(t, w.fs.SetGrant(w.as(bjornID), root, space.Grant{Kind: space.UserGrantee, Grantee: id, Permissions: set}))
	}
	w.put("{folder}", mgrID, moonID, "folder/")
	w.names = append(w.names, "{share}", w.id(w.want(200, adaID, "POST", dirItem+"/invite", to(recvID, permission.EditorID))))
	w.names = append(w.names, "{moonshare}", w.id(w.want(200, mgrID, "POST", "/v1beta1"+moon+"/items/{folder}/invite", to(recvID, permission.ViewerID))))
	w.names = append(w.names, "{link}", fmt.Sprint(w.want(200, adaID, "POST", dirItem+"/createLink", `{"type":"view"}`)["id"]))
	return w
}

func to(id, role string) string {
	return `{"recipients":[{"objectId":"` + id + `"}],"roles":["` + role + `"]}`
}

// id is that of the first thing in a list.
func (w *world) id(m map[string]any) string {
	w.t.Helper()
	all, _ := m["value"].([]any)
	if len(all) == 0 {
		w.t.Fatalf("nothing in %v", m)
	}
	return fmt.Sprint(all[0].(map[string]any)["id"])
}

// dig returns what is at a path of members and indexes.
func dig(m any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := m.(map[string]any)
			m = o[p]
		case int:
			a, _ := m.([]any)
			if p >= len(a) {
				return nil
			}
			m = a[p]
		}
	}
	return m
}

func TestInvite(t *testing.T) {
	w := newShared(t, nil)
	got := w.want(200, adaID, "POST", docItem+"/invite", `{"recipients":[{"objectId":"`+evaID+`","@libre.graph.recipient.type":"user"}],"roles":["`+permission.ViewerID+`"],"expirationDateTime":"`+future+`"}`)
	p := dig(got, "value", 0)
	if dig(p, "roles", 0) != permission.ViewerID || dig(p, "grantedToV2", "user", "displayName") != "Eva" || dig(p, "grantedToV2", "user", "@libre.graph.userType") != "Member" ||
		dig(p, "expirationDateTime") != future || dig(p, "invitation", "invitedBy", "user", "id") != adaID || dig(p, "createdDateTime") == nil ||
		!strings.HasPrefix(fmt.Sprint(dig(p, "id")), mount+":"+adaID+":") {
		t.Error(got)
	}
	rights := func(s string) string { return `{"recipients":[{"objectId":"` + viewID + `"}],` + s + `}` }
	role := func(id string) string { return `"roles":["` + id + `"]` }
	const basic = `"@libre.graph.permissions.actions":["libre.graph/driveItem/basic/read"]`
	for _, c := range []struct {
		name, as, path, body string
		want                 int
	}{
		{"again", adaID, docItem, to(evaID, permission.FileEditorID), 409},
		{"a group", adaID, docItem, `{"recipients":[{"objectId":"` + groupID + `","@libre.graph.recipient.type":"group"}],` + role(permission.ViewerID) + `}`, 200},
		{"somebody disabled", adaID, docItem, to(deadID, permission.ViewerID), 200},
		{"somebody unknown", adaID, docItem, to("nobody", permission.ViewerID), 400},
		{"somebody elsewhere", adaID, docItem, to("x@other.example", permission.ViewerID), 400},
		{"nobody", adaID, docItem, to("", permission.ViewerID), 400},
		{"oneself", adaID, docItem, to(adaID, permission.ViewerID), 400},
		{"two", adaID, docItem, `{"recipients":[{"objectId":"` + viewID + `"},{"objectId":"` + editID + `"}],` + role(permission.ViewerID) + `}`, 400},
		{"no recipients", adaID, docItem, `{` + role(permission.ViewerID) + `}`, 400},
		{"a computer", adaID, docItem, `{"recipients":[{"objectId":"` + viewID + `","@libre.graph.recipient.type":"device"}],` + role(permission.ViewerID) + `}`, 400},
		{"two roles", adaID, docItem, rights(`"roles":["` + permission.ViewerID + `","` + permission.FileEditorID + `"]`), 400},
		{"no rights", adaID, docItem, rights(`"roles":[]`), 400},
		{"role and actions", adaID, docItem, rights(role(permission.ViewerID) + "," + basic), 400},
		{"unknown role", adaID, docItem, rights(role("x")), 400},
		{"role not enabled", adaID, docItem, rights(role(permission.SecureViewerID)), 400},
		{"folder's role on a file", adaID, docItem, rights(role(permission.EditorID)), 400},
		{"space's role on an item", adaID, docItem, rights(role(permission.SpaceViewerID)), 400},
		{"unknown action", adaID, docItem, rights(`"@libre.graph.permissions.actions":["fly"]`), 400},
		{"giving on", adaID, docItem, rights(`"@libre.graph.permissions.actions":["libre.graph/driveItem/basic/read","libre.graph/driveItem/permissions/create"]`), 400},
		{"unknown member", adaID, docItem, rights(role(permission.ViewerID) + `,"message":"hi"`), 400},
		{"no JSON", adaID, docItem, `{`, 400},
		{"the past", adaID, docItem, rights(role(permission.ViewerID) + `,"expirationDateTime":"2001-01-01T00:00:00Z"`), 400},
		{"no time", adaID, docItem, rights(role(permission.ViewerID) + `,"expirationDateTime":"tomorrow"`), 400},
		{"actions, until for ever", adaID, docItem, rights(basic + `,"expirationDateTime":null`), 200},
		{"item of another drive", adaID, "/v1beta1" + adas + "/items/{plan}", to(viewID, permission.ViewerID), 404},
		{"unreadable id", adaID, "/v1beta1" + adas + "/items/x", to(viewID, permission.ViewerID), 400},
		{"gone", adaID, "/v1beta1" + adas + "/items/" + mount + "$" + adaID + "!gone", to(viewID, permission.ViewerID), 404},
		{"personal root", adaID, "/v1beta1" + adas + "/root", to(viewID, permission.SpaceViewerID), 400},
		{"jail", adaID, "/v1beta1" + jailDrive + "/root", to(viewID, permission.SpaceViewerID), 400},
		{"receiver", recvID, dirItem, to(viewID, permission.ViewerID), 403},
		{"stranger", evaID, dirItem, to(viewID, permission.ViewerID), 404},
		{"member's role by a manager", mgrID, moonRoot, to(evaID, permission.SpaceViewerID), 200},
		{"item's role on a space", mgrID, moonRoot, to(recvID, permission.ViewerID), 400},
		{"member's role by an editor", editID, moonRoot, to(recvID, permission.SpaceViewerID), 403},
	} {
		if out := w.call(c.as, "POST", c.path+"/invite", c.body); out.Code != c.want {
			t.Errorf("%s: %d, want %d: %.200s", c.name, out.Code, c.want, out.Body)
		}
	}
	check(t, w.fs.DisableSpace(w.as(bjornID), moonRootID()))
	w.want(404, mgrID, "POST", "/v1beta1"+moon+"/items/{folder}/invite", to(evaID, permission.ViewerID))
	w.want(404, mgrID, "GET", moonRoot+"/permissions", "")
}

func TestListPermissions(t *testing.T) {
	w := newShared(t, nil)
	const path = dirItem + "/permissions"
	all := w.want(200, adaID, "GET", path, "")
	value, _ := all["value"].([]any)
	if len(value) != 2 || dig(value, 0, "roles", 0) != permission.EditorID || dig(value, 1, "link", "type") != "view" || all["@odata.count"] != nil {
		t.Error(all)
	}
	if roles, _ := all[allowedRoles].([]any); len(roles) != 3 || dig(roles, 0, "id") != permission.ViewerID || dig(roles, 0, "rolePermissions") != nil || dig(roles, 0, "@libre.graph.weight") != 10.0 {
		t.Error(roles)
	}
	if actions, _ := all[allowedActions].([]any); len(actions) != 19 {
		t.Error(actions)
	}
	const federated = `?$filter=@libre.graph.permissions.roles.allowedValues/rolePermissions/any(p:contains(p/condition, '@Subject.UserType=="Federated"'))&$select=@libre.graph.permissions.roles.allowedValues`
	fed := w.want(200, adaID, "GET", path+federated, "")
	if roles, _ := fed[allowedRoles].([]any); len(roles) != 2 || fed["value"] != nil || fed[allowedActions] != nil {
		t.Error(fed)
	}
	if m := w.want(200, adaID, "GET", path+"?$count=true&$top=0", ""); m["@odata.count"] != 2.0 || len(m["value"].([]any)) != 0 {
		t.Error(m)
	}
	if m := w.want(200, adaID, "GET", path+"?$filter=grantedToV2 ne ''&$count=true", ""); m["@odata.count"] != 1.0 || dig(m, "value", 0, "link") != nil {
		t.Error(m)
	}
	if m := w.want(200, adaID, "GET", path+"?$top=1", ""); len(m["value"].([]any)) != 1 {
		t.Error(m)
	}
	for query, want := range map[string]int{"?$filter=id eq '1'": 501, "?$select=roles": 400, "?$filter=(": 400, "?$orderby=id": 501} {
		w.want(want, adaID, "GET", path+query, "")
	}
	// Who received it sees what he may do, and nobody else's rights.
	if m := w.want(200, recvID, "GET", path, ""); len(m["value"].([]any)) != 0 || len(m[allowedRoles].([]any)) != 0 || len(m[allowedActions].([]any)) == 0 {
		t.Error(m)
	}
	// On roots: members, of projects only.
	if m := w.want(200, viewID, "GET", moonRoot+"/permissions", ""); in(m, "id") == "" || len(m["value"].([]any)) != 4 || len(m[allowedRoles].([]any)) != 0 {
		t.Error(m)
	}
	if m := w.want(200, mgrID, "GET", moonRoot+"/permissions", ""); len(m[allowedRoles].([]any)) != 3 {
		t.Error(m)
	}
	for _, root := range []string{"/v1beta1" + adas + "/root", "/v1beta1" + jailDrive + "/root"} {
		if m := w.want(200, adaID, "GET", root+"/permissions", ""); len(m["value"].([]any)) != 0 || len(m[allowedRoles].([]any)) != 0 || len(m[allowedActions].([]any)) == 0 {
			t.Error(m)
		}
	}
	if m := w.want(200, adaID, "GET", path, "", "Accept-Language", "de"); dig(m, allowedRoles, 0, "displayName") != "Kann anzeigen" {
		t.Error(dig(m, allowedRoles, 0))
	}
}

// noShares fails the test if shares are looked up.
type noShares struct {
	storage.FS
	t *testing.T
}

func (n noShares) ListGrants(context.Context, storage.Ref) ([]space.Grant, error) {
	n.t.Error("shares were looked up")
	return nil, nil
}

func TestAllowedValuesLookNothingUp(t *testing.T) {
	w := newShared(t, nil)
	w.share(noShares{w.fs, t})
	w.want(200, adaID, "GET", dirItem+"/permissions?$select=@libre.graph.permissions.actions.allowedValues,@libre.graph.permissions.roles.allowedValues", "")
	w.want(200, adaID, "GET", dirItem+"/permissions?$top=0", "")
}

func TestPatchPermission(t *testing.T) {
	w := newShared(t, nil)
	const path = dirItem + "/permissions/{share}"
	if m := w.want(200, adaID, "PATCH", path, `{"roles":["`+permission.ViewerID+`"],"expirationDateTime":"`+future+`"}`); dig(m, "roles", 0) != permission.ViewerID || m["expirationDateTime"] != future {
		t.Error(m)
	}
	if m := w.want(200, adaID, "PATCH", path, `{"expirationDateTime":null}`); m["expirationDateTime"] != nil || dig(m, "roles", 0) != permission.ViewerID {
		t.Error(m)
	}
	if m := w.want(200, adaID, "PATCH", path, `{"expirationDateTime":"2199-05-06"}`); m["expirationDateTime"] != "2199-05-06T23:59:59Z" {
		t.Error(m)
	}
	if m := w.want(200, adaID, "PATCH", path, `{"@libre.graph.permissions.actions":["libre.graph/driveItem/basic/read"]}`); m["roles"] != nil || dig(m, "@libre.graph.permissions.actions", 0) != "libre.graph/driveItem/basic/read" {
		t.Error(m)
	}
	// All of it or nothing.
	w.want(400, adaID, "PATCH", path, `{"roles":["`+permission.EditorID+`"],"expirationDateTime":"2001-01-01T00:00:00Z"}`)
	if m := w.want(200, adaID, "GET", path, ""); m["roles"] != nil || m["expirationDateTime"] != "2199-05-06T23:59:59Z" {
		t.Error(m)
	}
	viewer := `{"roles":["` + permission.ViewerID + `"]}`
	for _, c := range []struct {
		name, as, path, body string
		want                 int
	}{
		{"nothing", adaID, path, `{}`, 400},
		{"unknown member", adaID, path, `{"shoe":1}`, 400},
		{"read-only member", adaID, path, `{"id":"x"}`, 400},
		{"roles and link", adaID, path, `{"roles":["` + permission.ViewerID + `"],"link":{"type":"view"}}`, 400},
		{"link of a share", adaID, path, `{"link":{"type":"view"}}`, 400},
		{"not on this", adaID, path, `{"roles":["` + permission.FileEditorID + `"]}`, 400},
		{"no roles", adaID, path, `{"roles":[]}`, 400},
		{"of another item", adaID, docItem + "/permissions/{share}", viewer, 404},
		{"link of another item", adaID, docItem + "/permissions/{link}", `{"link":{"type":"edit"}}`, 404},
		{"none such", adaID, dirItem + "/permissions/a:b:c", viewer, 404},
		{"receiver", recvID, path, viewer, 404},
		{"stranger", evaID, path, viewer, 404},
		{"last manager but one", mgrID, moonRoot + "/permissions/u:" + bjornID, `{"roles":["` + permission.SpaceViewerID + `"]}`, 200},
		{"last manager", mgrID, moonRoot + "/permissions/u:" + mgrID, `{"roles":["` + permission.SpaceViewerID + `"]}`, 403},
		{"editor", editID, moonRoot + "/permissions/u:" + viewID, `{"roles":["` + permission.SpaceEditorID + `"]}`, 403},
	} {
		if out := w.call(c.as, "PATCH", c.path, c.body); out.Code != c.want {
			t.Errorf("%s: %d, want %d: %.200s", c.name, out.Code, c.want, out.Body)
		}
	}
}

func TestDeletePermission(t *testing.T) {
	w := newShared(t, nil)
	members := moonRoot + "/permissions/u:"
	w.want(404, recvID, "DELETE", dirItem+"/permissions/{share}", "") // he un-syncs instead
	w.want(404, evaID, "DELETE", dirItem+"/permissions/{share}", "")
	w.want(404, evaID, "DELETE", dirItem+"/permissions/{link}", "")
	w.want(404, adaID, "DELETE", docItem+"/permissions/{link}", "")
	w.want(204, adaID, "DELETE", dirItem+"/permissions/{share}", "")
	w.want(404, adaID, "DELETE", dirItem+"/permissions/{share}", "")
	w.want(204, adaID, "DELETE", dirItem+"/permissions/{link}", "")
	w.want(404, adaID, "GET", dirItem+"/permissions/{link}", "")
	w.want(404, recvID, "GET", dirItem+"/permissions", "")
	w.want(403, viewID, "DELETE", members+editID, "")
	w.want(204, viewID, "DELETE", members+viewID, "") // leaves
	w.want(404, viewID, "DELETE", members+viewID, "")
	w.want(404, evaID, "DELETE", members+evaID, "")
	w.want(204, bjornID, "DELETE", members+bjornID, "")
	w.want(403, mgrID, "DELETE", members+mgrID, "") // the last manager
	w.want(204, mgrID, "DELETE", members+editID, "")
}

func TestDisabledRoleIsToldByItsActions(t *testing.T) {
	w := newShared(t, nil)
	w.cfg.UnifiedRoles.Available = []string{permission.ViewerID}
	w.start()
	if m := w.want(200, adaID, "GET", dirItem+"/permissions/{share}", ""); m["roles"] != nil || dig(m, "@libre.graph.permissions.actions", 0) == nil {
		t.Error(m)
	}
}

// People see each other's names, and nothing else of them; each is asked for once.
func TestNamesOfGrantees(t *testing.T) {
	w := newShared(t, func(c *Config) { c.API.ShowEmail = false })
	for _, c := range [][2]string{{adaID, dirItem + "/permissions"}, {viewID, moonRoot + "/permissions"}, {recvID, "/v1beta1/me/drive/sharedWithMe"}, {adaID, "/v1beta1/me/drive/sharedByMe"},
		{recvID, "/v1beta1/me/drives"}} {
		answer := w.call(c[0], "GET", c[1], "")
		if body := answer.Body.String(); answer.Code != 200 || strings.Contains(body, "example") || strings.Contains(body, "onPremises") {
			t.Errorf("%s tells too much, or nothing: %s", c[1], body)
		}
	}
	asked := &countingUsers{Users: w.d}
	w.deps.Users = asked
	w.start()
	w.want(200, viewID, "GET", moonRoot+"/permissions", "") // four members, two of whom invited others
	if asked.n != 4 {
		t.Errorf("%d look-ups", asked.n)
	}
	asked.err, asked.n = errors.New("the directory is away"), 0
	w.start()
	w.want(200, viewID, "GET", moonRoot+"/permissions", "")
	w.want(200, viewID, "GET", moonRoot+"/permissions", "")
	if asked.n != 4 {
		t.Errorf("%d look-ups in a directory that is away", asked.n)
	}
}

type countingUsers struct {
	identity.Users
	n   int
	err error
}

func (c *countingUsers) User(ctx context.Context, id string) (identity.User, error) {
	c.n++
	if c.err != nil {
		return identity.User{}, c.err
	}
	return c.Users.User(ctx, id)
}

func TestExpiration(t *testing.T) {
	for raw, want := range map[string]string{`"2030-01-02T03:04:05+02:00"`: "2030-01-02T01:04:05Z", `"2030-01-02"`: "2030-01-02T23:59:59Z", `null`: "never", ``: "unchanged",
		`""`: "error", `5`: "error", `"soon"`: "error", `"0001-01-01T00:00:00Z"`: "error"} {
		got, at, err := "unchanged", (*time.Time)(nil), error(nil)
		if at, err = expiration([]byte(raw)); err != nil {
			got = "error"
		} else if at != nil {
			if got = moment(*at); got == "" {
				got = "never"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}
