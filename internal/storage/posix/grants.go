package posix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
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
		n, err := tx.Exec(ctx, `DELETE FROM grants WHERE node=? AND kind=? AND grantee=?`, p.node().ID, int64(kind), grantee)
		if err == nil && n == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() error { f.note(attrs.RemoveGrant(f.disk, p.path(), kind, grantee)); return nil })
		left, err := f.count(ctx, tx, `SELECT count(*) FROM grants WHERE node=?`, p.node().ID)
		if err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, p.node(), tree.FlagGrants, left > 0)
	})
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
	})
}
