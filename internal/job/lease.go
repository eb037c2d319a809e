package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"opencloud/internal/platform/db"
)

// idle is how far the next due time is away when there is none.
const idle = 24 * time.Hour

// nextDue tells how long it is until one of these kinds is due; 0: one is. It writes nothing.
func (s *Store) nextDue(ctx context.Context, kinds []any) (time.Duration, error) {
	wait := idle
	if len(kinds) == 0 {
		return wait, nil
	}
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT due FROM jobs WHERE finished=0 AND kind IN (`+marks(len(kinds))+`) ORDER BY due LIMIT 1`, func(r db.Row) error {
			wait = max(0, time.UnixMilli(r.Int(0)).Sub(s.now()))
			return nil
		}, kinds...)
	})
	return wait, err
}

// lease takes up to n jobs that are due, for owner, until the lease ends.
func (s *Store) lease(ctx context.Context, kinds []any, n int, owner string, length time.Duration) ([]Job, error) {
	var taken []Job
	args := append([]any{s.now().UnixMilli()}, kinds...)
	err := s.db.Write(ctx, func(tx db.Tx) error {
		taken = taken[:0]
		var found []Job
		err := tx.Query(ctx, "SELECT "+columns+" FROM jobs WHERE finished=0 AND due<=? AND kind IN ("+marks(len(kinds))+") ORDER BY due LIMIT ?",
			func(r db.Row) error { found = append(found, fromRow(r)); return nil }, append(args, n)...)
		if err != nil {
			return err
		}
		for _, j := range found {
			ok, err := s.leaseOne(ctx, tx, &j, owner, length)
			if err != nil {
				return err
			}
			if ok {
				taken = append(taken, j)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// leaseOne takes a job, or ends one that was lost too often or is cancelled.
func (s *Store) leaseOne(ctx context.Context, tx db.Tx, j *Job, owner string, length time.Duration) (bool, error) {
	now := s.now()
	ms := now.UnixMilli()
	if j.State == Running { // its lease has expired
		switch {
		case j.CancelAsked:
			return false, execute(ctx, tx, `UPDATE jobs SET state='cancelled', owner='', updated=?, finished=? WHERE id=?`, ms, ms, j.ID)
		case j.Attempts >= j.MaxAttempts:
			return false, execute(ctx, tx, `UPDATE jobs SET state='failed', owner='', message=?, updated=?, finished=? WHERE id=?`,
				"the process that worked on it ended or hung", ms, ms, j.ID)
		}
	}
	j.State, j.Attempts, j.LeasedUntil, j.NotBefore, j.CancelAsked = Running, j.Attempts+1, now.Add(length), time.Time{}, false
	return true, execute(ctx, tx, `UPDATE jobs SET state='running', attempts=?, due=?, owner=?, cancel=0, updated=? WHERE id=?`,
		j.Attempts, j.LeasedUntil.UnixMilli(), owner, ms, j.ID)
}

// beat prolongs a lease and writes the progress down. Errors: ErrLost, ErrCancelled (the lease is prolonged all the same).
func (s *Store) beat(ctx context.Context, id, owner string, length time.Duration, p progress) error {
	now := s.now()
	cancel := int64(-1)
	err := s.db.Write(ctx, func(tx db.Tx) error {
		cancel = -1
		return tx.Query(ctx, `UPDATE jobs SET due=?, done=?, total=?, message=?, updated=? WHERE id=? AND owner=? AND state='running' RETURNING cancel`,
			func(r db.Row) error { cancel = r.Int(0); return nil },
			now.Add(length).UnixMilli(), p.done, p.total, text(p.message), now.UnixMilli(), id, owner)
	})
	return standing(cancel, err)
}

// look is beat without writing.
func (s *Store) look(ctx context.Context, id, owner string) error {
	cancel := int64(-1)
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT cancel FROM jobs WHERE id=? AND owner=? AND state='running'`, func(r db.Row) error { cancel = r.Int(0); return nil }, id, owner)
	})
	return standing(cancel, err)
}

func standing(cancel int64, err error) error {
	switch {
	case err != nil:
		return err
	case cancel < 0:
		return ErrLost
	case cancel > 0:
		return ErrCancelled
	}
	return nil
}

func (s *Store) checkpoint(ctx context.Context, id, owner string, payload []byte) error {
	return s.owned(ctx, `UPDATE jobs SET payload=?, updated=? WHERE id=? AND owner=? AND state='running'`, payload, s.now().UnixMilli(), id, owner)
}

// finish gives a job back: done, cancelled, failed, or queued to be tried again.
func (s *Store) finish(ctx context.Context, j *Job, owner string, p progress, cause error) error {
	now := s.now()
	ms := now.UnixMilli()
	end := func(st State, message string) error {
		return s.owned(ctx, `UPDATE jobs SET state=?, owner='', cancel=0, done=?, total=?, message=?, updated=?, finished=? WHERE id=? AND owner=? AND state='running'`,
			string(st), p.done, p.total, text(message), ms, ms, j.ID, owner)
	}
	again := func(attempts int, after time.Duration, message string) error {
		return s.owned(ctx, `UPDATE jobs SET state='queued', attempts=?, due=?, owner='', done=?, total=?, message=?, updated=? WHERE id=? AND owner=? AND state='running' AND cancel=0`,
			attempts, now.Add(after).UnixMilli(), p.done, p.total, text(message), ms, j.ID, owner)
	}
	var final permanent
	var err error
	switch {
	case cause == nil:
		return end(Done, p.message)
	case errors.Is(cause, ErrCancelled):
		return end(Cancelled, p.message)
	case errors.Is(cause, ErrStopping):
		err = again(j.Attempts-1, 0, p.message)
	case errors.As(cause, &final) || j.Attempts >= j.MaxAttempts:
		return end(Failed, cause.Error())
	default:
		err = again(j.Attempts, backoff(j.Attempts), cause.Error())
	}
	if errors.Is(err, ErrLost) { // or cancelled in the same moment
		return end(Cancelled, cause.Error())
	}
	return err
}

// owned runs an update that must hit the row that is still ours.
func (s *Store) owned(ctx context.Context, sql string, args ...any) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, sql, args...)
		if err == nil && n == 0 {
			err = ErrLost
		}
		return err
	})
}

// backoff is 5 s, 10 s, 20 s … up to an hour, give or take a quarter.
func backoff(attempts int) time.Duration {
	d := time.Hour
	if attempts < 11 {
		d = min(d, 5*time.Second<<(max(attempts, 1)-1))
	}
	return d*3/4 + rand.N(d/2)
}

// Clean removes jobs that were finished before a time, at most 10,000 at once, and tells how many.
func (s *Store) Clean(ctx context.Context, before time.Time) (int64, error) {
	any := false
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT 1 FROM jobs WHERE finished>0 AND finished<? LIMIT 1`, func(db.Row) error { any = true; return nil }, before.UnixMilli())
	})
	if err != nil || !any {
		return 0, err
	}
	var n int64
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n, err = tx.Exec(ctx, `DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished>0 AND finished<? LIMIT 10000)`, before.UnixMilli())
		return err
	})
	return n, err
}

// text makes a message fit to be stored.
func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// schedule enqueues a periodic job when its time has come, and tells how long it is until the next time.
func (s *Store) schedule(ctx context.Context, p periodic) (time.Duration, error) {
	due := int64(0)
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT due FROM job_schedules WHERE name=?`, func(r db.Row) error { due = r.Int(0); return nil }, p.kind)
	})
	now := s.now()
	switch {
	case err != nil:
		return 0, fmt.Errorf("schedule of %s: %w", p.kind, err)
	case due == 0: // never: soon after the start, not in it
		return s.setDue(ctx, p, 0, now.Add(min(p.every, firstAfter)), false)
	case due > now.Add(p.every).UnixMilli(): // it was seldomer once
		return s.setDue(ctx, p, due, now.Add(p.every), false)
	case due <= now.UnixMilli():
		return s.setDue(ctx, p, due, now.Add(p.every), true)
	}
	return time.UnixMilli(due).Sub(now), nil
}

// firstAfter is when a periodic job runs for the first time at the latest.
const firstAfter = time.Minute

// setDue sets the next time of a periodic job if nobody else did meanwhile; only then it is enqueued.
func (s *Store) setDue(ctx context.Context, p periodic, old int64, next time.Time, enqueue bool) (time.Duration, error) {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO job_schedules(name, due) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET due=excluded.due WHERE job_schedules.due=?`,
			p.kind, next.UnixMilli(), old)
		if err != nil || n == 0 || !enqueue {
			return err
		}
		_, err = s.EnqueueTx(ctx, tx, New{Kind: p.kind, Key: PeriodicKey, Payload: p.payload, MaxAttempts: 3})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("schedule of %s: %w", p.kind, err)
	}
	return max(0, next.Sub(s.now())), nil
}
