package posix_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
)

const storageID = "11111111-1111-4111-8111-111111111111"

// env is a storage with the personal space of one user.
type env struct {
	testing.TB
	*posix.FS
	ctx  context.Context
	root resource.ID
	dir  string // of the space on disk
	db   db.DB
}

func open(t testing.TB) *env {
	t.Helper()
	return openOn(t, "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
}

// everywhere runs a test on each kind of database.
func everywhere(t *testing.T, test func(t *testing.T, e *env)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, openOn(t, testkit.Postgres(t))) })
}

func openOn(t testing.TB, url string) *env {
	t.Helper()
	base := t.TempDir()
	d, err := db.Open(context.Background(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := posix.New(context.Background(), posix.Config{Root: filepath.Join(base, "files"), StorageID: storageID, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); d.Close() })
	a := identity.Actor{Kind: identity.Person, User: identity.User{ID: "u1", Username: "mary", DisplayName: "Mary"}}
	e := &env{TB: t, FS: f, ctx: identity.WithActor(context.Background(), a), db: d}
	s, err := f.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Personal, Name: "Mary"})
	if err != nil {
		t.Fatal(err)
	}
	e.root, e.dir = s.ID, filepath.Join(base, "files", "users", "u1")
	return e
}

func (e *env) at(p string) storage.Ref { return storage.At(e.root, p) }

func (e *env) put(p, content string) storage.Info {
	e.Helper()
	r, err := e.Upload(e.ctx, e.at(p), storage.UploadRequest{Length: int64(len(content))}, strings.NewReader(content))
	if err != nil {
		e.Fatalf("put %s: %v", p, err)
	}
	return r.Info
}

func (e *env) get(p string) string {
	e.Helper()
	c, err := e.Open(e.ctx, e.at(p))
	if err != nil {
		e.Fatalf("get %s: %v", p, err)
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		e.Fatal(err)
	}
	return string(b)
}

func (e *env) stat(p string) storage.Info {
	e.Helper()
	i, err := e.Stat(e.ctx, e.at(p), storage.View{})
	if err != nil {
		e.Fatalf("stat %q: %v", p, err)
	}
	return i
}

func (e *env) names(p string) []string {
	e.Helper()
	_, seq, err := e.List(e.ctx, e.at(p), storage.View{})
	if err != nil {
		e.Fatalf("list %q: %v", p, err)
	}
	var out []string
	for i, err := range seq {
		if err != nil {
			e.Fatal(err)
		}
		out = append(out, i.Name)
	}
	return out
}

func (e *env) want(got, want any) {
	e.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		e.Fatalf("got %v, want %v", got, want)
	}
}

func TestLifeOfAFile(t *testing.T) { everywhere(t, lifeOfAFile) }

func lifeOfAFile(t *testing.T, e *env) {
	if _, err := e.CreateFolder(e.ctx, e.at("a"), storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	before := e.stat("")
	one := e.put("a/x.txt", "hello")
	e.want(e.get("a/x.txt"), "hello")
	if e.stat("").ETag == before.ETag {
		t.Fatal("the root keeps its ETag")
	}
	e.want(e.stat("").Size, 5)
	two := e.put("a/x.txt", "hello world")
	e.want(two.ID, one.ID)
	e.want(e.stat("a").Size, 11)
	vs, err := e.ListVersions(e.ctx, one.ID)
	if err != nil || len(vs) != 1 || vs[0].Size != 5 {
		t.Fatalf("versions %v %v", vs, err)
	}
	if _, err := e.RestoreVersion(e.ctx, one.ID, vs[0].Key, storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	e.want(e.get("a/x.txt"), "hello")
	if b, err := os.ReadFile(filepath.Join(e.dir, "a/x.txt")); err != nil || string(b) != "hello" {
		t.Fatalf("on disk %q %v", b, err)
	}
	if err := e.Delete(e.ctx, e.at("a"), storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{})
	if _, err := e.Stat(e.ctx, storage.At(one.ID, ""), storage.View{}); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("a trashed file is found by id: %v", err)
	}
	seq, err := e.ListTrash(e.ctx, e.root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Restore(e.ctx, e.root, i.Key, "", storage.Ref{}, false, storage.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	e.want(e.names("a"), []string{"x.txt"})
	e.want(e.get("a/x.txt"), "hello")
	if _, err := e.Move(e.ctx, e.at("a/x.txt"), e.at("y.txt"), false, storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{"a", "y.txt"})
	e.want(e.stat("y.txt").ID, one.ID)
	if _, err := e.Copy(e.ctx, e.at("y.txt"), e.at("a/z.txt"), false, true, storage.Conditions{}); err != nil {
		t.Fatal(err)
	}
	e.want(e.get("a/z.txt"), "hello")
	e.want(e.stat("").Size, 10)
}

func TestConditions(t *testing.T) { everywhere(t, conditions) }

func conditions(t *testing.T, e *env) {
	i := e.put("f", "1")
	put := func(c storage.Conditions) error {
		_, err := e.Upload(e.ctx, e.at("f"), storage.UploadRequest{Length: 1, Conditions: c}, strings.NewReader("2"))
		return err
	}
	if err := put(storage.Conditions{IfNoneMatch: []string{"*"}}); !errors.Is(err, storage.ErrPrecondition) {
		t.Fatal(err)
	}
	if err := put(storage.Conditions{IfMatch: []string{i.ETag}}); err != nil {
		t.Fatal(err)
	}
	if err := put(storage.Conditions{IfMatch: []string{i.ETag}}); !errors.Is(err, storage.ErrPrecondition) {
		t.Fatal(err)
	}
	if _, err := e.Upload(e.ctx, e.at("g"), storage.UploadRequest{Length: 10}, strings.NewReader("short")); !errors.Is(err, storage.ErrLength) {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{"f"})
}

func TestChangesOnDisk(t *testing.T) { everywhere(t, changesOnDisk) }

func changesOnDisk(t *testing.T, e *env) {
	e.put("a.txt", "a")
	if err := os.MkdirAll(filepath.Join(e.dir, "d/e"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(e.dir, "d/e/f.txt"), []byte("found"), 0o644); err != nil {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{"a.txt", "d"})
	e.want(e.get("d/e/f.txt"), "found")
	id := e.stat("d/e/f.txt").ID
	if err := os.Rename(filepath.Join(e.dir, "d/e/f.txt"), filepath.Join(e.dir, "moved.txt")); err != nil {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{"a.txt", "d", "moved.txt"})
	e.want(e.stat("moved.txt").ID, id)
	if err := os.WriteFile(filepath.Join(e.dir, "moved.txt"), []byte("changed!"), 0o644); err != nil {
		t.Fatal(err)
	}
	e.want(e.stat("moved.txt").Size, 8)
	e.want(e.get("moved.txt"), "changed!")
	if err := os.Remove(filepath.Join(e.dir, "a.txt")); err != nil {
		t.Fatal(err)
	}
	e.want(e.names(""), []string{"d", "moved.txt"})
}

func TestUploadSession(t *testing.T) { everywhere(t, uploadSession) }

func uploadSession(t *testing.T, e *env) {
	s, err := e.CreateUpload(e.ctx, e.at("x/y/z.bin"), storage.UploadRequest{Length: 11, MakeParents: true})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = e.WriteUpload(e.ctx, s.ID, 0, nil, strings.NewReader("hello")); err != nil || s.Offset != 5 {
		t.Fatal(s, err)
	}
	if _, err := e.WriteUpload(e.ctx, s.ID, 3, nil, strings.NewReader("no")); !errors.Is(err, storage.ErrOffset) {
		t.Fatal(err)
	}
	if s, err = e.WriteUpload(e.ctx, s.ID, 5, nil, strings.NewReader(" world")); err != nil || s.Result == nil {
		t.Fatal(s, err)
	}
	e.want(e.get("x/y/z.bin"), "hello world")
	if _, err := e.UploadSession(e.ctx, s.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
}
