package space

import (
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
)

// Access decides what one actor may do in one space. It is the only rule there is about rights; storages ask it with the
// grants along the way from the root to a node. (spec/storage.md §1.4)
//
//   - Services may do everything, and so may the owner of a personal space.
//   - Everybody else has the union of what unexpired grants on the node and the folders above it give him and his groups,
//     unless one of them denies.
//   - A grant below the root (a share) gives no more than whoever made it may still give away: who is no longer a manager of
//     a project has no shares in it. Grants without creator are the space's own.
//   - A visitor has what the creator of his link has, narrowed to the link's rights, and only at the link's node and below. He has
//     nothing once the creator may no longer share there.
type Access struct {
	// Root returns the grants on the root of the space. It is asked only where there are shares in a project.
	Root func() ([]Grant, error)
	// GroupsOf returns the groups of a user who made a share; nil: nobody is in any.
	GroupsOf func(userID string) ([]string, error)

	who   identity.Actor
	kind  Type
	owner string
	visit *identity.Visit
	now   time.Time
}

// For returns the access of an actor to a space of a type, owner and id.
func For(a identity.Actor, kind Type, owner, id string, now time.Time) *Access {
	x := &Access{who: a, kind: kind, owner: owner, now: now}
	if a.Kind == identity.Visitor {
		x.who = identity.Actor{}
		if v := a.Visit; v != nil && v.Space == id {
			x.visit, x.who = v, v.Creator
		}
	}
	return x
}

// Opens tells whether a way from a node up to the root passes what the actor was let in to: always, but for visitors.
func (x *Access) Opens(passes func(node string) bool) bool {
	return x.visit == nil || passes(x.visit.Node)
}

// Whole returns what the actor may do everywhere in the space whatever the grants; false if that is decided by them.
func (x *Access) Whole() (permission.Set, bool) {
	switch {
	case x.who.Kind == identity.Service && x.visit == nil:
		return permission.Manager, true
	case x.who.Kind != identity.Person:
		return permission.None, true
	case x.kind == Personal && x.owner == x.who.User.ID:
		return x.All(permission.Manager), true
	}
	return permission.None, false
}

// All returns what the actor may do on a node, of what the grants on it and above give.
func (x *Access) All(given permission.Set) permission.Set {
	if x.visit != nil && !given.Has(permission.AddGrant) {
		return permission.None
	}
	return x.Below(given)
}

// Below returns what grants on a node give beyond what the actor has above it.
func (x *Access) Below(given permission.Set) permission.Set {
	if x.visit != nil {
		return given & permission.Set(x.visit.Rights)
	}
	return given
}

// Of returns what the grants on one node give, and whether they deny. All makes rights of their union.
func (x *Access) Of(root bool, grants []Grant) (set permission.Set, denied bool, err error) {
	for _, g := range grants {
		if !x.mine(g, x.who) {
			continue
		}
		may := g.Permissions
		if may == permission.None {
			denied = true
			continue
		}
		if !root {
			if may, err = x.StillGiven(g); err != nil {
				return permission.None, false, err
			}
		}
		set |= may
	}
	return set, denied, nil
}

func (x *Access) mine(g Grant, a identity.Actor) bool {
	return !g.Expired(x.now) && (g.Kind == UserGrantee && g.Grantee == a.User.ID || g.Kind == GroupGrantee && slices.Contains(a.Groups, g.Grantee))
}

// StillGiven returns what of a share its creator may still give away.
func (x *Access) StillGiven(g Grant) (permission.Set, error) {
	if g.Creator == "" || x.kind == Personal && g.Creator == x.owner {
		return g.Permissions, nil
	}
	root, err := x.Root()
	if err != nil {
		return permission.None, err
	}
	creator := identity.Actor{User: identity.User{ID: g.Creator}}
	if x.GroupsOf != nil && slices.ContainsFunc(root, func(r Grant) bool { return r.Kind == GroupGrantee }) {
		if creator.Groups, err = x.GroupsOf(g.Creator); err != nil {
			return permission.None, err
		}
	}
	var own permission.Set
	for _, r := range root {
		if x.mine(r, creator) {
			own |= r.Permissions
		}
	}
	if !own.Has(permission.AddGrant) {
		return permission.None, nil
	}
	return g.Permissions & own, nil
}
