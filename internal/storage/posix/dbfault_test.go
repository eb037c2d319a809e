package posix_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/maintain"
)

// failingDB is a database that fails when its faults say so: a read, the begin of a transaction, a statement in it, or its end.
type failingDB struct {
	db.DB
	f *faults
}

func (d failingDB) Read(ctx context.Context, fn func(db.Reader) error) error {
	if err := d.f.call("read"); err != nil {
		return err
	}
	return d.DB.Read(ctx, fn)
}

func (d failingDB) Write(ctx context.Context, fn func(db.Tx) error) error {
	if err := d.f.call("begin"); err != nil {
		return err
	}
	return d.DB.Write(ctx, func(tx db.Tx) error {
		if err := fn(failingTx{tx, d.f}); err != nil {
			return err
		}
		return d.f.call("commit")
	})
}

type failingTx struct {
	db.Tx
	f *faults
}

func (t failingTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	if err := t.f.call("exec"); err != nil {
		return 0, err
	}
	return t.Tx.Exec(ctx, sql, args...)
}

// onDB opens mary's storage in a folder, with what wrap makes of its database.
func onDB(t *testing.T, base string, o db.Options, wrap func(db.DB) db.DB) (*env, func()) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(base, "index.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := posix.New(ctx, posix.Config{Root: filepath.Join(base, "files"), StorageID: storageID, DB: wrap(d)})
	if err != nil {
		t.Fatal(err)
	}
	a := identity.Actor{Kind: identity.Person, User: identity.User{ID: "u1", Username: "mary"}}
	e := &env{TB: t, FS: fs, ctx: identity.WithActor(ctx, a), db: d, dir: filepath.Join(base, "files/users/u1"), root: resource.SpaceRoot(storageID, "u1")}
	if _, err = fs.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Personal, Name: "Mary"}); err != nil && !errors.Is(err, storage.ErrExists) {
		t.Fatal(err)
	}
	return e, func() { fs.Close(); d.Close() }
}

func plainDB(d db.DB) db.DB { return d }

// inMemory returns a folder, in memory if there is any.
func inMemory(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "posix")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	return base
}

// playOnDB runs the script with one fault of the database. It tells whether a step failed.
func playOnDB(t *testing.T, f *faults) (failed bool) {
	t.Helper()
	base := inMemory(t)
	at := f.at
	f.at = 0
	e, stop := onDB(t, base, db.Options{}, func(d db.DB) db.DB { return failingDB{d, f} })
	f.calls, f.at = 0, at
	have := map[string]string{}
	for _, s := range script() {
		err := s.do(e)
		next := maps.Clone(have)
		s.then(next)
		if err != nil {
			failed = true
			now := map[string]string{}
			if err := contents(e, "", now); err != nil {
				t.Errorf("%s failed (call %d, %s), then looking: %v", s.name, at, f.what, err)
				break
			}
			switch {
			case maps.Equal(now, have):
				if err := s.do(e); err != nil {
					t.Errorf("%s cannot be repeated after call %d, %s, failed: %v", s.name, at, f.what, err)
				}
			case !maps.Equal(now, next):
				t.Errorf("%s failed with %v (call %d, %s)\nhave %s\nwant %s\n  or %s", s.name, err, at, f.what, show(now), show(have), show(next))
			}
		}
		have = next
	}
	stop()
	e, stop = onDB(t, base, db.Options{}, plainDB)
	defer stop()
	now := map[string]string{}
	if err := contents(e, "", now); err != nil || !maps.Equal(now, have) {
		t.Errorf("after a restart (call %d, %s): %v\nhave %s\nwant %s", at, f.what, err, show(now), show(have))
	}
	clean(e, fmt.Sprintf("call %d (%s)", at, f.what))
	return failed
}

// clean checks disk and index, and reads everything.
func clean(e *env, what string) {
	e.Helper()
	for _, x := range e.check(maintain.Options{Content: true}).Findings {
		if !x.Kind.Note() && x.Kind != maintain.LooseVersion && x.Kind != maintain.LooseTrash {
			e.Errorf("%s: %+v", what, x)
		}
	}
}

func TestEveryTransactionFailsOnce(t *testing.T) {
	for name, fault := range map[string]error{"EIO": syscall.EIO, "full": db.ErrFull} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count := &faults{}
			playOnDB(t, count)
			failures, step := 0, 1
			if testing.Short() {
				step = 7
			}
			for at := 1; at <= count.calls && !t.Failed(); at += step {
				if playOnDB(t, &faults{at: at, err: fault}) {
					failures++
				}
			}
			if failures == 0 {
				t.Error("no fault reached anybody")
			}
			t.Logf("%d calls, %d faults were reported to the caller", count.calls, failures)
		})
	}
}

// TestFullDatabase lets the index run out of space: what was acknowledged stays, and all goes on when there is space.
func TestFullDatabase(t *testing.T) {
	base := inMemory(t)
	e, stop := onDB(t, base, db.Options{MaxPages: 120}, plainDB)
	have := map[string]string{}
	refused := 0
	for i := 0; i < 2000 && refused < 20; i++ {
		name, content := fmt.Sprintf("file-%04d", i), fmt.Sprint("content ", i)
		_, err := e.Upload(e.ctx, e.at(name), storage.UploadRequest{Length: int64(len(content))}, bytes.NewReader([]byte(content)))
		switch {
		case err == nil:
			have[name] = content
		case errors.Is(err, storage.ErrQuota):
			refused++
		default:
			t.Fatalf("%s: %v", name, err)
		}
	}
	if refused == 0 {
		t.Fatal("the index never was full")
	}
	look := func(when string) {
		t.Helper()
		now := map[string]string{}
		if err := contents(e, "", now); err != nil || !maps.Equal(now, have) {
			t.Fatalf("%s: %v\nhave %s\nwant %s", when, err, show(now), show(have))
		}
	}
	look("while the index is full")
	stop()
	e, stop = onDB(t, base, db.Options{}, plainDB)
	defer stop()
	look("with space again")
	e.put("more", "m")
	have["more"] = "m"
	look("after a write")
	clean(e, "after a full index")
}
