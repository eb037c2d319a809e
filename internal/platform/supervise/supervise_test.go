package supervise_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"opencloud/internal/platform/supervise"
)

func group() *supervise.Group { return supervise.New(slog.New(slog.DiscardHandler)) }

// TestUnitsThatFailAreStartedAgain: with pauses, whether they fail by an error, a panic, or by just ending.
func TestUnitsThatFailAreStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var runs atomic.Int64
		g := group()
		done := make(chan error, 1)
		go func() {
			done <- g.Run(ctx, []supervise.Unit{{Name: "shaky", Run: func(ctx context.Context) error {
				switch runs.Add(1) {
				case 1:
					return errors.New("no")
				case 2:
					panic("no")
				case 3:
					return nil
				}
				<-ctx.Done()
				return nil
			}}}, time.Second)
		}()
		synctest.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("it was started again without a pause: %d runs", n)
		}
		time.Sleep(time.Minute)
		if s := g.States(); runs.Load() != 4 || len(s) != 1 || !s[0].Running || s[0].Restarts != 3 {
			t.Errorf("%d runs, %+v", runs.Load(), s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestOneThatAlwaysFailsEndsAll: with its error, after many tries.
func TestOneThatAlwaysFailsEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var stopped atomic.Bool
		err := group().Run(t.Context(), []supervise.Unit{
			{Name: "good", Run: func(ctx context.Context) error { <-ctx.Done(); stopped.Store(true); return nil }},
			{Name: "bad", Run: func(context.Context) error { return broken }},
		}, time.Second)
		if !errors.Is(err, broken) || !stopped.Load() {
			t.Errorf("%v, the other one stopped: %v", err, stopped.Load())
		}
	})
}

// TestStopDoesNotWaitForEver: a unit that ignores its context is left behind.
func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		var mu sync.Mutex
		var ended []string
		unit := func(name string) supervise.Unit {
			return supervise.Unit{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, name)
				return nil
			}}
		}
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		err := group().Run(ctx, []supervise.Unit{unit("a"), {Name: "deaf", Run: func(context.Context) error { <-release; return nil }}, unit("b")}, 4*time.Second)
		if took := time.Since(began); err != nil || took > 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		synctest.Wait()
		mu.Lock()
		slices.Sort(ended)
		if !slices.Equal(ended, []string{"a", "b"}) {
			t.Errorf("ended: %v", ended)
		}
		mu.Unlock()
		close(release)
	})
}
