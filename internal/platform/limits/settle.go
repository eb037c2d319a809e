package limits

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// look is how often the process looks whether it is quiet; a look costs microseconds.
	look = 3 * time.Second
	// quiet is the most that a process at rest allocates between two looks, in bytes.
	quiet = 1 << 20
	// worth is what must have been allocated since the last time for another collection to pay, in bytes.
	worth = 6 << 20
)

// Settle gives memory back to the system when the process comes to rest: the collector by itself waits for allocations that
// a quiet server does not make, so that what a login or a big request took would stay for hours. It returns when the
// context ends.
func Settle(ctx context.Context) error {
	t := time.NewTicker(look)
	defer t.Stop()
	last, settled := uint64(0), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now := allocated()
		if now-last < quiet && now-settled > worth {
			debug.FreeOSMemory()
			settled = now
		}
		last = now
	}
}

// allocated is how many bytes the process ever took from the heap.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
