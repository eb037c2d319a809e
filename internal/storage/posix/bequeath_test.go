package posix_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/storagetest"
)

// TestManagerByGroupLeaves: what a manager by a group shared stays, though the directory forgets its groups before the account is
// gone; without that it ends, as what he can still give is not known any more.
func TestManagerByGroupLeaves(t *testing.T) {
	for name, bequeath := range map[string]bool{"bequeathed": true, "not": false} {
		t.Run(name, func(t *testing.T) {
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
			must(err)
			defer d.Close()
			groups := []string{"managers"}
			fs, err := posix.New(t.Context(), posix.Config{Root: t.TempDir(), StorageID: storageID, DB: d,
				GroupsOf: func(_ context.Context, user string) ([]string, error) {
					if user == "bob" {
						return groups, nil
					}
					return nil, nil
				}})
			must(err)
			defer fs.Close()
			alice, bob, carol := storagetest.As("alice"), storagetest.As("bob", "managers"), storagetest.As("carol")
			service := identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service})
			project, err := fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Project, Name: "P"})
			must(err)
			must(fs.SetGrant(alice, storage.At(project.ID, ""), space.Grant{Kind: space.GroupGrantee, Grantee: "managers", Permissions: permission.Manager}))
			folder, err := fs.CreateFolder(alice, storage.At(project.ID, "docs"), storage.Conditions{})
			must(err)
			ref := storage.At(folder.ID, "")
			must(fs.SetGrant(bob, ref, space.Grant{Kind: space.UserGrantee, Grantee: "carol", Permissions: permission.Viewer}))
			if err := fs.Bequeath(bob, "bob"); !errors.Is(err, storage.ErrForbidden) {
				t.Errorf("for a person: %v", err)
			}
			if bequeath {
				must(fs.Bequeath(service, "bob"))
			}
			groups = nil // the directory knows him no more
			must(fs.DropGrantee(service, space.UserGrantee, "bob"))
			i, err := fs.Stat(carol, ref, storage.View{})
			if bequeath && (err != nil || i.Permissions != permission.Viewer) || !bequeath && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%b, %v", i.Permissions, err)
			}
			if _, err := fs.Stat(storagetest.As("stranger"), ref, storage.View{}); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a stranger: %v", err)
			}
		})
	}
}
