package app

import (
	"context"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	"opencloud/internal/service/idm"
)

// ResetPassword sets the password of an account, in the embedded directory or an external one that may be written;
// idm.ErrElsewhere if it may not.
func ResetPassword(ctx context.Context, o Options, user, password string) error {
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
	return idm.ResetPassword(ctx, cfg, external(cfg, rt), l, user, password)
}
