package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"opencloud/internal/storage"
)

const (
	endPause = 20 * time.Millisecond
	endLimit = 20 * time.Second // putting a large file in its place may take a while
)

var errTakenOver = errors.New("a newer request goes on with this upload")

// senders are the requests that send to sessions, one for each. A newer request about a session ends one that still
// sends: its client has lost the connection, which we may learn only minutes later, and wants to go on.
type senders struct {
	mu sync.Mutex
	m  map[string]*sender
}

// sender is a request that sends. It is the body as the storage reads it.
type sender struct {
	body    io.Reader
	control *http.ResponseController
	stopped atomic.Bool
	ended   chan struct{}
}

func (s *sender) Read(p []byte) (int, error) {
	if s.stopped.Load() {
		return 0, errTakenOver
	}
	return s.body.Read(p)
}

// begin makes a request the one that sends; what it returns must be called when it no longer does.
// storage.ErrLocked: the one before does not end.
func (s *senders) begin(w http.ResponseWriter, r *http.Request, id string) (body io.Reader, done func(), err error) {
	x := &sender{body: r.Body, control: http.NewResponseController(w), ended: make(chan struct{})}
	for {
		s.mu.Lock()
		if s.m[id] == nil {
			break
		}
		s.mu.Unlock()
		if err := s.end(r.Context(), id); err != nil {
			return nil, nil, err
		}
	}
	if s.m == nil {
		s.m = map[string]*sender{}
	}
	s.m[id] = x
	s.mu.Unlock()
	return x, func() {
		s.mu.Lock()
		delete(s.m, id)
		s.mu.Unlock()
		close(x.ended)
	}, nil
}

// end ends the request that sends to a session, if there is one, and waits until what had arrived is written.
// storage.ErrLocked: it does not end.
func (s *senders) end(ctx context.Context, id string) error {
	s.mu.Lock()
	x := s.m[id]
	s.mu.Unlock()
	if x == nil {
		return nil
	}
	x.stopped.Store(true)
	limit := time.NewTimer(endLimit)
	defer limit.Stop()
	for {
		_ = x.control.SetReadDeadline(time.Now()) // again: who reads may just have renewed it
		select {
		case <-x.ended:
			return nil
		case <-time.After(endPause):
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return &storage.LockedError{Lock: storage.Lock{UserName: "another transfer of this upload"}}
		}
	}
}
