package posix

import (
	"path"
	"sync"
	"time"
)

// cleanMarks remembers which folders were equal to the index, by the folder's time of modification, so that listings need
// not read the folder each time. Marks are by path on disk; a mark that is wrong only costs a comparison.
type cleanMarks struct {
	mu sync.Mutex
	m  map[string]mark
}

type mark struct {
	mtime int64
	ino   uint64
	// sure tells that the folder was compared some time after its last change: the clock of a file system ticks slowly.
	sure bool
	// until is how long changes that do not touch the folder may be overlooked.
	until time.Time
}

const (
	maxMarks = 100_000
	// tick is the coarsest clock of a file system we trust, in ns.
	tick = int64(20 * time.Millisecond)
)

func (c *cleanMarks) get(dir string) (mark, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.m[dir]
	return m, ok
}

func (c *cleanMarks) set(dir string, m mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxMarks {
		c.m = map[string]mark{}
	}
	c.m[dir] = m
}

func (c *cleanMarks) drop(dir string) {
	c.mu.Lock()
	delete(c.m, dir)
	c.mu.Unlock()
}

// before notes which folders of an operation are clean now; after keeps them so.
func (c *cleanMarks) before(f *FS, o op) []string {
	var dirs []string
	for _, p := range []string{o.From, o.To} {
		if p == "" {
			continue
		}
		dir := path.Dir(p)
		if m, ok := c.get(dir); ok {
			if st, err := f.disk.Lstat(dir); err == nil && st.MTime == m.mtime && st.Ino == m.ino {
				dirs = append(dirs, dir)
			} else {
				c.drop(dir)
			}
		}
	}
	return dirs
}

func (c *cleanMarks) after(f *FS, dirs []string) {
	for _, dir := range dirs {
		st, err := f.disk.Lstat(dir)
		if err != nil {
			c.drop(dir)
			continue
		}
		c.set(dir, mark{mtime: st.MTime, ino: st.Ino})
	}
}
