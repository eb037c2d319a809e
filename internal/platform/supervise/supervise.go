// Package supervise runs units in the order of their needs, starts those that fail again, and stops all in time.
package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Unit is something that runs until its context ends.
type Unit struct {
	Name string
	Run  func(ctx context.Context) error
}

const (
	firstWait = 200 * time.Millisecond
	longWait  = 10 * time.Second
	// calm is how long a unit must run for its failures to be forgotten.
	calm = time.Minute
	// maxFailures in a row end the process: something outside must be mended.
	maxFailures = 30
)

// State of a unit, for `opencloud list`.
type State struct {
	Name     string `json:"name"`
	Running  bool   `json:"running"`
	Restarts int64  `json:"restarts"`
}

// Group is a set of running units.
type Group struct {
	log   *slog.Logger
	mu    sync.Mutex
	units []*unit
}

type unit struct {
	Unit
	running  atomic.Bool
	restarts atomic.Int64
}

// New returns an empty group.
func New(log *slog.Logger) *Group { return &Group{log: log} }

// States returns what runs, in the order of starting.
func (g *Group) States() []State {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]State, len(g.units))
	for i, u := range g.units {
		out[i] = State{u.Name, u.running.Load(), u.restarts.Load()}
	}
	return out
}

// Run starts the units one after the other and waits until the context ends, or one fails for good. Then it stops them in
// reverse order, each for at most `each`.
func (g *Group) Run(ctx context.Context, units []Unit, each time.Duration) error {
	failed := make(chan error, len(units))
	type started struct {
		cancel context.CancelFunc
		done   chan struct{}
		name   string
	}
	var all []started
	for _, u := range units {
		uctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		x := &unit{Unit: u}
		g.mu.Lock()
		g.units = append(g.units, x)
		g.mu.Unlock()
		s := started{cancel, make(chan struct{}), u.Name}
		all = append(all, s)
		go func() {
			defer close(s.done)
			if err := g.keep(uctx, x); err != nil {
				failed <- err
			}
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	for i := len(all) - 1; i >= 0; i-- {
		all[i].cancel()
	}
	deadline := time.After(each)
	for i := len(all) - 1; i >= 0; i-- {
		select {
		case <-all[i].done:
		case <-deadline:
			g.log.Error("unit does not stop", "unit", all[i].name)
			return err
		}
	}
	return err
}

// keep runs a unit again and again until its context ends.
func (g *Group) keep(ctx context.Context, u *unit) error {
	failures, wait := 0, firstWait
	for {
		began := time.Now()
		u.running.Store(true)
		err := protect(ctx, u.Unit.Run)
		u.running.Store(false)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > calm {
			failures, wait = 0, firstWait
		}
		failures++
		u.restarts.Add(1)
		g.log.Error("unit ended, it is started again", "unit", u.Name, "err", err, "failures", failures)
		if failures >= maxFailures {
			return fmt.Errorf("%s fails again and again: %w", u.Name, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait + rand.N(wait/2)):
		}
		wait = min(2*wait, longWait)
	}
}

func protect(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run(ctx)
}
