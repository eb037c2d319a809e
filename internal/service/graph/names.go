package graph

import (
	"context"
	"errors"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/cache"
	"opencloud/internal/space"
)

const (
	namesTTL  = time.Minute // GRAPH_SPACES_USERS_CACHE_TTL of the original
	failedTTL = 5 * time.Second
	namesSize = 4096
)

// namer remembers for a while how people and groups are called: lists of members ask for the same ones again and again, and the
// directory may be far away.
type namer struct {
	users  identity.Users
	groups identity.Groups
	now    func() time.Time
	seen   *cache.Map[grantee, named]
}

type grantee struct {
	kind space.GranteeKind
	id   string
}

type named struct {
	name  string
	kind  identity.UserType
	until time.Time
}

func newNamer(users identity.Users, groups identity.Groups) *namer {
	return &namer{users: users, groups: groups, now: time.Now, seen: cache.New[grantee, named](namesSize)}
}

// of names a user or group. Who is not there any more, or cannot be asked for, has no name.
func (n *namer) of(ctx context.Context, kind space.GranteeKind, id string) identities {
	key, now := grantee{kind, id}, n.now()
	who, ok := n.seen.Get(key)
	if !ok || now.After(who.until) {
		var err error
		who = named{until: now.Add(namesTTL)}
		if kind == space.UserGrantee {
			var u identity.User
			u, err = n.users.User(ctx, id)
			who.name, who.kind = u.DisplayName, u.Type
		} else {
			var g identity.Group
			g, err = n.groups.Group(ctx, id)
			who.name = g.DisplayName
		}
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			who.until = now.Add(failedTTL) // a long list does not wait for a broken directory time and again
		}
		if ctx.Err() == nil {
			n.seen.Put(key, who)
		}
	}
	ref := &identityRef{ID: id, DisplayName: who.name, UserType: string(who.kind)}
	if kind == space.UserGrantee {
		return identities{User: ref}
	}
	return identities{Group: ref}
}
