package posix

import "sync"

// turns lets operations on one name come one after the other, so that racing writers do not have to begin anew again and
// again. It is a courtesy, not a guard: the transaction decides.
type turns struct {
	mu sync.Mutex
	m  map[string]*turn
}

type turn struct {
	mu      sync.Mutex
	waiting int
}

// take waits for the turn of a key; the function it returns ends it.
func (t *turns) take(key string) func() {
	t.mu.Lock()
	if t.m == nil {
		t.m = map[string]*turn{}
	}
	x := t.m[key]
	if x == nil {
		x = &turn{}
		t.m[key] = x
	}
	x.waiting++
	t.mu.Unlock()
	x.mu.Lock()
	return func() {
		x.mu.Unlock()
		t.mu.Lock()
		if x.waiting--; x.waiting == 0 {
			delete(t.m, key)
		}
		t.mu.Unlock()
	}
}
