package storagetest

import (
	"context"
	"io"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func trash(e *env) {
	e.mkdir("d")
	f := e.put("d/f", "one")
	e.must(e.fs.PatchProps(e.alice, e.at("d/f"), []storage.PropPatch{{Prop: storage.Prop{Namespace: "n", Name: "p", Value: "v"}}}, none))
	e.put("d/f", "two!")
	e.must(e.fs.Delete(e.alice, e.at("d/f"), none))
	e.put("d/f", "new")
	e.must(e.fs.Delete(e.alice, e.at("d/f"), none))
	items := e.trash()
	if len(items) != 2 || items[0].Deleted.Before(items[1].Deleted) || items[1].Key != f.ID.Node || items[1].OriginalPath != "d/f" || items[1].Name != "f" || items[1].Size != 4 {
		e.Fatalf("trash: %+v", items)
	}
	_, err := e.fs.Stat(e.alice, storage.At(f.ID, ""), storage.View{})
	e.fails(err, storage.ErrNotFound)
	r, err := e.fs.Restore(e.alice, e.home, items[1].Key, "", storage.Ref{}, false, none)
	e.must(err)
	if !r.Created || r.Info.ID != f.ID {
		e.Errorf("restored: %+v", r)
	}
	e.content("d/f", "two!")
	e.equal(len(e.stat("d/f").Props), 1)
	vs, err := e.fs.ListVersions(e.alice, f.ID)
	e.must(err)
	e.equal(len(vs), 1)
	_, err = e.fs.Restore(e.alice, e.home, items[0].Key, "", storage.Ref{}, false, none)
	e.fails(err, storage.ErrExists)
	_, err = e.fs.Restore(e.alice, e.home, items[0].Key, "", e.at("no/where"), false, none)
	e.fails(err, storage.ErrParentMissing)
	_, err = e.fs.Restore(e.alice, e.home, items[0].Key, "", e.at("elsewhere"), false, none)
	e.must(err)
	e.content("elsewhere", "new")
	e.equal(len(e.trash()), 0)
	e.must(e.fs.Delete(e.alice, e.at("elsewhere"), none))
	key := e.trash()[0].Key
	_, err = e.fs.Restore(e.alice, e.home, key, "", e.at("d/f"), true, none)
	e.must(err)
	e.content("d/f", "new")
	e.equal(len(e.trash()), 1) // what was in the way
	e.must(e.fs.Purge(e.alice, e.home, e.trash()[0].Key, ""))
	e.equal(len(e.trash()), 0)
	_, err = e.fs.Restore(e.alice, e.home, "nonsense", "", storage.Ref{}, false, none)
	e.fails(err, storage.ErrNotFound)
	e.fails(e.fs.Purge(e.alice, e.home, "nonsense", ""), storage.ErrNotFound)
	e.must(e.fs.Delete(e.alice, e.at("d"), none))
	e.must(e.fs.Purge(e.alice, e.home, "", ""))
	e.equal(len(e.trash()), 0)
	e.names("")
	e.equal(e.stat("").Size, 0)
}

func trashedFolder(e *env) {
	e.mkdir("d")
	e.mkdir("d/sub")
	g := e.put("d/sub/g", "gg")
	e.put("d/h", "h")
	d := e.stat("d")
	e.must(e.fs.Delete(e.alice, e.at("d"), none))
	items := e.trash()
	if len(items) != 1 || items[0].Size != 3 || items[0].Kind != resource.Folder {
		e.Fatalf("trash: %+v", items)
	}
	for _, id := range []resource.ID{g.ID, d.ID} {
		_, err := e.fs.Stat(e.alice, storage.At(id, ""), storage.View{})
		e.fails(err, storage.ErrNotFound)
	}
	in := e.trashIn(items[0].Key, "")
	if len(in) != 2 || in[0].Name != "h" || in[1].Name != "sub" || in[0].OriginalPath != "d/h" || in[0].Path != "h" {
		e.Errorf("in the trashed folder: %+v", in)
	}
	deep := e.trashIn(items[0].Key, "sub")
	if len(deep) != 1 || deep[0].Path != "sub/g" {
		e.Errorf("deeper: %+v", deep)
	}
	r, err := e.fs.Restore(e.alice, e.home, items[0].Key, "sub/g", e.at("g"), false, none)
	e.must(err)
	e.equal(r.Info.ID, g.ID)
	e.content("g", "gg")
	e.equal(e.trash()[0].Size, 1)
	e.must(e.fs.Purge(e.alice, e.home, items[0].Key, "h"))
	e.equal(e.trash()[0].Size, 0)
	_, err = e.fs.Restore(e.alice, e.home, items[0].Key, "", storage.Ref{}, false, none)
	e.must(err)
	e.names("d", "sub")
	e.equal(e.stat("d").ID, d.ID)
	e.equal(e.stat("").Size, 2)
}

func versions(e *env) {
	f := e.put("f", "one")
	e.put("f", "two 2")
	e.put("f", "three 3")
	vs, err := e.fs.ListVersions(e.alice, f.ID)
	e.must(err)
	if len(vs) != 2 || vs[0].Size != 5 || vs[1].Size != 3 || vs[0].Key == vs[1].Key {
		e.Fatalf("versions: %+v", vs)
	}
	c, err := e.fs.OpenVersion(e.alice, f.ID, vs[1].Key)
	e.must(err)
	b := make([]byte, 10)
	n, _ := c.Read(b)
	c.Close()
	e.equal(string(b[:n]), "one")
	before := e.stat("f")
	i, err := e.fs.RestoreVersion(e.alice, f.ID, vs[1].Key, none)
	e.must(err)
	e.equal(i.Size, 3)
	e.content("f", "one")
	if e.stat("f").ETag == before.ETag || e.stat("").Size != 3 {
		e.Errorf("after the restore: %+v", e.stat("f"))
	}
	vs2, err := e.fs.ListVersions(e.alice, f.ID)
	e.must(err)
	if len(vs2) != 2 || vs2[0].Size != 7 {
		e.Errorf("versions after the restore: %+v", vs2)
	}
	_, err = e.fs.RestoreVersion(e.alice, f.ID, "nonsense", none)
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.OpenVersion(e.alice, f.ID, vs[1].Key)
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.RestoreVersion(e.alice, f.ID, vs[0].Key, storage.Conditions{IfMatch: []string{"other"}})
	e.fails(err, storage.ErrPrecondition)

	// Contents of one and the same time are different versions.
	t := time.Unix(1_700_000_000, 0)
	for _, s := range []string{"a", "bb", "ccc", "dddd"} {
		_, err := e.fs.Upload(e.alice, e.at("same"), storage.UploadRequest{Length: int64(len(s)), MTime: t}, strings.NewReader(s))
		e.must(err)
	}
	same := e.stat("same").ID
	vs, err = e.fs.ListVersions(e.alice, same)
	e.must(err)
	e.equal(len(vs), 3)
	for range 3 {
		_, err = e.fs.RestoreVersion(e.alice, same, vs[len(vs)-1].Key, none)
		e.must(err)
		vs, err = e.fs.ListVersions(e.alice, same)
		e.must(err)
	}
	seen := map[string]bool{}
	for _, v := range vs {
		c, err := e.fs.OpenVersion(e.alice, same, v.Key)
		e.must(err)
		b := make([]byte, 10)
		n, _ := c.Read(b)
		c.Close()
		seen[string(b[:n])] = true
	}
	now, err := e.read(e.alice, e.at("same"))
	e.must(err)
	seen[now] = true
	e.equal(len(seen), 4)
}

func uploads(e *env) {
	s, err := e.fs.CreateUpload(e.alice, e.at("a/b/f"), storage.UploadRequest{Length: 11, MakeParents: true, Metadata: map[string]string{"k": "v"}})
	e.must(err)
	if s.Offset != 0 || s.Length != 11 || s.Filename != "f" || s.Metadata["k"] != "v" || s.Expires.Before(time.Now()) {
		e.Errorf("session %+v", s)
	}
	s, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("hello"))
	e.must(err)
	e.equal(s.Offset, 5)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 3, nil, strings.NewReader("xx"))
	e.fails(err, storage.ErrOffset)
	if _, err = e.fs.WriteUpload(e.alice, s.ID, 5, nil, &broken{2}); err == nil {
		e.Error("a broken stream is no error")
	}
	s, err = e.fs.UploadSession(e.alice, s.ID)
	e.must(err)
	e.equal(s.Offset, 7) // what came is kept
	_, err = e.fs.Stat(e.alice, e.at("a/b/f"), storage.View{})
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 7, nil, strings.NewReader("far too much"))
	e.fails(err, storage.ErrLength)
	s, err = e.fs.WriteUpload(e.alice, s.ID, 7, nil, strings.NewReader("orld"))
	e.must(err)
	if s.Result == nil || !s.Result.Created || s.Result.Info.Size != 11 || s.Result.Info.ETag != e.stat("a/b/f").ETag {
		e.Fatalf("finished: %+v", s)
	}
	e.content("a/b/f", "helloxxorld")
	_, err = e.fs.UploadSession(e.alice, s.ID)
	e.fails(err, storage.ErrNotFound)

	// A client that is gone after its last byte has a file, soon, whether the answer reaches it or not.
	s, err = e.fs.CreateUpload(e.alice, e.at("left"), storage.UploadRequest{Length: 3})
	e.must(err)
	leaving, leave := context.WithCancel(e.alice)
	if _, err = e.fs.WriteUpload(leaving, s.ID, 0, nil, io.MultiReader(strings.NewReader("abc"), leaver(leave))); err != nil && leaving.Err() == nil {
		e.Fatal(err)
	}
	for range 200 {
		if _, err = e.fs.Stat(e.alice, e.at("left"), storage.View{}); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.content("left", "abc")

	s, err = e.fs.CreateUpload(e.alice, e.at("gone"), storage.UploadRequest{Length: 3})
	e.must(err)
	e.must(e.fs.CancelUpload(e.alice, s.ID))
	_, err = e.fs.UploadSession(e.alice, s.ID)
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("abc"))
	e.fails(err, storage.ErrNotFound)

	// Conditions are those of the moment in which the last byte arrives.
	f := e.put("f", "1")
	s, err = e.fs.CreateUpload(e.alice, e.at("f"), storage.UploadRequest{Length: 3, Conditions: storage.Conditions{IfMatch: []string{f.ETag}}})
	e.must(err)
	e.put("f", "2")
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("abc"))
	e.fails(err, storage.ErrPrecondition)
	e.content("f", "2")
	_, err = e.fs.CreateUpload(e.alice, e.at("f"), storage.UploadRequest{Length: 3, Conditions: storage.Conditions{IfNoneMatch: []string{"*"}}})
	e.fails(err, storage.ErrPrecondition)
	_, err = e.fs.CreateUpload(e.alice, e.at("no/f"), storage.UploadRequest{Length: 3})
	e.fails(err, storage.ErrParentMissing)
	_, err = e.fs.CreateUpload(e.alice, e.at("a"), storage.UploadRequest{Length: 3})
	e.fails(err, storage.ErrConflict)
	_, err = e.fs.CreateUpload(e.alice, e.at("bad\n"), storage.UploadRequest{Length: 3})
	e.fails(err, storage.ErrInvalid)
}

// leaver is the end of a body whose sender is gone then.
type leaver context.CancelFunc

func (l leaver) Read([]byte) (int, error) {
	l()
	return 0, io.EOF
}

func uploadChecksums(e *env) {
	sha1 := []byte("\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d") // of abc
	s, err := e.fs.CreateUpload(e.alice, e.at("f"), storage.UploadRequest{Length: 6})
	e.must(err)
	bad := &storage.Checksum{Algorithm: "sha1", Sum: make([]byte, 20)}
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, bad, strings.NewReader("abc"))
	e.fails(err, storage.ErrChecksum)
	s, err = e.fs.UploadSession(e.alice, s.ID)
	e.must(err)
	e.equal(s.Offset, 0)
	s, err = e.fs.WriteUpload(e.alice, s.ID, 0, &storage.Checksum{Algorithm: "sha1", Sum: sha1}, strings.NewReader("abc"))
	e.must(err)
	s, err = e.fs.WriteUpload(e.alice, s.ID, 3, nil, strings.NewReader("abc"))
	e.must(err)
	e.content("f", "abcabc")
	s, err = e.fs.CreateUpload(e.alice, e.at("g"), storage.UploadRequest{Length: 3, Checksum: bad})
	e.must(err)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("abc"))
	e.fails(err, storage.ErrChecksum)
	_, err = e.fs.Stat(e.alice, e.at("g"), storage.View{})
	e.fails(err, storage.ErrNotFound)
	s, err = e.fs.CreateUpload(e.alice, e.at("g"), storage.UploadRequest{Length: 3, Checksum: &storage.Checksum{Algorithm: "sha1", Sum: sha1}})
	e.must(err)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("abc"))
	e.must(err)
}

func deferredLength(e *env) {
	s, err := e.fs.CreateUpload(e.alice, e.at("f"), storage.UploadRequest{Length: -1})
	e.must(err)
	e.equal(s.Length, -1)
	_, err = e.fs.WriteUpload(e.alice, s.ID, 0, nil, strings.NewReader("abc"))
	e.must(err)
	e.must(e.fs.SetUploadLength(e.alice, s.ID, 5))
	s, err = e.fs.WriteUpload(e.alice, s.ID, 3, nil, strings.NewReader("de"))
	e.must(err)
	if s.Result == nil {
		e.Fatalf("%+v", s)
	}
	e.content("f", "abcde")
}

func fileDrop(e *env) {
	e.mkdir("drop")
	e.grant(e.stat("drop").ID, "bob", permission.Uploader)
	drop := e.stat("drop").ID
	for range 2 {
		_, err := e.fs.Upload(e.bob, storage.At(drop, "f.txt"), storage.UploadRequest{Length: 1, AutoRename: true}, strings.NewReader("x"))
		e.must(err)
	}
	e.names("drop", "f (2).txt", "f.txt")
	_, err := e.list(e.bob, storage.At(drop, ""))
	e.fails(err, storage.ErrForbidden)
	_, err = e.read(e.bob, storage.At(drop, "f.txt"))
	e.fails(err, storage.ErrForbidden)
}

func mtime(e *env) {
	t := time.Unix(1_600_000_000, 123_000_000)
	r, err := e.fs.Upload(e.alice, e.at("f"), storage.UploadRequest{Length: 1, MTime: t}, strings.NewReader("x"))
	e.must(err)
	e.equal(r.Info.MTime.UnixMilli(), t.UnixMilli())
	e.equal(e.stat("f").MTime.UnixMilli(), t.UnixMilli())
	before := e.stat("f")
	e.must(e.fs.SetMTime(e.alice, e.at("f"), t.Add(time.Hour), none))
	after := e.stat("f")
	e.equal(after.MTime.UnixMilli(), t.Add(time.Hour).UnixMilli())
	if after.ETag == before.ETag {
		e.Error("the ETag did not change with the time")
	}
	e.content("f", "x")
}

func changes(e *env) {
	e.mkdir("a")
	f := e.put("a/f", "1")
	e.put("b", "2")
	collect := func(token string) (map[string]bool, string) {
		e.Helper()
		out := map[string]bool{} // path → removed
		for {
			cs, next, more, err := e.fs.Changes(e.alice, e.at(""), token, 2)
			e.must(err)
			for _, c := range cs {
				out[c.Path] = c.Removed
				if !c.Removed && c.Info.ID.IsZero() {
					e.Errorf("change without info: %+v", c)
				}
			}
			if token = next; !more {
				return out, next
			}
		}
	}
	all, token := collect("")
	e.equal(all, map[string]bool{"a": false, "a/f": false, "b": false})
	got, token := collect(token)
	e.equal(len(got), 0)
	e.put("a/f", "changed")
	got, token = collect(token)
	if _, ok := got["a/f"]; !ok || got["a/f"] || got["b"] || len(got) > 2 {
		e.Errorf("after a write: %v", got)
	}
	_, err := e.fs.Move(e.alice, e.at("a"), e.at("c"), false, none)
	e.must(err)
	got, token = collect(token)
	if !got["a"] || got["c"] || got["c/f"] {
		e.Errorf("after a move: %v", got)
	}
	if _, ok := got["c/f"]; !ok {
		e.Errorf("after a move, what is inside is not told: %v", got)
	}
	e.must(e.fs.Delete(e.alice, e.at("c"), none))
	got, token = collect(token)
	if !got["c"] {
		e.Errorf("after a deletion: %v", got)
	}
	items := e.trash()
	_, err = e.fs.Restore(e.alice, e.home, items[0].Key, "", storage.Ref{}, false, none)
	e.must(err)
	got, _ = collect(token)
	if removed, ok := got["c/f"]; !ok || removed {
		e.Errorf("after a restore: %v", got)
	}
	e.equal(e.stat("c/f").ID, f.ID)
	_, _, _, err = e.fs.Changes(e.alice, e.at(""), "nonsense", 10)
	e.fails(err, storage.ErrSyncToken)
	_, _, _, err = e.fs.Changes(e.alice, e.at("missing"), "", 10)
	e.fails(err, storage.ErrNotFound)
}

func quota(e *env) {
	q := int64(10)
	_, err := e.fs.UpdateSpace(e.alice, e.project, storage.SpaceUpdate{Quota: &q})
	e.must(err)
	at := func(p string) storage.Ref { return storage.At(e.project, p) }
	_, err = e.upload(e.alice, at("f"), "12345678", none)
	e.must(err)
	_, err = e.upload(e.alice, at("g"), "123", none)
	e.fails(err, storage.ErrQuota)
	_, err = e.fs.Upload(e.alice, at("g"), storage.UploadRequest{Length: -1}, strings.NewReader("123"))
	e.fails(err, storage.ErrQuota)
	_, err = e.upload(e.alice, at("f"), "1234567890", none)
	e.must(err)
	_, err = e.fs.CreateUpload(e.alice, at("g"), storage.UploadRequest{Length: 5})
	e.fails(err, storage.ErrQuota)
	_, err = e.fs.Copy(e.alice, at("f"), at("g"), false, true, none)
	e.fails(err, storage.ErrQuota)
	got, err := e.fs.Quota(e.alice, e.project)
	e.must(err)
	e.equal(got, space.Quota{Max: 10, Used: 10, Remaining: 0})
	e.must(e.fs.Delete(e.alice, at("f"), none))
	_, err = e.upload(e.alice, at("g"), "123", none)
	e.must(err)
	items, err := e.fs.ListTrash(e.alice, e.project, "", "")
	e.must(err)
	for i := range items {
		_, err := e.fs.Restore(e.alice, e.project, i.Key, "", storage.Ref{}, false, none)
		e.fails(err, storage.ErrQuota)
	}
	got, err = e.fs.Quota(e.alice, e.home)
	e.must(err)
	if got.Max != 0 || got.Remaining <= 0 {
		e.Errorf("without a quota: %+v", got)
	}
}
