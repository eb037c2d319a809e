package graph

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/platform/catalog"
)

func TestRoleDefinitions(t *testing.T) {
	const path = "/v1beta1/roleManagement/permissions/roleDefinitions"
	w := newWorld(t, nil)
	read := func(header ...string) (out []roleDefinition) {
		t.Helper()
		answer := w.call(adaID, "GET", path, "", header...)
		if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || answer.Code != 200 {
			t.Fatalf("%d %v: %.200s", answer.Code, err, answer.Body)
		}
		return out
	}
	all := read()
	if len(all) != 7 || all[0].ID != permission.ViewerID || all[0].DisplayName != "Can view" || all[0].Weight != 10 {
		t.Errorf("%+v", all)
	}
	if p := all[0].Permissions; len(p) != 4 || p[0].Condition != "exists @Resource.File" || p[1].Condition != `exists @Resource.File && @Subject.UserType=="Federated"` ||
		p[2].Condition != "exists @Resource.Folder" || len(p[0].Actions) != 6 {
		t.Errorf("%+v", p)
	}
	for i := range all[1:] {
		if all[i].Weight >= all[i+1].Weight {
			t.Errorf("%s before %s", all[i].ID, all[i+1].ID)
		}
	}
	for accepted, want := range map[string]string{"de-CH,en;q=0.5": "Kann anzeigen", "fr": "Peut voir", "es": "Puede ver", "fi": "Can view", "": "Can view", strings.Repeat("de,", 500): "Can view"} {
		if got := read("Accept-Language", accepted)[0].DisplayName; got != want {
			t.Errorf("%.20s: %q, want %q", accepted, got, want)
		}
	}
	if m := w.want(200, adaID, "GET", path+"/"+permission.EditorID, ""); m["displayName"] != "Can edit" {
		t.Error(m)
	}
	w.want(404, adaID, "GET", path+"/"+permission.SecureViewerID, "")
	w = newWorld(t, func(c *Config) { c.UnifiedRoles.Available = []string{permission.SecureViewerID, permission.DeniedID} })
	if all := read(); len(all) != 2 || all[0].ID != permission.SecureViewerID || len(all[1].Permissions[0].Actions) != 0 {
		t.Errorf("%+v", all)
	}
	w.want(404, adaID, "GET", path+"/"+permission.EditorID, "")
	w.cfg.UnifiedRoles.Available = []string{"everything"}
	if _, err := New(context.Background(), w.cfg, w.deps); err == nil {
		t.Error("an unknown role was allowed")
	}
}

// Every role is called something in every language.
func TestRolesAreTranslated(t *testing.T) {
	tr, err := catalog.Read(locales)
	check(t, err)
	if len(tr.Tags) != 4 {
		t.Fatal(tr.Tags)
	}
	for _, tag := range tr.Tags {
		for _, r := range permission.Roles() {
			if !tr.Has(tag, r.DisplayName) || !tr.Has(tag, r.Description) {
				t.Errorf("%s: %s: %q or %q is missing", tag, r.Name, r.DisplayName, r.Description)
			}
		}
	}
}
