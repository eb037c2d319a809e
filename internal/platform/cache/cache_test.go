package cache

import "testing"

func TestBounded(t *testing.T) {
	m := New[int, int](10)
	for i := range 1000 {
		m.Put(i, i)
		if m.Len() > 20 {
			t.Fatalf("%d entries after %d", m.Len(), i)
		}
	}
	if v, ok := m.Get(999); !ok || v != 999 {
		t.Fatal("the newest entry is gone")
	}
	if _, ok := m.Get(0); ok {
		t.Fatal("the oldest entry is still there")
	}
}

func TestUsedEntriesStay(t *testing.T) {
	m := New[int, int](10)
	m.Put(-1, 7)
	for i := range 500 {
		m.Put(i, i)
		if _, ok := m.Get(-1); !ok {
			t.Fatalf("lost after %d others although in use", i)
		}
	}
	m.Delete(-1)
	if _, ok := m.Get(-1); ok {
		t.Fatal("deleted entry is still there")
	}
}
