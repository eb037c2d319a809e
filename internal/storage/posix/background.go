package posix

import (
	"context"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

const (
	// trimDelay gathers redo records before the disk is made to keep what they say.
	trimDelay = 2 * time.Second
	// journalAge is how long a sync token stays valid at least.
	journalAge = 60 * 24 * time.Hour
)

// Loops are the storage's background work that follows changes. See Chores for the rest.
func (f *FS) Loops() []service.Loop {
	loops := []service.Loop{{Name: "posix housekeeping", Run: f.housekeeping}, {Name: "posix checksums", Run: f.checksums}, {Name: "posix newcomers", Run: f.newcomersLoop},
		service.Periodically("posix expired grants", 0, expireEvery, f.log, func(ctx context.Context) error { return f.ExpireGrants(ctx, time.Now()) })}
	if f.cfg.Watch {
		loops = append(loops, service.Loop{Name: "posix watch", Run: func(ctx context.Context) error { return f.scan.Watch(ctx, f.cfg.Root, f.cfg.Debounce) }})
	}
	return loops
}

// checksums computes those of files that came without.
func (f *FS) checksums(ctx context.Context) error {
	poke(f.unhashed)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.unhashed:
		}
		// What other programs copy in is shown first, and hashed when that is done.
		for f.newcomers.busy() && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		if _, err := f.scan.Hash(ctx); err != nil && ctx.Err() == nil {
			f.log.Error("checksums cannot be computed", "err", err)
		}
	}
}

// housekeeping sleeps until there is work: it costs nothing at rest.
func (f *FS) housekeeping(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(trimDelay):
			}
			f.work(ctx)
		}
	}
}

func (f *FS) work(ctx context.Context) {
	report := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			f.log.Error(what, "err", err)
		}
	}
	report("redo records cannot be removed", f.trim(ctx))
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = f.dig(ctx); err != nil {
			report("purged files cannot be removed", err)
			break
		}
	}
	report("purged spaces cannot be removed", disk.RemoveAll(ctx, f.disk, graveyard))
}

// PurgeTrashBefore purges what was deleted before a time, in one space or (space empty) all, and returns how many items.
func (f *FS) PurgeTrashBefore(ctx context.Context, space string, before time.Time) (int64, error) {
	f.mu.RLock()
	var all []*tree.Space
	for _, s := range f.spaces {
		if space == "" || s.ID == space {
			all = append(all, s)
		}
	}
	f.mu.RUnlock()
	total := int64(0)
	for _, s := range all {
		err := f.write(ctx, func(tx db.Tx) error {
			n, err := f.count(ctx, tx, `SELECT count(*) FROM trash WHERE space=? AND deleted<?`, s.ID, before.UnixNano())
			if err != nil || n == 0 {
				return err
			}
			total += n
			return f.buryBefore(ctx, tx, s, before.UnixNano())
		})
		if err != nil {
			return total, err
		}
	}
	f.kick()
	return total, nil
}

func (f *FS) cleanJournal(ctx context.Context) error {
	old := time.Now().Add(-journalAge).UnixNano()
	f.mu.RLock()
	var ids []string
	for id := range f.spaces {
		ids = append(ids, id)
	}
	f.mu.RUnlock()
	for _, id := range ids {
		err := f.db.Write(ctx, func(tx db.Tx) error {
			// A token at the newest number stays valid: the newest row stays.
			_, err := tx.Exec(ctx, `DELETE FROM journal WHERE space=? AND time<? AND seq<(SELECT max(seq) FROM journal WHERE space=?)`, id, old, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
