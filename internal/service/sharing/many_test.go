package sharing

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/storage/posix"
)

// counted is a database that counts queries.
type counted struct {
	db.DB
	n *atomic.Int64
}

func (c counted) Read(ctx context.Context, f func(db.Reader) error) error {
	return c.DB.Read(ctx, func(r db.Reader) error { return f(countedReader{r, c.n}) })
}

func (c counted) Write(ctx context.Context, f func(db.Tx) error) error {
	return c.DB.Write(ctx, func(tx db.Tx) error { return f(countedTx{tx, c.n}) })
}

type countedReader struct {
	db.Reader
	n *atomic.Int64
}

func (r countedReader) Query(ctx context.Context, sql string, each func(db.Row) error, args ...any) error {
	r.n.Add(1)
	return r.Reader.Query(ctx, sql, each, args...)
}

type countedTx struct {
	db.Tx
	n *atomic.Int64
}

func (t countedTx) Query(ctx context.Context, sql string, each func(db.Row) error, args ...any) error {
	t.n.Add(1)
	return t.Tx.Query(ctx, sql, each, args...)
}

func (t countedTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	t.n.Add(1)
	return t.Tx.Exec(ctx, sql, args...)
}

// receiver is somebody who received many folders of alice's.
type receiver struct {
	shares  *share.Service
	entered *entrance.FS
	ctx     context.Context
	queries *atomic.Int64 // to both databases
}

// received makes n folders that are shared with bob, and lets him see them once.
func received(t testing.TB, n int) *receiver {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &receiver{ctx: as("bob"), queries: new(atomic.Int64)}
	open := func(name string) db.DB {
		d, err := db.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), name), db.Options{})
		must(err)
		t.Cleanup(func() { d.Close() })
		return counted{d, r.queries}
	}
	index := open("index.db")
	fs, err := posix.New(context.Background(), posix.Config{Root: t.TempDir(), StorageID: "11111111-1111-4111-8111-111111111111", DB: index, Log: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { fs.Close() })
	alice := as("alice")
	sp, err := fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "alice"})
	must(err)
	for i := range n {
		item, err := fs.CreateFolder(alice, storage.At(sp.ID, fmt.Sprintf("folder %05d", i)), storage.Conditions{})
		must(err)
		must(fs.SetGrant(alice, storage.At(item.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Viewer, Creator: "alice"}))
	}
	store, err := share.NewStore(context.Background(), open("shares.db"))
	must(err)
	people := &directory{}
	r.shares = share.New(share.Options{FS: fs, Users: people, Groups: people, Store: store})
	r.entered = entrance.New(fs, r.shares, nil)
	all, err := r.shares.Received(r.ctx)
	if must(err); len(all) != n {
		t.Fatalf("%d of %d received", len(all), n)
	}
	r.queries.Store(0)
	return r
}

// cost returns how many queries something makes.
func (r *receiver) cost(f func() error) (int64, error) {
	before := r.queries.Load()
	err := f()
	return r.queries.Load() - before, err
}

// TestQueries: what somebody received costs few queries, however much it is, and finding one thing in the jail does not look at all.
func TestQueries(t *testing.T) {
	for _, n := range []int{1, 300} {
		r := received(t, n)
		for name, c := range map[string]struct {
			max int64
			do  func() error
		}{
			"Received": {5, func() error { _, err := r.shares.Received(r.ctx); return err }},
			"list of the jail": {5, func() error {
				_, children, err := r.entered.List(r.ctx, storage.At(share.Jail(), ""), storage.View{})
				if err != nil {
					return err
				}
				for _, err := range children {
					if err != nil {
						return err
					}
				}
				return nil
			}},
			"Mounted": {1, func() error { _, err := r.shares.Mounted(r.ctx, "folder 00000", ""); return err }},
			"path in the jail": {6, func() error {
				_, err := r.entered.Stat(r.ctx, storage.At(share.Jail(), "folder 00000"), storage.View{})
				return err
			}},
		} {
			got, err := r.cost(c.do)
			if err != nil || got == 0 || got > c.max {
				t.Errorf("%d received: %s makes %d queries, at most %d are expected: %v", n, name, got, c.max, err)
			}
		}
	}
}

// TestJailKeepsLittle: while somebody's jail is listed, little is kept of each thing in it.
func TestJailKeepsLittle(t *testing.T) {
	const n, most = 1000, 1600 // bytes
	r := received(t, n)
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for range 2 { // the first time fills caches
		before := live()
		_, children, err := r.entered.List(r.ctx, storage.At(share.Jail(), ""), storage.View{})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range children {
			if err != nil {
				t.Fatal(err)
			}
			before = (live() - before) / n
			break
		}
		if t.Logf("%d bytes each", before); before > most {
			t.Errorf("%d bytes are kept of each, at most %d are expected", before, most)
		}
		runtime.KeepAlive(children)
	}
}

// BenchmarkReceived lists 10,000 shares, as sharedWithMe and the jail do.
func BenchmarkReceived(b *testing.B) {
	const n = 10_000
	r := received(b, n)
	each := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
			b.ReportMetric(float64(r.queries.Swap(0))/float64(b.N), "queries/op")
		})
	}
	each("all", func() error { _, err := r.shares.Received(r.ctx); return err })
	each("jail", func() error {
		_, children, err := r.entered.List(r.ctx, storage.At(share.Jail(), ""), storage.View{})
		if err == nil {
			for _, err := range children {
				if err != nil {
					return err
				}
			}
		}
		return err
	})
	each("jail, first entry", func() error {
		_, children, err := r.entered.List(r.ctx, storage.At(share.Jail(), ""), storage.View{})
		if err == nil {
			for _, err := range children {
				return err
			}
		}
		return err
	})
	each("path", func() error {
		_, err := r.entered.Stat(r.ctx, storage.At(share.Jail(), "folder 05000"), storage.View{})
		return err
	})
}
