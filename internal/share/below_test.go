package share_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

// everybody is a directory in which everybody is found.
type everybody struct {
	identity.Users
	identity.Groups
}

func (everybody) User(_ context.Context, id string) (identity.User, error) {
	return identity.User{ID: id}, nil
}

// Below finds shares one level deep: all for who may list the grants of the space, for others those they made.
func TestBelow(t *testing.T) {
	as := func(id string) context.Context {
		return identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Roles: []string{role.User}}})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fs := mem.New("11111111-1111-4111-8111-111111111111")
	sp, err := fs.CreateSpace(as("alice"), storage.SpaceRequest{Type: space.Project, Name: "P"})
	must(err)
	at := func(p string) storage.Ref { return storage.At(sp.ID, p) }
	s := share.New(share.Options{FS: fs, Users: everybody{}, Groups: everybody{}})
	must(fs.SetGrant(as("alice"), at(""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.SpaceViewer}))
	must(fs.SetGrant(as("alice"), at(""), space.Grant{Kind: space.UserGrantee, Grantee: "carol", Permissions: permission.Viewer}))
	for _, p := range []string{"d", "d/one", "d/one/deep", "other"} {
		_, err := fs.CreateFolder(as("alice"), at(p), storage.Conditions{})
		must(err)
		_, err = s.Invite(as("alice"), at(p), share.Invitation{Kind: space.UserGrantee, Grantee: "dan", Rights: permission.Viewer})
		must(err)
	}
	for who, want := range map[string][]string{"alice": {"d/one"}, "bob": {"d/one"}, "carol": nil} {
		folder, all, err := s.Below(as(who), at("d"))
		var got []string
		for _, sh := range all {
			got = append(got, sh.Item.Path)
		}
		if err != nil || folder.Path != "d" || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", who, got, err, want)
		}
	}
	if _, _, err := s.Below(as("eve"), at("d")); !errors.Is(err, storage.ErrNotFound) {
		t.Error("a stranger:", err)
	}
	_, err = s.Invite(as("alice"), at("other"), share.Invitation{Kind: space.UserGrantee, Grantee: "eve", Rights: permission.Viewer, Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)})
	if !errors.Is(err, storage.ErrInvalid) {
		t.Error("an expiration that cannot be kept:", err)
	}
}
