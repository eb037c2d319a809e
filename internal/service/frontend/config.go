package frontend

import "opencloud/internal/platform/config"

// Config of the service. (spec/storage.md §16)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9140"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9141"`
	Log   config.Log   `yaml:"log"`

	PublicURL          string   `yaml:"public_url" env:"OC_URL;FRONTEND_PUBLIC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server."`
	MountID            string   `yaml:"mount_id" env:"STORAGE_USERS_MOUNT_ID" global:"storage_users.mount_id" doc:"Id of the storage that holds people's spaces."`
	TransferSecret     string   `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	Edition            string   `yaml:"edition" env:"OC_EDITION;FRONTEND_EDITION" default:"stable" doc:"Shown to clients."`
	MaxQuota           int64    `yaml:"max_quota" env:"OC_SPACES_MAX_QUOTA;FRONTEND_MAX_QUOTA" default:"0" doc:"Upper bound of any quota in bytes; 0: none."`
	ChunkSize          int64    `yaml:"upload_max_chunk_size" env:"FRONTEND_UPLOAD_MAX_CHUNK_SIZE" default:"10000000" doc:"Size of the pieces in which clients upload; 0: no limit."`
	MethodOverride     string   `yaml:"upload_http_method_override" env:"FRONTEND_UPLOAD_HTTP_METHOD_OVERRIDE" doc:"Method that clients send in place of PATCH."`
	SearchMin          int      `yaml:"search_min_length" env:"FRONTEND_SEARCH_MIN_LENGTH" default:"3" doc:"Shortest text to search people by."`
	Checksums          []string `yaml:"checksums_supported_types" env:"FRONTEND_CHECKSUMS_SUPPORTED_TYPES" default:"sha1,md5,adler32" doc:"Checksums announced to clients."`
	Preferred          string   `yaml:"checksums_preferred_upload_type" env:"FRONTEND_CHECKSUMS_PREFERRED_UPLOAD_TYPE" default:"sha1" doc:"Checksum that clients shall send."`
	DirectoryWritable  bool     `yaml:"ldap_server_write_enabled" env:"OC_LDAP_SERVER_WRITE_ENABLED;GRAPH_LDAP_SERVER_WRITE_ENABLED;FRONTEND_LDAP_SERVER_WRITE_ENABLED" global:"graph.identity.ldap.write_enabled;idm.ldap.write_enabled" default:"true" doc:"Users and passwords can be changed here; false: they are maintained elsewhere."`
	ReadOnlyAttributes []string `yaml:"read_only_user_attributes" env:"FRONTEND_READONLY_USER_ATTRIBUTES" doc:"Attributes of users that clients show but do not change, such as user.mail. Empty, with a read-only directory: those that it keeps."`
	CheckUpdates       bool     `yaml:"check_for_updates" env:"FRONTEND_CHECK_FOR_UPDATES" default:"true" doc:"Let the web client look for new versions."`

	Archiver struct {
		MaxFiles int64 `yaml:"max_num_files" env:"FRONTEND_ARCHIVER_MAX_NUM_FILES" default:"10000" doc:"Most files of one archive."`
		MaxSize  int64 `yaml:"max_size" env:"FRONTEND_ARCHIVER_MAX_SIZE" default:"1073741824" doc:"Most bytes of one archive."`
	} `yaml:"archiver"`
	Passwords struct {
		Min     int `yaml:"min_characters" env:"OC_PASSWORD_POLICY_MIN_CHARACTERS" default:"8" doc:"Shortest password of links."`
		Lower   int `yaml:"min_lowercase_characters" env:"OC_PASSWORD_POLICY_MIN_LOWERCASE_CHARACTERS" default:"1" doc:"Lower-case letters in it."`
		Upper   int `yaml:"min_uppercase_characters" env:"OC_PASSWORD_POLICY_MIN_UPPERCASE_CHARACTERS" default:"1" doc:"Upper-case letters in it."`
		Digits  int `yaml:"min_digits" env:"OC_PASSWORD_POLICY_MIN_DIGITS" default:"1" doc:"Digits in it."`
		Special int `yaml:"min_special_characters" env:"OC_PASSWORD_POLICY_MIN_SPECIAL_CHARACTERS" default:"1" doc:"Other characters in it."`
	} `yaml:"password_policy"`
}
