// Package posix keeps people's files as plain files under plain names, and the index (package tree) beside them.
//
// Order of a change: content is staged and made durable; the index is changed in one transaction that also holds a redo
// record of the disk operation (redo.go); after the commit the operation is applied; then the caller is answered. So the
// index is never behind the disk, and what was acknowledged can be redone after a crash. What other programs do on disk is
// taken in by package scan.
//
// Lock order: the database's writer, then mu. Nothing that holds mu touches the database or the disk.
package posix

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/platform/cache"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/maintain"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// Config of a storage.
type Config struct {
	Root      string // folder on disk
	StorageID string
	DB        db.DB
	Disk      disk.FS // nil: the folder Root
	Log       *slog.Logger

	DisableVersions bool
	KeepVersions    int           // per file; 0: no bound
	VersionAge      time.Duration // older versions are removed; 0: never
	TrashAge        time.Duration // older trash is removed; 0: never
	UploadTTL       time.Duration // life of an upload session; 0: 24 h
	MaxQuota        int64         // upper bound of any space's quota; 0: none

	// GroupsOf returns the ids of a user's groups, to tell what those who shared something may still share; nil: none.
	GroupsOf func(ctx context.Context, userID string) ([]string, error)

	// PersonalPath and GeneralPath are templates of the folder of a new space, relative to Root; empty: the defaults
	// users/{{.User.Id.OpaqueId}} and projects/{{.SpaceId}}.
	PersonalPath, GeneralPath string

	Watch     bool          // follow changes by other programs as the kernel reports them
	Debounce  time.Duration // how long news from the kernel are gathered; 0: 1 s
	ScanStart bool          // compare everything with the disk at start
	ScanEvery time.Duration // and again this often; 0: every 24 h, negative: never

	HoldShare float64 // see scan.Config
	HoldMin   int64
	Grace     time.Duration // how long what vanished from disk can be revived
}

// FS implements storage.FS.
type FS struct {
	cfg     Config
	db      db.DB
	disk    disk.FS
	log     *slog.Logger
	scan    *scan.Scanner
	noXattr bool

	mu     sync.RWMutex
	spaces map[string]*tree.Space // all of them, by id; values are not changed, but replaced

	redo      redoLog
	marker    marker
	newcomers newcomers
	clean     cleanMarks
	sessions  sessionCache
	grants    grantCache
	turns     turns
	wake      chan struct{} // there is background work: graves, redo records
	unhashed  chan struct{} // there may be files without checksums
	started   time.Time
	closed    atomic.Bool
}

var _ storage.FS = (*FS)(nil)

// New opens a storage, repeats what a crash left undone, and returns it.
func New(ctx context.Context, cfg Config) (*FS, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.UploadTTL <= 0 {
		cfg.UploadTTL = 24 * time.Hour
	}
	if cfg.StorageID == "" {
		return nil, errors.New("the storage needs an id (storage_users.mount_id; `opencloud init` makes one)")
	}
	if cfg.Disk == nil {
		if err := os.MkdirAll(cfg.Root, 0o770); err != nil {
			return nil, fmt.Errorf("storage folder: %w", err)
		}
		var err error
		if cfg.Disk, err = disk.Open(cfg.Root); err != nil {
			return nil, fmt.Errorf("storage folder: %w", err)
		}
	}
	f, err := newFS(ctx, cfg)
	if err != nil {
		cfg.Disk.Close()
	}
	return f, err
}

func newFS(ctx context.Context, cfg Config) (*FS, error) {
	if err := cfg.Disk.Lock(); err != nil {
		return nil, fmt.Errorf("storage folder %s: %w", cfg.Root, err)
	}
	if err := cfg.DB.Migrate(ctx, tree.Component, tree.Schema()); err != nil {
		return nil, err
	}
	if _, err := event.Open(ctx, cfg.DB); err != nil {
		return nil, err
	}
	f := &FS{cfg: cfg, db: cfg.DB, disk: cfg.Disk, log: cfg.Log, spaces: map[string]*tree.Space{}, started: time.Now(), wake: make(chan struct{}, 1), unhashed: make(chan struct{}, 1)}
	f.noXattr = !disk.HasXattr(cfg.Disk)
	if f.noXattr {
		f.log.Warn("the file system has no extended attributes: moves made by other programs will look like new files", "root", cfg.Root)
	}
	f.grants.nodes = cache.New[grantKey, []space.Grant](rememberedNodes)
	f.newcomers.wake = make(chan struct{}, 1)
	f.scan = scan.New(scan.Config{DB: cfg.DB, Disk: cfg.Disk, Log: cfg.Log, Busy: f.redo.busy, NewID: newID, TookIn: func() { poke(f.unhashed) }, Found: f.newcomers.add, NoXattr: f.noXattr,
		HoldShare: cfg.HoldShare, HoldMin: cfg.HoldMin, Grace: cfg.Grace})
	if err := f.reloadSpaces(ctx); err != nil {
		return nil, err
	}
	if err := f.recover(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Close releases the disk; the database is its owner's.
func (f *FS) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	f.sessions.closeAll()
	return f.disk.Close()
}

// Scanner compares disk and index, and decides about spaces that are held.
func (f *FS) Scanner() *scan.Scanner { return f.scan }

// Maintainer checks, repairs and rebuilds the index.
func (f *FS) Maintainer() *maintain.Maintainer {
	return maintain.New(maintain.Config{DB: f.db, Disk: f.disk, Log: f.log, Scan: f.scan, NoXattr: f.noXattr, SpacesChanged: f.reloadSpaces, RightsChanged: f.grants.forget,
		VersionPath: func(sp *tree.Space, _, key string) string { return versionPath(sp, key) }})
}

func (f *FS) reloadSpaces(ctx context.Context) error {
	all := map[string]*tree.Space{}
	err := f.db.Read(ctx, func(r db.Reader) error {
		return tree.Spaces(ctx, r, func(s *tree.Space) error { all[s.ID] = s; return nil })
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.spaces = all
	f.mu.Unlock()
	return nil
}

// AllSpaces returns all spaces, disabled ones too, for administrators.
func (f *FS) AllSpaces() []*tree.Space {
	f.mu.RLock()
	defer f.mu.RUnlock()
	out := make([]*tree.Space, 0, len(f.spaces))
	for _, s := range f.spaces {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *tree.Space) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// space returns a space that is in use.
func (f *FS) space(id resource.ID) (*tree.Space, error) {
	if id.Storage != f.cfg.StorageID {
		return nil, storage.ErrNotFound
	}
	f.mu.RLock()
	s := f.spaces[id.Space]
	f.mu.RUnlock()
	if s == nil || s.Disabled != 0 {
		return nil, storage.ErrNotFound
	}
	return s, nil
}

// remember puts a changed space into the cache; to be called after its commit.
func (f *FS) remember(s *tree.Space) {
	f.mu.Lock()
	f.spaces[s.ID] = s
	f.mu.Unlock()
}

// id returns the resource id of a node.
func (f *FS) id(space, node string) resource.ID {
	return resource.ID{Storage: f.cfg.StorageID, Space: space, Node: node}
}

// kick wakes the background work.
func (f *FS) kick() { poke(f.wake) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// translate gives errors of the layers below their names in storage.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tree.ErrNotFound):
		return storage.ErrNotFound
	case errors.Is(err, db.ErrFull), disk.IsFull(err):
		return fmt.Errorf("%w: the disk is full", storage.ErrQuota)
	}
	return err
}

// read runs f on a snapshot of the index.
func (f *FS) read(ctx context.Context, fn func(r db.Reader) error) error {
	epoch := f.grants.epoch.Load()
	return translate(f.db.Read(ctx, func(r db.Reader) error { return fn(snapshot{r, epoch}) }))
}
