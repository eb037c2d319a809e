// Package storageshares offers the share jail to CS3 programs: what everybody received, under the names he gave it.
// (spec/storage.md §5) Our own services do not go through it.
package storageshares

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage"
	"opencloud/internal/storage/readonly"
	"opencloud/internal/transfer"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9154"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9156"`
	Log   config.Log   `yaml:"log"`

	PublicURL       string `yaml:"public_url" env:"OC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server; transfers go to it."`
	TransferSecret  string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	TransferExpires int64  `yaml:"transfer_expires" env:"STORAGE_SHARES_TRANSFER_EXPIRES" default:"86400" doc:"Life of a transfer token in seconds."`
	ReadOnly        bool   `yaml:"readonly" env:"STORAGE_SHARES_READ_ONLY" default:"false" doc:"Refuse every change."`
	MountID         string `yaml:"mount_id" env:"STORAGE_SHARES_MOUNT_ID" doc:"Accepted for compatibility: the jail has one id for ever."`
	Provider        string `yaml:"user_share_provider_endpoint" env:"STORAGE_SHARES_USER_SHARE_PROVIDER_ENDPOINT" doc:"Accepted for compatibility."`
}

// Deps are what the service speaks to.
type Deps struct {
	FS storage.FS // with the jail in it
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return service.Parts{}, err
	}
	fs := deps.FS
	if cfg.ReadOnly {
		fs = readonly.New(fs)
	}
	api := files.NewServer(fs, signer, cfg.PublicURL+"/data", time.Duration(cfg.TransferExpires)*time.Second)
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { api.Register(r) }}, nil
}
