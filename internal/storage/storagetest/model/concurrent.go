package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

const (
	actors = 3
	each   = 3 // operations of one actor
)

// Concurrent lets several callers work in the same few places at once. There must be an order of their operations, which
// respects what was over before something else began, in which the model gives the same answers and ends with the same tree.
func Concurrent(t *testing.T, fs storage.FS, histories int) {
	t.Helper()
	inconclusive := 0
	seeds(t, histories, func(seed uint64) {
		sure, err := concurrent(fs, seed)
		if err != nil {
			t.Errorf("OC_MODEL_SEED=%d (the order may differ the next time)\n%v", seed, err)
		}
		if !sure {
			inconclusive++
		}
	})
	if inconclusive > histories/20 {
		t.Errorf("%d of %d histories are too hard to judge", inconclusive, histories)
	}
}

// call is one operation as it happened.
type call struct {
	op         op
	etag       bool  // with the ETag that the target had before the calls began
	start, end int64 // places in the order of all beginnings and ends
	got        answer
}

// history is what happened on the real side.
type history struct {
	setup   []op
	made    []answer // by the setup
	calls   [actors][each]*call
	final   *view
	root    resource.ID
	budget  int    // of orders to try
	best    string // what the attempt that explained most came to
	reached int    // how many calls it explained
}

func randomCall(r *rand.Rand) *call {
	kinds := []kind{put, put, put, mkdir, move, move, remove, remove, restore, purge, addTag, drop, session, get, get}
	c := &call{op: op{kind: kinds[r.IntN(len(kinds))], path: randomPath(r), overwrite: r.IntN(2) == 0, n: 1 + r.IntN(8)*5}}
	switch c.op.kind {
	case move, restore:
		c.op.to = randomPath(r)
	case put, remove:
		switch r.IntN(4) {
		case 0:
			c.op.cond = ifNew
		case 1:
			c.etag = true
		}
	}
	return c
}

// concurrent makes one history and judges it.
func concurrent(fs storage.FS, seed uint64) (sure bool, err error) {
	r := rand.New(rand.NewPCG(seed, 3))
	h := &history{budget: 3000}
	for range 5 {
		h.setup = append(h.setup, op{kind: []kind{mkdir, put, put}[r.IntN(3)], path: randomPath(r), n: 1 + r.IntN(20)})
	}
	h.setup = append(h.setup, op{kind: put, path: "b", n: 9}, op{kind: remove, path: "b"}, op{kind: remove, path: "a"}, op{kind: mkdir, path: "a"})
	s, err := open(fs)
	if err != nil {
		return true, err
	}
	h.root = s.root
	for _, o := range h.setup {
		h.made = append(h.made, o.apply(s))
	}
	for a := range actors {
		for k := range each {
			h.calls[a][k] = randomCall(r)
		}
	}
	follower := &follower{name: "a follower", ctx: s.see, replica: map[string]told{}}
	if follower.token, err = follower.replay(s, follower.replica, "", 100); err != nil {
		return true, err
	}
	if err := h.run(s); err != nil {
		return true, err
	}
	if h.final, err = look(s, true); err != nil {
		return true, fmt.Errorf("%s%w", h, err)
	}
	if _, err := follower.replay(s, follower.replica, follower.token, 1+r.IntN(5)); err != nil {
		return true, err
	}
	if err := sameTree(follower.name, follower.replica, h.final.tree); err != nil {
		return true, fmt.Errorf("%s%w", h, err)
	}
	if ok := h.explain(nil); !ok && h.budget > 0 {
		return true, fmt.Errorf("%sno order explains the answers and the end; closest: %s", h, h.best)
	}
	return h.budget > 0, s.close()
}

// prepare notes what calls need from before they begin: keys of trash items, ETags.
func (h *history) prepare(s *side) (ops map[*call]op, err error) {
	items, err := trashOf(s, "", "")
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		s.keys = append(s.keys, i.Key)
	}
	ops = map[*call]op{}
	for a := range h.calls {
		for _, c := range h.calls[a] {
			o := c.op
			if c.etag {
				o.match = "none"
				if i, err := s.fs.Stat(s.see, s.at(o.path), storage.View{}); err == nil {
					o.match = i.ETag
				}
			}
			ops[c] = o
		}
	}
	return ops, nil
}

// run lets the actors work.
func (h *history) run(s *side) error {
	ops, err := h.prepare(s)
	if err != nil {
		return err
	}
	var clock atomic.Int64
	var wg sync.WaitGroup
	for a := range h.calls {
		wg.Go(func() {
			for _, c := range h.calls[a] {
				c.start = clock.Add(1)
				c.got = ops[c].apply(s)
				c.end = clock.Add(1)
			}
		})
	}
	wg.Wait()
	return nil
}

// explain looks for an order of all calls that begins with the given one.
func (h *history) explain(order []*call) bool {
	if h.budget--; h.budget <= 0 {
		return false
	}
	if len(order) == actors*each {
		return h.replay(order, true)
	}
	for _, c := range h.next(order) {
		longer := append(append([]*call{}, order...), c)
		if h.replay(longer, false) && h.explain(longer) {
			return true
		}
	}
	return false
}

// next returns the calls that can come after others: not those that began when another one that is left was over.
func (h *history) next(order []*call) (out []*call) {
	done := map[*call]bool{}
	for _, c := range order {
		done[c] = true
	}
	first := int64(1 << 62) // the earliest end of what is left
	var heads []*call
	for a := range h.calls {
		for _, c := range h.calls[a] {
			if !done[c] {
				heads = append(heads, c)
				first = min(first, c.end)
				break
			}
		}
	}
	for _, c := range heads {
		if c.start < first {
			out = append(out, c)
		}
	}
	return out
}

// replay runs an order on a new model and tells whether it answers as the real side did.
func (h *history) replay(order []*call, whole bool) bool {
	s, err := open(mem.New(storageID))
	if err != nil {
		return false
	}
	ids := map[resource.ID]resource.ID{h.root: s.root}
	for i, o := range h.setup {
		if !agree(h.made[i], o.apply(s), ids) {
			h.note(0, "the setup differs: %s", o)
			return false
		}
	}
	ops, err := h.prepare(s)
	if err != nil {
		return false
	}
	for i, c := range order {
		if class(c.got.err) == storage.ErrUnavailable.Error() {
			continue // refused for now, nothing done
		}
		if want := ops[c].apply(s); !agree(c.got, want, ids) {
			h.note(i, "%d calls, then %s gave %s, the model %s", i, c.op, c.got, want)
			return false
		}
	}
	if !whole {
		return true
	}
	end, err := look(s, true)
	if err != nil {
		return false
	}
	for i := range max(len(end.lines), len(h.final.lines)) {
		if line(end, i) != line(h.final, i) || !agreeID(h.final.ids[i], end.ids[i], ids) {
			h.note(len(order), "all calls, then there is\n  %s\nwant\n  %s", line(h.final, i), line(end, i))
			return false
		}
	}
	return true
}

// note keeps what the longest attempt came to.
func (h *history) note(calls int, format string, args ...any) {
	if h.best == "" || calls >= h.reached {
		h.reached, h.best = calls, fmt.Sprintf(format, args...)
	}
}

func agree(got, want answer, ids map[resource.ID]resource.ID) bool {
	if !sameError(got.err, want.err) || got.created != want.created || got.content != want.content {
		return false
	}
	if got.info == nil || want.info == nil {
		return got.info == nil && want.info == nil
	}
	g, w := got.info, want.info
	return g.Name == w.Name && g.Kind == w.Kind && g.Size == w.Size && agreeID(g.ID, w.ID, ids)
}

// sameError: a call that looks at two places at two moments may name either of two reasons to fail, but it must fail.
func sameError(got, want error) bool {
	missing := func(err error) bool {
		return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrParentMissing) || errors.Is(err, storage.ErrExists) || errors.Is(err, storage.ErrConflict)
	}
	return class(got) == class(want) || missing(got) && missing(want)
}

func agreeID(r, m resource.ID, ids map[resource.ID]resource.ID) bool {
	if old, ok := ids[r]; ok {
		return old == m
	}
	ids[r] = m
	return true
}

func (a answer) String() string {
	if a.err != nil {
		return "(" + a.err.Error() + ")"
	}
	s := fmt.Sprintf("(created=%v", a.created)
	if a.info != nil {
		s += fmt.Sprintf(" %q %d bytes %s", a.info.Name, a.info.Size, a.info.ID.Node)
	}
	return s + " " + a.content + ")"
}

func (h *history) String() string {
	var b strings.Builder
	for i, o := range h.setup {
		fmt.Fprintf(&b, "    setup %s %s\n", o, h.made[i])
	}
	for a := range h.calls {
		for _, c := range h.calls[a] {
			fmt.Fprintf(&b, "    actor %d, %2d to %2d: %s etag=%v %s\n", a, c.start, c.end, c.op, c.etag, c.got)
		}
	}
	if h.final != nil {
		for _, l := range h.final.lines {
			if !strings.Contains(l, " sees ") && !strings.Contains(l, "the stranger") {
				fmt.Fprintf(&b, "    end: %s\n", l)
			}
		}
	}
	return b.String()
}
