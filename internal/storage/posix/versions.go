package posix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// versioned finds a file and checks rights on its versions.
func (f *FS) versioned(ctx context.Context, id resource.ID, want permission.Set) (p *place, all []tree.Version, err error) {
	if p, err = f.found(ctx, storage.At(id, "")); err != nil {
		return nil, nil, err
	}
	if p.node().IsFolder() {
		return nil, nil, storage.ErrNotFound
	}
	if err := p.need(want); err != nil {
		return nil, nil, err
	}
	err = f.read(ctx, func(r db.Reader) error { all, err = tree.VersionsOf(ctx, r, id.Node); return err })
	return p, all, err
}

// ListVersions implements storage.Versions.
func (f *FS) ListVersions(ctx context.Context, id resource.ID) ([]storage.Version, error) {
	p, all, err := f.versioned(ctx, id, permission.ListVersions)
	if err != nil {
		return nil, err
	}
	out := make([]storage.Version, 0, len(all))
	for _, v := range all {
		out = append(out, storage.Version{Key: v.Key, Size: v.Size, MTime: db.Time(v.MTime), ETag: tree.ETag(v.Key, v.Seq), MIME: mimeOf(p.node().Name)})
	}
	return out, nil
}

func pick(all []tree.Version, key string) (tree.Version, error) {
	for _, v := range all {
		if v.Key == key {
			return v, nil
		}
	}
	return tree.Version{}, storage.ErrNotFound
}

// OpenVersion implements storage.Versions.
func (f *FS) OpenVersion(ctx context.Context, id resource.ID, key string) (*storage.Content, error) {
	p, all, err := f.versioned(ctx, id, permission.ListVersions|permission.Download)
	if err != nil {
		return nil, err
	}
	v, err := pick(all, key)
	if err != nil {
		return nil, err
	}
	file, err := f.disk.Open(versionPath(p.space, key))
	if err != nil {
		return nil, fmt.Errorf("%w: version: %w", storage.ErrUnavailable, err)
	}
	if st, err := file.Stat(); err != nil || st.Size != v.Size {
		file.Close()
		return nil, errors.Join(storage.ErrUnavailable, err)
	}
	i := f.info(p.space, p.node(), p.may)
	i.Size, i.MTime, i.ETag = v.Size, db.Time(v.MTime), tree.ETag(v.Key, v.Seq)
	i.Checksums = storage.Checksums{SHA1: v.Sums.SHA1(), MD5: v.Sums.MD5(), Adler32: v.Sums.Adler32()}
	return &storage.Content{Info: i, ReadSeekCloser: &content{file: file, size: v.Size}}, nil
}

// RestoreVersion implements storage.Versions.
func (f *FS) RestoreVersion(ctx context.Context, id resource.ID, key string, c storage.Conditions) (storage.Info, error) {
	return retry(func() (storage.Info, error) { return f.restoreVersion(ctx, id, key, c) })
}

func (f *FS) restoreVersion(ctx context.Context, id resource.ID, key string, c storage.Conditions) (storage.Info, error) {
	p, all, err := f.versioned(ctx, id, permission.RestoreVersion)
	if err != nil {
		return storage.Info{}, err
	}
	v, err := pick(all, key)
	if err != nil {
		return storage.Info{}, err
	}
	from := versionPath(p.space, key)
	if err := f.disk.SetMTime(from, time.Now().UnixNano()); err != nil {
		return storage.Info{}, translate(err)
	}
	s, err := f.disk.Lstat(from)
	if err != nil {
		return storage.Info{}, translate(err)
	}
	if s.Size != v.Size {
		return storage.Info{}, fmt.Errorf("%w: the version's file has another size", storage.ErrUnavailable)
	}
	st := staged{path: from, id: id.Node, size: v.Size, mtime: s.MTime, ino: s.Ino, sums: v.Sums, version: &v}
	r := storage.UploadRequest{Length: v.Size, Conditions: c}
	var info storage.Info
	err = f.write(ctx, func(tx db.Tx) error {
		// The row goes last: while it is there, what is current cannot get the same key, and so the same place on disk.
		res, err := f.overwrite(ctx, tx, p, &r, st)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM versions WHERE node=? AND key=?`, id.Node, key)
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		info = res.Info
		return err
	})
	return info, err
}

// expireVersions removes versions that are too old.
func (f *FS) expireVersions(ctx context.Context) error {
	if f.cfg.VersionAge <= 0 {
		return nil
	}
	return f.dropVersions(ctx, `SELECT node, key FROM versions WHERE created<? LIMIT 500`, time.Now().Add(-f.cfg.VersionAge).UnixNano())
}

// PurgeVersions removes the versions made before a time, of all files.
func (f *FS) PurgeVersions(ctx context.Context, before time.Time) error {
	return f.dropVersions(ctx, `SELECT node, key FROM versions WHERE created<? LIMIT 500`, before.UnixNano())
}

// retain removes a file's oldest versions beyond the number that is kept.
func (f *FS) retain(ctx context.Context, tx db.Tx, p *place) error {
	if f.cfg.KeepVersions <= 0 {
		return nil
	}
	all, err := tree.VersionsOf(ctx, tx, p.node().ID)
	if err != nil || len(all) <= f.cfg.KeepVersions {
		return err
	}
	for _, v := range all[f.cfg.KeepVersions:] {
		if _, err := tx.Exec(ctx, `DELETE FROM versions WHERE node=? AND key=?`, v.Node, v.Key); err != nil {
			return err
		}
		tx.AfterCommit(func() error { f.drop(versionPath(p.space, v.Key)); return nil })
	}
	return nil
}

func (f *FS) dropVersions(ctx context.Context, sql string, args ...any) error {
	type version struct{ node, key string }
	for {
		var old []version
		err := f.db.Read(ctx, func(r db.Reader) error {
			return r.Query(ctx, sql, func(row db.Row) error { old = append(old, version{row.Text(0), row.Text(1)}); return nil }, args...)
		})
		if err != nil || len(old) == 0 {
			return err
		}
		err = f.db.Write(ctx, func(tx db.Tx) error {
			for _, v := range old {
				n, err := tree.ByID(ctx, tx, v.node)
				if err != nil && !errors.Is(err, tree.ErrNotFound) {
					return err
				}
				if _, err := tx.Exec(ctx, `DELETE FROM versions WHERE node=? AND key=?`, v.node, v.key); err != nil {
					return err
				}
				if n == nil {
					continue
				}
				if sp := f.anySpace(n.Space); sp != nil {
					tx.AfterCommit(func() error { f.drop(versionPath(sp, v.key)); return nil })
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
