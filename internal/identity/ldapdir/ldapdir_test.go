package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/identity/login"
	"opencloud/internal/identity/profile"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

const suffix = "dc=example,dc=org"

// schema is the file of deploy/ldap.
func schema(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs("../../../deploy/ldap/opencloud.schema")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// start starts a server with folders for people and groups.
func start(t *testing.T, schemas ...string) (uri string, stop func()) {
	t.Helper()
	uri, stop = testkit.Slapd(t, suffix, schemas...)
	add(t, uri, suffix, "objectClass", "dcObject", "objectClass", "organization", "dc", "example", "o", "Example")
	for _, ou := range []string{"people", "groups"} {
		add(t, uri, "ou="+ou+","+suffix, "objectClass", "organizationalUnit", "ou", ou)
	}
	return uri, stop
}

// add adds an entry as somebody else does; empty values are left out.
func add(t *testing.T, uri, dn string, attrs ...string) {
	t.Helper()
	values := map[string][]string{}
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			values[attrs[i]] = append(values[attrs[i]], attrs[i+1])
		}
	}
	r := ldap.NewAddRequest(dn, nil)
	for n, v := range values {
		r.Attribute(n, v)
	}
	exec(t, uri, func(c *ldap.Conn) error { return c.Add(r) })
}

func person(username string) string { return "uid=" + ldap.EscapeDN(username) + ",ou=people," + suffix }

// populate starts a server with the test data.
func populate(t *testing.T, data identitytest.Data) (uri string, stop func()) {
	t.Helper()
	uri, stop = start(t, schema(t))
	dns := map[string]string{}
	for _, a := range data.Accounts {
		dns[a.ID] = person(a.Username)
		add(t, uri, dns[a.ID], "objectClass", "inetOrgPerson", "objectClass", "openCloudObject", "objectClass", "openCloudUser", "uid", a.Username, "cn", a.DisplayName, "sn", a.Surname,
			"givenName", a.GivenName, "displayName", a.DisplayName, "mail", a.Mail, "openCloudUUID", a.ID, "userPassword", a.Password,
			"openCloudUserEnabled", strings.ToUpper(fmt.Sprint(a.Enabled)), "openCloudUserType", string(a.Type))
	}
	for _, g := range data.Groups {
		attrs := []string{"objectClass", "groupOfNames", "objectClass", "openCloudObject", "cn", g.DisplayName, "openCloudUUID", g.ID, "member", "cn=nobody," + suffix} // one must be there
		for _, m := range g.Members {
			attrs = append(attrs, "member", dns[m])
		}
		add(t, uri, "cn="+ldap.EscapeDN(g.DisplayName)+",ou=groups,"+suffix, attrs...)
	}
	return uri, stop
}

// open opens the directory of populate; each changes how.
func open(t *testing.T, uri string, each ...func(*Options)) *Directory {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "p.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.New(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{URI: uri, BindDN: "cn=admin," + suffix, BindPassword: testkit.SlapdPassword, UserBase: "ou=people," + suffix, GroupBase: "ou=groups," + suffix,
		UserClass: "inetOrgPerson", GroupClass: "groupOfNames", UserID: "openCloudUUID", GroupID: "openCloudUUID", UserName: "uid", UserMail: "mail", UserDisplay: "displayName",
		UserType: "openCloudUserType", UserEnabled: "openCloudUserEnabled", GroupName: "cn", GroupMember: "member", Issuer: issuer, Profiles: profiles}
	for _, f := range each {
		f(&o)
	}
	dir, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dir.Close(), d.Close() })
	return dir
}

const issuer = "https://cloud.example"

func writable(o *Options) { o.Write, o.PasswordExop = true, true }

// exec changes the directory as somebody else does.
func exec(t *testing.T, uri string, f func(c *ldap.Conn) error) {
	t.Helper()
	c, err := ldap.DialURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind("cn=admin,"+suffix, testkit.SlapdPassword); err != nil {
		t.Fatal(err)
	}
	if err := f(c); err != nil {
		t.Fatal(err)
	}
}

func ada(enabled bool) identitytest.Account {
	return identitytest.Account{User: identity.User{ID: "1", Username: "ada", DisplayName: "Ada", Surname: "L", Enabled: enabled}, Password: "pw"}
}

// TestContract: an external directory behaves as our own does.
func TestContract(t *testing.T) {
	identitytest.Run(t, func(t *testing.T, data identitytest.Data) identitytest.Backend {
		uri, _ := populate(t, data)
		d := open(t, uri)
		return identitytest.Backend{Users: d, Groups: d, Machine: d, Login: login.New(d)}
	})
	identitytest.Run(t, func(t *testing.T, data identitytest.Data) identitytest.Backend {
		uri, _ := populate(t, data)
		d := open(t, uri, writable, func(o *Options) { o.Mechanism, o.DisabledGroup = "group", "cn=Empty,ou=elsewhere,"+suffix })
		add(t, uri, "ou=elsewhere,"+suffix, "objectClass", "organizationalUnit", "ou", "elsewhere")
		add(t, uri, d.opts.DisabledGroup, "objectClass", "groupOfNames", "cn", "Empty", "member", person("carol_x"))
		return identitytest.Backend{Users: d, Groups: d, Machine: d, Login: login.New(d)}
	})
}

// Roles are ours, whatever the directory says.
func TestRoles(t *testing.T) {
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}})
	d := open(t, uri)
	if a, err := d.ActorBy(t.Context(), "username", "ada"); err != nil || a.User.Roles[0] != role.User || a.MayListAllSpaces {
		t.Errorf("%+v, %v", a, err)
	}
	if err := d.opts.Profiles.SetRoles(t.Context(), "1", []string{role.Admin}); err != nil {
		t.Fatal(err)
	}
	if a, err := d.ActorBy(t.Context(), "username", "ada"); err != nil || a.User.Roles[0] != role.Admin || !a.MayListAllSpaces {
		t.Errorf("a new role is not seen at once: %+v, %v", a, err)
	}
}

// A server that is away deletes nobody, and logs nobody out: the errors say that it is away. When it is back all goes on.
func TestOutage(t *testing.T) {
	uri, stop := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}})
	d := open(t, uri, writable)
	d.OnPurge(func(context.Context, string) error { t.Error("somebody was purged"); return nil })
	if _, err := d.UserBy(t.Context(), "username", "ada"); err != nil {
		t.Fatal(err)
	}
	stop()
	for name, f := range map[string]func() error{
		"known":   func() error { _, err := d.UserBy(t.Context(), "mail", "x@example.org"); return err },
		"search":  func() error { _, err := d.FindUsers(t.Context(), "ada", 10); return err },
		"groups":  func() error { _, err := d.Group(t.Context(), "1"); return err },
		"sign in": func() error { _, _, err := d.Check(t.Context(), "ada", "pw"); return err },
		"list":    func() error { _, err := d.ListAccounts(t.Context(), identity.AccountQuery{}); return err },
		"delete":  func() error { return d.DeleteAccount(t.Context(), "1", true) },
		"create": func() error {
			_, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "x"}}, "")
			return err
		},
	} {
		if err := f(); err == nil || errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrCredentials) || errors.Is(err, identity.ErrReadOnly) || errors.Is(err, identity.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.UserBy(t.Context(), "username", "ada"); err != nil {
		t.Errorf("somebody asked for a moment ago: %v", err)
	}
}

// What people type cannot become a part of a filter.
func TestHostileNames(t *testing.T) {
	uri, _ := populate(t, identitytest.Data{Accounts: []identitytest.Account{ada(true)}})
	d := open(t, uri)
	for _, name := range []string{"*", "ada*", "*)(uid=*", "ada)(|(uid=*", "\x00", `\2a`, "ada\x00", strings.Repeat("a", 10_000)} {
		if _, err := d.UserBy(t.Context(), "username", name); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%.20q: %v", name, err)
		}
		if _, _, err := d.Check(t.Context(), name, "pw"); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("sign in as %.20q: %v", name, err)
		}
	}
	if _, _, err := d.Check(t.Context(), "ada", ""); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("without password: %v", err)
	}
}

// Ids of Active Directory are bytes in an order of their own.
func TestBinaryIDs(t *testing.T) {
	raw := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const id = "00112233-4455-6677-8899-aabbccddeeff"
	e := &ldap.Entry{Attributes: []*ldap.EntryAttribute{{Name: "objectGUID", ByteValues: [][]byte{raw}, Values: []string{string(raw)}}}}
	if got := idOf(e, "objectguid", true); got != id {
		t.Errorf("%s", got)
	}
	if f, ok := idFilter("objectGUID", id, true); !ok || f != `(objectGUID=\33\22\11\00\55\44\77\66\88\99\aa\bb\cc\dd\ee\ff)` {
		t.Errorf("%s", f)
	}
	for _, bad := range []string{"", "x", "00112233-4455-6677-8899-aabbccddeef", "0011223344556677-8899-aabbccddeeff)("} {
		if f, ok := idFilter("objectGUID", bad, true); ok {
			t.Errorf("%q: %s", bad, f)
		}
	}
}
