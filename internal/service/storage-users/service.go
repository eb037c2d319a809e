// Package storageusers keeps people's personal and project spaces.
package storageusers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/provider"
	"opencloud/internal/platform/adminsock"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/readonly"
	"opencloud/internal/transfer"
)

// Storage is the opened storage of the service.
type Storage struct {
	*posix.FS
	db    db.DB
	mount string
}

// Database is where the index lies, and the table of jobs.
func (s *Storage) Database() db.DB { return s.db }

// Open opens the storage with its index. groupsOf tells the groups of a user; nil: nobody is in any.
func Open(ctx context.Context, cfg Config, log *slog.Logger, groupsOf func(ctx context.Context, userID string) ([]string, error)) (*Storage, error) {
	if cfg.Driver != "posix" {
		return nil, fmt.Errorf("storage_users.driver %q is not available; use posix", cfg.Driver)
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log})
	if err != nil {
		return nil, err
	}
	fs, err := posix.New(ctx, posix.Config{Root: cfg.Drivers.Posix.Root, StorageID: cfg.MountID, DB: d, Log: log, DisableVersions: cfg.DisableVersioning,
		KeepVersions: cfg.KeepVersions, VersionAge: cfg.VersionAge, TrashAge: cfg.TrashAge, UploadTTL: time.Duration(cfg.UploadExpiration) * time.Second,
		MaxQuota: cfg.MaxQuota, GroupsOf: groupsOf,
		Watch: cfg.Drivers.Posix.WatchFS, Debounce: cfg.Drivers.Posix.ScanDebounce, ScanStart: cfg.Drivers.Posix.ScanFS, ScanEvery: cfg.Drivers.Posix.sweep(),
		HoldShare: cfg.Hold.Share, HoldMin: cfg.Hold.Files, Grace: cfg.Hold.Grace})
	if err != nil {
		d.Close()
		return nil, err
	}
	return &Storage{FS: fs, db: d, mount: cfg.MountID}, nil
}

// Close releases storage and index.
func (s *Storage) Close() error {
	err := s.FS.Close()
	if e := s.db.Close(); err == nil {
		err = e
	}
	return err
}

// Deps are what the service speaks to.
type Deps struct {
	Storage *Storage
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none
}

// View is the storage as the protocols see it: without changes where the configuration says so.
func (s *Storage) View(cfg Config) storage.FS {
	if cfg.ReadOnly {
		return readonly.New(s)
	}
	return s
}

// New returns the service's parts: the data listener and the storage's background work.
func New(ctx context.Context, cfg Config, deps Deps) (service.Parts, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return service.Parts{}, err
	}
	fs := deps.Storage.View(cfg)
	data := &transfer.Handler{FS: fs, Signer: signer, Log: deps.Log}
	internal := &provider.DataHandler{FS: fs, Signer: signer}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/data/internal":
			internal.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/data"):
			data.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
	jobs, err := jobsLoop(ctx, deps)
	if err != nil {
		return service.Parts{}, err
	}
	ready := service.Check{Name: "index", Run: func(ctx context.Context) error {
		return deps.Storage.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	return service.Parts{HTTP: h, GRPC: func(r grpc.ServiceRegistrar) {
		provider.Register(r, fs)
		files.NewServer(fs, signer, cfg.DataServerURL, time.Duration(cfg.TransferExpires)*time.Second).Register(r)
	}, Loops: append(deps.Storage.Loops(), adminsock.Loop(socket(cfg), AdminHandler(deps.Storage), deps.Log), jobs), Ready: []service.Check{ready}, Close: deps.Storage.Close}, nil
}
