package posix

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// amend changes what belongs to a node, which then has a new ETag: f works in the transaction.
func (f *FS) amend(ctx context.Context, ref storage.Ref, c storage.Conditions, fn func(tx db.Tx, p *place) error) error {
	_, err := retry(func() (struct{}, error) {
		seen, err := f.found(ctx, ref)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, f.write(ctx, func(tx db.Tx) error {
			p, err := f.again(ctx, tx, seen)
			if err != nil {
				return err
			}
			if err := p.need(permission.Upload); err != nil {
				return err
			}
			if err := check(&c, p.node()); err != nil {
				return err
			}
			if err := f.guard(ctx, tx, p.chain, c.LockTokens, false); err != nil {
				return err
			}
			if err := fn(tx, p); err != nil {
				return err
			}
			n, now := p.node(), time.Now()
			seq := p.chain.NextSeq()
			parents := p.chain[1:]
			if n.IsFolder() {
				parents = p.chain
			} else {
				n.Seq = seq
				if err := tree.Save(ctx, tx, n); err != nil {
					return err
				}
			}
			return f.changed(ctx, tx, "meta", parents, n, seq, 0, now)
		})
	})
	return err
}

// maxProps and maxPropBytes bound the properties of one resource.
const (
	maxProps     = 1000
	maxPropBytes = 64 << 10
)

// PatchProps implements storage.Metadata.
func (f *FS) PatchProps(ctx context.Context, ref storage.Ref, patches []storage.PropPatch, c storage.Conditions) error {
	for _, p := range patches {
		if len(p.Prop.Value)+len(p.Prop.Attrs) > maxPropBytes || len(p.Prop.Name)+len(p.Prop.Namespace) > 4<<10 {
			return fmt.Errorf("%w: property is too large", storage.ErrInvalid)
		}
	}
	return f.amend(ctx, ref, c, func(tx db.Tx, p *place) error {
		n := p.node()
		for _, patch := range patches {
			var err error
			if patch.Remove {
				_, err = tx.Exec(ctx, `DELETE FROM props WHERE node=? AND ns=? AND name=?`, n.ID, patch.Prop.Namespace, patch.Prop.Name)
			} else {
				_, err = tx.Exec(ctx, `INSERT INTO props(node, ns, name, value, attrs) VALUES(?,?,?,?,?)
					ON CONFLICT(node, ns, name) DO UPDATE SET value=excluded.value, attrs=excluded.attrs`,
					n.ID, patch.Prop.Namespace, patch.Prop.Name, patch.Prop.Value, patch.Prop.Attrs)
			}
			if err != nil {
				return err
			}
		}
		count, err := f.count(ctx, tx, `SELECT count(*) FROM props WHERE node=?`, n.ID)
		if err == nil && count > maxProps {
			err = fmt.Errorf("%w: more than %d properties", storage.ErrInvalid, maxProps)
		}
		if err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, n, tree.FlagProps, count > 0)
	})
}

func (f *FS) count(ctx context.Context, r db.Reader, sql string, args ...any) (n int64, err error) {
	err = r.Query(ctx, sql, func(row db.Row) error { n = row.Int(0); return nil }, args...)
	return n, err
}

// SetMTime implements storage.Metadata.
func (f *FS) SetMTime(ctx context.Context, ref storage.Ref, t time.Time, c storage.Conditions) error {
	return f.amend(ctx, ref, c, func(tx db.Tx, p *place) error {
		n := p.node()
		if n.IsFolder() {
			return nil // a folder's time is that of the last change below it
		}
		n.MTime = t.UnixNano()
		return f.after(op{Kind: opMTime, To: p.path(), MTime: n.MTime, Ino: uint64(n.Ino)})
	})
}

// SetFavorite implements storage.Metadata.
func (f *FS) SetFavorite(ctx context.Context, ref storage.Ref, on bool) error {
	a := identity.ActorFrom(ctx)
	uid := a.User.ID
	return f.write(ctx, func(tx db.Tx) error {
		p, err := f.locate(ctx, tx, ref)
		if err == nil && a.Kind == identity.Visitor {
			err = storage.ErrForbidden
		}
		if err != nil {
			return err
		}
		if on {
			_, err = tx.Exec(ctx, `INSERT INTO favorites(uid, node) VALUES(?,?) ON CONFLICT(uid, node) DO NOTHING`, uid, p.node().ID)
		} else {
			_, err = tx.Exec(ctx, `DELETE FROM favorites WHERE uid=? AND node=?`, uid, p.node().ID)
		}
		if err != nil {
			return err
		}
		n, err := f.count(ctx, tx, `SELECT count(*) FROM favorites WHERE node=?`, p.node().ID)
		if err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, p.node(), tree.FlagFavorites, n > 0)
	})
}

// Favorites implements storage.Metadata.
func (f *FS) Favorites(ctx context.Context, ref storage.Ref) (iter.Seq2[storage.Info, error], error) {
	return f.search(ctx, ref, `SELECT node FROM favorites WHERE uid=?`, identity.ActorFrom(ctx).User.ID)
}

// Tagged implements storage.Metadata.
func (f *FS) Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error) {
	return f.search(ctx, ref, `SELECT DISTINCT t.node FROM tags t JOIN nodes n ON n.id=t.node WHERE (t.tag=? OR ?='') AND n.space=?`, tag, tag, ref.ID.Space)
}

// search yields the nodes that a query names and that lie below a folder.
func (f *FS) search(ctx context.Context, ref storage.Ref, sql string, args ...any) (iter.Seq2[storage.Info, error], error) {
	top, err := f.found(ctx, ref)
	if err != nil {
		return nil, err
	}
	return func(yield func(storage.Info, error) bool) {
		var found []storage.Info // gathered first: a slow client must not hold the snapshot open
		err := f.read(ctx, func(r db.Reader) error {
			var ids []string
			if err := r.Query(ctx, sql, func(row db.Row) error { ids = append(ids, row.Text(0)); return nil }, args...); err != nil {
				return err
			}
			for _, id := range ids {
				p, err := f.locate(ctx, r, storage.At(top.resource(f).WithNode(id), ""))
				if errors.Is(err, storage.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if !p.chain.Has(top.node().ID) {
					continue
				}
				i := f.info(p.space, p.node(), p.may)
				if err := f.decorate(ctx, r, p, storage.View{Path: true}, &i); err != nil {
					return err
				}
				found = append(found, i)
			}
			return nil
		})
		if err != nil {
			yield(storage.Info{}, err)
			return
		}
		for _, i := range found {
			if !yield(i, nil) {
				return
			}
		}
	}, nil
}

func (p *place) resource(f *FS) resource.ID { return f.id(p.space.ID, p.node().ID) }

// AddTags implements storage.Metadata.
func (f *FS) AddTags(ctx context.Context, ref storage.Ref, tags []string) error {
	for _, t := range tags {
		if t == "" || len(t) > 255 {
			return fmt.Errorf("%w: tag must have 1 to 255 bytes", storage.ErrInvalid)
		}
	}
	return f.tag(ctx, ref, `INSERT INTO tags(node, tag) VALUES(?,?) ON CONFLICT(node, tag) DO NOTHING`, tags)
}

// RemoveTags implements storage.Metadata.
func (f *FS) RemoveTags(ctx context.Context, ref storage.Ref, tags []string) error {
	return f.tag(ctx, ref, `DELETE FROM tags WHERE node=? AND tag=?`, tags)
}

func (f *FS) tag(ctx context.Context, ref storage.Ref, sql string, tags []string) error {
	return f.amend(ctx, ref, storage.Conditions{}, func(tx db.Tx, p *place) error {
		n := p.node()
		for _, t := range tags {
			if _, err := tx.Exec(ctx, sql, n.ID, t); err != nil {
				return err
			}
		}
		count, err := f.count(ctx, tx, `SELECT count(*) FROM tags WHERE node=?`, n.ID)
		if err == nil && count > 100 {
			err = fmt.Errorf("%w: more than 100 tags", storage.ErrInvalid)
		}
		if err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, n, tree.FlagTags, count > 0)
	})
}
