package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/platform/testkit"
)

// run starts a runner until the test ends, or until the returned function is called, which waits for it.
func run(t testing.TB, r *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

func awaitState(t testing.TB, s *Store, id string, st State) *Job {
	t.Helper()
	var j *Job
	testkit.Eventually(t, 10*time.Second, fmt.Sprintf("job %s is %s", id, st), func() bool { j = mustShow(t, s, id); return j.State == st })
	return j
}

func onDatabases(t *testing.T, f func(t *testing.T, s *Store)) {
	dbtest.Each(t, func(t *testing.T, d db.DB) { f(t, newStore(t, d)) })
}

func TestRunnerDoesJobs(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		const n = 100
		var mu sync.Mutex
		seen := map[string]int{}
		var at, most atomic.Int64
		r := NewRunner(s, Options{Workers: 3})
		r.Handle("k", func(_ context.Context, j *Handle) error {
			if now := at.Add(1); now > most.Load() {
				most.Store(now)
			}
			defer at.Add(-1)
			mu.Lock()
			seen[j.ID+string(j.Payload)]++
			mu.Unlock()
			j.Progress(1, 1, "went well")
			return nil
		})
		before := enqueue(t, s, New{Kind: "k", Payload: []byte("p")})
		run(t, r)
		awaitState(t, s, before, Done)
		ids := []string{before}
		for range n {
			ids = append(ids, enqueue(t, s, New{Kind: "k", Payload: []byte("p")}))
		}
		for _, id := range ids {
			if j := awaitState(t, s, id, Done); j.Message != "went well" || j.Done != 1 {
				t.Fatalf("%+v", j)
			}
			mu.Lock()
			if seen[id+"p"] != 1 {
				t.Fatalf("%s ran %d times", id, seen[id+"p"])
			}
			mu.Unlock()
		}
		if most.Load() > 3 {
			t.Fatalf("%d at once", most.Load())
		}
	})
}

func TestRunnerStartsAtOnce(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		r := NewRunner(s, Options{Poll: time.Hour})
		started := make(chan struct{})
		r.Handle("k", func(context.Context, *Handle) error { started <- struct{}{}; return nil })
		run(t, r)
		for range 3 {
			time.Sleep(20 * time.Millisecond) // it sleeps again
			began := time.Now()
			enqueue(t, s, New{Kind: "k"})
			<-started
			if d := time.Since(began); d > time.Second {
				t.Fatalf("started after %v", d)
			}
		}
	})
}

func TestRunnerErrorsAndPanics(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		r := NewRunner(s, Options{})
		r.Handle("error", func(context.Context, *Handle) error { return errors.New("boom") })
		r.Handle("panic", func(context.Context, *Handle) error { panic("ouch") })
		run(t, r)
		a, b := enqueue(t, s, New{Kind: "error"}), enqueue(t, s, New{Kind: "panic", MaxAttempts: 1})
		if j := awaitState(t, s, b, Failed); !strings.Contains(j.Message, "ouch") {
			t.Fatalf("%+v", j)
		}
		testkit.Eventually(t, 5*time.Second, "the error is written down", func() bool { return mustShow(t, s, a).Message == "boom" })
		if j := mustShow(t, s, a); j.State != Queued || j.Attempts != 1 || time.Until(j.NotBefore) < 2*time.Second {
			t.Fatalf("%+v", j)
		}
	})
}

// TestCancelRunning: through the same store at once, through another process's within a beat.
func TestCancelRunning(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		here, there := newStore(t, dbtest.Open(t, url)), newStore(t, dbtest.Open(t, url))
		for name, c := range map[string]struct {
			beat  time.Duration
			store *Store
		}{"here": {time.Hour, here}, "there": {30 * time.Millisecond, there}} {
			t.Run(name, func(t *testing.T) {
				r := NewRunner(here, Options{Beat: c.beat})
				started, cause := make(chan struct{}), make(chan error, 1)
				r.Handle("k", func(ctx context.Context, _ *Handle) error {
					close(started)
					<-ctx.Done()
					cause <- context.Cause(ctx)
					return ctx.Err()
				})
				defer run(t, r)()
				id := enqueue(t, here, New{Kind: "k"})
				<-started
				must(t, c.store.Cancel(t.Context(), id))
				if err := <-cause; !errors.Is(err, ErrCancelled) {
					t.Fatal(err)
				}
				awaitState(t, there, id, Cancelled)
			})
		}
	})
}

// TestStopAndGoOn: a shutdown interrupts the handler; the next runner goes on from the checkpoint, and no attempt is lost.
func TestStopAndGoOn(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		started := make(chan struct{})
		r := NewRunner(s, Options{})
		r.Handle("k", func(ctx context.Context, j *Handle) error {
			if err := j.Checkpoint(ctx, []byte("half")); err != nil {
				return err
			}
			close(started)
			<-ctx.Done()
			return ctx.Err()
		})
		stop := run(t, r)
		id := enqueue(t, s, New{Kind: "k", MaxAttempts: 1})
		<-started
		stop()
		if j := mustShow(t, s, id); j.State != Queued || j.Attempts != 0 || string(j.Payload) != "half" {
			t.Fatalf("%+v", j)
		}
		r = NewRunner(s, Options{})
		got := make(chan string, 1)
		r.Handle("k", func(_ context.Context, j *Handle) error { got <- string(j.Payload); return nil })
		run(t, r)
		awaitState(t, s, id, Done)
		if p := <-got; p != "half" {
			t.Fatal(p)
		}
	})
}

// TestCrash: a process that dies leaves its jobs leased; another one takes them when the lease has ended, not before, and
// keeps its own for longer than a lease.
func TestCrash(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		const lease = 1200 * time.Millisecond
		id := enqueue(t, s, New{Kind: "k", MaxAttempts: 2})
		began := time.Now()
		if jobs, err := s.lease(t.Context(), []any{"k"}, 5, "dies", lease); err != nil || len(jobs) != 1 {
			t.Fatal(jobs, err)
		}
		var starts atomic.Int64
		handler := func(ctx context.Context, _ *Handle) error {
			starts.Add(1)
			if time.Since(began) < lease-10*time.Millisecond {
				t.Error("taken before the lease ended")
			}
			select {
			case <-time.After(lease * 3 / 2):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		for range 2 {
			r := NewRunner(s, Options{Lease: lease, Beat: lease / 10, Poll: lease / 10})
			r.Handle("k", handler)
			run(t, r)
		}
		if j := awaitState(t, s, id, Done); j.Attempts != 2 || starts.Load() != 1 {
			t.Fatalf("started %d times: %+v", starts.Load(), j)
		}
	})
}

// TestHungRunnerLosesItsJob: who lost the lease is told so and does not finish what is another's.
func TestHungRunnerLosesItsJob(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		started, cause := make(chan struct{}), make(chan error, 1)
		r := NewRunner(s, Options{Beat: 20 * time.Millisecond})
		r.Handle("k", func(ctx context.Context, j *Handle) error {
			close(started)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil
		})
		run(t, r)
		id := enqueue(t, s, New{Kind: "k"})
		<-started
		err := s.db.Write(t.Context(), func(tx db.Tx) error { // as a lease after ours expired
			return execute(t.Context(), tx, `UPDATE jobs SET owner='other' WHERE id=?`, id)
		})
		must(t, err)
		if err := <-cause; !errors.Is(err, ErrLost) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		if j := mustShow(t, s, id); j.State != Running {
			t.Fatalf("%+v", j)
		}
	})
}

func TestPeriodic(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		var n atomic.Int64
		r := NewRunner(s, Options{})
		r.Handle("tick", func(context.Context, *Handle) error { n.Add(1); return nil })
		r.Every("tick", 50*time.Millisecond, nil)
		run(t, r)
		testkit.Eventually(t, 10*time.Second, "it ran three times", func() bool { return n.Load() >= 3 })
	})
}

func TestProgressIsSeen(t *testing.T) {
	onDatabases(t, func(t *testing.T, s *Store) {
		release := make(chan struct{})
		r := NewRunner(s, Options{Beat: 10 * time.Millisecond})
		r.Handle("k", func(_ context.Context, j *Handle) error { j.Progress(5, 10, "half"); <-release; return nil })
		run(t, r)
		id := enqueue(t, s, New{Kind: "k"})
		testkit.Eventually(t, 5*time.Second, "the progress is seen", func() bool { j := mustShow(t, s, id); return j.Done == 5 && j.Total == 10 && j.Message == "half" })
		close(release)
		awaitState(t, s, id, Done)
	})
}
