package mem

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// active removes the locks on a node that have ended, and returns the others.
func (n *node) active() []storage.Lock {
	now := time.Now()
	n.locks = slices.DeleteFunc(n.locks, func(l storage.Lock) bool { return !l.Expires.IsZero() && !now.Before(l.Expires) })
	return n.locks
}

// locksOn returns the locks that apply to a node, inherited ones included.
func (f *FS) locksOn(n *node) []storage.Lock {
	var out []storage.Lock
	for at := n; at != nil; at = at.parent {
		for _, l := range at.active() {
			if at == n || l.Infinite {
				l.Root, l.RootPath = f.id(at), at.path()
				out = append(out, l)
			}
		}
	}
	return out
}

// unlocked checks the locks on one node: one token of those that apply is enough.
func unlocked(ctx context.Context, n *node, tokens []string, applies func(*storage.Lock) bool) error {
	var blocking *storage.Lock
	for _, l := range n.active() {
		if !applies(&l) {
			continue
		}
		if slices.Contains(tokens, l.Token) && (l.App != "" || l.User == identity.ActorFrom(ctx).User.ID) {
			return nil
		}
		blocking = &l
	}
	if blocking != nil {
		return &storage.LockedError{Lock: *blocking}
	}
	return nil
}

// guard refuses a change of a node that a lock forbids. With membership its folder changes too. (RFC 4918 §7)
func guard(ctx context.Context, n *node, tokens []string, membership bool) error {
	for at := n; at != nil; at = at.parent {
		applies := func(l *storage.Lock) bool { return at == n || l.Infinite || membership && at == n.parent }
		if err := unlocked(ctx, at, tokens, applies); err != nil {
			return err
		}
	}
	return nil
}

// guardNew refuses something new in a folder. It is a change of the folder itself.
func guardNew(ctx context.Context, parent *node, tokens []string) error {
	return guard(ctx, parent, tokens, false)
}

// guardBelow refuses to move or remove a folder in which something is locked by others.
func guardBelow(ctx context.Context, n *node, tokens []string) error {
	for _, name := range n.names() {
		c := n.children[name]
		if err := unlocked(ctx, c, tokens, func(*storage.Lock) bool { return true }); err != nil {
			return err
		}
		if err := guardBelow(ctx, c, tokens); err != nil {
			return err
		}
	}
	return nil
}

// Lock implements storage.Locks.
func (f *FS) Lock(ctx context.Context, ref storage.Ref, r storage.LockRequest, c storage.Conditions) (l storage.Lock, created bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if errors.Is(err, storage.ErrNotFound) && ref.Path != "" {
		if _, err = f.finish(ctx, ref, storage.UploadRequest{Conditions: storage.Conditions{LockTokens: c.LockTokens}}, newBlob(nil)); err == nil {
			created = true
			n, err = f.find(ctx, ref)
		}
	}
	if err != nil {
		return l, false, err
	}
	if err := need(ctx, n, permission.Upload); err != nil {
		return l, false, err
	}
	if err := check(&storage.Conditions{IfMatch: c.IfMatch, IfNoneMatch: c.IfNoneMatch}, n); err != nil {
		return l, false, err
	}
	if err := f.lockable(n, r); err != nil {
		return l, false, err
	}
	a := identity.ActorFrom(ctx)
	l = storage.Lock{Token: r.Token, Shared: r.Shared, Infinite: r.Infinite, Owner: r.Owner, User: a.User.ID, UserName: a.User.DisplayName, App: r.App,
		Timeout: r.Timeout, Created: time.Now(), Root: f.id(n), RootPath: n.path()}
	if l.Token == "" {
		l.Token = "opaquelocktoken:" + uuid.NewString()
	}
	if r.Timeout > 0 {
		l.Expires = l.Created.Add(r.Timeout)
	}
	n.locks = append(n.locks, l)
	return l, created, nil
}

// lockable refuses a lock that contradicts another one on the node, above it, or (depth infinity) below it.
func (f *FS) lockable(n *node, r storage.LockRequest) error {
	others := f.locksOn(n)
	if r.Infinite {
		others = append(others, f.locksBelow(n)...)
	}
	for _, o := range others {
		if !r.Shared || !o.Shared || o.Token == r.Token {
			return &storage.LockedError{Lock: o}
		}
	}
	return nil
}

func (f *FS) locksBelow(n *node) (out []storage.Lock) {
	for _, c := range n.children {
		out = append(append(out, c.active()...), f.locksBelow(c)...)
	}
	return out
}

// held finds a lock among those that apply to a reference, and the node it is on.
func (f *FS) held(ctx context.Context, ref storage.Ref, token string, missing error) (*node, int, error) {
	n, err := f.find(ctx, ref)
	if err != nil {
		return nil, 0, err
	}
	if err := need(ctx, n, permission.Upload); err != nil {
		return nil, 0, err
	}
	for at := n; at != nil; at = at.parent {
		for i, l := range at.active() {
			if l.Token != token || at != n && !l.Infinite {
				continue
			}
			if l.App == "" && l.User != identity.ActorFrom(ctx).User.ID {
				return nil, 0, storage.ErrForbidden
			}
			return at, i, nil
		}
	}
	return nil, 0, missing
}

// RefreshLock implements storage.Locks.
func (f *FS) RefreshLock(ctx context.Context, ref storage.Ref, token string, timeout time.Duration) (storage.Lock, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, i, err := f.held(ctx, ref, token, storage.ErrPrecondition)
	if err != nil {
		return storage.Lock{}, err
	}
	l := &n.locks[i]
	l.Timeout, l.Expires = timeout, time.Time{}
	if timeout > 0 {
		l.Expires = time.Now().Add(timeout)
	}
	out := *l
	out.Root, out.RootPath = f.id(n), n.path()
	return out, nil
}

// Unlock implements storage.Locks.
func (f *FS) Unlock(ctx context.Context, ref storage.Ref, token string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, i, err := f.held(ctx, ref, token, storage.ErrConflict)
	if err != nil {
		return err
	}
	n.locks = slices.Delete(n.locks, i, i+1)
	return nil
}
