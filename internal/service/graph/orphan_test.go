package graph

import (
	"context"
	"errors"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// A space administrator gives a manager to a project that has none left, and cannot take one that has.
func TestOrphans(t *testing.T) {
	ctx := context.Background()
	root := storage.At(resource.SpaceRoot(mount, moonID), "")
	give := func(id string) space.Grant {
		return space.Grant{Kind: space.UserGrantee, Grantee: id, Permissions: permission.Manager}
	}
	byGroup := space.Grant{Kind: space.GroupGrantee, Grantee: groupID, Permissions: permission.Manager}
	for name, c := range map[string]struct {
		lose   func(w *world)
		orphan bool
	}{
		"there":      {func(*world) {}, false},
		"purged":     {func(w *world) { check(t, w.d.DeleteAccount(ctx, bjornID, true)) }, true},
		"in the bin": {func(w *world) { check(t, w.d.DeleteAccount(ctx, bjornID, false)) }, true},
		"a group is left": {func(w *world) {
			check(t, w.fs.SetGrant(w.as(bjornID), root, byGroup))
			check(t, w.d.DeleteAccount(ctx, bjornID, true))
		}, false},
		"an empty group is left": {func(w *world) {
			check(t, w.fs.SetGrant(w.as(bjornID), root, byGroup))
			check(t, w.d.DeleteAccount(ctx, bjornID, true))
			check(t, w.d.RemoveMember(ctx, identity.PlainGroup, groupID, adaID, identity.MemberOf))
		}, true},
		"the group is gone": {func(w *world) {
			check(t, w.fs.SetGrant(w.as(bjornID), root, byGroup))
			check(t, w.d.DeleteAccount(ctx, bjornID, true))
			check(t, w.d.DeleteGroup(ctx, identity.PlainGroup, groupID))
		}, true},
		"an editor is left": {func(w *world) {
			check(t, w.fs.SetGrant(w.as(bjornID), root, space.Grant{Kind: space.UserGrantee, Grantee: adaID, Permissions: permission.SpaceEditor}))
			check(t, w.d.DeleteAccount(ctx, bjornID, true))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c.lose(w)
			h, err := newHandler(w.cfg, w.deps)
			check(t, err)
			for _, id := range []string{lightID, adaID, spaceID, adminID} {
				all, err := w.fs.ListSpaces(w.as(adminID), storage.SpaceFilter{ID: root.ID, All: true})
				check(t, err)
				s := all[0]
				s.Permissions = permission.None
				as, err := h.staff(w.as(id), &s)
				check(t, err)
				want := storage.ErrNotFound
				if c.orphan && (id == spaceID || id == adminID) {
					want = nil
				}
				if id == adaID && (name == "a group is left" || name == "an editor is left") {
					continue // she is a member
				}
				err = w.fs.SetGrant(as, root, give(spaceID))
				if !errors.Is(err, want) || want == nil && err != nil {
					t.Errorf("%s: %v, want %v", id, err, want)
				}
				if want == nil {
					w.want(200, spaceID, "GET", "/v1.0"+moon+"/root", "")
					return
				}
			}
		})
	}
	// No other space is anybody's to take.
	w := newWorld(t, nil)
	h, err := newHandler(w.cfg, w.deps)
	check(t, err)
	as, err := h.staff(w.as(adminID), &space.Space{Type: space.Personal, Owner: "gone"})
	if err != nil || identity.ActorFrom(as).Kind != identity.Person {
		t.Error("a personal space was taken")
	}
}
