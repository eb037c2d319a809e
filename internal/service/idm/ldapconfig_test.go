package idm

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"opencloud/internal/platform/config"
)

// load reads a configuration from files and an environment.
func load(t *testing.T, files, env map[string]string) Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := config.Open(dir, "/data", func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	if _, err := s.Load("idm", &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestExternal: what the original sets for its own directory means ours; an address elsewhere means somebody else's.
func TestExternal(t *testing.T) {
	for _, c := range []struct {
		env      map[string]string
		excluded bool
		want     bool
	}{
		{nil, false, false},
		{nil, true, false},
		{map[string]string{"OC_LDAP_URI": "ldaps://localhost:9235", "OC_LDAP_CACERT": "/data/idm/ldap.crt"}, false, false}, // NixOS
		{map[string]string{"OC_LDAP_URI": "ldap://127.0.0.1:9236"}, false, false},
		{map[string]string{"OC_LDAP_URI": "ldap://[::1]:9236"}, false, false},
		{map[string]string{"OC_LDAP_URI": "ldaps://localhost:9235"}, true, true},
		{map[string]string{"OC_LDAP_URI": "ldaps://localhost:9235", "OC_LDAP_USER_BASE_DN": "ou=people,dc=example"}, false, true},
		{map[string]string{"OC_LDAP_URI": "ldaps://localhost:636"}, false, true},
		{map[string]string{"OC_LDAP_URI": "ldaps://ldap.example.org:9235"}, false, true},
		{map[string]string{"GRAPH_LDAP_URI": "ldap://ldap.example.org"}, false, true},
		{map[string]string{"OC_LDAP_URI": "nonsense"}, false, true},
	} {
		if got := load(t, nil, c.env).External(c.excluded); got != c.want {
			t.Errorf("%v, idm excluded %v: %v", c.env, c.excluded, got)
		}
	}
}

// TestPlaces: the settings are read where operators have them: environment of all services or one, sections and files of the
// original's services, our own section; each wins over those before it.
func TestPlaces(t *testing.T) {
	files := map[string]string{"opencloud.yaml": "users:\n  drivers:\n    ldap:\n      uri: ldap://users\n      user_schema:\n        id: entryUUID\n      group_base_dn: ou=u\nidp:\n  ldap:\n    filter: (a=b)\n"}
	c := load(t, files, nil).Client
	if c.URI != "ldap://users" || c.UserID != "entryUUID" || c.GroupBase != "ou=u" || c.LoginFilter != "(a=b)" || c.GroupID != "openCloudUUID" || !c.Write || !c.PasswordExop {
		t.Errorf("sections: %+v", c)
	}
	files["graph.yaml"] = "identity:\n  ldap:\n    uri: ldap://graph\n    write_enabled: false\n"
	if c = load(t, files, nil).Client; c.URI != "ldap://graph" || c.Write || c.UserID != "entryUUID" {
		t.Errorf("a service's file: %+v", c)
	}
	files["idm.yaml"] = "ldap:\n  uri: ldap://idm\n"
	if c = load(t, files, nil).Client; c.URI != "ldap://idm" {
		t.Errorf("our own section: %+v", c)
	}
	if c = load(t, files, map[string]string{"OC_LDAP_URI": "ldap://all", "LDAP_LOGIN_ATTRIBUTES": "uid,mail"}).Client; c.URI != "ldap://all" || len(c.LoginAttributes) != 2 {
		t.Errorf("environment: %+v", c)
	}
	if c = load(t, files, map[string]string{"OC_LDAP_URI": "ldap://all", "GRAPH_LDAP_URI": "ldap://one"}).Client; c.URI != "ldap://one" {
		t.Errorf("environment of one service: %+v", c)
	}
}

// TestEverySettingArrives: no setting of the client is read and then forgotten.
func TestEverySettingArrives(t *testing.T) {
	var c LDAPClient
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"x"}))
		default:
			t.Fatalf("a field of kind %s", f.Kind())
		}
	}
	o := reflect.ValueOf(c.options())
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if f := o.FieldByName(name); !f.IsValid() || f.IsZero() {
			t.Errorf("%s is set and does not arrive", name)
		}
		if !strings.Contains(string(v.Type().Field(i).Tag), `doc:"`) {
			t.Errorf("%s is not documented", name)
		}
	}
}
