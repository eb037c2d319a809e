// Package cache is a bounded map of things worth keeping for a while.
package cache

import "sync"

// Map keeps at most about twice its size of entries. When it is full, it forgets those that were not asked for lately.
// It may be used by many goroutines.
type Map[K comparable, V any] struct {
	mu    sync.RWMutex
	size  int
	young map[K]V
	old   map[K]V
}

// New returns a map that keeps between size and 2*size entries, as long as it has that many.
func New[K comparable, V any](size int) *Map[K, V] {
	return &Map[K, V]{size: max(size, 1), young: make(map[K]V)}
}

// Get returns an entry.
func (m *Map[K, V]) Get(k K) (V, bool) {
	m.mu.RLock()
	v, ok := m.young[k]
	if ok {
		m.mu.RUnlock()
		return v, true
	}
	v, ok = m.old[k]
	m.mu.RUnlock()
	if !ok {
		return v, false
	}
	m.mu.Lock() // asked for: it may stay, unless it was deleted meanwhile
	defer m.mu.Unlock()
	if v, ok = m.old[k]; ok {
		m.put(k, v)
	} else {
		v, ok = m.young[k]
	}
	return v, ok
}

// Put adds or replaces an entry.
func (m *Map[K, V]) Put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, v)
}

func (m *Map[K, V]) put(k K, v V) {
	if _, ok := m.young[k]; !ok && len(m.young) >= m.size {
		m.old, m.young = m.young, make(map[K]V)
	}
	m.young[k] = v
}

// Delete removes an entry.
func (m *Map[K, V]) Delete(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.young, k)
	delete(m.old, k)
}

// Len tells how many entries there are, those counted twice that are in both generations.
func (m *Map[K, V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.young) + len(m.old)
}
