package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// maxBatch is how many writes share one commit at the most.
	maxBatch = 128
	// retryFor is how long a batch is tried again while the server is away or others are in the way.
	retryFor = 10 * time.Second
)

// writerConn is the one connection that writes. It is used by the writer goroutine only.
type writerConn interface {
	begin(ctx context.Context) error
	savepoint(ctx context.Context) error
	release(ctx context.Context) error
	rollbackTo(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context)
	tx() Tx
	// lost tells that the database gave up the whole transaction, not one statement of it.
	lost() bool
	// retriable tells that the batch may be run again (lost connection, serialization failure).
	retriable(err error) bool
	close()
}

// outcome is what one write leaves behind in the Tx; embedded by each driver's Tx.
type outcome struct {
	after  []func() error
	failed error // of the first statement that failed
}

// AfterCommit implements Tx.
func (o *outcome) AfterCommit(f func() error) { o.after = append(o.after, f) }

// note keeps the error of a statement: a transaction in which one failed is never committed.
func (o *outcome) note(err error) error {
	if err != nil && o.failed == nil {
		o.failed = err
	}
	return err
}

// write is one call of Write on its way through the writer.
type write struct {
	ctx   context.Context
	f     func(Tx) error
	err   error
	after []func() error
	done  chan struct{}
}

// writer commits writes together: whatever waits when a commit begins goes into it.
type writer struct {
	log     *slog.Logger
	conn    writerConn
	outcome *outcome // of conn's Tx
	queue   chan *write
	stop    chan struct{}
	ended   chan struct{}
	mu      sync.RWMutex // guards gone against sends
	gone    bool
}

func startWriter(log *slog.Logger, conn writerConn, o *outcome) *writer {
	w := &writer{log: log, conn: conn, outcome: o, queue: make(chan *write, maxBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// do queues a write and waits until it is durable or failed.
func (w *writer) do(ctx context.Context, f func(Tx) error) error {
	wr := &write{ctx: ctx, f: f, done: make(chan struct{})}
	if err := w.send(wr); err != nil {
		return err
	}
	// Not left on ctx.Done: the caller must know whether it happened.
	<-wr.done
	return wr.err
}

func (w *writer) send(wr *write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.gone {
		return ErrClosed
	}
	select {
	case w.queue <- wr:
		return nil
	case <-wr.ctx.Done():
		return wr.ctx.Err()
	}
}

// close does what is queued and ends the writer.
func (w *writer) close() {
	w.mu.Lock()
	first := !w.gone
	w.gone = true
	w.mu.Unlock()
	if first {
		close(w.stop)
	}
	<-w.ended
	if first {
		w.conn.close()
	}
}

func (w *writer) run() {
	defer close(w.ended)
	batch := make([]*write, 0, maxBatch)
	for {
		clear(batch)
		batch = batch[:0]
		select {
		case wr := <-w.queue:
			batch = append(batch, wr)
		case <-w.stop:
			select {
			case wr := <-w.queue:
				batch = append(batch, wr)
			default:
				return
			}
		}
	fill:
		for len(batch) < maxBatch {
			select {
			case wr := <-w.queue:
				batch = append(batch, wr)
			default:
				break fill
			}
		}
		w.commit(batch)
	}
}

// commit makes a batch durable, runs what waits for that, and answers.
func (w *writer) commit(batch []*write) {
	err := w.persist(batch)
	if err != nil && len(batch) > 1 && !w.conn.retriable(err) && !errors.Is(err, ErrUnknown) {
		// One of them spoiled it for all, as a disk that is full for the large one only.
		for i := range batch {
			w.answer(batch[i:i+1], w.persist(batch[i:i+1]))
		}
		return
	}
	w.answer(batch, err)
}

func (w *writer) answer(batch []*write, err error) {
	for _, wr := range batch {
		if wr.err == nil {
			wr.err = err
		}
		for i := 0; i < len(wr.after) && wr.err == nil; i++ {
			wr.err = safely(wr.after[i])
		}
		close(wr.done)
	}
}

// persist runs a batch in one transaction, again while that may help. Its error is that of the transaction; single writes
// have their own.
func (w *writer) persist(batch []*write) error {
	var began time.Time
	pause := 2 * time.Millisecond
	for {
		err := w.attempt(batch)
		if err == nil || !w.conn.retriable(err) {
			return err
		}
		if began.IsZero() {
			began = time.Now()
		}
		if time.Since(began) > retryFor {
			return err
		}
		w.log.Debug("database: transaction is tried again", "err", err)
		select {
		case <-w.stop:
			return err
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, time.Second)
	}
}

func (w *writer) attempt(batch []*write) error {
	ctx := context.Background()
	if err := w.conn.begin(ctx); err != nil {
		return err
	}
	some := false
	for _, wr := range batch {
		wr.err, wr.after = wr.ctx.Err(), nil
		if wr.err != nil {
			continue
		}
		if err := w.one(ctx, wr, len(batch) > 1); err != nil {
			w.conn.rollback(ctx)
			return err
		}
		some = some || wr.err == nil
	}
	if !some {
		w.conn.rollback(ctx)
		return nil
	}
	err := w.conn.commit(ctx)
	if err != nil {
		w.conn.rollback(ctx)
	}
	return err
}

// one runs a write; nested: in a savepoint, so that its failure undoes only what it did.
func (w *writer) one(ctx context.Context, wr *write, nested bool) error {
	if nested {
		if err := w.conn.savepoint(ctx); err != nil {
			return err
		}
	}
	*w.outcome = outcome{}
	wr.err = safely(func() error { return wr.f(w.conn.tx()) })
	failed := w.outcome.failed
	if wr.err == nil {
		wr.err = failed
	}
	wr.after = w.outcome.after
	switch {
	case failed != nil && (w.conn.lost() || w.conn.retriable(failed)):
		return failed
	case !nested:
		return nil
	case wr.err == nil:
		return w.conn.release(ctx)
	}
	return w.conn.rollbackTo(ctx)
}

func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("database: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// ended tells that a row callback asked to stop.
func ended(err error) error {
	if errors.Is(err, Stop) {
		return nil
	}
	return err
}
