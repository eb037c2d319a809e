package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"zombiezen.com/go/sqlite"
)

// sqliteDB is one file in WAL mode: readers on snapshots beside one writer.
type sqliteDB struct {
	path   string
	opts   Options
	idle   chan *sqlite.Conn // open connections that nobody uses
	tokens chan struct{}     // how many readers there may be
	closed chan struct{}
	w      *writer
}

func openSQLite(ctx context.Context, path string, o Options) (DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	d := &sqliteDB{path: path, opts: o, idle: make(chan *sqlite.Conn, o.Readers), tokens: make(chan struct{}, o.Readers), closed: make(chan struct{})}
	conn, err := d.connect(false)
	if err != nil {
		return nil, err
	}
	wc := &sqliteWriter{conn: conn}
	wc.t.conn = conn
	d.w = startWriter(o.Log, wc, &wc.t.hooks)
	return d, nil
}

// connect opens a connection. synchronous=FULL: a commit is on disk when it returns.
func (d *sqliteDB) connect(reader bool) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(d.path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", d.path, sqliteError(err))
	}
	conn.SetBusyTimeout(10 * time.Second)
	pragmas := []string{"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-4096",
		"PRAGMA wal_autocheckpoint=2000", "PRAGMA journal_size_limit=67108864"}
	if reader {
		pragmas = []string{"PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY", "PRAGMA cache_size=-2048"}
	} else if d.opts.MaxPages > 0 {
		pragmas = append(pragmas, fmt.Sprintf("PRAGMA max_page_count=%d", d.opts.MaxPages))
	}
	for _, p := range pragmas {
		if err := runOnce(conn, p); err != nil {
			conn.Close()
			return nil, fmt.Errorf("database %s: %w", d.path, err)
		}
	}
	return conn, nil
}

func runOnce(conn *sqlite.Conn, sql string) error {
	stmt, _, err := conn.PrepareTransient(sql)
	if err != nil {
		return sqliteError(err)
	}
	defer stmt.Finalize()
	for {
		row, err := stmt.Step()
		if err != nil {
			return sqliteError(err)
		}
		if !row {
			return nil
		}
	}
}

func (d *sqliteDB) Dialect() string { return "sqlite" }

func (d *sqliteDB) Write(ctx context.Context, f func(Tx) error) error { return d.w.do(ctx, f) }

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
	var conn *sqlite.Conn
	select {
	case conn = <-d.idle:
	default:
		var err error
		if conn, err = d.connect(true); err != nil {
			return err
		}
	}
	r := &sqliteTx{conn: conn}
	err := r.step("BEGIN")
	if err == nil {
		err = safely(func() error { return f(r) })
		if e := r.step("COMMIT"); e != nil {
			conn.Close()
			return errors.Join(err, e)
		}
	}
	select {
	case <-d.closed:
		conn.Close()
	default:
		d.idle <- conn // never blocks: there are as many places as tokens
	}
	return err
}

// Close waits for the writes under way, writes the log back into the file and closes all connections.
func (d *sqliteDB) Close() error {
	select {
	case <-d.closed:
		return nil
	default:
		close(d.closed)
	}
	for range cap(d.tokens) { // all readers have ended when we hold all tokens
		d.tokens <- struct{}{}
	}
	for {
		select {
		case c := <-d.idle:
			c.Close()
			continue
		default:
		}
		break
	}
	d.w.close()
	return nil
}

// sqliteWriter is the writing connection.
type sqliteWriter struct {
	conn *sqlite.Conn
	t    sqliteTx
}

func (w *sqliteWriter) begin(context.Context) error     { return w.t.step("BEGIN IMMEDIATE") }
func (w *sqliteWriter) savepoint(context.Context) error { return w.t.step("SAVEPOINT w") }
func (w *sqliteWriter) release(context.Context) error   { return w.t.step("RELEASE w") }
func (w *sqliteWriter) commit(context.Context) error    { return w.t.step("COMMIT") }
func (w *sqliteWriter) tx() Tx                          { return &w.t }
func (w *sqliteWriter) retriable(error) bool            { return false }
func (w *sqliteWriter) rollbackTo(context.Context) error {
	if err := w.t.step("ROLLBACK TO w"); err != nil {
		return err
	}
	return w.t.step("RELEASE w")
}

func (w *sqliteWriter) rollback(context.Context) {
	if !w.conn.AutocommitEnabled() {
		_ = w.t.step("ROLLBACK")
	}
}

func (w *sqliteWriter) close() {
	_ = runOnce(w.conn, "PRAGMA wal_checkpoint(TRUNCATE)")
	w.conn.Close()
}

// sqliteTx runs statements on one connection; the connection keeps them prepared.
type sqliteTx struct {
	hooks
	conn *sqlite.Conn
}

func (t *sqliteTx) step(sql string) error {
	stmt, err := t.conn.Prepare(sql)
	if err != nil {
		return sqliteError(err)
	}
	defer stmt.Reset()
	_, err = stmt.Step()
	return sqliteError(err)
}

func (t *sqliteTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	stmt, err := t.prepare(sql, args)
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	for {
		row, err := stmt.Step()
		if err != nil {
			return 0, sqliteError(err)
		}
		if !row {
			return int64(t.conn.Changes()), nil
		}
	}
}

func (t *sqliteTx) Query(ctx context.Context, sql string, each func(Row) error, args ...any) error {
	stmt, err := t.prepare(sql, args)
	if err != nil {
		return err
	}
	defer stmt.Reset()
	row := sqliteRow{stmt: stmt}
	for n := 1; ; n++ {
		more, err := stmt.Step()
		if err != nil {
			return sqliteError(err)
		}
		if !more {
			return nil
		}
		if err := each(&row); err != nil {
			return ended(err)
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (t *sqliteTx) prepare(sql string, args []any) (*sqlite.Stmt, error) {
	stmt, err := t.conn.Prepare(sql)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", sqliteError(err), strings.Join(strings.Fields(sql), " "))
	}
	for i, a := range args {
		p := i + 1
		switch v := a.(type) {
		case int64:
			stmt.BindInt64(p, v)
		case int:
			stmt.BindInt64(p, int64(v))
		case string:
			stmt.BindText(p, v)
		case []byte:
			if v == nil {
				stmt.BindNull(p)
			} else if len(v) == 0 {
				stmt.BindZeroBlob(p, 0)
			} else {
				stmt.BindBytes(p, v)
			}
		case bool:
			stmt.BindBool(p, v)
		case nil:
			stmt.BindNull(p)
		default:
			return nil, fmt.Errorf("database: argument %d has type %T", p, a)
		}
	}
	return stmt, nil
}

type sqliteRow struct {
	stmt *sqlite.Stmt
}

func (r *sqliteRow) Int(col int) int64   { return r.stmt.ColumnInt64(col) }
func (r *sqliteRow) Text(col int) string { return r.stmt.ColumnText(col) }
func (r *sqliteRow) Null(col int) bool   { return r.stmt.ColumnIsNull(col) }

func (r *sqliteRow) Bytes(col int) []byte {
	if r.stmt.ColumnIsNull(col) {
		return nil
	}
	n := r.stmt.ColumnLen(col)
	b := make([]byte, n)
	r.stmt.ColumnBytes(col, b)
	return b
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
