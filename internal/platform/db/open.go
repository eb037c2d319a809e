package db

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// Options of Open.
type Options struct {
	Log *slog.Logger // nil: discard
	// Readers bounds how many reads run at once; 0: 8.
	Readers int
	// MaxPages bounds an SQLite file, in pages of 4 KiB, to test what a full disk does; 0: no bound.
	MaxPages int
}

// Open opens a database: "sqlite:<path>" (made if missing) or "postgres://…".
func Open(ctx context.Context, url string, o Options) (DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers <= 0 {
		o.Readers = 8
	}
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		return openPostgres(ctx, url, o)
	}
	return nil, fmt.Errorf("database URL must begin with sqlite: or postgres://")
}
