package idm

import "opencloud/internal/platform/config"

// Config of the service. (spec/identity.md §7)
type Config struct {
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9239"`
	Log   config.Log   `yaml:"log"`

	Database    string `yaml:"database" env:"OC_DATABASE_URL;IDM_DATABASE_URL" default:"sqlite:{DATA}/idm/idm.db" secret:"true" doc:"The directory of users and groups: sqlite:<file> or postgres://…"`
	AdminUserID string `yaml:"admin_user_id" env:"OC_ADMIN_USER_ID;IDM_ADMIN_USER_ID" global:"admin_user_id" doc:"Id of the first administrator."`
	DemoUsers   bool   `yaml:"create_demo_users" env:"IDM_CREATE_DEMO_USERS" default:"false" doc:"Create people to try things out with (password: demo). Never on a server that others can reach."`
	Issuer      string `yaml:"issuer" env:"OC_URL;OC_OIDC_ISSUER;IDM_ISSUER" global:"opencloud_url" default:"https://localhost:9200" doc:"Identity provider of the accounts."`
	LoginByMail bool   `yaml:"login_by_mail" env:"IDM_LOGIN_BY_MAIL" default:"false" doc:"Accept the mail address in place of the user name."`

	LDAP struct {
		LDAPSAddr string `yaml:"ldaps_addr" env:"IDM_LDAPS_ADDR" default:"127.0.0.1:9235" doc:"Where programs can read the directory by LDAP over TLS. Empty: nowhere."`
		Addr      string `yaml:"ldap_addr" env:"IDM_LDAP_ADDR" doc:"The same without encryption, for programs on this machine (the original: 127.0.0.1:9236). Empty: nowhere."`
		Cert      string `yaml:"cert" env:"IDM_LDAPS_CERT" default:"{DATA}/idm/ldap.crt" doc:"Certificate file; made when missing."`
		Key       string `yaml:"key" env:"IDM_LDAPS_KEY" default:"{DATA}/idm/ldap.key" doc:"Key file; made when missing."`
	} `yaml:"idm"`

	ServiceUserPasswords struct {
		Admin string `yaml:"admin_password" env:"ADMIN_PASSWORD;IDM_ADMIN_PASSWORD" secret:"true" doc:"Password of the first administrator; later changes of it here mean nothing."`
		Idm   string `yaml:"idm_password" env:"IDM_SVC_PASSWORD" secret:"true" doc:"Password of uid=libregraph at the LDAP listener."`
		Reva  string `yaml:"reva_password" env:"IDM_REVASVC_PASSWORD" secret:"true" doc:"Password of uid=reva at the LDAP listener."`
		Idp   string `yaml:"idp_password" env:"IDM_IDPSVC_PASSWORD" secret:"true" doc:"Password of uid=idp at the LDAP listener."`
	} `yaml:"service_user_passwords"`
}
