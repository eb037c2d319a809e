package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// batch is how many events a consumer is told at once.
	batch = 100
	// pollEvery bounds how long after its commit an event is told; other processes write too, so only the database knows.
	pollEvery = 500 * time.Millisecond
)

// ErrCursor tells that a text is no cursor, or one of a time that this database does not know.
var ErrCursor = errors.New("events: unknown cursor")

// Feed tells the events of all outboxes of an installation.
type Feed struct {
	outboxes []*Outbox
	log      *slog.Logger
}

// NewFeed returns the feed of some outboxes; those of the same database, opened twice, are one.
func NewFeed(log *slog.Logger, outboxes ...*Outbox) *Feed {
	f := &Feed{log: log}
	for _, o := range outboxes {
		if !slices.ContainsFunc(f.outboxes, func(have *Outbox) bool { return have.id == o.id }) {
			f.outboxes = append(f.outboxes, o)
		}
	}
	return f
}

// Cursor says how far somebody has been told: the number of the last event of each outbox, by the outbox's id.
type Cursor map[string]int64

// ParseCursor is the inverse of String; "" is the beginning. ErrCursor.
func ParseCursor(s string) (Cursor, error) {
	c := Cursor{}
	for part := range strings.SplitSeq(s, ",") {
		if s == "" {
			break
		}
		outbox, n, _ := strings.Cut(part, ":")
		seq, err := strconv.ParseInt(n, 10, 64)
		if err != nil || seq < 0 || outbox == "" {
			return nil, fmt.Errorf("%w: %q", ErrCursor, s)
		}
		c[outbox] = seq
	}
	return c, nil
}

// String writes a cursor: "outbox:number,outbox:number".
func (c Cursor) String() string {
	var b strings.Builder
	for _, outbox := range slices.Sorted(maps.Keys(c)) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(outbox + ":" + strconv.FormatInt(c[outbox], 10))
	}
	return b.String()
}

// Pass moves the cursor behind an event, and returns how many before it were never told.
func (c Cursor) Pass(e Event) (missed int64) {
	outbox, seq := parseID(e.ID)
	missed = seq - c[outbox] - 1
	c[outbox] = seq
	return missed
}

// Now returns the cursor behind the newest events.
func (f *Feed) Now(ctx context.Context) (Cursor, error) {
	c := Cursor{}
	for _, o := range f.outboxes {
		seq, err := o.newest(ctx)
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		c[o.id] = seq
	}
	return c, nil
}

// After returns the oldest events after a cursor, at most limit, in the order of each outbox and, between these, of time.
func (f *Feed) After(ctx context.Context, c Cursor, limit int) ([]Event, error) {
	var next [][]Event
	for _, o := range f.outboxes {
		events, err := o.after(ctx, c[o.id], limit)
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		next = append(next, events)
	}
	var out []Event
	for len(out) < limit {
		first := -1
		for i := range next {
			if len(next[i]) > 0 && (first < 0 || next[i][0].Time.Before(next[first][0].Time)) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		out, next[first] = append(out, next[first][0]), next[first][1:]
	}
	return out, nil
}

// Follow calls each for the events after a cursor, and, until the context ends, for those to come. Without follow it ends with the
// newest. ErrCursor if the cursor is ahead of what there is: the database is an older one.
func (f *Feed) Follow(ctx context.Context, c Cursor, follow bool, each func(e Event, next Cursor) error) error {
	now, err := f.Now(ctx)
	if err != nil {
		return err
	}
	for outbox, seq := range now {
		if c[outbox] > seq {
			return fmt.Errorf("%w: %s", ErrCursor, c)
		}
	}
	for outbox := range now {
		now[outbox] = c[outbox]
	}
	c = now
	for {
		events, err := f.After(ctx, c, batch)
		if follow && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range events {
			c.Pass(e)
			if err := each(e, c); err != nil {
				return err
			}
		}
		if len(events) > 0 {
			continue
		}
		if !follow || !pause(ctx) {
			return nil
		}
	}
}

// pause waits until there may be news; false if the context ends.
func pause(ctx context.Context) bool {
	t := time.NewTimer(pollEvery)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Consume tells a consumer, in batches and until the context ends, what it has not been told yet; one that was never there
// before, what comes from now on. How far it got is kept under its name when handle returns nil; else Consume returns the error of
// handle, and whoever owns the loop calls it again for the same events. Two at once under one name are told the same.
func (f *Feed) Consume(ctx context.Context, consumer string, handle func(ctx context.Context, events []Event) error) error {
	c := Cursor{}
	for _, o := range f.outboxes {
		seq, err := o.place(ctx, consumer)
		if err != nil {
			return fmt.Errorf("events for %s: %w", consumer, err)
		}
		c[o.id] = seq
	}
	for ctx.Err() == nil {
		events, err := f.After(ctx, c, batch)
		if err == nil && len(events) > 0 {
			if err = handle(ctx, events); err == nil {
				err = f.passed(context.WithoutCancel(ctx), consumer, c, events)
			}
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("events for %s: %w", consumer, err)
		}
		if len(events) == 0 {
			pause(ctx)
		}
	}
	return nil
}

// passed moves a consumer behind events.
func (f *Feed) passed(ctx context.Context, consumer string, c Cursor, events []Event) error {
	before, missed := maps.Clone(c), int64(0)
	for _, e := range events {
		missed += c.Pass(e)
	}
	if missed > 0 {
		f.log.WarnContext(ctx, "a consumer was away for longer than events are kept", "consumer", consumer, "missed", missed)
	}
	for _, o := range f.outboxes {
		if c[o.id] == before[o.id] {
			continue
		}
		if err := o.passed(ctx, consumer, c[o.id]); err != nil {
			return err
		}
	}
	return nil
}

// Prune removes events older than an age, and all but the newest count of each outbox, whether they were told or not.
func (f *Feed) Prune(ctx context.Context, age time.Duration, count int64) error {
	var errs []error
	for _, o := range f.outboxes {
		errs = append(errs, o.prune(ctx, time.Now().Add(-age), count))
	}
	return errors.Join(errs...)
}
