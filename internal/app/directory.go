package app

import (
	"context"
	"log/slog"
	"slices"

	"opencloud/internal/identity"
	"opencloud/internal/identity/login"
	"opencloud/internal/platform/db"
	"opencloud/internal/service/idm"
)

// directory is where this installation's people and groups are: the embedded one, or somebody else's (LDAP).
type directory interface {
	identity.Accounts
	identity.GroupAdmin
	identity.Machine
	login.Backend
	// Database is where lies what else is kept of people: profiles, sign-ins, second factors.
	Database() db.DB
	// OnLeave adds what is to be done before that, while it is known who he is; if it fails, the account stays.
	OnLeave(f func(ctx context.Context, userID string) error)
	// OnPurge adds what is to be removed when an account is removed for good.
	OnPurge(f func(ctx context.Context, userID string) error)
	Close() error
}

// openDirectory opens the directory that is configured.
func openDirectory(ctx context.Context, cfg idm.Config, rt runtime, log *slog.Logger) (directory, error) {
	if cfg.External(slices.Contains(rt.Exclude, "idm")) {
		return idm.Connect(ctx, cfg, log)
	}
	return idm.Open(ctx, cfg, log)
}

func buildIdm(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[idm.Config](s, "idm")
	if err != nil {
		return built{}, err
	}
	d, err := openDirectory(ctx, cfg, s.rt, log)
	if err != nil {
		return built{}, err
	}
	s.here(d)
	switch d := d.(type) {
	case *idm.External:
		return built{parts: d.Parts(), config: cfg, debug: cfg.Debug}, nil
	case *idm.Directory:
		parts, err := idm.New(ctx, cfg, idm.Deps{Directory: d, Login: s.login, Log: log})
		return built{parts: parts, config: cfg, debug: cfg.Debug}, err
	}
	return built{}, nil
}
