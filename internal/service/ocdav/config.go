package ocdav

import "opencloud/internal/platform/config"

// Config of the service. (spec/storage.md §7.20)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:45023"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9163"`
	Log   config.Log   `yaml:"log"`

	PublicURL      string         `yaml:"public_url" env:"OC_URL;OCDAV_PUBLIC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server, used in links."`
	MountID        string         `yaml:"mount_id" env:"STORAGE_USERS_MOUNT_ID;OCDAV_MOUNT_ID" global:"storage_users.mount_id" doc:"Id of the storage that holds people's spaces, filled in where clients leave it out."`
	TransferSecret string         `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" doc:"Signs the addresses of resumable uploads."`
	URLSecret      string         `yaml:"url_signing_secret" env:"OC_URL_SIGNING_SECRET;OCDAV_URL_SIGNING_SECRET" global:"url_signing_secret" secret:"true" doc:"Signs the addresses of downloads."`
	AllowInfinity  bool           `yaml:"allow_propfind_depth_infinity" env:"OCDAV_ALLOW_PROPFIND_DEPTH_INFINITY" default:"false" doc:"Answer PROPFIND with Depth: infinity."`
	Names          NameValidation `yaml:"name_validation"`
}

// NameValidation restricts the names that clients may give.
type NameValidation struct {
	InvalidChars []string `yaml:"invalid_chars" env:"OCDAV_NAME_VALIDATION_INVALID_CHARS" doc:"Characters that names must not contain. CR, LF, form feed, NUL, / and \\ never may."`
	MaxLength    int      `yaml:"max_length" env:"OCDAV_NAME_VALIDATION_MAX_LENGTH" default:"255" doc:"Longest name in bytes."`
}
