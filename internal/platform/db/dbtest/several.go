package dbtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"opencloud/internal/platform/db"
)

func migrates(t *testing.T, url string) {
	ctx, d := t.Context(), Open(t, url)
	one := `CREATE TABLE a(x TEXT PRIMARY KEY); CREATE INDEX a_x ON a(x);
	INSERT INTO a(x) VALUES('one');`
	if err := d.Migrate(ctx, "first", []string{one}); err != nil {
		t.Fatal(err)
	}
	broken := `INSERT INTO a(x) VALUES('two'); INSERT INTO nowhere(x) VALUES(1);`
	if err := d.Migrate(ctx, "first", []string{one, broken}); err == nil || !strings.Contains(err.Error(), "step 1") {
		t.Fatalf("a broken step: %v", err)
	}
	two := `INSERT INTO a(x) VALUES('two')`
	for range 2 { // the second time there is nothing to do
		if err := d.Migrate(ctx, "first", []string{one, two}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Migrate(ctx, "second", []string{`CREATE TABLE b(x BIGINT)`}); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(ctx, "first", []string{one}); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Fatalf("a database of a newer version: %v", err)
	}
	n := 0
	err := d.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT x FROM a`, func(db.Row) error { n++; return nil })
	})
	if err != nil || n != 2 {
		t.Fatalf("%d rows, %v", n, err)
	}
}

// migratesTogether: processes that start at the same time.
func migratesTogether(t *testing.T, url string) {
	var steps []string
	for i := range 10 {
		steps = append(steps, fmt.Sprintf(`CREATE TABLE t%d(x BIGINT); INSERT INTO t%d(x) VALUES(1);`, i, i))
	}
	var wg sync.WaitGroup
	for range 4 {
		d := Open(t, url)
		wg.Go(func() {
			if err := d.Migrate(t.Context(), "together", steps); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// twoProcesses: what a transaction read is still true when it commits.
func twoProcesses(t *testing.T, url string) {
	const each = 100
	a, b := Open(t, url), Open(t, url)
	if err := a.Migrate(t.Context(), "dbtest", schema); err != nil {
		t.Fatal(err)
	}
	put(t, a, "counter", 0)
	var wg sync.WaitGroup
	for i := range 4 * each {
		d := []db.DB{a, b}[i%2]
		wg.Go(func() {
			err := d.Write(t.Context(), func(tx db.Tx) error {
				n := int64(-1)
				err := tx.Query(t.Context(), `SELECT n FROM kv WHERE k='counter'`, func(r db.Row) error { n = r.Int(0); return nil })
				if err != nil {
					return err
				}
				if n < 0 {
					return errors.New("no counter")
				}
				_, err = tx.Exec(t.Context(), `UPDATE kv SET n=? WHERE k='counter'`, n+1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := int64(0)
	err := b.Read(t.Context(), func(r db.Reader) error {
		return r.Query(t.Context(), `SELECT n FROM kv`, func(r db.Row) error { n = r.Int(0); return nil })
	})
	if err != nil || n != 4*each {
		t.Fatalf("the counter is %d, want %d: %v", n, 4*each, err)
	}
}

func durable(t *testing.T, url string) {
	d := Open(t, url)
	if err := d.Migrate(t.Context(), "dbtest", schema); err != nil {
		t.Fatal(err)
	}
	put(t, d, "a", 1)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, Open(t, url), "a")
}
