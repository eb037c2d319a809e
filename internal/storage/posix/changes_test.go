package posix_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"opencloud/internal/storage"
)

// replica is a client that keeps a copy of the tree by following Changes.
type replica struct {
	env   *env
	limit int
	token string
	have  map[string]string // path → ETag
}

func (r *replica) sync() {
	r.env.Helper()
	for n := 0; ; n++ {
		changes, next, more, err := r.env.Changes(r.env.ctx, r.env.at(""), r.token, r.limit)
		if err != nil {
			r.env.Fatal(err)
		}
		for _, c := range changes {
			if !c.Removed {
				r.have[c.Path] = state(&c.Info)
				continue
			}
			for p := range r.have {
				if p == c.Path || len(p) > len(c.Path) && p[:len(c.Path)+1] == c.Path+"/" {
					delete(r.have, p)
				}
			}
		}
		if r.token = next; !more {
			return
		}
		if n > 10_000 {
			r.env.Fatal("no end")
		}
	}
}

// state is what must be the same: of a folder, that it is one; what is in it is told on its own.
func state(i *storage.Info) string {
	if i.IsFolder() {
		return "folder"
	}
	return i.ETag
}

// truth lists everything.
func truth(e *env, dir string, out map[string]string) map[string]string {
	e.Helper()
	_, children, err := e.List(e.ctx, e.at(dir), storage.View{})
	if err != nil {
		e.Fatal(err)
	}
	for i, err := range children {
		if err != nil {
			e.Fatal(err)
		}
		p := i.Name
		if dir != "" {
			p = dir + "/" + p
		}
		out[p] = state(&i)
		if i.IsFolder() {
			truth(e, p, out) // a listing may be used inside another one
		}
	}
	return out
}

func TestChangesKeepAReplica(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 7, 1000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			e := open(t)
			r := &replica{env: e, limit: limit, have: map[string]string{}}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			mkdir := func(p string) { _, err := e.CreateFolder(e.ctx, e.at(p), storage.Conditions{}); must(err) }
			move := func(a, b string) { _, err := e.Move(e.ctx, e.at(a), e.at(b), true, storage.Conditions{}); must(err) }
			check := func(what string) {
				t.Helper()
				r.sync()
				if want := truth(e, "", map[string]string{}); !maps.Equal(want, r.have) {
					t.Errorf("after %s:\nwant %v\nhave %v", what, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(r.have)))
				}
			}
			mkdir("a")
			mkdir("a/b")
			mkdir("z")
			for i := range 5 {
				e.put(fmt.Sprintf("a/b/f%d", i), "x")
				e.put(fmt.Sprintf("a/g%d", i), "y")
			}
			check("the first sync")
			e.put("a/b/f1", "changed")
			check("a write")
			move("a/b", "z/b")
			check("a move of a folder")
			info, err := e.Stat(e.ctx, e.at("z/b"), storage.View{})
			must(err)
			must(e.Delete(e.ctx, e.at("z/b"), storage.Conditions{}))
			check("a deletion")
			_, err = e.Restore(e.ctx, e.root, info.ID.Node, "", storage.Ref{}, false, storage.Conditions{})
			must(err)
			e.put("z/b/new", "n")
			check("a restore")
			move("z/b/f1", "a/g2")
			move("a", "c")
			mkdir("a")
			check("a move over a file and of its folder")
			_, err = e.Copy(e.ctx, e.at("c"), e.at("z/copy"), false, true, storage.Conditions{})
			must(err)
			check("a copy")
		})
	}
}

func TestForeignTokensAreRefused(t *testing.T) {
	e := open(t)
	for _, token := range []string{"x", "other:1", "u1:", "u1:x", "u1:99999999999999999", "u1:1:q", "u1:1:e!", "u1:-1"} {
		if _, _, _, err := e.Changes(e.ctx, e.at(""), token, 10); !errors.Is(err, storage.ErrSyncToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
}
