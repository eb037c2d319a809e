package authapp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
)

type world struct {
	parts  service.Parts
	store  *Store
	dir    *directory.Directory
	actors map[string]identity.Actor
}

func open(t *testing.T, impersonation bool) world {
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
	w := world{dir: dir, actors: map[string]identity.Actor{"stranger": {}, "service": {Kind: identity.Service}}}
	for name, r := range map[string]string{"ada": role.Admin, "bob": role.User, "sue": role.SpaceAdmin, "lil": role.UserLight} {
		u, err := dir.CreateAccount(ctx, identity.Account{User: identity.User{Username: name, Enabled: true, Roles: []string{r}}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if w.actors[name], err = dir.ActorBy(ctx, "userid", u.ID); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "tokens.db"), Secret: "0123456789abcdef0123", Impersonation: impersonation}
	log := slog.New(slog.DiscardHandler)
	if w.store, err = Open(ctx, cfg, dir, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	if w.parts, err = New(ctx, cfg, Deps{Store: w.store, Users: dir, Log: log}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w world) do(t *testing.T, who, method, path string) (int, []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(identity.WithActor(t.Context(), w.actors[who]), method, path, nil)
	rec := httptest.NewRecorder()
	w.parts.HTTP.ServeHTTP(rec, r)
	return rec.Code, rec.Body.Bytes()
}

func (w world) signIn(ctx context.Context, name, token string) error {
	_, err := w.store.Authenticate(ctx, identity.Login{Name: name, Password: token})
	return err
}

func TestTokens(t *testing.T) {
	w := open(t, false)
	code, body := w.do(t, "bob", "POST", "/auth-app/tokens?expiry=72h&label=My%20laptop")
	var made map[string]string
	if err := json.Unmarshal(body, &made); code != 200 || err != nil || len(made) != 4 || made["label"] != "My laptop" {
		t.Fatalf("%d %s", code, body)
	}
	created, err1 := time.Parse("2006-01-02T15:04:05Z", made["created_date"])
	expires, err2 := time.Parse("2006-01-02T15:04:05Z", made["expiration_date"])
	if err1 != nil || err2 != nil || expires.Sub(created) != 72*time.Hour {
		t.Errorf("%v", made)
	}
	if err := w.signIn(t.Context(), "bob", made["token"]); err != nil {
		t.Fatal(err)
	}
	code, body = w.do(t, "bob", "GET", "/auth-app/tokens")
	var list []map[string]string
	if err := json.Unmarshal(body, &list); code != 200 || err != nil || len(list) != 1 || list[0]["label"] != "My laptop" || strings.Contains(string(body), made["token"]) {
		t.Fatalf("%d %s", code, body)
	}
	id := list[0]["token"]
	for _, who := range []string{"ada", "sue", "lil"} {
		if code, body := w.do(t, who, "GET", "/auth-app/tokens"); code != 200 || string(body) != "[]\n" {
			t.Errorf("%s sees %d %s", who, code, body)
		}
		if code, _ := w.do(t, who, "DELETE", "/auth-app/tokens?token="+id); code != 404 {
			t.Errorf("%s deletes it: %d", who, code)
		}
	}
	if code, body := w.do(t, "bob", "DELETE", "/auth-app/tokens?token="+id); code != 200 || len(body) != 0 {
		t.Errorf("delete: %d %s", code, body)
	}
	if err := w.signIn(t.Context(), "bob", made["token"]); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("revoked: %v", err)
	}
	if _, body := w.do(t, "bob", "POST", "/auth-app/tokens?expiry=1h"); !strings.Contains(string(body), `"label":"Generated via API"`) {
		t.Errorf("default label: %s", body)
	}
}

func TestErrors(t *testing.T) {
	w := open(t, false)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/auth-app/tokens", 400},
		{"POST", "/auth-app/tokens?expiry=", 400},
		{"POST", "/auth-app/tokens?expiry=tomorrow", 400},
		{"POST", "/auth-app/tokens?expiry=72", 400},
		{"POST", "/auth-app/tokens?expiry=-1h", 400},
		{"POST", "/auth-app/tokens?expiry=1h&label=%0A", 400},
		{"POST", "/auth-app/tokens?expiry=1h&label=" + strings.Repeat("x", 256), 400},
		{"POST", "/auth-app/tokens?expiry=1h;x", 400},
		{"DELETE", "/auth-app/tokens", 400},
		{"DELETE", "/auth-app/tokens?token=x", 404},
		{"PUT", "/auth-app/tokens", 405},
		{"GET", "/auth-app", 404},
		{"GET", "/auth-app/tokens/x", 404},
	} {
		if code, body := w.do(t, "bob", c.method, c.path); code != c.want {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, code, body, c.want)
		}
	}
}

func TestStrangersGetNothing(t *testing.T) {
	w := open(t, true)
	for _, who := range []string{"stranger", "service"} {
		for _, m := range []string{"GET", "POST", "DELETE"} {
			if code, _ := w.do(t, who, m, "/auth-app/tokens?expiry=1h&token=x&userName=bob"); code != http.StatusUnauthorized {
				t.Errorf("%s %s: %d", who, m, code)
			}
		}
	}
}

func TestImpersonation(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		w := open(t, allowed)
		for _, who := range []string{"ada", "sue", "bob", "lil"} {
			for _, query := range []string{"&userName=bob", "&userID=" + w.actors["bob"].User.ID} {
				want := 403
				if allowed && who == "ada" {
					want = 200
				}
				if code, body := w.do(t, who, "POST", "/auth-app/tokens?expiry=1h"+query); code != want {
					t.Errorf("allowed %v, %s%s: %d %s", allowed, who, query, code, body)
				}
			}
		}
	}
	w := open(t, true)
	_, body := w.do(t, "ada", "POST", "/auth-app/tokens?expiry=1h&userName=bob")
	var made token
	if err := json.Unmarshal(body, &made); err != nil || made.Label != "Generated via Impersonation API" {
		t.Fatalf("%s", body)
	}
	if err := w.signIn(t.Context(), "bob", made.Token); err != nil {
		t.Error(err)
	}
	for _, query := range []string{"userName=nobody", "userID=nobody", "userName=ada&userID=" + w.actors["bob"].User.ID} {
		if code, _ := w.do(t, "ada", "POST", "/auth-app/tokens?expiry=1h&"+query); code != 404 {
			t.Errorf("%s: %d", query, code)
		}
	}
}

func TestCommandLine(t *testing.T) {
	w := open(t, false)
	cfg := Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "t.db"), Secret: "0123456789abcdef0123"}
	log := slog.New(slog.DiscardHandler)
	token, err := Create(t.Context(), cfg, w.dir, w.dir, log, "bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg, w.dir, log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Authenticate(t.Context(), identity.Login{Name: "bob", Password: token}); err != nil {
		t.Error(err)
	}
	if list, err := s.List(t.Context(), w.actors["bob"].User.ID); err != nil || len(list) != 1 || list[0].Label != "Generated via CLI" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := Create(t.Context(), cfg, w.dir, w.dir, log, "nobody", time.Hour); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
