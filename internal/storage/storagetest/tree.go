package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

func files(e *env) {
	r, err := e.upload(e.alice, e.at("a.txt"), "hello", none)
	e.must(err)
	if !r.Created || r.Info.Name != "a.txt" || r.Info.Size != 5 || r.Info.Kind != resource.File || r.Info.ETag == "" || strings.Contains(r.Info.ETag, `"`) {
		e.Errorf("result %+v", r)
	}
	i := e.stat("a.txt")
	e.equal(i.ID, r.Info.ID)
	e.equal(i.ETag, r.Info.ETag)
	e.equal(i.MIME, "text/plain")
	e.equal(i.Path, "a.txt")
	e.equal(i.Parent, e.home)
	e.equal(fmt.Sprintf("%x %x %x", i.Checksums.SHA1, i.Checksums.MD5, i.Checksums.Adler32),
		"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d 5d41402abc4b2a76b9719d911017c592 062c0215")
	e.content("a.txt", "hello")
	byID, err := e.read(e.alice, storage.At(i.ID, ""))
	e.must(err)
	e.equal(byID, "hello")
	again, err := e.upload(e.alice, e.at("a.txt"), "other content", none)
	e.must(err)
	if again.Created || again.Info.ID != i.ID || again.Info.ETag == i.ETag {
		e.Errorf("overwritten: %+v", again)
	}
	e.content("a.txt", "other content")
	e.put("empty", "")
	e.equal(fmt.Sprintf("%x", e.stat("empty").Checksums.MD5), "d41d8cd98f00b204e9800998ecf8427e")
	e.content("empty", "")
	_, err = e.upload(e.alice, e.at("no/such/folder/x"), "x", none)
	e.fails(err, storage.ErrParentMissing)
	_, err = e.upload(e.alice, e.at("a.txt/below"), "x", none)
	e.fails(err, storage.ErrParentMissing)
	e.mkdir("d")
	_, err = e.upload(e.alice, e.at("d"), "x", none)
	e.fails(err, storage.ErrConflict)
	_, err = e.fs.CreateFolder(e.alice, e.at("d"), none)
	e.fails(err, storage.ErrExists)
	_, err = e.fs.CreateFolder(e.alice, e.at("x/y"), none)
	e.fails(err, storage.ErrParentMissing)
	_, err = e.read(e.alice, e.at("d"))
	e.fails(err, storage.ErrConflict)
	_, err = e.read(e.alice, e.at("missing"))
	e.fails(err, storage.ErrNotFound)
	e.fails(e.fs.Delete(e.alice, e.at("missing"), none), storage.ErrNotFound)
	e.fails(e.fs.Delete(e.alice, e.at(""), none), storage.ErrForbidden)

	// What is open stays readable, as it was, when it is replaced.
	c, err := e.fs.Open(e.alice, e.at("a.txt"))
	e.must(err)
	defer c.Close()
	e.put("a.txt", "third")
	e.must(e.fs.Delete(e.alice, e.at("a.txt"), none))
	b, err := io.ReadAll(c)
	e.must(err)
	e.equal(string(b), "other content")
}

func names(e *env) {
	good := []string{" leading", "trailing ", "%25", "#", "?", "+", "&", "'", `"`, ";", "ä", "a\u0308", "日本", "👍", "UPPER", "upper", strings.Repeat("n", 255), ".hidden", "a.b.c", "-", "~"}
	for _, n := range good {
		e.put(n, n)
	}
	got, err := e.list(e.alice, e.at(""))
	e.must(err)
	if len(got) != len(good) {
		e.Errorf("%d of %d names: %q", len(got), len(good), got)
	}
	for _, n := range good {
		e.content(n, n)
	}
	for _, n := range []string{"a\\b", "a\nb", "a\rb", "a\fb", "   ", strings.Repeat("n", 256), "\xff"} {
		_, err := e.upload(e.alice, e.at(n), "x", none)
		e.fails(err, storage.ErrInvalid)
		_, err = e.fs.CreateFolder(e.alice, e.at(n), none)
		e.fails(err, storage.ErrInvalid)
	}
	for _, n := range []string{"..", "../x", "a/../b", ".", "a\x00b"} {
		if _, err := e.upload(e.alice, e.at(n), "x", none); err == nil {
			e.Errorf("name %q was taken", n)
		}
	}
}

func conditions(e *env) {
	if _, err := e.upload(e.alice, e.at("f"), "1", storage.Conditions{IfMatch: []string{"*"}}); !errors.Is(err, storage.ErrPrecondition) {
		e.Errorf("If-Match * without a file: %v", err)
	}
	i := e.put("f", "1")
	for _, c := range []storage.Conditions{{IfNoneMatch: []string{"*"}}, {IfNoneMatch: []string{i.ETag}}, {IfMatch: []string{"other"}}, {IfUnmodifiedSince: i.MTime.Add(-5e9)}} {
		_, err := e.upload(e.alice, e.at("f"), "2", c)
		e.fails(err, storage.ErrPrecondition)
		e.fails(e.fs.Delete(e.alice, e.at("f"), c), storage.ErrPrecondition)
		_, err = e.fs.Move(e.alice, e.at("f"), e.at("g"), false, c)
		e.fails(err, storage.ErrPrecondition)
	}
	e.content("f", "1")
	vs, err := e.fs.ListVersions(e.alice, i.ID)
	e.must(err)
	e.equal(len(vs), 0)
	_, err = e.upload(e.alice, e.at("f"), "2", storage.Conditions{IfMatch: []string{"other", i.ETag}})
	e.must(err)
	_, err = e.upload(e.alice, e.at("f"), "3", storage.Conditions{IfMatch: []string{i.ETag}})
	e.fails(err, storage.ErrPrecondition)
	_, err = e.upload(e.alice, e.at("f"), "3", storage.Conditions{IfMatch: []string{"*"}})
	e.must(err)
	_, err = e.upload(e.alice, e.at("new"), "n", storage.Conditions{IfNoneMatch: []string{"*"}})
	e.must(err)
	e.content("f", "3")
}

// broken fails after some bytes.
type broken struct{ left int }

var errBroken = errors.New("the stream broke")

func (b *broken) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errBroken
	}
	n := copy(p, strings.Repeat("x", min(len(p), b.left)))
	b.left -= n
	return n, nil
}

func bodies(e *env) {
	e.put("f", "good")
	before := e.stat("f")
	text := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	try := func(r storage.UploadRequest, body func() io.Reader, want error) {
		e.Helper()
		for _, name := range []string{"f", "new"} {
			_, err := e.fs.Upload(e.alice, e.at(name), r, body())
			e.fails(err, want)
		}
	}
	try(storage.UploadRequest{Length: 10}, text("short"), storage.ErrLength)
	try(storage.UploadRequest{Length: 2}, text(strings.Repeat("long", 100_000)), storage.ErrLength)
	try(storage.UploadRequest{Length: 10}, func() io.Reader { return &broken{5} }, storage.ErrLength)
	try(storage.UploadRequest{Length: -1}, func() io.Reader { return &broken{5} }, storage.ErrLength)
	try(storage.UploadRequest{Length: 1, Checksum: &storage.Checksum{Algorithm: "sha1", Sum: make([]byte, 20)}}, text("x"), storage.ErrChecksum)
	e.content("f", "good")
	e.equal(e.stat("f").ETag, before.ETag)
	e.names("", "f")
	large := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	_, err := e.fs.Upload(e.alice, e.at("large"), storage.UploadRequest{Length: -1}, bytes.NewReader(large))
	e.must(err)
	got, err := e.read(e.alice, e.at("large"))
	e.must(err)
	if got != string(large) {
		e.Error("a large file came back different")
	}
	c, err := e.fs.Open(e.alice, e.at("large"))
	e.must(err)
	defer c.Close()
	_, err = c.Seek(16*50_000+3, io.SeekStart)
	e.must(err)
	part := make([]byte, 4)
	_, err = io.ReadFull(c, part)
	e.must(err)
	e.equal(string(part), "3456")
	for alg, sum := range map[string]string{"sha1": "\xaa\xf4\xc6\x1d\xdc\xc5\xe8\xa2\xda\xbe\xde\x0f\x3b\x48\x2c\xd9\xae\xa9\x43\x4d", "adler32": "\x06\x2c\x02\x15",
		"md5": "\x5d\x41\x40\x2a\xbc\x4b\x2a\x76\xb9\x71\x9d\x91\x10\x17\xc5\x92"} {
		_, err := e.fs.Upload(e.alice, e.at(alg), storage.UploadRequest{Length: 5, Checksum: &storage.Checksum{Algorithm: alg, Sum: []byte(sum)}}, strings.NewReader("hello"))
		e.must(err)
	}
}

func propagation(e *env) {
	e.mkdir("a")
	e.mkdir("a/b")
	e.mkdir("z")
	e.put("z/sibling", "s")
	e.put("a/other", "o")
	tags := func() map[string]string {
		out := map[string]string{}
		for _, p := range []string{"", "a", "a/b", "a/other", "z", "z/sibling"} {
			out[p] = e.stat(p).ETag
		}
		return out
	}
	changes := func(what string, do func(), want ...string) {
		e.Helper()
		before := tags()
		do()
		after := tags()
		for p := range before {
			should := false
			for _, w := range want {
				should = should || w == p
			}
			if (before[p] != after[p]) != should {
				e.Errorf("%s: ETag of %q: %s, then %s", what, p, before[p], after[p])
			}
		}
	}
	changes("create", func() { e.put("a/b/f", "12345") }, "", "a", "a/b")
	e.equal(e.stat("").Size, 7)
	e.equal(e.stat("a/b").Size, 5)
	changes("overwrite", func() { e.put("a/b/f", "123") }, "", "a", "a/b")
	e.equal(e.stat("a").Size, 4)
	changes("mkdir", func() { e.mkdir("a/b/c") }, "", "a", "a/b")
	changes("move", func() {
		_, err := e.fs.Move(e.alice, e.at("a/b/f"), e.at("z/f"), false, none)
		e.must(err)
	}, "", "a", "a/b", "z")
	e.equal(e.stat("z").Size, 4)
	e.equal(e.stat("a").Size, 1)
	changes("delete", func() { e.must(e.fs.Delete(e.alice, e.at("z/f"), none)) }, "", "z")
	e.equal(e.stat("").Size, 2)
	changes("properties", func() {
		e.must(e.fs.PatchProps(e.alice, e.at("a/other"), []storage.PropPatch{{Prop: storage.Prop{Namespace: "n", Name: "x", Value: "1"}}}, none))
	}, "", "a", "a/other")
	changes("favorite", func() { e.must(e.fs.SetFavorite(e.alice, e.at("a/other"), true)) })
	changes("lock", func() {
		l, _, err := e.fs.Lock(e.alice, e.at("a/other"), storage.LockRequest{}, none)
		e.must(err)
		e.must(e.fs.Unlock(e.alice, e.at("a/other"), l.Token))
	})
	before := e.stat("a").MTime
	e.put("a/b/deep", "x")
	if !e.stat("a").MTime.After(before) {
		e.Error("the time of a folder is not that of the last change below")
	}
}

func listing(e *env) {
	e.mkdir("d")
	want := []string{}
	for i := range 60 {
		n := fmt.Sprintf("f%03d", i)
		e.put("d/"+n, n)
		want = append(want, n)
	}
	e.names("d", want...)
	self, children, err := e.fs.List(e.alice, e.at("d"), storage.View{Path: true})
	e.must(err)
	e.equal(self.ID, e.stat("d").ID)
	for i, err := range children {
		e.must(err)
		if i.Path != "d/"+i.Name || i.Parent != self.ID || i.Size != 4 {
			e.Errorf("child %+v", i)
		}
		// A listing can be used inside another, and changes can be made meanwhile.
		if i.Name == "f003" {
			e.names("d", want...)
			e.put("d/g", "new")
		}
	}
	_, children, err = e.fs.List(e.alice, e.at("d"), storage.View{})
	e.must(err)
	for range children {
		break // stopping early is allowed
	}
	_, children, err = e.fs.List(e.alice, e.at("d/g"), storage.View{})
	e.must(err)
	for range children {
		e.Error("a file has children")
	}
	_, _, err = e.fs.List(e.alice, e.at("missing"), storage.View{})
	e.fails(err, storage.ErrNotFound)
}

func moving(e *env) {
	e.mkdir("a")
	e.mkdir("b")
	f := e.put("a/f", "f")
	e.put("b/g", "g")
	r, err := e.fs.Move(e.alice, e.at("a/f"), e.at("b/f"), false, none)
	e.must(err)
	if !r.Created || r.Info.ID != f.ID || r.Info.ETag != f.ETag || r.Info.Name != "f" {
		e.Errorf("moved: %+v", r)
	}
	e.names("a")
	_, err = e.fs.Move(e.alice, e.at("b/f"), e.at("b/g"), false, none)
	e.fails(err, storage.ErrExists)
	r, err = e.fs.Move(e.alice, e.at("b/f"), e.at("b/g"), true, none)
	e.must(err)
	if r.Created || r.Info.ID != f.ID {
		e.Errorf("moved over: %+v", r)
	}
	e.content("b/g", "f")
	e.equal(len(e.trash()), 1)
	_, err = e.fs.Move(e.alice, e.at("b"), e.at("b/inside"), false, none)
	e.fails(err, storage.ErrConflict)
	_, err = e.fs.Move(e.alice, e.at("b"), e.at("b"), true, none)
	e.fails(err, storage.ErrConflict)
	_, err = e.fs.Move(e.alice, e.at("b"), e.at("no/b"), false, none)
	e.fails(err, storage.ErrParentMissing)
	_, err = e.fs.Move(e.alice, e.at("no"), e.at("c"), false, none)
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.Move(e.alice, e.at("b"), storage.At(e.project, "b"), false, none)
	e.fails(err, storage.ErrCrossSpace)
	_, err = e.fs.Move(e.alice, e.at("b"), e.at("a/b"), false, none)
	e.must(err)
	e.content("a/b/g", "f")
	e.equal(e.stat("a/b/g").ID, f.ID)
	_, err = e.fs.Move(e.alice, e.at("a"), e.at("bad\nname"), false, none)
	e.fails(err, storage.ErrInvalid)
}

func copying(e *env) {
	e.mkdir("a")
	e.mkdir("a/b")
	f := e.put("a/f", "f")
	e.put("a/b/g", "gg")
	r, err := e.fs.Copy(e.alice, e.at("a/f"), e.at("copy"), false, true, none)
	e.must(err)
	if !r.Created || r.Info.ID == f.ID || r.Info.Size != 1 {
		e.Errorf("copied: %+v", r)
	}
	e.equal(e.stat("copy").Checksums, e.stat("a/f").Checksums)
	_, err = e.fs.Copy(e.alice, e.at("a/f"), e.at("copy"), false, true, none)
	e.fails(err, storage.ErrExists)
	e.put("copy", "other")
	r, err = e.fs.Copy(e.alice, e.at("a/f"), e.at("copy"), true, true, none)
	e.must(err)
	e.equal(r.Created, false)
	e.content("copy", "f")
	_, err = e.fs.Copy(e.alice, e.at("a"), e.at("deep"), false, true, none)
	e.must(err)
	e.content("deep/b/g", "gg")
	e.equal(e.stat("deep").Size, 3)
	_, err = e.fs.Copy(e.alice, e.at("a"), e.at("shallow"), false, false, none)
	e.must(err)
	e.names("shallow")
	_, err = e.fs.Copy(e.alice, e.at("a"), e.at("a/b/inside"), false, true, none)
	e.fails(err, storage.ErrConflict)
	_, err = e.fs.Copy(e.alice, e.at("a"), storage.At(e.project, "a"), false, true, none)
	e.must(err)
	got, err := e.read(e.alice, storage.At(e.project, "a/b/g"))
	e.must(err)
	e.equal(got, "gg")
	_, err = e.fs.Copy(e.alice, e.at("missing"), e.at("x"), false, true, none)
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.Copy(e.alice, e.at("a/f"), e.at("no/x"), false, true, none)
	e.fails(err, storage.ErrParentMissing)
}
