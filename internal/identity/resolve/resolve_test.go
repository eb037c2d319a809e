package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

const issuer = "https://idp.example"

// on runs a test on a directory in every database.
func on(t *testing.T, f func(*testing.T, *directory.Directory)) {
	open := func(t *testing.T, dsn string) *directory.Directory {
		d, err := db.Open(t.Context(), dsn, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		dir, err := directory.New(t.Context(), d, directory.Options{Issuer: "https://localhost:9200"})
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("sqlite", func(t *testing.T) { f(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "idm.db"))) })
	t.Run("postgres", func(t *testing.T) { f(t, open(t, testkit.Postgres(t))) })
}

func resolver(t *testing.T, d *directory.Directory, change func(*Options)) *Resolver {
	t.Helper()
	o := Options{UserClaim: "preferred_username", AccountClaim: "username", Machine: d, Accounts: d, Groups: d, UsernameClaim: "preferred_username",
		MailClaim: "email", DisplayNameClaim: "name", GroupClaim: "groups", Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func claims(sub string, more map[string]any) bearer.Claims {
	v := map[string]any{"iss": issuer, "sub": sub, "preferred_username": "ada", "name": "Ada Lovelace", "email": "ada@example.org"}
	for k, val := range more {
		if v[k] = val; val == nil {
			delete(v, k)
		}
	}
	return bearer.Claims{Issuer: issuer, Subject: sub, SessionID: "s1", Values: v, First: true}
}

func add(t *testing.T, d *directory.Directory, name string) identity.Account {
	t.Helper()
	a, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: name, DisplayName: name, Mail: name + "@example.org", Enabled: true}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLookup(t *testing.T) {
	on(t, func(t *testing.T, d *directory.Directory) {
		ada, dora := add(t, d, "ada"), add(t, d, "dora")
		off := false
		if _, err := d.UpdateAccount(t.Context(), dora.ID, identity.AccountChange{Enabled: &off}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			claim, account string
			values         map[string]any
			want           error
		}{
			{"preferred_username", "username", nil, nil},
			{"email", "mail", nil, nil},
			{"ids.uuid", "userid", map[string]any{"ids": map[string]any{"uuid": ada.ID}}, nil},
			{"preferred_username", "username", map[string]any{"preferred_username": "nobody"}, identity.ErrCredentials},
			{"preferred_username", "username", map[string]any{"preferred_username": "dora"}, identity.ErrCredentials},
			{"preferred_username", "username", map[string]any{"preferred_username": nil}, ErrClaim},
			{"preferred_username", "username", map[string]any{"preferred_username": []any{"ada"}}, ErrClaim},
		} {
			r := resolver(t, d, func(o *Options) { o.UserClaim, o.AccountClaim = c.claim, c.account })
			a, err := r.Actor(t.Context(), claims("1", c.values))
			if !errors.Is(err, c.want) || c.want == nil && a.User.ID != ada.ID {
				t.Errorf("%s %v: %+v, %v", c.claim, c.values, a, err)
			}
		}
		acc, err := d.Account(t.Context(), ada.ID)
		if err != nil || acc.LastSignIn.IsZero() {
			t.Errorf("the sign-in is not noted: %+v, %v", acc, err)
		}
	})
}

func TestProvisioning(t *testing.T) {
	on(t, func(t *testing.T, d *directory.Directory) {
		r := resolver(t, d, func(o *Options) { o.Provision, o.UserClaim = true, "sub" })
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() {
				a, err := r.Actor(t.Context(), claims("ext-1", nil))
				if err != nil {
					t.Error(err)
				}
				ids[i] = a.User.ID
			})
		}
		wg.Wait()
		if slices.Sort(ids); ids[0] != ids[7] || ids[0] == "" {
			t.Fatalf("several accounts: %v", ids)
		}
		// Another process at the same time.
		other := resolver(t, d, func(o *Options) { o.Provision, o.UserClaim = true, "sub" })
		if a, err := other.create(t.Context(), claims("ext-1", nil)); err != nil || a.User.ID != ids[0] {
			t.Errorf("%+v, %v", a, err)
		}
		// Somebody else who calls himself the same at the provider.
		if _, err := r.Actor(t.Context(), claims("ext-2", nil)); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("an account was taken over: %v", err)
		}
		if _, err := r.Actor(t.Context(), claims("ext-3", map[string]any{"preferred_username": "bob", "name": nil})); !errors.Is(err, ErrClaim) {
			t.Errorf("no name: %v", err)
		}
		if _, err := r.Actor(t.Context(), claims("ext-4", map[string]any{"preferred_username": "../etc"})); !errors.Is(err, ErrClaim) {
			t.Errorf("a name that cannot be: %v", err)
		}
		a, err := r.Actor(t.Context(), claims("ext-1", map[string]any{"name": "Ada King", "email": "king@example.org"}))
		if err != nil || a.User.DisplayName != "Ada King" || a.User.Mail != "king@example.org" {
			t.Errorf("not kept up to date: %+v, %v", a.User, err)
		}
		if err := d.DeleteAccount(t.Context(), ids[0], false); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Actor(t.Context(), claims("ext-1", nil)); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("who is in the bin comes back: %v", err)
		}
	})
}

func TestGroups(t *testing.T) {
	on(t, func(t *testing.T, d *directory.Directory) {
		r := resolver(t, d, func(o *Options) { o.Provision = true })
		hand, err := d.CreateGroup(t.Context(), identity.GroupRecord{Group: identity.Group{DisplayName: "by hand"}})
		if err != nil {
			t.Fatal(err)
		}
		names := func(groups any) string {
			t.Helper()
			r.synced.Delete(func() string { u, _ := d.UserBy(t.Context(), "username", "ada"); return u.ID }())
			a, err := r.Actor(t.Context(), claims("1", map[string]any{"groups": groups}))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(a.Groups, hand.ID) {
				_ = d.AddMember(t.Context(), identity.PlainGroup, hand.ID, a.User.ID, identity.MemberOf)
			}
			ids, _ := d.GroupsOf(t.Context(), a.User.ID)
			var out []string
			for _, id := range ids {
				g, _ := d.Group(t.Context(), id)
				out = append(out, g.DisplayName)
			}
			slices.Sort(out)
			return fmt.Sprint(out)
		}
		for _, c := range []struct {
			groups any
			want   string
		}{
			{[]any{"physics", "chess"}, "[by hand chess physics]"},
			{nil, "[by hand chess physics]"},
			{[]any{"chess", "music", "bad\nname"}, "[by hand chess music]"},
			{"chess", "[by hand chess]"},
			{[]any{}, "[by hand]"},
		} {
			if got := names(c.groups); got != c.want {
				t.Errorf("%v: %s, want %s", c.groups, got, c.want)
			}
		}
	})
}

func TestRoles(t *testing.T) {
	on(t, func(t *testing.T, d *directory.Directory) {
		ada := add(t, d, "ada")
		r := resolver(t, d, func(o *Options) { o.RoleClaim, o.Mappings = "realm.roles", DefaultMappings() })
		for _, c := range []struct {
			roles any
			want  string
		}{
			{[]any{"other", "opencloudUser", "opencloudAdmin"}, role.Admin}, // the order of the mapping counts
			{"opencloudSpaceAdmin", role.SpaceAdmin},
			{[]any{"opencloudGuest"}, role.UserLight},
			{[]any{"opencloudadmin"}, ""},
			{[]any{}, ""},
			{nil, ""},
		} {
			a, err := r.Actor(t.Context(), claims("1", map[string]any{"realm": map[string]any{"roles": c.roles}}))
			if c.want == "" {
				if !errors.Is(err, ErrNoRole) {
					t.Errorf("%v: %v", c.roles, err)
				}
				continue
			}
			if err != nil || !slices.Equal(a.User.Roles, []string{c.want}) || a.MayListAllSpaces != (role.Allows([]string{c.want}, role.DrivesList) == role.All) {
				t.Errorf("%v: %+v, %v", c.roles, a, err)
			}
			if acc, _ := d.Account(t.Context(), ada.ID); !slices.Equal(acc.Roles, []string{c.want}) {
				t.Errorf("stored: %v", acc.Roles)
			}
		}
	})
	if _, err := New(Options{RoleClaim: "roles", Mappings: []Mapping{{"emperor", "x"}}, Accounts: &directory.Directory{}}); err == nil {
		t.Error("an unknown role was taken")
	}
	if _, err := New(Options{Provision: true}); err == nil {
		t.Error("provisioning without a directory")
	}
}

// away is a directory that does not answer.
type away struct{}

func (away) ActorBy(context.Context, string, string) (identity.Actor, error) {
	return identity.Actor{}, errors.New("database is away")
}

func TestDirectoryAway(t *testing.T) {
	r, err := New(Options{UserClaim: "sub", AccountClaim: "userid", Machine: away{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := r.Actor(ctx, claims("1", nil)); err == nil || errors.Is(err, identity.ErrCredentials) || errors.Is(err, ErrNoRole) {
		t.Errorf("an outage signs people out: %v", err)
	}
}
