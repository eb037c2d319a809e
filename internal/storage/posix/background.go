package posix

import (
	"context"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

const (
	// trimDelay gathers redo records before the disk is made to keep what they say.
	trimDelay = 2 * time.Second
	// choreEvery is how often expired sessions, trash and versions are looked for.
	choreEvery = time.Hour
	// journalAge is how long a sync token stays valid at least.
	journalAge = 60 * 24 * time.Hour
)

// Loops are the storage's background work.
func (f *FS) Loops() []service.Loop {
	return []service.Loop{{Name: "posix housekeeping", Run: f.housekeeping}}
}

// housekeeping sleeps until there is work: it costs nothing at rest.
func (f *FS) housekeeping(ctx context.Context) error {
	chores := time.NewTimer(time.Minute)
	defer chores.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-chores.C:
			f.chores(ctx)
			chores.Reset(choreEvery)
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
	report("versions cannot be removed", f.retain(ctx))
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = f.dig(ctx); err != nil {
			report("purged files cannot be removed", err)
			break
		}
	}
	report("purged spaces cannot be removed", disk.RemoveAll(ctx, f.disk, "purged"))
	_, err := f.scan.Hash(ctx)
	report("checksums cannot be computed", err)
}

// chores removes what has become too old.
func (f *FS) chores(ctx context.Context) {
	if _, err := f.CleanSessions(ctx, time.Now()); err != nil {
		f.log.Error("expired uploads cannot be removed", "err", err)
	}
	if f.cfg.TrashAge > 0 {
		if _, err := f.PurgeTrashBefore(ctx, "", time.Now().Add(-f.cfg.TrashAge)); err != nil {
			f.log.Error("old trash cannot be purged", "err", err)
		}
	}
	if err := f.cleanJournal(ctx); err != nil {
		f.log.Error("old journal rows cannot be removed", "err", err)
	}
	f.buryLimbo(ctx)
	f.work(ctx)
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

// buryLimbo gives up on what vanished and did not turn up again.
func (f *FS) buryLimbo(ctx context.Context) {
	grace := f.cfg.Grace
	if grace <= 0 {
		grace = time.Hour
	}
	limit := time.Now().Add(-grace).UnixNano()
	err := f.db.Write(ctx, func(tx db.Tx) error {
		var old []*tree.Node
		err := tree.Children(ctx, tx, tree.Limbo, nil, 1000, func(n *tree.Node) error {
			if scan.LimboTime(n.Name) < limit {
				old = append(old, n)
			}
			return nil
		})
		for _, n := range old {
			if err == nil {
				err = tree.Place(ctx, tx, n, tree.Graveyard, n.ID)
			}
		}
		return err
	})
	if err != nil {
		f.log.Error("vanished files cannot be removed from the index", "err", err)
	}
}
