package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// maxBatch is how many writes share one commit at the most.
const maxBatch = 128

// writerConn is the one connection that writes. It is used by the writer goroutine only.
type writerConn interface {
	begin(ctx context.Context) error
	savepoint(ctx context.Context) error
	release(ctx context.Context) error
	rollbackTo(ctx context.Context) error
	commit(ctx context.Context) error
	rollback(ctx context.Context)
	tx() Tx
	// retriable tells that the whole batch may be run again (lost connection, serialization failure).
	retriable(err error) bool
	close()
}

// hooks collects what has to run after the commit; embedded by each driver's Tx.
type hooks struct{ after []func() error }

// AfterCommit implements Tx.
func (h *hooks) AfterCommit(f func() error) { h.after = append(h.after, f) }

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
	log   *slog.Logger
	conn  writerConn
	hooks *hooks // of conn's Tx
	queue chan *write
	stop  chan struct{}
	ended chan struct{}
	mu    sync.RWMutex // guards closed against sends
	gone  bool
}

func startWriter(log *slog.Logger, conn writerConn, h *hooks) *writer {
	w := &writer{log: log, conn: conn, hooks: h, queue: make(chan *write, maxBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// do queues a write and waits until it is durable or failed.
func (w *writer) do(ctx context.Context, f func(Tx) error) error {
	wr := &write{ctx: ctx, f: f, done: make(chan struct{})}
	w.mu.RLock()
	if w.gone {
		w.mu.RUnlock()
		return ErrClosed
	}
	select {
	case w.queue <- wr:
		w.mu.RUnlock()
	case <-ctx.Done():
		w.mu.RUnlock()
		return ctx.Err()
	}
	// Not left on ctx.Done: the caller must know whether it happened.
	<-wr.done
	return wr.err
}

func (w *writer) close() {
	w.mu.Lock()
	if w.gone {
		w.mu.Unlock()
		return
	}
	w.gone = true
	w.mu.Unlock()
	close(w.stop)
	<-w.ended
	w.conn.close()
}

func (w *writer) run() {
	defer close(w.ended)
	batch := make([]*write, 0, maxBatch)
	for {
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

// commit runs a batch in one transaction, answers, and runs what waits for the commit.
func (w *writer) commit(batch []*write) {
	const tries = 3
	var err error
	for try := 1; ; try++ {
		err = w.attempt(batch)
		if err == nil || try == tries || !w.conn.retriable(err) {
			break
		}
		w.log.Debug("database: batch is tried again", "err", err)
	}
	for _, wr := range batch {
		switch {
		case wr.err != nil:
		case err != nil:
			wr.err = err
		default:
			for _, f := range wr.after {
				if e := safely(f); e != nil {
					wr.err = e
					break
				}
			}
		}
		close(wr.done)
	}
}

// attempt runs the batch; its error is that of the transaction, not of single writes.
func (w *writer) attempt(batch []*write) error {
	ctx := context.Background()
	if err := w.conn.begin(ctx); err != nil {
		return err
	}
	for _, wr := range batch {
		wr.err, wr.after = nil, nil
		if wr.err = wr.ctx.Err(); wr.err != nil {
			continue
		}
		if len(batch) > 1 {
			if err := w.conn.savepoint(ctx); err != nil {
				w.conn.rollback(ctx)
				return err
			}
		}
		w.hooks.after = nil
		wr.err = safely(func() error { return wr.f(w.conn.tx()) })
		wr.after = w.hooks.after
		if wr.err != nil && w.conn.retriable(wr.err) {
			w.conn.rollback(ctx)
			return wr.err
		}
		if err := w.settle(ctx, wr, len(batch) > 1); err != nil {
			return err
		}
	}
	if err := w.conn.commit(ctx); err != nil {
		w.conn.rollback(ctx)
		return err
	}
	return nil
}

// settle keeps or undoes what one write did.
func (w *writer) settle(ctx context.Context, wr *write, nested bool) error {
	var err error
	switch {
	case wr.err == nil && nested:
		err = w.conn.release(ctx)
	case wr.err != nil && nested:
		err = w.conn.rollbackTo(ctx)
	case wr.err != nil:
		w.conn.rollback(ctx)
		return wr.err
	}
	if err != nil {
		w.conn.rollback(ctx)
	}
	return err
}

func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("database: panic in a write: %v\n%s", p, debug.Stack())
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
