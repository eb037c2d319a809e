package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// busyTimeout is how long another process may hold the write lock before a write fails.
	busyTimeout = 10 * time.Second
	// closeTimeout is how long Close waits for other processes before it leaves the log to them.
	closeTimeout = 200 * time.Millisecond
	// idleFor is how long a reader is kept open without use.
	idleFor = time.Minute
)

// sqliteDB is one file in WAL mode: readers on snapshots beside one writer.
type sqliteDB struct {
	path   string
	opts   Options
	tokens chan struct{} // how many readers there may be
	closed chan struct{}
	once   sync.Once
	w      *writer

	mu   sync.Mutex
	idle []*sqliteReader // the last one was used last
}

type sqliteReader struct {
	tx   sqliteTx
	used time.Time
}

func openSQLite(_ context.Context, path string, o Options) (DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	d := &sqliteDB{path: path, opts: o, tokens: make(chan struct{}, o.Readers), closed: make(chan struct{})}
	// synchronous=FULL: a commit is on disk when it returns.
	pragmas := []string{"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA cache_size=-4096",
		"PRAGMA wal_autocheckpoint=2000", "PRAGMA journal_size_limit=67108864"}
	if d.opts.MaxPages > 0 {
		pragmas = append(pragmas, fmt.Sprintf("PRAGMA max_page_count=%d", d.opts.MaxPages))
	}
	conn, err := d.connect(pragmas...)
	if err != nil {
		return nil, err
	}
	if err := intoWAL(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	wc := &sqliteWriter{t: sqliteTx{statements: statements{conn: conn}}}
	d.w = startWriter(o.Log, wc, &wc.t.outcome)
	return d, nil
}

func (d *sqliteDB) connect(pragmas ...string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(d.path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", d.path, sqliteError(err))
	}
	conn.SetBusyTimeout(busyTimeout)
	for _, p := range append(pragmas, "PRAGMA temp_store=MEMORY") {
		if err := runScript(conn, p); err != nil {
			conn.Close()
			return nil, fmt.Errorf("database %s: %w", d.path, err)
		}
	}
	return conn, nil
}

// intoWAL gives a new file its mode. Where several processes do so at once, SQLite refuses all but one at once, whatever the
// timeout.
func intoWAL(conn *sqlite.Conn) error {
	for began := time.Now(); ; time.Sleep(time.Millisecond + rand.N(10*time.Millisecond)) {
		err := runScript(conn, "PRAGMA journal_mode=WAL")
		if sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy || time.Since(began) > busyTimeout {
			return err
		}
	}
}

// runScript runs statements one after another, none of them kept.
func runScript(conn *sqlite.Conn, sql string) error {
	for sql = strings.TrimSpace(sql); sql != ""; {
		stmt, rest, err := conn.PrepareTransient(sql)
		if err != nil {
			return sqliteError(err)
		}
		sql = strings.TrimSpace(sql[len(sql)-rest:])
		more := true
		for more && err == nil {
			more, err = stmt.Step()
		}
		stmt.Finalize()
		if err != nil {
			return sqliteError(err)
		}
	}
	return nil
}

func (d *sqliteDB) Dialect() string { return "sqlite" }

func (d *sqliteDB) Write(ctx context.Context, f func(Tx) error) error { return d.w.do(ctx, f) }

func (d *sqliteDB) Migrate(ctx context.Context, component string, steps []string) error {
	return migrate(ctx, d, component, steps)
}

func (d *sqliteDB) Read(ctx context.Context, f func(Reader) error) error {
	select {
	case <-d.closed:
		return ErrClosed
	default:
	}
	select {
	case d.tokens <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.closed:
		return ErrClosed
	}
	defer func() { <-d.tokens }()
	r, err := d.take()
	if err != nil {
		return err
	}
	if err = r.tx.step("BEGIN"); err == nil {
		err = safely(func() error { return f(&r.tx) })
		// SQLite ends the transaction itself after some errors.
		if !r.tx.conn.AutocommitEnabled() {
			if e := r.tx.step("COMMIT"); e != nil {
				r.tx.close()
				return errors.Join(err, e)
			}
		}
	}
	d.give(r)
	return err
}

// take returns the reader that was used last: its cache is warm, and the others may go.
func (d *sqliteDB) take() (*sqliteReader, error) {
	d.mu.Lock()
	if n := len(d.idle); n > 0 {
		r := d.idle[n-1]
		d.idle = d.idle[:n-1]
		d.mu.Unlock()
		return r, nil
	}
	d.mu.Unlock()
	conn, err := d.connect("PRAGMA query_only=ON", "PRAGMA cache_size=-2048")
	if err != nil {
		return nil, err
	}
	return &sqliteReader{tx: sqliteTx{statements: statements{conn: conn}}}, nil
}

func (d *sqliteDB) give(r *sqliteReader) {
	r.tx.outcome = outcome{}
	r.used = time.Now()
	d.mu.Lock()
	d.idle = append(d.idle, r)
	var old *sqliteReader
	if oldest := d.idle[0]; r.used.Sub(oldest.used) > idleFor {
		old, d.idle = oldest, d.idle[1:]
	}
	d.mu.Unlock()
	if old != nil {
		old.tx.close()
	}
}

// Close waits for the writes and reads under way, writes the log back into the file and closes all connections.
func (d *sqliteDB) Close() error {
	d.once.Do(func() {
		close(d.closed)
		for range cap(d.tokens) { // all readers have ended when we hold all tokens
			d.tokens <- struct{}{}
		}
		for _, r := range d.idle {
			r.tx.close()
		}
		d.idle = nil
	})
	d.w.close()
	return nil
}

// sqliteWriter is the writing connection.
type sqliteWriter struct{ t sqliteTx }

func (w *sqliteWriter) begin(context.Context) error     { return w.t.step("BEGIN IMMEDIATE") }
func (w *sqliteWriter) savepoint(context.Context) error { return w.t.step("SAVEPOINT w") }
func (w *sqliteWriter) release(context.Context) error   { return w.t.step("RELEASE w") }
func (w *sqliteWriter) commit(context.Context) error    { return w.t.step("COMMIT") }
func (w *sqliteWriter) tx() Tx                          { return &w.t }
func (w *sqliteWriter) lost() bool                      { return w.t.conn.AutocommitEnabled() }
func (w *sqliteWriter) retriable(error) bool            { return false }
func (w *sqliteWriter) rollbackTo(context.Context) error {
	if err := w.t.step("ROLLBACK TO w"); err != nil {
		return err
	}
	return w.t.step("RELEASE w")
}

func (w *sqliteWriter) rollback(context.Context) {
	if !w.t.conn.AutocommitEnabled() {
		_ = w.t.step("ROLLBACK")
	}
}

func (w *sqliteWriter) close() {
	w.t.conn.SetBusyTimeout(closeTimeout) // another process goes on: let it have the log
	_ = runScript(w.t.conn, "PRAGMA wal_checkpoint(TRUNCATE)")
	w.t.close()
}

// sqliteError gives SQLite's errors our names.
func sqliteError(err error) error {
	if err == nil {
		return nil
	}
	code := sqlite.ErrCode(err)
	switch {
	case code.ToPrimary() == sqlite.ResultFull, errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case code == sqlite.ResultConstraintUnique, code == sqlite.ResultConstraintPrimaryKey, code == sqlite.ResultConstraintRowID:
		return fmt.Errorf("%w: %w", ErrUnique, err)
	}
	return err
}
