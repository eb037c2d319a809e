package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/platform/testkit"
)

func TestSQLite(t *testing.T)   { dbtest.Run(t, dbtest.SQLite) }
func TestPostgres(t *testing.T) { dbtest.Run(t, testkit.Postgres) }

const table = `CREATE TABLE kv(k TEXT PRIMARY KEY, b BLOB)`

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "postgres://%zz:secret@"} {
		if _, err := db.Open(t.Context(), url, db.Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestFull fills a database up: who does not fit is told so, everybody else in the same commit is served, and afterwards
// there is room again once something is removed.
func TestFull(t *testing.T) {
	d, err := db.Open(t.Context(), dbtest.SQLite(t), db.Options{MaxPages: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(t.Context(), "x", []string{table}); err != nil {
		t.Fatal(err)
	}
	set := func(k string, size int) error {
		return d.Write(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO kv(k, b) VALUES(?,?) ON CONFLICT(k) DO UPDATE SET b=excluded.b`, k, make([]byte, size))
			return err
		})
	}
	if err := set("seed", 100); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			size := 100
			if i%3 == 0 {
				size = 2 << 20
			}
			if err := set(fmt.Sprint(i), size); errors.Is(err, db.ErrFull) != (i%3 == 0) || (err != nil) != (i%3 == 0) {
				t.Errorf("%d bytes: %v", size, err)
			}
		})
	}
	wg.Wait()
	if err := set("seed", 5000); err != nil {
		t.Fatal(err)
	}
}

// TestReconnect: the server goes away at random moments; every write happens exactly once.
func TestReconnect(t *testing.T) {
	url := testkit.Postgres(t)
	d := dbtest.Open(t, url)
	if err := d.Migrate(t.Context(), "x", []string{`CREATE TABLE log(k TEXT NOT NULL)`}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	counts := make([]int, 8)
	for i := range counts {
		wg.Go(func() {
			for ctx.Err() == nil {
				err := d.Write(t.Context(), func(tx db.Tx) error {
					_, err := tx.Exec(t.Context(), `INSERT INTO log(k) VALUES(?)`, fmt.Sprint(i))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				counts[i]++
			}
		})
	}
	for ctx.Err() == nil {
		time.Sleep(15 * time.Millisecond)
		testkit.DisconnectPostgres(t, url)
		if err := d.Read(t.Context(), func(db.Reader) error { return nil }); err != nil {
			t.Errorf("read: %v", err)
		}
	}
	wg.Wait()
	for i, n := range counts {
		var rows int64
		err := d.Read(t.Context(), func(r db.Reader) error {
			return r.Query(t.Context(), `SELECT COUNT(*) FROM log WHERE k=?`, func(r db.Row) error { rows = r.Int(0); return nil }, fmt.Sprint(i))
		})
		if err != nil || rows != int64(n) {
			t.Errorf("%d writes were answered, %d rows are there: %v", n, rows, err)
		}
	}
}

// TestCheckpoint: the write-ahead log does not grow for ever, and is gone after Close.
func TestCheckpoint(t *testing.T) {
	url := dbtest.SQLite(t)
	d := dbtest.Open(t, url)
	if err := d.Migrate(t.Context(), "x", []string{table}); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		err := d.Write(t.Context(), func(tx db.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO kv(k, b) VALUES('x',?) ON CONFLICT(k) DO UPDATE SET b=excluded.b`, make([]byte, 1<<20))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wal := filepath.Clean(strings.TrimPrefix(url, "sqlite:") + "-wal")
	if info, err := os.Stat(wal); err != nil || info.Size() > 24<<20 {
		t.Fatalf("the log has %d bytes, %v", info.Size(), err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(wal); err == nil && info.Size() > 0 {
		t.Fatalf("after Close the log has %d bytes", info.Size())
	}
}

// TestOpenTogether opens files that are not there yet in many processes at once, as those of a server do that is started
// for the first time.
func TestOpenTogether(t *testing.T) {
	const variable = "OC_TEST_OPEN"
	if dir := os.Getenv(variable); dir != "" {
		_, _ = os.Stdin.Read(make([]byte, 1)) // ends when all are there
		for i := range 50 {
			d, err := db.Open(t.Context(), fmt.Sprintf("sqlite:%s/%d", dir, i), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if err := d.Migrate(t.Context(), "x", []string{table}); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	gate, open, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenTogether$")
		cmd.Env, cmd.Stdin = append(os.Environ(), variable+"="+dir), gate
		all.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	open.Close()
	all.Wait()
}
