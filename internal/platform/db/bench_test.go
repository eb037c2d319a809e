package db_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/platform/testkit"
)

func benchOpen(b *testing.B, f func(b *testing.B, d db.DB)) {
	for _, k := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", dbtest.SQLite}, {"postgres", testkit.Postgres}} {
		b.Run(k.name, func(b *testing.B) {
			d := dbtest.Open(b, k.url(b))
			if err := d.Migrate(b.Context(), "x", []string{table}); err != nil {
				b.Fatal(err)
			}
			f(b, d)
		})
	}
}

// usage is the CPU time of this process, in µs, and what it had written to disks, in bytes.
func usage(b *testing.B) (cpu, written int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	io, err := os.ReadFile("/proc/self/io")
	if err == nil {
		for l := range strings.Lines(string(io)) {
			_, _ = fmt.Sscanf(l, "write_bytes: %d", &written)
		}
	}
	return u.Utime.Nano()/1000 + u.Stime.Nano()/1000, written
}

func report(b *testing.B, f func()) {
	cpu, written := usage(b)
	f()
	cpu2, written2 := usage(b)
	b.ReportMetric(float64(cpu2-cpu)/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(written2-written)/float64(b.N), "disk-B/op")
}

// BenchmarkWrite makes one row of 200 bytes durable (on PostgreSQL of the testkit: commits it, without fsync), by so many
// callers at once.
func BenchmarkWrite(b *testing.B) {
	benchOpen(b, func(b *testing.B, d db.DB) {
		var seq atomic.Int64
		value := make([]byte, 200)
		for _, callers := range []int{1, 16, 64} {
			b.Run(fmt.Sprint(callers), func(b *testing.B) {
				b.ReportAllocs()
				left := atomic.Int64{}
				left.Store(int64(b.N))
				report(b, func() {
					var wg sync.WaitGroup
					for range callers {
						wg.Go(func() {
							for left.Add(-1) >= 0 {
								k := fmt.Sprint(seq.Add(1) * 7919 % 1000003)
								err := d.Write(b.Context(), func(tx db.Tx) error {
									_, err := tx.Exec(b.Context(), `INSERT INTO kv(k, b) VALUES(?,?) ON CONFLICT(k) DO UPDATE SET b=excluded.b`, k, value)
									return err
								})
								if err != nil {
									b.Error(err)
									return
								}
							}
						})
					}
					wg.Wait()
				})
			})
		}
	})
}

// BenchmarkList reads 5,000 rows.
func BenchmarkList(b *testing.B) {
	benchOpen(b, func(b *testing.B, d db.DB) {
		err := d.Write(b.Context(), func(tx db.Tx) error {
			for i := range 5000 {
				if _, err := tx.Exec(b.Context(), `INSERT INTO kv(k, b) VALUES(?,?)`, fmt.Sprintf("name-%05d", i), make([]byte, 40)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			err := d.Read(b.Context(), func(r db.Reader) error {
				return r.Query(b.Context(), `SELECT k, b FROM kv ORDER BY k`, func(r db.Row) error { n += len(r.Text(0)) + len(r.Bytes(1)); return nil })
			})
			if err != nil || n != 5000*50 {
				b.Fatal(n, err)
			}
		}
	})
}

// BenchmarkReadOne looks one row up.
func BenchmarkReadOne(b *testing.B) {
	benchOpen(b, func(b *testing.B, d db.DB) {
		b.ReportAllocs()
		for b.Loop() {
			err := d.Read(b.Context(), func(r db.Reader) error {
				return r.Query(b.Context(), `SELECT b FROM kv WHERE k=?`, func(db.Row) error { return nil }, "x")
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
