package posix_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/maintain"
)

func (e *env) check(o maintain.Options) *maintain.Report {
	e.Helper()
	rep, err := e.Maintainer().Check(e.ctx, o)
	if err != nil {
		e.Fatal(err)
	}
	return rep
}

func (e *env) exec(sql string, args ...any) {
	e.Helper()
	if err := e.db.Write(e.ctx, func(tx db.Tx) error { _, err := tx.Exec(e.ctx, sql, args...); return err }); err != nil {
		e.Fatal(err)
	}
}

// populate makes a bit of everything.
func populate(e *env) {
	e.Helper()
	if _, err := e.CreateFolder(e.ctx, e.at("a"), storage.Conditions{}); err != nil {
		e.Fatal(err)
	}
	e.put("a/f", "one")
	e.put("a/f", "two!")
	e.put("a/g", "ggg")
	if _, err := e.CreateFolder(e.ctx, e.at("old"), storage.Conditions{}); err != nil {
		e.Fatal(err)
	}
	e.put("old/x", "in the trash")
	if err := e.Delete(e.ctx, e.at("old"), storage.Conditions{}); err != nil {
		e.Fatal(err)
	}
}

func TestCheckFindsAndRepairMends(t *testing.T) {
	id := func(e *env, p string) string { return e.stat(p).ID.Node }
	for _, tc := range []struct {
		kind   maintain.Kind
		damage func(e *env)
	}{
		{maintain.Unknown, func(e *env) { _ = os.WriteFile(filepath.Join(e.dir, "a/new"), nil, 0o600) }},
		{maintain.Missing, func(e *env) { _ = os.Remove(filepath.Join(e.dir, "a/g")) }},
		{maintain.Differs, func(e *env) { _ = os.WriteFile(filepath.Join(e.dir, "a/g"), []byte("longer than before"), 0o600) }},
		{maintain.WrongSize, func(e *env) { e.exec(`UPDATE nodes SET size=size+7 WHERE id=?`, id(e, "a")) }},
		{maintain.WrongSeq, func(e *env) { e.exec(`UPDATE nodes SET seq=seq-100 WHERE id=?`, id(e, "a")) }},
		{maintain.WrongFlags, func(e *env) { e.exec(`UPDATE nodes SET flags=0 WHERE id=?`, id(e, "a/f")) }},
		{maintain.Orphan, func(e *env) { e.exec(`INSERT INTO tags(node, tag) VALUES('nobody', 'x')`) }},
		{maintain.Orphan, func(e *env) { e.exec(`UPDATE nodes SET parent='nowhere' WHERE id=?`, id(e, "a/g")) }},
		{maintain.NoVersion, func(e *env) { _ = os.RemoveAll(filepath.Join(e.dir, ".oc-nodes")) }},
		{maintain.LooseVersion, func(e *env) { e.exec(`DELETE FROM versions`) }},
		{maintain.NoTrash, func(e *env) { _ = os.RemoveAll(filepath.Join(e.dir, ".Trash/files")) }},
		{maintain.LooseTrash, func(e *env) { e.exec(`DELETE FROM trash`); e.exec(`DELETE FROM nodes WHERE parent='~'`) }},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			everywhere(t, func(t *testing.T, e *env) {
				populate(e)
				if rep := e.check(maintain.Options{Content: true}); !rep.Clean() || rep.Hashed != 2 {
					t.Fatalf("at first: %+v", rep)
				}
				tc.damage(e)
				if rep := e.check(maintain.Options{}); rep.Count(tc.kind) == 0 {
					t.Fatalf("not found: %+v", rep.Findings)
				}
				rep, err := e.Maintainer().Repair(e.ctx, maintain.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !rep.Clean() {
					t.Errorf("not mended: %+v", rep.Findings)
				}
				e.want(e.get("a/f"), "two!")
			})
		})
	}
}

func TestCheckFindsBadContent(t *testing.T) {
	e := open(t)
	e.put("f", "good")
	st, err := os.Stat(filepath.Join(e.dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.dir, "f"), []byte("evil"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(e.dir, "f"), st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if rep := e.check(maintain.Options{}); !rep.Clean() {
		t.Errorf("without reading: %+v", rep.Findings)
	}
	if rep := e.check(maintain.Options{Content: true}); rep.Count(maintain.BadContent) != 1 {
		t.Errorf("with reading: %+v", rep.Findings)
	}
}

func TestCheckNotesNames(t *testing.T) {
	e := open(t)
	for _, n := range []string{"Case", "case", "\xff", "caf\u00e9", "cafe\u0301"} {
		if err := os.WriteFile(filepath.Join(e.dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.want(len(e.names("")), 5)
	e.want(e.stat("\uefff").Size, 0) // the escaped form of \xff
	rep := e.check(maintain.Options{})
	if !rep.Clean() || rep.Count(maintain.Twins) != 2 || rep.Count(maintain.BadName) != 1 {
		t.Errorf("%+v", rep.Findings)
	}
}

func TestRebuild(t *testing.T) {
	e := open(t)
	populate(e)
	p, err := e.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Project, Name: "A project", Quota: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e.FS, e.ctx, storage.At(p.ID, "doc"), []byte("text"))
	doc, err := e.Stat(e.ctx, storage.At(p.ID, "doc"), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SetGrant(e.ctx, storage.At(p.ID, "doc"), space.Grant{Kind: space.UserGrantee, Grantee: "guest", Permissions: permission.Viewer}); err != nil {
		t.Fatal(err)
	}
	before, etag := map[string]string{}, e.stat("a/f").ETag
	ids := map[string]string{"a": "", "a/f": "", "a/g": ""}
	if err := contents(e, "", before); err != nil {
		t.Fatal(err)
	}
	for p := range ids {
		ids[p] = e.stat(p).ID.String()
	}
	e.Close()

	d, err := db.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "new.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e.FS, err = posix.New(context.Background(), posix.Config{Root: filepath.Dir(filepath.Dir(e.dir)), StorageID: storageID, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	defer e.FS.Close()
	rep, err := e.Maintainer().Rebuild(e.ctx, maintain.Options{})
	if err != nil || !rep.Clean() {
		t.Fatalf("%+v, %v", rep, err)
	}
	after := map[string]string{}
	if err := contents(e, "", after); err != nil || !maps.Equal(before, after) {
		t.Errorf("before %v, after %v, %v", before, after, err)
	}
	for p, id := range ids {
		e.want(e.stat(p).ID.String(), id)
	}
	if e.stat("a/f").ETag == etag {
		t.Error("an ETag came back")
	}
	vs, err := e.ListVersions(e.ctx, e.stat("a/f").ID)
	if err != nil || len(vs) != 1 || vs[0].Size != 3 {
		t.Errorf("versions %+v, %v", vs, err)
	}
	items, err := e.ListTrash(e.ctx, e.root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range items {
		e.want(fmt.Sprint(i.OriginalPath, i.Size, err), "old12 <nil>")
		if _, err := e.Restore(e.ctx, e.root, i.Key, "", storage.Ref{}, false, storage.Conditions{}); err != nil {
			t.Error(err)
		}
	}
	e.want(e.get("old/x"), "in the trash")
	spaces, err := e.ListSpaces(e.ctx, storage.SpaceFilter{Type: space.Project})
	if err != nil || len(spaces) != 1 || spaces[0].Name != "A project" || spaces[0].Quota.Max != 1<<20 || len(spaces[0].Members) != 1 {
		t.Errorf("%+v, %v", spaces, err)
	}
	guest := identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "guest"}})
	if i, err := e.Stat(guest, storage.At(doc.ID, ""), storage.View{}); err != nil || i.Permissions != permission.Viewer {
		t.Errorf("the guest sees %+v, %v", i, err)
	}
}
