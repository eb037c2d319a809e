package graph

import (
	"time"

	"opencloud/internal/platform/config"
)

// Config of the service. (spec/identity.md §14)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9120"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9124"`
	Log   config.Log   `yaml:"log"`

	PublicURL      string `yaml:"public_url" env:"OC_URL;GRAPH_PUBLIC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server."`
	MountID        string `yaml:"mount_id" env:"STORAGE_USERS_MOUNT_ID" global:"storage_users.mount_id" doc:"Id of the storage that holds people's spaces."`
	URLSecret      string `yaml:"url_signing_secret" env:"OC_URL_SIGNING_SECRET;GRAPH_URL_SIGNING_SECRET" global:"url_signing_secret" secret:"true" doc:"Signs the addresses of downloads. Empty: there are none."`
	TransferSecret string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET;GRAPH_TRANSFER_SECRET" global:"transfer_secret" secret:"true" doc:"Signs the addresses of uploads. Empty: there are none."`
	APIToken       string `yaml:"http_api_token" env:"GRAPH_HTTP_API_TOKEN" secret:"true" doc:"Bearer token with which school administrations use the education API. Empty: none."`
	Spaces         struct {
		WebDAVBase   string `yaml:"webdav_base" env:"OC_URL;GRAPH_SPACES_WEBDAV_BASE" global:"opencloud_url" default:"https://localhost:9200" doc:"Beginning of WebDAV addresses."`
		WebDAVPath   string `yaml:"webdav_path" env:"GRAPH_SPACES_WEBDAV_PATH" default:"/dav/spaces/" doc:"Path of WebDAV addresses."`
		DefaultQuota string `yaml:"default_quota" env:"GRAPH_SPACES_DEFAULT_QUOTA" default:"1000000000" doc:"Quota of new project spaces in bytes."`
		MaxQuota     int64  `yaml:"max_quota" env:"OC_SPACES_MAX_QUOTA;GRAPH_SPACES_MAX_QUOTA" default:"0" doc:"Upper bound of any quota in bytes; 0: none."`
	} `yaml:"spaces"`
	UnifiedRoles struct {
		Available []string `yaml:"available_roles" env:"GRAPH_AVAILABLE_ROLES" doc:"Ids of the roles that can be given to people. Empty: the usual ones."`
	} `yaml:"unified_roles"`
	Application struct {
		ID          string `yaml:"id" env:"GRAPH_APPLICATION_ID" doc:"Id of this server as an application that roles are assigned for (UUID). Empty: made of the storage's id."`
		DisplayName string `yaml:"displayname" env:"GRAPH_APPLICATION_DISPLAYNAME" default:"OpenCloud" doc:"Name of the application."`
	} `yaml:"application"`
	API struct {
		UsernameMatch     string `yaml:"graph_username_match" env:"GRAPH_USERNAME_MATCH" default:"default" doc:"Which user names new accounts may have: default (as in a mail address) or none (any)."`
		AssignDefaultRole bool   `yaml:"graph_assign_default_user_role" env:"GRAPH_ASSIGN_DEFAULT_USER_ROLE" default:"true" doc:"Assign the role User to new accounts."`
		SearchMinLength   int    `yaml:"graph_identity_search_min_length" env:"GRAPH_IDENTITY_SEARCH_MIN_LENGTH" default:"3" doc:"Characters that people without the right to administer accounts must give to search for others."`
		MembersPatchLimit int    `yaml:"group_members_patch_limit" env:"GRAPH_GROUP_MEMBERS_PATCH_LIMIT" default:"20" doc:"Members that one change of a group can add."`
		ShowEmail         bool   `yaml:"show_email_in_results" env:"OC_SHOW_USER_EMAIL_IN_RESULTS" default:"false" doc:"Show people the mail addresses of others in search results."`
		Enumeration       bool   `yaml:"user_enumeration" env:"FRONTEND_USER_ENUMERATION" default:"true" doc:"People without the right to administer accounts find others by a part of their name; false: by the whole name or mail address only."`
		GroupMembersOnly  bool   `yaml:"group_members_only" env:"FRONTEND_USER_ENUMERATION_GROUP_MEMBERS_ONLY" default:"false" doc:"By a part of a name they find only members of their own groups, and those groups."`
	} `yaml:"api"`
	Identity struct {
		LDAP struct {
			Education       bool `yaml:"education_resources_enabled" env:"OC_LDAP_EDUCATION_RESOURCES_ENABLED;GRAPH_LDAP_EDUCATION_RESOURCES_ENABLED" default:"false" doc:"Offer the API of schools and classes."`
			SchoolGraceDays int  `yaml:"school_termination_grace_days" env:"GRAPH_LDAP_SCHOOL_TERMINATION_MIN_GRACE_DAYS" default:"0" doc:"Days that must at least be left when a school gets a date of termination."`
		} `yaml:"ldap"`
	} `yaml:"identity"`
	SoftDelete time.Duration `yaml:"user_soft_delete_retention_time" env:"GRAPH_USER_SOFT_DELETE_RETENTION_TIME" default:"0s" doc:"How long deleted accounts can be restored. 0: they are removed at once."`
}
