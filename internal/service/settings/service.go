// Package settings serves what people can set for themselves, roles and their assignments, over the HTTP API of the web
// client. (spec/identity.md §13)
//
// Over gRPC it offers what CS3 knows of this: the check of a permission, and preferences. The original's own gRPC API, which
// only its services speak, is not there.
package settings

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/preferences"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	domain "opencloud/internal/settings"
)

// Config of the service.
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9190"`
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9191"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9194"`
	Log   config.Log   `yaml:"log"`

	Database        string   `yaml:"database" env:"OC_DATABASE_URL;SETTINGS_DATABASE_URL" default:"sqlite:{DATA}/settings/settings.db" secret:"true" doc:"What people have set: sqlite:<file> or postgres://…"`
	AdminUserID     string   `yaml:"admin_user_id" env:"OC_ADMIN_USER_ID;SETTINGS_ADMIN_USER_ID" global:"admin_user_id" doc:"Id of the account that is given the role of administrators when it has none."`
	ServiceAccounts []string `yaml:"service_account_ids" env:"SETTINGS_SERVICE_ACCOUNT_IDS;OC_SERVICE_ACCOUNT_ID" doc:"Ids of service accounts."`
	BundlesPath     string   `yaml:"bundles_path" env:"SETTINGS_BUNDLES_PATH" doc:"Roles of one's own are not supported: the built-in ones serve."`
	Assignments     bool     `yaml:"set_default_assignments" env:"IDM_CREATE_DEMO_USERS;SETTINGS_SETUP_DEFAULT_ASSIGNMENTS" default:"false" doc:"Accepted for compatibility: demo users are created with their roles."`
}

// Store is the opened settings.
type Store struct {
	*domain.Settings
	db db.DB
}

// Open opens the settings. accounts are where languages and roles are kept.
func Open(ctx context.Context, cfg Config, accounts domain.Accounts, log *slog.Logger) (*Store, error) {
	if accounts == nil {
		return nil, errors.New("there is no directory: idm does not run here")
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 2})
	if err != nil {
		return nil, err
	}
	s, err := domain.New(ctx, d, accounts, domain.Options{ServiceAccounts: cfg.ServiceAccounts})
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Store{s, d}, nil
}

// Close releases the database.
func (s *Store) Close() error { return s.db.Close() }

// Deps are what the service speaks to.
type Deps struct {
	Store *Store
	Log   *slog.Logger
}

// New returns the service's parts.
func New(ctx context.Context, cfg Config, deps Deps) (service.Parts, error) {
	if cfg.BundlesPath != "" {
		deps.Log.WarnContext(ctx, "SETTINGS_BUNDLES_PATH is set, but roles of one's own are not supported", "path", cfg.BundlesPath)
	}
	var loops []service.Loop
	if cfg.AdminUserID != "" {
		if err := deps.Store.Administrator(ctx, cfg.AdminUserID); err != nil {
			deps.Log.WarnContext(ctx, "the administrator could not be given the role yet", "user", cfg.AdminUserID, "err", err)
			loops = append(loops, service.Loop{Name: "first administrator", Run: func(ctx context.Context) error { return deps.Store.appoint(ctx, cfg.AdminUserID, 5*time.Second) }})
		}
	}
	ready := service.Check{Name: "settings", Run: func(ctx context.Context) error {
		return deps.Store.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	return service.Parts{
		HTTP:  newHandler(deps.Store.Settings, deps.Log),
		GRPC:  func(r grpc.ServiceRegistrar) { preferences.NewServer(deps.Store.Settings).Register(r) },
		Loops: loops,
		Ready: []service.Check{ready},
		Close: deps.Store.Close,
	}, nil
}

// appoint gives the first administrator the role as soon as the directory, which may be somebody else's, answers.
func (s *Store) appoint(ctx context.Context, id string, every time.Duration) error {
	for s.Administrator(ctx, id) != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
	<-ctx.Done()
	return nil
}
