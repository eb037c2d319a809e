package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/platform/config"
)

// TestOperatorsFile reads a proxy.yaml as the documentation of the original shows it.
func TestOperatorsFile(t *testing.T) {
	dir := t.TempDir()
	text := `
http: {tls: false, addr: 127.0.0.1:1234}
insecure_backends: true
auth_middleware:
  credentials_by_user_agent: {"Microsoft-WebDAV-MiniRedir": basic}
role_quotas: {d7beeea8-8ff4-406b-8fb6-ab2dd81e6b11: 2000000000}
auto_provision_accounts: true
autoprovision_accounts: true
user_oidc_claim: sub
oidc: {rewrite_well_known: true}
role_assignment:
  driver: oidc
  oidc_role_mapper:
    role_claim: groups
    role_mapping:
      - {role_name: admin, claim_value: chiefs}
      - {role_name: user, claim_value: people}
policy_selector:
  regex:
    default_policy: default
    matches_policies:
      - {priority: 10, property: mail, match: ".*", policy: default}
additional_policies:
  - name: default
    routes:
      - endpoint: /caldav/
        backend: http://radicale:5232
        remote_user_header: X-Remote-User
        skip_x_access_token: true
        additional_headers:
          - X-Script-Name: /caldav
`
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "proxy.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(env map[string]string) (Config, []string, error) {
		var cfg Config
		src, err := config.Open(dir, "/data", func(k string) (string, bool) { v, ok := env[k]; return v, ok })
		if err != nil {
			return cfg, nil, err
		}
		w, err := src.Load("proxy", &cfg)
		return cfg, w, err
	}
	write(text)
	cfg, warnings, err := load(map[string]string{"PROXY_ENABLE_BASIC_AUTH": "false", "OC_URL": "https://x.example.org", "OC_JWT_SECRET": "x"})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	r := cfg.AdditionalPolicies[0].Routes[0]
	if m := cfg.RoleAssignment; !cfg.Provision || !cfg.ProvisionToo || !cfg.OIDC.Rewrite || m.Driver != "oidc" || m.Mapper.Claim != "groups" || len(m.Mapper.Mappings) != 2 ||
		m.Mapper.Mappings[1].Role != "user" || m.Mapper.Mappings[1].Claim != "people" || cfg.ProvisionClaims.DisplayName != "name" || cfg.UserOIDCClaim != "sub" || !cfg.Auth.AllowAppAuth ||
		cfg.OIDC.Issuer != "https://x.example.org" || cfg.PolicySelector.Regex.Matches[0].Priority != 10 {
		t.Errorf("%+v", cfg)
	}
	if cfg.HTTP.TLS || cfg.HTTP.Addr != "127.0.0.1:1234" || !cfg.InsecureBackends || cfg.EnableBasicAuth || cfg.PublicURL != "https://x.example.org" ||
		r.Endpoint != "/caldav/" || !r.SkipXAccessToken || r.AdditionalHeaders[0]["X-Script-Name"] != "/caldav" || cfg.RoleQuotas["d7beeea8-8ff4-406b-8fb6-ab2dd81e6b11"] != 2e9 ||
		cfg.Auth.CredentialsByUserAgent["Microsoft-WebDAV-MiniRedir"] != "basic" || cfg.PolicySelector.Static.Policy != "default" ||
		cfg.HTTP.TLSCert != "/data/proxy/server.crt" || cfg.Transport.MaxIdleConns != 100 {
		t.Errorf("%+v", cfg)
	}
	if _, err := newTables(cfg); err != nil {
		t.Error(err)
	}
	write(strings.Replace(text, "- X-Script-Name: /caldav", "  X-Script-Name: /caldav", 1)) // as keys
	if cfg, _, err = load(map[string]string{"OC_JWT_SECRET": "x"}); err != nil || cfg.AdditionalPolicies[0].Routes[0].AdditionalHeaders[0]["X-Script-Name"] != "/caldav" {
		t.Errorf("%+v, %v", cfg.AdditionalPolicies, err)
	}
}
