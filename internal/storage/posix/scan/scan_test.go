package scan_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// world is one space on disk and its index.
type world struct {
	testing.TB
	dir   string // of the space
	db    db.DB
	scan  *scan.Scanner
	space *tree.Space
}

func newWorld(t testing.TB, change func(*scan.Config)) *world {
	t.Helper()
	ctx := context.Background()
	root := t.TempDir()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(ctx, tree.Component, tree.Schema()); err != nil {
		t.Fatal(err)
	}
	fsys, err := disk.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	w := &world{TB: t, dir: filepath.Join(root, "users/me"), db: d, space: &tree.Space{ID: "me", Type: space.Personal, Owner: "me", Dir: "users/me"}}
	if err := disk.MkdirAll(fsys, "users/me/.oc-tmp"); err != nil {
		t.Fatal(err)
	}
	if err := fsys.SetXattr("users/me", scan.IDAttr, "me"); err != nil {
		t.Skip("no extended attributes here")
	}
	st, err := fsys.Lstat("users/me")
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(ctx, func(tx db.Tx) error {
		if err := tree.SaveSpace(ctx, tx, w.space); err != nil {
			return err
		}
		return tree.Insert(ctx, tx, &tree.Node{ID: "me", Space: "me", Parent: tree.RootParent, Name: "me", Kind: resource.Folder, Seq: 1, Ino: int64(st.Ino)})
	})
	if err != nil {
		t.Fatal(err)
	}
	c := scan.Config{DB: d, Disk: fsys, Log: slog.New(slog.DiscardHandler), NewID: func() string { return uuid.Must(uuid.NewV7()).String() },
		Busy: func(context.Context, db.Tx) ([]string, error) { return nil, nil }}
	if change != nil {
		change(&c)
	}
	w.scan = scan.New(c)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) write(path, content string) {
	w.Helper()
	p := filepath.Join(w.dir, path)
	w.must(os.MkdirAll(filepath.Dir(p), 0o755))
	w.must(os.WriteFile(p, []byte(content), 0o644))
}

func (w *world) move(from, to string) {
	w.Helper()
	w.must(os.Rename(filepath.Join(w.dir, from), filepath.Join(w.dir, to)))
}

func (w *world) sweep() {
	w.Helper()
	w.must(w.scan.Sweep(w.Context(), w.space, nil))
}

// nodes returns the live tree by path, and checks its invariants.
func (w *world) nodes() map[string]*tree.Node {
	w.Helper()
	out := map[string]*tree.Node{}
	w.must(w.db.Read(w.Context(), func(r db.Reader) error {
		root, err := tree.ByID(w.Context(), r, "me")
		if err != nil {
			return err
		}
		var down func(path string, n *tree.Node) (int64, error)
		down = func(path string, n *tree.Node) (int64, error) {
			out[strings.TrimPrefix(path, "/")] = n
			if !n.IsFolder() {
				return n.Size, nil
			}
			var children []*tree.Node
			if err := tree.Children(w.Context(), r, n.ID, nil, 1<<30, func(c *tree.Node) error { children = append(children, c); return nil }); err != nil {
				return 0, err
			}
			sum := int64(0)
			for _, c := range children {
				if c.Seq > n.Seq {
					w.Errorf("%s/%s changed in %d, its folder in %d", path, c.Name, c.Seq, n.Seq)
				}
				size, err := down(path+"/"+c.Name, c)
				if err != nil {
					return 0, err
				}
				sum += size
			}
			if sum != n.Size {
				w.Errorf("folder %q has size %d, its files %d", path, n.Size, sum)
			}
			return sum, nil
		}
		_, err = down("", root)
		return err
	}))
	return out
}

func (w *world) held() (reason string) {
	w.Helper()
	w.must(w.db.Read(w.Context(), func(r db.Reader) error {
		return tree.Spaces(w.Context(), r, func(sp *tree.Space) error { reason = sp.Held; return nil })
	}))
	return reason
}

func (w *world) paths() string {
	w.Helper()
	var out []string
	for p := range w.nodes() {
		if p != "" {
			out = append(out, p)
		}
	}
	// sorted by the map printer
	m := map[string]bool{}
	for _, p := range out {
		m[p] = true
	}
	s := fmt.Sprint(m)
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(s, "map["), "]"), ":true", "")
}

func TestTakesInWhatIsThere(t *testing.T) {
	w := newWorld(t, nil)
	w.write("a/b/c.txt", "hello")
	w.write("z", "")
	w.write("\xff", "not UTF-8")
	w.must(os.Symlink("/etc", filepath.Join(w.dir, "link")))
	w.sweep()
	if got, want := w.paths(), "a a/b a/b/c.txt z \xff"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := w.nodes()[""]; n.Size != 14 {
		t.Errorf("root has %d bytes", n.Size)
	}
	if p := w.scan.Problems(); len(p) != 1 || p[0].Path != "users/me/link" {
		t.Errorf("problems: %+v", p)
	}
	seq := w.nodes()[""].Seq
	w.sweep()
	if got := w.nodes()[""].Seq; got != seq {
		t.Errorf("a sweep without news changed the ETag: %d, %d", seq, got)
	}
	done, err := w.scan.Hash(t.Context())
	if err != nil || done != 3 {
		t.Errorf("hashed %d, %v", done, err)
	}
	if n := w.nodes()["z"]; fmt.Sprintf("%x %x", n.Sums.MD5(), n.Sums.Adler32()) != "d41d8cd98f00b204e9800998ecf8427e 00000001" {
		t.Errorf("sums of an empty file: %x", n.Sums)
	}
}

func TestChangedContent(t *testing.T) {
	w := newWorld(t, nil)
	w.write("d/f", "one")
	w.sweep()
	before := w.nodes()
	w.write("d/f", "four")
	w.sweep()
	after := w.nodes()
	if before["d/f"].ID != after["d/f"].ID || after["d/f"].Size != 4 || after["d/f"].Seq == before["d/f"].Seq {
		t.Errorf("before %+v, after %+v", before["d/f"], after["d/f"])
	}
	if after[""].Seq == before[""].Seq || after["d"].Seq == before["d"].Seq {
		t.Error("the ETags of the folders did not change")
	}
	// Editors write a new file and rename it over the old one.
	w.write("d/.f.new", "other!")
	w.move("d/.f.new", "d/f")
	w.sweep()
	if n := w.nodes()["d/f"]; n.ID != before["d/f"].ID || n.Size != 6 {
		t.Errorf("replaced: %+v", n)
	}
}

func TestMovesKeepTheID(t *testing.T) {
	for _, tc := range []struct{ from, to string }{
		{"a/f", "a/g"}, {"a/f", "b/f"}, {"b/x", "a/x"}, {"a", "b/a"}, {"b", "a/b"}, {"a", "c"}, {"a/f", "f"}, {"a/deep", "b/deep"}, {"a/f", "new/f"},
	} {
		t.Run(tc.from+" "+tc.to, func(t *testing.T) {
			w := newWorld(t, nil)
			w.write("a/f", "ff")
			w.write("a/deep/down/g", "ggg")
			w.write("b/x", "x")
			w.sweep()
			before := w.nodes()
			w.must(os.MkdirAll(filepath.Dir(filepath.Join(w.dir, tc.to)), 0o755))
			w.move(tc.from, tc.to)
			w.sweep()
			after := w.nodes()
			for p, n := range before {
				q := p
				if p == tc.from || strings.HasPrefix(p, tc.from+"/") {
					q = tc.to + strings.TrimPrefix(p, tc.from)
				}
				if after[q] == nil || after[q].ID != n.ID {
					t.Errorf("%s → %s: was %s, is %v", p, q, n.ID, after[q])
				}
			}
		})
	}
}

func TestEverythingIntoANewFolderIsNoLoss(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 60 {
		w.write(fmt.Sprintf("f%d", i), "x")
	}
	w.sweep()
	id := w.nodes()["f7"].ID
	w.must(os.Mkdir(filepath.Join(w.dir, "sub"), 0o755))
	for i := range 60 {
		w.move(fmt.Sprintf("f%d", i), fmt.Sprintf("sub/f%d", i))
	}
	w.sweep()
	if n := w.nodes()["sub/f7"]; n == nil || n.ID != id {
		t.Errorf("moved: %+v", n)
	}
	if n := len(w.nodes()); n != 62 {
		t.Errorf("%d nodes", n)
	}
}

func TestCopiesAreNew(t *testing.T) {
	w := newWorld(t, nil)
	w.write("a", "x")
	w.sweep()
	id := w.nodes()["a"].ID
	w.write("b", "x")
	fsys, err := disk.Open(w.dir)
	w.must(err)
	defer fsys.Close()
	w.must(fsys.SetXattr("b", scan.IDAttr, id)) // as cp -a does
	w.sweep()
	n := w.nodes()
	if n["a"].ID != id || n["b"] == nil || n["b"].ID == id {
		t.Errorf("a %+v, b %+v", n["a"], n["b"])
	}
	if v, err := fsys.GetXattr("b", scan.IDAttr); err != nil || v != n["b"].ID {
		t.Errorf("attribute of the copy: %s, %v", v, err)
	}
}

func TestSwap(t *testing.T) {
	w := newWorld(t, nil)
	w.write("a", "aa")
	w.write("b", "bbb")
	w.sweep()
	before := w.nodes()
	w.move("a", "t")
	w.move("b", "a")
	w.move("t", "b")
	w.sweep()
	after := w.nodes()
	if after["a"].ID != before["b"].ID || after["b"].ID != before["a"].ID || len(after) != 3 {
		t.Errorf("before %v %v, after %v %v", before["a"], before["b"], after["a"], after["b"])
	}
}

// intruder is a disk on which something happens just before an attribute is written.
type intruder struct {
	disk.FS
	before func(path string)
}

func (i *intruder) SetXattr(path, name, value string) error {
	i.before(path)
	return i.FS.SetXattr(path, name, value)
}

func TestLabelsGoByTheIndex(t *testing.T) {
	// A known file comes to lie where a new one was taken in, and is taken in itself, before the new one has its label.
	var during func()
	w := newWorld(t, func(c *scan.Config) {
		c.Disk = &intruder{c.Disk, func(path string) {
			if f := during; f != nil && strings.HasSuffix(path, "/new") {
				during = nil
				f()
			}
		}}
	})
	w.write("known", "kk")
	w.sweep()
	id := w.nodes()["known"].ID
	root, err := func() (c tree.Chain, err error) {
		err = w.db.Read(t.Context(), func(r db.Reader) error {
			n, err := tree.ByID(t.Context(), r, "me")
			c = tree.Chain{n}
			return err
		})
		return c, err
	}()
	w.must(err)
	w.write("new", "n")
	second := make(chan error, 1)
	during = func() {
		w.move("known", "new")
		go func() {
			_, err := w.scan.Name(context.Background(), w.space, root, "new")
			second <- err
		}()
		for range 1000 { // until the index has it; its label has to wait for the first one's
			if n := w.nodes()["new"]; n != nil && n.ID == id {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Error("the index has it not")
	}
	_, err = w.scan.Name(t.Context(), w.space, root, "new")
	w.must(err)
	w.must(<-second)
	fsys, err := disk.Open(w.dir)
	w.must(err)
	defer fsys.Close()
	if got, err := fsys.GetXattr("new", scan.IDAttr); err != nil || got != id || w.nodes()["new"].ID != id {
		t.Errorf("attribute %q, index %q, should be %q, %v", got, w.nodes()["new"].ID, id, err)
	}
}

func TestVanishedAndBack(t *testing.T) {
	w := newWorld(t, nil)
	w.write("d/f", "xy")
	w.write("keep", "k")
	w.sweep()
	id := w.nodes()["d/f"].ID
	outside := t.TempDir()
	w.must(os.Rename(filepath.Join(w.dir, "d"), filepath.Join(outside, "d")))
	w.sweep()
	if got := w.paths(); got != "keep" {
		t.Errorf("after it vanished: %s", got)
	}
	w.must(os.Rename(filepath.Join(outside, "d"), filepath.Join(w.dir, "back")))
	w.sweep()
	if n := w.nodes()["back/f"]; n == nil || n.ID != id {
		t.Errorf("revived: %+v", n)
	}
	w.must(os.RemoveAll(filepath.Join(w.dir, "back")))
	w.sweep()
	w.must(w.scan.ExpireLimbo(t.Context(), time.Now().Add(2*time.Hour)))
	if got := w.paths(); got != "keep" {
		t.Errorf("in the end: %s", got)
	}
}

func TestHoldAgainstMassDeletion(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 50 {
		w.write(fmt.Sprintf("d%d/f", i%10)+fmt.Sprint(i), "x")
	}
	w.sweep()
	outside := t.TempDir()
	for i := range 8 {
		w.must(os.Rename(fmt.Sprintf("%s/d%d", w.dir, i), fmt.Sprintf("%s/d%d", outside, i)))
	}
	var held *scan.HeldError
	if err := w.scan.Sweep(t.Context(), w.space, nil); !errors.As(err, &held) || !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("sweep: %v", err)
	}
	if n := len(w.nodes()); n != 61 {
		t.Errorf("%d nodes are left", n)
	}
	t.Run("the files come back", func(t *testing.T) {
		for i := range 8 {
			w.must(os.Rename(fmt.Sprintf("%s/d%d", outside, i), fmt.Sprintf("%s/d%d", w.dir, i)))
		}
		w.sweep()
		if w.held() != "" || len(w.nodes()) != 61 {
			t.Errorf("held %q, %d nodes", w.held(), len(w.nodes()))
		}
	})
	t.Run("confirmed", func(t *testing.T) {
		for i := range 8 {
			w.must(os.RemoveAll(fmt.Sprintf("%s/d%d", w.dir, i)))
		}
		if err := w.scan.Sweep(t.Context(), w.space, nil); err == nil {
			t.Fatal("not held")
		}
		w.must(w.scan.Confirm(t.Context(), "me"))
		w.must(w.scan.SweepAll(t.Context(), nil))
		if n := len(w.nodes()); n != 13 {
			t.Errorf("%d nodes are left", n)
		}
	})
}

func TestUnmountedSpaceIsHeld(t *testing.T) {
	w := newWorld(t, nil)
	w.write("f", "x")
	w.sweep()
	aside := w.dir + ".aside"
	w.must(os.Rename(w.dir, aside))
	if err := w.scan.Sweep(t.Context(), w.space, nil); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("without a folder: %v", err)
	}
	w.must(os.Mkdir(w.dir, 0o755))
	if err := w.scan.Sweep(t.Context(), w.space, nil); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("with an empty folder: %v", err)
	}
	w.must(os.Remove(w.dir))
	w.must(os.Rename(aside, w.dir))
	w.sweep()
	if w.held() != "" || w.paths() != "f" {
		t.Errorf("held %q, %s", w.held(), w.paths())
	}
}

func TestBusyNamesAreLeftAlone(t *testing.T) {
	busy := true
	w := newWorld(t, func(c *scan.Config) {
		c.Busy = func(context.Context, db.Tx) ([]string, error) {
			if busy {
				return []string{"users/me/d/f"}, nil
			}
			return nil, nil
		}
	})
	w.write("d/f", "x")
	w.write("g", "y")
	w.sweep()
	if got := w.paths(); got != "g" {
		t.Errorf("while busy: %s", got)
	}
	busy = false
	w.sweep()
	if got := w.paths(); got != "d d/f g" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestWatch(t *testing.T) {
	w := newWorld(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.scan.Watch(ctx, filepath.Dir(filepath.Dir(w.dir)), 20*time.Millisecond) }()
	time.Sleep(100 * time.Millisecond)
	w.write("a/b/c", "x")
	want := func(paths string) {
		t.Helper()
		for range 200 {
			if w.paths() == paths {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Errorf("got %s, want %s", w.paths(), paths)
	}
	want("a a/b a/b/c")
	w.move("a/b/c", "a/d")
	want("a a/b a/d")
	w.must(os.RemoveAll(filepath.Join(w.dir, "a/b")))
	want("a a/d")
	stop()
	w.must(<-done)
}

func BenchmarkTakeIn(b *testing.B) {
	w := newWorld(b, nil)
	const perFolder = 1000
	for i := range b.N {
		d := filepath.Join(w.dir, fmt.Sprintf("d%d", i/perFolder))
		if i%perFolder == 0 {
			w.must(os.Mkdir(d, 0o755))
		}
		w.must(os.WriteFile(filepath.Join(d, fmt.Sprintf("file %d.txt", i)), []byte("x"), 0o644))
	}
	b.ResetTimer()
	w.must(w.scan.Sweep(context.Background(), w.space, nil))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
