package app

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	"opencloud/internal/platform/registry"
	"opencloud/internal/service/sharing"
	storageusers "opencloud/internal/service/storage-users"
)

// SharingAdmin connects to the running sharing service, or opens storage, directory and shares if no server runs.
func SharingAdmin(ctx context.Context, o Options) (sharing.Admin, error) {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return nil, err
	}
	s := &stack{opts: o, source: source}
	if _, err := source.Load("opencloud-runtime", &s.rt); err != nil {
		return nil, err
	}
	if s.log, err = log.New(warnAtLeast(s.rt.Log), "opencloud"); err != nil {
		return nil, err
	}
	cfg, _, err := load[sharing.Config](s, "sharing")
	if err != nil {
		return nil, err
	}
	if a, err := sharing.DialAdmin(ctx, cfg); err == nil {
		return a, nil
	}
	if s.registry, err = registry.Open(filepath.Join(data, "registry")); err != nil {
		return nil, err
	}
	a := &offline{stack: s}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// offline is the sharing of an installation that does not run.
type offline struct {
	sharing.Local
	stack *stack
}

func (a *offline) open(ctx context.Context) error {
	s := a.stack
	cfg, log, err := load[storageusers.Config](s, "storage-users")
	if err != nil {
		return err
	}
	st, err := storageusers.Open(ctx, cfg, log, s.groupsOf)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, st.Close)
	s.fs, s.index = st, st.Database()
	if err := s.directory(ctx); err != nil {
		return err
	}
	if a.Domain, err = s.sharing(ctx); err != nil {
		return err
	}
	a.Events, err = s.events(ctx)
	return err
}

func (a *offline) Close() (err error) {
	for _, c := range slices.Backward(a.stack.closers) {
		err = errors.Join(err, c())
	}
	return err
}
