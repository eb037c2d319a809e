package job

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
)

// clock is a time that passes when the test says so.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); c.t = c.t.Add(d); c.mu.Unlock() }

// onStores runs a test on a store of each database, with a clock of its own.
func onStores(t *testing.T, f func(t *testing.T, s *Store, c *clock)) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		c := &clock{t: time.UnixMilli(1_700_000_000_000)}
		s := newStore(t, d)
		s.now = c.now
		f(t, s, c)
	})
}

func newStore(t testing.TB, d db.DB) *Store {
	t.Helper()
	s, err := NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func enqueue(t testing.TB, s *Store, n New) string {
	t.Helper()
	id, err := s.Enqueue(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustShow(t testing.TB, s *Store, id string) *Job {
	t.Helper()
	j, err := s.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// take leases one job of kind "k", or returns nil.
func take(t testing.TB, s *Store, owner string) *Job {
	t.Helper()
	jobs, err := s.lease(t.Context(), []any{"k"}, 1, owner, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) == 0 {
		return nil
	}
	return &jobs[0]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEnqueueOncePerKey(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, c *clock) {
		a := enqueue(t, s, New{Kind: "k", Key: "x", Payload: []byte("one")})
		if b := enqueue(t, s, New{Kind: "k", Key: "x", Payload: []byte("two")}); b != a {
			t.Fatal("two open jobs of one key")
		}
		if b := enqueue(t, s, New{Kind: "other", Key: "x"}); b == a {
			t.Fatal("kinds are not told apart")
		}
		if enqueue(t, s, New{Kind: "k"}) == enqueue(t, s, New{Kind: "k"}) {
			t.Fatal("jobs without a key are taken for one")
		}
		j := mustShow(t, s, a)
		if j.State != Queued || string(j.Payload) != "one" || j.MaxAttempts != DefaultAttempts || !j.NotBefore.Equal(c.now()) || !j.Finished.IsZero() {
			t.Fatalf("%+v", j)
		}
		must(t, s.Cancel(t.Context(), a))
		if enqueue(t, s, New{Kind: "k", Key: "x"}) == a {
			t.Fatal("a finished job was taken for an open one")
		}
		for _, n := range []New{{}, {Kind: strings.Repeat("k", 201)}, {Kind: "k", Key: "a\x00"}, {Kind: "k", Key: "\xff"}, {Kind: "k", Payload: make([]byte, 2<<20)}} {
			if _, err := s.Enqueue(t.Context(), n); err == nil {
				t.Errorf("accepted: %.20q %.20q", n.Kind, n.Key)
			}
		}
	})
}

func TestEnqueueTxIsPartOfTheTransaction(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, _ *clock) {
		boom := errors.New("boom")
		var id string
		err := s.db.Write(t.Context(), func(tx db.Tx) (err error) {
			if id, err = s.EnqueueTx(t.Context(), tx, New{Kind: "k"}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if _, err := s.Show(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Fatalf("a job of a transaction that was undone: %v", err)
		}
	})
}

func TestLeaseOrderAndTime(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, c *clock) {
		later := enqueue(t, s, New{Kind: "k", NotBefore: c.now().Add(time.Hour)})
		c.pass(time.Second)
		first := enqueue(t, s, New{Kind: "k"})
		c.pass(time.Second)
		second := enqueue(t, s, New{Kind: "k"})
		enqueue(t, s, New{Kind: "nobody's"})
		for _, id := range []string{first, second} {
			if j := take(t, s, "me"); j == nil || j.ID != id || j.Attempts != 1 || j.State != Running {
				t.Fatalf("%+v, want %s", j, id)
			}
		}
		if j := take(t, s, "me"); j != nil {
			t.Fatalf("too early, or leased twice: %+v", j)
		}
		if wait, err := s.nextDue(t.Context(), []any{"k"}); err != nil || wait != time.Minute {
			t.Fatalf("next in %v, want the end of the first lease: %v", wait, err)
		}
		// Both leases end, and nobody is in time to prolong them but the first.
		c.pass(30 * time.Second)
		must(t, s.beat(t.Context(), first, "me", time.Minute, progress{3, 10, "at it"}))
		c.pass(45 * time.Second)
		if j := take(t, s, "you"); j == nil || j.ID != second || j.Attempts != 2 {
			t.Fatalf("%+v", j)
		}
		if j := mustShow(t, s, first); j.Done != 3 || j.Total != 10 || j.Message != "at it" || !j.LeasedUntil.Equal(c.now().Add(15*time.Second)) {
			t.Fatalf("%+v", j)
		}
		c.pass(time.Hour)
		if j := take(t, s, "you"); j == nil || j.ID != first {
			t.Fatalf("%+v", j)
		}
		if j := take(t, s, "you"); j == nil || j.ID != second {
			t.Fatalf("%+v", j)
		}
		if j := take(t, s, "you"); j == nil || j.ID != later {
			t.Fatalf("%+v", j)
		}
	})
}

func TestLostLeaseChangesNothing(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, c *clock) {
		id := enqueue(t, s, New{Kind: "k", MaxAttempts: 2})
		mine := take(t, s, "me")
		c.pass(2 * time.Minute)
		if take(t, s, "you") == nil {
			t.Fatal("an expired lease was not given on")
		}
		before := mustShow(t, s, id)
		ctx := t.Context()
		for what, err := range map[string]error{
			"beat":       s.beat(ctx, id, "me", time.Hour, progress{}),
			"look":       s.look(ctx, id, "me"),
			"checkpoint": s.checkpoint(ctx, id, "me", []byte("x")),
			"done":       s.finish(ctx, mine, "me", progress{}, nil),
			"failed":     s.finish(ctx, mine, "me", progress{}, errors.New("x")),
			"stopping":   s.finish(ctx, mine, "me", progress{}, ErrStopping),
		} {
			if !errors.Is(err, ErrLost) {
				t.Errorf("%s: %v, want ErrLost", what, err)
			}
		}
		if after := mustShow(t, s, id); !bytes.Equal(after.Payload, before.Payload) || after.State != Running || !after.LeasedUntil.Equal(before.LeasedUntil) {
			t.Fatalf("%+v", after)
		}
		// The second process dies too, and that were all attempts.
		c.pass(2 * time.Minute)
		if j := take(t, s, "third"); j != nil {
			t.Fatalf("more attempts than allowed: %+v", j)
		}
		if j := mustShow(t, s, id); j.State != Failed || j.Message == "" || j.Finished.IsZero() {
			t.Fatalf("%+v", j)
		}
	})
}

func TestFinish(t *testing.T) {
	boom := errors.New("boom \xff\x00")
	cases := []struct {
		name     string
		cause    error
		attempts int // allowed
		state    State
		counted  int
		message  string
	}{
		{"done", nil, 2, Done, 1, "so far"},
		{"error", boom, 2, Queued, 1, "boom \uFFFD\uFFFD"},
		{"last error", boom, 1, Failed, 1, "boom \uFFFD\uFFFD"},
		{"permanent", Permanent(boom), 5, Failed, 1, "boom \uFFFD\uFFFD"},
		{"cancelled", ErrCancelled, 5, Cancelled, 1, "so far"},
		{"stopping", ErrStopping, 1, Queued, 0, "so far"},
	}
	onStores(t, func(t *testing.T, s *Store, clock *clock) {
		for _, c := range cases {
			id := enqueue(t, s, New{Kind: "k", MaxAttempts: c.attempts})
			j := take(t, s, "me")
			must(t, s.finish(t.Context(), j, "me", progress{1, 2, "so far"}, c.cause))
			j = mustShow(t, s, id)
			if j.State != c.state || j.Attempts != c.counted || j.Message != c.message || j.Finished.IsZero() != c.state.Open() || j.Done != 1 {
				t.Errorf("%s: %+v", c.name, j)
			}
			if wait := j.NotBefore.Sub(clock.now()); c.name == "error" && (wait < 3*time.Second || wait > 8*time.Second) {
				t.Errorf("again after %v", wait)
			}
			if j.State == Queued { // out of the way of the next
				must(t, s.Cancel(t.Context(), id))
			}
		}
	})
}

func TestBackoffGrowsToAnHour(t *testing.T) {
	for attempts, mean := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 11: time.Hour, 1000: time.Hour} {
		for range 100 {
			if d := backoff(attempts); d < mean*3/4 || d > mean*5/4 {
				t.Fatalf("after %d attempts %v", attempts, d)
			}
		}
	}
}

func TestCancelAndRetry(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, c *clock) {
		ctx := t.Context()
		id := enqueue(t, s, New{Kind: "k", Key: "x"})
		must(t, s.Cancel(ctx, id))
		if j := mustShow(t, s, id); j.State != Cancelled {
			t.Fatalf("%+v", j)
		}
		if err := s.Cancel(ctx, id); !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
		if err := s.Cancel(ctx, "nothing"); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		other := enqueue(t, s, New{Kind: "k", Key: "x"})
		if err := s.Retry(ctx, id); !errors.Is(err, ErrState) {
			t.Fatalf("two open jobs of one key: %v", err)
		}
		j := take(t, s, "me")
		if err := s.Retry(ctx, other); !errors.Is(err, ErrState) {
			t.Fatalf("a running one was queued: %v", err)
		}
		must(t, s.Cancel(ctx, other))
		if !mustShow(t, s, other).CancelAsked {
			t.Fatal("nobody asked")
		}
		if err := s.look(ctx, other, "me"); err != ErrCancelled {
			t.Fatal(err)
		}
		if err := s.beat(ctx, other, "me", time.Minute, progress{}); err != ErrCancelled {
			t.Fatal(err)
		}
		// Cancelled, but its handler ends with an error of its own: it is not queued again.
		must(t, s.finish(ctx, j, "me", progress{}, errors.New("broken off")))
		if j := mustShow(t, s, other); j.State != Cancelled {
			t.Fatalf("%+v", j)
		}
		must(t, s.Retry(ctx, id))
		if j := take(t, s, "me"); j == nil || j.ID != id || j.Attempts != 1 || j.CancelAsked {
			t.Fatalf("%+v", j)
		}
		// Cancelled and its process dies: it does not run again.
		must(t, s.Cancel(ctx, id))
		c.pass(time.Hour)
		if take(t, s, "me") != nil || mustShow(t, s, id).State != Cancelled {
			t.Fatal("a cancelled job ran again")
		}
	})
}

func TestListCountClean(t *testing.T) {
	onStores(t, func(t *testing.T, s *Store, c *clock) {
		var ids []string
		for i := range 10 {
			ids = append(ids, enqueue(t, s, New{Kind: []string{"a", "b"}[i%2]}))
		}
		slices.Reverse(ids)
		list := func(f Filter) (out []string) {
			t.Helper()
			jobs, err := s.List(t.Context(), f)
			must(t, err)
			for _, j := range jobs {
				out = append(out, j.ID)
			}
			return out
		}
		if got := list(Filter{}); !slices.Equal(got, ids) {
			t.Fatalf("%v, want %v", got, ids)
		}
		if got := list(Filter{Limit: 3, Before: ids[4]}); !slices.Equal(got, ids[5:8]) {
			t.Fatal(got)
		}
		must(t, s.Cancel(t.Context(), ids[0]))
		if got := list(Filter{Kind: "b", States: []State{Cancelled, Failed}}); !slices.Equal(got, ids[:1]) {
			t.Fatal(got)
		}
		if got := list(Filter{Kind: "a", States: []State{Cancelled}}); len(got) != 0 {
			t.Fatal(got)
		}
		counts, err := s.Counts(t.Context())
		must(t, err)
		if want := []Count{{"a", Queued, 5}, {"b", Cancelled, 1}, {"b", Queued, 4}}; !slices.Equal(counts, want) {
			t.Fatal(counts)
		}
		if n, err := s.Clean(t.Context(), c.now()); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := s.Clean(t.Context(), c.now().Add(time.Millisecond)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if got := list(Filter{}); !slices.Equal(got, ids[1:]) {
			t.Fatal(got)
		}
	})
}

// TestScheduleOnce: several processes, one job per period.
func TestScheduleOnce(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		c := &clock{t: time.UnixMilli(1_700_000_000_000)}
		var stores []*Store
		for range 3 {
			s := newStore(t, dbtest.Open(t, url))
			s.now = c.now
			stores = append(stores, s)
		}
		p := periodic{kind: "k", every: time.Hour, payload: []byte("p")}
		all := func() {
			var wg sync.WaitGroup
			for _, s := range stores {
				wg.Go(func() {
					if _, err := s.schedule(context.Background(), p); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		ran := 0
		for range 10 {
			all()
			for _, s := range stores {
				for j := take(t, s, "me"); j != nil; j = take(t, s, "me") {
					ran++
					must(t, s.finish(t.Context(), j, "me", progress{}, nil))
				}
			}
			c.pass(30 * time.Minute)
		}
		if ran != 5 { // after 1 min, found at 30, then every hour: 90, 150, 210, 270
			t.Fatalf("%d times in 4.5 hours", ran)
		}
		p.every = time.Minute
		if wait, err := stores[0].schedule(t.Context(), p); err != nil || wait > time.Minute {
			t.Fatalf("a shorter period is not heeded: next in %v, %v", wait, err)
		}
	})
}
