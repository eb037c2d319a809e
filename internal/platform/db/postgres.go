package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgDB is a PostgreSQL server: a pool of readers and one connection that writes.
type pgDB struct {
	pool *pgxpool.Pool
	w    *writer
	sql  *rewriter
}

func openPostgres(ctx context.Context, url string, o Options) (DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("database URL cannot be read") // pgx's text may hold the password
	}
	cfg.MaxConns = int32(o.Readers)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	sql := &rewriter{}
	wc := &pgWriter{cfg: cfg.ConnConfig.Copy()}
	wc.t.sql = sql
	if err := wc.connect(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database: %w", err)
	}
	return &pgDB{pool: pool, w: startWriter(o.Log, wc, &wc.t.hooks), sql: sql}, nil
}

func (d *pgDB) Dialect() string { return "postgres" }

func (d *pgDB) Write(ctx context.Context, f func(Tx) error) error { return d.w.do(ctx, f) }

func (d *pgDB) Migrate(ctx context.Context, component string, steps []string) error {
	return migrate(ctx, d, component, steps)
}

func (d *pgDB) Read(ctx context.Context, f func(Reader) error) error {
	tx, err := d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		if ctx.Err() == nil && strings.Contains(err.Error(), "closed pool") {
			return ErrClosed
		}
		return pgError(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	return safely(func() error { return f(&pgTx{q: tx, sql: d.sql}) })
}

func (d *pgDB) Close() error {
	d.w.close()
	d.pool.Close()
	return nil
}

// pgWriter is the writing connection; it comes back after the server was away.
type pgWriter struct {
	cfg  *pgx.ConnConfig
	conn *pgx.Conn
	t    pgTx
}

func (w *pgWriter) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, w.cfg)
	if err != nil {
		return err
	}
	w.conn, w.t.q = conn, conn
	return nil
}

func (w *pgWriter) exec(ctx context.Context, sql string) error {
	_, err := w.conn.Exec(ctx, sql)
	return pgError(err)
}

func (w *pgWriter) begin(ctx context.Context) error {
	if w.conn.IsClosed() {
		if err := w.connect(ctx); err != nil {
			return err
		}
	}
	return w.exec(ctx, "BEGIN")
}

func (w *pgWriter) savepoint(ctx context.Context) error  { return w.exec(ctx, "SAVEPOINT w") }
func (w *pgWriter) release(ctx context.Context) error    { return w.exec(ctx, "RELEASE w") }
func (w *pgWriter) rollbackTo(ctx context.Context) error { return w.exec(ctx, "ROLLBACK TO w") }
func (w *pgWriter) commit(ctx context.Context) error     { return w.exec(ctx, "COMMIT") }
func (w *pgWriter) tx() Tx                               { return &w.t }
func (w *pgWriter) close()                               { w.conn.Close(context.Background()) }

func (w *pgWriter) rollback(ctx context.Context) {
	if !w.conn.IsClosed() {
		_ = w.exec(ctx, "ROLLBACK")
	}
}

func (w *pgWriter) retriable(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		// serialization failure, deadlock, shutdown of the server
		return pe.Code == "40001" || pe.Code == "40P01" || strings.HasPrefix(pe.Code, "57P")
	}
	return w.conn.IsClosed() && !errors.Is(err, ErrUnique)
}

// pgQuerier is a connection or a transaction.
type pgQuerier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

type pgTx struct {
	hooks
	q   pgQuerier
	sql *rewriter
}

func (t *pgTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := t.q.Exec(context.WithoutCancel(ctx), t.sql.rewrite(sql), pgArgs(args)...)
	return tag.RowsAffected(), pgError(err)
}

func (t *pgTx) Query(ctx context.Context, sql string, each func(Row) error, args ...any) error {
	// A cancelled context would close the connection in the middle of a batch of others' writes.
	rows, err := t.q.Query(context.WithoutCancel(ctx), t.sql.rewrite(sql), pgArgs(args)...)
	if err != nil {
		return pgError(err)
	}
	defer rows.Close()
	row := &pgRow{rows: rows}
	// A wire connection answers one query at a time, so an answer is taken in before a callback may ask again.
	var all [][][]byte
	for rows.Next() {
		values := rows.RawValues()
		kept := make([][]byte, len(values))
		for i, v := range values {
			if v != nil {
				kept[i] = append(make([]byte, 0, len(v)), v...)
			}
		}
		all = append(all, kept)
	}
	row.fields = rows.FieldDescriptions()
	rows.Close()
	if err := rows.Err(); err != nil {
		return pgError(err)
	}
	for n, values := range all {
		row.values = values
		if err := each(row); err != nil {
			return ended(err)
		}
		if n%256 == 255 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func pgArgs(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case bool:
			n := int64(0)
			if v {
				n = 1
			}
			args[i] = n
		case []byte:
			if v == nil {
				args[i] = nil
			}
		}
	}
	return args
}

type pgRow struct {
	rows   pgx.Rows
	fields []pgconn.FieldDescription
	values [][]byte
}

func (r *pgRow) Null(col int) bool { return r.values[col] == nil }

func (r *pgRow) Int(col int) int64 {
	v := r.values[col]
	if v == nil {
		return 0
	}
	if r.fields[col].Format == pgtype.BinaryFormatCode {
		switch r.fields[col].DataTypeOID {
		case pgtype.Int8OID:
			return int64(binary.BigEndian.Uint64(v))
		case pgtype.Int4OID:
			return int64(int32(binary.BigEndian.Uint32(v)))
		case pgtype.Int2OID:
			return int64(int16(binary.BigEndian.Uint16(v)))
		case pgtype.BoolOID:
			return int64(v[0])
		case pgtype.NumericOID: // sums of BIGINT
			var n pgtype.Int8
			if err := pgtype.NewMap().Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, v, &n); err == nil {
				return n.Int64
			}
			return 0
		}
	}
	if string(v) == "t" {
		return 1
	}
	n, _ := strconv.ParseInt(string(v), 10, 64)
	return n
}

func (r *pgRow) Text(col int) string { return string(r.values[col]) }

func (r *pgRow) Bytes(col int) []byte {
	v := r.values[col]
	if v != nil && r.fields[col].Format == pgtype.TextFormatCode && r.fields[col].DataTypeOID == pgtype.ByteaOID {
		var b []byte
		if err := pgtype.NewMap().Scan(pgtype.ByteaOID, pgtype.TextFormatCode, v, &b); err == nil {
			return b
		}
	}
	return v
}

// rewriter turns "?" into "$1", "$2"…, once per statement.
type rewriter struct{ cache sync.Map }

func (w *rewriter) rewrite(sql string) string {
	if v, ok := w.cache.Load(sql); ok {
		return v.(string)
	}
	var b strings.Builder
	n, quoted := 0, false
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		default:
			b.WriteByte(c)
		}
	}
	w.cache.Store(sql, b.String())
	return b.String()
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
