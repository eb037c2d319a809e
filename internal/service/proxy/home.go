package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/cache"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	// homeFresh is how long a personal space is known to exist without asking.
	homeFresh = 10 * time.Minute
	homeTime  = 30 * time.Second // to create one
)

// homes makes the personal spaces of those who come for the first time. (spec/identity.md §5.5)
type homes struct {
	spaces storage.Spaces
	quotas map[string]int64 // role id to bytes
	known  *cache.Map[string, time.Time]
	flight singleflight.Group
	now    func() time.Time
}

func newHomes(spaces storage.Spaces, quotas map[string]int64) *homes {
	return &homes{spaces: spaces, quotas: quotas, known: cache.New[string, time.Time](8192), now: time.Now}
}

// Homes returns what makes the personal space of an actor who may have one and has none yet, for other services.
func Homes(cfg Config, spaces storage.Spaces) func(ctx context.Context, a identity.Actor) error {
	return newHomes(spaces, cfg.RoleQuotas).ensure
}

// ensure returns when the actor has a personal space, or may not have one.
func (h *homes) ensure(ctx context.Context, a identity.Actor) error {
	if h.spaces == nil || a.Kind != identity.Person || role.Allows(a.User.Roles, role.DrivesCreate) == role.None {
		return nil
	}
	if at, ok := h.known.Get(a.User.ID); ok && h.now().Sub(at) < homeFresh {
		return nil
	}
	done := h.flight.DoChan(a.User.ID, func() (any, error) {
		ctx, cancel := context.WithTimeout(identity.WithActor(context.WithoutCancel(ctx), a), homeTime)
		defer cancel()
		return nil, h.create(ctx, a)
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *homes) create(ctx context.Context, a identity.Actor) error {
	r := storage.SpaceRequest{Type: space.Personal, ID: a.User.ID, Owner: a.User.ID, Name: a.User.DisplayName, Alias: "personal/" + a.User.Username}
	for _, id := range a.User.Roles {
		if q, ok := h.quotas[id]; ok {
			r.Quota = q
		}
	}
	if _, err := h.spaces.CreateSpace(ctx, r); err != nil && !errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("create personal space: %w", err)
	}
	h.known.Put(a.User.ID, h.now())
	return nil
}
