package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/platform/testkit"
	"opencloud/test/server"
)

const (
	suffix  = "dc=example,dc=org"
	adminID = "5b6b6b6e-0000-4000-8000-000000000001"
	maryID  = "5b6b6b6e-0000-4000-8000-000000000002"
)

// openLDAP starts somebody's directory with admin, mary, alan and carol (who is disabled), and returns how a server is told
// about it; stop ends it.
func openLDAP(t *testing.T, write bool) (o server.Options, uri string, stop func()) {
	t.Helper()
	uri, stop = testkit.Slapd(t, suffix, filepath.Join(server.Root(t), "deploy", "ldap", "opencloud.schema"))
	c, err := ldap.DialURL(uri)
	must(t, err)
	defer c.Close()
	must(t, c.Bind("cn=admin,"+suffix, testkit.SlapdPassword))
	add := func(dn string, attrs ...string) {
		t.Helper()
		r := ldap.NewAddRequest(dn, nil)
		values := map[string][]string{}
		for i := 0; i < len(attrs); i += 2 {
			values[attrs[i]] = append(values[attrs[i]], attrs[i+1])
		}
		for n, v := range values {
			r.Attribute(n, v)
		}
		must(t, c.Add(r))
	}
	add(suffix, "objectClass", "dcObject", "objectClass", "organization", "dc", "example", "o", "Example")
	add("ou=people,"+suffix, "objectClass", "organizationalUnit", "ou", "people")
	add("ou=groups,"+suffix, "objectClass", "organizationalUnit", "ou", "groups")
	for _, u := range []struct{ id, name, display, password, enabled string }{
		{adminID, "admin", "Admin", server.Password, "TRUE"}, {maryID, "mary", "Mary Kenneth Keller", "demo", "TRUE"},
		{"5b6b6b6e-0000-4000-8000-000000000003", "alan", "Alan Turing", "demo", "TRUE"}, {"5b6b6b6e-0000-4000-8000-000000000004", "carol", "Carol", "demo", "FALSE"}} {
		add("uid="+u.name+",ou=people,"+suffix, "objectClass", "inetOrgPerson", "objectClass", "openCloudObject", "objectClass", "openCloudUser", "uid", u.name, "cn", u.display,
			"sn", u.display, "displayName", u.display, "mail", u.name+"@example.org", "openCloudUUID", u.id, "openCloudUserEnabled", u.enabled, "userPassword", u.password)
	}
	add("cn=sales,ou=groups,"+suffix, "objectClass", "groupOfNames", "objectClass", "openCloudObject", "cn", "sales", "openCloudUUID", "5b6b6b6e-0000-4000-8000-00000000000a",
		"member", "uid=mary,ou=people,"+suffix)
	enabled := "false"
	if write {
		enabled = "true"
	}
	return server.Options{Env: []string{"OC_LDAP_URI=" + uri, "OC_LDAP_BIND_DN=cn=admin," + suffix, "OC_LDAP_BIND_PASSWORD=" + testkit.SlapdPassword,
		"OC_LDAP_USER_BASE_DN=ou=people," + suffix, "OC_LDAP_GROUP_BASE_DN=ou=groups," + suffix, "OC_LDAP_SERVER_WRITE_ENABLED=" + enabled, "OC_ADMIN_USER_ID=" + adminID}}, uri, stop
}

// directories runs a test with an external directory that is read-only and one that is not, in the three wirings.
func directories(t *testing.T, f func(t *testing.T, o server.Options)) {
	for name, write := range map[string]bool{"read-only": false, "writable": true} {
		for wiring, change := range map[string]func(*server.Options){
			"":         func(*server.Options) {},
			", no idm": func(o *server.Options) { o.Env = append(o.Env, "OC_EXCLUDE_RUN_SERVICES=idm") },
			", split":  func(o *server.Options) { o.Split = true },
		} {
			t.Run(name+wiring, func(t *testing.T) {
				o, _, _ := openLDAP(t, write)
				change(&o)
				f(t, o)
			})
		}
	}
}

// TestSignInWithLDAP: people of an external directory sign in as those of our own do.
func TestSignInWithLDAP(t *testing.T) {
	directories(t, func(t *testing.T, o server.Options) {
		s := signIns(t, o)
		if _, err := s.Browser().SignIn(s.Apps()[0], "carol", "demo"); err == nil || !strings.Contains(err.Error(), "204") {
			t.Errorf("somebody disabled: %v", err)
		}
	})
}

// TestAppTokensWithLDAP: their programs log in too.
func TestAppTokensWithLDAP(t *testing.T) {
	for name, write := range map[string]bool{"read-only": false, "writable": true} {
		t.Run(name, func(t *testing.T) {
			o, _, _ := openLDAP(t, write)
			appTokens(t, o)
		})
	}
}

// TestLDAPIsAway: while the directory does not answer nobody is told that their password is wrong, or that they do not exist, in
// either wiring; who was asked for a moment ago works on.
func TestLDAPIsAway(t *testing.T) {
	for name, split := range map[string]bool{"one process": false, "split": true} {
		t.Run(name, func(t *testing.T) {
			o, _, stop := openLDAP(t, true)
			o.Split = split
			s := server.Start(t, o)
			mary := s.As("mary", "demo")
			mary.Want("PUT", "/remote.php/webdav/a.txt", "x", nil, 201)
			stop()
			mary.Want("GET", "/remote.php/webdav/a.txt", "", nil, 200)
			if a := s.As("alan", "demo").Do("GET", "/graph/v1.0/me", ""); a.Status < 500 {
				t.Errorf("a sign-in: %d %s", a.Status, a.Body)
			}
			if a := s.Admin().Do("GET", "/graph/v1.0/users", ""); a.Status < 500 {
				t.Errorf("the list of users: %d %s", a.Status, a.Body)
			}
			if a := s.Admin().Do("DELETE", "/graph/v1.0/users/"+maryID, ""); a.Status < 500 {
				t.Errorf("somebody is deleted: %d %s", a.Status, a.Body)
			}
			mary.Want("GET", "/remote.php/webdav/a.txt", "", nil, 200)
		})
	}
}

// TestReadOnlyLDAP: nothing of people can be changed but what is kept here, and clients are told so.
func TestReadOnlyLDAP(t *testing.T) {
	o, _, _ := openLDAP(t, false)
	s := server.Start(t, o)
	admin, mary := s.Admin(), s.As("mary", "demo")
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/graph/v1.0/users", `{"displayName":"Grace","onPremisesSamAccountName":"grace","passwordProfile":{"password":"a long password"}}`},
		{"PATCH", "/graph/v1.0/users/" + maryID, `{"displayName":"Other"}`},
		{"PATCH", "/graph/v1.0/users/" + maryID, `{"passwordProfile":{"password":"a long password"}}`},
		{"PATCH", "/graph/v1.0/users/" + maryID, `{"accountEnabled":false}`},
		{"DELETE", "/graph/v1.0/users/" + maryID, ""},
		{"POST", "/graph/v1.0/groups", `{"displayName":"new"}`},
		{"DELETE", "/graph/v1.0/groups/5b6b6b6e-0000-4000-8000-00000000000a", ""},
	} {
		if a := admin.Do(c.method, c.path, c.body); a.Status != 403 || !strings.Contains(a.Body, "notAllowed") {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.Status, a.Body)
		}
		if a := mary.Do(c.method, c.path, c.body); a.Status != 403 {
			t.Errorf("%s %s %s by somebody else: %d %s", c.method, c.path, c.body, a.Status, a.Body)
		}
	}
	if a := mary.Do("POST", "/graph/v1.0/me/changePassword", `{"currentPassword":"demo","newPassword":"a long password"}`); a.Status != 403 {
		t.Errorf("one's own password: %d %s", a.Status, a.Body)
	}
	mary.Want("PATCH", "/graph/v1.0/me", `{"preferredLanguage":"de"}`, nil, 200)
	admin.Want("GET", "/graph/v1.0/users/"+maryID, "", nil, 200)
	var caps struct {
		OCS struct {
			Data struct {
				Capabilities struct {
					Graph struct{ Users map[string]any }
				}
			}
		}
	}
	a := mary.Want("GET", "/ocs/v1.php/cloud/capabilities?format=json", "", nil, 200)
	must(t, json.Unmarshal([]byte(a.Body), &caps))
	users := caps.OCS.Data.Capabilities.Graph.Users
	for _, name := range []string{"create_disabled", "delete_disabled", "change_password_self_disabled"} {
		if users[name] != true {
			t.Errorf("%s: %v", name, users[name])
		}
	}
	if list, _ := users["read_only_attributes"].([]any); len(list) == 0 {
		t.Errorf("read_only_attributes: %v", users["read_only_attributes"])
	}
	if out, err := s.Command("auth-app", "create", "--user-name", "mary").CombinedOutput(); err != nil {
		t.Errorf("an app token at the command line: %v\n%s", err, out)
	}
	for _, c := range []struct {
		s       *server.Server
		offered bool
	}{{s, false}, {server.Start(t, server.Options{}), true}} {
		b := c.s.Browser()
		if _, err := b.SignIn(c.s.Apps()[0], "mary", "demo"); err != nil {
			t.Fatal(err)
		}
		resp, err := b.HTTP().Get(c.s.URL + "/signin/v1/account")
		must(t, err)
		page, err := io.ReadAll(resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		if !strings.Contains(string(page), "mary") || strings.Contains(string(page), `name="new"`) != c.offered {
			t.Errorf("the account page should offer to change the password: %v\n%s", c.offered, page)
		}
	}
	cmd := s.Command("idm", "resetpassword", "-u", "mary")
	cmd.Stdin = strings.NewReader("new-password-1\nnew-password-1\n")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "read-only") {
		t.Errorf("resetpassword: %v\n%s", err, out)
	}
	mary.Want("GET", "/graph/v1.0/me", "", nil, 200)
}

// TestWritableLDAP: administrators make, change and remove people and groups in the external directory.
func TestWritableLDAP(t *testing.T) {
	o, uri, _ := openLDAP(t, true)
	o.Env = append(o.Env, "OC_EXCLUDE_RUN_SERVICES=idm")
	s := server.Start(t, o)
	admin := s.Admin()
	a := admin.Want("POST", "/graph/v1.0/users", `{"displayName":"Grace Hopper","onPremisesSamAccountName":"grace","mail":"grace@example.org","passwordProfile":{"password":"a long password"}}`, nil, 201)
	var grace struct{ ID string }
	must(t, json.Unmarshal([]byte(a.Body), &grace))
	if _, err := s.Browser().SignIn(s.Apps()[0], "grace", "a long password"); err != nil {
		t.Fatalf("the new one signs in: %v", err)
	}
	if a := s.As("mary", "demo").Do("POST", "/graph/v1.0/users", `{"displayName":"x","onPremisesSamAccountName":"x"}`); a.Status != 403 {
		t.Errorf("created by somebody without permission: %d", a.Status)
	}
	g := admin.Want("POST", "/graph/v1.0/groups", `{"displayName":"navy"}`, nil, 201)
	var navy struct{ ID string }
	must(t, json.Unmarshal([]byte(g.Body), &navy))
	admin.Want("POST", "/graph/v1.0/groups/"+navy.ID+"/members/$ref", `{"@odata.id":"`+s.URL+`/graph/v1.0/users/`+grace.ID+`"}`, nil, 204)
	if a := s.As("grace", "a long password").Do("GET", "/graph/v1.0/me?$expand=memberOf", ""); !strings.Contains(a.Body, "navy") {
		t.Errorf("groups of the new one: %d %s", a.Status, a.Body)
	}
	s.As("grace", "a long password").Want("POST", "/graph/v1.0/me/changePassword", `{"currentPassword":"a long password","newPassword":"another password"}`, nil, 204)
	if a := s.As("grace", "a long password").Do("GET", "/graph/v1.0/me", ""); a.Status != 401 {
		t.Errorf("the old password: %d", a.Status)
	}
	s.As("grace", "another password").Want("GET", "/graph/v1.0/me", "", nil, 200)
	admin.Want("PATCH", "/graph/v1.0/users/"+grace.ID, `{"accountEnabled":false}`, nil, 200)
	if a := s.As("grace", "another password").Do("GET", "/graph/v1.0/me", ""); a.Status != 401 {
		t.Errorf("somebody disabled: %d", a.Status)
	}
	if _, err := s.Browser().SignIn(s.Apps()[0], "grace", "another password"); err == nil {
		t.Error("somebody disabled signs in")
	}
	admin.Want("DELETE", "/graph/v1.0/users/"+grace.ID, "", nil, 204)
	admin.Want("GET", "/graph/v1.0/users/"+grace.ID, "", nil, 404)
	c, err := ldap.DialURL(uri)
	must(t, err)
	defer c.Close()
	must(t, c.Bind("cn=admin,"+suffix, testkit.SlapdPassword))
	found, err := c.Search(ldap.NewSearchRequest(suffix, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(|(uid=grace)(member=uid=grace,ou=people,"+suffix+"))", nil, nil))
	if err != nil || len(found.Entries) != 0 {
		t.Errorf("left in the directory: %v, %v", found.Entries, err)
	}
	cmd := s.Command("idm", "resetpassword", "-u", "mary")
	cmd.Stdin = strings.NewReader("new-password-1\nnew-password-1\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("resetpassword: %v\n%s", err, out)
	}
	s.As("mary", "new-password-1").Want("GET", "/graph/v1.0/me", "", nil, 200)
}

// TestDirectoryOfAnotherServer: one server's directory is the LDAP listener of another, over TLS.
func TestDirectoryOfAnotherServer(t *testing.T) {
	_, port, err := net.SplitHostPort(testkit.FreeAddr(t))
	must(t, err)
	theirs := server.Start(t, server.Options{Env: []string{"IDM_LDAPS_ADDR=127.0.0.1:" + port, "IDM_REVASVC_PASSWORD=reva-secret"}})
	var me struct{ ID string }
	must(t, json.Unmarshal([]byte(theirs.Admin().Want("GET", "/graph/v1.0/me", "", nil, 200).Body), &me))
	o := server.Options{Env: []string{"OC_LDAP_URI=ldaps://localhost:" + port, "OC_LDAP_CACERT=" + filepath.Join(theirs.Dir, "data", "idm", "ldap.crt"),
		"OC_LDAP_BIND_DN=uid=reva,ou=sysusers,o=libregraph-idm", "OC_LDAP_BIND_PASSWORD=reva-secret", "OC_LDAP_SERVER_WRITE_ENABLED=false", "OC_ADMIN_USER_ID=" + me.ID}}
	s := signIns(t, o)
	a := s.As("mary", "demo").Want("GET", "/graph/v1.0/me?$expand=memberOf", "", nil, 200)
	if !strings.Contains(a.Body, "bible-readers") {
		t.Errorf("groups: %s", a.Body)
	}
}
