package job

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Options of a Runner; zero fields have defaults.
type Options struct {
	Log     *slog.Logger
	Workers int           // jobs at once; 4
	Lease   time.Duration // after which a silent runner has lost its job; 30 s
	Beat    time.Duration // how often progress is written and cancelling noticed; 2 s
	Poll    time.Duration // how often the table is looked at without a reason: for jobs of other processes; 10 s
	Keep    time.Duration // how long finished jobs are kept; 30 days
}

// Runner works on the jobs of the kinds it has handlers for. Several runners, of several processes too, share the table.
type Runner struct {
	store    *Store
	o        Options
	handlers map[string]Handler
	periodic []periodic
}

type periodic struct {
	kind    string
	every   time.Duration
	payload []byte
}

// NewRunner returns a runner that does nothing until Run.
func NewRunner(s *Store, o Options) *Runner {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	or(&o.Lease, 30*time.Second)
	or(&o.Beat, 2*time.Second)
	or(&o.Poll, 10*time.Second)
	or(&o.Keep, 30*24*time.Hour)
	if o.Workers <= 0 {
		o.Workers = 4
	}
	return &Runner{store: s, o: o, handlers: map[string]Handler{}}
}

// Handle says who does jobs of a kind. To be called before Run.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Every enqueues a job of a kind again and again, with its kind as the name of the schedule. To be called before Run.
func (r *Runner) Every(kind string, every time.Duration, payload []byte) {
	r.periodic = append(r.periodic, periodic{kind: kind, every: every, payload: payload})
}

// Run works until the context ends; then it stops its handlers, waits for them, and puts their jobs back.
func (r *Runner) Run(ctx context.Context) error {
	changed, end := r.store.listen()
	defer end()
	var kinds []any
	for _, k := range slices.Sorted(maps.Keys(r.handlers)) {
		kinds = append(kinds, k)
	}
	l := &loop{Runner: r, kinds: kinds, freed: make(chan struct{}, 1), running: map[*Handle]struct{}{}}
	// No handler outlives Run.
	defer l.wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-l.freed:
		case <-changed:
			l.nudge()
		}
		wait, err := l.round(ctx)
		if err != nil && ctx.Err() == nil {
			r.o.Log.Error("jobs cannot be looked at", "err", err)
			wait = r.o.Poll
		}
		timer.Reset(wait)
	}
}

// loop is the state of one Run.
type loop struct {
	*Runner
	kinds   []any
	freed   chan struct{} // a worker has become free
	wg      sync.WaitGroup
	cleaned time.Time

	mu      sync.Mutex
	running map[*Handle]struct{}
}

// nudge lets running jobs look at once whether they are cancelled.
func (l *loop) nudge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for h := range l.running {
		select {
		case h.nudged <- struct{}{}:
		default:
		}
	}
}

// round starts what is due, and tells how long to sleep.
func (l *loop) round(ctx context.Context) (time.Duration, error) {
	wait := l.o.Poll
	for _, p := range l.periodic {
		next, err := l.store.schedule(ctx, p)
		if err != nil {
			return 0, err
		}
		wait = min(wait, next)
	}
	if now := l.store.now(); now.Sub(l.cleaned) > time.Hour {
		l.cleaned = now
		if _, err := l.store.Clean(ctx, now.Add(-l.o.Keep)); err != nil {
			return 0, err
		}
	}
	for {
		l.mu.Lock()
		free := l.o.Workers - len(l.running)
		l.mu.Unlock()
		if free <= 0 {
			return wait, nil // a free worker wakes us
		}
		next, err := l.store.nextDue(ctx, l.kinds)
		if err != nil || next > 0 {
			return min(wait, next), err
		}
		owner := rand.Text()
		jobs, err := l.store.lease(ctx, l.kinds, free, owner, l.o.Lease)
		if err != nil {
			return 0, err
		}
		for _, j := range jobs {
			l.start(ctx, j, owner)
		}
	}
}

// start runs a handler, and beside it the goroutine that keeps the lease.
func (l *loop) start(ctx context.Context, j Job, owner string) {
	h := &Handle{Job: j, store: l.store, owner: owner, nudged: make(chan struct{}, 1), progress: progress{j.Done, j.Total, ""}}
	l.mu.Lock()
	l.running[h] = struct{}{}
	l.mu.Unlock()
	l.wg.Go(func() {
		err := l.work(ctx, h)
		log := l.o.Log.With("job", j.ID, "kind", j.Kind, "attempt", j.Attempts)
		if err != nil {
			log.Warn("job did not end well", "err", err)
		}
		// Also when we stop: what has happened is written down.
		if errors.Is(err, ErrLost) {
			// It is no more ours to finish.
		} else if e := l.store.finish(context.WithoutCancel(ctx), &h.Job, owner, h.current(), err); e != nil {
			log.Error("end of a job cannot be stored", "err", e)
		}
		l.mu.Lock()
		delete(l.running, h)
		l.mu.Unlock()
		select {
		case l.freed <- struct{}{}:
		default:
		}
	})
}

// work runs the handler to its end. The error is the handler's, or why it was interrupted.
func (l *loop) work(ctx context.Context, h *Handle) error {
	// Not derived from ctx's end: the cause has to be told.
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { cancel(ErrStopping) })
	defer stop()
	var keeper sync.WaitGroup
	done := make(chan struct{})
	keeper.Go(func() { l.keep(h, done, cancel) })
	err := protect(inner, l.handlers[h.Kind], h)
	close(done)
	keeper.Wait()
	if cause := context.Cause(inner); err != nil && cause != nil {
		return cause
	}
	return err
}

// keep prolongs the lease and looks for cancelling, until the handler has ended.
func (l *loop) keep(h *Handle, done <-chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(l.o.Beat)
	defer tick.Stop()
	ctx := context.Background()
	written, until := time.Now(), time.Now().Add(l.o.Lease)
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		case <-h.nudged:
		}
		var err error
		if p, changed := h.take(); changed || time.Since(written) > l.o.Lease/3 {
			began := time.Now()
			err = l.store.beat(ctx, h.ID, h.owner, l.o.Lease, p)
			if err == nil || err == ErrCancelled {
				written, until = began, began.Add(l.o.Lease)
			}
		} else {
			err = l.store.look(ctx, h.ID, h.owner)
		}
		switch {
		case err == nil:
		case err == ErrCancelled, err == ErrLost:
			cancel(err)
		case time.Now().After(until): // the database is away: somebody else may have it
			cancel(fmt.Errorf("%w: %w", ErrLost, err))
		}
	}
}

func protect(ctx context.Context, h Handler, j *Handle) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h(ctx, j)
}
