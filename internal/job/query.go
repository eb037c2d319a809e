package job

import (
	"context"
	"strings"
	"time"

	"opencloud/internal/platform/db"
)

const columns = `id, kind, key, payload, state, attempts, max_attempts, due, cancel, done, total, message, created, updated, finished`

// Filter selects jobs; zero fields select all.
type Filter struct {
	Kind   string
	States []State
	Before string // only jobs made before the one of this id: the next page
	Limit  int    // 0: 100; 1,000 at most
}

// List returns the jobs that were made last, the newest first.
func (s *Store) List(ctx context.Context, f Filter) ([]Job, error) {
	where, args := []string{"1=1"}, []any{}
	if f.Kind != "" {
		where, args = append(where, "kind=?"), append(args, f.Kind)
	}
	if len(f.States) > 0 {
		where = append(where, "state IN ("+marks(len(f.States))+")")
		for _, st := range f.States {
			args = append(args, string(st))
		}
	}
	if f.Before != "" {
		where, args = append(where, "id<?"), append(args, f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	args = append(args, min(f.Limit, 1000))
	var list []Job
	err := s.db.Read(ctx, func(r db.Reader) error {
		list = nil
		return r.Query(ctx, "SELECT "+columns+" FROM jobs WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?",
			func(r db.Row) error { list = append(list, fromRow(r)); return nil }, args...)
	})
	return list, err
}

// Show returns one job. Errors: ErrNotFound.
func (s *Store) Show(ctx context.Context, id string) (j *Job, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		j, err = show(ctx, r, id)
		return err
	})
	return j, err
}

// Count is how many jobs of a kind are in a state.
type Count struct {
	Kind  string
	State State
	N     int64
}

// Counts counts the jobs there are.
func (s *Store) Counts(ctx context.Context) (list []Count, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT kind, state, COUNT(*) FROM jobs GROUP BY kind, state ORDER BY kind, state`, func(r db.Row) error {
			list = append(list, Count{r.Text(0), State(r.Text(1)), r.Int(2)})
			return nil
		})
	})
	return list, err
}

func show(ctx context.Context, r db.Reader, id string) (*Job, error) {
	var j *Job
	err := r.Query(ctx, "SELECT "+columns+" FROM jobs WHERE id=?", func(r db.Row) error {
		found := fromRow(r)
		j = &found
		return nil
	}, id)
	if err == nil && j == nil {
		err = ErrNotFound
	}
	return j, err
}

func fromRow(r db.Row) Job {
	j := Job{ID: r.Text(0), Kind: r.Text(1), Key: r.Text(2), Payload: r.Bytes(3), State: State(r.Text(4)), Attempts: int(r.Int(5)), MaxAttempts: int(r.Int(6)),
		CancelAsked: r.Int(8) == 1, Done: r.Int(9), Total: r.Int(10), Message: r.Text(11), Created: at(r.Int(12)), Updated: at(r.Int(13)), Finished: at(r.Int(14))}
	if j.State == Running {
		j.LeasedUntil = at(r.Int(7))
	} else {
		j.NotBefore = at(r.Int(7))
	}
	return j
}

// at is the time of a column; 0 is none.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
