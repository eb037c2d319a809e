package settings

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

// readOnly is a directory that is maintained elsewhere, with one account.
type readOnly struct{ language string }

func (r *readOnly) Account(_ context.Context, id string) (identity.Account, error) {
	if id != "ada" {
		return identity.Account{}, identity.ErrNotFound
	}
	return identity.Account{User: identity.User{ID: id, Username: id, Enabled: true, Language: r.language}}, nil
}

func (r *readOnly) ListAccounts(ctx context.Context, _ identity.AccountQuery) ([]identity.Account, error) {
	a, err := r.Account(ctx, "ada")
	return []identity.Account{a}, err
}

func (r *readOnly) UpdateAccount(context.Context, string, identity.AccountChange) (identity.Account, error) {
	return identity.Account{}, identity.ErrReadOnly
}

// on runs a test on every database.
func on(t *testing.T, f func(*testing.T, *Settings)) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "settings.db") },
		"postgres": func(t *testing.T) string { return testkit.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), url(t), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			s, err := New(t.Context(), d, &readOnly{language: "fr"}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			f(t, s)
		})
	}
}

func as(t *testing.T, id, roleID string) context.Context {
	return identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Username: id, Enabled: true, Roles: []string{roleID}}})
}

func TestLanguageOfReadOnlyDirectory(t *testing.T) {
	on(t, func(t *testing.T, s *Settings) {
		ctx := as(t, "ada", role.User)
		current := func() string {
			t.Helper()
			v, err := s.ValueOf(ctx, Me, LanguageID)
			if err != nil || len(v.Value.List.Values) != 1 {
				t.Fatalf("%+v, %v", v, err)
			}
			return *v.Value.List.Values[0].String
		}
		if l := current(); l != "fr" {
			t.Errorf("of the account: %s", l)
		}
		de := "de"
		if _, err := s.Save(ctx, Value{AccountUUID: Me, SettingID: LanguageID, List: &List{Values: []OptionValue{{String: &de}}}}); err != nil {
			t.Fatal(err)
		}
		if l := current(); l != "de" {
			t.Errorf("of one's own: %s", l)
		}
	})
}

func TestStrangers(t *testing.T) {
	on(t, func(t *testing.T, s *Settings) {
		yes := true
		if _, err := s.Save(as(t, "ada", role.User), Value{SettingID: NoMailID, Bool: &yes}); err != nil {
			t.Fatal(err)
		}
		for name, ctx := range map[string]context.Context{"stranger": t.Context(), "admin": as(t, "bob", role.Admin)} {
			if v, err := s.Values(ctx, "ada", ""); !errors.Is(err, ErrForbidden) || v != nil {
				t.Errorf("%s lists: %v, %v", name, v, err)
			}
			if _, err := s.Save(ctx, Value{AccountUUID: "ada", SettingID: NoMailID, Bool: &yes}); !errors.Is(err, ErrForbidden) {
				t.Errorf("%s saves: %v", name, err)
			}
			if _, err := s.Value(ctx, derived("value", "ada", NoMailID)); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s reads: %v", name, err)
			}
			if _, err := s.Permissions(ctx, "ada"); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s asks: %v", name, err)
			}
		}
		svc := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Service})
		if v, err := s.Effective(svc, "ada", NoMailID); err != nil || !*v.Value.Bool {
			t.Errorf("our own services: %+v, %v", v, err)
		}
	})
}

// TestIDs holds the profile against the specification: every setting has a permission, and ids are not used twice.
func TestIDs(t *testing.T) {
	seen := []string{}
	for _, d := range profile().Settings {
		p := permissionFor(d.ID)
		if p == "" || role.ID(p) == "" || settingOf(p) != d.ID || slices.Contains(seen, d.ID) {
			t.Errorf("%s: permission %q", d.Name, p)
		}
		seen = append(seen, d.ID)
	}
	if len(seen) != 13 {
		t.Errorf("%d settings, want 13", len(seen))
	}
}
