package app

import (
	"context"

	"opencloud/internal/job"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	storageusers "opencloud/internal/service/storage-users"
)

// OpenJobs opens the table of background jobs, whether a server runs or not.
func OpenJobs(ctx context.Context, o Options) (*job.Store, func() error, error) {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return nil, nil, err
	}
	var cfg storageusers.Config
	if _, err := source.Load("storage-users", &cfg); err != nil {
		return nil, nil, err
	}
	logger, err := log.New(warnAtLeast(cfg.Log), "jobs")
	if err != nil {
		return nil, nil, err
	}
	return storageusers.OpenJobs(ctx, cfg, logger)
}
