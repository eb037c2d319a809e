package posix

import (
	"context"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage/tree"
)

// The index is the outbox of what happens to grants and spaces: each is told in the transaction that does it.

// about returns an event about a node, which is a root or not in a space.
func (f *FS) about(t event.Type, sp *tree.Space, n *tree.Node) event.Event {
	e := event.Event{Type: t, Item: f.id(sp.ID, n.ID).String(), Name: toClient(n.Name), Owner: sp.Owner}
	if n.ID == sp.ID {
		e.Name = sp.Name
	}
	return e
}

// grantChange is what can happen to a grant.
type grantChange int

const (
	granted grantChange = iota
	regranted
	revoked
	expired
)

// tellGrant tells what happened to a grant: below the root it is a share, on the root a member.
func (f *FS) tellGrant(ctx context.Context, tx db.Tx, c grantChange, p *place, g space.Grant, changed ...string) error {
	types := [...]event.Type{event.ShareCreated, event.ShareUpdated, event.ShareRemoved, event.ShareExpired}
	if p.node().ID == p.space.ID {
		types = [...]event.Type{event.SpaceShared, event.SpaceShareUpdated, event.SpaceUnshared, event.SpaceMembershipExpired}
	}
	e := f.about(types[c], p.space, p.node())
	switch p.node().Parent { // below these a node's name is its id
	case tree.TrashParent:
		t, err := tree.TrashedNode(ctx, tx, p.space.ID, p.node().ID)
		if err != nil {
			return err
		}
		e.Name = toClient(t.Name)
	case tree.Limbo, tree.Graveyard:
		e.Name = ""
	}
	sh := share.Share{Grant: g}
	sh.Item.ID = f.id(p.space.ID, p.node().ID)
	to := event.To(g)
	e.Share, e.User, e.Group, e.Creator, e.Permissions, e.Expires, e.Changed = sh.ID(), to.User, to.Group, g.Creator, g.Permissions, g.Expires, changed
	return event.Append(ctx, tx, e)
}

// tellSet tells that a grant was made, or changed from what it was; one that had expired is made anew.
func (f *FS) tellSet(ctx context.Context, tx db.Tx, p *place, was *space.Grant, g space.Grant) error {
	if was == nil || was.Expired(time.Now()) {
		return f.tellGrant(ctx, tx, granted, p, g)
	}
	changed := event.Changed(event.Field{Name: "permissions", Changed: was.Permissions != g.Permissions}, event.Field{Name: "expires", Changed: !was.Expires.Equal(g.Expires)})
	g.Creator = was.Creator
	return f.tellGrant(ctx, tx, regranted, p, g, changed...)
}

// grantTo returns the grant of a grantee among some; nil if there is none.
func grantTo(all []space.Grant, kind space.GranteeKind, grantee string) *space.Grant {
	for i := range all {
		if all[i].Kind == kind && all[i].Grantee == grantee {
			return &all[i]
		}
	}
	return nil
}

// tellSpace tells what a change made of a space.
func (f *FS) tellSpace(ctx context.Context, tx db.Tx, was, now *tree.Space, root *tree.Node) error {
	var types []event.Type
	switch {
	case was.Disabled != 0 && now.Disabled == 0:
		types = append(types, event.SpaceEnabled)
	case was.Disabled == 0 && now.Disabled != 0:
		types = append(types, event.SpaceDisabled)
	}
	if was.Name != now.Name {
		types = append(types, event.SpaceRenamed)
	}
	changed := event.Changed(event.Field{Name: "alias", Changed: was.Alias != now.Alias}, event.Field{Name: "description", Changed: was.Description != now.Description},
		event.Field{Name: "image", Changed: was.Image != now.Image}, event.Field{Name: "quota", Changed: was.Quota != now.Quota},
		event.Field{Name: "readme", Changed: was.Readme != now.Readme})
	if len(changed) > 0 {
		types = append(types, event.SpaceUpdated)
	}
	for _, t := range types {
		e := f.about(t, now, root)
		if t == event.SpaceUpdated {
			e.Changed = changed
		}
		if t == event.SpaceDisabled {
			if err := f.withMembers(ctx, tx, &e, root); err != nil {
				return err
			}
		}
		if err := event.Append(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// withMembers adds to an event who is a member of a space now.
func (f *FS) withMembers(ctx context.Context, r db.Reader, e *event.Event, root *tree.Node) error {
	grants, err := tree.GrantsOf(ctx, r, root.ID)
	for _, g := range grants {
		if !g.Expired(time.Now()) && g.Permissions != 0 {
			e.Members = append(e.Members, event.To(g))
		}
	}
	return err
}

// expireEvery bounds how long after its end a grant is told to have ended. It counts no more from that moment on.
const expireEvery = 30 * time.Second

// ExpireGrants removes the grants that have expired at a time, in the trash and in disabled spaces too.
func (f *FS) ExpireGrants(ctx context.Context, now time.Time) error {
	ctx = identity.WithActor(ctx, identity.Actor{Kind: identity.Service})
	var all []tree.Granted
	err := f.read(ctx, func(r db.Reader) (err error) {
		all, err = tree.FindGrants(ctx, r, tree.GrantsExpired(now))
		return err
	})
	for _, g := range all {
		if err == nil {
			err = f.write(ctx, func(tx db.Tx) error {
				return f.dropGrant(ctx, tx, g.Node, g.Grant.Kind, g.Grant.Grantee, expired, func(g space.Grant) bool { return g.Expired(now) })
			})
		}
	}
	return err
}
