package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/apptoken"
	"opencloud/internal/identity/directory"
	"opencloud/internal/platform/db"
)

func TestCreateAppToken(t *testing.T) {
	data := t.TempDir()
	const key = "0123456789abcdef0123456789abcdef"
	env := map[string]string{"OC_BASE_DATA_PATH": data, "OC_CONFIG_DIR": t.TempDir(), "OC_MACHINE_AUTH_API_KEY": key,
		"OC_ADMIN_USER_ID": "11111111-0000-4000-8000-000000000001", "IDM_ADMIN_PASSWORD": "From-the-env-1"}
	tool := &tool{lookup: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
	run := func(args ...string) (string, error) {
		c := tool.createAppToken()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs(args)
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run("--user-name", "admin", "--expiration", "1h")
	_, token, ok := strings.Cut(strings.TrimSpace(out), "token: ")
	if err != nil || !ok || !apptoken.Recognise(token) {
		t.Fatalf("%s, %v", out, err)
	}
	for _, args := range [][]string{{}, {"--user-name", "nobody"}, {"--user-name", "admin", "--expiration", "soon"}, {"--user-name", "admin", "--expiration", "-1h"}} {
		if out, err := run(args...); err == nil {
			t.Errorf("%v: %s", args, out)
		}
	}
	open := func(path string) db.DB {
		d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(data, path), db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	dir, err := directory.New(t.Context(), open("idm/idm.db"), directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store, err := apptoken.New(t.Context(), open("auth-app/tokens.db"), dir, apptoken.Options{Secret: []byte(key)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := store.Authenticate(t.Context(), identity.Login{Name: "admin", Password: token})
	if err != nil || a.User.Username != "admin" {
		t.Fatalf("%+v, %v", a, err)
	}
	list, err := store.List(t.Context(), a.User.ID)
	if err != nil || len(list) != 1 || list[0].Label != "Generated via CLI" || list[0].Expires.Sub(list[0].Created) != time.Hour {
		t.Errorf("%+v, %v", list, err)
	}
}
