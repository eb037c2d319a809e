// Package model compares a storage with package mem: random sequences of operations run on both, and what can be seen
// must be the same after every one. Sequential runs sequences of one caller after another; Concurrent lets several callers
// work at once and looks for an order in which the model answers the same (linearizability).
//
// Every sequence follows from its seed, which a failure reports. OC_MODEL_SEED=n runs only that sequence.
package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

const storageID = "22222222-2222-4222-8222-222222222222"

// as returns a context in which a person acts.
func as(user string) context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: user, Username: user, DisplayName: user}})
}

// people act on the space: its manager, an editor, a viewer, and a stranger.
var people = [...]string{"manager", "editor", "viewer", "stranger"}

// side is one of the two storages, with the space of a sequence.
type side struct {
	fs   storage.FS
	root resource.ID
	ctx  [len(people)]context.Context
	see  context.Context // of one who may see everything
	keys []string        // of the trash items that calls may name; nil: whatever is there
}

// open makes a space for one sequence.
func open(fs storage.FS) (*side, error) {
	s := &side{fs: fs, see: identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service})}
	for i, p := range people {
		s.ctx[i] = as(p)
	}
	sp, err := fs.CreateSpace(s.ctx[0], storage.SpaceRequest{Type: space.Project, Name: "model"})
	if err != nil {
		return nil, fmt.Errorf("create a space: %w", err)
	}
	s.root = sp.ID
	for user, set := range map[string]permission.Set{"editor": permission.SpaceEditor, "viewer": permission.SpaceViewer} {
		if err := fs.SetGrant(s.ctx[0], s.at(""), space.Grant{Kind: space.UserGrantee, Grantee: user, Permissions: set}); err != nil {
			return nil, fmt.Errorf("make a member: %w", err)
		}
	}
	return s, nil
}

// close removes the space.
func (s *side) close() error {
	if err := s.fs.DisableSpace(s.see, s.root); err != nil {
		return fmt.Errorf("disable the space: %w", err)
	}
	if _, err := s.fs.Stat(s.see, s.at(""), storage.View{}); class(err) != "not found" {
		return fmt.Errorf("a disabled space can be looked at: %v", err)
	}
	if err := s.fs.PurgeSpace(s.see, s.root); err != nil {
		return fmt.Errorf("purge the space: %w", err)
	}
	return nil
}

func (s *side) at(path string) storage.Ref { return storage.At(s.root, path) }

// pair is the storage under test and the model.
type pair struct {
	real, model *side
	ids         map[resource.ID]resource.ID // of the real one → of the model
}

func openPair(fs storage.FS) (*pair, error) {
	r, err := open(fs)
	if err != nil {
		return nil, err
	}
	m, err := open(mem.New(storageID))
	if err != nil {
		return nil, err
	}
	return &pair{real: r, model: m, ids: map[resource.ID]resource.ID{r.root: m.root}}, nil
}

// seeds calls run with the seed of each sequence, until the test fails.
func seeds(t *testing.T, sequences int, run func(seed uint64)) {
	t.Helper()
	if v := os.Getenv("OC_MODEL_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("OC_MODEL_SEED: %v", err)
		}
		run(seed)
		return
	}
	first := uint64(time.Now().UnixNano())
	for i := range uint64(sequences) {
		if run(first + i); t.Failed() {
			return
		}
	}
}

// Sequential compares sequences of operations. The storage must be empty or hold only the spaces of other sequences.
func Sequential(t *testing.T, fs storage.FS, sequences int) {
	t.Helper()
	seeds(t, sequences, func(seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := make([]op, 8+r.IntN(20))
		for i := range ops {
			ops[i] = randomOp(r)
		}
		err := sequence(fs, ops)
		if err == nil {
			return
		}
		ops, err = shrink(fs, ops, err)
		var b strings.Builder
		for i, o := range ops {
			fmt.Fprintf(&b, "%3d %s\n", i, o)
		}
		t.Errorf("OC_MODEL_SEED=%d\n%s%v", seed, &b, err)
	})
}

// shrink leaves out operations as long as there is an error.
func shrink(fs storage.FS, ops []op, err error) ([]op, error) {
	for again := true; again; {
		again = false
		for i := len(ops) - 1; i >= 0; i-- {
			less := append(append([]op{}, ops[:i]...), ops[i+1:]...)
			if e := sequence(fs, less); e != nil {
				ops, err, again = less, e, true
			}
		}
	}
	return ops, err
}

// sequence runs operations on both sides and compares after each.
func sequence(fs storage.FS, ops []op) error {
	p, err := openPair(fs)
	if err != nil {
		return err
	}
	c := &comparer{pair: p}
	if err := c.begin(); err != nil {
		return err
	}
	for i, o := range ops {
		got, want := o.apply(p.real), o.apply(p.model)
		if err := c.answers(got, want); err != nil {
			return fmt.Errorf("%d %s: %w", i, o, err)
		}
		if err := c.trees(); err != nil {
			return fmt.Errorf("after %d %s: %w", i, o, err)
		}
		if o.sync > 0 {
			if err := c.sync(o.sync); err != nil {
				return fmt.Errorf("after %d %s: %w", i, o, err)
			}
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	return p.real.close()
}
