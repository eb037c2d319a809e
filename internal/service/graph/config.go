package graph

import "opencloud/internal/platform/config"

// Config of the service. (spec/identity.md §14)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9120"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9124"`
	Log   config.Log   `yaml:"log"`

	PublicURL string `yaml:"public_url" env:"OC_URL;GRAPH_PUBLIC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server."`
	MountID   string `yaml:"mount_id" env:"STORAGE_USERS_MOUNT_ID" global:"storage_users.mount_id" doc:"Id of the storage that holds people's spaces."`
	Spaces    struct {
		WebDAVBase   string `yaml:"webdav_base" env:"OC_URL;GRAPH_SPACES_WEBDAV_BASE" global:"opencloud_url" default:"https://localhost:9200" doc:"Beginning of WebDAV addresses."`
		WebDAVPath   string `yaml:"webdav_path" env:"GRAPH_SPACES_WEBDAV_PATH" default:"/dav/spaces/" doc:"Path of WebDAV addresses."`
		DefaultQuota string `yaml:"default_quota" env:"GRAPH_SPACES_DEFAULT_QUOTA" default:"1000000000" doc:"Quota of new project spaces in bytes."`
	} `yaml:"spaces"`
}
