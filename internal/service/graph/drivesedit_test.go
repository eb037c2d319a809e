package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	viewerID = "00000000-0000-4000-8000-000000000007"
	editorID = "00000000-0000-4000-8000-000000000008"
)

// members adds a viewer and an editor to Björn's project.
func (w *world) members() *world {
	w.t.Helper()
	for id, set := range map[string]permission.Set{viewerID: permission.SpaceViewer, editorID: permission.SpaceEditor} {
		_, err := w.d.CreateAccount(context.Background(), identity.Account{User: identity.User{ID: id, Username: "u" + id[35:], DisplayName: "Member " + id[35:], Enabled: true}}, "")
		check(w.t, err)
		check(w.t, w.fs.SetGrant(w.as(bjornID), storage.At(resource.SpaceRoot(mount, moonID), ""), space.Grant{Kind: space.UserGrantee, Grantee: id, Permissions: set}))
	}
	return w
}

func (w *world) disable(id string) {
	w.t.Helper()
	check(w.t, w.fs.DisableSpace(identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service}), resource.SpaceRoot(mount, id)))
}

// TestMembersMatrix is what members and administrators may do with a space, beyond what the matrix tells of people who have none.
func TestMembersMatrix(t *testing.T) {
	people := []struct{ name, id string }{{"not signed in", ""}, {"not a member", adaID}, {"viewer", viewerID}, {"editor", editorID}, {"manager", bjornID}, {"space admin", spaceID}, {"admin", adminID}}
	const rename, quota = `{"name":"Sun"}`, `{"quota":{"total":5000}}`
	special := `{"special":[{"id":"{plan}","specialFolder":{"name":"readme"}}]}`
	for _, c := range []struct {
		method, path, body string
		header             string
		disabled           bool
		want               [7]int
	}{
		{"GET", moon, "", "", false, [7]int{401, 404, 200, 200, 200, 200, 200}},
		{"GET", moon, "", "", true, [7]int{401, 404, 404, 404, 200, 200, 200}},
		{"PATCH", moon, rename, "", false, [7]int{401, 404, 404, 404, 200, 200, 200}},
		{"PATCH", moon, rename, "", true, [7]int{401, 404, 404, 404, 404, 404, 404}},
		{"PATCH", moon, special, "", false, [7]int{401, 404, 404, 404, 200, 200, 200}},
		{"PATCH", moon, quota, "", false, [7]int{401, 404, 404, 404, 403, 200, 200}},
		{"PATCH", moon, `{"name":"Sun","quota":{"total":5000}}`, "", false, [7]int{401, 404, 404, 404, 403, 200, 200}},
		{"PATCH", moon, "{}", "Restore", true, [7]int{401, 404, 404, 404, 200, 200, 200}},
		{"PATCH", moon, "", "Restore", true, [7]int{401, 404, 404, 404, 200, 200, 200}},
		{"DELETE", moon, "", "", false, [7]int{401, 404, 404, 404, 204, 204, 204}},
		{"DELETE", moon, "", "Purge", false, [7]int{401, 404, 404, 404, 400, 400, 400}},
		{"DELETE", moon, "", "Purge", true, [7]int{401, 404, 404, 404, 204, 204, 204}},
		{"GET", moon + "/root", "", "", false, [7]int{401, 404, 200, 200, 200, 404, 404}},
		{"GET", moon + "/root", "", "", true, [7]int{401, 404, 404, 404, 404, 404, 404}},
		{"GET", moon + "/items/{plan}", "", "", false, [7]int{401, 404, 200, 200, 200, 404, 404}},
		{"GET", moon + "/root/children", "", "", false, [7]int{401, 404, 200, 200, 200, 404, 404}},
		{"GET", moon + "/items/{plan}/content", "", "", false, [7]int{401, 404, 302, 302, 302, 404, 404}},
		{"POST", moon + "/root/children", `{"name":"x","folder":{}}`, "", false, [7]int{401, 404, 403, 201, 201, 404, 404}},
		{"POST", moon + "/root:/a/b:/children?@libre.graph.missingParentsBehavior=create", `{"name":"x","file":{}}`, "", false, [7]int{401, 404, 403, 201, 201, 404, 404}},
		{"POST", moon + "/root/children?@libre.graph.conflictBehavior=replace", `{"name":"plan.md","file":{}}`, "", false, [7]int{401, 404, 403, 201, 201, 404, 404}},
		{"POST", moon + "/items/{plan}/createUploadSession", "", "", false, [7]int{401, 404, 403, 200, 200, 404, 404}},
		{"DELETE", moon + "/items/{plan}", "", "", false, [7]int{401, 404, 403, 204, 204, 404, 404}},
		{"DELETE", moon + "/items/{plan}", "", "", true, [7]int{401, 404, 404, 404, 404, 404, 404}},
		{"POST", moon + "/items/{bin}/restore", "", "", false, [7]int{401, 404, 403, 200, 200, 404, 404}},
		{"POST", moon + "/items/{bin}/permanentDelete", "", "", false, [7]int{401, 404, 403, 403, 204, 404, 404}},
		{"POST", moon + "/items/{plan}/permanentDelete", "", "", false, [7]int{401, 404, 403, 403, 204, 404, 404}},
		// Ada's own space: she edits it, but it is not hers to remove, or to enlarge.
		{"PATCH", adas, rename, "", false, [7]int{401, 200, 404, 404, 404, 404, 404}},
		{"PATCH", adas, quota, "", false, [7]int{401, 403, 404, 404, 404, 403, 200}},
		{"DELETE", adas, "", "", false, [7]int{401, 403, 404, 404, 404, 404, 204}},
		{"DELETE", adas, "", "Purge", true, [7]int{401, 403, 404, 404, 404, 404, 204}},
		{"PATCH", adas, "{}", "Restore", true, [7]int{401, 403, 404, 404, 404, 404, 200}},
	} {
		var w *world
		for i, who := range people {
			if w == nil || c.method != "GET" && c.want[i-1] < 300 {
				w = newWorld(t, nil).members()
				w.put("{bin}", bjornID, moonID, "deleted.txt")
				check(t, w.fs.Delete(w.as(bjornID), storage.At(resource.SpaceRoot(mount, moonID), "deleted.txt"), storage.Conditions{}))
				if c.disabled {
					w.disable(strings.TrimPrefix(c.path[:min(len(c.path), len(moon))], "/drives/"+mount+"$"))
				}
			}
			var header []string
			if c.header != "" {
				header = []string{c.header, "T"}
			}
			if out := w.call(who.id, c.method, "/v1.0"+c.path, c.body, header...); out.Code != c.want[i] {
				t.Errorf("%s %s %s %s disabled %v, as %s: %d, want %d: %.200s", c.method, c.path, c.body, c.header, c.disabled, who.name, out.Code, c.want[i], out.Body)
			}
		}
	}
}

func TestCreateDrive(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Spaces.MaxQuota = 2000000000 })
	m := w.want(201, spaceID, "POST", "/v1.0/drives", `{"name":"Blue Moon","description":"once","driveType":"project"}`)
	id, _ := m["id"].(string)
	for _, x := range []struct{ got, want any }{{m["name"], "Blue Moon"}, {m["driveAlias"], "project/blue-moon"}, {m["description"], "once"}, {at(m, "quota", "total"), 1e9}, {m["special"], nil}} {
		if x.got != x.want {
			t.Errorf("%v, want %v", x.got, x.want)
		}
	}
	all := w.want(200, spaceID, "GET", "/v1beta1/drives/"+id+"?$expand=root($expand=permissions)", "")
	if s := fmt.Sprint(at(all, "root", "permissions")); !strings.Contains(s, permission.ManagerID) || !strings.Contains(s, spaceID) {
		t.Error("the creator is no manager:", s)
	}
	if m := w.want(201, adminID, "POST", "/v1.0/drives", `{"name":"X","driveAlias":"project/y","quota":{"total":5,"state":"normal"}}`); m["driveAlias"] != "project/y" || at(m, "quota", "total") != 5.0 {
		t.Error(m)
	}
	for _, body := range []string{`{}`, `{"name":""}`, `{"name":" "}`, `{"name":"a/b"}`, `{"name":"a\\b"}`, `{"name":"a.b"}`, `{"name":"a:b"}`, `{"name":"a?b"}`, `{"name":"a*b"}`, `{"name":"a\"b"}`,
		`{"name":"a>b"}`, `{"name":"a<b"}`, `{"name":"a|b"}`, `{"name":"` + strings.Repeat("x", 256) + `"}`, `{"name":"x","driveType":"personal"}`, `{"name":"x","shoes":1}`, `{"name":"x"} {}`,
		`{"name":"x","quota":{"total":-1}}`, `{"name":"x","quota":{"total":2000000001}}`, `{"name":"x","quota":{"total":0}}`, `{"name":"x","quota":{"total":"5"}}`, `[]`, ``,
		`{"name":"x","driveAlias":"personal/ada"}`, `{"name":"x","driveAlias":"project/"}`, `{"name":"x","driveAlias":"project/a\nb"}`, `{"name":"x","description":"` + strings.Repeat("x", 5000) + `"}`} {
		w.want(400, spaceID, "POST", "/v1.0/drives", body)
	}
	w.want(400, spaceID, "POST", "/v1.0/drives?template=shoes", `{"name":"x"}`)
	w.want(403, adaID, "POST", "/v1.0/drives", `{"name":""}`)
	if m := w.want(200, adminID, "GET", "/v1.0/drives?$filter=driveType eq 'project'&$orderby=name", ""); in(m, "name") != "Blue Moon,Moon,X" {
		t.Error("refused calls left something:", in(m, "name"))
	}
}

func TestTemplate(t *testing.T) {
	for _, x := range []struct{ own, accept, title string }{{"", "", "Welcome"}, {"", "de-AT,en;q=0.5", "Willkommen"}, {"fr", "de", "Bienvenue"}, {"", "tlh", "Welcome"}, {"es", "", "bienvenida"}} {
		w := newWorld(t, nil)
		if x.own != "" {
			_, err := w.d.UpdateAccount(context.Background(), spaceID, identity.AccountChange{Language: &x.own})
			check(t, err)
		}
		m := w.want(201, spaceID, "POST", "/v1.0/drives?template=default", `{"name":"New"}`, "Accept-Language", x.accept)
		names := map[string]string{}
		specials, _ := m["special"].([]any)
		for _, s := range specials {
			i := s.(map[string]any)
			names[at(i, "specialFolder", "name").(string)] = i["id"].(string)
			if at(i, "parentReference", "path") != "/.space" || i["size"] == 0.0 {
				t.Error(i)
			}
		}
		id, err := resource.ParseID(names["readme"])
		check(t, err)
		c, err := w.fs.Open(w.as(spaceID), storage.At(id, ""))
		check(t, err)
		text, err := io.ReadAll(c)
		check(t, err)
		if !strings.Contains(string(text), x.title) || names["image"] == "" {
			t.Errorf("%+v: %.60s", x, text)
		}
	}
}

// broken refuses to take files.
type broken struct{ storage.Writer }

func (broken) Upload(context.Context, storage.Ref, storage.UploadRequest, io.Reader) (storage.Result, error) {
	return storage.Result{}, errors.New("disk on fire")
}

func TestFailedTemplateLeavesNoSpace(t *testing.T) {
	w := newWorld(t, nil)
	w.deps.Writer = broken{w.fs}
	w.start()
	w.want(500, spaceID, "POST", "/v1.0/drives?template=default", `{"name":"New"}`)
	if m := w.want(200, adminID, "GET", "/v1.0/drives?$filter=driveType eq 'project'", ""); in(m, "name") != "Moon" {
		t.Error(in(m, "name"))
	}
}

func TestPatchDrive(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Spaces.MaxQuota = 5000 })
	m := w.want(200, bjornID, "PATCH", "/v1.0"+moon, `{"name":"Sun","description":"hot","driveAlias":"project/sun","special":[{"id":"{plan}","specialFolder":{"name":"readme"}},{"id":"{plan}","specialFolder":{"name":"image"}}]}`)
	if m["name"] != "Sun" || m["description"] != "hot" || m["driveAlias"] != "project/sun" || len(m["special"].([]any)) != 2 {
		t.Error(m)
	}
	m = w.want(200, bjornID, "PATCH", "/v1beta1"+moon, `{"description":"","special":[{"id":"","specialFolder":{"name":"image"}}]}`)
	if s, _ := m["special"].([]any); len(s) != 1 || m["description"] != nil || m["name"] != "Sun" {
		t.Error(m)
	}
	before := w.want(200, bjornID, "GET", "/v1.0"+moon, "")
	if m := w.want(200, bjornID, "PATCH", "/v1.0"+moon, `{}`); at(m, "root", "eTag") != at(before, "root", "eTag") {
		t.Error("nothing was changed, the ETag was")
	}
	for body, want := range map[string]int{`{"name":"a/b"}`: 400, `{"name":""}`: 400, `{"shoes":1}`: 400, `{"driveType":"personal"}`: 400, `{"driveAlias":"personal/x"}`: 400, `{"name":5}`: 400,
		`{"special":[{"id":"{plan}","specialFolder":{"name":"shoe"}}]}`: 400, `{"special":[{"id":"{doc}","specialFolder":{"name":"image"}}]}`: 404,
		`{"special":[{"id":"` + mount + "$" + moonID + `!nothing","specialFolder":{"name":"image"}}]}`: 404, `{"special":[{"id":"x","specialFolder":{"name":"image"}}]}`: 400,
		`{"special":[{"id":"` + mount + "$" + moonID + `","specialFolder":{"name":"image"}}]}`: 400} {
		w.want(want, bjornID, "PATCH", "/v1.0"+moon, body)
	}
	for _, body := range []string{`{"quota":{"total":0}}`, `{"quota":{"total":5001}}`, `{"quota":{"total":-5}}`} {
		w.want(400, spaceID, "PATCH", "/v1.0"+moon, body)
	}
	if m := w.want(200, spaceID, "PATCH", "/v1.0"+moon, `{"name":"Mars","quota":{"total":5000}}`); at(m, "quota", "total") != 5000.0 || m["name"] != "Mars" || m["special"] != nil {
		t.Error(m) // the space admin is no member, and sees none of the files
	}
	w.want(400, adaID, "PATCH", "/v1.0"+adas, `{"driveAlias":"project/ada"}`)
	for _, path := range []string{"/drives/nonsense", "/drives/" + mount + "$nothing", moon + "!x"} {
		want := 404
		if path == "/drives/nonsense" {
			want = 400
		}
		w.want(want, adminID, "PATCH", "/v1.0"+path, `{"name":"x"}`)
		w.want(want, adminID, "DELETE", "/v1.0"+path, "")
	}
}

func TestDisableRestorePurge(t *testing.T) {
	w := newWorld(t, nil)
	for _, no := range []string{"", "f", "0", "false"} {
		w.want(204, bjornID, "DELETE", "/v1.0"+moon, "", "Purge", no)
		w.want(200, bjornID, "PATCH", "/v1.0"+moon, "{}", "restore", "1")
	}
	w.want(400, bjornID, "DELETE", "/v1.0"+moon, "", "purge", "yes")
	w.want(400, bjornID, "PATCH", "/v1.0"+moon, "{}", "restore", "yes")
	w.want(204, bjornID, "DELETE", "/v1.0"+moon, "")
	if m := w.want(200, bjornID, "GET", "/v1.0/me/drives?$filter=driveType eq 'project'", ""); fmt.Sprint(m["value"]) == "[]" || at(m["value"].([]any)[0].(map[string]any), "root", "deleted", "state") != "trashed" {
		t.Error(m)
	}
	if m := w.want(200, bjornID, "PATCH", "/v1.0"+moon, `{"name":"Back"}`, "restore", "true"); m["name"] != "Back" || at(m, "root", "deleted") != nil {
		t.Error(m)
	}
	w.want(204, bjornID, "DELETE", "/v1.0"+moon, "")
	w.want(204, spaceID, "DELETE", "/v1.0"+moon, "", "Purge", "T")
	w.want(404, bjornID, "GET", "/v1.0"+moon, "")
}

// A steward is nobody whom neither the space nor a role made one.
func TestSteward(t *testing.T) {
	w := newWorld(t, nil)
	project, personal := &space.Space{Type: space.Project}, &space.Space{Type: space.Personal}
	for _, c := range []change{editing, enabling, purging, budgeting} {
		for _, s := range []*space.Space{project, personal} {
			for _, id := range []string{"", lightID, adaID} {
				if ctx, err := steward(w.as(id), s, c); !errors.Is(err, storage.ErrNotFound) || ctx != nil {
					t.Errorf("%q becomes a steward of a %s", id, s.Type)
				}
			}
		}
		ctx, err := steward(w.as(spaceID), project, c)
		if a := identity.ActorFrom(ctx); err != nil || a.Kind != identity.Service || a.User.ID != spaceID {
			t.Errorf("%d: %v %+v", c, err, a)
		}
	}
	for _, other := range []space.Type{space.Virtual, space.Mountpoint, ""} {
		if _, err := steward(w.as(adminID), &space.Space{Type: other, Permissions: permission.Manager}, editing); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the admin changes a %s space: %v", other, err)
		}
	}
	mine := *project
	mine.Permissions = permission.Manager
	for c, ok := range map[change]bool{editing: true, enabling: true, purging: true, budgeting: false} {
		ctx, err := steward(w.as(adaID), &mine, c)
		if ok != (err == nil) || ok && identity.ActorFrom(ctx).Kind != identity.Person {
			t.Errorf("%d: %v", c, err)
		}
	}
	mine.Permissions = permission.SpaceEditor
	if _, err := steward(w.as(adaID), &mine, editing); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}
