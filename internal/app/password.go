package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	authapp "opencloud/internal/service/auth-app"
	"opencloud/internal/service/idm"
)

// ErrElsewhere tells that passwords are kept in a directory that this server may only read.
var ErrElsewhere = errors.New("passwords are kept elsewhere")

// ResetPassword sets the password of an account, for the command line; ErrElsewhere if the directory is read-only.
func ResetPassword(ctx context.Context, o Options, user, password string) error {
	return atDirectory(ctx, o, func(_ *config.Source, cfg idm.Config, d directory, _ *slog.Logger) error {
		if !d.Writable() {
			return fmt.Errorf("%w: in the directory at %s, which is read-only for this server (OC_LDAP_SERVER_WRITE_ENABLED=false); change the password of %s with the tools of that directory, such as ldappasswd",
				ErrElsewhere, cfg.Client.URI, user)
		}
		u, err := d.UserBy(ctx, "username", user)
		if err != nil {
			return err
		}
		return d.SetPassword(ctx, u.ID, password)
	})
}

// CreateAppToken makes an app token for the account of a user name, for the command line. It is shown once.
func CreateAppToken(ctx context.Context, o Options, user string, life time.Duration) (token string, err error) {
	err = atDirectory(ctx, o, func(source *config.Source, _ idm.Config, d directory, log *slog.Logger) error {
		var cfg authapp.Config
		if _, err := source.Load("auth-app", &cfg); err != nil {
			return err
		}
		token, err = authapp.Create(ctx, cfg, d, d, log, user, life)
		return err
	})
	return token, err
}

// atDirectory opens the configured directory for a command.
func atDirectory(ctx context.Context, o Options, f func(source *config.Source, cfg idm.Config, d directory, log *slog.Logger) error) error {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return err
	}
	var cfg idm.Config
	if _, err := source.Load("idm", &cfg); err != nil {
		return err
	}
	var rt runtime
	if _, err := source.Load("opencloud-runtime", &rt); err != nil {
		return err
	}
	l, err := log.New(cfg.Log, "idm")
	if err != nil {
		return err
	}
	d, err := openDirectory(ctx, cfg, rt, l)
	if err != nil {
		return err
	}
	return errors.Join(f(source, cfg, d, l), d.Close())
}
