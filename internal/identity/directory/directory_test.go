package directory

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

func openSQLite(t testing.TB) db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func newDirectory(t testing.TB, d db.DB) *Directory {
	t.Helper()
	dir, err := New(t.Context(), d, Options{Issuer: "https://localhost:9200"})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// on runs a test on every database.
func on(t *testing.T, f func(*testing.T, *Directory)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newDirectory(t, openSQLite(t))) })
	t.Run("postgres", func(t *testing.T) {
		d, err := db.Open(t.Context(), testkit.Postgres(t), db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		f(t, newDirectory(t, d))
	})
}

func TestContract(t *testing.T) {
	on(t, func(t *testing.T, d *Directory) {
		identitytest.Run(t, func(t *testing.T, data identitytest.Data) identitytest.Backend {
			for _, a := range data.Accounts {
				if _, err := d.CreateAccount(t.Context(), identity.Account{User: a.User}, a.Password); err != nil {
					t.Fatal(err)
				}
			}
			for _, g := range data.Groups {
				if _, err := d.CreateGroup(t.Context(), identity.GroupRecord{Group: g.Group}); err != nil {
					t.Fatal(err)
				}
				for _, m := range g.Members {
					if err := d.AddMember(t.Context(), identity.PlainGroup, g.ID, m, identity.MemberOf); err != nil {
						t.Fatal(err)
					}
				}
			}
			return identitytest.Backend{Users: d, Groups: d, Machine: d}
		})
	})
}

func TestAccounts(t *testing.T) {
	on(t, func(t *testing.T, d *Directory) {
		ctx := t.Context()
		u, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "Grace", Mail: "grace@example.org", Enabled: true}}, "cobol")
		if err != nil || u.ID == "" || u.DisplayName != "Grace" || u.Type != identity.Member || u.Issuer != "https://localhost:9200" {
			t.Fatalf("%+v, %v", u, err)
		}
		if _, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "gRACE"}}, ""); !errors.Is(err, identity.ErrExists) {
			t.Errorf("same name: %v", err)
		}
		if _, err := d.CreateAccount(ctx, identity.Account{User: identity.User{ID: u.ID, Username: "other"}}, ""); !errors.Is(err, identity.ErrExists) {
			t.Errorf("same id: %v", err)
		}
		a, _ := d.ActorBy(ctx, "userid", u.ID)
		if !slices.Equal(a.User.Roles, []string{role.User}) {
			t.Errorf("roles: %v", a.User.Roles)
		}
		name, roles := "Rear Admiral Hopper", []string{role.SpaceAdmin}
		if u, err = d.UpdateAccount(ctx, u.ID, identity.AccountChange{DisplayName: &name, Roles: &roles}); err != nil || u.DisplayName != name || u.Mail != "grace@example.org" {
			t.Errorf("%+v, %v", u, err)
		}
		if a, _ = d.ActorBy(ctx, "userid", u.ID); !a.MayListAllSpaces {
			t.Error("a new role has no effect at once")
		}
		if found, _ := d.FindUsers(ctx, "admiral", 5); len(found) != 1 {
			t.Error("not found by the new name")
		}
		bad := "a\nb"
		if _, err := d.UpdateAccount(ctx, u.ID, identity.AccountChange{Username: &bad}); !errors.Is(err, identity.ErrInvalid) {
			t.Errorf("line break in a name: %v", err)
		}
		if _, err := d.UpdateAccount(ctx, "nobody", identity.AccountChange{}); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("update of nobody: %v", err)
		}
		if err := d.DeleteAccount(ctx, u.ID, true); err != nil {
			t.Fatal(err)
		}
		if _, err := d.User(ctx, u.ID); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("after delete: %v", err)
		}
		if err := d.DeleteAccount(ctx, u.ID, true); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("second delete: %v", err)
		}
	})
}

func TestInvalidUsers(t *testing.T) {
	d := newDirectory(t, openSQLite(t))
	for _, u := range []identity.User{
		{Username: ""}, {Username: " x"}, {Username: "a b"}, {Username: "a:b"}, {Username: "a/b"}, {Username: "\xff"}, {Username: "x", Mail: "nonsense"},
		{Username: "x", Mail: "Evil <a@b.c>"}, {Username: "x", Roles: []string{"a,b"}}, {Username: "x", Type: "Robot"}, {Username: "x", DisplayName: "a\x00"},
	} {
		if _, err := d.CreateAccount(t.Context(), identity.Account{User: u}, ""); !errors.Is(err, identity.ErrInvalid) {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

func TestPasswordsAndDisabling(t *testing.T) {
	on(t, func(t *testing.T, d *Directory) {
		ctx := t.Context()
		u, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "old")
		if err != nil {
			t.Fatal(err)
		}
		id, secret, err := d.Check(ctx, "GRACE", "old")
		if err != nil || id != u.ID {
			t.Fatal(id, err)
		}
		if _, current, err := d.Current(ctx, id); err != nil || current != secret {
			t.Fatal(current, secret, err)
		}
		before := d.Generation()
		if err := d.SetPassword(ctx, id, "new"); err != nil {
			t.Fatal(err)
		}
		if d.Generation() == before {
			t.Error("the generation did not grow")
		}
		if _, current, _ := d.Current(ctx, id); current == secret {
			t.Error("the password changed, its version did not")
		}
		if _, _, err := d.Check(ctx, "grace", "old"); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("old password: %v", err)
		}
		if _, _, err := d.Check(ctx, "grace", "new"); err != nil {
			t.Errorf("new password: %v", err)
		}
		if _, err := d.UpdateAccount(ctx, id, identity.AccountChange{Enabled: new(false)}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Current(ctx, id); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("disabled: %v", err)
		}
		for _, pw := range []string{"", string(make([]byte, 2000))} {
			if err := d.SetPassword(ctx, id, pw); !errors.Is(err, identity.ErrInvalid) {
				t.Errorf("password of %d bytes: %v", len(pw), err)
			}
		}
		if err := d.SetPassword(ctx, "nobody", "x"); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("password of nobody: %v", err)
		}
	})
}

func TestUnknownAccountsTakeAsLong(t *testing.T) {
	d := newDirectory(t, openSQLite(t))
	if _, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "pw"); err != nil {
		t.Fatal(err)
	}
	fastest := func(name string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			_, _, _ = d.Check(t.Context(), name, "wrong")
			best = min(best, time.Since(start))
		}
		return best
	}
	known, unknown := fastest("grace"), fastest("nobody")
	if unknown < known/8 || known < unknown/8 { // without a hash it would be a thousandth
		t.Errorf("known %v, unknown %v", known, unknown)
	}
}

func TestGroupChanges(t *testing.T) {
	on(t, func(t *testing.T, d *Directory) {
		ctx := t.Context()
		u, _ := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "")
		g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "Navy"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "NAVY"}}); !errors.Is(err, identity.ErrExists) {
			t.Errorf("same name: %v", err)
		}
		for range 2 {
			if err := d.AddMember(ctx, identity.PlainGroup, g.ID, u.ID, identity.MemberOf); err != nil {
				t.Fatal(err)
			}
		}
		if a, _ := d.ActorBy(ctx, "username", "grace"); !slices.Equal(a.Groups, []string{g.ID}) {
			t.Errorf("groups: %v", a.Groups)
		}
		for _, c := range [][2]string{{g.ID, "nobody"}, {"nowhere", u.ID}} {
			if err := d.AddMember(ctx, identity.PlainGroup, c[0], c[1], identity.MemberOf); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("%v: %v", c, err)
			}
		}
		if err := d.UpdateGroup(ctx, identity.GroupRecord{Group: identity.Group{ID: g.ID, DisplayName: "Fleet"}}); err != nil {
			t.Fatal(err)
		}
		if got, err := d.GroupByName(ctx, "fleet"); err != nil || got.ID != g.ID {
			t.Errorf("%+v, %v", got, err)
		}
		if err := d.RemoveMember(ctx, identity.PlainGroup, g.ID, u.ID, identity.MemberOf); err != nil {
			t.Fatal(err)
		}
		if err := d.RemoveMember(ctx, identity.PlainGroup, g.ID, u.ID, identity.MemberOf); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("second removal: %v", err)
		}
		_ = d.AddMember(ctx, identity.PlainGroup, g.ID, u.ID, identity.MemberOf)
		if err := d.DeleteGroup(ctx, identity.PlainGroup, g.ID); err != nil {
			t.Fatal(err)
		}
		if ids, _ := d.GroupsOf(ctx, u.ID); len(ids) != 0 {
			t.Errorf("groups after the group's end: %v", ids)
		}
	})
}

func TestBootstrap(t *testing.T) {
	on(t, func(t *testing.T, d *Directory) {
		ctx := t.Context()
		if err := d.Bootstrap(ctx, Bootstrap{}); !errors.Is(err, ErrNoAdminPassword) {
			t.Fatalf("no password: %v", err)
		}
		const adminID = "aaaaaaaa-0000-4000-8000-000000000001"
		b := Bootstrap{AdminID: adminID, AdminPassword: "first", DemoUsers: true}
		if err := d.Bootstrap(ctx, b); err != nil {
			t.Fatal(err)
		}
		a, err := d.ActorBy(ctx, "username", "admin")
		if err != nil || a.User.ID != adminID || !slices.Equal(a.User.Roles, []string{role.Admin}) || !a.MayListAllSpaces {
			t.Errorf("admin: %+v, %v", a, err)
		}
		for name, want := range map[string]string{"alan": role.User, "lynn": role.User, "mary": role.User, "margaret": role.SpaceAdmin, "dennis": role.Admin} {
			if a, err := d.ActorBy(ctx, "username", name); err != nil || !slices.Equal(a.User.Roles, []string{want}) || len(a.Groups) < 2 {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
		if _, _, err := d.Check(ctx, "mary", "demo"); err != nil {
			t.Errorf("mary: %v", err)
		}
		if all, _ := d.FindGroups(ctx, "", 100); len(all) != 9 {
			t.Errorf("%d groups", len(all))
		}
		mary, _ := d.UserBy(ctx, "username", "mary")
		_ = d.DeleteAccount(ctx, mary.ID, true)
		_ = d.SetPassword(ctx, adminID, "changed")
		start := time.Now()
		if err := d.Bootstrap(ctx, b); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 15*time.Millisecond {
			t.Errorf("the second start took %v: were passwords hashed?", took)
		}
		if _, err := d.UserBy(ctx, "username", "mary"); !errors.Is(err, identity.ErrNotFound) {
			t.Error("a deleted demo user came back")
		}
		if _, _, err := d.Check(ctx, "admin", "changed"); err != nil {
			t.Errorf("the changed password does not count: %v", err)
		}
	})
}

func TestChangesByOthersAreSeenLater(t *testing.T) {
	file := openSQLite(t)
	a, b := newDirectory(t, file), newDirectory(t, file)
	now := time.Now()
	b.now = func() time.Time { return now }
	u, _ := a.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "")
	if _, err := b.ActorBy(t.Context(), "userid", u.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.UpdateAccount(t.Context(), u.ID, identity.AccountChange{Enabled: new(false)}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(31 * time.Second)
	if _, err := b.ActorBy(t.Context(), "userid", u.ID); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("30 s later still enabled: %v", err)
	}
}

func BenchmarkActorBy(b *testing.B) {
	d := newDirectory(b, openSQLite(b))
	u, _ := d.CreateAccount(context.Background(), identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.ActorBy(context.Background(), "userid", u.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// eachEmpty runs a test with a maker of empty directories, for every database.
func eachEmpty(t *testing.T, f func(t *testing.T, open func(*testing.T) *Directory)) {
	t.Run("sqlite", func(t *testing.T) { f(t, func(t *testing.T) *Directory { return newDirectory(t, openSQLite(t)) }) })
	t.Run("postgres", func(t *testing.T) {
		f(t, func(t *testing.T) *Directory { return newDirectory(t, openPostgres(t)) })
	})
}

func openPostgres(t *testing.T) db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), testkit.Postgres(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestAdministration(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func(*testing.T) *Directory) {
		identitytest.RunAccounts(t, identitytest.Abilities{Bin: true}, func(t *testing.T) identity.Accounts { return open(t) })
		identitytest.RunGroups(t, []identity.GroupKind{identity.PlainGroup, identity.School, identity.Class}, func(t *testing.T) (identity.GroupAdmin, [3]string) {
			d := open(t)
			var ids [3]string
			for i, name := range []string{"ada", "bob", "carol"} {
				a, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: name, Enabled: true}}, "")
				if err != nil {
					t.Fatal(err)
				}
				ids[i] = a.ID
			}
			return d, ids
		})
	})
}

// A directory of the first schema is taken over with its accounts, groups and memberships.
func TestMigration(t *testing.T) {
	for name, open := range map[string]func(*testing.T) db.DB{"sqlite": func(t *testing.T) db.DB { return openSQLite(t) }, "postgres": openPostgres} {
		t.Run(name, func(t *testing.T) {
			d, ctx := open(t), t.Context()
			if err := d.Migrate(ctx, component, schema()[:1]); err != nil {
				t.Fatal(err)
			}
			err := d.Write(ctx, func(tx db.Tx) error {
				for _, sql := range []string{
					`INSERT INTO directory_users VALUES('u1','Ada','ada','Ada L','Ada','L','','','ada','de','Member',1,'','','',1,5,5)`,
					`INSERT INTO directory_groups VALUES('g1','Staff','staff',7,7)`,
					`INSERT INTO directory_members VALUES('g1','u1')`,
				} {
					if _, err := tx.Exec(ctx, sql); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			dir := newDirectory(t, d)
			if a, err := dir.Account(ctx, "u1"); err != nil || a.Username != "Ada" || a.Language != "de" || !a.Deleted.IsZero() {
				t.Errorf("%+v, %v", a, err)
			}
			if m, err := dir.Members(ctx, "g1"); err != nil || !slices.Equal(m, []string{"u1"}) {
				t.Errorf("%v, %v", m, err)
			}
			if g, err := dir.GroupsOf(ctx, "u1"); err != nil || !slices.Equal(g, []string{"g1"}) {
				t.Errorf("%v, %v", g, err)
			}
		})
	}
}

// What another process changes counts within a second: disabled accounts, roles, groups.
func TestChangesOfOtherProcesses(t *testing.T) {
	shared := openSQLite(t)
	here, there := newDirectory(t, shared), newDirectory(t, shared)
	ctx, now := t.Context(), time.Now()
	here.now = func() time.Time { return now }
	a, err := there.CreateAccount(ctx, identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.ActorBy(ctx, "userid", a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := there.UpdateAccount(ctx, a.ID, identity.AccountChange{Enabled: new(bool)}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(lookEvery)
	if _, err := here.ActorBy(ctx, "userid", a.ID); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("a second after another process disabled it the account may still act: %v", err)
	}
}

// New passwords follow the policy; that of the first administrator is what the operator says.
func TestPasswordPolicy(t *testing.T) {
	d, err := New(t.Context(), openSQLite(t), Options{Passwords: password.Policy{Length: 8}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := d.Bootstrap(ctx, Bootstrap{AdminPassword: "short"}); err != nil {
		t.Errorf("bootstrap: %v", err)
	}
	ada := identity.Account{User: identity.User{Username: "ada", Enabled: true}}
	if _, err := d.CreateAccount(ctx, ada, "short"); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("create with a short password: %v", err)
	}
	a, err := d.CreateAccount(ctx, ada, "long enough")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetPassword(ctx, a.ID, "short"); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("set a short password: %v", err)
	}
	if _, _, err := d.Check(ctx, "ada", "long enough"); err != nil {
		t.Errorf("the old password is gone: %v", err)
	}
}

// Where an external provider is the issuer of all accounts, its people are found by the name it gave them.
func TestIdentityAtTheIssuer(t *testing.T) {
	d := newDirectory(t, openSQLite(t))
	const issuer = "https://localhost:9200" // newDirectory's
	a, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "ada", Enabled: true}, Identities: []identity.ExternalIdentity{{Issuer: issuer, Subject: "42"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"42", a.ID} {
		if b, err := d.AccountByIdentity(t.Context(), issuer, subject); err != nil || b.ID != a.ID {
			t.Errorf("%s: %+v, %v", subject, b, err)
		}
	}
}

// Who is in the bin is in no group, and back in it when restored. What is kept elsewhere goes with a purged account; where
// that fails, the purge can be tried again.
func TestBinAndPurge(t *testing.T) {
	d, ctx := newDirectory(t, openSQLite(t)), t.Context()
	a, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "staff"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddMember(ctx, identity.PlainGroup, g.ID, a.ID, identity.MemberOf); err != nil {
		t.Fatal(err)
	}
	members := func(want int) {
		t.Helper()
		if m, err := d.Members(ctx, g.ID); err != nil || len(m) != want {
			t.Errorf("members %v, %v, want %d", m, err, want)
		}
	}
	members(1)
	if err := d.DeleteAccount(ctx, a.ID, false); err != nil {
		t.Fatal(err)
	}
	members(0)
	if err := d.RestoreAccount(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	members(1)
	away := errors.New("away")
	result, purged := away, ""
	d.OnPurge(func(_ context.Context, id string) error { purged = id; return result })
	if err := d.DeleteAccount(ctx, a.ID, true); !errors.Is(err, away) {
		t.Errorf("a purge that cannot remove all: %v", err)
	}
	if _, err := d.Account(ctx, a.ID); err != nil {
		t.Errorf("cannot be tried again: %v", err)
	}
	result = nil
	if err := d.DeleteAccount(ctx, a.ID, true); err != nil || purged != a.ID {
		t.Errorf("%v, %q", err, purged)
	}
	members(0)
}
