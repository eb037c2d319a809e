package identitytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

// Abilities are what not every directory has.
type Abilities struct{ Bin bool }

// RunAccounts tests a directory that can be written; open returns an empty one.
func RunAccounts(t *testing.T, has Abilities, open func(*testing.T) identity.Accounts) {
	tests := map[string]func(*testing.T, identity.Accounts){"life": testLife, "list": testList, "bin": testBin, "identities": testIdentities, "photo": testPhoto, "rename": testRename}
	if !has.Bin {
		tests["bin"] = testNoBin
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) { f(t, open(t)) })
	}
}

func account(name string) identity.Account {
	return identity.Account{User: identity.User{Username: name, DisplayName: "Name of " + name, GivenName: "Given", Surname: "Sur" + name, Mail: name + "@example.org", Enabled: true}}
}

func mustCreate(t *testing.T, d identity.Accounts, a identity.Account) identity.Account {
	t.Helper()
	out, err := d.CreateAccount(t.Context(), a, "a password of "+a.Username)
	if err != nil {
		t.Fatalf("%s: %v", a.Username, err)
	}
	return out
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func testLife(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	a := mustCreate(t, d, account("grace"))
	if a.ID == "" || a.Type != identity.Member || !a.Enabled || a.Created.IsZero() || !a.LastSignIn.IsZero() || !a.Deleted.IsZero() || a.Surname != "Surgrace" {
		t.Errorf("%+v", a)
	}
	_, err := d.CreateAccount(ctx, account("GRACE"), "x")
	wantErr(t, "the same name", err, identity.ErrExists)
	other := account("other")
	other.ID = a.ID
	_, err = d.CreateAccount(ctx, other, "x")
	wantErr(t, "the same id", err, identity.ErrExists)
	for _, bad := range []string{"", " ", "a\nb", "a:b", "a/b", string(bytes.Repeat([]byte("x"), 300))} {
		b := account("fine")
		b.Username = bad
		_, err = d.CreateAccount(ctx, b, "x")
		wantErr(t, fmt.Sprintf("name %q", bad), err, identity.ErrInvalid)
	}
	name, mail, no, roles := "Rear Admiral", "admiral@example.org", false, []string{role.SpaceAdmin}
	a, err = d.UpdateAccount(ctx, a.ID, identity.AccountChange{DisplayName: &name, Mail: &mail, Enabled: &no, Roles: &roles})
	if err != nil || a.DisplayName != name || a.Mail != mail || a.Enabled || a.Username != "grace" || !slices.Equal(a.Roles, roles) {
		t.Errorf("%+v, %v", a, err)
	}
	if u, err := d.User(ctx, a.ID); err != nil || u.DisplayName != name || u.Enabled {
		t.Errorf("a change is not seen at once: %+v, %v", u, err)
	}
	bad := "no mail"
	_, err = d.UpdateAccount(ctx, a.ID, identity.AccountChange{Mail: &bad})
	wantErr(t, "bad mail", err, identity.ErrInvalid)
	_, err = d.UpdateAccount(ctx, "nobody", identity.AccountChange{})
	wantErr(t, "nobody", err, identity.ErrNotFound)
	wantErr(t, "password of nobody", d.SetPassword(ctx, "nobody", "x"), identity.ErrNotFound)
	if err := d.SetPassword(ctx, a.ID, "another password"); err != nil {
		t.Error(err)
	}
	if err := d.SignedIn(ctx, a.ID); err != nil {
		t.Error(err)
	}
	if a, err = d.Account(ctx, a.ID); err != nil || time.Since(a.LastSignIn) > time.Minute {
		t.Errorf("last seen %v, %v", a.LastSignIn, err)
	}
}

func names(t *testing.T, d identity.Accounts, q identity.AccountQuery) (out []string) {
	t.Helper()
	found, err := d.ListAccounts(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	for _, a := range found {
		out = append(out, a.Username)
	}
	return out
}

func testList(t *testing.T, d identity.Accounts) {
	for i, name := range []string{"ada", "Bob", "carol", "dan%", "eve_1"} {
		a := account(name)
		a.Enabled = name != "Bob"
		a.Mail = fmt.Sprintf("m%d@example.org", i)
		if name == "carol" {
			a.Roles = []string{role.Admin}
		}
		mustCreate(t, d, a)
	}
	yes, no := true, false
	for _, c := range []struct {
		q    identity.AccountQuery
		want []string
	}{
		{identity.AccountQuery{}, []string{"ada", "Bob", "carol", "dan%", "eve_1"}},
		{identity.AccountQuery{Limit: 2}, []string{"ada", "Bob"}},
		{identity.AccountQuery{After: "BOB", Limit: 2}, []string{"carol", "dan%"}},
		{identity.AccountQuery{Text: "SURBOB"}, []string{"Bob"}},
		{identity.AccountQuery{Text: "%"}, []string{"dan%"}},
		{identity.AccountQuery{Text: "m4@"}, []string{"eve_1"}},
		{identity.AccountQuery{Enabled: &no}, []string{"Bob"}},
		{identity.AccountQuery{Enabled: &yes, After: "carol"}, []string{"dan%", "eve_1"}},
		{identity.AccountQuery{Role: role.Admin}, []string{"carol"}},
		{identity.AccountQuery{Role: role.User}, []string{"ada", "Bob", "dan%", "eve_1"}},
		{identity.AccountQuery{Type: identity.Guest}, nil},
		{identity.AccountQuery{Deleted: true}, nil},
		{identity.AccountQuery{Text: "nobody"}, nil},
	} {
		if got := names(t, d, c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.q, got, c.want)
		}
	}
}

func testBin(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	a := mustCreate(t, d, account("ada"))
	if err := d.DeleteAccount(ctx, a.ID, false); err != nil {
		t.Fatal(err)
	}
	_, err := d.User(ctx, a.ID)
	wantErr(t, "deleted, by id", err, identity.ErrNotFound)
	_, err = d.UserBy(ctx, "username", "ada")
	wantErr(t, "deleted, by name", err, identity.ErrNotFound)
	wantErr(t, "password of the deleted", d.SetPassword(ctx, a.ID, "x"), identity.ErrNotFound)
	wantErr(t, "deleted twice", d.DeleteAccount(ctx, a.ID, false), identity.ErrNotFound)
	_, err = d.CreateAccount(ctx, account("ada"), "x")
	wantErr(t, "a name in the bin", err, identity.ErrExists)
	if got := names(t, d, identity.AccountQuery{}); got != nil {
		t.Errorf("listed: %v", got)
	}
	if got := names(t, d, identity.AccountQuery{Deleted: true}); !slices.Equal(got, []string{"ada"}) {
		t.Errorf("in the bin: %v", got)
	}
	if b, err := d.Account(ctx, a.ID); err != nil || b.Deleted.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
	if err := d.RestoreAccount(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if u, err := d.User(ctx, a.ID); err != nil || u.Username != "ada" {
		t.Errorf("restored: %+v, %v", u, err)
	}
	wantErr(t, "restored twice", d.RestoreAccount(ctx, a.ID), identity.ErrNotFound)
	if err := d.DeleteAccount(ctx, a.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteAccount(ctx, a.ID, true); err != nil {
		t.Fatalf("purge from the bin: %v", err)
	}
	_, err = d.Account(ctx, a.ID)
	wantErr(t, "purged", err, identity.ErrNotFound)
	mustCreate(t, d, account("ada"))
}

// testNoBin: where there is no bin, deleting is final, asked for or not.
func testNoBin(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	for _, purge := range []bool{false, true} {
		a := account("ada")
		a.Identities = []identity.ExternalIdentity{{Issuer: "https://idp.example", Subject: "42"}}
		a.Roles = []string{role.Admin}
		a = mustCreate(t, d, a)
		if err := d.DeleteAccount(ctx, a.ID, purge); err != nil {
			t.Fatal(err)
		}
		_, err := d.Account(ctx, a.ID)
		wantErr(t, "deleted", err, identity.ErrNotFound)
		_, err = d.UserBy(ctx, "username", "ada")
		wantErr(t, "deleted, by name", err, identity.ErrNotFound)
		_, err = d.AccountByIdentity(ctx, "https://idp.example", "42")
		wantErr(t, "deleted, by identity", err, identity.ErrNotFound)
		wantErr(t, "restored", d.RestoreAccount(ctx, a.ID), identity.ErrNotFound)
		wantErr(t, "deleted twice", d.DeleteAccount(ctx, a.ID, purge), identity.ErrNotFound)
		if got := names(t, d, identity.AccountQuery{Deleted: true}); got != nil {
			t.Errorf("in the bin: %v", got)
		}
	}
}

// testRename: an account keeps its id under another name, and takes nobody's name away.
func testRename(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	a := mustCreate(t, d, account("ada"))
	mustCreate(t, d, account("bob"))
	for _, to := range []string{"countess", "Countess", "lovelace,ou=x+cn=y#"} {
		b, err := d.UpdateAccount(ctx, a.ID, identity.AccountChange{Username: &to})
		if err != nil || b.ID != a.ID || b.Username != to || b.Surname != "Surada" {
			t.Fatalf("%s: %+v, %v", to, b, err)
		}
		if u, err := d.UserBy(ctx, "username", to); err != nil || u.ID != a.ID {
			t.Errorf("%s: %+v, %v", to, u, err)
		}
		_, err = d.UserBy(ctx, "username", "ada")
		wantErr(t, "the old name", err, identity.ErrNotFound)
	}
	taken := "BOB"
	_, err := d.UpdateAccount(ctx, a.ID, identity.AccountChange{Username: &taken})
	wantErr(t, "somebody's name", err, identity.ErrExists)
}

func testIdentities(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	a := account("ada")
	a.Identities = []identity.ExternalIdentity{{Issuer: "https://idp.example", Subject: "42"}}
	a = mustCreate(t, d, a)
	if !slices.Contains(a.Identities, identity.ExternalIdentity{Issuer: "https://idp.example", Subject: "42"}) {
		t.Errorf("%+v", a.Identities)
	}
	if b, err := d.AccountByIdentity(ctx, "https://idp.example", "42"); err != nil || b.ID != a.ID {
		t.Errorf("%+v, %v", b, err)
	}
	for _, c := range [][2]string{{"https://idp.example", "43"}, {"https://other.example", "42"}, {"", ""}, {"https://idp.example", ""}} {
		_, err := d.AccountByIdentity(ctx, c[0], c[1])
		wantErr(t, fmt.Sprint(c), err, identity.ErrNotFound)
	}
	b := account("bob")
	b.Identities = a.Identities
	_, err := d.CreateAccount(ctx, b, "")
	wantErr(t, "the same identity", err, identity.ErrExists)
	if _, err := d.UserBy(ctx, "username", "bob"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("half an account was made: %v", err)
	}
	none := []identity.ExternalIdentity{}
	if _, err := d.UpdateAccount(ctx, a.ID, identity.AccountChange{Identities: &none}); err != nil {
		t.Fatal(err)
	}
	_, err = d.AccountByIdentity(ctx, "https://idp.example", "42")
	wantErr(t, "an identity taken away", err, identity.ErrNotFound)
}

func testPhoto(t *testing.T, d identity.Accounts) {
	ctx := t.Context()
	a := mustCreate(t, d, account("ada"))
	_, _, err := d.Photo(ctx, a.ID)
	wantErr(t, "no photo", err, identity.ErrNotFound)
	png := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte{0}, 100)...)
	if err := d.SetPhoto(ctx, a.ID, png, "text/html"); err != nil {
		t.Fatal(err)
	}
	if b, media, err := d.Photo(ctx, a.ID); err != nil || media != "image/png" || !bytes.Equal(b, png) {
		t.Errorf("%d bytes of %s, %v", len(b), media, err)
	}
	wantErr(t, "no picture", d.SetPhoto(ctx, a.ID, []byte("<html><script>"), "image/png"), identity.ErrInvalid)
	wantErr(t, "photo of nobody", d.SetPhoto(ctx, "nobody", png, "image/png"), identity.ErrNotFound)
	if err := d.SetPhoto(ctx, a.ID, nil, ""); err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Photo(ctx, a.ID)
	wantErr(t, "photo taken away", err, identity.ErrNotFound)
}

// RunGroups tests the administration of groups; open returns empty ones and the ids of three accounts. kinds are those the
// directory knows.
func RunGroups(t *testing.T, kinds []identity.GroupKind, open func(*testing.T) (identity.GroupAdmin, [3]string)) {
	for _, kind := range kinds {
		t.Run("kind "+string(kind), func(t *testing.T) {
			g, people := open(t)
			testGroupKind(t, g, kind, people)
		})
	}
}

func testGroupKind(t *testing.T, d identity.GroupAdmin, kind identity.GroupKind, people [3]string) {
	ctx := context.WithoutCancel(t.Context())
	g, err := d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "Navy"}, Kind: kind})
	if err != nil || g.ID == "" || g.DisplayName != "Navy" {
		t.Fatalf("%+v, %v", g, err)
	}
	_, err = d.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: "NAVY"}, Kind: kind})
	wantErr(t, "the same name", err, identity.ErrExists)
	_, err = d.CreateGroup(ctx, identity.GroupRecord{Kind: kind})
	wantErr(t, "no name", err, identity.ErrInvalid)
	for range 2 {
		if err := d.AddMember(ctx, kind, g.ID, people[0], identity.MemberOf); err != nil {
			t.Fatal(err)
		}
	}
	wantErr(t, "a member who is not there", d.AddMember(ctx, kind, g.ID, "00000000-0000-4000-8000-00000000dead", identity.MemberOf), identity.ErrNotFound)
	wantErr(t, "a group that is not there", d.AddMember(ctx, kind, "00000000-0000-4000-8000-00000000dead", people[0], identity.MemberOf), identity.ErrNotFound)
	if m, err := d.MembersOf(ctx, kind, g.ID, identity.MemberOf); err != nil || !slices.Equal(m, people[:1]) {
		t.Errorf("members %v, %v", m, err)
	}
	if ids, err := d.Belongs(ctx, kind, people[0], identity.MemberOf); err != nil || !slices.Equal(ids, []string{g.ID}) {
		t.Errorf("belongs to %v, %v", ids, err)
	}
	if kind == identity.Class {
		if err := d.AddMember(ctx, kind, g.ID, people[1], identity.TeacherOf); err != nil {
			t.Error(err)
		}
		if m, err := d.MembersOf(ctx, kind, g.ID, identity.TeacherOf); err != nil || !slices.Equal(m, people[1:2]) {
			t.Errorf("teachers %v, %v", m, err)
		}
	} else {
		wantErr(t, "a teacher", d.AddMember(ctx, kind, g.ID, people[1], identity.TeacherOf), identity.ErrInvalid)
	}
	g.DisplayName = "Fleet"
	if err := d.UpdateGroup(ctx, g); err != nil {
		t.Fatal(err)
	}
	if found, err := d.ListGroups(ctx, kind, "flee", "", 0); err != nil || len(found) != 1 || found[0].ID != g.ID {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := d.ListGroups(ctx, kind, "", "fleet", 0); err != nil || len(found) != 0 {
		t.Errorf("behind the last: %+v, %v", found, err)
	}
	if err := d.RemoveMember(ctx, kind, g.ID, people[0], identity.MemberOf); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "removed twice", d.RemoveMember(ctx, kind, g.ID, people[0], identity.MemberOf), identity.ErrNotFound)
	if err := d.DeleteGroup(ctx, kind, g.ID); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "deleted twice", d.DeleteGroup(ctx, kind, g.ID), identity.ErrNotFound)
	_, err = d.MembersOf(ctx, kind, g.ID, identity.MemberOf)
	wantErr(t, "members of a deleted group", err, identity.ErrNotFound)
}
