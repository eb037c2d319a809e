package posix_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/maintain"
)

// grantReads counts queries for the grants on nodes.
type grantReads struct {
	db.DB
	n *atomic.Int64
}

func (g grantReads) Read(ctx context.Context, f func(db.Reader) error) error {
	return g.DB.Read(ctx, func(r db.Reader) error { return f(grantReader{r, g.n}) })
}

type grantReader struct {
	db.Reader
	n *atomic.Int64
}

func (r grantReader) Query(ctx context.Context, sql string, each func(db.Row) error, args ...any) error {
	if strings.Contains(sql, "FROM grants WHERE node=?") {
		r.n.Add(1)
	}
	return r.Reader.Query(ctx, sql, each, args...)
}

// TestWarmDecisions: what is decided again costs no query for grants, and no decision is stale, whatever changed them.
func TestWarmDecisions(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	person := func(id string) context.Context {
		return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Username: id}})
	}
	alice, bob := person("alice"), person("bob")
	service := identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service})
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
	must(err)
	defer d.Close()
	var reads atomic.Int64
	fs, err := posix.New(t.Context(), posix.Config{Root: t.TempDir(), StorageID: "st", DB: grantReads{d, &reads}})
	must(err)
	defer fs.Close()
	none := storage.Conditions{}
	home := storage.SpaceRequest{Type: space.Personal, ID: "alice", Name: "alice", Owner: "alice"}
	sp, err := fs.CreateSpace(alice, home)
	must(err)
	at := func(p string) storage.Ref { return storage.At(sp.ID, p) }
	_, err = fs.CreateFolder(alice, at("d"), none)
	must(err)
	put(t, fs, alice, at("d/f"), []byte("x"))
	give := func(p, to string) {
		t.Helper()
		must(fs.SetGrant(alice, at(p), space.Grant{Kind: space.UserGrantee, Grantee: to, Permissions: permission.Viewer}))
	}
	sees := func(p string, want bool) {
		t.Helper()
		for range 2 {
			_, err := fs.Stat(bob, at(p), storage.View{})
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Fatal(err)
			}
			if (err == nil) != want {
				t.Fatalf("%s: %v", p, err)
			}
		}
	}
	give("d", "bob")
	sees("d/f", true)
	before := reads.Load()
	sees("d/f", true)
	if n := reads.Load() - before; n != 0 {
		t.Errorf("%d queries for grants when warm", n)
	}
	must(fs.RemoveGrant(alice, at("d"), space.UserGrantee, "bob"))
	sees("d/f", false)
	give("d", "bob")
	sees("d/f", true)

	// Dropped while in the trash, where the node keeps its sequence number.
	give("d/f", "carol")
	give("d/f", "bob")
	sees("d/f", true)
	must(fs.RemoveGrant(alice, at("d"), space.UserGrantee, "bob"))
	sees("d/f", true)
	must(fs.Delete(alice, at("d/f"), none))
	must(fs.DropGrantee(service, space.UserGrantee, "bob"))
	items, err := fs.ListTrash(alice, sp.ID, "", "")
	must(err)
	for i, err := range items {
		must(err)
		_, err = fs.Restore(alice, sp.ID, i.Key, "", storage.Ref{}, false, none)
		must(err)
		break
	}
	sees("d/f", false)

	// A personal space that is made again has the same id and counts from the beginning.
	must(fs.DisableSpace(service, sp.ID))
	must(fs.PurgeSpace(service, sp.ID))
	for _, shared := range []bool{true, false} {
		_, err = fs.CreateSpace(alice, home)
		must(err)
		to := "carol"
		if shared {
			to = "bob"
		}
		give("", to)
		sees("", shared)
		must(fs.DisableSpace(service, sp.ID))
		must(fs.PurgeSpace(service, sp.ID))
	}

	// Rights that come back with an index that is made anew.
	_, err = fs.CreateSpace(alice, home)
	must(err)
	give("", "bob")
	sees("", true)
	must(d.Write(t.Context(), func(tx db.Tx) error {
		for _, table := range []string{"grants", "nodes", "spaces", "journal"} {
			if _, err := tx.Exec(t.Context(), `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = fs.Maintainer().Rebuild(service, maintain.Options{})
	must(err)
	sees("", true)
}
