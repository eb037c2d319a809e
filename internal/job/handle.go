package job

import (
	"context"
	"fmt"
	"sync"
)

// progress is what a handler says about itself.
type progress struct {
	done, total int64
	message     string
}

// Handle is a job in the hands of its handler.
type Handle struct {
	Job
	store  *Store
	owner  string
	nudged chan struct{} // look now whether it is cancelled

	mu       sync.Mutex
	progress progress
	changed  bool
}

// Progress tells how far the work is. It costs nothing: it is written down now and then.
func (h *Handle) Progress(done, total int64, message string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := progress{done, total, message}
	h.changed = h.changed || p != h.progress
	h.progress = p
}

// Checkpoint replaces the payload, durably: an attempt that follows gets this one. Errors: ErrLost.
func (h *Handle) Checkpoint(ctx context.Context, payload []byte) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("job %s: payload of %d bytes", h.Kind, len(payload))
	}
	if payload == nil {
		payload = []byte{}
	}
	if err := h.store.checkpoint(ctx, h.ID, h.owner, payload); err != nil {
		return err
	}
	h.Payload = payload
	return nil
}

func (h *Handle) current() progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.progress
}

// take returns the progress and whether it is news.
func (h *Handle) take() (progress, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := h.changed
	h.changed = false
	return h.progress, changed
}
