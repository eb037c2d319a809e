package posix_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/storagetest"
)

// A path made on disk is found at once, however deep; what is denied on it is not there, rather than a trouble.
func TestDeepPathFromDisk(t *testing.T) {
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "files")
	fs, err := posix.New(t.Context(), posix.Config{Root: root, StorageID: storageID, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fs.Close(); d.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	alice, bob := storagetest.As("alice"), storagetest.As("bob")
	s, err := fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
	must(err)
	deep := strings.Repeat("d/", 20)
	dir := filepath.Join(root, "users", "alice", deep)
	must(os.MkdirAll(dir, 0o755))
	must(os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644))
	id := func(path string) resource.ID {
		t.Helper()
		i, err := fs.Stat(alice, storage.At(s.ID, path), storage.View{})
		must(err)
		return i.ID
	}
	id(deep + "f")
	top := id("d")
	grant := func(node resource.ID, set permission.Set) {
		t.Helper()
		must(fs.SetGrant(alice, storage.At(node, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: set}))
	}
	grant(top, permission.Viewer)
	grant(id("d/d"), permission.None)
	for _, p := range []string{"d", "d/d", "none"} {
		if _, err := fs.Stat(bob, storage.At(top, p), storage.View{}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("bob looks at %s: %v", p, err)
		}
	}
}
