package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"opencloud/internal/platform/db"
)

const component = "job"

// due is when a runner has to look at an open job: NotBefore of a queued one, the end of the lease of a running one.
var schema = []string{`
CREATE TABLE jobs(
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, state TEXT NOT NULL,
	attempts BIGINT NOT NULL, max_attempts BIGINT NOT NULL, due BIGINT NOT NULL, owner TEXT NOT NULL, cancel BIGINT NOT NULL,
	done BIGINT NOT NULL, total BIGINT NOT NULL, message TEXT NOT NULL,
	created BIGINT NOT NULL, updated BIGINT NOT NULL, finished BIGINT NOT NULL);
CREATE UNIQUE INDEX jobs_open ON jobs(kind, key) WHERE finished=0 AND key<>'';
CREATE INDEX jobs_due ON jobs(due) WHERE finished=0;
CREATE INDEX jobs_finished ON jobs(finished) WHERE finished>0;
CREATE TABLE job_schedules(name TEXT PRIMARY KEY, due BIGINT NOT NULL);`}

// Limits of what one job may hold.
const (
	maxName    = 200     // bytes of kind and key
	maxPayload = 1 << 20 // bytes
	maxMessage = 2000    // bytes
)

// Store is the table of jobs.
type Store struct {
	db  db.DB
	now func() time.Time

	mu        sync.Mutex
	listeners map[chan struct{}]struct{} // runners of this process
}

// NewStore brings the schema up to date.
func NewStore(ctx context.Context, d db.DB) (*Store, error) {
	if err := d.Migrate(ctx, component, schema); err != nil {
		return nil, err
	}
	return &Store{db: d, now: time.Now, listeners: map[chan struct{}]struct{}{}}, nil
}

// Enqueue makes a job durable and returns its id, or that of the open one of the same kind and key.
func (s *Store) Enqueue(ctx context.Context, n New) (id string, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		id, err = s.EnqueueTx(ctx, tx, n)
		return err
	})
	return id, err
}

// EnqueueTx is Enqueue as part of a transaction on the same database: the job exists if the rest of it does.
func (s *Store) EnqueueTx(ctx context.Context, tx db.Tx, n New) (string, error) {
	switch {
	case n.Kind == "" || len(n.Kind) > maxName || len(n.Key) > maxName:
		return "", fmt.Errorf("job: kind and key have 1 to %d bytes: %q, %q", maxName, n.Kind, n.Key)
	case !utf8.ValidString(n.Kind+n.Key) || strings.ContainsRune(n.Kind+n.Key, 0):
		return "", fmt.Errorf("job: kind or key is not text: %q, %q", n.Kind, n.Key)
	case len(n.Payload) > maxPayload:
		return "", fmt.Errorf("job %s: payload of %d bytes", n.Kind, len(n.Payload))
	}
	if n.Payload == nil {
		n.Payload = []byte{}
	}
	if n.MaxAttempts <= 0 {
		n.MaxAttempts = DefaultAttempts
	}
	now := s.now()
	if n.NotBefore.Before(now) {
		n.NotBefore = now
	}
	made, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	id := made.String()
	changed, err := tx.Exec(ctx, `INSERT INTO jobs(id, kind, key, payload, state, attempts, max_attempts, due, owner, cancel, done, total, message, created, updated, finished)
		VALUES(?,?,?,?,'queued',0,?,?,'',0,0,0,'',?,?,0) ON CONFLICT DO NOTHING`,
		id, n.Kind, n.Key, n.Payload, n.MaxAttempts, n.NotBefore.UnixMilli(), now.UnixMilli(), now.UnixMilli())
	if err != nil {
		return "", err
	}
	if changed == 0 {
		return id, tx.Query(ctx, `SELECT id FROM jobs WHERE kind=? AND key=? AND finished=0 AND key<>''`,
			func(r db.Row) error { id = r.Text(0); return nil }, n.Kind, n.Key)
	}
	tx.AfterCommit(s.wake)
	return id, nil
}

// Cancel ends a job that is queued, and asks the runner of a running one to. ErrState: it is finished.
func (s *Store) Cancel(ctx context.Context, id string) error {
	return s.change(ctx, id, func(tx db.Tx, j *Job, now int64) error {
		switch j.State {
		case Queued:
			return execute(ctx, tx, `UPDATE jobs SET state='cancelled', owner='', updated=?, finished=? WHERE id=?`, now, now, id)
		case Running:
			return execute(ctx, tx, `UPDATE jobs SET cancel=1, updated=? WHERE id=?`, now, id)
		}
		return fmt.Errorf("%w: it is %s", ErrState, j.State)
	})
}

// Retry queues a job again that has failed or was cancelled, with all its attempts, or lets one that waits after an error
// run at once. ErrState: it runs or is done, or another one of the same kind and key is open.
func (s *Store) Retry(ctx context.Context, id string) error {
	err := s.change(ctx, id, func(tx db.Tx, j *Job, now int64) error {
		if j.State == Running || j.State == Done {
			return fmt.Errorf("%w: it is %s", ErrState, j.State)
		}
		return execute(ctx, tx, `UPDATE jobs SET state='queued', attempts=0, due=?, owner='', cancel=0, done=0, total=0, updated=?, finished=0 WHERE id=?`, now, now, id)
	})
	if errors.Is(err, db.ErrUnique) {
		return fmt.Errorf("%w: another one for the same is open", ErrState)
	}
	return err
}

func (s *Store) change(ctx context.Context, id string, f func(tx db.Tx, j *Job, now int64) error) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		j, err := show(ctx, tx, id)
		if err != nil {
			return err
		}
		tx.AfterCommit(s.wake)
		return f(tx, j, s.now().UnixMilli())
	})
}

func execute(ctx context.Context, tx db.Tx, sql string, args ...any) error {
	_, err := tx.Exec(ctx, sql, args...)
	return err
}

// listen returns a channel that gets something whenever this process changed the table.
func (s *Store) listen() (changed <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.listeners[c] = struct{}{}
	s.mu.Unlock()
	return c, func() {
		s.mu.Lock()
		delete(s.listeners, c)
		s.mu.Unlock()
	}
}

func (s *Store) wake() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return nil
}
