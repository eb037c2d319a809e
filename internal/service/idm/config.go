package idm

import (
	"opencloud/internal/identity/password"
	"opencloud/internal/platform/config"
)

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

	// Client is of an external directory in place of this one.
	Client LDAPClient `yaml:"ldap"`

	Passwords struct {
		Disabled bool   `yaml:"disabled" env:"OC_PASSWORD_POLICY_DISABLED" default:"false" doc:"Ask for nothing of passwords."`
		Length   int    `yaml:"min_characters" env:"IDM_PASSWORD_POLICY_MIN_CHARACTERS" default:"8" doc:"Shortest password of an account."`
		Lower    int    `yaml:"min_lowercase_characters" env:"IDM_PASSWORD_POLICY_MIN_LOWERCASE_CHARACTERS" default:"0" doc:"Lower-case letters in it."`
		Upper    int    `yaml:"min_uppercase_characters" env:"IDM_PASSWORD_POLICY_MIN_UPPERCASE_CHARACTERS" default:"0" doc:"Upper-case letters in it."`
		Digits   int    `yaml:"min_digits" env:"IDM_PASSWORD_POLICY_MIN_DIGITS" default:"0" doc:"Digits in it."`
		Special  int    `yaml:"min_special_characters" env:"IDM_PASSWORD_POLICY_MIN_SPECIAL_CHARACTERS" default:"0" doc:"Other characters in it."`
		Banned   string `yaml:"banned_passwords_list" env:"OC_PASSWORD_POLICY_BANNED_PASSWORDS_LIST" doc:"File of passwords that nobody may use, one a line."`
	} `yaml:"password_policy"`

	ServiceUserPasswords struct {
		Admin string `yaml:"admin_password" env:"ADMIN_PASSWORD;IDM_ADMIN_PASSWORD" secret:"true" doc:"Password of the first administrator; later changes of it here mean nothing."`
		Idm   string `yaml:"idm_password" env:"IDM_SVC_PASSWORD" secret:"true" doc:"Password of uid=libregraph at the LDAP listener."`
		Reva  string `yaml:"reva_password" env:"IDM_REVASVC_PASSWORD" secret:"true" doc:"Password of uid=reva at the LDAP listener."`
		Idp   string `yaml:"idp_password" env:"IDM_IDPSVC_PASSWORD" secret:"true" doc:"Password of uid=idp at the LDAP listener."`
	} `yaml:"service_user_passwords"`
}

// policy is what new passwords of accounts must have.
func (c Config) policy() (p password.Policy, err error) {
	if c.Passwords.Disabled {
		return p, nil
	}
	p = password.Policy{Length: c.Passwords.Length, Lower: c.Passwords.Lower, Upper: c.Passwords.Upper, Digits: c.Passwords.Digits, Special: c.Passwords.Special}
	if c.Passwords.Banned != "" {
		err = p.Ban(c.Passwords.Banned)
	}
	return p, err
}
