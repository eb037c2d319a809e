package maintain

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// adopt makes trash and versions in the index agree with what is in their folders.
func (m *Maintainer) adopt(ctx context.Context, sp *tree.Space) error {
	c := &check{Maintainer: m, space: sp, rep: &Report{}}
	if err := c.trash(ctx); err != nil {
		return err
	}
	if err := c.versions(ctx); err != nil {
		return err
	}
	for _, f := range c.rep.Findings {
		var err error
		switch f.Kind {
		case LooseTrash:
			err = m.adoptTrash(ctx, sp, f.Path)
		case LooseVersion:
			err = m.adoptVersion(ctx, sp, f.Path)
		case NoTrash:
			err = m.dropTrash(ctx, strings.TrimPrefix(f.Detail, "trash item "))
		case NoVersion:
			err = m.DB.Write(ctx, func(tx db.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM versions WHERE key=?`, f.Detail)
				return err
			})
		}
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, db.ErrClosed) {
				return err
			}
			m.Log.Warn("cannot be repaired", "space", sp.ID, "path", f.Path, "err", err)
		}
	}
	return nil
}

func (m *Maintainer) dropTrash(ctx context.Context, id string) error {
	return m.DB.Write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM trash WHERE node=?`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE nodes SET parent=?, name=? WHERE id=? AND parent=?`, tree.Graveyard, []byte(id), id, tree.TrashParent)
		return err
	})
}

// adoptTrash takes an item of the trash folder into the index, with what is in it.
func (m *Maintainer) adoptTrash(ctx context.Context, sp *tree.Space, rel string) error {
	name, ok := strings.CutSuffix(rel[strings.LastIndexByte(rel, '/')+1:], ".trashitem")
	if !ok || name == "" {
		return nil
	}
	at := sp.Dir + "/" + rel
	st, err := m.Disk.Lstat(at)
	if err != nil || st.Type == disk.Other {
		return err
	}
	original, deleted := m.trashInfo(sp, name)
	base := original
	if i := strings.LastIndexByte(original, '/'); i >= 0 {
		base = original[i+1:]
	}
	return m.DB.Write(ctx, func(tx db.Tx) error {
		n := node(sp, tree.TrashParent, name, name, st)
		if err := m.insertTree(ctx, tx, sp, n, at, 0); err != nil {
			return err
		}
		return tree.SaveTrashed(ctx, tx, &tree.Trashed{Node: n, Name: base, Path: original, Deleted: deleted.UnixNano()})
	})
}

// trashInfo reads the text file beside a trash item.
func (m *Maintainer) trashInfo(sp *tree.Space, id string) (original string, deleted time.Time) {
	original, deleted = id, time.Now()
	f, err := m.Disk.Open(sp.Dir + "/.Trash/info/" + id + ".trashinfo")
	if err != nil {
		return original, deleted
	}
	defer f.Close()
	buf := make([]byte, 128<<10)
	n, _ := f.ReadAt(buf, 0)
	for line := range strings.SplitSeq(string(buf[:n]), "\n") {
		if p, ok := strings.CutPrefix(line, "Path="); ok && p != "" {
			original = p
		}
		if t, ok := strings.CutPrefix(line, "DeletionDate="); ok {
			if at, err := time.ParseInLocation("2006-01-02T15:04:05", t, time.Local); err == nil {
				deleted = at
			}
		}
	}
	return original, deleted
}

func node(sp *tree.Space, parent, name, id string, st disk.Stat) *tree.Node {
	n := &tree.Node{ID: id, Space: sp.ID, Parent: parent, Name: name, Kind: resource.File, Size: st.Size, MTime: st.MTime, Ino: int64(st.Ino), Seq: 1}
	if st.Type == disk.Directory {
		n.Kind, n.Size = resource.Folder, 0
	}
	return n
}

// insertTree inserts a node and what is below it on disk, and sets the sizes of folders.
func (m *Maintainer) insertTree(ctx context.Context, tx db.Tx, sp *tree.Space, n *tree.Node, at string, depth int) error {
	if _, err := tree.ByID(ctx, tx, n.ID); err == nil {
		return os.ErrExist
	}
	if err := tree.Insert(ctx, tx, n); err != nil || !n.IsFolder() || depth > 1000 {
		return err
	}
	var below []disk.Entry
	if _, err := m.Disk.ReadDir(at, func(e disk.Entry) error {
		if e.Type != disk.Other {
			below = append(below, e)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, e := range below {
		id, err := m.Disk.GetXattr(at+"/"+e.Name, scan.IDAttr)
		if err != nil || id == "" {
			id = m.Scan.NewID()
		} else if _, err := tree.ByID(ctx, tx, id); err == nil {
			id = m.Scan.NewID()
		}
		child := node(sp, n.ID, e.Name, id, e.Stat)
		if err := m.insertTree(ctx, tx, sp, child, at+"/"+e.Name, depth+1); err != nil {
			return err
		}
		n.Size += child.Size
	}
	return tree.Save(ctx, tx, n)
}

// adoptVersion takes a file of .oc-nodes into the index as a version of its node.
func (m *Maintainer) adoptVersion(ctx context.Context, sp *tree.Space, rel string) error {
	key := strings.ReplaceAll(strings.TrimPrefix(rel, ".oc-nodes/"), "/", "")
	id, _, ok := strings.Cut(key, ".REV.")
	if !ok || m.VersionPath(sp, id, key) != sp.Dir+"/"+rel {
		return nil
	}
	st, err := m.Disk.Lstat(sp.Dir + "/" + rel)
	if err != nil {
		return err
	}
	return m.DB.Write(ctx, func(tx db.Tx) error {
		n, err := tree.ByID(ctx, tx, id)
		if errors.Is(err, tree.ErrNotFound) || err == nil && (n.IsFolder() || n.Space != sp.ID) {
			return nil // of a node that is no more; stays a finding
		}
		if err != nil {
			return err
		}
		// Versions are ordered by seq; those that are adopted come in the order of their times, below what is current.
		return tree.SaveVersion(ctx, tx, n, tree.Version{Key: key, Size: st.Size, MTime: st.MTime, Seq: min(n.Seq-1, st.MTime/1000), Created: st.CTime})
	})
}

// resize makes the sizes of a folder, and of all below it, the sums of what is in them.
func (m *Maintainer) resize(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var below []string
	var total, size, newest, seq int64
	err := m.DB.Read(ctx, func(r db.Reader) error {
		below = below[:0]
		return r.Query(ctx, `SELECT id FROM nodes WHERE parent=? AND kind=?`, func(row db.Row) error {
			below = append(below, row.Text(0))
			return nil
		}, id, int64(resource.Folder))
	})
	if err != nil {
		return err
	}
	for _, b := range below {
		if err := m.resize(ctx, b); err != nil {
			return err
		}
	}
	sum := func(r db.Reader) error {
		if err := r.Query(ctx, `SELECT COALESCE(SUM(size),0), COALESCE(MAX(seq),0) FROM nodes WHERE parent=?`, func(row db.Row) error {
			total, newest = row.Int(0), row.Int(1)
			return nil
		}, id); err != nil {
			return err
		}
		return r.Query(ctx, `SELECT size, seq FROM nodes WHERE id=?`, func(row db.Row) error {
			size, seq = row.Int(0), row.Int(1)
			return nil
		}, id)
	}
	if err := m.DB.Read(ctx, sum); err != nil || total == size && newest <= seq {
		return err
	}
	return m.DB.Write(ctx, func(tx db.Tx) error {
		n, err := tree.ByID(ctx, tx, id)
		if errors.Is(err, tree.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := tree.Up(ctx, tx, n)
		if errors.Is(err, tree.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = sum(tx)
		}
		if err != nil {
			return err
		}
		now, next := time.Now(), max(c.NextSeq(), newest+1)
		if err := tree.Touch(ctx, tx, c, next, total-n.Size, now); err != nil {
			return err
		}
		return tree.Log(ctx, tx, tree.Entry{Space: n.Space, Seq: next, Op: "meta", Node: c.Node(), Time: now})
	})
}

// label writes the ids of all nodes of a space into their extended attributes, where they are missing or wrong.
func (m *Maintainer) label(ctx context.Context, sp *tree.Space) error {
	if m.NoXattr {
		return nil
	}
	c := &check{Maintainer: m, space: sp, rep: &Report{}}
	var walk func(id string, depth int) error
	walk = func(id string, depth int) error {
		r, err := c.load(ctx, id)
		if errors.Is(err, tree.ErrNotFound) || depth > 1000 {
			return nil
		}
		if err != nil {
			return err
		}
		dir := scan.Path(sp, r.chain)
		_, err = m.Disk.ReadDir(dir, func(e disk.Entry) error {
			n := r.children[e.Name]
			if n == nil || !scan.Matches(n, e.Stat) || e.Links > 1 && !n.IsFolder() {
				return ctx.Err()
			}
			at := dir + "/" + e.Name
			if id, err := m.Disk.GetXattr(at, scan.IDAttr); err == nil && id == n.ID {
				return ctx.Err()
			}
			if err := m.Disk.SetXattr(at, scan.IDAttr, n.ID); err != nil {
				m.Log.Warn("id cannot be written", "path", at, "err", err)
			}
			return ctx.Err()
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, n := range r.children {
			if n.IsFolder() {
				if err := walk(n.ID, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(sp.ID, 0)
}
