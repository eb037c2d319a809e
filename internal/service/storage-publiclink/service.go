// Package storagepubliclink offers what public links open to CS3 programs that came by one, and the check of the links' passwords.
// (spec/storage.md §6, spec/identity.md §8.1) Our own services do not go through it.
package storagepubliclink

import (
	"context"
	"time"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9178"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9179"`
	Log   config.Log   `yaml:"log"`

	PublicURL       string `yaml:"public_url" env:"OC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server; transfers go to it."`
	TransferSecret  string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	TransferExpires int64  `yaml:"transfer_expires" env:"STORAGE_PUBLICLINK_TRANSFER_EXPIRES" default:"86400" doc:"Life of the token of an upload in seconds."`

	Provider struct {
		MountID string `yaml:"mount_id" env:"STORAGE_PUBLICLINK_STORAGE_PROVIDER_MOUNT_ID" doc:"Accepted for compatibility: the public storage has one id for ever."`
	} `yaml:"storage_provider"`
}

// Deps are what the service speaks to.
type Deps struct {
	FS    storage.FS // with the public storage in it
	Links sharing.Opener
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return service.Parts{}, err
	}
	api := files.NewServer(deps.FS, signer, cfg.PublicURL+"/data", time.Duration(cfg.TransferExpires)*time.Second)
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) {
		api.Register(r)
		authpb.RegisterProviderAPIServer(r, sharing.NewAuthServer(deps.Links))
	}}, nil
}
