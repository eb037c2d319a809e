package app

import (
	"context"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	storageusers "opencloud/internal/service/storage-users"
)

// StorageAdmin connects to the running storage-users service, or opens its storage if no server runs.
func StorageAdmin(ctx context.Context, o Options) (*storageusers.Admin, error) {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return nil, err
	}
	var cfg storageusers.Config
	if _, err := source.Load("storage-users", &cfg); err != nil {
		return nil, err
	}
	logger, err := log.New(warnAtLeast(cfg.Log), "storage-users")
	if err != nil {
		return nil, err
	}
	return storageusers.OpenAdmin(ctx, cfg, logger)
}
