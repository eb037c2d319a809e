package event_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
)

var log = slog.New(slog.DiscardHandler)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func outbox(t *testing.T, d db.DB) *event.Outbox {
	t.Helper()
	o, err := event.Open(t.Context(), d)
	must(t, err)
	return o
}

// tell makes a change that is nothing but its event.
func tell(ctx context.Context, d db.DB, e event.Event) error {
	return d.Write(ctx, func(tx db.Tx) error { return event.Append(ctx, tx, e) })
}

func names(events []event.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Name)
	}
	return out
}

// all returns the names of all events that are kept.
func all(t *testing.T, f *event.Feed) (out []string) {
	t.Helper()
	must(t, f.Follow(t.Context(), nil, false, func(e event.Event, _ event.Cursor) error { out = append(out, e.Name); return nil }))
	return out
}

// join lets a consumer be there for the first time, with nothing to do.
func join(t *testing.T, d db.DB, f *event.Feed, consumer string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- f.Consume(ctx, consumer, func(_ context.Context, events []event.Event) error { return fmt.Errorf("told %v", names(events)) })
	}()
	for there := false; !there && ctx.Err() == nil; {
		must(t, d.Read(ctx, func(r db.Reader) error {
			return r.Query(ctx, `SELECT 1 FROM event_cursors WHERE consumer=?`, func(db.Row) error { there = true; return nil }, consumer)
		}))
	}
	stop()
	must(t, <-ended)
}

// A change that fails leaves no event, one that commits leaves one; who did it is taken from the context.
func TestAppend(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		f := event.NewFeed(log, outbox(t, d))
		ctx := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "mary"}, Initiator: "tab"})
		until := time.Now().Add(time.Hour)
		must(t, tell(ctx, d, event.Event{Type: event.ShareCreated, Item: "s$p!n", Name: "caf\u00e9\x00\xff", User: "alan", Expires: until, Actor: "forged", ID: "forged"}))
		failed := errors.New("failed")
		err := d.Write(ctx, func(tx db.Tx) error {
			if err := event.Append(ctx, tx, event.Event{Type: event.ShareRemoved}); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		events, err := f.After(ctx, nil, 10)
		if err != nil || len(events) != 1 {
			t.Fatal(events, err)
		}
		e := events[0]
		if e.Type != event.ShareCreated || e.Actor != "mary" || e.Initiator != "tab" || e.Item != "s$p!n" || e.User != "alan" || !e.Expires.Equal(until) ||
			!strings.HasPrefix(e.Name, "café\x00") || e.ID == "" || e.ID == "forged" || time.Since(e.Time) > time.Minute {
			t.Errorf("%+v", e)
		}
		again, err := f.After(ctx, nil, 10)
		if err != nil || again[0].ID != e.ID {
			t.Error("told again it has another id", again, err)
		}
	})
}

// A database without outbox refuses the change: none may be without its event.
func TestAppendWithoutOutbox(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		if err := tell(t.Context(), d, event.Event{}); err == nil {
			t.Error("an event went nowhere")
		}
	})
}

// Several processes write at once, and a consumer that reads meanwhile misses nothing and keeps the order of each.
func TestOrderAmongProcesses(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		const writers, each = 4, 25
		f := event.NewFeed(log, outbox(t, dbtest.Open(t, url)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen := make(chan []string, 1)
		started := make(chan struct{})
		go func() {
			var got []string
			c := event.Cursor{}
			close(started)
			for len(got) < writers*each && ctx.Err() == nil {
				events, err := f.After(ctx, c, 7)
				if err != nil {
					t.Error(err)
					break
				}
				for _, e := range events {
					if c.Pass(e) != 0 {
						t.Error("a number was left out before", e.ID)
					}
				}
				got = append(got, names(events)...)
			}
			seen <- got
		}()
		<-started
		var wg sync.WaitGroup
		for w := range writers {
			d := dbtest.Open(t, url)
			wg.Go(func() {
				for i := range each {
					if err := tell(t.Context(), d, event.Event{Name: fmt.Sprintf("%d %03d", w, i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got := <-seen
		for w := range writers {
			mine := slices.DeleteFunc(slices.Clone(got), func(n string) bool { return !strings.HasPrefix(n, fmt.Sprint(w, " ")) })
			if len(mine) != each || !slices.IsSorted(mine) {
				t.Errorf("writer %d: %q", w, mine)
			}
		}
	})
}

// A consumer begins with what is new, is told again what it did not finish, and goes on where it was in another process.
func TestConsume(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		d, other := dbtest.Open(t, url), dbtest.Open(t, url)
		f := event.NewFeed(log, outbox(t, d))
		must(t, tell(t.Context(), d, event.Event{Name: "before"}))
		join(t, d, f, "mails")
		for _, n := range []string{"a", "b"} {
			must(t, tell(t.Context(), d, event.Event{Name: n}))
		}
		died := errors.New("died")
		var got []string
		err := f.Consume(t.Context(), "mails", func(_ context.Context, events []event.Event) error { got = append(got, names(events)...); return died })
		if !errors.Is(err, died) || !slices.Equal(got, []string{"a", "b"}) {
			t.Fatal(got, err)
		}
		// Another process takes over, and hears of what a third writes within a second (or a few, where tests crowd).
		got = nil
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		written := time.Time{}
		err = event.NewFeed(log, outbox(t, other)).Consume(ctx, "mails", func(_ context.Context, events []event.Event) error {
			if got = append(got, names(events)...); len(got) == 2 {
				written = time.Now()
				must(t, tell(t.Context(), d, event.Event{Name: "c"}))
			} else {
				stop()
			}
			return nil
		})
		if took := time.Since(written); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) || took > 5*time.Second {
			t.Error(got, took, err)
		}
		// What it finished is told no more; another consumer is not concerned.
		must(t, tell(t.Context(), d, event.Event{Name: "d"}))
		got = nil
		ctx, stop = context.WithCancel(t.Context())
		must(t, f.Consume(ctx, "mails", func(_ context.Context, events []event.Event) error { got = names(events); stop(); return nil }))
		if !slices.Equal(got, []string{"d"}) {
			t.Error(got)
		}
		if kept := all(t, f); len(kept) != 5 {
			t.Error("consuming removes events:", kept)
		}
	})
}

// Outboxes are bounded by age and number; who was away for longer goes on with what is left.
func TestPrune(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		f := event.NewFeed(log, outbox(t, d))
		must(t, f.Prune(t.Context(), 0, 0)) // nothing there
		join(t, d, f, "slow")
		for i := range 6 {
			at := time.Now()
			if i < 2 {
				at = at.Add(-2 * time.Hour)
			}
			must(t, tell(t.Context(), d, event.Event{Name: fmt.Sprint(i), Time: at}))
		}
		for _, c := range []struct {
			age   time.Duration
			count int64
			want  []string
		}{{3 * time.Hour, 6, []string{"0", "1", "2", "3", "4", "5"}}, {time.Hour, 5, []string{"2", "3", "4", "5"}}, {time.Hour, 3, []string{"3", "4", "5"}}} {
			must(t, f.Prune(t.Context(), c.age, c.count))
			if got := all(t, f); !slices.Equal(got, c.want) {
				t.Errorf("%s, %d: %q", c.age, c.count, got)
			}
		}
		var got []string
		ctx, stop := context.WithCancel(t.Context())
		must(t, f.Consume(ctx, "slow", func(_ context.Context, events []event.Event) error { got = names(events); stop(); return nil }))
		if !slices.Equal(got, []string{"3", "4", "5"}) {
			t.Error(got)
		}
		must(t, f.Prune(t.Context(), 0, 100))
		must(t, tell(t.Context(), d, event.Event{Name: "next"}))
		events, err := f.After(t.Context(), nil, 10)
		if err != nil || len(events) != 1 || !strings.HasSuffix(events[0].ID, "-7") {
			t.Error("numbers begin anew when all is removed:", events, err)
		}
	})
}

// Several outboxes are told together, each in its order, with a cursor that can be gone on with.
func TestFollow(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		one, two := dbtest.Open(t, url), dbtest.Open(t, dbtest.SQLite(t))
		f := event.NewFeed(log, outbox(t, one), outbox(t, two), outbox(t, dbtest.Open(t, url)))
		began := time.Now().Add(-time.Minute)
		for i, d := range []db.DB{one, two, one, two} {
			must(t, tell(t.Context(), d, event.Event{Name: fmt.Sprint(i), Time: began.Add(time.Duration(i) * time.Second)}))
		}
		var got, cursors []string
		must(t, f.Follow(t.Context(), nil, false, func(e event.Event, next event.Cursor) error {
			got, cursors = append(got, e.Name), append(cursors, next.String())
			return nil
		}))
		if !slices.Equal(got, []string{"0", "1", "2", "3"}) {
			t.Error(got)
		}
		c, err := event.ParseCursor(cursors[1])
		must(t, err)
		if events, err := f.After(t.Context(), c, 10); err != nil || !slices.Equal(names(events), []string{"2", "3"}) {
			t.Error(events, err)
		}
		c, err = event.ParseCursor(cursors[3])
		must(t, err)
		if now, err := f.Now(t.Context()); err != nil || now.String() != c.String() {
			t.Error(now, c, err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		got = nil
		go func() {
			if err := tell(ctx, two, event.Event{Name: "new"}); err != nil {
				t.Error(err)
			}
		}()
		must(t, f.Follow(ctx, c, true, func(e event.Event, _ event.Cursor) error { got = append(got, e.Name); stop(); return nil }))
		if !slices.Equal(got, []string{"new"}) {
			t.Error(got)
		}
		for outbox := range c {
			c[outbox] += 10
		}
		if err := f.Follow(t.Context(), c, false, nil); !errors.Is(err, event.ErrCursor) {
			t.Error("a cursor of the future:", err)
		}
	})
}

func TestParseCursor(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "a:1": true, "a:1,b:22": true, "a": false, "a:": false, ":1": false, "a:-1": false, "a:x": false, ",": false, "a:1,": false} {
		c, err := event.ParseCursor(text)
		if ok != (err == nil) || !ok && !errors.Is(err, event.ErrCursor) || ok && c.String() != text {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}
