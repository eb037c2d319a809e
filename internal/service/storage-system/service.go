// Package storagesystem is a storage of its own for programs of the house that keep files there by CS3, as services of the original
// do. (spec/storage.md §4) Our own services keep what they have in databases, and nothing here.
//
// Only services are answered. Transfers are signed with a key of this storage, so that no address made elsewhere opens anything.
package storagesystem

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/transfer"
)

// SettingsSpace is the space that is there from the start, and the id of the storage. (spec/storage.md §0.1)
const SettingsSpace = "f1bdd61a-da7c-49fc-8203-0558109d1b4f"

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9215"`
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9216"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9217"`
	Log   config.Log   `yaml:"log"`

	Root            string `yaml:"root" env:"STORAGE_SYSTEM_OC_ROOT" default:"{DATA}/storage/metadata" doc:"Folder of the storage."`
	Database        string `yaml:"database" env:"STORAGE_SYSTEM_DATABASE_URL" default:"sqlite:{DATA}/storage/index/system.db" secret:"true" doc:"Index of the storage, not that of another: sqlite:<file> or postgres://…"`
	DataServerURL   string `yaml:"data_server_url" env:"STORAGE_SYSTEM_DATA_SERVER_URL" default:"http://localhost:9216/data" doc:"Where programs reach the web listener."`
	TransferSecret  string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	TransferExpires int64  `yaml:"transfer_expires" env:"STORAGE_SYSTEM_TRANSFER_EXPIRES" default:"86400" doc:"Life of a transfer token in seconds."`
	Driver          string `yaml:"driver" env:"STORAGE_SYSTEM_DRIVER" doc:"Accepted for compatibility: the files are plain files."`
}

// Deps are what the service speaks to.
type Deps struct{ Log *slog.Logger }

// New opens the storage, with its first space, and returns the service's parts.
func New(ctx context.Context, cfg Config, deps Deps) (service.Parts, error) {
	if _, err := transfer.NewSigner([]byte(cfg.TransferSecret)); err != nil {
		return service.Parts{}, err
	}
	own := hmac.New(sha256.New, []byte(cfg.TransferSecret))
	own.Write([]byte("storage-system"))
	signer, err := transfer.NewSigner(own.Sum(nil))
	if err != nil {
		return service.Parts{}, err
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: deps.Log, Readers: 2})
	if err != nil {
		return service.Parts{}, err
	}
	fs, err := posix.New(ctx, posix.Config{Root: cfg.Root, StorageID: SettingsSpace, DB: d, Log: deps.Log, DisableVersions: true, TrashAge: 24 * time.Hour, ScanEvery: -1})
	if err != nil {
		return service.Parts{}, errors.Join(err, d.Close())
	}
	closing := func() error { return errors.Join(fs.Close(), d.Close()) }
	_, err = fs.CreateSpace(identity.WithActor(ctx, people.Self("storage-system")), storage.SpaceRequest{Type: space.Project, ID: SettingsSpace, Name: "settings"})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return service.Parts{}, errors.Join(err, closing())
	}
	api := files.NewServer(fs, signer, cfg.DataServerURL, time.Duration(cfg.TransferExpires)*time.Second)
	return service.Parts{
		GRPC:  func(r grpc.ServiceRegistrar) { api.Register(house{r}) },
		HTTP:  &transfer.Handler{FS: fs, Signer: signer, Log: deps.Log},
		Loops: fs.Loops(),
		Ready: []service.Check{{Name: "index", Run: func(ctx context.Context) error { return d.Read(ctx, func(db.Reader) error { return nil }) }}},
		Close: closing,
	}, nil
}
