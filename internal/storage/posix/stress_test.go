package posix_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/maintain"
)

// TestStress lets several people and another program work in the same few places, with the background work running, and
// checks that only expected errors come, that listings are whole, and that disk and index agree in the end.
func TestStress(t *testing.T) { everywhere(t, stress) }

func stress(t *testing.T, e *env) {
	ctx, stop := context.WithCancel(e.ctx)
	var loops, workers sync.WaitGroup
	for _, l := range e.Loops() {
		loops.Go(func() { _ = l.Run(ctx) })
	}
	for _, d := range []string{"a", "b", "a/c"} {
		if _, err := e.CreateFolder(e.ctx, e.at(d), storage.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	// These are never touched: a listing that lacks one is not whole.
	var fixed []string
	for i := range 300 { // so many that what the other program removes is no mass deletion
		fixed = append(fixed, fmt.Sprintf("fixed%d", i))
		e.put(fixed[i], "x")
	}
	expected := []error{storage.ErrNotFound, storage.ErrParentMissing, storage.ErrExists, storage.ErrConflict, storage.ErrUnavailable}
	ok := func(what string, err error) {
		if err == nil {
			return
		}
		for _, x := range expected {
			if errors.Is(err, x) {
				return
			}
		}
		t.Errorf("%s: %v", what, err)
	}
	until := time.Now().Add(2 * time.Second)
	if testing.Short() {
		until = time.Now().Add(300 * time.Millisecond)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for k := range 6 {
		workers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(k)))
			path := func() string {
				return []string{"", "a/", "b/", "a/c/", "b/a/"}[rnd.IntN(5)] + []string{"x", "y", "z", "c", "a"}[rnd.IntN(5)]
			}
			for time.Now().Before(until) {
				p := path()
				switch rnd.IntN(10) {
				case 0, 1, 2:
					size := rnd.IntN(3000)
					_, err := e.Upload(e.ctx, e.at(p), storage.UploadRequest{Length: int64(size)}, bytes.NewReader(bytes.Repeat([]byte{byte('a' + k)}, size)))
					ok("put", err)
				case 3:
					_, err := e.CreateFolder(e.ctx, e.at(p), storage.Conditions{})
					ok("mkdir", err)
				case 4:
					_, err := e.Move(e.ctx, e.at(p), e.at(path()), rnd.IntN(2) == 0, storage.Conditions{})
					ok("move", err)
				case 5:
					ok("delete", e.Delete(e.ctx, e.at(p), storage.Conditions{}))
				case 6:
					_, err := e.Copy(e.ctx, e.at(p), e.at(path()), rnd.IntN(2) == 0, true, storage.Conditions{})
					ok("copy", err)
				case 7:
					items, err := e.ListTrash(e.ctx, e.root, "", "")
					ok("trash", err)
					if err != nil {
						continue
					}
					for i := range items {
						_, err := e.Restore(e.ctx, e.root, i.Key, "", storage.Ref{}, false, storage.Conditions{})
						ok("restore", err)
						break
					}
				case 8:
					c, err := e.Open(e.ctx, e.at(p))
					ok("open", err)
					if err != nil {
						continue
					}
					b, err := io.ReadAll(c)
					c.Close()
					if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || err == nil && int64(len(b)) != c.Info.Size {
						t.Errorf("read %d of %d bytes: %v", len(b), c.Info.Size, err)
					}
					if len(b) > 0 && err == nil && strings.Trim(string(b), string(b[0])) != "" {
						t.Errorf("a mixture of two bodies in %s", p)
					}
				case 9:
					_, children, err := e.List(e.ctx, e.at(""), storage.View{})
					ok("list", err)
					if err != nil {
						continue
					}
					n := 0
					for i, err := range children {
						if err != nil {
							t.Errorf("list: %v", err)
						}
						if strings.HasPrefix(i.Name, "fixed") {
							n++
						}
					}
					if n != len(fixed) {
						t.Errorf("a listing has %d of %d files", n, len(fixed))
					}
				}
			}
		})
	}
	workers.Go(func() { // another program
		for i := 0; time.Now().Before(until); i++ {
			p := filepath.Join(e.dir, []string{"", "a", "b"}[i%3], fmt.Sprintf("foreign%d", i%5))
			switch i % 4 {
			case 0, 1:
				_ = os.WriteFile(p+".tmp", bytes.Repeat([]byte("f"), i%100), 0o600)
				_ = os.Rename(p+".tmp", p)
			case 2:
				_ = os.Remove(p)
			case 3:
				_ = os.Rename(p, filepath.Join(e.dir, "foreign-moved"))
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	workers.Wait()
	if err := e.Scanner().SweepAll(e.ctx, nil); err != nil {
		t.Fatal(err)
	}
	stop()
	loops.Wait()
	rep := e.check(maintain.Options{Content: true})
	for _, f := range rep.Findings {
		if !f.Kind.Note() {
			t.Errorf("%+v", f)
		}
	}
	t.Logf("%d folders, %d files", rep.Folders, rep.Files)
}

func TestRacingWriters(t *testing.T) {
	everywhere(t, func(t *testing.T, e *env) {
		var wg sync.WaitGroup
		for k := range 16 {
			wg.Go(func() {
				for range 5 {
					body := strings.Repeat(string(rune('a'+k)), 5000)
					if _, err := e.Upload(e.ctx, e.at("same"), storage.UploadRequest{Length: 5000}, strings.NewReader(body)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got := e.get("same")
		if len(got) != 5000 || strings.Trim(got, got[:1]) != "" {
			t.Errorf("a mixture: %.20q…", got)
		}
		vs, err := e.ListVersions(e.ctx, e.stat("same").ID)
		if err != nil || len(vs) != 79 {
			t.Errorf("%d versions, %v", len(vs), err)
		}
	})
}

func TestRacingCreators(t *testing.T) {
	e := open(t)
	var wg sync.WaitGroup
	made := make(chan string, 16)
	for range 16 {
		wg.Go(func() {
			r, err := e.Upload(e.ctx, e.at("new"), storage.UploadRequest{Length: 1, Conditions: storage.Conditions{IfNoneMatch: []string{"*"}}}, strings.NewReader("x"))
			if err == nil {
				made <- r.Info.ID.Node
			} else if !errors.Is(err, storage.ErrPrecondition) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Errorf("%d created it", len(made))
	}
}
