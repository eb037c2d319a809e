package storageusers

import (
	"time"

	"opencloud/internal/platform/config"
)

// Config of the service. (spec/storage.md §3)
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9157"`
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9158"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9159"`
	Log   config.Log   `yaml:"log"`

	MountID        string `yaml:"mount_id" env:"STORAGE_USERS_MOUNT_ID" required:"true" doc:"Id of this storage; part of every resource id that clients keep, never change it."`
	TransferSecret string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	JWTSecret      string `yaml:"jwt_secret" env:"OC_JWT_SECRET;STORAGE_USERS_JWT_SECRET" global:"token_manager.jwt_secret" secret:"true" required:"true" doc:"Signs the tokens between services."`
	Database       string `yaml:"database" env:"OC_DATABASE_URL;STORAGE_USERS_DATABASE_URL" default:"sqlite:{DATA}/storage/index/users.db" secret:"true" doc:"Index of the storage: sqlite:<file> or postgres://…"`
	DataServerURL  string `yaml:"data_server_url" env:"STORAGE_USERS_DATA_SERVER_URL" default:"http://localhost:9158/data" doc:"Where other services reach the data listener."`
	ReadOnly       bool   `yaml:"readonly" env:"STORAGE_USERS_READ_ONLY" default:"false" doc:"Refuse every change."`
	Driver         string `yaml:"driver" env:"STORAGE_USERS_DRIVER" default:"posix" doc:"Kind of storage; only posix."`

	Drivers struct {
		Posix Posix `yaml:"posix"`
	} `yaml:"drivers"`

	UploadExpiration  int64         `yaml:"upload_expiration" env:"STORAGE_USERS_UPLOAD_EXPIRATION" default:"86400" doc:"Life of an upload session in seconds."`
	TransferExpires   int64         `yaml:"transfer_expires" env:"STORAGE_USERS_TRANSFER_EXPIRES" default:"86400" doc:"Life of a transfer token in seconds."`
	MaxQuota          int64         `yaml:"max_quota" env:"OC_SPACES_MAX_QUOTA" default:"0" doc:"Upper bound of any quota in bytes; 0: none."`
	DisableVersioning bool          `yaml:"disable_versioning" env:"OC_DISABLE_VERSIONING" default:"false" doc:"Keep no former contents of files."`
	KeepVersions      int           `yaml:"keep_versions" env:"STORAGE_USERS_KEEP_VERSIONS" default:"0" doc:"Former contents kept per file; 0: all."`
	VersionAge        time.Duration `yaml:"version_age" env:"STORAGE_USERS_VERSION_AGE" default:"0" doc:"Age after which former contents are removed; 0: never."`
	TrashAge          time.Duration `yaml:"trash_age" env:"STORAGE_USERS_PURGE_TRASH_BIN_DELETE_BEFORE" default:"720h" doc:"Age after which deleted files are removed for good; 0: never."`
	Hold              Hold          `yaml:"hold"`
}

// Posix is the storage of plain files.
type Posix struct {
	Root          string        `yaml:"root" env:"STORAGE_USERS_POSIX_ROOT" default:"{DATA}/storage/users" doc:"Folder of the storage."`
	WatchFS       bool          `yaml:"watch_fs" env:"STORAGE_USERS_POSIX_WATCH_FS" default:"false" doc:"Watch the folder for changes by other programs; without, they are seen at the next reading of a folder."`
	ScanFS        bool          `yaml:"scan_fs" env:"STORAGE_USERS_POSIX_SCAN_FS" default:"true" doc:"Look for changes by other programs at start."`
	ScanDebounce  time.Duration `yaml:"scan_debounce_delay" env:"STORAGE_USERS_POSIX_SCAN_DEBOUNCE_DELAY" default:"1s" doc:"How long a folder must be quiet before it is looked at."`
	SweepInterval time.Duration `yaml:"sweep_interval" env:"STORAGE_USERS_POSIX_SWEEP_INTERVAL" default:"24h" doc:"How often the whole storage is compared with the index; 0: never."`
}

// sweep is the interval as the storage takes it: negative is never.
func (p Posix) sweep() time.Duration {
	if p.SweepInterval == 0 {
		return -1
	}
	return p.SweepInterval
}

// Hold protects against mass deletion on disk.
type Hold struct {
	Share float64       `yaml:"share" env:"STORAGE_USERS_HOLD_SHARE" default:"0.5" doc:"When more than this share of a space vanishes from disk at once, nothing is dropped until an administrator confirms."`
	Files int64         `yaml:"files" env:"STORAGE_USERS_HOLD_FILES" default:"20" doc:"Fewer files than this vanishing never hold a space."`
	Grace time.Duration `yaml:"grace" env:"STORAGE_USERS_HOLD_GRACE" default:"1h" doc:"How long files that vanished keep their ids, if they turn up elsewhere."`
}
