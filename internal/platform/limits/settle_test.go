package limits

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// TestSettle: garbage of a burst is given back once the process is quiet, also what the last collection found in use.
func TestSettle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Settle(ctx) }()
	burst := make([]byte, 64<<20)
	runtime.GC()
	runtime.KeepAlive(burst)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	if n := heap(); n < 64<<20 {
		t.Fatalf("the burst is not there: %d", n)
	}
	for deadline := time.Now().Add(6 * look); heap() > 32<<20; time.Sleep(look / 10) {
		if time.Now().After(deadline) {
			t.Errorf("%d bytes are kept", heap())
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
