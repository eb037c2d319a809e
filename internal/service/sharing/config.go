package sharing

import (
	"time"

	"opencloud/internal/identity/password"
	"opencloud/internal/platform/config"
)

// Config of the service. (spec/storage.md §10.5)
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9150"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9151"`
	Log   config.Log   `yaml:"log"`

	Database      string `yaml:"database" env:"OC_DATABASE_URL;SHARING_DATABASE_URL" default:"sqlite:{DATA}/sharing/sharing.db" secret:"true" doc:"Links, and what people make of the shares they receive: sqlite:<file> or postgres://…"`
	AdminSocket   string `yaml:"admin_socket" env:"SHARING_ADMIN_SOCKET" default:"{DATA}/sharing/admin.sock" doc:"Where opencloud shares reaches the running server; only its own user may open it."`
	UserDriver    string `yaml:"user_sharing_driver" env:"SHARING_USER_DRIVER" default:"jsoncs3" doc:"Accepted for compatibility: shares are in the storage's index."`
	PublicDriver  string `yaml:"public_sharing_driver" env:"SHARING_PUBLIC_DRIVER" default:"jsoncs3" doc:"Accepted for compatibility: links are in the database."`
	AutoAccept    bool   `yaml:"auto_accept_shares" env:"FRONTEND_AUTO_ACCEPT_SHARES;SHARING_AUTO_ACCEPT_SHARES" default:"true" doc:"People take shares without being asked, unless they chose otherwise."`
	MustHave      bool   `yaml:"public_sharing_share_must_have_password" env:"OC_SHARING_PUBLIC_SHARE_MUST_HAVE_PASSWORD;SHARING_PUBLIC_SHARE_MUST_HAVE_PASSWORD" default:"true" doc:"Every link needs a password."`
	WriteMustHave bool   `yaml:"public_sharing_writeableshare_must_have_password" env:"OC_SHARING_PUBLIC_WRITEABLE_SHARE_MUST_HAVE_PASSWORD;SHARING_PUBLIC_WRITEABLE_SHARE_MUST_HAVE_PASSWORD" default:"false" doc:"Links that can change something need a password."`

	Events struct {
		Age   time.Duration `yaml:"max_age" env:"SHARING_EVENTS_MAX_AGE" default:"168h" doc:"How long events are kept."`
		Count int64         `yaml:"max_count" env:"SHARING_EVENTS_MAX_COUNT" default:"100000" doc:"How many events are kept in each database."`
	} `yaml:"events"`

	Passwords struct {
		Disabled bool   `yaml:"disabled" env:"OC_PASSWORD_POLICY_DISABLED;SHARING_PASSWORD_POLICY_DISABLED" default:"false" doc:"Ask for nothing of passwords."`
		Length   int    `yaml:"min_characters" env:"OC_PASSWORD_POLICY_MIN_CHARACTERS;SHARING_PASSWORD_POLICY_MIN_CHARACTERS" default:"8" doc:"Shortest password of a link."`
		Lower    int    `yaml:"min_lowercase_characters" env:"OC_PASSWORD_POLICY_MIN_LOWERCASE_CHARACTERS;SHARING_PASSWORD_POLICY_MIN_LOWERCASE_CHARACTERS" default:"1" doc:"Lower-case letters in it."`
		Upper    int    `yaml:"min_uppercase_characters" env:"OC_PASSWORD_POLICY_MIN_UPPERCASE_CHARACTERS;SHARING_PASSWORD_POLICY_MIN_UPPERCASE_CHARACTERS" default:"1" doc:"Upper-case letters in it."`
		Digits   int    `yaml:"min_digits" env:"OC_PASSWORD_POLICY_MIN_DIGITS;SHARING_PASSWORD_POLICY_MIN_DIGITS" default:"1" doc:"Digits in it."`
		Special  int    `yaml:"min_special_characters" env:"OC_PASSWORD_POLICY_MIN_SPECIAL_CHARACTERS;SHARING_PASSWORD_POLICY_MIN_SPECIAL_CHARACTERS" default:"1" doc:"Other characters in it."`
		Banned   string `yaml:"banned_passwords_list" env:"OC_PASSWORD_POLICY_BANNED_PASSWORDS_LIST;SHARING_PASSWORD_POLICY_BANNED_PASSWORDS_LIST" doc:"File of passwords that nobody may use, one a line."`
	} `yaml:"password_policy"`
}

// policy is what passwords of links must have.
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
