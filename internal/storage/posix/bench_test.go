package posix_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix"
)

// bench opens a storage with one personal space. What it costs is reported as CPU per operation: user and system time of
// the whole process, background work included.
func bench(b testing.TB) (*posix.FS, context.Context, resource.ID) {
	b.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "index.db"), db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	fs, err := posix.New(ctx, posix.Config{Root: b.TempDir(), StorageID: "st", DB: d})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { fs.Close() })
	ctx = identity.WithActor(ctx, identity.Actor{Kind: identity.Person, User: identity.User{ID: "me", Username: "me"}})
	sp, err := fs.CreateSpace(ctx, storage.SpaceRequest{Type: space.Personal, ID: "me", Name: "Me", Owner: "me"})
	if err != nil {
		b.Fatal(err)
	}
	return fs, ctx, sp.ID
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs a benchmark's loop and reports its CPU time.
func measure(b *testing.B, each func(i int)) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	for i := range b.N {
		each(i)
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N)/1000, "cpu-µs/op")
}

func put(b testing.TB, fs *posix.FS, ctx context.Context, ref storage.Ref, content []byte) {
	b.Helper()
	if _, err := fs.Upload(ctx, ref, storage.UploadRequest{Length: int64(len(content))}, bytes.NewReader(content)); err != nil {
		b.Fatal(err)
	}
}

func folder(b testing.TB, fs *posix.FS, ctx context.Context, ref storage.Ref, files int) {
	b.Helper()
	if _, err := fs.CreateFolder(ctx, ref, storage.Conditions{}); err != nil {
		b.Fatal(err)
	}
	for i := range files {
		put(b, fs, ctx, storage.At(ref.ID, fmt.Sprintf("%s/file %05d.txt", ref.Path, i)), []byte("content"))
	}
}

func BenchmarkPutSmall(b *testing.B) {
	fs, ctx, root := bench(b)
	content := bytes.Repeat([]byte("x"), 4096)
	measure(b, func(i int) { put(b, fs, ctx, storage.At(root, fmt.Sprintf("f%d", i)), content) })
}

func BenchmarkPutSmallParallel(b *testing.B) {
	fs, ctx, root := bench(b)
	content := bytes.Repeat([]byte("x"), 4096)
	var n atomic.Int64
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			put(b, fs, ctx, storage.At(root, fmt.Sprintf("f%d", n.Add(1))), content)
		}
	})
	b.ReportMetric(float64(cpu()-start)/float64(b.N)/1000, "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

func BenchmarkOverwrite(b *testing.B) {
	fs, ctx, root := bench(b)
	content := bytes.Repeat([]byte("x"), 4096)
	measure(b, func(i int) { put(b, fs, ctx, storage.At(root, "same"), content) })
}

func BenchmarkStat(b *testing.B) {
	fs, ctx, root := bench(b)
	folder(b, fs, ctx, storage.At(root, "a"), 1)
	measure(b, func(int) {
		if _, err := fs.Stat(ctx, storage.At(root, "a/file 00000.txt"), storage.View{}); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkMember is Stat, List and Open by a member of a project with many members, beside a manager of a personal space (whose
// rights need no look at grants).
func BenchmarkMember(b *testing.B) {
	fs, owner, home := bench(b)
	folder(b, fs, owner, storage.At(home, "a"), 100)
	sp, err := fs.CreateSpace(owner, storage.SpaceRequest{Type: space.Project, Name: "P"})
	if err != nil {
		b.Fatal(err)
	}
	folder(b, fs, owner, storage.At(sp.ID, "a"), 100)
	for i := range 20 {
		g := space.Grant{Kind: space.UserGrantee, Grantee: fmt.Sprintf("member%d", i), Permissions: permission.SpaceEditor}
		if err := fs.SetGrant(owner, storage.At(sp.ID, ""), g); err != nil {
			b.Fatal(err)
		}
	}
	member := identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "member7"}})
	for _, who := range []struct {
		name string
		ctx  context.Context
		root resource.ID
	}{{"owner", owner, home}, {"member", member, sp.ID}} {
		b.Run(who.name+"/stat", func(b *testing.B) {
			measure(b, func(int) {
				if _, err := fs.Stat(who.ctx, storage.At(who.root, "a/file 00000.txt"), storage.View{}); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(who.name+"/list", func(b *testing.B) {
			measure(b, func(int) {
				_, children, err := fs.List(who.ctx, storage.At(who.root, "a"), storage.View{})
				if err != nil {
					b.Fatal(err)
				}
				for _, err := range children {
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		b.Run(who.name+"/get", func(b *testing.B) {
			measure(b, func(int) {
				c, err := fs.Open(who.ctx, storage.At(who.root, "a/file 00000.txt"))
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			})
		})
	}
}

func BenchmarkGetSmall(b *testing.B) {
	fs, ctx, root := bench(b)
	folder(b, fs, ctx, storage.At(root, "a"), 1)
	measure(b, func(int) {
		c, err := fs.Open(ctx, storage.At(root, "a/file 00000.txt"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil {
			b.Fatal(err)
		}
		c.Close()
	})
}

func BenchmarkList(b *testing.B) {
	fs, ctx, root := bench(b)
	for _, n := range []int{100, 1000, 5000} {
		name := fmt.Sprintf("d%d", n)
		folder(b, fs, ctx, storage.At(root, name), n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			measure(b, func(int) {
				_, children, err := fs.List(ctx, storage.At(root, name), storage.View{})
				if err != nil {
					b.Fatal(err)
				}
				k := 0
				for _, err := range children {
					if err != nil {
						b.Fatal(err)
					}
					k++
				}
				if k != n {
					b.Fatalf("%d of %d", k, n)
				}
			})
		})
	}
}

func BenchmarkFolderOf1000(b *testing.B) {
	fs, ctx, root := bench(b)
	folder(b, fs, ctx, storage.At(root, "a"), 1000)
	if _, err := fs.CreateFolder(ctx, storage.At(root, "b"), storage.Conditions{}); err != nil {
		b.Fatal(err)
	}
	b.Run("move", func(b *testing.B) {
		at := []string{"a", "b/a"}
		measure(b, func(i int) {
			if _, err := fs.Move(ctx, storage.At(root, at[0]), storage.At(root, at[1]), false, storage.Conditions{}); err != nil {
				b.Fatal(err)
			}
			at[0], at[1] = at[1], at[0]
		})
		if at[0] != "a" {
			if _, err := fs.Move(ctx, storage.At(root, at[0]), storage.At(root, "a"), false, storage.Conditions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("delete+restore", func(b *testing.B) {
		info, err := fs.Stat(ctx, storage.At(root, "a"), storage.View{})
		if err != nil {
			b.Fatal(err)
		}
		measure(b, func(int) {
			if err := fs.Delete(ctx, storage.At(root, "a"), storage.Conditions{}); err != nil {
				b.Fatal(err)
			}
			if _, err := fs.Restore(ctx, root, info.ID.Node, "", storage.Ref{}, false, storage.Conditions{}); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func BenchmarkMkcolChain(b *testing.B) {
	fs, ctx, root := bench(b)
	path := ""
	measure(b, func(i int) {
		if i%10 == 0 {
			path = fmt.Sprintf("chain%d", i)
		} else {
			path += "/d"
		}
		if _, err := fs.CreateFolder(ctx, storage.At(root, path), storage.Conditions{}); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkPutLarge(b *testing.B) {
	fs, ctx, root := bench(b)
	const size = 64 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	b.SetBytes(size)
	start := cpu()
	b.ResetTimer()
	for i := range b.N {
		put(b, fs, ctx, storage.At(root, fmt.Sprintf("large%d", i)), content)
	}
	b.ReportMetric(float64(cpu()-start)/float64(b.N)/1e6/(size>>20), "cpu-ms/MiB")
}

func BenchmarkChanges(b *testing.B) {
	fs, ctx, root := bench(b)
	for i := range 2000 {
		if _, err := fs.CreateFolder(ctx, storage.At(root, fmt.Sprintf("d%d", i)), storage.Conditions{}); err != nil {
			b.Fatal(err)
		}
	}
	_, token, more, err := fs.Changes(ctx, storage.At(root, ""), "", 0)
	for more && err == nil {
		_, token, more, err = fs.Changes(ctx, storage.At(root, ""), token, 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	measure(b, func(i int) {
		put(b, fs, ctx, storage.At(root, fmt.Sprintf("d%d/f", i%2000)), []byte("x"))
		changes, next, _, err := fs.Changes(ctx, storage.At(root, ""), token, 0)
		if err != nil || len(changes) == 0 {
			b.Fatal(len(changes), err)
		}
		token = next
	})
}
