package ldapview

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/login"
	"opencloud/internal/platform/db"
)

const service = "secret of reva"

// serve runs a server over a directory with three people and a group, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(t.Context(), d, directory.Options{Issuer: "https://cloud.example"})
	if err != nil {
		t.Fatal(err)
	}
	g, err := dir.CreateGroup(t.Context(), identity.GroupRecord{Group: identity.Group{DisplayName: "Staff, all"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ada", "bob", "o'neil,x"} {
		a, err := dir.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: name, DisplayName: "Name of " + name, Mail: "m@example.org", Enabled: name != "bob"}}, "pw of "+name)
		if err != nil {
			t.Fatal(err)
		}
		if err := dir.AddMember(t.Context(), identity.PlainGroup, g.ID, a.ID, identity.MemberOf); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Directory: dir, Login: login.New(dir), Log: slog.New(slog.DiscardHandler),
		Service: func(name, password string) bool { return name == "reva" && password == service }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		_ = d.Close()
	})
	return l.Addr().String()
}

func dial(t *testing.T, addr string) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL("ldap://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	c.SetTimeout(10 * time.Second)
	return c
}

func find(c *ldap.Conn, base string, scope int, filter string, attrs ...string) ([]string, error) {
	r, err := c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attrs, nil))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range r.Entries {
		out = append(out, e.DN)
	}
	slices.Sort(out)
	return out, nil
}

func TestBind(t *testing.T) {
	addr := serve(t)
	for _, c := range []struct {
		dn, password string
		code         uint16
	}{
		{"uid=reva,ou=sysusers,o=libregraph-idm", service, 0},
		{"UID=reva, OU=sysusers, O=libregraph-idm", service, 0},
		{"uid=reva,ou=sysusers,o=libregraph-idm", "wrong", ldap.LDAPResultInvalidCredentials},
		{"uid=other,ou=sysusers,o=libregraph-idm", service, ldap.LDAPResultInvalidCredentials},
		{"uid=reva,ou=users,o=libregraph-idm", service, ldap.LDAPResultInvalidCredentials},
		{"uid=ada,ou=users,o=libregraph-idm", "pw of ada", 0},
		{"uid=ada,ou=users,o=libregraph-idm", "wrong", ldap.LDAPResultInvalidCredentials},
		{"uid=bob,ou=users,o=libregraph-idm", "pw of bob", ldap.LDAPResultInvalidCredentials}, // disabled
		{`uid=o'neil\,x,ou=users,o=libregraph-idm`, "pw of o'neil,x", 0},
		{"uid=ada,ou=sysusers,o=libregraph-idm", "pw of ada", ldap.LDAPResultInvalidCredentials},
		{"uid=ada,dc=elsewhere", "pw of ada", ldap.LDAPResultInvalidCredentials},
		{"nonsense", "x", ldap.LDAPResultInvalidCredentials},
	} {
		err := dial(t, addr).Bind(c.dn, c.password)
		var e *ldap.Error
		if errors.As(err, &e); c.code == 0 && err != nil || c.code != 0 && (e == nil || e.ResultCode != c.code) {
			t.Errorf("%s: %v, want %d", c.dn, err, c.code)
		}
	}
	if err := dial(t, addr).UnauthenticatedBind("uid=ada,ou=users,o=libregraph-idm"); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Errorf("a bind without password: %v", err)
	}
}

func TestSearch(t *testing.T) {
	c := dial(t, serve(t))
	if err := c.Bind("uid=reva,ou=sysusers,o=libregraph-idm", service); err != nil {
		t.Fatal(err)
	}
	ada, bob, neil, staff := "uid=ada,"+usersDN, "uid=bob,"+usersDN, `uid=o'neil\,x,`+usersDN, `cn=Staff\, all,`+groupsDN
	for _, s := range []struct {
		base   string
		scope  int
		filter string
		want   []string
	}{
		{usersDN, ldap.ScopeWholeSubtree, "(objectClass=inetOrgPerson)", []string{ada, bob, neil}},
		{Base, ldap.ScopeWholeSubtree, "(uid=ADA)", []string{ada}},
		{Base, ldap.ScopeWholeSubtree, "(&(objectclass=inetorgperson)(!(openCloudUserEnabled=FALSE)))", []string{ada, neil}},
		{Base, ldap.ScopeWholeSubtree, "(|(uid=bob)(mail=nobody))", []string{bob}},
		{Base, ldap.ScopeWholeSubtree, "(displayName=name*of*a)", []string{ada}},
		{Base, ldap.ScopeWholeSubtree, "(uid=*x)", []string{neil}},
		{Base, ldap.ScopeWholeSubtree, "(&(uid>=b)(uid<=c))", []string{bob}},
		{Base, ldap.ScopeWholeSubtree, "(member=UID=ada, OU=users, O=libregraph-idm)", []string{staff}},
		{Base, ldap.ScopeWholeSubtree, "(userPassword=*)", nil},
		{Base, ldap.ScopeSingleLevel, "(objectClass=*)", []string{groupsDN, sysDN, usersDN}},
		{ada, ldap.ScopeBaseObject, "(objectClass=*)", []string{ada}},
		{"ou=elsewhere", ldap.ScopeWholeSubtree, "(objectClass=*)", nil},
	} {
		got, err := find(c, s.base, s.scope, s.filter)
		if err != nil || !slices.Equal(got, s.want) {
			t.Errorf("%s %s: %q, %v, want %q", s.base, s.filter, got, err, s.want)
		}
	}
	r, err := c.Search(ldap.NewSearchRequest(Base, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(uid=ada)", []string{"mail", "userPassword"}, nil))
	if err != nil || len(r.Entries) != 1 || len(r.Entries[0].Attributes) != 1 || r.Entries[0].GetAttributeValue("mail") != "m@example.org" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = c.Search(ldap.NewSearchRequest(usersDN, ldap.ScopeWholeSubtree, 0, 2, 0, false, "(uid=*)", nil, nil))
	if !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		t.Errorf("size limit: %v", err)
	}
	if err := c.Del(ldap.NewDelRequest(ada, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Errorf("delete: %v", err)
	}
	if err := c.Modify(ldap.NewModifyRequest(ada, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Errorf("modify: %v", err)
	}
}

// Strangers see nothing, people themselves only.
func TestWhoSeesWhat(t *testing.T) {
	addr := serve(t)
	for name, bind := range map[string]func(*ldap.Conn){
		"nobody":    func(*ldap.Conn) {},
		"anonymous": func(c *ldap.Conn) { _ = c.UnauthenticatedBind("") },
		"failed":    func(c *ldap.Conn) { _ = c.Bind("uid=reva,ou=sysusers,o=libregraph-idm", "wrong") },
		"failed after success": func(c *ldap.Conn) {
			_ = c.Bind("uid=reva,ou=sysusers,o=libregraph-idm", service)
			_ = c.Bind("uid=reva,ou=sysusers,o=libregraph-idm", "wrong")
		},
	} {
		c := dial(t, addr)
		bind(c)
		if got, err := find(c, Base, ldap.ScopeWholeSubtree, "(objectClass=*)"); !ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	c := dial(t, addr)
	if err := c.Bind("uid=ada,ou=users,o=libregraph-idm", "pw of ada"); err != nil {
		t.Fatal(err)
	}
	if got, err := find(c, Base, ldap.ScopeWholeSubtree, "(objectClass=*)"); err != nil || !slices.Equal(got, []string{"uid=ada," + usersDN}) {
		t.Errorf("ada sees %v, %v", got, err)
	}
}

// Hostile messages end the connection, or are refused; the server goes on.
func TestHostile(t *testing.T) {
	addr := serve(t)
	for name, raw := range map[string][]byte{
		"http":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"huge":          {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff},
		"indefinite":    {0x30, 0x80},
		"empty":         {0x30, 0x00},
		"long length":   {0x30, 0x88, 1, 1, 1, 1, 1, 1, 1, 1},
		"nested":        nested(1500),
		"no operation":  {0x30, 0x03, 0x02, 0x01, 0x01},
		"strange types": {0x30, 0x06, 0x04, 0x01, 0x41, 0x60, 0x01, 0x00},
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(raw)
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %d bytes came back, %v", name, n, err)
		}
		_ = c.Close()
	}
	c := dial(t, addr)
	if err := c.Bind("uid=reva,ou=sysusers,o=libregraph-idm", service); err != nil {
		t.Fatalf("after that: %v", err)
	}
	deep := "(uid=x)"
	for range maxFilterDepth {
		deep = "(!" + deep + ")"
	}
	if _, err := find(c, Base, ldap.ScopeWholeSubtree, deep); !ldap.IsErrorWithCode(err, ldap.LDAPResultProtocolError) {
		t.Errorf("a deep filter: %v", err)
	}
}

func nested(depth int) []byte {
	var b []byte
	for range depth {
		b = append([]byte{0x30, 0x82, byte(len(b) >> 8), byte(len(b))}, b...)
		if len(b) > 4000 {
			break
		}
	}
	return b
}

func FuzzMessage(f *testing.F) {
	for _, filter := range []string{"(uid=ada)", "(&(a=b)(!(c=*d*e))(|(f>=g)(h<=i)(j=*)))"} {
		p, err := ldap.CompileFilter(filter)
		if err != nil {
			f.Fatal(err)
		}
		m := ber.NewSequence("")
		m.AppendChild(p)
		f.Add(m.Bytes())
	}
	e := userEntry(identity.Account{User: identity.User{Username: "ada", DisplayName: "Ada", ID: "1"}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := read(bufio.NewReader(bytes.NewReader(raw)), maxMessage)
		if err != nil {
			return
		}
		for _, c := range p.Children {
			if q, err := readFilter(c); err == nil {
				q.matches(&e)
			}
			_, _ = readQuery(c)
		}
	})
}
