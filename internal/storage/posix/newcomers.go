package posix

import (
	"context"
	"sync"
	"sync/atomic"
)

// newcomers are folders that other programs made and that somebody's look at their parent brought to light. What is in
// them is taken in in the background, so that sizes and ETags above are right before anybody looks into each of them.
type newcomers struct {
	mu   sync.Mutex
	m    map[string]string // folder id → space id
	wake chan struct{}
	at   atomic.Bool // a folder is being taken in
}

// busy tells whether there is something to take in.
func (n *newcomers) busy() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.m) > 0 || n.at.Load()
}

// maxNewcomers bounds the memory; what does not fit is found by the next sweep, or by who looks.
const maxNewcomers = 100_000

func (n *newcomers) add(space, folder string) {
	n.mu.Lock()
	if n.m == nil {
		n.m = map[string]string{}
	}
	if len(n.m) < maxNewcomers {
		n.m[folder] = space
	}
	n.mu.Unlock()
	poke(n.wake)
}

func (n *newcomers) take() (folder, space string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for f, s := range n.m {
		delete(n.m, f)
		return f, s, true
	}
	return "", "", false
}

// newcomersLoop takes in what is in folders that appeared.
func (f *FS) newcomersLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.newcomers.wake:
		}
		for ctx.Err() == nil {
			id, space, ok := f.newcomers.take()
			if !ok {
				break
			}
			sp := f.anySpace(space)
			if sp == nil || sp.Disabled != 0 {
				continue
			}
			f.newcomers.at.Store(true)
			err := f.scan.Tree(ctx, sp, id, false)
			f.newcomers.at.Store(false)
			if err != nil && ctx.Err() == nil {
				f.log.Error("new folder cannot be taken in", "err", err)
			}
		}
	}
}
