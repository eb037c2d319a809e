package posix

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/storage"
	"opencloud/internal/storage/tree"
)

// Lock implements storage.Locks.
func (f *FS) Lock(ctx context.Context, ref storage.Ref, r storage.LockRequest, c storage.Conditions) (l storage.Lock, created bool, err error) {
	p, err := f.found(ctx, ref)
	if errors.Is(err, storage.ErrNotFound) && ref.Path != "" {
		// Locking a free name makes an empty file (RFC 4918 §7.3).
		_, err = f.Upload(ctx, ref, storage.UploadRequest{Conditions: storage.Conditions{IfNoneMatch: []string{"*"}, LockTokens: c.LockTokens}}, bytes.NewReader(nil))
		if err == nil {
			created = true
			p, err = f.found(ctx, ref)
		}
	}
	if err != nil {
		return l, false, err
	}
	a := identity.ActorFrom(ctx)
	now := time.Now()
	l = storage.Lock{Token: r.Token, Shared: r.Shared, Infinite: r.Infinite, Owner: r.Owner, User: a.User.ID, UserName: a.User.DisplayName, App: r.App,
		Timeout: r.Timeout, Created: now}
	if l.Token == "" {
		l.Token = "opaquelocktoken:" + uuid.NewString()
	}
	if r.Timeout > 0 {
		l.Expires = now.Add(r.Timeout)
	}
	err = f.write(ctx, func(tx db.Tx) error {
		p, err := f.again(ctx, tx, p)
		if err != nil {
			return err
		}
		if err := p.need(permission.Upload); err != nil {
			return err
		}
		if err := check(&storage.Conditions{IfMatch: c.IfMatch, IfNoneMatch: c.IfNoneMatch}, p.node()); err != nil {
			return err
		}
		l.Root, l.RootPath = f.id(p.space.ID, p.node().ID), toClient(p.chain.Path())
		if err := f.lockable(ctx, tx, p, &l); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM locks WHERE node=? AND expires<>0 AND expires<=?`, p.node().ID, now.UnixNano()); err != nil {
			return err
		}
		return tree.SaveLock(ctx, tx, p.node(), l)
	})
	if errors.Is(err, errStale) {
		err = storage.ErrUnavailable
	}
	return l, created, err
}

// lockable refuses a lock that contradicts another one on the node, above it, or (depth infinity) below it.
func (f *FS) lockable(ctx context.Context, tx db.Tx, p *place, l *storage.Lock) error {
	locks, err := f.locksOn(ctx, tx, p.chain)
	if err != nil {
		return err
	}
	for _, other := range locks {
		if !l.Shared || !other.Shared || l.Token == other.Token {
			return &storage.LockedError{Lock: other}
		}
	}
	if !l.Infinite || !p.node().IsFolder() {
		return nil
	}
	var conflict error
	var ids []string
	err = tx.Query(ctx, `SELECT node FROM locks WHERE space=? AND (expires=0 OR expires>?)`, func(row db.Row) error {
		ids = append(ids, row.Text(0))
		return nil
	}, p.space.ID, time.Now().UnixNano())
	if err != nil {
		return err
	}
	for _, id := range ids {
		n, err := tree.ByID(ctx, tx, id)
		if errors.Is(err, tree.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		c, trashed, err := tree.UpAnywhere(ctx, tx, n)
		if err != nil {
			return err
		}
		if trashed || !c.Has(p.node().ID) {
			continue
		}
		below, err := tree.LocksOf(ctx, tx, f.id(n.Space, n.ID), time.Now())
		if err != nil {
			return err
		}
		for _, other := range below {
			if !l.Shared || !other.Shared || l.Token == other.Token {
				conflict = &storage.LockedError{Lock: other}
			}
		}
	}
	return conflict
}

// held finds a lock by its token among those that apply to a reference.
func (f *FS) held(ctx context.Context, tx db.Tx, p *place, token string) (*storage.Lock, error) {
	locks, err := f.locksOn(ctx, tx, p.chain)
	if err != nil {
		return nil, err
	}
	for i := range locks {
		if locks[i].Token == token {
			return &locks[i], nil
		}
	}
	return nil, nil
}

// RefreshLock implements storage.Locks.
func (f *FS) RefreshLock(ctx context.Context, ref storage.Ref, token string, timeout time.Duration) (storage.Lock, error) {
	var out storage.Lock
	err := f.write(ctx, func(tx db.Tx) error {
		p, err := f.locate(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := p.need(permission.Upload); err != nil {
			return err
		}
		l, err := f.held(ctx, tx, p, token)
		if err != nil {
			return err
		}
		if l == nil {
			return storage.ErrPrecondition
		}
		if l.App == "" && l.User != identity.ActorFrom(ctx).User.ID {
			return storage.ErrForbidden
		}
		n, err := tree.ByID(ctx, tx, l.Root.Node)
		if err != nil {
			return err
		}
		l.Timeout, l.Expires = timeout, time.Time{}
		if timeout > 0 {
			l.Expires = time.Now().Add(timeout)
		}
		out = *l
		return tree.SaveLock(ctx, tx, n, *l)
	})
	return out, err
}

// Unlock implements storage.Locks.
func (f *FS) Unlock(ctx context.Context, ref storage.Ref, token string) error {
	return f.write(ctx, func(tx db.Tx) error {
		p, err := f.locate(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := p.need(permission.Upload); err != nil {
			return err
		}
		l, err := f.held(ctx, tx, p, token)
		if err != nil {
			return err
		}
		if l == nil {
			return storage.ErrConflict
		}
		if l.App == "" && l.User != identity.ActorFrom(ctx).User.ID {
			return storage.ErrForbidden
		}
		if _, err := tx.Exec(ctx, `DELETE FROM locks WHERE node=? AND token=?`, l.Root.Node, token); err != nil {
			return err
		}
		left := false
		if err := tx.Query(ctx, `SELECT 1 FROM locks WHERE node=?`, func(db.Row) error { left = true; return nil }, l.Root.Node); err != nil || left {
			return err
		}
		n, err := tree.ByID(ctx, tx, l.Root.Node)
		if err != nil {
			return err
		}
		return tree.SetFlag(ctx, tx, n, tree.FlagLocks, false)
	})
}
