package ldapdir

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/identity/login"
	"opencloud/internal/identity/role"
)

// A password that was changed in the directory is the only one half a minute later, however often the old one was used here.
func TestPasswordChangedElsewhere(t *testing.T) {
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}})
	d := open(t, uri)
	at := time.Now()
	d.now = func() time.Time { return at }
	l := login.New(d)
	try := func(pw string) error {
		_, err := l.Authenticate(t.Context(), identity.Login{Name: "ada", Password: pw})
		return err
	}
	if err := try("pw"); err != nil {
		t.Fatal(err)
	}
	exec(t, uri, func(c *ldap.Conn) error {
		r := ldap.NewModifyRequest(person("ada"), nil)
		r.Replace("userPassword", []string{"new"})
		return c.Modify(r)
	})
	at = at.Add(fresh + time.Second)
	if err := try("pw"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if err := try("new"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// Passwords are asked for anew now and then: soon, if the server does not tell of changes.
func TestVersions(t *testing.T) {
	at := time.Unix(1_800_000_000, 0).Truncate(verifyFor)
	d := &Directory{now: func() time.Time { return at }}
	silent, telling := d.version(2), d.version(43)
	at = at.Add(fresh)
	if d.version(2) == silent || d.version(43) != telling || d.version(45) == telling {
		t.Error("after half a minute")
	}
	at = at.Add(verifyFor)
	if d.version(43) == telling {
		t.Error("after ten minutes")
	}
	silentEntry, toldEntry := &ldap.Entry{}, &ldap.Entry{Attributes: []*ldap.EntryAttribute{{Name: "entryCSN", Values: []string{"1"}}}}
	for _, e := range []*ldap.Entry{silentEntry, toldEntry} {
		if mark(e, at) == mark(e, at.Add(1)) {
			t.Error("a password that was changed here")
		}
	}
	if mark(silentEntry, at)&1 != 0 || mark(toldEntry, at)&1 != 1 {
		t.Error("whether the server tells of changes")
	}
}

// Filters of the operator hide people and groups from everything, and some from signing in with a password.
func TestFilters(t *testing.T) {
	bob := identitytest.Account{User: identity.User{ID: "2", Username: "bob", DisplayName: "Bob", Surname: "B", Mail: "bob@example.org", Enabled: true}, Password: "pw"}
	group := func(id, name string) identitytest.Group {
		return identitytest.Group{Group: identity.Group{ID: id, DisplayName: name}, Members: []string{"1", "2"}}
	}
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true), bob}, Groups: []identitytest.Group{group("g", "cloud"), group("h", "secret")}})
	d := open(t, uri, func(o *Options) { o.UserFilter, o.GroupFilter = "(uid=ada)", "(!(cn=secret))" })
	if _, err := d.UserBy(t.Context(), "username", "bob"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("somebody hidden: %v", err)
	}
	if all, err := d.ListAccounts(t.Context(), identity.AccountQuery{}); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, _, err := d.Check(t.Context(), "bob", "pw"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("somebody hidden signs in: %v", err)
	}
	if ids, err := d.Members(t.Context(), "g"); err != nil || !slices.Equal(ids, []string{"1"}) {
		t.Errorf("members: %v, %v", ids, err)
	}
	if g, err := d.GroupsOf(t.Context(), "1"); err != nil || !slices.Equal(g, []string{"g"}) {
		t.Errorf("groups: %v, %v", g, err)
	}
	if _, err := d.Group(t.Context(), "h"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("a hidden group: %v", err)
	}
	d = open(t, uri, func(o *Options) { o.LoginFilter, o.LoginAttributes = "(uid=bob)", []string{"uid", "mail"} })
	if _, _, err := d.Check(t.Context(), "ada", "pw"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("somebody who may not sign in with a password: %v", err)
	}
	if id, _, err := d.Check(t.Context(), "bob@example.org", "pw"); err != nil || id != "2" {
		t.Errorf("by mail: %q, %v", id, err)
	}
	if _, err := d.ActorBy(t.Context(), "username", "ada"); err != nil {
		t.Errorf("in another way: %v", err)
	}
}

// Guests have the role of guests, unless another is assigned; they are found by type.
func TestGuests(t *testing.T) {
	guest := ada(true)
	guest.Type = identity.Guest
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{guest}})
	d := open(t, uri)
	if a, err := d.ActorBy(t.Context(), "userid", "1"); err != nil || a.User.Type != identity.Guest || !slices.Equal(a.User.Roles, []string{role.UserLight}) {
		t.Errorf("%+v, %v", a, err)
	}
	for typ, want := range map[identity.UserType]int{identity.Guest: 1, identity.Member: 0} {
		if all, err := d.ListAccounts(t.Context(), identity.AccountQuery{Type: typ}); err != nil || len(all) != want {
			t.Errorf("%s: %+v, %v", typ, all, err)
		}
	}
}

// TestActiveDirectory reads a directory that looks like Microsoft's: ids are bytes, disabled people a bit that the filter asks for.
func TestActiveDirectory(t *testing.T) {
	ad, err := filepath.Abs("testdata/ad.schema")
	if err != nil {
		t.Fatal(err)
	}
	uri, _ := start(t, ad)
	guid := func(b byte) string { return string([]byte{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, b}) }
	const id = "00010203-0405-0607-0809-0a0b0c0d0e"
	for i, name := range []string{"ada", "bob"} {
		add(t, uri, "cn="+name+",ou=people,"+suffix, "objectClass", "user", "cn", name, "sn", name, "displayName", "Name of "+name, "sAMAccountName", name, "objectGUID", guid(byte(i)),
			"userAccountControl", fmt.Sprint(512+2*i), "userPassword", "pw", "pwdLastSet", "133500000000000000")
	}
	add(t, uri, "cn=staff,ou=groups,"+suffix, "objectClass", "group", "cn", "staff", "objectGUID", guid(99), "member", "cn=ada,ou=people,"+suffix, "member", "cn=bob,ou=people,"+suffix)
	d := open(t, uri, func(o *Options) {
		o.UserClass, o.GroupClass, o.UserID, o.GroupID, o.UserIDBinary, o.GroupIDBinary = "user", "group", "objectGUID", "objectGUID", true, true
		o.UserName, o.Mechanism, o.UserFilter = "sAMAccountName", "none", "(userAccountControl=512)"
	})
	a, err := d.Account(t.Context(), id+"00")
	if err != nil || a.Username != "ada" || a.ID != id+"00" || a.PasswordChanged.Year() != 2024 {
		t.Errorf("%+v, %v", a, err)
	}
	if found, _, err := d.Check(t.Context(), "ADA", "pw"); err != nil || found != id+"00" {
		t.Errorf("sign in: %q, %v", found, err)
	}
	if _, _, err := d.Check(t.Context(), "bob", "pw"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("somebody disabled: %v", err)
	}
	if ids, err := d.Members(t.Context(), id+"63"); err != nil || !slices.Equal(ids, []string{id + "00"}) {
		t.Errorf("members: %v, %v", ids, err)
	}
	if g, err := d.GroupsOf(t.Context(), id+"00"); err != nil || !slices.Equal(g, []string{id + "63"}) {
		t.Errorf("groups: %v, %v", g, err)
	}
}

// TestUnixGroups: groups may list user names (RFC 2307).
func TestUnixGroups(t *testing.T) {
	uri, _ := start(t, schema(t), "/etc/ldap/schema/nis.schema")
	for _, name := range []string{"ada", "bob"} {
		add(t, uri, person(name), "objectClass", "inetOrgPerson", "objectClass", "openCloudObject", "uid", name, "cn", name, "sn", name, "openCloudUUID", "id-"+name)
	}
	add(t, uri, "cn=staff,ou=groups,"+suffix, "objectClass", "posixGroup", "objectClass", "openCloudObject", "cn", "staff", "gidNumber", "7", "openCloudUUID", "g", "memberUid", "ada")
	d := open(t, uri, writable, func(o *Options) { o.GroupClass, o.GroupMember = "posixGroup", "memberUid" })
	if err := d.AddMember(t.Context(), identity.PlainGroup, "g", "id-bob", identity.MemberOf); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.Members(t.Context(), "g"); err != nil || !slices.Equal(ids, []string{"id-ada", "id-bob"}) {
		t.Errorf("members: %v, %v", ids, err)
	}
	if g, err := d.GroupsOf(t.Context(), "id-bob"); err != nil || !slices.Equal(g, []string{"g"}) {
		t.Errorf("groups: %v, %v", g, err)
	}
	name := "robert"
	if _, err := d.UpdateAccount(t.Context(), "id-bob", identity.AccountChange{Username: &name}); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteAccount(t.Context(), "id-ada", true); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.Members(t.Context(), "g"); err != nil || !slices.Equal(ids, []string{"id-bob"}) {
		t.Errorf("members after a change of name and a deletion: %v, %v", ids, err)
	}
}

// TestManyMembers: large groups are read in one go, with the same result.
func TestManyMembers(t *testing.T) {
	var data identitytest.Data
	var want []string
	for i := range 2 * fewMembers {
		id := fmt.Sprintf("id-%03d", i)
		data.Accounts = append(data.Accounts, identitytest.Account{User: identity.User{ID: id, Username: fmt.Sprintf("U, %d", i), DisplayName: "U", Surname: "U", Enabled: true}})
		want = append(want, id)
	}
	data.Groups = []identitytest.Group{{Group: identity.Group{ID: "g", DisplayName: "all"}, Members: want}}
	uri, _ := populate(t, data)
	d := open(t, uri)
	if ids, err := d.Members(t.Context(), "g"); err != nil || !slices.Equal(ids, want) {
		t.Errorf("%v, %v", ids, err)
	}
	if all, err := d.ListAccounts(t.Context(), identity.AccountQuery{Group: "g", Limit: 30}); err != nil || len(all) != 30 {
		t.Errorf("%d, %v", len(all), err)
	}
}
