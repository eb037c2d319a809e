package graph

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

const mount = "11111111-1111-4111-8111-111111111111"

// people is a directory of one user and one group.
type people struct{ identity.Users }

func (people) User(context.Context, string) (identity.User, error) {
	return identity.User{ID: "u-mary", DisplayName: "Mary"}, nil
}
func (people) Group(_ context.Context, id string) (identity.Group, error) {
	return identity.Group{ID: id, DisplayName: "users"}, nil
}
func (people) GroupByName(context.Context, string) (identity.Group, error) {
	return identity.Group{}, identity.ErrNotFound
}
func (people) FindGroups(context.Context, string, int) ([]identity.Group, error) { return nil, nil }
func (people) Members(context.Context, string) ([]string, error)                 { return nil, nil }

func mary() identity.Actor {
	return identity.Actor{Kind: identity.Person, Groups: []string{"g"}, User: identity.User{ID: "u-mary", Username: "mary", DisplayName: "Mary", Roles: []string{"r"}}}
}

func newHandlerForTest(t *testing.T) http.Handler {
	t.Helper()
	fs := mem.New(mount)
	ctx := identity.WithActor(context.Background(), mary())
	for _, r := range []storage.SpaceRequest{{Type: space.Personal, Name: "Mary", Alias: "personal/mary"}, {Type: space.Project, ID: "p-moon", Name: "Moon", Quota: 100}, {Type: space.Project, ID: "p-earth", Name: "Earth"}} {
		if _, err := fs.CreateSpace(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{PublicURL: "https://cloud.test/", MountID: mount}
	cfg.Spaces.WebDAVBase, cfg.Spaces.WebDAVPath, cfg.Spaces.DefaultQuota = "https://cloud.test", "/dav/spaces/", "1000000000"
	parts, err := New(context.Background(), cfg, Deps{Spaces: fs, Reader: fs, Users: people{}, Groups: people{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return parts.HTTP
}

func get(h http.Handler, a identity.Actor, path string) (int, map[string]any) {
	req := httptest.NewRequest("GET", "https://cloud.test/graph"+path, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req.WithContext(identity.WithActor(req.Context(), a)))
	out := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out
}

func names(m map[string]any) string {
	var out []string
	list, _ := m["value"].([]any)
	for _, d := range list {
		out = append(out, d.(map[string]any)["name"].(string))
	}
	return strings.Join(out, ",")
}

func TestDrives(t *testing.T) {
	h := newHandlerForTest(t)
	q := url.QueryEscape
	for path, want := range map[string]string{"/v1.0/me/drives": "Mary,Earth,Moon", "/v1beta1/me/drives": "Mary,Earth,Moon",
		"/v1.0/me/drives?$filter=" + q("driveType eq 'project'") + "&$orderby=" + q("name desc"): "Moon,Earth", "/v1.0/drives?$filter=" + q("driveType eq 'personal'"): "Mary",
		"/v1.0/me/drives?$filter=" + q("id eq '"+mount+"$p-moon'"): "Moon", "/v1.0/me/drives?$filter=" + q("driveType eq 'mountpoint'"): ""} {
		if code, m := get(h, mary(), path); code != 200 || names(m) != want {
			t.Errorf("%s: %d %q, want %q", path, code, names(m), want)
		}
	}
	code, d := get(h, mary(), "/v1.0/drives/"+mount+"%24p-moon/")
	root, _ := d["root"].(map[string]any)
	if code != 200 || d["driveType"] != "project" || root["webDavUrl"] != "https://cloud.test/dav/spaces/"+mount+"$p-moon" || !strings.HasPrefix(root["eTag"].(string), `"`) {
		t.Errorf("%d %v", code, d)
	}
	for path, want := range map[string]int{"/v1.0/drives/nonsense": 400, "/v1.0/drives/" + mount + "$none": 404, "/v1.0/me/drives?$filter=" + q("size gt 5"): 501,
		"/v1.0/me/drives?$orderby=size": 400, "/v1.0/me?$expand=everything": 400, "/v1.0/nothing": 404} {
		code, m := get(h, mary(), path)
		e, _ := m["error"].(map[string]any)
		if code != want || e["code"] == nil {
			t.Errorf("%s: %d, want %d: %v", path, code, want, m)
		}
	}
	if _, m := get(h, identity.Actor{Kind: identity.Person, User: identity.User{ID: "u-alan"}}, "/v1.0/drives"); names(m) != "" {
		t.Error("another user sees", names(m))
	}
	if code, _ := get(h, identity.Actor{}, "/v1.0/me"); code != 401 {
		t.Error("stranger:", code)
	}
}

func TestMe(t *testing.T) {
	_, m := get(newHandlerForTest(t), mary(), "/v1.0/me?$expand=memberOf,appRoleAssignments,drive")
	if m["onPremisesSamAccountName"] != "mary" || m["memberOf"] == nil || m["appRoleAssignments"] == nil || m["drive"] == nil || m["passwordProfile"] != nil {
		t.Error(m)
	}
}

func TestQuotaStateAndRoles(t *testing.T) {
	for used, want := range map[int64]string{0: "normal", 75: "normal", 76: "nearing", 91: "critical", 100: "exceeded"} {
		if got := quotaState(&space.Quota{Max: 100, Used: used}); got != want {
			t.Errorf("%d: %s, want %s", used, got, want)
		}
	}
	for set, want := range map[permission.Set]string{permission.Manager: "manager", permission.SpaceEditor: "editor", permission.SpaceViewer: "viewer"} {
		if got := legacyRole(set); got != want {
			t.Error(got, want)
		}
	}
}
