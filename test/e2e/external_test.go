package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/test/server"
)

// TestExternalProvider: one server is the identity provider of another, which has none of its own and makes accounts for
// whoever comes from there.
func TestExternalProvider(t *testing.T) {
	issuer := server.Start(t, server.Options{})
	s := server.Start(t, server.Options{Env: []string{"OC_OIDC_ISSUER=" + issuer.URL, "OC_EXCLUDE_RUN_SERVICES=idp", "IDM_CREATE_DEMO_USERS=false", "PROXY_OIDC_INSECURE=true",
		"PROXY_OIDC_REWRITE_WELLKNOWN=true", "PROXY_AUTOPROVISION_ACCOUNTS=true", "PROXY_USER_OIDC_CLAIM=sub", "PROXY_USER_CS3_CLAIM=username"}})
	tokens, err := issuer.Browser().SignIn(issuer.Apps()[0], "mary", "demo")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a := s.Bearer(tokens.Access, "GET", "/graph/v1.0/me", "")
		var me struct{ ID, DisplayName, OnPremisesSamAccountName, Mail string }
		if err := json.Unmarshal([]byte(a.Body), &me); a.Status != 200 || err != nil || me.OnPremisesSamAccountName != "mary" || me.DisplayName != "Mary Kenneth Keller" || me.Mail != "mary@example.org" {
			t.Fatalf("me: %d %s", a.Status, a.Body)
		}
	}
	if a := s.Bearer(tokens.Access, "PUT", "/remote.php/webdav/here.txt", "x"); a.Status != 201 {
		t.Errorf("a personal space: %d %s", a.Status, a.Body)
	}
	if a := s.As("", "").Do("GET", "/.well-known/openid-configuration", ""); !strings.Contains(a.Body, `"issuer":"`+issuer.URL+`"`) {
		t.Errorf("the provider's description: %d %s", a.Status, a.Body)
	}
	// A token of the other server's own provider is of no use at the issuer's neighbour, and the other way round.
	stranger := server.Start(t, server.Options{})
	other, err := stranger.Browser().SignIn(stranger.Apps()[0], "mary", "demo")
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Bearer(other.Access, "GET", "/graph/v1.0/me", ""); a.Status != 401 {
		t.Errorf("a token of another issuer: %d", a.Status)
	}
	if a := stranger.Bearer(tokens.Access, "GET", "/graph/v1.0/me", ""); a.Status != 401 {
		t.Errorf("a token for the neighbour: %d", a.Status)
	}
}

// TestPackagedConfiguration: what the NixOS module sets is taken as it is: its environment, service files that are links into
// a read-only store, and an init that finds its file there already. (issue 3, 8)
func TestPackagedConfiguration(t *testing.T) {
	dir := t.TempDir()
	config, store := filepath.Join(dir, "config"), filepath.Join(dir, "store")
	for _, d := range []string{config, store, filepath.Join(store, "idp"), filepath.Join(store, "web")} {
		must(t, os.MkdirAll(d, 0o755))
	}
	must(t, os.WriteFile(filepath.Join(store, "proxy.yaml"), []byte("auto_provision_accounts: true\noidc:\n  rewrite_well_known: true\nrole_assignment:\n  driver: oidc\n  oidc_role_mapper:\n    role_claim: opencloud_roles\nenable_basic_auth: true\n"), 0o444))
	must(t, os.WriteFile(filepath.Join(store, "web.yaml"), []byte("web:\n  config:\n    oidc:\n      scope: openid profile email opencloud_roles\n"), 0o444))
	for _, f := range []string{"proxy.yaml", "web.yaml"} {
		must(t, os.Symlink(filepath.Join(store, f), filepath.Join(config, f)))
	}
	s := server.Start(t, server.Options{Dir: dir, Init: []string{"init", "--insecure", "true", "--config-path", config}, Env: []string{"ADMIN_PASSWORD=" + server.Password,
		"WEB_ASSET_CORE_PATH=" + filepath.Join(store, "web"), "IDP_ASSET_PATH=" + filepath.Join(store, "idp"), "OC_INSECURE=true", "PROXY_INSECURE_BACKENDS=true", "PROXY_ENABLE_BASIC_AUTH=",
		"OC_LDAP_URI=ldaps://localhost:9235", "OC_LDAP_CACERT=" + filepath.Join(dir, "data", "idm", "ldap.crt")}}) // that is the embedded directory
	if out, err := s.Command("init", "--insecure", "true", "--config-path", config).CombinedOutput(); err == nil || !strings.Contains(string(out), "opencloud.yaml") {
		t.Errorf("a second init: %v\n%s", err, out)
	}
	if a := s.As("", "").Do("GET", "/config.json", ""); !strings.Contains(a.Body, `"scope":"openid profile email opencloud_roles"`) {
		t.Errorf("config.json: %d %s", a.Status, a.Body)
	}
	tokens, err := s.Browser().SignIn(s.Apps()[0], "admin", server.Password)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Bearer(tokens.Access, "GET", "/graph/v1.0/users", ""); a.Status != 200 {
		t.Errorf("the administrator's list of users: %d %s", a.Status, a.Body)
	}
	if b, err := os.ReadFile(filepath.Join(store, "proxy.yaml")); err != nil || !strings.HasPrefix(string(b), "auto_provision_accounts") {
		t.Errorf("the store was written: %v", err)
	}
}
