package posix_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/posix/disk"
	"opencloud/internal/storage/posix/maintain"
)

// faults decides which call of the disk fails.
type faults struct {
	mu    sync.Mutex
	calls int
	at    int // number of the call that fails; 0: none
	err   error
	crash bool // and everything after it, the database too
	dead  bool
	torn  bool // half of the bytes of a failing write arrive
	what  string
}

var errCrashed = errors.New("the process has died")

func (f *faults) call(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errCrashed
	}
	f.calls++
	if f.calls != f.at {
		return nil
	}
	f.what = what
	f.dead = f.crash
	return f.err
}

// brittle is a disk that fails when its faults say so.
type brittle struct {
	disk.FS
	f *faults
}

func (b brittle) Lstat(p string) (disk.Stat, error) {
	if err := b.f.call("lstat"); err != nil {
		return disk.Stat{}, err
	}
	return b.FS.Lstat(p)
}
func (b brittle) open(what string, open func(string) (disk.File, error), p string) (disk.File, error) {
	if err := b.f.call(what); err != nil {
		return nil, err
	}
	f, err := open(p)
	if err != nil {
		return nil, err
	}
	return brittleFile{f, b.f}, nil
}
func (b brittle) Open(p string) (disk.File, error)   { return b.open("open", b.FS.Open, p) }
func (b brittle) Create(p string) (disk.File, error) { return b.open("create", b.FS.Create, p) }
func (b brittle) OpenWrite(p string) (disk.File, error) {
	return b.open("openwrite", b.FS.OpenWrite, p)
}
func (b brittle) do(what string, f func() error) error {
	if err := b.f.call(what); err != nil {
		return err
	}
	return f()
}
func (b brittle) Mkdir(p string) error { return b.do("mkdir", func() error { return b.FS.Mkdir(p) }) }
func (b brittle) Rename(x, y string, n bool) error {
	return b.do("rename", func() error { return b.FS.Rename(x, y, n) })
}
func (b brittle) Link(x, y string) error {
	return b.do("link", func() error { return b.FS.Link(x, y) })
}
func (b brittle) Remove(p string) error {
	return b.do("remove", func() error { return b.FS.Remove(p) })
}
func (b brittle) ReadDir(p string, each func(disk.Entry) error) (disk.Stat, error) {
	if err := b.f.call("readdir"); err != nil {
		return disk.Stat{}, err
	}
	return b.FS.ReadDir(p, each)
}
func (b brittle) SetXattr(p, n, v string) error {
	return b.do("setxattr", func() error { return b.FS.SetXattr(p, n, v) })
}
func (b brittle) GetXattr(p, n string) (string, error) {
	if err := b.f.call("getxattr"); err != nil {
		return "", err
	}
	return b.FS.GetXattr(p, n)
}
func (b brittle) SetMTime(p string, t int64) error {
	return b.do("utimes", func() error { return b.FS.SetMTime(p, t) })
}
func (b brittle) Sync() error { return b.do("syncfs", b.FS.Sync) }

type brittleFile struct {
	disk.File
	f *faults
}

func (b brittleFile) Write(p []byte) (int, error) {
	if err := b.f.call("write"); err != nil {
		n := 0
		if b.f.torn {
			n, _ = b.File.Write(p[:len(p)/2])
		}
		return n, err
	}
	return b.File.Write(p)
}
func (b brittleFile) Read(p []byte) (int, error) {
	if err := b.f.call("read"); err != nil {
		return 0, err
	}
	return b.File.Read(p)
}
func (b brittleFile) ReadAt(p []byte, o int64) (int, error) {
	if err := b.f.call("pread"); err != nil {
		return 0, err
	}
	return b.File.ReadAt(p, o)
}
func (b brittleFile) do(what string, f func() error) error {
	if err := b.f.call(what); err != nil {
		return err
	}
	return f()
}
func (b brittleFile) Sync() error { return b.do("fsync", b.File.Sync) }
func (b brittleFile) SetXattr(n, v string) error {
	return b.do("fsetxattr", func() error { return b.File.SetXattr(n, v) })
}
func (b brittleFile) SetMTime(t int64) error {
	return b.do("futimes", func() error { return b.File.SetMTime(t) })
}
func (b brittleFile) Stat() (disk.Stat, error) {
	if err := b.f.call("fstat"); err != nil {
		return disk.Stat{}, err
	}
	return b.File.Stat()
}
func (b brittleFile) Truncate(n int64) error {
	return b.do("truncate", func() error { return b.File.Truncate(n) })
}
func (b brittleFile) CopyFrom(src disk.File) (int64, error) {
	if err := b.f.call("copy"); err != nil {
		return 0, err
	}
	return b.File.CopyFrom(src.(brittleFile).File)
}

// mortalDB commits nothing once the process is dead.
type mortalDB struct {
	db.DB
	f *faults
}

func (m mortalDB) Write(ctx context.Context, f func(db.Tx) error) error {
	return m.DB.Write(ctx, func(tx db.Tx) error {
		m.f.mu.Lock()
		dead := m.f.dead
		m.f.mu.Unlock()
		if dead {
			return errCrashed
		}
		return f(tx)
	})
}
func (m mortalDB) Close() error { return nil }

// script is a workload: each step returns what is there after it, given what was there before.
type step struct {
	name string
	do   func(e *env) error
	then func(have map[string]string)
}

func putStep(p, content string) step {
	return step{"put " + p, func(e *env) error {
		_, err := e.Upload(e.ctx, e.at(p), storage.UploadRequest{Length: int64(len(content))}, strings.NewReader(content))
		return err
	}, func(have map[string]string) { have[p] = content }}
}

func rename(have map[string]string, from, to string) {
	for p, c := range maps.Clone(have) {
		if p == from || strings.HasPrefix(p, from+"/") {
			delete(have, p)
			have[to+strings.TrimPrefix(p, from)] = c
		}
	}
}

func script() []step {
	id := map[string]resource.ID{}
	mkdir := func(p string) step {
		return step{"mkdir " + p, func(e *env) error { _, err := e.CreateFolder(e.ctx, e.at(p), storage.Conditions{}); return err },
			func(have map[string]string) { have[p] = "/" }}
	}
	move := func(a, b string) step {
		return step{"move " + a, func(e *env) error { _, err := e.Move(e.ctx, e.at(a), e.at(b), true, storage.Conditions{}); return err },
			func(have map[string]string) {
				for p := range maps.Clone(have) {
					if p == b || strings.HasPrefix(p, b+"/") {
						delete(have, p)
					}
				}
				rename(have, a, b)
			}}
	}
	var trashed map[string]string
	return []step{
		mkdir("a"), putStep("a/f", "one"), putStep("a/g", strings.Repeat("long ", 20_000)), mkdir("a/b"), putStep("a/b/deep", ""),
		putStep("a/f", "two, and longer"), putStep("top", "t"), move("a/b", "c"), move("top", "a/g"), putStep("c/deep", "now full"),
		{"restore version", func(e *env) error {
			i, err := e.Stat(e.ctx, e.at("a/f"), storage.View{})
			if err != nil {
				return err
			}
			vs, err := e.ListVersions(e.ctx, i.ID)
			if err != nil || len(vs) == 0 {
				return errors.Join(err, fmt.Errorf("%d versions", len(vs)))
			}
			_, err = e.RestoreVersion(e.ctx, i.ID, vs[len(vs)-1].Key, storage.Conditions{})
			return err
		}, func(have map[string]string) { have["a/f"] = "one" }},
		{"copy", func(e *env) error {
			_, err := e.Copy(e.ctx, e.at("a/f"), e.at("c/copy"), false, true, storage.Conditions{})
			return err
		},
			func(have map[string]string) { have["c/copy"] = "one" }},
		{"delete", func(e *env) error {
			i, err := e.Stat(e.ctx, e.at("c"), storage.View{})
			if err != nil {
				return err
			}
			id["c"] = i.ID
			return e.Delete(e.ctx, e.at("c"), storage.Conditions{})
		}, func(have map[string]string) {
			trashed = map[string]string{}
			for p, c := range maps.Clone(have) {
				if p == "c" || strings.HasPrefix(p, "c/") {
					trashed[p] = c
					delete(have, p)
				}
			}
		}},
		{"restore", func(e *env) error {
			_, err := e.Restore(e.ctx, e.root, id["c"].Node, "", storage.Ref{}, false, storage.Conditions{})
			return err
		}, func(have map[string]string) { maps.Copy(have, trashed) }},
		{"session", func(e *env) error {
			s, err := e.CreateUpload(e.ctx, e.at("a/s"), storage.UploadRequest{Length: 6})
			if err != nil {
				return err
			}
			if _, err = e.WriteUpload(e.ctx, s.ID, 0, nil, strings.NewReader("abc")); err != nil {
				return err
			}
			_, err = e.WriteUpload(e.ctx, s.ID, 3, nil, strings.NewReader("def"))
			return err
		}, func(have map[string]string) { have["a/s"] = "abcdef" }},
		{"mtime", func(e *env) error {
			return e.SetMTime(e.ctx, e.at("a/s"), time.Unix(1_000_000_000, 5), storage.Conditions{})
		}, func(map[string]string) {}},
		{"delete file", func(e *env) error { return e.Delete(e.ctx, e.at("a/s"), storage.Conditions{}) }, func(have map[string]string) { delete(have, "a/s") }},
		{"purge", func(e *env) error { return e.Purge(e.ctx, e.root, "", "") }, func(map[string]string) {}},
		putStep("a/last", "last"),
	}
}

// contents reads the whole tree.
func contents(e *env, dir string, out map[string]string) error {
	_, children, err := e.List(e.ctx, e.at(dir), storage.View{})
	if err != nil {
		return err
	}
	for i, err := range children {
		if err != nil {
			return err
		}
		p := strings.TrimPrefix(dir+"/"+i.Name, "/")
		if i.IsFolder() {
			out[p] = "/"
			if err := contents(e, p, out); err != nil {
				return err
			}
			continue
		}
		c, err := e.Open(e.ctx, storage.At(i.ID, ""))
		if err != nil {
			return err
		}
		b, err := io.ReadAll(c)
		c.Close()
		if err != nil {
			return err
		}
		out[p] = string(b)
	}
	return nil
}

func show(m map[string]string) string {
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%.10q ", p, m[p])
	}
	return b.String()
}

// brittleEnv opens a storage whose disk has faults.
func brittleEnv(t *testing.T, base string, f *faults) (*env, func()) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(base, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(base, "files")
	if err := syscall.Mkdir(root, 0o755); err != nil && !errors.Is(err, syscall.EEXIST) {
		t.Fatal(err)
	}
	real, err := disk.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := posix.New(ctx, posix.Config{Root: root, StorageID: storageID, DB: mortalDB{d, f}, Disk: brittle{real, f}})
	if err != nil {
		t.Fatal(err)
	}
	a := identity.Actor{Kind: identity.Person, User: identity.User{ID: "u1", Username: "mary"}}
	e := &env{TB: t, FS: fs, ctx: identity.WithActor(ctx, a), db: d, dir: filepath.Join(root, "users/u1"), root: resource.SpaceRoot(storageID, "u1")}
	_, err = fs.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Personal, Name: "Mary"})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		t.Fatal(err)
	}
	return e, func() { fs.Close(); d.Close() }
}

// play runs the script with one fault, and checks that nothing acknowledged is lost and nothing half done is seen.
func play(t *testing.T, f *faults) (failed bool) {
	t.Helper()
	base, err := os.MkdirTemp("/dev/shm", "posix") // in memory if there is any: this is not about fsync
	if err != nil {
		base = t.TempDir()
	} else {
		defer os.RemoveAll(base)
	}
	e, stop := brittleEnv(t, base, &faults{})
	stop()
	at := f.at
	f.at = 0
	e, stop = brittleEnv(t, base, f)
	f.calls, f.at = 0, at
	have := map[string]string{}
	maybe := have // as well, if the last step failed
	for _, s := range script() {
		err := s.do(e)
		next := maps.Clone(have)
		s.then(next)
		if err == nil {
			have, maybe = next, next
			continue
		}
		failed = true
		if f.crash {
			maybe = next
			break
		}
		// After an error the step may or may not have been done; looking tells, and then it can be repeated.
		now := map[string]string{}
		if err := contents(e, "", now); err != nil {
			t.Errorf("%s failed (%s), then looking: %v", s.name, f.what, err)
			break
		}
		switch {
		case maps.Equal(now, have):
			if err := s.do(e); err != nil {
				t.Errorf("%s cannot be repeated after %s failed: %v", s.name, f.what, err)
			}
		case s.name == "move top" && now["top"] == "t" && now["a/g"] == "":
			// What was in the way is in the trash already, the rest of the move failed: nothing is lost.
			if err := s.do(e); err != nil {
				t.Errorf("%s cannot be repeated after %s failed: %v", s.name, f.what, err)
			}
		case !maps.Equal(now, next):
			t.Errorf("%s failed with %v (%s)\nhave %s\nwant %s\n  or %s", s.name, err, f.what, show(now), show(have), show(next))
			stop()
			return failed
		}
		have, maybe = next, next
	}
	stop()
	e, stop = brittleEnv(t, base, &faults{})
	defer stop()
	now := map[string]string{}
	if err := contents(e, "", now); err != nil {
		t.Fatalf("after a restart (%s): %v", f.what, err)
	}
	if !maps.Equal(now, have) && !maps.Equal(now, maybe) {
		t.Errorf("after a restart (%s)\nhave %s\nwant %s\n  or %s", f.what, show(now), show(have), show(maybe))
	}
	rep, err := e.Maintainer().Check(e.ctx, maintain.Options{Content: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range rep.Findings {
		if !x.Kind.Note() && x.Kind != maintain.LooseVersion && x.Kind != maintain.LooseTrash {
			t.Errorf("call %d (%s): %+v", f.at, f.what, x)
		}
	}
	return failed
}

func TestEveryCallFailsOnce(t *testing.T) {
	for name, make := range map[string]func(at int) *faults{
		"EIO":    func(at int) *faults { return &faults{at: at, err: syscall.EIO} },
		"ENOSPC": func(at int) *faults { return &faults{at: at, err: syscall.ENOSPC, torn: true} },
		"crash":  func(at int) *faults { return &faults{at: at, err: errCrashed, crash: true, torn: true} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count := make(0)
			play(t, count)
			failures := 0
			step := 1
			if testing.Short() {
				step = 7
			}
			for at := 1; at <= count.calls && !t.Failed(); at += step {
				if play(t, make(at)) {
					failures++
				}
			}
			if failures == 0 {
				t.Error("no fault reached anybody")
			}
			t.Logf("%d calls, %d faults were reported to the caller", count.calls, failures)
		})
	}
}
