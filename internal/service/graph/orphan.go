package graph

import (
	"context"
	"errors"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/space"
)

// staff returns the context in which the caller changes the members of a space: their own, for the storage knows who may. But a
// project that nobody manages any more would stay so for ever: who may change all spaces (Drives.ReadWrite) acts as a service on
// those, and on no others. Errors are those of the directory.
func (h *handler) staff(ctx context.Context, s *space.Space) (context.Context, error) {
	if s.Type != space.Project || s.Permissions.Has(permission.RemoveGrant) || !may(ctx, role.DrivesReadWrite) {
		return ctx, nil
	}
	if orphan, err := h.orphaned(ctx, s); err != nil || !orphan {
		return ctx, err
	}
	return asService(ctx), nil
}

// orphaned tells whether no manager of a project is left: their accounts are gone, their groups are gone or empty.
func (h *handler) orphaned(ctx context.Context, s *space.Space) (bool, error) {
	for _, g := range s.Members {
		if !g.Permissions.Has(permission.Manager) || g.Expired(h.now()) {
			continue
		}
		there, err := h.exists(ctx, g)
		if err != nil || there {
			return false, err
		}
	}
	return true, nil
}

func (h *handler) exists(ctx context.Context, g space.Grant) (bool, error) {
	if g.Kind == space.UserGrantee {
		_, err := h.Users.User(ctx, g.Grantee)
		return found(err)
	}
	members, err := h.Groups.Members(ctx, g.Grantee)
	there, err := found(err)
	return there && len(members) > 0, err
}

func found(err error) (bool, error) {
	if errors.Is(err, identity.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
