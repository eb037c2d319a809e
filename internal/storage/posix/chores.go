package posix

import (
	"context"
	"errors"
	"time"

	"opencloud/internal/storage/tree"
)

const (
	// choreEvery is how often expired sessions, trash and versions are looked for.
	choreEvery = time.Hour
	// sweepEvery is how often everything is compared with the disk, unless configured.
	sweepEvery = 24 * time.Hour
)

// Chore is work that has to be done now and then; whoever owns the storage calls for it, one at a time of each kind.
type Chore struct {
	Kind    string
	Every   time.Duration
	AtStart bool // also when the storage is opened
	// Run does it; tell hears how far it is.
	Run func(ctx context.Context, tell func(done int64, message string)) error
}

// Chores lists what has to be done now and then.
func (f *FS) Chores() []Chore {
	list := []Chore{
		{Kind: "storage.expire-uploads", Every: choreEvery, Run: counted(func(ctx context.Context) (int64, error) {
			n, err := f.CleanSessions(ctx, time.Now())
			return int64(n), err
		})},
		{Kind: "storage.tidy", Every: choreEvery, Run: func(ctx context.Context, _ func(int64, string)) error { return f.tidy(ctx) }},
	}
	if f.cfg.TrashAge > 0 {
		list = append(list, Chore{Kind: "storage.expire-trash", Every: choreEvery, Run: counted(func(ctx context.Context) (int64, error) {
			return f.PurgeTrashBefore(ctx, "", time.Now().Add(-f.cfg.TrashAge))
		})})
	}
	if f.cfg.VersionAge > 0 {
		list = append(list, Chore{Kind: "storage.expire-versions", Every: choreEvery, Run: func(ctx context.Context, _ func(int64, string)) error { return f.expireVersions(ctx) }})
	}
	every := f.cfg.ScanEvery
	if every == 0 {
		every = sweepEvery
	}
	if every > 0 || f.cfg.ScanStart {
		list = append(list, Chore{Kind: "storage.sweep", Every: every, AtStart: f.cfg.ScanStart, Run: f.sweep})
	}
	return list
}

// counted makes a chore of what tells only how much it did.
func counted(f func(context.Context) (int64, error)) func(context.Context, func(int64, string)) error {
	return func(ctx context.Context, tell func(int64, string)) error {
		n, err := f(ctx)
		tell(n, "")
		return err
	}
}

// sweep compares everything with the disk.
func (f *FS) sweep(ctx context.Context, tell func(int64, string)) error {
	folders := int64(0)
	return f.scan.SweepAll(ctx, func(sp *tree.Space, _ string) {
		folders++
		tell(folders, sp.Alias) // not the path: it may be private
	})
}

// tidy removes records and files that nobody needs any more.
func (f *FS) tidy(ctx context.Context) error {
	err := errors.Join(f.cleanJournal(ctx), f.cleanStaging(ctx), f.scan.ExpireLimbo(ctx, time.Now()))
	poke(f.unhashed) // what could not be read may be readable now
	f.kick()
	return err
}
