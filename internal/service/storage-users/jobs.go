package storageusers

import (
	"context"
	"log/slog"

	"opencloud/internal/job"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
)

// OpenJobs opens the table of jobs, which is in the storage's database. It works beside a running server.
func OpenJobs(ctx context.Context, cfg Config, log *slog.Logger) (*job.Store, func() error, error) {
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 1})
	if err != nil {
		return nil, nil, err
	}
	s, err := job.NewStore(ctx, d)
	if err != nil {
		d.Close()
		return nil, nil, err
	}
	return s, d.Close, nil
}

// jobsLoop works on the jobs; the storage's chores are periodic ones.
func jobsLoop(ctx context.Context, deps Deps) (service.Loop, error) {
	store, err := job.NewStore(ctx, deps.Storage.db)
	if err != nil {
		return service.Loop{}, err
	}
	if deps.Metrics != nil {
		if err := deps.Metrics.Register(store.Collector()); err != nil {
			return service.Loop{}, err
		}
	}
	runner := job.NewRunner(store, job.Options{Log: deps.Log, Workers: 2})
	for _, c := range deps.Storage.Chores() {
		runner.Handle(c.Kind, func(ctx context.Context, j *job.Handle) error {
			return c.Run(ctx, func(done int64, message string) { j.Progress(done, 0, message) })
		})
		if c.Every > 0 {
			runner.Every(c.Kind, c.Every, nil)
		}
		if c.AtStart {
			if _, err := store.Enqueue(ctx, job.New{Kind: c.Kind, Key: job.PeriodicKey}); err != nil {
				return service.Loop{}, err
			}
		}
	}
	return service.Loop{Name: "jobs", Run: runner.Run}, nil
}
