package posix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/attrs"
	"opencloud/internal/storage/tree"
)

// ListGrants implements storage.Grants.
func (f *FS) ListGrants(ctx context.Context, ref storage.Ref) (out []space.Grant, err error) {
	err = f.read(ctx, func(r db.Reader) error {
		p, err := f.locate(ctx, r, ref)
		if err == nil {
			err = p.need(permission.ListGrants)
		}
		if err == nil {
			out, err = tree.GrantsOf(ctx, r, p.node().ID)
		}
		return err
	})
	return out, err
}

// SetGrant implements storage.Grants.
func (f *FS) SetGrant(ctx context.Context, ref storage.Ref, g space.Grant) error {
	if g.Grantee == "" || g.Kind != space.UserGrantee && g.Kind != space.GroupGrantee {
		return fmt.Errorf("%w: grantee", storage.ErrInvalid)
	}
	return f.grant(ctx, ref, permission.AddGrant, func(tx db.Tx, p *place) error {
		if !p.may.Has(g.Permissions) || g.Permissions == permission.None && !p.may.Has(permission.DenyGrant) {
			return storage.ErrForbidden
		}
		if g.Creator == "" {
			g.Creator = identity.ActorFrom(ctx).User.ID
		}
		if g.Created.IsZero() {
			g.Created = time.Now()
		}
		if err := f.keepsManager(ctx, tx, p, g.Kind, g.Grantee, g.Permissions); err != nil {
			return err
		}
		all, err := tree.GrantsOf(ctx, tx, p.node().ID)
		if err != nil {
			return err
		}
		if err := f.tellSet(ctx, tx, p, grantTo(all, g.Kind, g.Grantee), g); err != nil {
			return err
		}
		tx.AfterCommit(func() error { f.note(attrs.WriteGrant(f.disk, p.path(), g)); return nil })
		return tree.SaveGrant(ctx, tx, p.node(), g)
	})
}

// note reports that something could not be written to disk of which the index is the truth.
func (f *FS) note(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.log.Warn("attribute cannot be written", "err", err)
	}
}

// RemoveGrant implements storage.Grants.
func (f *FS) RemoveGrant(ctx context.Context, ref storage.Ref, kind space.GranteeKind, grantee string) error {
	return f.grant(ctx, ref, permission.RemoveGrant, func(tx db.Tx, p *place) error {
		if err := f.keepsManager(ctx, tx, p, kind, grantee, 0); err != nil {
			return err
		}
		return f.unsetGrant(ctx, tx, p, kind, grantee, true, revoked)
	})
}

// DropGrantee implements storage.Grants.
func (f *FS) DropGrantee(ctx context.Context, kind space.GranteeKind, grantee string) error {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return storage.ErrForbidden
	}
	if kind == space.UserGrantee {
		if err := f.Bequeath(ctx, grantee); err != nil {
			return err
		}
	}
	var nodes []string
	err := f.read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT node FROM grants WHERE kind=? AND grantee=?`, func(row db.Row) error {
			nodes = append(nodes, row.Text(0))
			return nil
		}, int64(kind), grantee)
	})
	for _, id := range nodes {
		if err == nil {
			err = f.write(ctx, func(tx db.Tx) error { return f.dropGrant(ctx, tx, id, kind, grantee, revoked, nil) })
		}
	}
	return err
}

// dropGrant removes a grant wherever its node is, if it is still what was looked for (nil: whatever it is).
func (f *FS) dropGrant(ctx context.Context, tx db.Tx, id string, kind space.GranteeKind, grantee string, why grantChange, still func(space.Grant) bool) error {
	p, trashed, err := f.anywhere(ctx, tx, id)
	if err != nil || p == nil {
		return err
	}
	if still != nil {
		all, err := tree.GrantsOf(ctx, tx, id)
		if g := grantTo(all, kind, grantee); err != nil || g == nil || !still(*g) {
			return err
		}
	}
	err = f.unsetGrant(ctx, tx, p, kind, grantee, !trashed, why)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // somebody else was quicker
	}
	if err != nil || trashed {
		return err
	}
	return f.granted(ctx, tx, p)
}

// anywhere finds a node by its id, in the trash and in disabled spaces too; nil if it is no more.
func (f *FS) anywhere(ctx context.Context, r db.Reader, id string) (p *place, trashed bool, err error) {
	n, err := tree.ByID(ctx, r, id)
	if errors.Is(err, tree.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	c, trashed, err := tree.UpAnywhere(ctx, r, n)
	sp := f.anySpace(n.Space)
	if err != nil || sp == nil {
		return nil, false, err
	}
	return &place{space: sp, chain: c}, trashed, nil
}

// Bequeath implements storage.Grants.
func (f *FS) Bequeath(ctx context.Context, creator string) error {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return storage.ErrForbidden
	}
	var made []tree.Granted
	err := f.read(ctx, func(r db.Reader) (err error) {
		made, err = tree.FindGrants(ctx, r, tree.GrantsBy(creator, ""))
		return err
	})
	for _, g := range made {
		if err == nil && g.Node != g.Space {
			err = f.write(ctx, func(tx db.Tx) error { return f.bequeathOne(ctx, tx, g.Node, g.Grant) })
		}
	}
	return err
}

func (f *FS) bequeathOne(ctx context.Context, tx db.Tx, node string, g space.Grant) error {
	p, trashed, err := f.anywhere(ctx, tx, node)
	if err != nil || p == nil || p.space.Type != space.Project {
		return err
	}
	all, err := tree.GrantsOf(ctx, tx, node)
	i := slices.IndexFunc(all, func(now space.Grant) bool {
		return now.Kind == g.Kind && now.Grantee == g.Grantee && now.Creator == g.Creator
	})
	if err != nil || i < 0 {
		return err
	}
	g = all[i]
	may, err := f.access(ctx, tx, p.space).StillGiven(g)
	if err != nil {
		return err
	}
	if may == permission.None && g.Permissions != permission.None {
		return f.dropGrant(ctx, tx, node, g.Kind, g.Grantee, revoked, nil)
	}
	g.Creator, g.Permissions = "", may
	if _, err := tx.Exec(ctx, `UPDATE grants SET creator='', permissions=? WHERE node=? AND kind=? AND grantee=?`, int64(may), node, int64(g.Kind), g.Grantee); err != nil {
		return err
	}
	if err := f.tellGrant(ctx, tx, regranted, p, g, "creator"); err != nil {
		return err
	}
	if trashed {
		tx.AfterCommit(func() error { f.grants.forget(); return nil })
		return nil
	}
	tx.AfterCommit(func() error { f.note(attrs.WriteGrant(f.disk, p.path(), g)); return nil })
	return f.granted(ctx, tx, p)
}

// unsetGrant removes a grant; noted tells that it is also written at the file on disk.
func (f *FS) unsetGrant(ctx context.Context, tx db.Tx, p *place, kind space.GranteeKind, grantee string, noted bool, why grantChange) error {
	all, err := tree.GrantsOf(ctx, tx, p.node().ID)
	if err != nil {
		return err
	}
	g := grantTo(all, kind, grantee)
	if g == nil {
		return storage.ErrNotFound
	}
	if _, err := tx.Exec(ctx, `DELETE FROM grants WHERE node=? AND kind=? AND grantee=?`, p.node().ID, int64(kind), grantee); err != nil {
		return err
	}
	if err := f.tellGrant(ctx, tx, why, p, *g); err != nil {
		return err
	}
	if noted {
		tx.AfterCommit(func() error { f.note(attrs.RemoveGrant(f.disk, p.path(), kind, grantee)); return nil })
	} else {
		tx.AfterCommit(func() error { f.grants.forget(); return nil })
	}
	return tree.SetFlag(ctx, tx, p.node(), tree.FlagGrants, len(all) > 1)
}

// Gone implements storage.Grants.
func (f *FS) Gone(ctx context.Context, ids []resource.ID) (out []resource.ID, err error) {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return nil, storage.ErrForbidden
	}
	err = f.read(ctx, func(r db.Reader) error {
		for _, id := range ids {
			n, err := tree.ByID(ctx, r, id.Node)
			if err != nil && !errors.Is(err, tree.ErrNotFound) {
				return err
			}
			gone := err != nil || n.Space != id.Space || id.Storage != f.cfg.StorageID
			if !gone {
				c, _, err := tree.UpAnywhere(ctx, r, n)
				if err != nil {
					return err
				}
				gone = c.Root().Parent == tree.Graveyard
			}
			if gone {
				out = append(out, id)
			}
		}
		return nil
	})
	return out, err
}

// keepsManager refuses to take the rights of the last manager of a project.
func (f *FS) keepsManager(ctx context.Context, tx db.Tx, p *place, kind space.GranteeKind, grantee string, to permission.Set) error {
	if len(p.chain) > 1 || p.space.Type != space.Project || to.Has(permission.Manager) {
		return nil
	}
	grants, err := tree.GrantsOf(ctx, tx, p.node().ID)
	if err != nil {
		return err
	}
	was, others := false, false
	for _, g := range grants {
		if !g.Permissions.Has(permission.Manager) || g.Expired(time.Now()) {
			continue
		}
		if g.Kind == kind && g.Grantee == grantee {
			was = true
		} else {
			others = true
		}
	}
	if was && !others {
		return fmt.Errorf("%w: a space needs a manager", storage.ErrForbidden)
	}
	return nil
}

// grant changes grants of a node; whoever sees it must see that it changed.
func (f *FS) grant(ctx context.Context, ref storage.Ref, want permission.Set, change func(tx db.Tx, p *place) error) error {
	return f.write(ctx, func(tx db.Tx) error {
		p, err := f.locate(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := p.need(want); err != nil {
			return err
		}
		if err := change(tx, p); err != nil {
			return err
		}
		return f.granted(ctx, tx, p)
	})
}

// granted makes everybody see that the grants of a node changed.
func (f *FS) granted(ctx context.Context, tx db.Tx, p *place) error {
	n, now, seq := p.node(), time.Now(), p.chain.NextSeq()
	parents := p.chain
	if !n.IsFolder() {
		n.Seq = seq
		if err := tree.Save(ctx, tx, n); err != nil {
			return err
		}
		parents = p.chain[1:]
	}
	return f.changed(ctx, tx, "grant", parents, n, seq, 0, now)
}

// FindGrants implements storage.Grants.
func (f *FS) FindGrants(ctx context.Context, q storage.GrantQuery) (out []storage.Granted, err error) {
	a := identity.ActorFrom(ctx)
	var which tree.GrantCondition
	switch {
	case q.All && a.Kind == identity.Service:
		which = tree.GrantsIn("")
	case q.Received && a.Kind == identity.Person:
		which = tree.GrantsTo(a.User.ID, a.Groups)
	case q.Given && a.Kind == identity.Person:
		own := ""
		if sp := f.anySpace(a.User.ID); sp != nil && sp.Owner == a.User.ID {
			own = sp.ID
		}
		which = tree.GrantsBy(a.User.ID, own)
	case !q.Space.IsZero():
		which = tree.GrantsIn(q.Space.Space)
	case a.Kind == identity.Anonymous:
		return nil, storage.ErrNotFound
	default:
		return nil, storage.ErrForbidden
	}
	err = f.read(ctx, func(r db.Reader) error {
		if !q.Space.IsZero() {
			p, err := f.locateNames(ctx, r, q.Space.Root(), nil)
			if err == nil {
				err = p.need(permission.ListGrants)
			}
			if err != nil {
				return err
			}
		}
		out, err = f.findGrants(ctx, r, q, which)
		return err
	})
	return out, err
}

func (f *FS) findGrants(ctx context.Context, r db.Reader, q storage.GrantQuery, which tree.GrantCondition) ([]storage.Granted, error) {
	found, err := tree.FindGrants(ctx, r, which)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	a := identity.ActorFrom(ctx)
	to, mine := found, make(map[string][]space.Grant, len(found))
	if !q.Received {
		if to, err = tree.FindGrants(ctx, r, tree.GrantsTo(a.User.ID, a.Groups)); err != nil {
			return nil, err
		}
	}
	for _, g := range to {
		mine[g.Node] = append(mine[g.Node], g.Grant)
	}
	nodes, err := tree.GrantedNodes(ctx, r, which)
	if err != nil {
		return nil, err
	}
	roots, err := tree.RootGrants(ctx, r, which)
	if err != nil {
		return nil, err
	}
	accesses := map[string]*space.Access{}
	now := time.Now()
	out := make([]storage.Granted, 0, len(found))
	for _, g := range found {
		sp := f.anySpace(g.Space)
		if g.Node == g.Space || sp == nil || sp.Disabled != 0 || g.Grant.Expired(now) || q.Received && (sp.Owner == a.User.ID || g.Grant.Permissions == permission.None) {
			continue
		}
		x := accesses[g.Space]
		if x == nil {
			x = f.access(ctx, r, sp)
			x.Root = func() ([]space.Grant, error) { return roots[g.Space], nil }
			accesses[g.Space] = x
		}
		c := chainIn(nodes, g.Node)
		if c == nil {
			continue // in the trash
		}
		may, err := along(x, c, mine)
		if err != nil {
			return nil, err
		}
		if !may.Has(permission.Stat) {
			continue
		}
		i := f.info(sp, c.Node(), may)
		top := len(c) - 1
		for ; top > 0; top-- {
			if may, err := along(x, c[top:], mine); err != nil || may.Has(permission.Stat) {
				break
			}
		}
		i.Path = toClient(shown(c, top).Path())
		out = append(out, storage.Granted{Grant: g.Grant, Info: i, SpaceAlias: sp.Alias})
	}
	return out, nil
}

// chainIn returns the chain of a node within those that are known; nil if it does not lead to the root of a space.
func chainIn(nodes map[string]*tree.Node, id string) tree.Chain {
	var c tree.Chain
	for n := nodes[id]; n != nil && len(c) < len(nodes); n = nodes[n.Parent] {
		c = append(c, n)
		if n.Parent == tree.RootParent {
			return c
		}
	}
	return nil
}

// along evaluates rights with grants that were read before.
func along(x *space.Access, c tree.Chain, grants map[string][]space.Grant) (permission.Set, error) {
	if may, ok := x.Whole(); ok {
		return may, nil
	}
	var may permission.Set
	for _, n := range c {
		set, denied, err := x.Of(n.Parent == tree.RootParent, grants[n.ID])
		if err != nil || denied {
			return permission.None, err
		}
		may |= set
	}
	return x.All(may), nil
}
