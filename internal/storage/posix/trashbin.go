package posix

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// bin finds the root of a space and checks a right on it.
func (f *FS) bin(ctx context.Context, r db.Reader, id resource.ID, want permission.Set) (*place, error) {
	p, err := f.locateNames(ctx, r, id.Root(), nil)
	if err == nil {
		err = p.need(want)
	}
	return p, err
}

// ListTrash implements storage.Trash.
func (f *FS) ListTrash(ctx context.Context, space resource.ID, key, rel string) (iter.Seq2[storage.TrashItem, error], error) {
	err := f.read(ctx, func(r db.Reader) error {
		_, err := f.bin(ctx, r, space, permission.ListTrash)
		if err == nil && key != "" {
			_, _, err = f.trashed(ctx, r, space, key, rel)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(yield func(storage.TrashItem, error) bool) {
		// Gathered first: a slow client must not hold the snapshot open.
		var items []storage.TrashItem
		gather := func(i storage.TrashItem, _ error) bool { items = append(items, i); return true }
		err := f.read(ctx, func(r db.Reader) error {
			if key == "" {
				return f.listBin(ctx, r, space, gather)
			}
			return f.listTrashed(ctx, r, space, key, rel, gather)
		})
		if err != nil {
			yield(storage.TrashItem{}, err)
			return
		}
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	}, nil
}

func (f *FS) listBin(ctx context.Context, r db.Reader, space resource.ID, yield func(storage.TrashItem, error) bool) error {
	return r.Query(ctx, `SELECT t.node, t.path, t.name, t.deleted, n.kind, n.size FROM trash t JOIN nodes n ON n.id=t.node
		WHERE t.space=? ORDER BY t.deleted DESC, t.node`, func(row db.Row) error {
		i := storage.TrashItem{Key: row.Text(0), OriginalPath: toClient(string(row.Bytes(1))), Name: toClient(string(row.Bytes(2))),
			Deleted: db.Time(row.Int(3)), Kind: resource.Kind(row.Int(4)), Size: row.Int(5)}
		i.ID = f.id(space.Space, i.Key)
		if !yield(i, nil) {
			return errStopped
		}
		return nil
	}, space.Space)
}

// trashed finds an item, or something inside a trashed folder; chain leads from there up to the trashed node.
func (f *FS) trashed(ctx context.Context, r db.Reader, space resource.ID, key, rel string) (*tree.Trashed, tree.Chain, error) {
	t, err := tree.TrashedNode(ctx, r, space.Space, key)
	if err != nil {
		return nil, nil, err
	}
	names, err := segments(rel)
	if err != nil {
		return nil, nil, err
	}
	c, err := f.down(ctx, r, tree.Chain{t.Node}, names)
	return t, c, err
}

func (f *FS) listTrashed(ctx context.Context, r db.Reader, space resource.ID, key, rel string, yield func(storage.TrashItem, error) bool) error {
	t, c, err := f.trashed(ctx, r, space, key, rel)
	if err != nil {
		return err
	}
	rel = toClient(c.Path())
	return tree.Children(ctx, r, c.Node().ID, nil, 1<<40, func(n *tree.Node) error {
		p := path.Join(rel, toClient(n.Name))
		i := storage.TrashItem{Key: key, Path: p, Name: toClient(n.Name), OriginalPath: toClient(t.Path) + "/" + p, Kind: n.Kind, Size: n.Size,
			Deleted: db.Time(t.Deleted), ID: f.id(n.Space, n.ID)}
		if !yield(i, nil) {
			return errStopped
		}
		return nil
	})
}

// Restore implements storage.Trash.
func (f *FS) Restore(ctx context.Context, space resource.ID, key, rel string, dst storage.Ref, overwrite bool, c storage.Conditions) (storage.Result, error) {
	return retry(func() (storage.Result, error) { return f.restore(ctx, space, key, rel, dst, overwrite, c) })
}

func (f *FS) restore(ctx context.Context, space resource.ID, key, rel string, dst storage.Ref, overwrite bool, c storage.Conditions) (res storage.Result, err error) {
	var t *tree.Trashed
	var from tree.Chain
	err = f.read(ctx, func(r db.Reader) error {
		if _, err := f.bin(ctx, r, space, permission.RestoreTrash); err != nil {
			return err
		}
		t, from, err = f.trashed(ctx, r, space, key, rel)
		return err
	})
	if err != nil {
		return res, err
	}
	if dst.ID.IsZero() {
		dst = storage.At(space.Root(), strings.Trim(toClient(t.Path)+"/"+toClient(from.Path()), "/"))
	}
	to, err := f.destination(ctx, dst)
	if err != nil {
		return res, err
	}
	if to.parent.space.ID != space.Space {
		return res, storage.ErrCrossSpace
	}
	err = f.write(ctx, func(tx db.Tx) error {
		// Before the target is cleared: what is in the way may be the item itself, which somebody else just restored.
		if _, _, err := f.trashed(ctx, tx, space, key, rel); err != nil {
			return err
		}
		if err := f.clear(ctx, tx, to, overwrite, c.LockTokens); err != nil {
			return err
		}
		res, err = f.restoreNode(ctx, tx, space, key, rel, to, c)
		return err
	})
	res.Created = to.old == nil
	return res, err
}

func (f *FS) restoreNode(ctx context.Context, tx db.Tx, space resource.ID, key, rel string, d *destination, c storage.Conditions) (res storage.Result, err error) {
	t, from, err := f.trashed(ctx, tx, space, key, rel)
	if err != nil {
		return res, err
	}
	to, err := f.again(ctx, tx, d.parent)
	if err != nil {
		return res, err
	}
	n := from.Node()
	want := permission.Upload
	if n.IsFolder() {
		want = permission.CreateContainer
	}
	if err := f.mayCreate(to, d.name, want); err != nil {
		return res, err
	}
	if err := f.guardNew(ctx, tx, to.chain, c.LockTokens); err != nil {
		return res, err
	}
	if err := f.fits(to.chain.Root(), to.space, n.Size); err != nil {
		return res, err
	}
	now := time.Now()
	o := op{Kind: opRestore, From: trashPath(to.space, t, from), To: to.path() + "/" + d.name, Ino: uint64(n.Ino)}
	if len(from) == 1 {
		o.Trashed = &tree.Trashed{Node: &tree.Node{ID: n.ID}, Parent: t.Parent, Name: t.Name, Path: t.Path, Deleted: t.Deleted, Actor: t.Actor}
		_, err = tx.Exec(ctx, `DELETE FROM trash WHERE node=?`, n.ID)
	} else {
		o.Kind = opPut // the info file is that of the whole item
		err = f.shrink(ctx, tx, from[1:], n.Size)
	}
	if err != nil {
		return res, err
	}
	oldParent, oldName := "", ""
	if len(from) > 1 { // clients may know it in a folder that comes back
		oldParent, oldName = n.Parent, n.Name
	}
	if err := tree.Place(ctx, tx, n, to.node().ID, d.name); err != nil {
		return res, err
	}
	seq := to.chain.NextSeq()
	if err := tree.Touch(ctx, tx, to.chain, seq, n.Size, now); err != nil {
		return res, err
	}
	if err := f.journal(ctx, tx, "restore", n, seq, oldParent, oldName, now); err != nil {
		return res, err
	}
	res.Info = f.info(to.space, n, to.may)
	return res, f.after(o)
}

// shrink takes the size of something that left a trashed folder from the folders it was in.
func (f *FS) shrink(ctx context.Context, tx db.Tx, c tree.Chain, size int64) error {
	for _, n := range c {
		n.Size -= size
		if err := tree.Save(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

func trashPath(sp *tree.Space, t *tree.Trashed, c tree.Chain) string {
	p := scan.TrashPath(sp, t.Node.ID)
	if len(c) > 1 {
		p += "/" + c.Path()
	}
	return p
}

// Purge implements storage.Trash. It costs the same for a file and a million: what is purged goes to the graveyard and is
// removed in the background.
func (f *FS) Purge(ctx context.Context, space resource.ID, key, rel string) error {
	err := f.write(ctx, func(tx db.Tx) error {
		p, err := f.bin(ctx, tx, space, permission.PurgeTrash)
		if err != nil {
			return err
		}
		if key != "" {
			t, c, err := f.trashed(ctx, tx, space, key, rel)
			if err != nil {
				return err
			}
			return f.bury(ctx, tx, p.space, t, c)
		}
		return f.buryBefore(ctx, tx, p.space, time.Now().UnixNano()+1)
	})
	if err == nil {
		f.kick()
	}
	return err
}

// buryBefore purges everything that was deleted before a time.
func (f *FS) buryBefore(ctx context.Context, tx db.Tx, sp *tree.Space, before int64) error {
	var keys []string
	err := tx.Query(ctx, `SELECT node FROM trash WHERE space=? AND deleted<?`, func(row db.Row) error {
		keys = append(keys, row.Text(0))
		return nil
	}, sp.ID, before)
	if err != nil {
		return err
	}
	for _, k := range keys {
		t, err := tree.TrashedNode(ctx, tx, sp.ID, k)
		if err != nil {
			return err
		}
		if err := f.bury(ctx, tx, sp, t, tree.Chain{t.Node}); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) bury(ctx context.Context, tx db.Tx, sp *tree.Space, t *tree.Trashed, c tree.Chain) error {
	n := c.Node()
	from := trashPath(sp, t, c)
	if len(c) == 1 {
		if _, err := tx.Exec(ctx, `DELETE FROM trash WHERE node=?`, n.ID); err != nil {
			return err
		}
	} else {
		if err := f.shrink(ctx, tx, c[1:], n.Size); err != nil {
			return err
		}
		for _, above := range c[1:] {
			if err := tree.SetFlag(ctx, tx, above, tree.FlagThinned, true); err != nil {
				return err
			}
		}
	}
	if err := tree.Place(ctx, tx, n, tree.Graveyard, n.ID); err != nil {
		return err
	}
	if len(c) > 1 {
		return f.after(op{Kind: opPut, From: from, To: gravePath(sp, n.ID), Ino: uint64(n.Ino)})
	}
	return f.after(op{Kind: opRemove, From: from, To: gravePath(sp, n.ID), Ino: uint64(n.Ino)})
}

// gravePath is where what is being removed lies.
func gravePath(sp *tree.Space, id string) string { return sp.Dir + "/.oc-tmp/grave-" + id }

// dig removes what is in the graveyard, a portion at a time. It tells whether there is more.
func (f *FS) dig(ctx context.Context) (more bool, err error) {
	const portion = 500
	var nodes []*tree.Node
	err = f.db.Read(ctx, func(r db.Reader) error {
		return tree.Children(ctx, r, tree.Graveyard, nil, 20, func(n *tree.Node) error { nodes = append(nodes, n); return nil })
	})
	if err != nil || len(nodes) == 0 {
		return false, err
	}
	for _, n := range nodes {
		sp := f.anySpace(n.Space)
		if sp != nil {
			if err := disk.RemoveAll(ctx, f.disk, gravePath(sp, n.ID)); err != nil {
				return false, fmt.Errorf("purge: %w", err)
			}
		}
		for {
			var below []*tree.Node
			err := f.db.Write(ctx, func(tx db.Tx) error {
				below = below[:0]
				if err := tree.Children(ctx, tx, n.ID, nil, portion, func(c *tree.Node) error { below = append(below, c); return nil }); err != nil {
					return err
				}
				for _, c := range below {
					if c.IsFolder() {
						if err := tree.Place(ctx, tx, c, tree.Graveyard, c.ID); err != nil {
							return err
						}
					} else if err := f.forget(ctx, tx, sp, c); err != nil {
						return err
					}
				}
				if len(below) < portion {
					return f.forget(ctx, tx, sp, n)
				}
				return nil
			})
			if err != nil {
				return false, err
			}
			if len(below) < portion {
				break
			}
		}
	}
	return true, nil
}

// forget removes a node and all that belongs to it from the index, and its versions from the disk.
func (f *FS) forget(ctx context.Context, tx db.Tx, sp *tree.Space, n *tree.Node) error {
	if n.Flags != 0 {
		if n.Flags&tree.FlagVersions != 0 && sp != nil {
			versions, err := tree.VersionsOf(ctx, tx, n.ID)
			if err != nil {
				return err
			}
			for _, v := range versions {
				tx.AfterCommit(func() error { f.drop(versionPath(sp, v.Key)); return nil })
			}
		}
		for _, table := range []string{"versions", "grants", "locks", "props", "tags", "favorites"} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE node=?`, n.ID); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, `DELETE FROM nodes WHERE id=?`, n.ID)
	return err
}
