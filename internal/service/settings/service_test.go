package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	usergrouppb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	permissionspb "github.com/cs3org/go-cs3apis/cs3/permissions/v1beta1"
	preferencespb "github.com/cs3org/go-cs3apis/cs3/preferences/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"

	"opencloud/internal/cs3/preferences"
	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/platform/testkit"
	domain "opencloud/internal/settings"
)

type world struct {
	parts  service.Parts
	store  *Store
	dir    *directory.Directory
	actors map[string]identity.Actor
}

const serviceAccount = "the-service-account"

func open(t *testing.T, url string) world {
	t.Helper()
	ctx := t.Context()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	dir, err := directory.New(ctx, d, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := world{dir: dir, actors: map[string]identity.Actor{"stranger": {}, "service": {Kind: identity.Service, User: identity.User{ID: "x"}}}}
	for name, r := range map[string][]string{"ada": {role.Admin}, "bob": nil, "sue": {role.SpaceAdmin}, "lil": {role.UserLight}} {
		u, err := dir.CreateAccount(ctx, identity.Account{User: identity.User{Username: name, Enabled: true, Roles: r}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if w.actors[name], err = dir.ActorBy(ctx, "userid", u.ID); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	cfg := Config{Database: url, ServiceAccounts: []string{serviceAccount}}
	if w.store, err = Open(ctx, cfg, dir, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	if w.parts, err = New(ctx, cfg, Deps{Store: w.store, Log: log}); err != nil {
		t.Fatal(err)
	}
	return w
}

func sqlite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "settings.db") }

// on runs a test on every database.
func on(t *testing.T, f func(*testing.T, world)) {
	t.Run("sqlite", func(t *testing.T) { f(t, open(t, sqlite(t))) })
	t.Run("postgres", func(t *testing.T) { f(t, open(t, testkit.Postgres(t))) })
}

func (w world) id(name string) string { return w.actors[name].User.ID }

// post calls an endpoint; {name} in the body stands for the id of somebody.
func (w world) post(t *testing.T, who, call, body string) (int, string) {
	t.Helper()
	for name := range w.actors {
		body = strings.ReplaceAll(body, "{"+name+"}", w.id(name))
	}
	a := w.actors[who]
	if a.Kind == identity.Person { // as the proxy does it: roles are those of now
		var err error
		if a, err = w.dir.ActorBy(t.Context(), "userid", a.User.ID); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(identity.WithActor(t.Context(), a), "POST", "/api/v0/settings/"+call, strings.NewReader(body))
	rec := httptest.NewRecorder()
	w.parts.HTTP.ServeHTTP(rec, r)
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

func calls(w world) []string {
	var out []string
	for name := range w.parts.HTTP.(*handler).calls {
		out = append(out, name)
	}
	return out
}

func TestStrangersGetNothing(t *testing.T) {
	w := open(t, sqlite(t))
	if n := len(calls(w)); n != 17 {
		t.Errorf("%d calls, want 17", n)
	}
	for _, c := range calls(w) {
		if code, body := w.post(t, "stranger", c, `{"accountUuid":"{bob}","account_uuid":"{bob}"}`); code != 401 || !strings.Contains(body, "unauthorized") {
			t.Errorf("%s: %d %s", c, code, body)
		}
	}
	for _, c := range []string{"", "nonsense", "values-list/x"} {
		if code, _ := w.post(t, "ada", c, `{}`); code != 404 {
			t.Errorf("%q: %d", c, code)
		}
	}
}

func TestMatrix(t *testing.T) {
	w := open(t, sqlite(t))
	people := []string{"lil", "bob", "sue", "ada"}
	for _, c := range []struct {
		call, body string
		want       [4]int // of lil, bob, sue and ada
	}{
		{"roles-list", `{}`, [4]int{201, 201, 201, 201}},
		{"bundles-list", `{}`, [4]int{201, 201, 201, 201}},
		{"bundle-get", `{"bundleId":"` + domain.ProfileID + `"}`, [4]int{201, 201, 201, 201}},
		{"bundle-get", `{"bundleId":"x"}`, [4]int{404, 404, 404, 404}},
		{"bundle-save", `{"bundle":{"id":"b","name":"b","extension":"e"}}`, [4]int{400, 400, 400, 201}},
		{"bundle-save", `{"bundle":{"id":"` + domain.ProfileID + `","name":"b","extension":"e"}}`, [4]int{400, 400, 400, 400}},
		{"bundle-save", `{"bundle":{"id":"` + role.User + `","name":"b","extension":"e"}}`, [4]int{400, 400, 400, 400}},
		{"bundle-save", `{"bundle":{"id":"r","name":"b","extension":"e","type":"TYPE_ROLE"}}`, [4]int{400, 400, 400, 400}},
		{"bundle-save", `{}`, [4]int{400, 400, 400, 400}},
		{"bundles-add-setting", `{"bundleId":"b","setting":{"id":"s","name":"s","boolValue":{}}}`, [4]int{400, 400, 400, 201}},
		{"bundles-add-setting", `{"bundleId":"b","setting":{"name":"s"}}`, [4]int{400, 400, 400, 400}},
		{"bundles-add-setting", `{"bundleId":"b","setting":{"id":"` + domain.LanguageID + `","name":"s","boolValue":{}}}`, [4]int{400, 400, 400, 400}},
		{"bundles-remove-setting", `{"bundleId":"b","settingId":"s"}`, [4]int{400, 400, 400, 201}},
		{"bundles-remove-setting", `{"bundleId":"b","settingId":"s"}`, [4]int{400, 400, 400, 404}},
		{"values-list", `{"account_uuid":"me"}`, [4]int{201, 201, 201, 201}},
		{"values-list", `{"account_uuid":"{bob}"}`, [4]int{400, 201, 400, 400}},
		{"values-save", `{"value":{"accountUuid":"{bob}","settingId":"` + domain.NoMailID + `","boolValue":true}}`, [4]int{400, 201, 400, 400}},
		{"values-get-by-unique-identifiers", `{"accountUuid":"{bob}","settingId":"` + domain.NoMailID + `"}`, [4]int{400, 201, 400, 400}},
		{"values-save", `{"value":{"accountUuid":"me","settingId":"872d8ef6-6f2a-42ab-af7d-f53cc81d7046","collectionValue":{"values":[]}}}`, [4]int{400, 201, 201, 201}},
		{"assignments-list", `{"account_uuid":"{bob}"}`, [4]int{401, 201, 401, 201}},
		{"assignments-list", `{"account_uuid":"nobody"}`, [4]int{401, 401, 401, 404}},
		{"assignments-list-filtered", `{"filters":[{"type":"TYPE_ACCOUNT","term":{"accountUuid":"{bob}"}}]}`, [4]int{401, 201, 401, 201}},
		{"assignments-list-filtered", `{"filters":[{"type":"TYPE_ROLE","term":{"role_id":"` + role.User + `"}}]}`, [4]int{401, 401, 401, 201}},
		{"assignments-list-filtered", `{"filters":[]}`, [4]int{400, 400, 400, 400}},
		{"assignments-add", `{"accountUuid":"{ada}","roleId":"` + role.User + `"}`, [4]int{400, 400, 400, 400}},
		{"assignments-add", `{"accountUuid":"{lil}","roleId":"` + role.ServiceAccount + `"}`, [4]int{400, 400, 400, 400}},
		{"assignments-add", `{"accountUuid":"{lil}","roleId":"admin"}`, [4]int{400, 400, 400, 400}},
		{"assignments-add", `{"accountUuid":"nobody","roleId":"` + role.User + `"}`, [4]int{400, 400, 400, 404}},
		{"assignments-add", `{"accountUuid":"{bob}","roleId":"` + role.User + `"}`, [4]int{400, 400, 400, 201}},
		{"assignments-remove", `{"id":"x"}`, [4]int{400, 400, 400, 404}},
		{"permissions-list", `{"account_uuid":"{bob}"}`, [4]int{404, 201, 404, 404}},
		{"permissions-get-by-id", `{"permissionId":"` + role.ID(role.AccountsReadWrite) + `"}`, [4]int{404, 404, 404, 201}},
		{"permissions-list-by-resource", `{"resource":{"type":"TYPE_USER","id":"all"}}`, [4]int{201, 201, 201, 201}},
		{"values-list", `[]`, [4]int{412, 412, 412, 412}},
		{"values-list", `{`, [4]int{412, 412, 412, 412}},
		{"values-list", `{"accountUuid":5}`, [4]int{412, 412, 412, 412}},
	} {
		for i, who := range people {
			if code, body := w.post(t, who, c.call, c.body); code != c.want[i] {
				t.Errorf("%s %s %s: %d %s, want %d", who, c.call, c.body, code, body, c.want[i])
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		const save = `{"value":{"bundleId":"2a506de7-99bd-4f0d-994e-c38e72c28fd9","settingId":"aa8cfbe5-95d4-4f7e-a032-c3c01f5f062f",
 "resource":{"type":"TYPE_USER"},"accountUuid":"me","listValue":{"values":[{"stringValue":"%s"}]}}}`
		code, body := w.post(t, "bob", "values-save", fmt.Sprintf(save, "de"))
		var got struct{ Value domain.Identified }
		if err := json.Unmarshal([]byte(body), &got); code != 201 || err != nil || got.Value.Value.ID == "" {
			t.Fatalf("%d %s", code, body)
		}
		want := `{"value":{"identifier":{"extension":"opencloud-accounts","bundle":"profile","setting":"language"},"value":{"id":"` + got.Value.Value.ID +
			`","bundleId":"2a506de7-99bd-4f0d-994e-c38e72c28fd9","settingId":"aa8cfbe5-95d4-4f7e-a032-c3c01f5f062f","accountUuid":"` + w.id("bob") +
			`","resource":{"type":"TYPE_USER"},"listValue":{"values":[{"stringValue":"de"}]}}}}`
		if body != want {
			t.Errorf("got  %s\nwant %s", body, want)
		}
		if a, err := w.dir.Account(t.Context(), w.id("bob")); err != nil || a.Language != "de" {
			t.Errorf("account: %q, %v", a.Language, err)
		}
		if code, again := w.post(t, "bob", "values-get", `{"id":"`+got.Value.Value.ID+`"}`); code != 201 || again != want {
			t.Errorf("values-get: %d %s", code, again)
		}
		if code, _ := w.post(t, "ada", "values-get", `{"id":"`+got.Value.Value.ID+`"}`); code != 404 {
			t.Errorf("values-get of somebody else: %d", code)
		}
		for _, bad := range []string{"x", "de de", "<b>", strings.Repeat("de-", 20) + "de"} {
			if code, _ := w.post(t, "bob", "values-save", fmt.Sprintf(save, bad)); code != 400 {
				t.Errorf("%q: %d", bad, code)
			}
		}
		if code, _ := w.post(t, "bob", "values-save", fmt.Sprintf(save, "")); code != 201 {
			t.Errorf("none: %d", code)
		}
		if _, body := w.post(t, "bob", "values-list", `{"account_uuid":"me"}`); strings.Contains(body, `"language"`) {
			t.Errorf("still there: %s", body)
		}
	})
}

func TestValues(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		_, body := w.post(t, "bob", "values-list", `{"account_uuid":"me"}`)
		preset := `{"identifier":{"extension":"opencloud-accounts","bundle":"profile","setting":"event-share-removed-options"},"value":{"bundleId":"2a506de7-99bd-4f0d-994e-c38e72c28fd9","settingId":"d7484394-8321-4c84-9677-741ba71e1f80","accountUuid":"` +
			w.id("bob") + `","resource":{"type":"TYPE_USER"},"collectionValue":{"values":[{"key":"in-app","boolValue":true},{"key":"mail","boolValue":false}]}}}`
		if !strings.Contains(body, preset) {
			t.Errorf("the default is missing in %s", body)
		}
		// What cannot be changed stays, what is not said is the default.
		code, body := w.post(t, "bob", "values-save", `{"value":{"account_uuid":"me","setting_id":"d7484394-8321-4c84-9677-741ba71e1f80","collectionValue":{"values":[{"key":"mail","boolValue":true},{"key":"in-app","boolValue":false}]}}}`)
		if code != 201 || !strings.Contains(body, `"values":[{"key":"in-app","boolValue":false},{"key":"mail","boolValue":false}]`) {
			t.Errorf("%d %s", code, body)
		}
		var saved struct{ Value domain.Identified }
		_ = json.Unmarshal([]byte(body), &saved)
		code, body = w.post(t, "bob", "values-save", `{"value":{"id":"`+saved.Value.Value.ID+`","accountUuid":"me","collectionValue":{"values":[{"key":"in-app","boolValue":true}]}}}`)
		if code != 201 || !strings.Contains(body, saved.Value.Value.ID) || !strings.Contains(body, `{"key":"in-app","boolValue":true}`) {
			t.Errorf("again by id: %d %s", code, body)
		}
		if code, _ := w.post(t, "sue", "values-get", `{"id":"`+saved.Value.Value.ID+`"}`); code != 404 {
			t.Errorf("somebody else's: %d", code)
		}
		for _, bad := range []string{
			`"settingId":"` + domain.NoMailID + `","stringValue":"yes"`,
			`"settingId":"` + domain.IntervalID + `","listValue":{"values":[{"stringValue":"hourly"}]}`,
			`"settingId":"` + domain.IntervalID + `","listValue":{"values":[{"stringValue":"daily"},{"stringValue":"never"}]}`,
			`"settingId":"d7484394-8321-4c84-9677-741ba71e1f80","collectionValue":{"values":[{"key":"pigeon","boolValue":true}]}`,
			`"settingId":"d7484394-8321-4c84-9677-741ba71e1f80","collectionValue":{"values":[{"key":"in-app","intValue":1}]}`,
			`"settingId":"` + domain.NoMailID + `","bundleId":"other","boolValue":true`,
		} {
			if code, body := w.post(t, "bob", "values-save", `{"value":{"accountUuid":"me",`+bad+`}}`); code != 400 {
				t.Errorf("%s: %d %s", bad, code, body)
			}
		}
		if code, _ := w.post(t, "bob", "values-save", `{"value":{"accountUuid":"me","settingId":"nonsense","boolValue":true}}`); code != 404 {
			t.Errorf("no such setting: %d", code)
		}
		if err := w.store.DeleteValues(t.Context(), w.id("bob")); err != nil {
			t.Fatal(err)
		}
		if code, _ := w.post(t, "bob", "values-get", `{"id":"`+saved.Value.Value.ID+`"}`); code != 404 {
			t.Errorf("after all were deleted: %d", code)
		}
	})
}

func TestOwnBundles(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		code, body := w.post(t, "ada", "bundle-save", `{"bundle":{"name":"paint","extension":"app","display_name":"Paint","settings":[
			{"id":"width","name":"width","int_value":{"min":"1","max":100,"default":"5"}}]}}`)
		var got struct{ Bundle domain.Bundle }
		if err := json.Unmarshal([]byte(body), &got); code != 201 || err != nil || got.Bundle.ID == "" || got.Bundle.DisplayName != "Paint" {
			t.Fatalf("%d %s", code, body)
		}
		if _, body := w.post(t, "bob", "bundles-list", `{"bundleIds":["`+got.Bundle.ID+`"]}`); !strings.Contains(body, `"intValue":{"default":"5","min":"1","max":"100"}`) || strings.Contains(body, "profile") {
			t.Errorf("%s", body)
		}
		for n, want := range map[string]int{"7": 201, `"7"`: 201, "0": 400, "101": 400, "1.5": 412, `"x"`: 412} {
			if code, body := w.post(t, "bob", "values-save", `{"value":{"accountUuid":"me","settingId":"width","intValue":`+n+`}}`); code != want {
				t.Errorf("%s: %d %s", n, code, body)
			}
		}
	})
}

func TestRolesAndPermissions(t *testing.T) {
	w := open(t, sqlite(t))
	_, body := w.post(t, "bob", "roles-list", `{}`)
	var roles struct{ Bundles []domain.Bundle }
	if err := json.Unmarshal([]byte(body), &roles); err != nil || len(roles.Bundles) != 4 {
		t.Fatalf("%s", body)
	}
	if r := roles.Bundles[0]; r.ID != role.Admin || r.Name != "admin" || r.Type != "TYPE_ROLE" || r.Extension != "opencloud-roles" || r.DisplayName != "Admin" || len(r.Settings) != 32 {
		t.Errorf("%+v", r)
	}
	if want := `{"id":"8e587774-d929-4215-910b-a317b1e80f73","name":"Accounts.ReadWrite","displayName":"Accounts ReadWrite","permissionValue":{"operation":"OPERATION_READWRITE","constraint":"CONSTRAINT_ALL"},"resource":{"type":"TYPE_USER","id":"all"}}`; !strings.Contains(body, want) {
		t.Errorf("no %s", want)
	}
	if strings.Contains(body, role.ServiceAccount) {
		t.Error("the role of service accounts is shown")
	}
	for who, want := range map[string][]string{
		"ada": {"Accounts.ReadWrite.all", "Announcement.ReadWrite.all", "Favorites.List.own", "Favorites.Write.own", "Groups.ReadWrite.all", "Language.ReadWrite.all", "Logo.Write.all",
			"PublicLink.Write.all", "ReadOnlyPublicLinkPassword.Delete.all", "Roles.ReadWrite.all", "Shares.Write.all", "Settings.ReadWrite.all", "Drives.Create.all",
			"Drives.ReadWriteEnabled.all", "Drives.List.all", "Drives.ReadWriteProjectQuota.all"},
		"bob": {"Drives.Create.own", "Self.ReadWrite.own", "PublicLink.Write.all"},
		"lil": {"AutoAcceptShares.ReadWriteDisabled.own", "EmailNotifications.ReadWriteDisabled.own", "EmailSendingInterval.ReadWrite.own", "Language.ReadWrite.own"},
	} {
		_, body := w.post(t, who, "permissions-list", `{"account_uuid":"{`+who+`}"}`)
		var got struct{ Permissions []string }
		_ = json.Unmarshal([]byte(body), &got)
		for _, p := range want {
			if !slices.Contains(got.Permissions, p) {
				t.Errorf("%s lacks %s", who, p)
			}
		}
		if who == "lil" && len(got.Permissions) != len(want) {
			t.Errorf("lil has %v", got.Permissions)
		}
	}
	if _, body := w.post(t, "lil", "bundles-list", `{}`); strings.Contains(body, "event-") || !strings.Contains(body, `"name":"language"`) {
		t.Errorf("what lil sees: %s", body)
	}
}

func TestAssignments(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		list := func(who string) domain.Assignment {
			t.Helper()
			code, body := w.post(t, "ada", "assignments-list", `{"account_uuid":"{`+who+`}"}`)
			var got struct{ Assignments []domain.Assignment }
			if err := json.Unmarshal([]byte(body), &got); code != 201 || err != nil || len(got.Assignments) != 1 || got.Assignments[0].AccountUUID != w.id(who) {
				t.Fatalf("%d %s", code, body)
			}
			return got.Assignments[0]
		}
		if a := list("bob"); a.RoleID != role.User || a.ID == "" {
			t.Errorf("by default: %+v", a)
		}
		code, body := w.post(t, "ada", "assignments-add", `{"account_uuid":"{bob}","role_id":"`+role.SpaceAdmin+`"}`)
		a := list("bob")
		if want := `{"assignment":{"id":"` + a.ID + `","accountUuid":"` + w.id("bob") + `","roleId":"` + role.SpaceAdmin + `"}}`; code != 201 || body != want {
			t.Errorf("%d %s, want %s", code, body, want)
		}
		if u, err := w.dir.User(t.Context(), w.id("bob")); err != nil || !slices.Equal(u.Roles, []string{role.SpaceAdmin}) {
			t.Errorf("%+v, %v", u, err)
		}
		_, body = w.post(t, "ada", "assignments-list-filtered", `{"filters":[{"type":"TYPE_ROLE","term":{"roleId":"`+role.SpaceAdmin+`"}}]}`)
		if !strings.Contains(body, w.id("bob")) || !strings.Contains(body, w.id("sue")) || strings.Contains(body, w.id("ada")) {
			t.Errorf("%s", body)
		}
		if code, body := w.post(t, "ada", "assignments-remove", `{"id":"`+a.ID+`"}`); code != 201 || body != "" {
			t.Errorf("remove: %d %s", code, body)
		}
		if a := list("bob"); a.RoleID != role.User {
			t.Errorf("after it was removed: %+v", a)
		}
		if code, _ := w.post(t, "ada", "assignments-remove", `{"id":"`+list("ada").ID+`"}`); code != 400 {
			t.Errorf("her own: %d", code)
		}
	})
}

func TestAdministrator(t *testing.T) {
	w := open(t, sqlite(t))
	for who, want := range map[string]string{"bob": role.Admin, "sue": role.SpaceAdmin} {
		if err := w.store.Administrator(t.Context(), w.id(who)); err != nil {
			t.Fatal(err)
		}
		if u, err := w.dir.User(t.Context(), w.id(who)); err != nil || !slices.Equal(u.Roles, []string{want}) {
			t.Errorf("%s: %+v, %v", who, u, err)
		}
	}
	if err := w.store.Administrator(t.Context(), "nobody"); err != nil {
		t.Error(err)
	}
}

// away is a directory that does not answer at first.
type away struct {
	*directory.Directory
	left atomic.Int32
}

func (a *away) Account(ctx context.Context, id string) (identity.Account, error) {
	if a.left.Add(-1) >= 0 {
		return identity.Account{}, errors.New("does not answer")
	}
	return a.Directory.Account(ctx, id)
}

// TestAdministratorLater: where the directory does not answer at the start, the first administrator gets the role when it does.
func TestAdministratorLater(t *testing.T) {
	w := open(t, sqlite(t))
	dir := &away{Directory: w.dir}
	dir.left.Store(3)
	s, err := Open(t.Context(), Config{Database: sqlite(t)}, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if parts, err := New(t.Context(), Config{AdminUserID: w.id("bob")}, Deps{Store: s, Log: slog.New(slog.DiscardHandler)}); err != nil || len(parts.Loops) != 1 {
		t.Errorf("%+v, %v", parts.Loops, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.appoint(ctx, w.id("bob"), time.Millisecond) }()
	testkit.Eventually(t, 5*time.Second, "bob is an administrator", func() bool {
		u, err := w.dir.User(t.Context(), w.id("bob"))
		return err == nil && slices.Equal(u.Roles, []string{role.Admin})
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestGRPC(t *testing.T) {
	w := open(t, sqlite(t))
	api := preferences.NewServer(w.store.Settings)
	check := func(who, about, permission string) rpcpb.Code {
		r, err := api.CheckPermission(identity.WithActor(t.Context(), w.actors[who]), &permissionspb.CheckPermissionRequest{Permission: permission,
			SubjectRef: &permissionspb.SubjectReference{Spec: &permissionspb.SubjectReference_UserId{UserId: &usergrouppb.UserId{OpaqueId: about}}}})
		if err != nil {
			return rpcpb.Code_CODE_UNAUTHENTICATED
		}
		return r.GetStatus().GetCode()
	}
	for _, c := range []struct {
		who, about, permission string
		want                   rpcpb.Code
	}{
		{"stranger", w.id("ada"), "Accounts.ReadWrite", rpcpb.Code_CODE_UNAUTHENTICATED},
		{"bob", w.id("ada"), "Accounts.ReadWrite", rpcpb.Code_CODE_NOT_FOUND},
		{"bob", w.id("bob"), "Accounts.ReadWrite", rpcpb.Code_CODE_PERMISSION_DENIED},
		{"bob", w.id("bob"), "Drives.Create", rpcpb.Code_CODE_OK},
		{"bob", w.id("bob"), "Drives.Create.own", rpcpb.Code_CODE_OK},
		{"bob", w.id("bob"), "Drives.Create.all", rpcpb.Code_CODE_PERMISSION_DENIED},
		{"service", w.id("ada"), "Accounts.ReadWrite.all", rpcpb.Code_CODE_OK},
		{"service", w.id("bob"), "Accounts.ReadWrite", rpcpb.Code_CODE_PERMISSION_DENIED},
		{"service", w.id("bob"), "Nonsense", rpcpb.Code_CODE_PERMISSION_DENIED},
		{"service", serviceAccount, "Drives.List", rpcpb.Code_CODE_OK},
		{"service", "nobody", "Drives.Create", rpcpb.Code_CODE_NOT_FOUND},
	} {
		if got := check(c.who, c.about, c.permission); got != c.want {
			t.Errorf("%s asks for %s: %s, want %s", c.who, c.permission, got, c.want)
		}
	}
	for _, c := range []struct{ key, before, set, after string }{
		{"disable-email-notifications", "false", "true", "true"},
		{"email-sending-interval-options", "instant", "weekly", "weekly"},
		{"event-share-created-options", `{"in-app":true,"mail":true}`, `{"mail":false}`, `{"in-app":true,"mail":false}`},
		{"language", "", "fr", "fr"},
	} {
		ctx := identity.WithActor(t.Context(), w.actors["bob"])
		key := &preferencespb.PreferenceKey{Namespace: "profile", Key: c.key}
		before, err := api.GetKey(ctx, &preferencespb.GetKeyRequest{Key: key})
		if err != nil || before.GetVal() != c.before {
			t.Errorf("%s: %v, %v", c.key, before, err)
		}
		if r, err := api.SetKey(ctx, &preferencespb.SetKeyRequest{Key: key, Val: c.set}); err != nil || r.GetStatus().GetCode() != rpcpb.Code_CODE_OK {
			t.Errorf("%s: %v, %v", c.key, r, err)
		}
		if after, err := api.GetKey(ctx, &preferencespb.GetKeyRequest{Key: key}); err != nil || after.GetVal() != c.after {
			t.Errorf("%s: %v, %v", c.key, after, err)
		}
		if _, err := api.SetKey(t.Context(), &preferencespb.SetKeyRequest{Key: key, Val: c.set}); err == nil {
			t.Errorf("%s: a stranger sets it", c.key)
		}
		if _, err := api.GetKey(t.Context(), &preferencespb.GetKeyRequest{Key: key}); err == nil {
			t.Errorf("%s: a stranger reads it", c.key)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{}`, `{"account_uuid":"me"}`, `{"a":[{"b_c":[1,2.5,null]}]}`, `[`, `{"value":{"int_value":"7"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		var v valueRequest
		_ = decode(b, &v)
		var r bundleRequest
		_ = decode(b, &r)
	})
}
