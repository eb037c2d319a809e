package sharing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/maintain"
)

// stressTime is how long clients work: OC_STRESS_TIME, else shortly.
func stressTime(t *testing.T) time.Duration {
	if d, err := time.ParseDuration(os.Getenv("OC_STRESS_TIME")); err == nil {
		return d
	}
	if testing.Short() {
		return 300 * time.Millisecond
	}
	return 3 * time.Second
}

// TestStress lets 16 clients share, take back, move, delete, restore, accept, rename mounts and make links on the same few folders.
// In the end nothing leads nowhere, all that is given arrives, and the storage's index is whole.
func TestStress(t *testing.T) {
	const id = "11111111-1111-4111-8111-111111111111"
	t.Run("mem", func(t *testing.T) { stress(t, mem.New(id)) })
	t.Run("posix", func(t *testing.T) {
		d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		fs, err := posix.New(t.Context(), posix.Config{Root: t.TempDir(), StorageID: id, DB: d, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fs.Close() })
		stress(t, fs)
		rep, err := fs.Maintainer().Check(asService(t.Context()), maintain.Options{})
		if err != nil || !rep.Clean() {
			t.Errorf("index and disk: %v %+v", err, rep.Findings)
		}
		toldInOrder(t, d, fs)
	})
}

// toldInOrder checks that the events of each share lead, one by one, from nothing to what there is now.
func toldInOrder(t *testing.T, d db.DB, fs storage.FS) {
	t.Helper()
	o, err := event.Open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	given, n := map[string]bool{}, 0
	err = event.NewFeed(slog.New(slog.DiscardHandler), o).Follow(t.Context(), nil, false, func(e event.Event, _ event.Cursor) error {
		had, is := given[e.Share], e.Type == event.ShareCreated || e.Type == event.ShareUpdated
		if e.Share != "" && had == (e.Type == event.ShareCreated) {
			t.Errorf("%s of %s, given before: %v", e.Type, e.Share, had)
		}
		given[e.Share] = is
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := fs.FindGrants(asService(t.Context()), storage.GrantQuery{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		if sh := (share.Share{Grant: g.Grant, Item: g.Info}); !given[sh.ID()] {
			t.Errorf("%s is not told", sh.ID())
		}
	}
	t.Logf("%d events, %d shares are left", n, len(all))
}

const stressFolders = 4

// stressClient is one of many.
type stressClient struct {
	*world
	who     context.Context // a receiver
	entered *entrance.FS
	r       *rand.Rand
}

func (c *stressClient) path() string { return fmt.Sprintf("d%d", c.r.IntN(stressFolders)) }

func (c *stressClient) to() share.Invitation {
	in := share.Invitation{Kind: space.UserGrantee, Grantee: fmt.Sprintf("u%d", c.r.IntN(4)), Rights: permission.Editor}
	if c.r.IntN(4) == 0 {
		in.Kind, in.Grantee = space.GroupGrantee, "team"
	}
	return in
}

// steps are what clients do; each tells how it went.
func (c *stressClient) steps() []func(alice context.Context) error {
	none := storage.Conditions{}
	given := func(ctx context.Context) (share.Share, error) {
		all, err := c.Shares.Given(ctx)
		if err != nil || len(all) == 0 {
			return share.Share{}, errors.Join(err, storage.ErrNotFound)
		}
		return all[c.r.IntN(len(all))], nil
	}
	linked := func(ctx context.Context) (string, error) {
		all, err := c.Links.Given(ctx)
		if err != nil || len(all) == 0 {
			return "", errors.Join(err, storage.ErrNotFound)
		}
		return all[c.r.IntN(len(all))].ID, nil
	}
	received := func() (share.Received, error) {
		all, err := c.Shares.Received(c.who)
		if err != nil || len(all) == 0 {
			return share.Received{}, errors.Join(err, storage.ErrNotFound)
		}
		return all[c.r.IntN(len(all))], nil
	}
	return []func(context.Context) error{
		func(alice context.Context) error {
			_, err := c.Shares.Invite(alice, c.at(c.path()), c.to())
			return err
		},
		func(alice context.Context) error {
			sh, err := given(alice)
			if err != nil {
				return err
			}
			return c.Shares.Remove(alice, storage.At(sh.Item.ID, ""), sh.ID())
		},
		func(alice context.Context) error {
			sh, err := given(alice)
			if err != nil {
				return err
			}
			rights := []permission.Set{permission.Viewer, permission.Editor}[c.r.IntN(2)]
			_, err = c.Shares.Update(alice, storage.At(sh.Item.ID, ""), sh.ID(), share.Change{Rights: &rights})
			return err
		},
		func(alice context.Context) error {
			_, err := c.fs.Move(alice, c.at(c.path()), c.at(c.path()), c.r.IntN(2) == 0, none)
			return err
		},
		func(alice context.Context) error {
			_, err := c.fs.CreateFolder(alice, c.at(c.path()), none)
			return err
		},
		func(alice context.Context) error { return c.fs.Delete(alice, c.at(c.path()), none) },
		func(alice context.Context) error { return c.trash(alice, true) },
		func(alice context.Context) error {
			if c.r.IntN(4) > 0 {
				return nil
			}
			return c.trash(alice, false)
		},
		func(context.Context) error {
			got, err := received()
			if err != nil {
				return err
			}
			change := share.ReceivedChange{State: new(share.State)}
			*change.State = []share.State{share.Accepted, share.Rejected}[c.r.IntN(2)]
			_, err = c.Shares.SetReceived(c.who, got.Item.ID, change)
			return err
		},
		func(context.Context) error {
			got, err := received()
			if err != nil {
				return err
			}
			_, err = c.entered.Move(c.who, storage.At(share.Jail(), got.Mount), storage.At(share.Jail(), fmt.Sprintf("m%d", c.r.IntN(5))), false, none)
			return err
		},
		func(context.Context) error {
			got, err := received()
			if err != nil {
				return err
			}
			_, err = c.entered.Upload(c.who, storage.At(share.Jail(), got.Mount+"/file"), storage.UploadRequest{Length: 1}, bytes.NewReader([]byte("x")))
			return err
		},
		func(context.Context) error {
			_, children, err := c.entered.List(c.who, storage.At(share.Jail(), ""), storage.View{})
			if err != nil {
				return err
			}
			names := map[string]bool{}
			for i, err := range children {
				if err != nil {
					return err
				}
				if names[i.Name] {
					return fmt.Errorf("two mounts are called %q", i.Name)
				}
				names[i.Name] = true
			}
			return nil
		},
		func(alice context.Context) error {
			_, err := c.Links.Create(alice, c.at(c.path()), link.Request{Rights: permission.Viewer, Quick: c.r.IntN(2) == 0})
			return err
		},
		func(alice context.Context) error {
			id, err := linked(alice)
			if err != nil {
				return err
			}
			name := "changed"
			_, err = c.Links.Update(alice, id, link.Change{Name: &name})
			return err
		},
		func(alice context.Context) error {
			id, err := linked(alice)
			if err != nil {
				return err
			}
			return c.Links.Remove(alice, id)
		},
		func(context.Context) error {
			if c.r.IntN(10) > 0 {
				return nil
			}
			_, err := c.Cleanup(context.Background())
			return err
		},
	}
}

// trash restores what was deleted, or removes it for good.
func (c *stressClient) trash(alice context.Context, restore bool) error {
	items, err := c.fs.ListTrash(alice, c.home, "", "")
	if err != nil {
		return err
	}
	for i, err := range items {
		if err != nil {
			return err
		}
		if restore {
			_, err := c.fs.Restore(alice, c.home, i.Key, "", storage.Ref{}, false, storage.Conditions{})
			return err
		}
		return c.fs.Purge(alice, c.home, i.Key, "")
	}
	return storage.ErrNotFound
}

func stress(t *testing.T, fs storage.FS) {
	w := newWorld(t, fs)
	entered := entrance.New(fs, w.Shares, w.Links)
	for i := range stressFolders {
		w.folder(fmt.Sprintf("d%d", i))
	}
	expected := []error{storage.ErrNotFound, storage.ErrExists, storage.ErrForbidden, storage.ErrConflict, storage.ErrParentMissing, storage.ErrInvalid,
		storage.ErrUnavailable} // the tree changes all the time: to be tried again
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	until := time.Now().Add(stressTime(t))
	var done [16]atomic.Int64
	var wg sync.WaitGroup
	for k := range uint64(16) {
		wg.Go(func() {
			c := &stressClient{w, as(fmt.Sprintf("u%d", k%4), "team"), entered, rand.New(rand.NewPCG(seed, k))}
			steps := c.steps()
			for time.Now().Before(until) {
				n := c.r.IntN(len(steps))
				err := steps[n](as("alice"))
				known := err == nil
				for _, x := range expected {
					known = known || errors.Is(err, x)
				}
				if !known {
					t.Errorf("step %d: %v", n, err)
				}
				if err == nil {
					done[n].Add(1)
				}
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for i := range done {
		total += done[i].Load()
		if done[i].Load() == 0 && !testing.Short() {
			t.Logf("step %d never went well", i)
		}
	}
	if t.Logf("%d changes", total); total == 0 {
		t.Fatal("nothing was done")
	}
	if _, err := w.Cleanup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.found(Local{Domain: w.Domain}); got != "" {
		t.Errorf("these lead nowhere: %s", got)
	}
	w.arrived(entered)
}

// arrived checks that everybody has exactly what is given to him, and can go there.
func (w *world) arrived(entered *entrance.FS) {
	w.Helper()
	all, err := w.fs.FindGrants(asService(w.Context()), storage.GrantQuery{All: true})
	w.must(err)
	for k := range 4 {
		who := as(fmt.Sprintf("u%d", k), "team")
		want := map[resource.ID]bool{}
		for _, g := range all {
			if g.Grant.Kind == space.GroupGrantee || g.Grant.Grantee == fmt.Sprintf("u%d", k) {
				want[g.Info.ID] = true
			}
		}
		received, err := w.Shares.Received(who)
		w.must(err)
		if len(received) != len(want) {
			w.Errorf("u%d received %d, %d were given", k, len(received), len(want))
		}
		for _, r := range received {
			if !want[r.Item.ID] {
				w.Errorf("u%d received %s, which was not given", k, r.Item.Path)
			}
			_, err := entered.Stat(who, storage.At(share.Jail(), r.Mount), storage.View{})
			if open := r.State == share.Accepted; (err == nil) != open {
				w.Errorf("u%d's %s, accepted %v: %v", k, r.Mount, open, err)
			}
		}
	}
}
