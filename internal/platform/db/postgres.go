package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connectTimeout bounds one attempt to reach the server: one that many new processes reach for at once takes its time, and who
// cannot reach it at start does not start.
const connectTimeout = 15 * time.Second

// pgDB is a PostgreSQL server (13 or newer): a pool of readers and one connection that writes.
type pgDB struct {
	pool   *pgxpool.Pool
	w      *writer
	sql    *rewriter
	once   sync.Once
	closed atomic.Bool
}

func openPostgres(ctx context.Context, url string, o Options) (DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("database URL cannot be read") // pgx's text may hold the password
	}
	cfg.MaxConns = int32(o.Readers)
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "opencloud"
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	sql := &rewriter{}
	wc := &pgWriter{cfg: cfg.ConnConfig.Copy(), t: pgTx{sql: sql}}
	if err := wc.connect(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	return &pgDB{pool: pool, w: startWriter(o.Log, wc, &wc.t.outcome), sql: sql}, nil
}

func (d *pgDB) Dialect() string { return "postgres" }

func (d *pgDB) Write(ctx context.Context, f func(Tx) error) error { return d.w.do(ctx, f) }

func (d *pgDB) Migrate(ctx context.Context, component string, steps []string) error {
	return migrate(ctx, d, component, steps)
}

func (d *pgDB) Read(ctx context.Context, f func(Reader) error) error {
	tx, err := d.beginRead(ctx)
	if err != nil {
		return err
	}
	// Ends the snapshot also of a caller who has gone.
	defer tx.Rollback(context.WithoutCancel(ctx))
	return safely(func() error { return f(&pgTx{q: tx, sql: d.sql, reader: true}) })
}

// beginRead opens a snapshot. Connections that died since their last use, as when the server was restarted, are dropped
// on the way.
func (d *pgDB) beginRead(ctx context.Context) (pgx.Tx, error) {
	var err error
	for range d.pool.Config().MaxConns + 1 {
		var tx pgx.Tx
		if tx, err = d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err == nil {
			return tx, nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case d.closed.Load():
			return nil, ErrClosed
		}
		var refused *pgconn.ConnectError
		if errors.As(err, &refused) {
			break
		}
	}
	return nil, pgError(err)
}

// Close waits for the writes and reads under way.
func (d *pgDB) Close() error {
	d.closed.Store(true)
	d.w.close()
	d.once.Do(d.pool.Close)
	return nil
}

// pgWriter is the writing connection; it comes back after the server was away.
type pgWriter struct {
	cfg   *pgx.ConnConfig
	conn  *pgx.Conn
	t     pgTx
	xid   string // of the transaction under way
	first string // what is sent with the next savepoint: one round trip less
}

func (w *pgWriter) connect(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.cfg)
	if err != nil {
		return err
	}
	w.conn, w.t.q = conn, conn
	return nil
}

// send runs statements without arguments in one round trip, and returns the first value of the last answer.
func (w *pgWriter) send(ctx context.Context, sql string) (string, error) {
	results, err := w.conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return "", pgError(err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 && len(last.Rows[0]) > 0 {
		return string(last.Rows[0][0]), nil
	}
	return "", nil
}

func (w *pgWriter) begin(ctx context.Context) (err error) {
	if w.conn.IsClosed() {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	w.first = ""
	// Serializable, so that processes do not undo each other's conditions; the id answers what became of a commit.
	w.xid, err = w.send(ctx, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT pg_current_xact_id()::text")
	return err
}

func (w *pgWriter) savepoint(ctx context.Context) error {
	_, err := w.send(ctx, w.first+"SAVEPOINT w")
	w.first = ""
	return err
}

func (w *pgWriter) release(context.Context) error {
	w.first = "RELEASE w;"
	return nil
}

func (w *pgWriter) rollbackTo(ctx context.Context) error {
	_, err := w.send(ctx, "ROLLBACK TO w; RELEASE w")
	return err
}

func (w *pgWriter) commit(ctx context.Context) error {
	results, err := w.conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	switch {
	case err != nil && w.conn.IsClosed():
		return w.ask(ctx, err)
	case err != nil:
		return pgError(err)
	case results[0].CommandTag.String() != "COMMIT": // what the server answers when it had given up the transaction
		return errAborted
	}
	return nil
}

// ask finds out how a commit ended whose answer was lost.
func (w *pgWriter) ask(ctx context.Context, lost error) error {
	ctx, cancel := context.WithTimeout(ctx, retryFor)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := w.connect(ctx)
		if err == nil {
			status, e := w.send(ctx, "SELECT pg_xact_status('"+w.xid+"')")
			switch {
			case e == nil && status == "committed":
				return nil
			case e == nil && status == "aborted":
				return errAborted
			}
			w.conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnknown, lost)
		case <-time.After(pause):
		}
	}
}

// errAborted: the commit did not happen.
var errAborted = errors.New("database: transaction was not committed")

func (w *pgWriter) tx() Tx     { return &w.t }
func (w *pgWriter) lost() bool { return w.conn.IsClosed() }

func (w *pgWriter) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	w.conn.Close(ctx)
}

func (w *pgWriter) rollback(ctx context.Context) {
	if !w.conn.IsClosed() && w.conn.PgConn().TxStatus() != 'I' {
		_, _ = w.send(ctx, "ROLLBACK")
	}
}

func (w *pgWriter) retriable(err error) bool {
	if errors.Is(err, ErrUnknown) {
		return false
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// serialization failure, deadlock, the server stops or starts
		return pe.Code == "40001" || pe.Code == "40P01" || strings.HasPrefix(pe.Code, "57P")
	}
	return errors.Is(err, errAborted) || w.conn.IsClosed()
}

func pgError(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return err
	}
	switch pe.Code {
	case "23505":
		return fmt.Errorf("%w: %w", ErrUnique, err)
	case "53100":
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
