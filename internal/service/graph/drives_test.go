package graph

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestDriveOptions(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{"alpha", "Beta"} {
		w.want(201, spaceID, "POST", "/v1.0/drives", `{"name":"`+name+`"}`)
	}
	for query, want := range map[string]string{
		"$filter=driveType eq 'project'&$orderby=name":                             "alpha,Beta,Moon",
		"$filter=driveType eq 'project'&$orderby=name desc":                        "Moon,Beta,alpha",
		"$filter=(driveType eq 'project')&$orderby=name asc":                       "alpha,Beta,Moon",
		"$filter=driveType eq 'project'&$top=1&$orderby=name":                      "alpha,Beta,Moon", // there are no pages
		"$filter=driveType eq 'virtual'":                                           "Shares",
		"$filter=driveType eq project":                                             "Beta,Moon,alpha", // as browsers write it
		"$filter=driveType eq 'mountpoint'":                                        "",
		"$filter=id eq '" + mount + "$" + moonID + "'":                             "Moon",
		"$filter=id eq '" + moonID + "!" + moonID + "'":                            "Moon",
		"$filter=id eq '" + mount + "$" + moonID + "!x'":                           "",
		"$filter=id eq '{plan}'":                                                   "",
		"$filter=driveType eq 'project' and driveType eq 'x'":                      "",
		"$filter=driveType eq 'personal' and id eq '" + mount + "$" + moonID + "'": "",
		"$filter=driveType eq 'project' and id eq '" + mount + "$" + moonID + "'":  "Moon",
	} {
		if m := w.want(200, adminID, "GET", "/v1beta1/drives?"+query, ""); in(m, "name") != want {
			t.Errorf("%s: %s, want %s", query, in(m, "name"), want)
		}
	}
	for query, want := range map[string]int{"$filter=driveType ne 'x'": 501, "$filter=driveType eq 'x' or driveType eq 'y'": 501, "$filter=not driveType eq 'x'": 501, "$filter=name eq 'x'": 501,
		"$filter=startswith(id,'x')": 501, "$filter=driveType eq": 400, "$filter=id eq 'x'": 400, "$orderby=size": 400, "$orderby=name,name": 400, "$orderby=name up": 400, "$expand=root(": 400,
		"$expand=shoes": 400, "$search=x": 501} {
		w.want(want, adminID, "GET", "/v1beta1/drives?"+query, "")
		w.want(want, adminID, "GET", "/v1.0/me/drives?"+query, "")
	}
	w.want(501, adminID, "GET", "/v1.0"+moon+"?$filter=driveType eq 'x'", "")
	check(t, w.fs.Delete(w.as(adaID), storage.At(resource.SpaceRoot(mount, adaID), "doc.txt"), storage.Conditions{}))
	for path, has := range map[string]bool{adas: true, moon: false} {
		if m := w.want(200, adminID, "GET", "/v1.0"+path+"?$select=@libre.graph.hasTrashedItems", ""); m["@libre.graph.hasTrashedItems"] != has {
			t.Error(path, m)
		}
		if m := w.want(200, adminID, "GET", "/v1.0"+path, ""); m["@libre.graph.hasTrashedItems"] != nil {
			t.Error("told without being asked", m)
		}
	}
}

func TestMembersOfDrives(t *testing.T) {
	w := newWorld(t, nil).members()
	root := storage.At(resource.SpaceRoot(mount, moonID), "")
	for _, g := range []space.Grant{
		{Kind: space.GroupGrantee, Grantee: groupID, Permissions: permission.SpaceViewer | permission.ListVersions, Expires: time.Now().Add(time.Hour)},
		{Kind: space.UserGrantee, Grantee: lightID, Permissions: permission.SpaceEditor | permission.PurgeTrash},
		{Kind: space.UserGrantee, Grantee: spaceID, Permissions: permission.Manager, Expires: time.Now().Add(-time.Hour)},
	} {
		check(t, w.fs.SetGrant(w.as(bjornID), root, g))
	}
	find := func(path, who string) map[string]any {
		m := w.want(200, bjornID, "GET", path, "")
		if all, ok := m["value"].([]any); ok {
			m = all[0].(map[string]any)
		}
		all, _ := at(m, "root", "permissions").([]any)
		for _, p := range all {
			p := p.(map[string]any)
			for _, kind := range []string{"user", "group"} {
				if at(p, "grantedToV2", kind, "id") == who {
					return p
				}
			}
		}
		return nil
	}
	const expand = "?$expand=root($expand=permissions)"
	for _, path := range []string{"/v1beta1/me/drives" + expand + "&$filter=driveType eq 'project'", "/v1beta1" + moon + expand} {
		p := find(path, viewerID)
		if fmt.Sprint(p["roles"]) != "["+permission.SpaceViewerID+"]" || at(p, "grantedToV2", "user", "displayName") != "Member 7" || at(p, "grantedToV2", "user", "@libre.graph.userType") != "Member" || p["grantedToIdentities"] != nil {
			t.Error(p)
		}
		if p := find(path, lightID); p["roles"] != nil || !strings.Contains(fmt.Sprint(p["@libre.graph.permissions.actions"]), "deleted/delete") {
			t.Error("a set that is no role:", p)
		}
		if p := find(path, groupID); at(p, "grantedToV2", "group", "displayName") != "chess-lovers" || p["expirationDateTime"] == nil || fmt.Sprint(p["roles"]) != "["+permission.SpaceViewerWithVersionsID+"]" {
			t.Error(p)
		}
		if find(path, spaceID) != nil {
			t.Error("a membership that has ended")
		}
	}
	for who, want := range map[string]string{bjornID: "manager", editorID: "editor", viewerID: "viewer", lightID: "editor"} {
		for _, path := range []string{"/v1.0/me/drives?$filter=driveType eq 'project'", "/v1.0" + moon} {
			if p := find(path, who); fmt.Sprint(p["roles"]) != "["+want+"]" || fmt.Sprint(p["grantedToIdentities"]) == "<nil>" {
				t.Error(path, p)
			}
		}
	}
	if find("/v1beta1/me/drives?$filter=driveType eq 'project'", viewerID) != nil {
		t.Error("members without being asked for")
	}
	// Who may look at files only does not see who else is there.
	check(t, w.fs.SetGrant(w.as(bjornID), root, space.Grant{Kind: space.UserGrantee, Grantee: viewerID, Permissions: permission.Viewer}))
	if out := w.call(viewerID, "GET", "/v1beta1"+moon+expand, ""); out.Code != 200 || strings.Contains(out.Body.String(), editorID) {
		t.Error(out.Body)
	}
}

func TestDisabledDrives(t *testing.T) {
	w := newWorld(t, nil).members()
	w.disable(moonID)
	for id, want := range map[string]string{bjornID: "trashed", adminID: "trashed", spaceID: "trashed", viewerID: "", editorID: "", adaID: ""} {
		path := "/v1.0/drives?$filter=driveType eq 'project'"
		out := w.call(id, "GET", path, "")
		if got := strings.Contains(out.Body.String(), `"deleted":{"state":"trashed"}`); out.Code != 200 || got != (want != "") || want == "" && strings.Contains(out.Body.String(), "Moon") {
			t.Errorf("%s: %s", id, out.Body)
		}
	}
}

// asked counts how often the directory is asked.
type asked struct {
	identity.Users
	n   int
	err error
}

func (a *asked) User(_ context.Context, id string) (identity.User, error) {
	a.n++
	return identity.User{ID: id, DisplayName: "name of " + id, Type: identity.Member}, a.err
}

func TestNamesAreRemembered(t *testing.T) {
	now := time.Now()
	users := &asked{}
	n := newNamer(users, nil)
	n.now = func() time.Time { return now }
	for range 3 {
		for _, id := range []string{"a", "b"} {
			if got := n.of(context.Background(), space.UserGrantee, id); got.User.DisplayName != "name of "+id || got.Group != nil {
				t.Error(got)
			}
		}
	}
	if users.n != 2 {
		t.Errorf("asked %d times", users.n)
	}
	now = now.Add(2 * namesTTL)
	users.err = errors.New("directory is away")
	for range 2 {
		n.of(context.Background(), space.UserGrantee, "a")
	}
	if users.n != 3 {
		t.Errorf("a directory that is away was asked %d times", users.n-2)
	}
	users.err, now = nil, now.Add(2*failedTTL)
	if got := n.of(context.Background(), space.UserGrantee, "a"); got.User.DisplayName != "name of a" {
		t.Error(got.User)
	}
}
