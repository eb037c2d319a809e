package maintain

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage/posix/attrs"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// maxSpaceDepth is how deep below the storage's root the folder of a space may lie.
const maxSpaceDepth = 4

// Rebuild makes the index anew from the disk: it adds every space that a folder says it is and the index does not have,
// with its rights, then repairs. To replace a damaged index, begin with an empty database. What the disk does not know
// (locks, tags, favourites, properties, checksums) is not brought back; checksums are computed in the background.
func (m *Maintainer) Rebuild(ctx context.Context, o Options) (*Report, error) {
	added, err := m.discover(ctx, "", 0)
	if err != nil {
		return nil, err
	}
	if m.SpacesChanged != nil {
		if err := m.SpacesChanged(ctx); err != nil {
			return nil, err
		}
	}
	rep, err := m.Repair(ctx, o)
	if err != nil {
		return rep, err
	}
	for _, sp := range added {
		if err := m.rights(ctx, sp); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

// discover finds the folders of spaces.
func (m *Maintainer) discover(ctx context.Context, dir string, depth int) (added []*tree.Space, err error) {
	var below []string
	_, err = m.Disk.ReadDir(dir, func(e disk.Entry) error {
		if e.Type == disk.Directory && !scan.Reserved(e.Name) {
			p := e.Name
			if dir != "" {
				p = dir + "/" + e.Name
			}
			below = append(below, p)
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, p := range below {
		sp, ok, err := attrs.ReadSpace(m.Disk, p)
		if err != nil {
			m.Log.Warn("folder cannot be looked at", "path", p, "err", err)
			continue
		}
		if !ok {
			if depth+1 < maxSpaceDepth {
				more, err := m.discover(ctx, p, depth+1)
				if err != nil {
					return added, err
				}
				added = append(added, more...)
			}
			continue
		}
		isNew, err := m.addSpace(ctx, sp)
		if err != nil {
			return added, err
		}
		if isNew {
			added = append(added, sp)
		}
	}
	return added, nil
}

func (m *Maintainer) addSpace(ctx context.Context, sp *tree.Space) (added bool, err error) {
	if id := resource.SpaceRoot("s", sp.ID).String(); sp.ID == "" || !valid(id) {
		m.Log.Warn("folder has an impossible space id", "path", sp.Dir)
		return false, nil
	}
	st, err := m.Disk.Lstat(sp.Dir)
	if err != nil {
		return false, err
	}
	for _, d := range []string{".oc-tmp", ".oc-nodes", ".Trash/files", ".Trash/info"} {
		if err := disk.MkdirAll(m.Disk, sp.Dir+"/"+d); err != nil {
			return false, err
		}
	}
	if err := m.Disk.SetXattr(sp.Dir, scan.IDAttr, sp.ID); err != nil && !errors.Is(err, disk.ErrNoXattr) {
		return false, err
	}
	err = m.DB.Write(ctx, func(tx db.Tx) error {
		if _, err := tree.ByID(ctx, tx, sp.ID); err == nil {
			added = false
			return nil
		} else if !errors.Is(err, tree.ErrNotFound) {
			return err
		}
		added = true
		now := time.Now()
		sp.Created = now.UnixNano()
		if err := tree.SaveSpace(ctx, tx, sp); err != nil {
			return err
		}
		// A number that no former index of this space has reached: ETags must not come back with another meaning.
		return tree.Insert(ctx, tx, &tree.Node{ID: sp.ID, Space: sp.ID, Parent: tree.RootParent, Name: sp.ID, Kind: resource.Folder,
			MTime: now.UnixNano(), Seq: now.UnixMicro(), Ino: int64(st.Ino)})
	})
	return added, err
}

func valid(id string) bool { _, err := resource.ParseID(id); return err == nil }

// rights reads the grants that are noted on disk into the index.
func (m *Maintainer) rights(ctx context.Context, sp *tree.Space) error {
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
		if len(r.chain) == 1 {
			if err := m.restoreGrants(ctx, r.chain.Node(), dir); err != nil {
				return err
			}
		}
		for _, n := range r.children {
			if err := m.restoreGrants(ctx, n, dir+"/"+n.Name); err != nil {
				return err
			}
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

func (m *Maintainer) restoreGrants(ctx context.Context, n *tree.Node, path string) error {
	grants, err := attrs.ReadGrants(m.Disk, path)
	if err != nil || len(grants) == 0 {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return m.DB.Write(ctx, func(tx db.Tx) error {
		n, err := tree.ByID(ctx, tx, n.ID)
		if errors.Is(err, tree.ErrNotFound) {
			return nil
		}
		if m.RightsChanged != nil {
			tx.AfterCommit(func() error { m.RightsChanged(); return nil })
		}
		for _, g := range grants {
			if err == nil {
				err = tree.SaveGrant(ctx, tx, n, g)
			}
		}
		return err
	})
}
