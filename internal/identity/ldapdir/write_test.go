package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/identity/profile"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

// TestAdministration: a writable directory is administered as our own is, whichever way it is configured.
func TestAdministration(t *testing.T) {
	for name, how := range map[string]func(*Options){
		"usual":                    func(*Options) {},
		"ids of the server":        func(o *Options) { o.ServerID, o.UserID, o.GroupID = true, "entryUUID", "entryUUID" },
		"no exop, group mechanism": func(o *Options) { o.PasswordExop, o.Mechanism, o.DisabledGroup = false, "group", disabledGroup },
	} {
		t.Run(name, func(t *testing.T) {
			fresh := func(t *testing.T) *Directory {
				uri, _ := populate(t, identitytest.Data{Groups: []identitytest.Group{{Group: identity.Group{ID: "d", DisplayName: "disabled"}}}})
				return open(t, uri, writable, how)
			}
			identitytest.RunAccounts(t, identitytest.Abilities{}, func(t *testing.T) identity.Accounts { return fresh(t) })
			identitytest.RunGroups(t, []identity.GroupKind{identity.PlainGroup}, func(t *testing.T) (identity.GroupAdmin, [3]string) {
				d := fresh(t)
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
}

const disabledGroup = "cn=disabled,ou=groups," + suffix

func create(t *testing.T, d *Directory, username string) identity.Account {
	t.Helper()
	a, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: username, DisplayName: "Name of " + username, Enabled: true}}, "pw of "+username)
	if err != nil {
		t.Fatalf("%s: %v", username, err)
	}
	return a
}

// Nothing in a read-only directory changes; what is kept here does.
func TestReadOnly(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}, Groups: []identitytest.Group{{Group: identity.Group{ID: "g", DisplayName: "staff"}}}})
	for name, d := range map[string]*Directory{
		"configured":  open(t, uri),
		"not allowed": open(t, uri, writable, func(o *Options) { o.BindDN, o.BindPassword = person("ada"), "pw" }),
	} {
		d.OnPurge(func(context.Context, string) error { t.Errorf("%s: somebody was purged", name); return nil })
		other, no, group := "other", false, identity.GroupRecord{Group: identity.Group{ID: "g", DisplayName: "other"}}
		for what, f := range map[string]func() error{
			"create": func() error {
				_, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "x", Enabled: true}}, "pw")
				return err
			},
			"display name": func() error {
				_, err := d.UpdateAccount(ctx, "1", identity.AccountChange{DisplayName: &other})
				return err
			},
			"name": func() error {
				_, err := d.UpdateAccount(ctx, "1", identity.AccountChange{Username: &other})
				return err
			},
			"disable": func() error { _, err := d.UpdateAccount(ctx, "1", identity.AccountChange{Enabled: &no}); return err },
			"delete":  func() error { return d.DeleteAccount(ctx, "1", true) },
			"new group": func() error {
				_, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "x"}})
				return err
			},
			"group":    func() error { return d.UpdateGroup(ctx, group) },
			"no group": func() error { return d.DeleteGroup(ctx, identity.PlainGroup, "g") },
			"member":   func() error { return d.AddMember(ctx, identity.PlainGroup, "g", "1", identity.MemberOf) },
		} {
			if err := f(); !errors.Is(err, identity.ErrReadOnly) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	d := open(t, uri)
	if err := d.SetPassword(ctx, "1", "new"); !errors.Is(err, identity.ErrReadOnly) {
		t.Errorf("password: %v", err)
	}
	if g, err := d.GroupRecord(ctx, identity.PlainGroup, "g"); err != nil || !g.ReadOnly || d.Writable() {
		t.Errorf("%+v, %v", g, err)
	}
	roles, de, same := []string{role.Admin}, "de", "Ada"
	ids := []identity.ExternalIdentity{{Issuer: "https://idp.example", Subject: "42"}}
	a, err := d.UpdateAccount(ctx, "1", identity.AccountChange{Roles: &roles, Language: &de, Identities: &ids, DisplayName: &same})
	if err != nil || !slices.Equal(a.Roles, roles) || a.Language != de {
		t.Errorf("%+v, %v", a, err)
	}
	if b, err := d.AccountByIdentity(ctx, "https://idp.example", "42"); err != nil || b.ID != "1" {
		t.Errorf("%+v, %v", b, err)
	}
	if b, err := d.AccountByIdentity(ctx, issuer, "1"); err != nil || b.ID != "1" {
		t.Errorf("of our own provider: %+v, %v", b, err)
	}
}

// Each way to disable people works; the others mean nothing then.
func TestDisabling(t *testing.T) {
	ctx := t.Context()
	for mechanism, want := range map[string]error{"attribute": nil, "group": nil, "none": identity.ErrInvalid} {
		t.Run(mechanism, func(t *testing.T) {
			off := ada(mechanism == "attribute") // FALSE in the attribute, where that means nothing
			uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{off}, Groups: []identitytest.Group{{Group: identity.Group{ID: "d", DisplayName: "disabled"}}}})
			d := open(t, uri, writable, func(o *Options) { o.Mechanism, o.DisabledGroup = mechanism, disabledGroup })
			if _, err := d.ActorBy(ctx, "userid", "1"); err != nil {
				t.Fatal(err)
			}
			no, yes := false, true
			a, err := d.UpdateAccount(ctx, "1", identity.AccountChange{Enabled: &no})
			if !errors.Is(err, want) {
				t.Fatalf("%+v, %v", a, err)
			}
			if want != nil {
				return
			}
			if _, err := d.ActorBy(ctx, "userid", "1"); !errors.Is(err, identity.ErrCredentials) {
				t.Errorf("disabled: %v", err)
			}
			if all, err := d.ListAccounts(ctx, identity.AccountQuery{Enabled: &no}); err != nil || len(all) != 1 {
				t.Errorf("the disabled: %+v, %v", all, err)
			}
			if a, err = d.UpdateAccount(ctx, "1", identity.AccountChange{Enabled: &yes}); err != nil || !a.Enabled {
				t.Errorf("%+v, %v", a, err)
			}
			groups, err := d.ListGroups(ctx, identity.PlainGroup, "", "", 0)
			if shown := len(groups) == 1; err != nil || shown == (mechanism == "group") {
				t.Errorf("the group of the disabled among the groups: %+v, %v", groups, err)
			}
		})
	}
	if _, err := New(Options{URI: "ldap://x", UserID: "a", UserName: "b", UserBase: "dc=x", Mechanism: "other"}); err == nil {
		t.Error("an unknown way")
	}
}

// Memberships go with people: on to their new name, away with them; a group that must have a member keeps a placeholder.
func TestMemberships(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{})
	d := open(t, uri, writable)
	a := create(t, d, "ada")
	g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "a+b, \"c\""}, Description: "odd"})
	if err != nil || g.Description != "odd" {
		t.Fatalf("%+v, %v", g, err)
	}
	if err := d.AddMember(ctx, identity.PlainGroup, g.ID, a.ID, identity.MemberOf); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"countess", "Countess", "c,ou=groups", "ada"} {
		if _, err := d.UpdateAccount(ctx, a.ID, identity.AccountChange{Username: &name}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m, err := d.Members(ctx, g.ID); err != nil || !slices.Equal(m, []string{a.ID}) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	// Somebody else's group, of which she is the only member.
	add(t, uri, "cn=lonely,ou=groups,"+suffix, "objectClass", "groupOfNames", "objectClass", "openCloudObject", "cn", "lonely", "openCloudUUID", "l", "member", person("ada"))
	if err := d.RemoveMember(ctx, identity.PlainGroup, "l", a.ID, identity.MemberOf); err != nil {
		t.Errorf("the last member: %v", err)
	}
	purged := ""
	broken := errors.New("broken")
	stays := true
	var before []string
	d.OnLeave(func(ctx context.Context, id string) (err error) {
		if stays {
			return broken
		}
		before, err = d.GroupsOf(ctx, id)
		return err
	})
	if err := d.DeleteAccount(ctx, a.ID, false); !errors.Is(err, broken) {
		t.Errorf("what must be done first fails: %v", err)
	}
	if _, err := d.Account(ctx, a.ID); err != nil {
		t.Errorf("the account does not stay: %v", err)
	}
	stays = false
	d.OnPurge(func(context.Context, string) error { return broken })
	d.OnPurge(func(_ context.Context, id string) error { purged = id; return nil })
	if err := d.DeleteAccount(ctx, a.ID, false); !errors.Is(err, broken) || purged != a.ID {
		t.Errorf("%v, purged %q", err, purged)
	}
	if !slices.Contains(before, g.ID) {
		t.Errorf("when he leaves, his groups are %q", before)
	}
	create(t, d, "ada") // of the same name, and nobody's heir
	if m, err := d.Members(ctx, g.ID); err != nil || len(m) != 0 {
		t.Errorf("members: %v, %v", m, err)
	}
}

// With a server that keeps references right, memberships are its business.
func TestReferentialIntegrity(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}, Groups: []identitytest.Group{{Group: identity.Group{ID: "g", DisplayName: "staff"}, Members: []string{"1"}}}})
	d := open(t, uri, writable, func(o *Options) { o.Refint = true })
	if err := d.DeleteAccount(ctx, "1", true); err != nil {
		t.Fatal(err)
	}
	if found, err := d.groupEntries(ctx, equal("member", person("ada")), 1); err != nil || len(found) != 1 {
		t.Errorf("the server of this test does not do so, and we did: %v, %v", found, err)
	}
}

// Groups outside of where ours are made are read-only.
func TestGroupsElsewhere(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}, Groups: []identitytest.Group{{Group: identity.Group{ID: "g", DisplayName: "theirs"}}}})
	base := "ou=cloud,ou=groups," + suffix
	add(t, uri, base, "objectClass", "organizationalUnit", "ou", "cloud")
	d := open(t, uri, writable, func(o *Options) { o.GroupCreateBase = base })
	ours, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "ours"}})
	if err != nil || ours.ReadOnly {
		t.Fatalf("%+v, %v", ours, err)
	}
	if err := d.AddMember(ctx, identity.PlainGroup, ours.ID, "1", identity.MemberOf); err != nil {
		t.Error(err)
	}
	if g, err := d.GroupRecord(ctx, identity.PlainGroup, "g"); err != nil || !g.ReadOnly {
		t.Errorf("%+v, %v", g, err)
	}
	for what, err := range map[string]error{
		"update": d.UpdateGroup(ctx, identity.GroupRecord{Group: identity.Group{ID: "g", DisplayName: "x"}}),
		"delete": d.DeleteGroup(ctx, identity.PlainGroup, "g"),
		"add":    d.AddMember(ctx, identity.PlainGroup, "g", "1", identity.MemberOf),
		"remove": d.RemoveMember(ctx, identity.PlainGroup, "g", "1", identity.MemberOf),
	} {
		if !errors.Is(err, identity.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "THEIRS"}})
	if !errors.Is(err, identity.ErrExists) {
		t.Errorf("the name of a group elsewhere: %v", err)
	}
	for _, kind := range []identity.GroupKind{identity.School, identity.Class} {
		if _, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "x"}, Kind: kind}); !errors.Is(err, identity.ErrReadOnly) {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := d.GroupRecord(ctx, kind, ours.ID); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Whatever a name is made of, it stays one value of one entry below the base.
func TestHostileEntries(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{})
	d := open(t, uri, writable)
	bystander := create(t, d, "ada")
	for _, name := range []string{"a,ou=groups", "a+cn=x", "#a", `a"b`, "a;b", "<a>", "a=b", "*", "a*", "a)(uid=*", "ada)(|(uid=*", "ä\u0301", "a,dc=example,dc=org", "+", ",", "=", "ada,uid=x"} {
		a, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: name, DisplayName: name, Enabled: true}}, "pw")
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if u, err := d.UserBy(ctx, "username", name); err != nil || u.ID != a.ID {
			t.Errorf("%q: %+v, %v", name, u, err)
		}
		if id, _, err := d.Check(ctx, name, "pw"); err != nil || id != a.ID {
			t.Errorf("%q signs in: %q, %v", name, id, err)
		}
		g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: name}})
		if err != nil {
			t.Errorf("group %q: %v", name, err)
			continue
		}
		if err := d.AddMember(ctx, identity.PlainGroup, g.ID, a.ID, identity.MemberOf); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if m, err := d.Members(ctx, g.ID); err != nil || !slices.Equal(m, []string{a.ID}) {
			t.Errorf("members of %q: %v, %v", name, m, err)
		}
		if err := errors.Join(d.DeleteAccount(ctx, a.ID, true), d.DeleteGroup(ctx, identity.PlainGroup, g.ID)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if u, err := d.User(ctx, bystander.ID); err != nil || u.Username != "ada" {
		t.Errorf("the bystander: %+v, %v", u, err)
	}
}

// Half an account is none: what fails on the way leaves nothing behind.
func TestHalfAnAccount(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{})
	d := open(t, uri, writable, func(o *Options) { o.Mechanism, o.DisabledGroup = "group", "cn=none,ou=groups,"+suffix })
	if _, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada"}}, "pw"); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("disabled without the group for it: %v", err)
	}
	d = open(t, uri, writable, func(o *Options) { o.UserFilter = "(mail=*)" })
	if _, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "pw"); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("one that the filter hides: %v", err)
	}
	d = open(t, uri, writable, func(o *Options) { o.Passwords.Length = 8 })
	if _, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "short"); !errors.Is(err, identity.ErrInvalid) {
		t.Errorf("a weak password: %v", err)
	}
	if all, err := open(t, uri).ListAccounts(ctx, identity.AccountQuery{}); err != nil || len(all) != 0 {
		t.Errorf("left behind: %+v, %v", all, err)
	}
}

// A server without our schema takes ordinary people and groups, and makes their ids.
func TestWithoutSchema(t *testing.T) {
	ctx := t.Context()
	uri, _ := start(t)
	d := open(t, uri, writable, func(o *Options) { o.ServerID, o.UserID, o.GroupID = true, "entryUUID", "entryUUID" })
	a := create(t, d, "ada")
	if len(a.ID) != 36 {
		t.Errorf("%+v", a)
	}
	if g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "staff"}}); err != nil || len(g.ID) != 36 {
		t.Errorf("%+v, %v", g, err)
	}
	no, guest := false, identity.Guest
	for what, c := range map[string]identity.AccountChange{"disabled": {Enabled: &no}, "a guest": {Type: &guest}} {
		if _, err := d.UpdateAccount(ctx, a.ID, c); !errors.Is(err, identity.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Entries that others made without our classes are given them when they need them.
func TestClassesAreAdded(t *testing.T) {
	uri, _ := start(t, schema(t))
	add(t, uri, person("ada"), "objectClass", "inetOrgPerson", "uid", "ada", "cn", "Ada", "sn", "L")
	d := open(t, uri, writable, func(o *Options) { o.ServerID, o.UserID = true, "entryUUID" })
	u, err := d.UserBy(t.Context(), "username", "ada")
	if err != nil {
		t.Fatal(err)
	}
	no := false
	if a, err := d.UpdateAccount(t.Context(), u.ID, identity.AccountChange{Enabled: &no}); err != nil || a.Enabled {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestAtOnce: of many who want a name one gets it, and nobody's membership is lost.
func TestAtOnce(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{Groups: []identitytest.Group{{Group: identity.Group{ID: "g", DisplayName: "staff"}}}})
	d := open(t, uri, writable)
	const n = 16
	var people []string
	for i := range n {
		people = append(people, create(t, d, fmt.Sprintf("u%02d", i)).ID)
	}
	slices.Sort(people)
	results := make(chan error, 2*n)
	for _, id := range people {
		go func() {
			_, err := d.CreateAccount(ctx, identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "pw")
			results <- err
		}()
		go func() {
			if err := d.AddMember(ctx, identity.PlainGroup, "g", id, identity.MemberOf); err != nil {
				t.Error(err)
			}
			results <- identity.ErrExists
		}()
	}
	made := 0
	for range 2 * n {
		if err := <-results; err == nil {
			made++
		} else if !errors.Is(err, identity.ErrExists) {
			t.Error(err)
		}
	}
	if u, err := d.UserBy(ctx, "username", "ada"); made != 1 || err != nil || u.Username != "ada" {
		t.Errorf("made %d times, %+v, %v", made, u, err)
	}
	if m, err := d.Members(ctx, "g"); err != nil || !slices.Equal(m, people) {
		t.Errorf("members %v, %v", m, err)
	}
}

// A change is seen at once by another process that shares the database, or within a second.
func TestSeenElsewhere(t *testing.T) {
	ctx := t.Context()
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}})
	file := "sqlite:" + filepath.Join(t.TempDir(), "shared.db")
	here, there := open(t, uri, writable, shared(t, file)), open(t, uri, shared(t, file))
	if _, err := there.User(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	no := false
	if _, err := here.UpdateAccount(ctx, "1", identity.AccountChange{Enabled: &no}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 3*time.Second, "the other process sees it", func() bool {
		_, err := there.ActorBy(ctx, "userid", "1")
		return errors.Is(err, identity.ErrCredentials)
	})
}

// shared keeps profiles in a file that others use too.
func shared(t *testing.T, url string) func(*Options) {
	return func(o *Options) {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if o.Profiles, err = profile.New(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}
