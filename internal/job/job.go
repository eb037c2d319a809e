// Package job is background work that survives: a table of jobs, and runners that work on them.
//
// The rules:
//   - A job is durable when Enqueue returns, or when the transaction commits that EnqueueTx took part in.
//   - At most one job of a kind and key is open (queued or running); enqueuing another one returns the one there is. Jobs
//     with an empty key stand for themselves.
//   - A job is leased by one runner at a time, which prolongs the lease while the handler works. When the process dies the
//     lease expires and the job runs again, so a handler runs at least once and must bear running twice; Checkpoint lets it
//     go on where it was.
//   - A handler's error puts the job back, each time for twice as long (with jitter, at most an hour), until its attempts
//     are used up; then it is failed, and stays so until somebody retries it. Permanent makes an error final at once.
//     Attempts that ended with the death of the process count, those that a shutdown interrupted do not.
//   - Cancel ends a queued job at once. A running one finds its context cancelled: within milliseconds in the same process,
//     within the runner's Beat in another. A handler that ends without error nevertheless is done, not cancelled.
//   - What a runner has lost (its lease expired while it hung) it may not finish, prolong or change any more.
//   - A periodic job has its next time in the table, so that of several processes one enqueues it, and never twice at once.
//   - Finished jobs are kept for a while for people to look at.
//
// Times are those of the machines: clocks that differ by more than the lease make jobs run twice.
package job

import (
	"context"
	"errors"
	"time"
)

// State of a job.
type State string

// The states. Queued and Running are open, the others final (but for Retry).
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// States are all of them, in the order of a job's life.
func States() []State { return []State{Queued, Running, Done, Failed, Cancelled} }

// Open tells that the job is still to be done.
func (s State) Open() bool { return s == Queued || s == Running }

var (
	// ErrNotFound tells that there is no such job.
	ErrNotFound = errors.New("no such job")
	// ErrState tells that the job is in a state in which this cannot be done.
	ErrState = errors.New("not possible in the job's state")
	// ErrLost tells that a runner's lease has expired and the job is somebody else's now.
	ErrLost = errors.New("job: lease lost")
	// ErrCancelled is the cause of the context of a job that was cancelled.
	ErrCancelled = errors.New("job: cancelled")
	// ErrStopping is the cause of the context of a job whose runner stops; the job will be started again.
	ErrStopping = errors.New("job: the runner stops")
)

// Job is one piece of work.
type Job struct {
	ID          string
	Kind        string // says which handler does it
	Key         string // what it is about; see the rules
	Payload     []byte // the handler's business, JSON by custom
	State       State
	Attempts    int // begun so far
	MaxAttempts int
	NotBefore   time.Time // queued: the earliest time to run
	LeasedUntil time.Time // running: when it counts as lost; else zero
	Done, Total int64     // progress, in whatever the handler counts; Total 0: unknown
	Message     string    // of the handler: where it is, or the last error
	CancelAsked bool      // running: somebody asked to cancel it
	Created     time.Time
	Updated     time.Time
	Finished    time.Time // final states; else zero
}

// New describes a job to enqueue.
type New struct {
	Kind        string
	Key         string
	Payload     []byte
	MaxAttempts int       // 0: DefaultAttempts
	NotBefore   time.Time // zero: now
}

// PeriodicKey is the key of jobs that Every enqueues. Whoever wants one of them at once enqueues it with this key.
const PeriodicKey = "periodic"

// DefaultAttempts is how often a job is tried unless it says otherwise: for about two hours.
const DefaultAttempts = 12

// Handler does jobs of one kind. The context ends when the job is cancelled, lost, or the runner stops (context.Cause says
// which).
type Handler func(ctx context.Context, j *Handle) error

// Permanent makes an error one that trying again does not mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }
