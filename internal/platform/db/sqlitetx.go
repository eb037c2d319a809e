package db

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// sqliteTx runs statements on one connection; the connection keeps them prepared.
type sqliteTx struct {
	outcome
	statements
}

// step runs a statement without arguments and rows.
func (t *sqliteTx) step(sql string) error {
	st, err := t.take(sql)
	if err != nil {
		return err
	}
	defer t.give(st)
	_, err = st.Step()
	return sqliteError(err)
}

func (t *sqliteTx) script(_ context.Context, sql string) error { return t.note(runScript(t.conn, sql)) }

func (t *sqliteTx) Exec(_ context.Context, sql string, args ...any) (int64, error) {
	st, err := t.start(sql, args)
	if err != nil {
		return 0, t.note(err)
	}
	defer t.give(st)
	for {
		row, err := st.Step()
		if err != nil {
			return 0, t.note(sqliteError(err))
		}
		if !row {
			return int64(t.conn.Changes()), nil
		}
	}
}

func (t *sqliteTx) Query(ctx context.Context, sql string, each func(Row) error, args ...any) error {
	st, err := t.start(sql, args)
	if err != nil {
		return t.note(err)
	}
	defer t.give(st)
	row := sqliteRow{stmt: st.Stmt}
	for n := 1; ; n++ {
		more, err := st.Step()
		if err != nil {
			return t.note(sqliteError(err))
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

func (t *sqliteTx) start(sql string, args []any) (*statement, error) {
	st, err := t.take(sql)
	if err != nil {
		return nil, err
	}
	if want := st.BindParamCount(); want != len(args) {
		t.give(st)
		return nil, fmt.Errorf("database: %d arguments for %d placeholders in %s", len(args), want, sql)
	}
	for i, a := range args {
		if err := bind(st.Stmt, i+1, a); err != nil {
			t.give(st)
			return nil, err
		}
	}
	return st, nil
}

func bind(stmt *sqlite.Stmt, param int, arg any) error {
	switch v := arg.(type) {
	case int64:
		stmt.BindInt64(param, v)
	case int:
		stmt.BindInt64(param, int64(v))
	case string:
		stmt.BindText(param, v)
	case []byte:
		switch {
		case v == nil:
			stmt.BindNull(param)
		case len(v) == 0:
			stmt.BindZeroBlob(param, 0)
		default:
			stmt.BindBytes(param, v)
		}
	case bool:
		stmt.BindBool(param, v)
	case nil:
		stmt.BindNull(param)
	default:
		return fmt.Errorf("database: argument %d has type %T", param, arg)
	}
	return nil
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
	b := make([]byte, r.stmt.ColumnLen(col))
	r.stmt.ColumnBytes(col, b)
	return b
}
