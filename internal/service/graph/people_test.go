package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestListOfUsers(t *testing.T) {
	w := newWorld(t, nil)
	const names = "onPremisesSamAccountName"
	for query, want := range map[string]string{
		"":                                "ada,bjorn,dead,light,root,spacey",
		"$search=love":                    "ada",
		`$search="ada l"`:                 "ada",
		"$search=countess":                "ada",
		"$orderby=displayName":            "ada,bjorn,dead,light,spacey,root",
		"$orderby=displayName desc":       "root,spacey,light,dead,bjorn,ada",
		"$top=2":                          "ada,bjorn",
		"$top=2&$skip=4":                  "root,spacey",
		"$filter=accountEnabled eq false": "dead",
		"$filter=userType eq 'Guest'":     "light",
		"$filter=memberOf/any(m:m/id eq '" + groupID + "')": "ada",
		"$filter=memberOf/any(m:m/id eq " + groupID + ")":   "ada",
		"$filter=(memberOf/any(m:m/id eq '" + groupID + "') or memberOf/any(m:m/id eq '" + emptyID + "')) and (appRoleAssignments/any(m:m/appRoleId eq '" + role.User + "'))": "ada",
		"$filter=appRoleAssignments/any(m:m/appRoleId eq '" + role.User + "')":                                                                                                "ada,bjorn,dead",
		"$filter=appRoleAssignments/any(m:m/appRoleId eq '" + role.Admin + "') or appRoleAssignments/any(m:m/appRoleId eq '" + role.UserLight + "')":                          "light,root",
		"$filter=memberOf/any(m:m/id eq '" + groupID + "') and memberOf/any(m:m/id eq '" + emptyID + "')":                                                                     "",
		"$filter=startswith(displayName,'a') and not (userType eq 'Guest')":                                                                                                   "ada",
		"$filter=identities/any(i:i/issuer eq 'https://school.test' and i/issuerAssignedId eq 'bj')":                                                                          "bjorn",
		"$filter=contains(mail,'EXAMPLE')": "ada,root",
	} {
		if got := in(w.want(200, adminID, "GET", "/v1.0/users?"+query, ""), names); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, status := range map[string]int{"$filter=shoe eq '42'": 501, "$filter=displayName eq": 400, "$orderby=shoe": 400, "$expand=shoes": 400, "$search=a%26b": 400, "$top=-1": 400, "$apply=x": 501} {
		w.want(status, adminID, "GET", "/v1.0/users?"+query, "")
	}
	m := w.want(200, adminID, "GET", "/v1.0/users?$top=2&$count=true&$expand=memberOf,appRoleAssignments,drive", "")
	if m["@odata.count"] != 6.0 || !strings.HasPrefix(fmt.Sprint(m["@odata.nextLink"]), "https://cloud.test/graph/v1.0/users?") {
		t.Errorf("%v", m)
	}
	first := m["value"].([]any)[0].(map[string]any)
	if first["memberOf"] == nil || first["appRoleAssignments"] == nil || first["accountEnabled"] != true || first["passwordProfile"] != nil {
		t.Errorf("%v", first)
	}
	seen, next := "", fmt.Sprint(m["@odata.nextLink"])
	for range 9 {
		m = w.want(200, adminID, "GET", strings.TrimPrefix(next, "https://cloud.test/graph"), "")
		seen += in(m, names) + ";"
		if next, _ = m["@odata.nextLink"].(string); next == "" {
			break
		}
	}
	if seen != "dead,light;root,spacey;" {
		t.Error("following the links:", seen)
	}
}

func TestWhatPeopleSeeOfOthers(t *testing.T) {
	w := newWorld(t, nil)
	for query, status := range map[string]int{"": 403, "$search=ad": 403, `$search="ad"`: 403, "$search=ada&$expand=memberOf": 403, "$search=ada&$orderby=displayName": 403,
		"$search=ada&$select=mail": 403, "$search=ada&$filter=startswith(displayName,'a')": 403, "$filter=userType eq 'Member'": 403, "$search=ada&$filter=userType eq 'Member'": 200, "$search=ada": 200} {
		w.want(status, lightID, "GET", "/v1.0/users?"+query, "")
		w.want(status, spaceID, "GET", "/v1.0/users?"+query, "")
	}
	m := w.want(200, lightID, "GET", "/v1.0/users?$search=ada", "")
	got, _ := json.Marshal(m["value"])
	if string(got) != `[{"displayName":"Ada Lovelace","id":"`+adaID+`","onPremisesSamAccountName":"","userType":"Member"}]` {
		t.Errorf("%s", got)
	}
	if in(w.want(200, lightID, "GET", "/v1.0/users?$search=countess", ""), "id") != "" {
		t.Error("part of a hidden mail address finds its owner")
	}
	if in(w.want(200, lightID, "GET", "/v1.0/users?$search=\"countess@example.org\"", ""), "id") != adaID {
		t.Error("a known mail address does not find its owner")
	}
	if m := w.want(200, lightID, "GET", "/v1.0/users/"+adaID, ""); m["mail"] != nil || m["accountEnabled"] != nil || m["id"] != adaID {
		t.Errorf("%v", m)
	}
	w.want(404, lightID, "GET", "/v1.0/users/nobody", "")
	w.want(403, lightID, "DELETE", "/v1.0/users/nobody", "")
	w = newWorld(t, func(c *Config) { c.API.ShowEmail = true })
	if m := w.want(200, lightID, "GET", "/v1.0/users/"+adaID, ""); m["mail"] != "countess@example.org" {
		t.Errorf("%v", m)
	}
}

// TestWhomPeopleFind: what the OCS search keeps to itself, Graph does not tell either; administrators find everybody.
func TestWhomPeopleFind(t *testing.T) {
	none := func(*Config) {}
	exactly := func(c *Config) { c.API.Enumeration = false }
	members := func(c *Config) { c.API.GroupMembersOnly = true }
	for _, c := range []struct {
		name, who, collection, search, want string
		change                              func(*Config)
	}{
		{"a part", lightID, "users", "lovel", adaID, none},
		{"a part, by whole names only", lightID, "users", "lovel", "", exactly},
		{"a whole name", lightID, "users", "ada lovelace", adaID, exactly},
		{"a whole user name", lightID, "users", "ADA", adaID, exactly},
		{"a whole address", lightID, "users", "countess@example.org", adaID, exactly},
		{"a space administrator", spaceID, "users", "lovel", "", exactly},
		{"an administrator", adminID, "users", "lovel", adaID, exactly},
		{"who is in no group of one's own", lightID, "users", "lovel", "", members},
		{"a peer", bjornID, "users", "lovel", adaID, members},
		{"a whole name of a stranger", lightID, "users", "ada", adaID, members},
		{"a part of a group's name", lightID, "groups", "chess", groupID, none},
		{"a part of a group's, by whole names only", lightID, "groups", "chess", "", exactly},
		{"a group's whole name", lightID, "groups", "Chess-Lovers", groupID, exactly},
		{"others' groups", lightID, "groups", "chess", "", members},
		{"one's own group", bjornID, "groups", "chess", groupID, members},
		{"an administrator's groups", adminID, "groups", "chess", groupID, exactly},
	} {
		w := newWorld(t, c.change)
		check(t, w.d.AddMember(t.Context(), identity.PlainGroup, groupID, bjornID, identity.MemberOf))
		if got := in(w.want(200, c.who, "GET", "/v1.0/"+c.collection+"?$search=\""+c.search+"\"", ""), "id"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLifeOfAUser(t *testing.T) {
	w := newWorld(t, nil)
	for _, body := range []string{``, `{`, `[]`, `{} {}`, `{"displayName":"X"}`, `{"displayName":"","onPremisesSamAccountName":"x"}`, `{"displayName":"X","onPremisesSamAccountName":"1x"}`,
		`{"displayName":"X","onPremisesSamAccountName":"x y"}`, `{"displayName":"X","onPremisesSamAccountName":"x","mail":"nonsense"}`, `{"displayName":"X","onPremisesSamAccountName":"x","id":"1"}`,
		`{"displayName":"X","onPremisesSamAccountName":"x","userType":"Guest"}`, `{"displayName":"X","onPremisesSamAccountName":"x","memberOf":[]}`, `{"displayName":"X","onPremisesSamAccountName":"x","shoe":42}`,
		`{"displayName":5,"onPremisesSamAccountName":"x"}`} {
		w.want(400, adminID, "POST", "/v1.0/users", body)
	}
	m := w.want(201, adminID, "POST", "/v1.0/users", `{"displayName":"Grace H","onPremisesSamAccountName":"grace","mail":"grace@example.org","passwordProfile":{"password":"Cobol-1959"},"accountEnabled":true}`)
	id := fmt.Sprint(m["id"])
	if m["userType"] != "Member" || m["accountEnabled"] != true || m["passwordProfile"] != nil {
		t.Errorf("%v", m)
	}
	if a, err := w.d.Account(t.Context(), id); err != nil || len(a.Roles) != 1 || a.Roles[0] != role.User {
		t.Errorf("%+v, %v", a, err)
	}
	w.want(409, adminID, "POST", "/v1.0/users", `{"displayName":"Other","onPremisesSamAccountName":"GRACE"}`)
	if m := w.want(200, adminID, "PATCH", "/v1.0/users/grace", `{"displayName":"Grace","surname":"Hopper","onPremisesSamAccountName":"ghopper","preferredLanguage":"fr"}`); m["surname"] != "Hopper" || m["onPremisesSamAccountName"] != "ghopper" {
		t.Errorf("%v", m)
	}
	w.want(204, adminID, "PATCH", "/v1.0/users/"+id, `{}`)
	for _, body := range []string{`{"id":"1"}`, `{"memberOf":[]}`, `{"userType":"Guest"}`, `{"mail":"nonsense"}`, `{"displayName":""}`, `{"passwordProfile":{"password":""}}`} {
		w.want(400, adminID, "PATCH", "/v1.0/users/"+id, body)
	}
	w.want(409, adminID, "PATCH", "/v1.0/users/"+id, `{"onPremisesSamAccountName":"ada"}`)
	w.want(404, adminID, "PATCH", "/v1.0/users/nobody", `{"displayName":"X"}`)
	w.want(403, adminID, "PATCH", "/v1.0/users/"+adminID, `{"accountEnabled":false}`)
	w.want(200, adminID, "PATCH", "/v1.0/users/"+id, `{"accountEnabled":false}`)
	w.want(401, id, "GET", "/v1.0/me", "")
	w.want(403, adminID, "DELETE", "/v1.0/users/"+adminID, "")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+id, "")
	w.want(404, adminID, "DELETE", "/v1.0/users/"+id, "")
	w.want(404, adminID, "GET", "/v1.0/directory/deletedItems/"+id, "")
}

// home tells how somebody's personal space is.
func (w *world) home(user string) string {
	all, err := w.fs.ListSpaces(asService(context.Background()), storage.SpaceFilter{Type: space.Personal, Owner: user, All: true})
	check(w.t, err)
	switch {
	case len(all) == 0:
		return "gone"
	case !all[0].Disabled.IsZero():
		return "disabled"
	}
	return "open"
}

// refusing is a directory that deletes nobody.
type refusing struct{ identity.Accounts }

func (refusing) DeleteAccount(context.Context, string, bool) error { return identity.ErrReadOnly }

func TestWhoCannotBeDeletedKeepsTheirFiles(t *testing.T) {
	w := newWorld(t, nil)
	h := &handler{Deps: Deps{Accounts: refusing{w.d}, Spaces: w.fs}}
	if _, err := h.remove(t.Context(), adaID, true); !errors.Is(err, identity.ErrReadOnly) || w.home(adaID) != "open" {
		t.Error(err, w.home(adaID))
	}
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID, "")
	if got := w.home(adaID); got != "gone" {
		t.Error("the space of a removed account is", got)
	}
}

func TestBin(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.SoftDelete = time.Hour })
	w.want(400, adminID, "DELETE", "/v1.0/users/"+adaID, "", "Prefer", "purge")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID, "")
	w.want(404, adminID, "GET", "/v1.0/users/"+adaID, "")
	w.want(404, adminID, "DELETE", "/v1.0/users/"+adaID, "")
	if got := w.home(adaID); got != "disabled" {
		t.Error("the space of a deleted account is", got)
	}
	if got := in(w.want(200, adminID, "GET", "/v1.0/directory/deletedItems/microsoft.graph.user", ""), "id"); got != adaID {
		t.Error(got)
	}
	w.want(200, adminID, "GET", "/v1.0/directory/deletedItems/"+adaID, "")
	w.want(404, adminID, "GET", "/v1.0/directory/deletedItems/"+bjornID, "")
	w.want(200, adminID, "POST", "/v1.0/directory/deletedItems/"+adaID+"/restore", "")
	w.want(200, adminID, "GET", "/v1.0/users/"+adaID, "")
	if got := w.home(adaID); got != "open" {
		t.Error("the space of a restored account is", got)
	}
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID, "")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID, "", "Prefer", "purge")
	w.want(404, adminID, "POST", "/v1.0/directory/deletedItems/"+adaID+"/restore", "")
	if got := w.home(adaID); got != "gone" {
		t.Error("the space of a removed account is", got)
	}
	w.want(204, adminID, "DELETE", "/v1.0/users/"+bjornID, "")
	h := &handler{Deps: Deps{Accounts: w.d, Spaces: w.fs, Log: slog.New(slog.DiscardHandler)}, cfg: Config{SoftDelete: time.Hour}, now: time.Now}
	check(t, h.purgeOld(t.Context()))
	w.want(200, adminID, "GET", "/v1.0/directory/deletedItems/"+bjornID, "")
	h.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	check(t, h.purgeOld(t.Context()))
	w.want(404, adminID, "GET", "/v1.0/directory/deletedItems/"+bjornID, "")
}

func TestOneself(t *testing.T) {
	w := newWorld(t, nil)
	for _, body := range []string{`{"displayName":"X"}`, `{"mail":"x@y.z"}`, `{"passwordProfile":{"password":"x"}}`, `{"accountEnabled":true}`, `{"onPremisesSamAccountName":"x"}`,
		`{"preferredLanguage":"de","displayName":"X"}`, `{"preferredLanguage":5}`, ``} {
		w.want(400, adaID, "PATCH", "/v1.0/me", body)
		w.want(400, adminID, "PATCH", "/v1.0/me", body)
	}
	w.want(204, adaID, "PATCH", "/v1.0/me", `{}`)
	if m := w.want(200, lightID, "PATCH", "/v1.0/me", `{"preferredLanguage":"de"}`); m["preferredLanguage"] != "de" {
		t.Errorf("%v", m)
	}
	check(t, w.d.SetPassword(t.Context(), adaID, "old secret 1"))
	const path = "/v1.0/me/changePassword"
	for _, body := range []string{`{}`, `{"currentPassword":"old secret 1","newPassword":""}`, `{"currentPassword":"","newPassword":"x"}`, `{"currentPassword":"old secret 1","newPassword":"old secret 1"}`,
		`{"currentPassword":"wrong","newPassword":"New Secret 22"}`} {
		w.want(400, adaID, "POST", path, body)
	}
	w.want(204, adaID, "POST", path, `{"currentPassword":"old secret 1","newPassword":"New Secret 22"}`)
	if _, _, err := w.d.Check(t.Context(), "ada", "New Secret 22"); err != nil {
		t.Error(err)
	}
	status := 0
	for range 12 {
		status = w.call(adaID, "POST", path, `{"currentPassword":"guess`+fmt.Sprint(time.Now().UnixNano())+`","newPassword":"New Secret 23"}`).Code
		if status == 429 {
			break
		}
	}
	if status != 429 {
		t.Error("guessing the current password is not slowed down:", status)
	}
}

func TestPhoto(t *testing.T) {
	w := newWorld(t, nil)
	out := w.call(lightID, "GET", "/v1.0/users/"+adaID+"/photo/$value", "")
	if out.Code != 200 || out.Header().Get("Content-Type") != "image/png" || !bytes.Equal(out.Body.Bytes(), png()) || out.Header().Get("ETag") == "" {
		t.Errorf("%d %v", out.Code, out.Header())
	}
	if out := w.call(lightID, "GET", "/v1.0/users/"+adaID+"/photo/$value", "", "If-None-Match", out.Header().Get("ETag")); out.Code != 304 || out.Body.Len() != 0 {
		t.Error(out.Code)
	}
	w.want(404, lightID, "GET", "/v1.0/me/photo/$value", "")
	w.want(400, lightID, "PUT", "/v1.0/me/photo/$value", "<svg xmlns='http://www.w3.org/2000/svg'/>")
	w.want(413, lightID, "PUT", "/v1.0/me/photo/$value", string(png())+strings.Repeat("x", maxPhoto))
	w.want(204, lightID, "PUT", "/v1.0/me/photo/$value", string(png()))
	w.want(204, lightID, "PATCH", "/v1.0/me/photo/$value", string(png()))
	w.want(405, adminID, "PUT", "/v1.0/users/"+adaID+"/photo/$value", string(png()))
	w.want(204, lightID, "DELETE", "/v1.0/me/photo/$value", "")
	w.want(404, lightID, "DELETE", "/v1.0/me/photo/$value", "")
}

func TestGroups(t *testing.T) {
	w := newWorld(t, nil)
	if got := in(w.want(200, adminID, "GET", "/v1.0/groups?$orderby=displayName desc", ""), "displayName"); got != "Empty,chess-lovers" {
		t.Error(got)
	}
	for query, status := range map[string]int{"": 403, "$search=ch": 403, "$search=che&$expand=members": 403, "$search=chess": 200} {
		w.want(status, adaID, "GET", "/v1.0/groups?"+query, "")
	}
	if got := in(w.want(200, adaID, "GET", "/v1.0/groups?$search=chess", ""), "id"); got != groupID {
		t.Error(got)
	}
	w.want(403, adaID, "GET", "/v1.0/groups/"+groupID+"?$expand=members", "")
	if m := w.want(200, adminID, "GET", "/v1.0/groups/"+groupID+"?$expand=members", ""); len(m["members"].([]any)) != 1 {
		t.Errorf("%v", m)
	}
	for _, body := range []string{`{}`, `{"displayName":" "}`, `{"displayName":"` + strings.Repeat("x", 257) + `"}`, `{"displayName":"x","id":"1"}`} {
		w.want(400, adminID, "POST", "/v1.0/groups", body)
	}
	w.want(409, adminID, "POST", "/v1.0/groups", `{"displayName":"CHESS-lovers"}`)
	id := fmt.Sprint(w.want(201, adminID, "POST", "/v1.0/groups", `{"displayName":"sales","description":"They sell."}`)["id"])
	ref := func(user string) string { return `"https://cloud.test/graph/v1.0/users/` + user + `"` }
	w.want(204, adminID, "PATCH", "/v1.0/groups/"+id, `{"displayName":"Sales","members@odata.bind":[`+ref(adaID)+`,`+ref(bjornID)+`]}`)
	w.want(400, adminID, "PATCH", "/v1.0/groups/"+id, `{"members@odata.bind":[`+strings.Repeat(ref(adaID)+",", 20)+ref(adaID)+`]}`)
	w.want(404, adminID, "PATCH", "/v1.0/groups/"+id, `{"members@odata.bind":[`+ref("nobody")+`]}`)
	w.want(204, adminID, "POST", "/v1.0/groups/"+id+"/members/$ref", `{"@odata.id":`+ref(lightID)+`}`)
	for _, bad := range []string{`"https://cloud.test/graph/v1.0/groups/` + groupID + `"`, `"` + adaID + `"`, `"https://cloud.test/graph/v1.0/users/"`, `"/graph/v1.0/users/x"`, `""`} {
		w.want(400, adminID, "POST", "/v1.0/groups/"+id+"/members/$ref", `{"@odata.id":`+bad+`}`)
	}
	w.want(404, adminID, "POST", "/v1.0/groups/"+id+"/members/$ref", `{"@odata.id":`+ref("nobody")+`}`)
	w.want(404, adminID, "POST", "/v1.0/groups/nothing/members/$ref", `{"@odata.id":`+ref(adaID)+`}`)
	if got := in(w.want(200, adminID, "GET", "/v1.0/groups/"+id+"/members", ""), "onPremisesSamAccountName"); got != "ada,bjorn,light" {
		t.Error(got)
	}
	w.want(204, adminID, "DELETE", "/v1.0/groups/"+id+"/members/"+adaID+"/$ref", "")
	w.want(404, adminID, "DELETE", "/v1.0/groups/"+id+"/members/"+adaID+"/$ref", "")
	w.want(204, adminID, "DELETE", "/v1.0/groups/"+id, "")
	w.want(404, adminID, "GET", "/v1.0/groups/"+id, "")
	w.want(404, adminID, "GET", "/v1.0/groups/"+schoolID, "")
}

func TestRoles(t *testing.T) {
	w := newWorld(t, nil)
	if m := w.want(200, lightID, "GET", "/v1.0/applications", ""); in(m, "id") != appID {
		t.Errorf("%v", m)
	}
	w.want(404, lightID, "GET", "/v1.0/applications/other", "")
	path := "/v1.0/users/" + adaID + "/appRoleAssignments"
	body := func(user, role, app string) string {
		return `{"appRoleId":"` + role + `","principalId":"` + user + `","resourceId":"` + app + `"}`
	}
	w.want(400, adminID, "POST", path, body(bjornID, role.SpaceAdmin, appID))
	w.want(400, adminID, "POST", path, body(adaID, "admin", appID))
	w.want(400, adminID, "POST", path, body(adaID, role.ServiceAccount, appID))
	w.want(400, adminID, "POST", path, body(adaID, role.SpaceAdmin, mount))
	w.want(403, adminID, "POST", "/v1.0/users/"+adminID+"/appRoleAssignments", body(adminID, role.User, appID))
	m := w.want(201, adminID, "POST", path, body(adaID, role.SpaceAdmin, appID))
	if !w.actor(adaID).MayListAllSpaces {
		t.Error("the role does not count")
	}
	if got := in(w.want(200, adminID, "GET", path, ""), "appRoleId"); got != role.SpaceAdmin {
		t.Error(got)
	}
	w.want(404, adminID, "DELETE", path+"/nothing", "")
	w.want(204, adminID, "DELETE", path+"/"+fmt.Sprint(m["id"]), "")
	if w.actor(adaID).MayListAllSpaces {
		t.Error("the role still counts")
	}
	own := w.want(200, adminID, "GET", "/v1.0/users/"+adminID+"/appRoleAssignments", "")
	w.want(403, adminID, "DELETE", "/v1.0/users/"+adminID+"/appRoleAssignments/"+in(own, "id"), "")
}

func TestFactorsAndSessions(t *testing.T) {
	w := newWorld(t, nil)
	if m := w.want(200, adaID, "GET", "/v1.0/me/authentication/methods", ""); in(m, "kind") != "totp" {
		t.Errorf("%v", m)
	}
	w.want(405, adaID, "DELETE", "/v1.0/me/authentication/methods", "")
	w.want(403, adminID, "DELETE", "/v1.0/users/"+adminID+"/authentication/methods", "")
	w.want(404, adminID, "DELETE", "/v1.0/users/"+adaID+"/authentication/methods/f2", "")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID+"/authentication/methods/f1", "")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+adaID+"/authentication/methods", "")
	if got := strings.Join(w.factors.removed, ","); got != adaID+"/f1,"+adaID {
		t.Error(got)
	}
	if m := w.want(200, adaID, "GET", "/v1.0/me/sessions", ""); in(m, "id") != "s-"+adaID {
		t.Errorf("%v", m)
	}
	w.want(404, adaID, "DELETE", "/v1.0/me/sessions/s-"+adminID, "")
	w.want(204, adaID, "DELETE", "/v1.0/me/sessions/s-"+adaID, "")
	w.want(204, adminID, "DELETE", "/v1.0/users/"+lightID+"/sessions", "")
	if got := strings.Join(w.sessions.revoked, ","); got != "s-"+adaID+","+lightID {
		t.Error(got)
	}
}

func TestExport(t *testing.T) {
	w := newWorld(t, nil)
	path := "/v1.0/users/" + adaID + "/exportPersonalData"
	w.want(400, adminID, "POST", path, `{}`)
	w.want(400, adaID, "POST", path, `{"storageLocation":"/export.txt"}`)
	w.want(400, adaID, "POST", path, `{"storageLocation":"/no/such/folder/export.json"}`)
	w.want(202, adaID, "POST", path, `{"storageLocation":"/export.json"}`)
	ctx := identity.WithActor(context.Background(), w.actor(adaID))
	spaces, err := w.fs.ListSpaces(ctx, storage.SpaceFilter{Type: space.Personal, Owner: adaID})
	check(t, err)
	file := storage.At(spaces[0].ID, "export.json")
	if i, err := w.fs.Stat(ctx, file, storage.View{}); err != nil || i.Size != 0 {
		t.Errorf("at once: %+v, %v", i, err)
	}
	run, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.parts.Loops[0].Run(run) }()
	var got map[string]any
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && got == nil; time.Sleep(20 * time.Millisecond) {
		c, err := w.fs.Open(ctx, file)
		check(t, err)
		b, _ := io.ReadAll(c)
		_ = c.Close()
		if len(b) > 0 {
			check(t, json.Unmarshal(b, &got))
		}
	}
	cancel()
	check(t, <-done)
	u, _ := got["user"].(map[string]any)
	if _, ok := got["events"]; !ok || u["onPremisesSamAccountName"] != "ada" || got["photo"] != true {
		t.Errorf("%v", got)
	}
}

func TestSchools(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Identity.LDAP.SchoolGraceDays = 30 })
	soon, later := time.Now().AddDate(0, 0, 10).Format(time.RFC3339), time.Now().AddDate(0, 0, 40).Format(time.RFC3339)
	const schools = "/v1.0/education/schools"
	for _, body := range []string{`{}`, `{"displayName":"X"}`, `{"displayName":"X","schoolNumber":"1","id":"1"}`, `{"displayName":"X","schoolNumber":"1","terminationDate":"` + soon + `"}`,
		`{"displayName":"X","schoolNumber":"1","terminationDate":"tomorrow"}`} {
		w.want(400, adminID, "POST", schools, body)
	}
	w.want(409, adminID, "POST", schools, `{"displayName":"X","schoolNumber":"42"}`)
	if m := w.want(200, adminID, "PATCH", schools+"/42", `{"terminationDate":"`+later+`"}`); m["terminationDate"] == nil {
		t.Errorf("%v", m)
	}
	w.want(405, adminID, "DELETE", schools+"/42", "")
	if m := w.want(200, adminID, "PATCH", schools+"/42", `{"terminationDate":null}`); m["terminationDate"] != nil {
		t.Errorf("%v", m)
	}
	w.want(404, adminID, "GET", schools+"/43", "")
	if got := in(w.want(200, adminID, "GET", schools+"/42/users", ""), "primaryRole"); got != "student" {
		t.Error(got)
	}
	if got := in(w.want(200, adminID, "GET", schools+"/42/classes", ""), "displayName"); got != "Maths" {
		t.Error(got)
	}
	w.want(400, adminID, "POST", schools+"/42/users/$ref", `{"@odata.id":"https://cloud.test/graph/v1.0/education/classes/`+classID+`"}`)
	w.want(501, adminID, "GET", schools+"?$filter=displayName eq 'x'", "")
	for _, body := range []string{`{"displayName":"X"}`, `{"displayName":"X","classification":"gang"}`, `{"displayName":"X","classification":"class","id":"1"}`} {
		w.want(400, adminID, "POST", "/v1.0/education/classes", body)
	}
	for _, body := range []string{`{"displayName":"X","onPremisesSamAccountName":"x","primaryRole":"teacher"}`, `{"displayName":"X","onPremisesSamAccountName":"x","identities":[{"issuer":"i","issuerAssignedId":"x"}]}`,
		`{"displayName":"X","onPremisesSamAccountName":"x","primaryRole":"teacher","identities":[{"issuer":"i"}]}`} {
		w.want(400, adminID, "POST", "/v1.0/education/users", body)
	}
	m := w.want(201, adminID, "POST", "/v1.0/education/users", `{"displayName":"T","onPremisesSamAccountName":"teach","primaryRole":"teacher","userType":"Guest","externalId":"e9","identities":[{"issuer":"i","issuerAssignedId":"x"}]}`)
	w.want(204, adminID, "POST", "/v1.0/education/classes/"+classID+"/teachers/$ref", `{"@odata.id":"https://cloud.test/graph/v1.0/education/users/`+fmt.Sprint(m["id"])+`"}`)
	if got := in(w.want(200, adminID, "GET", "/v1.0/education/classes/"+classID+"/teachers", ""), "onPremisesSamAccountName"); got != "teach" {
		t.Error(got)
	}
	if got := in(w.want(200, adminID, "GET", "/v1.0/education/users?$filter=externalId eq 'e9'", ""), "onPremisesSamAccountName"); got != "teach" {
		t.Error(got)
	}
}

func TestPathsAreDecodedOnce(t *testing.T) {
	w := newWorld(t, nil)
	_, err := w.d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "a%64a", DisplayName: "Other", Enabled: true}}, "")
	check(t, err)
	for path, want := range map[string]string{"a%2564a": "Other", "%61da": "Ada Lovelace", "ada/": "Ada Lovelace"} {
		if m := w.want(200, adminID, "GET", "/v1.0/users/"+path, ""); m["displayName"] != want {
			t.Errorf("%s: %v", path, m)
		}
	}
	w.want(400, adminID, "GET", "/v1.0/users/%00", "")
	w.want(404, adminID, "GET", "/v1.0/education/nothing", "")
	w.want(401, "", "GET", "/v1.0/education/nothing", "")
}
