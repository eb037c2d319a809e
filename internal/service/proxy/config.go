package proxy

import (
	"time"

	"opencloud/internal/identity/resolve"
	platform "opencloud/internal/platform/config"
)

// Config of the service. (spec/identity.md §5)
type Config struct {
	HTTP  Listener       `yaml:"http" addr:"0.0.0.0:9200"`
	Debug platform.Debug `yaml:"debug" addr:"127.0.0.1:9205"`
	Log   platform.Log   `yaml:"log"`

	JWTSecret string `yaml:"jwt_secret" env:"OC_JWT_SECRET;PROXY_JWT_SECRET" global:"token_manager.jwt_secret" secret:"true" required:"true" doc:"Signs the tokens between services."`

	URLSigningSecret string    `yaml:"url_signing_secret" env:"OC_URL_SIGNING_SECRET;PROXY_URL_SIGNING_SECRET" global:"url_signing_secret" secret:"true" doc:"Signs the addresses of downloads. Empty: signed addresses are not accepted."`
	PresignedURLs    Presigned `yaml:"pre_signed_url"`

	PublicURL       string   `yaml:"public_url" env:"OC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server."`
	EnableBasicAuth bool     `yaml:"enable_basic_auth" env:"PROXY_ENABLE_BASIC_AUTH" default:"false" doc:"Accept the passwords of accounts in every request (HTTP basic authentication), beside app tokens. Second factors are not asked for then."`
	TrustedProxies  []string `yaml:"trusted_proxies" env:"PROXY_TRUSTED_PROXIES" default:"127.0.0.0/8,::1" doc:"Addresses and networks of the proxies before this server whose X-Forwarded-For and X-Forwarded-Proto are believed."`

	Policies           []Policy         `yaml:"policies" doc:"Routes, in place of the built-in ones."`
	AdditionalPolicies []Policy         `yaml:"additional_policies" doc:"Routes beside the built-in ones."`
	PolicySelector     Selector         `yaml:"policy_selector"`
	RoleQuotas         map[string]int64 `yaml:"role_quotas" doc:"Quota in bytes of new personal spaces, by role id."`
	Auth               Auth             `yaml:"auth_middleware"`

	OIDC          OIDC   `yaml:"oidc"`
	UserOIDCClaim string `yaml:"user_oidc_claim" env:"PROXY_USER_OIDC_CLAIM" default:"preferred_username" doc:"Claim of an external provider by which accounts are found. Dots descend; sub with auto-provisioning finds by external identity."`
	UserCS3Claim  string `yaml:"user_cs3_claim" env:"PROXY_USER_CS3_CLAIM" default:"username" doc:"What it is compared with: username, mail or userid."`

	Provision       bool            `yaml:"auto_provision_accounts" env:"PROXY_AUTOPROVISION_ACCOUNTS" default:"false" doc:"Make an account for whoever an external provider sends for the first time."`
	ProvisionToo    bool            `yaml:"autoprovision_accounts" default:"false" doc:"The same, as some guides spell it."`
	ProvisionClaims ProvisionClaims `yaml:"auto_provision_claims"`
	RoleAssignment  RoleAssignment  `yaml:"role_assignment"`

	InsecureBackends bool      `yaml:"insecure_backends" env:"OC_INSECURE;PROXY_INSECURE_BACKENDS" default:"false" doc:"Do not check the certificates of backends."`
	BackendCACert    string    `yaml:"backend_https_cacert" env:"PROXY_HTTPS_CACERT" doc:"File with the certificates that backends are checked against, in place of the system's, and the identity provider beside them."`
	Transport        Transport `yaml:"transport"`

	CSPFiles    string `yaml:"csp_config_file_location" env:"PROXY_CSP_CONFIG_FILE_LOCATION" doc:"Files (comma list, shell patterns) with sources to add to the content security policy."`
	CSPOverride string `yaml:"csp_config_file_override_location" env:"PROXY_CSP_CONFIG_FILE_OVERRIDE_LOCATION" doc:"Files that replace the content security policy."`
}

// Listener is the public listener. (spec/identity.md §5.9)
type Listener struct {
	Addr    string `yaml:"addr" env:"PROXY_HTTP_ADDR" doc:"Address of the public listener."`
	Root    string `yaml:"root" env:"PROXY_HTTP_ROOT" default:"/" doc:"Path below which the server answers."`
	TLS     bool   `yaml:"tls" env:"PROXY_TLS" default:"true" doc:"Serve HTTPS; false behind a proxy that ends TLS."`
	TLSCert string `yaml:"tls_cert" env:"PROXY_TRANSPORT_TLS_CERT" default:"{DATA}/proxy/server.crt" doc:"Certificate file; made when missing."`
	TLSKey  string `yaml:"tls_key" env:"PROXY_TRANSPORT_TLS_KEY" default:"{DATA}/proxy/server.key" doc:"Key file; made when missing."`
}

// Selector chooses the policy of a request.
type Selector struct {
	Static struct {
		Policy string `yaml:"policy" default:"default" doc:"The policy for all requests."`
	} `yaml:"static"`
	Claims struct {
		Default         string `yaml:"default_policy" doc:"Policy of those for whom the provider names none in the claim opencloud.routing.policy. Empty: claims are not looked at."`
		Unauthenticated string `yaml:"unauthenticated_policy" doc:"Policy of strangers."`
		Cookie          string `yaml:"selector_cookie_name" doc:"Cookie that keeps the policy; opencloud-selector."`
	} `yaml:"claims"`
	Regex struct {
		Default         string  `yaml:"default_policy" doc:"Policy of those whom nothing matches. Empty: nothing is matched."`
		Unauthenticated string  `yaml:"unauthenticated_policy" doc:"Policy of strangers."`
		Cookie          string  `yaml:"selector_cookie_name" doc:"Cookie that keeps the policy; opencloud-selector."`
		Matches         []Match `yaml:"matches_policies" doc:"Policies by properties of the account."`
	} `yaml:"regex"`
}

// Match gives a policy to accounts.
type Match struct {
	Priority int    `yaml:"priority" doc:"The lowest that matches counts."`
	Property string `yaml:"property" doc:"mail, username or id."`
	Match    string `yaml:"match" doc:"Regular expression."`
	Policy   string `yaml:"policy" doc:"Name of the policy."`
}

// Presigned are addresses that carry a signature.
type Presigned struct {
	Enabled bool `yaml:"enabled" env:"PROXY_ENABLE_PRESIGNEDURLS" default:"true" doc:"Accept signed addresses."`
}

// Auth is how clients are asked for credentials.
type Auth struct {
	AllowAppAuth           bool              `yaml:"allow_app_auth" env:"PROXY_ENABLE_APP_AUTH" default:"true" doc:"Accept app tokens: passwords that people make for their programs."`
	CredentialsByUserAgent map[string]string `yaml:"credentials_by_user_agent" doc:"Part of a User-Agent to the only kind of credentials to ask it for: basic or bearer."`
}

// Transport is the client side of the proxy.
type Transport struct {
	DialTimeout           time.Duration `yaml:"dial_timeout" env:"PROXY_TRANSPORT_CLIENT_DIAL_TIMEOUT" default:"30s" doc:"Time to connect."`
	DialKeepAlive         time.Duration `yaml:"dial_keep_alive" env:"PROXY_TRANSPORT_CLIENT_DIAL_KEEP_ALIVE" default:"30s" doc:"Interval of keep-alive probes."`
	ForceAttemptHTTP2     bool          `yaml:"force_attempt_http2" env:"PROXY_TRANSPORT_CLIENT_FORCE_ATTEMPT_HTTP2" default:"false" doc:"Try HTTP/2 with backends."`
	MaxIdleConns          int           `yaml:"max_idle_conns" env:"PROXY_TRANSPORT_CLIENT_MAX_IDLE_CONNS" default:"100" doc:"Unused connections to keep."`
	MaxIdleConnsPerHost   int           `yaml:"max_idle_conns_per_host" env:"PROXY_TRANSPORT_CLIENT_MAX_IDLE_CONNS_PER_HOST" default:"100" doc:"Unused connections to keep to one backend."`
	IdleConnTimeout       time.Duration `yaml:"idle_conn_timeout" env:"PROXY_TRANSPORT_CLIENT_IDLE_CONN_TIMEOUT" default:"1m30s" doc:"How long to keep them."`
	TLSHandshakeTimeout   time.Duration `yaml:"tls_handshake_timeout" env:"PROXY_TRANSPORT_CLIENT_TLS_HANDSHAKE_TIMEOUT" default:"10s" doc:"Time for the TLS handshake."`
	ExpectContinueTimeout time.Duration `yaml:"expect_continue_timeout" env:"PROXY_TRANSPORT_CLIENT_EXPECT_CONTINUE_TIMEOUT" default:"1s" doc:"Time to wait for 100 Continue."`
}

// OIDC is the provider whose access tokens are accepted.
type OIDC struct {
	Issuer       string `yaml:"issuer" env:"OC_URL;OC_OIDC_ISSUER;PROXY_OIDC_ISSUER" global:"opencloud_url" default:"https://localhost:9200" doc:"Address of the identity provider, as it stands in its tokens."`
	Insecure     bool   `yaml:"insecure" env:"OC_INSECURE;PROXY_OIDC_INSECURE" default:"false" doc:"Do not check the provider's certificate."`
	Method       string `yaml:"access_token_verify_method" env:"PROXY_OIDC_ACCESS_TOKEN_VERIFY_METHOD" default:"jwt" doc:"jwt: access tokens are signed texts. none: they cannot be read; the provider is asked about each."`
	SkipUserInfo bool   `yaml:"skip_user_info" env:"PROXY_OIDC_SKIP_USER_INFO" default:"false" doc:"What is in the access token is enough: do not ask an external provider for more."`
	ClientID     string `yaml:"introspection_client_id" env:"PROXY_OIDC_INTROSPECTION_CLIENT_ID" doc:"With method none: ask by token introspection, as this client."`
	ClientSecret string `yaml:"introspection_client_secret" env:"PROXY_OIDC_INTROSPECTION_CLIENT_SECRET" secret:"true" doc:"Its secret."`
	Rewrite      bool   `yaml:"rewrite_well_known" env:"PROXY_OIDC_REWRITE_WELLKNOWN" default:"false" doc:"Answer /.well-known/openid-configuration with the external provider's own document."`
	JWKS         struct {
		RefreshInterval int  `yaml:"refresh_interval" env:"PROXY_OIDC_JWKS_REFRESH_INTERVAL" default:"60" doc:"How long the provider's keys are good before they are fetched again, in minutes."`
		RefreshTimeout  int  `yaml:"refresh_timeout" env:"PROXY_OIDC_JWKS_REFRESH_TIMEOUT" default:"10" doc:"How long fetching them may take, in seconds."`
		RefreshLimit    int  `yaml:"refresh_limit" env:"PROXY_OIDC_JWKS_REFRESH_RATE_LIMIT" default:"60" doc:"Time between two looks for a key that is not among them, in seconds."`
		RefreshUnknown  bool `yaml:"refresh_unknown_kid" env:"PROXY_OIDC_JWKS_REFRESH_UNKNOWN_KID" default:"true" doc:"Look for keys that are not among them at all."`
	} `yaml:"jwks"`
	UserInfo struct {
		TTL time.Duration `yaml:"ttl" env:"PROXY_OIDC_USERINFO_CACHE_TTL" default:"10s" doc:"How long what the provider says about a token without end is good."`
	} `yaml:"user_info_cache"`
}

// ProvisionClaims are where the data of new accounts come from.
type ProvisionClaims struct {
	Username    string `yaml:"username" env:"PROXY_AUTOPROVISION_CLAIM_USERNAME" default:"preferred_username" doc:"Claim with the user name."`
	Mail        string `yaml:"email" env:"PROXY_AUTOPROVISION_CLAIM_EMAIL" default:"email" doc:"Claim with the mail address."`
	DisplayName string `yaml:"display_name" env:"PROXY_AUTOPROVISION_CLAIM_DISPLAYNAME" default:"name" doc:"Claim with the name."`
	Groups      string `yaml:"groups" env:"PROXY_AUTOPROVISION_CLAIM_GROUPS" default:"groups" doc:"Claim with the groups; they are made and kept in step."`
}

// RoleAssignment says where people's roles come from.
type RoleAssignment struct {
	Driver string `yaml:"driver" env:"PROXY_ROLE_ASSIGNMENT_DRIVER" default:"default" doc:"default: who has no role is a user. oidc: the provider decides, at every sign-in."`
	Mapper struct {
		Claim    string            `yaml:"role_claim" env:"PROXY_ROLE_ASSIGNMENT_OIDC_CLAIM" default:"roles" doc:"Claim with the roles."`
		Mappings []resolve.Mapping `yaml:"role_mapping" doc:"Pairs of role_name and claim_value; the first that fits counts."`
	} `yaml:"oidc_role_mapper"`
}
