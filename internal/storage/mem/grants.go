package mem

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// ListGrants implements storage.Grants.
func (f *FS) ListGrants(ctx context.Context, ref storage.Ref) ([]space.Grant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	return slices.Clone(n.grants), need(ctx, n, permission.ListGrants)
}

func (n *node) grantOf(kind space.GranteeKind, grantee string) int {
	return slices.IndexFunc(n.grants, func(g space.Grant) bool { return g.Kind == kind && g.Grantee == grantee })
}

// SetGrant implements storage.Grants.
func (f *FS) SetGrant(ctx context.Context, ref storage.Ref, g space.Grant) error {
	if g.Grantee == "" || g.Kind != space.UserGrantee && g.Kind != space.GroupGrantee {
		return fmt.Errorf("%w: grantee", storage.ErrInvalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return err
	}
	i, may := n.grantOf(g.Kind, g.Grantee), rights(ctx, n)
	want := permission.AddGrant
	if i >= 0 {
		want = permission.UpdateGrant
	}
	if g.Permissions == permission.None {
		want |= permission.DenyGrant
	}
	if !may.Has(want | g.Permissions) {
		return storage.ErrForbidden
	}
	if err := n.keepsManager(g.Kind, g.Grantee, g.Permissions); err != nil {
		return err
	}
	if g.Creator == "" {
		g.Creator = identity.ActorFrom(ctx).User.ID
	}
	if g.Created.IsZero() {
		g.Created = time.Now()
	}
	if i >= 0 {
		n.grants[i] = g
	} else {
		n.grants = append(n.grants, g)
	}
	f.touched(n)
	return nil
}

// RemoveGrant implements storage.Grants.
func (f *FS) RemoveGrant(ctx context.Context, ref storage.Ref, kind space.GranteeKind, grantee string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return err
	}
	if err := need(ctx, n, permission.RemoveGrant); err != nil {
		return err
	}
	i := n.grantOf(kind, grantee)
	if i < 0 {
		return storage.ErrNotFound
	}
	if err := n.keepsManager(kind, grantee, permission.None); err != nil {
		return err
	}
	n.grants = slices.Delete(n.grants, i, i+1)
	f.touched(n)
	return nil
}

// Bequeath implements storage.Grants.
func (f *FS) Bequeath(ctx context.Context, creator string) error {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return storage.ErrForbidden
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.spaces {
		for _, n := range t.nodes {
			if t.kind == space.Project && n != t.root {
				f.bequeath(n, creator)
			}
		}
	}
	return nil
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
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.spaces {
		for _, n := range t.nodes {
			if i := n.grantOf(kind, grantee); i >= 0 {
				n.grants = slices.Delete(n.grants, i, i+1)
				f.touched(n)
			}
		}
	}
	return nil
}

// bequeath gives the shares that a user made on a node to the space, with what he could still give.
func (f *FS) bequeath(n *node, creator string) {
	x := space.For(identity.Actor{}, n.space.kind, n.space.owner, n.space.id, time.Now())
	x.Root = func() ([]space.Grant, error) { return n.space.root.grants, nil }
	var left []space.Grant
	for _, g := range n.grants {
		if g.Creator == creator {
			may, _ := x.StillGiven(g)
			f.touched(n)
			if may == permission.None && g.Permissions != permission.None {
				continue
			}
			g.Creator, g.Permissions = "", may
		}
		left = append(left, g)
	}
	n.grants = left
}

// Gone implements storage.Grants.
func (f *FS) Gone(ctx context.Context, ids []resource.ID) (out []resource.ID, err error) {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return nil, storage.ErrForbidden
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if t := f.spaces[id.Space]; t == nil || t.nodes[id.Node] == nil || id.Storage != f.storageID {
			out = append(out, id)
		}
	}
	return out, nil
}

// keepsManager refuses to take the rights of the last manager of a project.
func (n *node) keepsManager(kind space.GranteeKind, grantee string, to permission.Set) error {
	if n.parent != nil || n.space.kind != space.Project || to.Has(permission.Manager) {
		return nil
	}
	was, others := false, false
	for _, g := range n.grants {
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

// FindGrants implements storage.Grants.
func (f *FS) FindGrants(ctx context.Context, q storage.GrantQuery) ([]storage.Granted, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := identity.ActorFrom(ctx)
	switch {
	case q.All && a.Kind == identity.Service, (q.Received || q.Given) && a.Kind == identity.Person:
	case !q.Space.IsZero():
		n, err := f.find(ctx, storage.Ref{ID: q.Space.Root()})
		if err == nil {
			err = need(ctx, n, permission.ListGrants)
		}
		if err != nil {
			return nil, err
		}
	case a.Kind == identity.Anonymous:
		return nil, storage.ErrNotFound
	default:
		return nil, storage.ErrForbidden
	}
	var out []storage.Granted
	for _, t := range f.spaces {
		own := t.kind == space.Personal && t.owner == a.User.ID
		if !t.disabled.IsZero() || !q.Space.IsZero() && t.id != q.Space.Space || q.Received && own {
			continue
		}
		for _, n := range t.nodes {
			if n.parent == nil || !n.live() || !visible(ctx, n) {
				continue
			}
			for _, g := range n.grants {
				to := g.Kind == space.UserGrantee && g.Grantee == a.User.ID || g.Kind == space.GroupGrantee && slices.Contains(a.Groups, g.Grantee)
				if g.Expired(time.Now()) || q.Received && (!to || g.Permissions == permission.None) || q.Given && !own && g.Creator != a.User.ID {
					continue
				}
				out = append(out, storage.Granted{Grant: g, Info: f.info(ctx, n, storage.View{Path: true}), SpaceAlias: t.alias})
			}
		}
	}
	slices.SortFunc(out, func(a, b storage.Granted) int {
		return cmp.Or(a.Grant.Created.Compare(b.Grant.Created), cmp.Compare(a.Info.ID.Node, b.Info.ID.Node), cmp.Compare(a.Grant.Kind, b.Grant.Kind), cmp.Compare(a.Grant.Grantee, b.Grant.Grantee))
	})
	return out, nil
}
