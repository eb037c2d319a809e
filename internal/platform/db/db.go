// Package db is one SQL database behind one small API: an embedded SQLite file, or a PostgreSQL server.
//
// SQL is written once, in the portable subset: "?" placeholders (rewritten for PostgreSQL), types BIGINT, TEXT, BLOB
// (BYTEA there), text compared byte by byte, ON CONFLICT … DO UPDATE, RETURNING, recursive CTEs. Statements are prepared once per connection.
//
// Reads run in parallel, each on a snapshot. Writes run one after another in one goroutine that commits many of them
// together (group commit): a write returns when it is durable. Transactions that write are serializable, also among
// processes. Lock order: a write function must not call Read or Write of the same DB.
package db

import (
	"context"
	"errors"
)

var (
	// ErrFull tells that the disk is full; nothing was changed.
	ErrFull = errors.New("database: disk full")
	// ErrUnique tells that a uniqueness rule of the schema refused a row.
	ErrUnique = errors.New("database: not unique")
	// ErrUnknown tells that the server went away during a commit and did not come back in time to say how it ended.
	ErrUnknown = errors.New("database: outcome of the commit unknown")
	// ErrClosed tells that the database was closed.
	ErrClosed = errors.New("database: closed")
)

// Row is one row of an answer; columns count from 0. It is valid until the callback returns; what Text and
// Bytes return are copies.
type Row interface {
	Int(col int) int64
	Text(col int) string
	Bytes(col int) []byte // nil for NULL
	Null(col int) bool
}

// Stop, returned by the function given to Query, ends it early without error.
var Stop = errors.New("stop")

// Reader reads from one snapshot.
type Reader interface {
	// Query calls each for every row, in order; an error of each ends it and is returned (but Stop). each may run other
	// statements, the same one too.
	Query(ctx context.Context, sql string, each func(Row) error, args ...any) error
}

// Tx reads and writes in one transaction. When a statement fails (a row that is not unique, a full disk), the transaction is
// undone, whatever the function then returns: ask first, or use ON CONFLICT, where a conflict is no error.
type Tx interface {
	Reader
	// Exec runs a statement and returns how many rows it changed. args: int64, int, bool, string, []byte, nil.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	// AfterCommit runs f after the transaction is durable and before Write returns, in the order of the transactions,
	// never two at a time. Its error becomes that of Write; the transaction stays.
	AfterCommit(f func() error)
}

// DB is a database.
type DB interface {
	// Read runs f on a snapshot. f may take long; readers do not hinder writers.
	Read(ctx context.Context, f func(Reader) error) error
	// Write runs f in a transaction that is durable when Write returns nil. Many are committed together; an error of f
	// undoes only what f did. f may be called more than once, and must have no effects but those on tx.
	Write(ctx context.Context, f func(Tx) error) error
	// Migrate brings the schema of a component to its newest version: steps[i] leads from version i to i+1, and is
	// never changed once released. A database of a newer version than known is an error.
	Migrate(ctx context.Context, component string, steps []string) error
	// Dialect is "sqlite" or "postgres".
	Dialect() string
	Close() error
}
