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
	OCS struct {
		Denials          bool   `yaml:"enable_denials" env:"FRONTEND_OCS_ENABLE_DENIALS" default:"false" doc:"Managers may shut single people out of a folder: a share without rights."`
		SharePrefix      string `yaml:"share_prefix" env:"FRONTEND_OCS_SHARE_PREFIX" default:"/Shares" doc:"Folder in which clients are told to find what they received."`
		AdditionalInfo   string `yaml:"additional_info_attribute" env:"FRONTEND_OCS_ADDITIONAL_INFO_ATTRIBUTE" default:"{{.Mail}}" doc:"What tells people of one name apart: a text with {{.Mail}}, {{.Username}} or {{.ID}}. Mail addresses show only if OC_SHOW_USER_EMAIL_IN_RESULTS allows it."`
		ShowEmail        bool   `yaml:"show_email_in_results" env:"OC_SHOW_USER_EMAIL_IN_RESULTS" default:"false" doc:"Show people the mail addresses of others."`
		Enumeration      bool   `yaml:"user_enumeration" env:"FRONTEND_USER_ENUMERATION" default:"true" doc:"The search for people to share with finds them by a part of their name; false: by the whole name or mail address only."`
		GroupMembersOnly bool   `yaml:"group_members_only" env:"FRONTEND_USER_ENUMERATION_GROUP_MEMBERS_ONLY" default:"false" doc:"By a part of a name, that search finds only members of the searcher's own groups, and those groups."`
	} `yaml:"ocs"`
	DefaultLink int  `yaml:"default_link_permissions" env:"FRONTEND_DEFAULT_LINK_PERMISSIONS" default:"1" doc:"What a new link allows if nothing else is chosen: 1 view, 0 only people with rights of their own."`
	AutoAccept  bool `yaml:"auto_accept_shares" env:"FRONTEND_AUTO_ACCEPT_SHARES;SHARING_AUTO_ACCEPT_SHARES" default:"true" doc:"Announced to clients; see the service sharing."`
}
