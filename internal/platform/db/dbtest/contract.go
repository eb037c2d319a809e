package dbtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opencloud/internal/platform/db"
)

var schema = []string{`
CREATE TABLE kv(k TEXT PRIMARY KEY, n BIGINT NOT NULL, b BLOB) WITHOUT ROWID;
CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL);`}

// Run checks one kind of database.
func Run(t *testing.T, url func(testing.TB) string) {
	for name, f := range map[string]func(*testing.T, db.DB){
		"values":           values,
		"order":            order,
		"nested queries":   nested,
		"stop":             stop,
		"rollback":         rollback,
		"unique":           unique,
		"failed statement": failedStatement,
		"panic":            panics,
		"group":            group,
		"after commit":     afterCommit,
		"cancelled":        cancelled,
		"snapshot":         snapshot,
		"reader writes":    readerWrites,
		"placeholders":     placeholders,
		"closed":           closed,
	} {
		t.Run(name, func(t *testing.T) {
			d := Open(t, url(t))
			if err := d.Migrate(t.Context(), "dbtest", schema); err != nil {
				t.Fatal(err)
			}
			f(t, d)
		})
	}
	t.Run("migrate", func(t *testing.T) { migrates(t, url(t)) })
	t.Run("migrate together", func(t *testing.T) { migratesTogether(t, url(t)) })
	t.Run("two processes", func(t *testing.T) { twoProcesses(t, url(t)) })
	t.Run("durable", func(t *testing.T) { durable(t, url(t)) })
}

func put(t testing.TB, d db.DB, k string, n int64) {
	t.Helper()
	if err := d.Write(t.Context(), func(tx db.Tx) error { return insert(t.Context(), tx, k, n) }); err != nil {
		t.Fatal(err)
	}
}

func insert(ctx context.Context, tx db.Tx, k string, n int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO kv(k, n) VALUES(?,?)`, k, n)
	return err
}

// keys are all keys there are, in order.
func keys(t testing.TB, d db.DB) (out []string) {
	t.Helper()
	err := d.Read(t.Context(), func(r db.Reader) error {
		out = nil
		return r.Query(t.Context(), `SELECT k FROM kv ORDER BY k`, func(r db.Row) error { out = append(out, r.Text(0)); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func want(t testing.TB, d db.DB, list ...string) {
	t.Helper()
	if got := keys(t, d); !slices.Equal(got, list) {
		t.Fatalf("rows %q, want %q", got, list)
	}
}

func values(t *testing.T, d db.DB) {
	ctx := t.Context()
	blob := []byte{0, 1, 0xff, 0}
	args := [][]any{{"int", int64(-1 << 63), blob}, {"int2", 1<<63 - 1, []byte{}}, {"bool", true, []byte(nil)}, {"nil", false, nil}}
	err := d.Write(ctx, func(tx db.Tx) error {
		for _, a := range args {
			if n, err := tx.Exec(ctx, `INSERT INTO kv(k, n, b) VALUES(?,?,?)`, a...); n != 1 || err != nil {
				return fmt.Errorf("%d rows changed: %w", n, err)
			}
		}
		n, err := tx.Exec(ctx, `UPDATE kv SET b=b WHERE n>=?`, 0)
		if n != 3 {
			t.Errorf("%d rows changed, want 3", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = d.Read(ctx, func(r db.Reader) error {
		var kept [][]byte
		err := r.Query(ctx, `SELECT k, n, b FROM kv ORDER BY k DESC`, func(r db.Row) error {
			kept = append(kept, r.Bytes(2))
			got = append(got, fmt.Sprint(r.Text(0), " ", r.Int(1), " ", r.Bytes(2) == nil, r.Null(2), len(r.Bytes(2))))
			return nil
		})
		if !slices.ContainsFunc(kept, func(b []byte) bool { return bytes.Equal(b, blob) }) {
			t.Errorf("bytes were not kept: %v", kept)
		}
		if err != nil {
			return err
		}
		return r.Query(ctx, `SELECT SUM(n), COUNT(*), MAX(k) FROM kv WHERE n<9 AND n>-9`, func(r db.Row) error {
			got = append(got, fmt.Sprint(r.Int(0), r.Int(1), r.Text(2)))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"nil 0 true true 0", "int2 9223372036854775807 false false 0", "int -9223372036854775808 false false 4", "bool 1 true true 0", "1 2nil"}
	if !slices.Equal(got, all) {
		t.Fatalf("got %q\nwant %q", got, all)
	}
	err = d.Write(ctx, func(tx db.Tx) error { _, err := tx.Exec(ctx, `UPDATE kv SET n=?`, 1.5); return err })
	if err == nil || !strings.Contains(err.Error(), "float64") {
		t.Fatalf("a number that is not whole was taken: %v", err)
	}
	err = d.Write(ctx, func(tx db.Tx) error { _, err := tx.Exec(ctx, `UPDATE kv SET n=? WHERE k=?`, 1); return err })
	if err == nil {
		t.Fatal("a missing argument was not noticed")
	}
}

// order: bytes decide, whatever language the server was set up for.
func order(t *testing.T, d db.DB) {
	list := []string{"B", "a", "b", "é", "z", "Ä", "_", "-"}
	for i, k := range list {
		put(t, d, k, int64(i))
	}
	slices.Sort(list)
	want(t, d, list...)
	n := 0
	err := d.Read(t.Context(), func(r db.Reader) error {
		return r.Query(t.Context(), `SELECT k FROM kv WHERE k>=? AND k<?`, func(db.Row) error { n++; return nil }, "a", "c")
	})
	if err != nil || n != 2 {
		t.Fatalf("%d rows in the range, want a and b: %v", n, err)
	}
}

func nested(t *testing.T, d db.DB) {
	for i := range 300 {
		put(t, d, fmt.Sprintf("%03d", i), int64(i))
	}
	var walk func(r db.Reader, from, depth int) (int, error)
	walk = func(r db.Reader, from, depth int) (int, error) {
		count := 0
		err := r.Query(t.Context(), `SELECT k, n FROM kv WHERE n>=? ORDER BY n`, func(row db.Row) error {
			n := row.Int(1)
			if depth > 0 && n%100 == 0 {
				c, err := walk(r, int(n)+200, depth-1)
				if err != nil {
					return err
				}
				count += c
			}
			if k := row.Text(0); k != fmt.Sprintf("%03d", n) {
				return fmt.Errorf("the row changed beneath the callback: %s, %d", k, n)
			}
			count++
			return nil
		}, from)
		return count, err
	}
	check := func(r db.Reader) error {
		// 300, within it from 200: 100 (within it from 400: none).
		if n, err := walk(r, 0, 2); n != 400 || err != nil {
			return fmt.Errorf("%d rows, want 400: %w", n, err)
		}
		return nil
	}
	if err := d.Read(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	// An answer keeps the types of its columns when one with others is asked for within it.
	want := int64(0)
	err := d.Read(t.Context(), func(r db.Reader) error {
		return r.Query(t.Context(), `SELECT n, k FROM kv ORDER BY n`, func(row db.Row) error {
			if n := row.Int(0); n != want || row.Text(1) != fmt.Sprintf("%03d", n) {
				return fmt.Errorf("row %d is %d, %s", want, n, row.Text(1))
			}
			want++
			return r.Query(t.Context(), `SELECT k, n FROM kv WHERE n=?`, func(db.Row) error { return nil }, want)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(t.Context(), func(tx db.Tx) error {
		err := tx.Query(t.Context(), `SELECT k FROM kv WHERE n<10`, func(r db.Row) error {
			_, err := tx.Exec(t.Context(), `UPDATE kv SET b=? WHERE k=?`, []byte("x"), r.Text(0))
			return err
		})
		return errors.Join(err, check(tx))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, d db.DB) {
	put(t, d, "a", 1)
	put(t, d, "b", 2)
	n, boom := 0, errors.New("boom")
	err := d.Read(t.Context(), func(r db.Reader) error {
		each := func(db.Row) error { n++; return fmt.Errorf("enough: %w", db.Stop) }
		if err := r.Query(t.Context(), `SELECT k FROM kv`, each); err != nil {
			return err
		}
		return r.Query(t.Context(), `SELECT k FROM kv`, func(db.Row) error { return boom })
	})
	if n != 1 || !errors.Is(err, boom) {
		t.Fatalf("%d rows, %v", n, err)
	}
	want(t, d, "a", "b")
}

func rollback(t *testing.T, d db.DB) {
	boom := errors.New("boom")
	err := d.Write(t.Context(), func(tx db.Tx) error {
		if err := insert(t.Context(), tx, "a", 1); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	want(t, d)
	put(t, d, "b", 1)
	want(t, d, "b")
}

func unique(t *testing.T, d db.DB) {
	put(t, d, "a", 1)
	err := d.Write(t.Context(), func(tx db.Tx) error { return insert(t.Context(), tx, "a", 2) })
	if !errors.Is(err, db.ErrUnique) {
		t.Fatalf("%v, want ErrUnique", err)
	}
	err = d.Write(t.Context(), func(tx db.Tx) error {
		n, err := tx.Exec(t.Context(), `INSERT INTO kv(k, n) VALUES(?,?) ON CONFLICT(k) DO NOTHING`, "a", 2)
		if n != 0 {
			t.Errorf("%d rows changed, want none", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// failedStatement: nobody commits half of what was meant.
func failedStatement(t *testing.T, d db.DB) {
	put(t, d, "a", 1)
	err := d.Write(t.Context(), func(tx db.Tx) error {
		if err := insert(t.Context(), tx, "b", 2); err != nil {
			return err
		}
		_ = insert(t.Context(), tx, "a", 2)
		return nil
	})
	if !errors.Is(err, db.ErrUnique) {
		t.Fatalf("%v, want ErrUnique", err)
	}
	want(t, d, "a")
}

func panics(t *testing.T, d db.DB) {
	err := d.Write(t.Context(), func(tx db.Tx) error {
		if err := insert(t.Context(), tx, "a", 1); err != nil {
			return err
		}
		panic("ouch")
	})
	if err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Fatal(err)
	}
	err = d.Read(t.Context(), func(r db.Reader) error {
		return r.Query(t.Context(), `SELECT 1`, func(db.Row) error { panic("ouch") })
	})
	if err == nil || !strings.Contains(err.Error(), "ouch") {
		t.Fatal(err)
	}
	want(t, d)
	put(t, d, "b", 1)
	want(t, d, "b")
}

// group: many at once, of which some fail, some panic, some break a rule; each for itself.
func group(t *testing.T, d db.DB) {
	const n = 400
	release := make(chan struct{})
	go func() { // the others gather meanwhile
		_ = d.Write(context.WithoutCancel(t.Context()), func(db.Tx) error { <-release; return nil })
	}()
	var wg sync.WaitGroup
	var wrong atomic.Int64
	put(t, cut{d, release}, "000", 0)
	for i := 1; i < n; i++ {
		wg.Go(func() {
			k := fmt.Sprintf("%03d", i)
			err := d.Write(t.Context(), func(tx db.Tx) error {
				if err := insert(t.Context(), tx, k, int64(i)); err != nil {
					return err
				}
				switch i % 5 {
				case 1:
					return errors.New("boom")
				case 2:
					panic("ouch")
				case 3:
					return insert(t.Context(), tx, "000", 0)
				}
				return nil
			})
			if (err == nil) != (i%5 == 0 || i%5 == 4) || errors.Is(err, db.ErrUnique) != (i%5 == 3) {
				wrong.Add(1)
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if wrong.Load() > 0 {
		t.FailNow()
	}
	var list []string
	for i := range n {
		if i%5 == 0 || i%5 == 4 {
			list = append(list, fmt.Sprintf("%03d", i))
		}
	}
	want(t, d, list...)
}

// cut lets a write that holds the queue go on shortly after the next one was sent.
type cut struct {
	db.DB
	release chan struct{}
}

func (c cut) Write(ctx context.Context, f func(db.Tx) error) error {
	time.AfterFunc(20*time.Millisecond, func() { close(c.release) })
	return c.DB.Write(ctx, f)
}

func afterCommit(t *testing.T, d db.DB) {
	ctx := t.Context()
	var mu sync.Mutex
	var ran []string
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			returned := false
			_ = d.Write(ctx, func(tx db.Tx) error {
				if _, err := tx.Exec(ctx, `INSERT INTO log(what) VALUES(?)`, fmt.Sprint(i)); err != nil {
					return err
				}
				tx.AfterCommit(func() error {
					if !mu.TryLock() {
						t.Error("two at a time")
						return nil
					}
					defer mu.Unlock()
					// Durable, and seen by everybody.
					seen := int64(0)
					err := d.Read(ctx, func(r db.Reader) error {
						return r.Query(ctx, `SELECT COUNT(*) FROM log WHERE what=?`, func(r db.Row) error { seen = r.Int(0); return nil }, fmt.Sprint(i))
					})
					if seen != 1 || err != nil || returned {
						t.Errorf("hook of %d: sees %d rows, %v; after the answer: %v", i, seen, err, returned)
					}
					ran = append(ran, fmt.Sprint(i))
					return nil
				})
				return nil
			})
			returned = true
		})
	}
	wg.Wait()
	var list []string
	err := d.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT what FROM log ORDER BY id`, func(r db.Row) error { list = append(list, r.Text(0)); return nil })
	})
	if err != nil || len(list) != 50 || !slices.Equal(ran, list) {
		t.Fatalf("%v: hooks ran in order %v, transactions %v", err, ran, list)
	}
	boom := errors.New("boom")
	err = d.Write(ctx, func(tx db.Tx) error {
		tx.AfterCommit(func() error { return boom })
		tx.AfterCommit(func() error { t.Error("the second ran after the first failed"); return nil })
		return insert(ctx, tx, "kept", 1)
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	want(t, d, "kept")
	err = d.Write(ctx, func(tx db.Tx) error {
		tx.AfterCommit(func() error { t.Error("ran although nothing was committed"); return nil })
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func cancelled(t *testing.T, d db.DB) {
	ctx, cancel := context.WithCancel(t.Context())
	started, release := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		first <- d.Write(ctx, func(tx db.Tx) error {
			close(started)
			<-release
			return insert(ctx, tx, "begun", 1)
		})
	}()
	<-started
	second := make(chan error)
	go func() {
		second <- d.Write(ctx, func(db.Tx) error { t.Error("ran after it was cancelled"); return nil })
	}()
	time.Sleep(10 * time.Millisecond)
	cancel()
	close(release)
	if err := <-first; err != nil {
		t.Fatalf("a write that had begun: %v", err)
	}
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Fatalf("a write that had not begun: %v", err)
	}
	if err := d.Read(ctx, func(db.Reader) error { return ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	want(t, d, "begun")
}

func snapshot(t *testing.T, d db.DB) {
	put(t, d, "a", 1)
	err := d.Read(t.Context(), func(r db.Reader) error {
		count := func() (n int64, err error) {
			err = r.Query(t.Context(), `SELECT COUNT(*) FROM kv`, func(r db.Row) error { n = r.Int(0); return nil })
			return n, err
		}
		before, err := count()
		if err != nil {
			return err
		}
		put(t, d, "b", 2) // a reader does not hinder a writer
		after, err := count()
		if before != 1 || after != 1 {
			t.Errorf("the snapshot had %d rows, then %d", before, after)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, d, "a", "b")
}

func readerWrites(t *testing.T, d db.DB) {
	err := d.Read(t.Context(), func(r db.Reader) error {
		return r.Query(t.Context(), `INSERT INTO kv(k, n) VALUES('x', 1) RETURNING k`, func(db.Row) error { return nil })
	})
	if err == nil {
		t.Fatal("a reader wrote")
	}
	want(t, d)
}

func placeholders(t *testing.T, d db.DB) {
	var got string
	err := d.Write(t.Context(), func(tx db.Tx) error {
		return tx.Query(t.Context(), `INSERT INTO kv(k, n) VALUES('what?' || ?, ?) RETURNING k, n AS "n?"`,
			func(r db.Row) error { got = fmt.Sprint(r.Text(0), r.Int(1)); return nil }, "!", 7)
	})
	if err != nil || got != "what?!7" {
		t.Fatalf("%q, %v", got, err)
	}
}

func closed(t *testing.T, d db.DB) {
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			err := d.Write(t.Context(), func(tx db.Tx) error { return insert(t.Context(), tx, fmt.Sprint(i), 1) })
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, db.ErrClosed) {
				t.Error(err)
			}
			if err := d.Read(t.Context(), func(db.Reader) error { return nil }); err != nil && !errors.Is(err, db.ErrClosed) {
				t.Error(err)
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := d.Write(t.Context(), func(db.Tx) error { return nil }); !errors.Is(err, db.ErrClosed) {
		t.Fatal(err)
	}
	if err := d.Read(t.Context(), func(db.Reader) error { return nil }); !errors.Is(err, db.ErrClosed) {
		t.Fatal(err)
	}
}
