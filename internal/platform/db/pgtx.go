package db

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// pgQuerier is a connection or a transaction.
type pgQuerier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

type pgTx struct {
	outcome
	q      pgQuerier
	sql    *rewriter
	reader bool
	open   *pgRows // the answer that is still on the wire
}

// context is the caller's where nobody else depends on the connection: pgx closes the connection of a cancelled statement,
// and in the writer's there are other callers' writes.
func (t *pgTx) context(ctx context.Context) context.Context {
	if t.reader {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func (t *pgTx) script(ctx context.Context, sql string) error {
	t.open.detach()
	_, err := t.q.Exec(t.context(ctx), sql, pgx.QueryExecModeSimpleProtocol)
	return t.note(pgError(err))
}

func (t *pgTx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	t.open.detach()
	args, err := pgArgs(args)
	if err != nil {
		return 0, t.note(err)
	}
	tag, err := t.q.Exec(t.context(ctx), t.sql.rewrite(sql), args...)
	return tag.RowsAffected(), t.note(pgError(err))
}

func (t *pgTx) Query(ctx context.Context, sql string, each func(Row) error, args ...any) error {
	t.open.detach()
	args, err := pgArgs(args)
	if err != nil {
		return t.note(err)
	}
	rows, err := t.q.Query(t.context(ctx), t.sql.rewrite(sql), args...)
	if err != nil {
		return t.note(pgError(err))
	}
	r := &pgRows{rows: rows}
	t.open = r
	defer func() {
		rows.Close()
		t.open = nil
	}()
	for n := 1; r.next(); n++ {
		if err := each(r); err != nil {
			return ended(err)
		}
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	rows.Close()
	return t.note(pgError(rows.Err()))
}

// pgArgs gives arguments the types of the schema: there are no booleans in it.
func pgArgs(args []any) ([]any, error) {
	copied := false
	for i, a := range args {
		var v any
		switch a := a.(type) {
		case int64, int, string, nil:
			continue
		case []byte:
			if a != nil {
				continue
			}
		case bool:
			v = int64(0)
			if a {
				v = int64(1)
			}
		default:
			return nil, fmt.Errorf("database: argument %d has type %T", i+1, a)
		}
		if !copied {
			args, copied = slices.Clone(args), true
		}
		args[i] = v
	}
	return args, nil
}

// pgRows is an answer, and its current row. A connection carries one answer at a time: when another statement is run
// from within the callback, what is left of this one is taken into memory first.
type pgRows struct {
	rows     pgx.Rows
	fields   []pgconn.FieldDescription
	values   [][]byte
	rest     [][][]byte
	detached bool
}

func (r *pgRows) next() bool {
	if !r.detached {
		if !r.rows.Next() {
			return false
		}
		if r.fields == nil {
			r.fields = r.rows.FieldDescriptions()
		}
		r.values = r.rows.RawValues()
		return true
	}
	if len(r.rest) == 0 {
		return false
	}
	r.values, r.rest = r.rest[0], r.rest[1:]
	return true
}

func (r *pgRows) detach() {
	if r == nil || r.detached {
		return
	}
	r.values = cloneValues(r.values)
	r.fields = slices.Clone(r.fields) // the driver uses the memory again for the next answer
	for r.rows.Next() {
		r.rest = append(r.rest, cloneValues(r.rows.RawValues()))
	}
	r.detached = true
}

func cloneValues(values [][]byte) [][]byte {
	n := 0
	for _, v := range values {
		n += len(v)
	}
	all, out := make([]byte, 0, n), make([][]byte, len(values))
	for i, v := range values {
		if v != nil {
			from := len(all)
			all = append(all, v...)
			out[i] = all[from:len(all):len(all)]
		}
	}
	return out
}

func (r *pgRows) Null(col int) bool { return r.values[col] == nil }

func (r *pgRows) Text(col int) string { return string(r.values[col]) }

func (r *pgRows) Int(col int) int64 {
	v := r.values[col]
	if v == nil {
		return 0
	}
	f := &r.fields[col]
	if f.Format != pgtype.BinaryFormatCode {
		n, _ := strconv.ParseInt(string(v), 10, 64)
		return n
	}
	switch f.DataTypeOID {
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
	n, _ := strconv.ParseInt(string(v), 10, 64)
	return n
}

func (r *pgRows) Bytes(col int) []byte {
	v := r.values[col]
	if v == nil {
		return nil
	}
	if f := &r.fields[col]; f.Format == pgtype.TextFormatCode && f.DataTypeOID == pgtype.ByteaOID { // "\\x0102"
		b, err := hex.DecodeString(strings.TrimPrefix(string(v), `\x`))
		if err != nil {
			return nil
		}
		return b
	}
	return append(make([]byte, 0, len(v)), v...)
}

// rewriter turns "?" into "$1", "$2"…, once per statement.
type rewriter struct {
	cache sync.Map
	n     atomic.Int64
}

// maxRewritten bounds the cache against statements that are put together anew each time.
const maxRewritten = 4096

func (w *rewriter) rewrite(sql string) string {
	if v, ok := w.cache.Load(sql); ok {
		return v.(string)
	}
	out := numbered(sql)
	if w.n.Add(1) <= maxRewritten {
		w.cache.Store(sql, out)
	}
	return out
}

// numbered numbers the placeholders that stand outside of quotes.
func numbered(sql string) string {
	var b strings.Builder
	n, quote := 0, byte(0)
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '?':
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
