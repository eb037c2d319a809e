package posix

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"opencloud/internal/platform/db"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/tree"
)

// cleanStaging removes what a crash left in the staging folders: everything older than this process that is neither an
// upload session nor waiting to be removed.
func (f *FS) cleanStaging(ctx context.Context) error {
	keep := map[string]bool{}
	err := f.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT id FROM uploads`, func(row db.Row) error { keep[row.Text(0)] = true; return nil })
	})
	if err != nil {
		return err
	}
	f.mu.RLock()
	all := make([]*tree.Space, 0, len(f.spaces))
	for _, s := range f.spaces {
		all = append(all, s)
	}
	f.mu.RUnlock()
	for _, s := range all {
		dir := s.Dir + "/.oc-tmp"
		var old []string
		_, err := f.disk.ReadDir(dir, func(e disk.Entry) error {
			if e.CTime < f.started.UnixNano() && !keep[e.Name] {
				old = append(old, e.Name)
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.log.Warn("staging folder cannot be cleaned", "space", s.ID, "err", err)
		}
		for _, name := range old {
			if id, ok := strings.CutPrefix(name, "grave-"); ok && f.buried(ctx, id) {
				continue
			}
			if err := disk.RemoveAll(ctx, f.disk, dir+"/"+name); err != nil {
				f.log.Warn("staging folder cannot be cleaned", "space", s.ID, "err", err)
			}
		}
	}
	return nil
}

// buried tells whether a node is in the graveyard still; then its files are removed with it.
func (f *FS) buried(ctx context.Context, id string) bool {
	there := false
	err := f.db.Read(ctx, func(r db.Reader) error {
		n, err := tree.ByID(ctx, r, id)
		there = err == nil && n.Parent == tree.Graveyard
		if errors.Is(err, tree.ErrNotFound) {
			err = nil
		}
		return err
	})
	return there || err != nil
}
