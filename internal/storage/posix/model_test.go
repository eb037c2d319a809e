package posix_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/maintain"
	"opencloud/internal/storage/storagetest"
)

// seed is random, unless OC_TEST_SEED says which to repeat.
func seed(t *testing.T) uint64 {
	t.Helper()
	if s, err := strconv.ParseUint(os.Getenv("OC_TEST_SEED"), 10, 64); err == nil {
		return s
	}
	return uint64(time.Now().UnixNano())
}

// sequences is how many random sequences a run makes; OC_TEST_SEQUENCES changes it.
func sequences(t *testing.T, normal int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("OC_TEST_SEQUENCES")); err == nil {
		return n
	}
	if testing.Short() {
		return normal / 10
	}
	return normal
}

// memory returns a folder in memory if there is one: sequences are about what happens, not about fsync.
func memory(t *testing.T) {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "posix"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		t.Setenv("TMPDIR", dir)
	}
}

func TestModel(t *testing.T) {
	memory(t)
	e := open(t)
	storagetest.Sequences(t, e.ctx, e.FS, e.root, seed(t), sequences(t, 5000), 15, nil)
	e.mustBeClean()
}

func (e *env) mustBeClean() {
	e.Helper()
	for _, f := range e.check(maintain.Options{}).Findings {
		if !f.Kind.Note() {
			e.Errorf("%+v", f)
		}
	}
}

// TestModelConcurrent lets several actors work, each in a folder of its own, with one tree above them.
func TestModelConcurrent(t *testing.T) {
	memory(t)
	e := open(t)
	s, n := seed(t), sequences(t, 4000)/4
	var wg sync.WaitGroup
	for k := range 4 {
		i, err := e.CreateFolder(e.ctx, e.at("actor"+strconv.Itoa(k)), storage.Conditions{})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { storagetest.Sequences(t, e.ctx, e.FS, i.ID, s+uint64(k), n, 15, nil) })
	}
	wg.Wait()
	e.mustBeClean()
}

// TestModelFaults lets about every third step meet a fault of the disk.
func TestModelFaults(t *testing.T) {
	memory(t)
	f := &faults{}
	e, stop := brittleEnv(t, t.TempDir(), f)
	defer stop()
	storagetest.Sequences(t, e.ctx, e.FS, e.root, seed(t), sequences(t, 1000), 15, func(m *storagetest.Model, rnd *rand.Rand) {
		m.Before = func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.at, f.what, f.err, f.torn = f.calls+1+rnd.IntN(40), "", []error{syscall.EIO, syscall.ENOSPC}[rnd.IntN(2)], rnd.IntN(2) == 0
		}
		m.After = func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.at = 0
			return f.what != ""
		}
	})
	for _, x := range e.check(maintain.Options{}).Findings {
		if !x.Kind.Note() && x.Kind != maintain.LooseVersion && x.Kind != maintain.LooseTrash {
			t.Errorf("%+v", x)
		}
	}
}
