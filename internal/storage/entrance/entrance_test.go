package entrance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
)

const storageID = "11111111-1111-4111-8111-111111111111"

// directory knows everybody by his id.
type directory struct{ identity.Users }

func (directory) User(_ context.Context, id string) (identity.User, error) {
	if id == "nobody" {
		return identity.User{}, identity.ErrNotFound
	}
	return identity.User{ID: id}, nil
}

func (directory) Group(_ context.Context, id string) (identity.Group, error) {
	return identity.Group{ID: id}, nil
}

func (directory) ActorBy(_ context.Context, _, id string) (identity.Actor, error) {
	return identity.ActorFrom(as(id)), nil
}

type groups struct {
	identity.Groups
	directory
}

func (g groups) Group(ctx context.Context, id string) (identity.Group, error) {
	return g.directory.Group(ctx, id)
}

// as acts for a user who may share.
func as(user string, in ...string) context.Context {
	a := identity.ActorFrom(storagetest.As(user, in...))
	a.User.Roles = []string{role.User}
	return identity.WithActor(context.Background(), a)
}

type world struct {
	*testing.T
	fs     *entrance.FS
	shares *share.Service
	links  *link.Service
	home   resource.ID // alice's
}

func newWorld(t *testing.T) *world {
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	received, err := share.NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	links, err := link.NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	behind := mem.New(storageID)
	w := &world{T: t}
	w.shares = share.New(share.Options{FS: behind, Users: directory{}, Groups: groups{}, Store: received})
	w.links = link.New(link.Options{FS: behind, Machine: directory{}, Store: links, Rules: link.Rules{Policy: password.Policy{Length: 8}}})
	w.fs = entrance.New(behind, w.shares, w.links)
	for _, u := range []string{"alice", "bob"} {
		s, err := behind.CreateSpace(as(u), storage.SpaceRequest{Type: space.Personal, Owner: u, Name: u})
		w.must(err)
		if u == "alice" {
			w.home = s.ID
		}
	}
	for _, dir := range []string{"docs", "docs/sub", "docs2"} {
		_, err := w.fs.CreateFolder(as("alice"), w.at(dir), storage.Conditions{})
		w.must(err)
	}
	for _, file := range []string{"docs/a.txt", "docs/sub/b.txt", "docs2/c.txt", "secret.txt"} {
		w.put(as("alice"), w.at(file), file)
	}
	return w
}

func (w *world) at(path string) storage.Ref { return storage.At(w.home, path) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) fails(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

func (w *world) put(ctx context.Context, ref storage.Ref, text string) {
	w.Helper()
	_, err := w.fs.Upload(ctx, ref, storage.UploadRequest{Length: int64(len(text))}, strings.NewReader(text))
	w.must(err)
}

func (w *world) read(ctx context.Context, ref storage.Ref) string {
	c, err := w.fs.Open(ctx, ref)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	b, _ := io.ReadAll(c)
	return string(b)
}

func (w *world) list(ctx context.Context, ref storage.Ref) string {
	_, children, err := w.fs.List(ctx, ref, storage.View{})
	if err != nil {
		return err.Error()
	}
	var out []string
	for i, err := range children {
		if err != nil {
			return err.Error()
		}
		out = append(out, i.Name)
	}
	return strings.Join(out, " ")
}

func (w *world) give(path, to string, rights permission.Set) share.Share {
	w.Helper()
	sh, err := w.shares.Invite(as("alice"), w.at(path), share.Invitation{Kind: space.UserGrantee, Grantee: to, Rights: rights})
	w.must(err)
	return sh
}

func same[T comparable](w *world, got, want T) {
	w.Helper()
	if got != want {
		w.Errorf("got %v, want %v", got, want)
	}
}

func TestJail(t *testing.T) {
	w := newWorld(t)
	bob, jail := as("bob"), func(p string) storage.Ref { return storage.At(share.Jail(), p) }
	root := func() storage.Info {
		t.Helper()
		i, err := w.fs.Stat(bob, jail(""), storage.View{})
		w.must(err)
		return i
	}
	empty := root().ETag
	same(w, w.list(bob, jail("")), "")
	sh := w.give("docs", "bob", permission.Viewer)
	same(w, w.list(bob, jail("")), "docs")
	same(w, w.list(bob, jail("docs")), "a.txt sub")
	same(w, w.read(bob, jail("docs/sub/b.txt")), "docs/sub/b.txt")
	if root().ETag == empty {
		t.Error("a share does not show in the jail's ETag")
	}
	i, err := w.fs.Stat(bob, jail("docs"), storage.View{Path: true})
	w.must(err)
	same(w, i.ID, share.Jail().WithNode(sh.ID()))
	same(w, i.Parent, share.Jail())
	same(w, i.Received, true)
	same(w, w.list(bob, storage.At(i.ID, "")), "a.txt sub") // by its id in the jail
	deep, err := w.fs.Stat(bob, storage.At(i.ID, "sub/b.txt"), storage.View{Path: true})
	w.must(err)
	same(w, deep.ID.Storage, storageID)
	same(w, deep.Path, "sub/b.txt")
	before := root().ETag
	w.put(as("alice"), w.at("docs/new"), "x")
	if root().ETag == before {
		t.Error("a change in what is shared does not show in the jail's ETag")
	}
	// A viewer changes nothing; nobody makes anything beside mounts.
	_, err = w.fs.CreateFolder(bob, jail("docs/x"), storage.Conditions{})
	w.fails(err, storage.ErrForbidden)
	_, err = w.fs.CreateFolder(bob, jail("x"), storage.Conditions{})
	w.fails(err, storage.ErrForbidden)
	_, err = w.fs.Stat(bob, jail("x"), storage.View{})
	w.fails(err, storage.ErrNotFound)
	w.fails(w.fs.Delete(bob, jail(""), storage.Conditions{}), storage.ErrForbidden)
	for _, ref := range []storage.Ref{jail("docs"), storage.At(i.ID, "")} {
		_, err = w.fs.Stat(as("eve"), ref, storage.View{})
		w.fails(err, storage.ErrNotFound)
		_, err = w.fs.Stat(context.Background(), ref, storage.View{})
		w.fails(err, storage.ErrNotFound)
	}
	// More rights are there at once; a mount has a name of its own.
	editor := permission.Editor
	_, err = w.shares.Update(as("alice"), w.at("docs"), sh.ID(), share.Change{Rights: &editor})
	w.must(err)
	w.put(bob, jail("docs/by bob"), "b")
	_, err = w.fs.Move(bob, jail("docs"), jail("papers"), false, storage.Conditions{})
	w.must(err)
	same(w, w.list(bob, jail("")), "papers")
	same(w, w.list(as("alice"), w.at("")), "docs docs2 secret.txt")
	_, err = w.fs.Move(bob, jail("papers"), storage.At(resource.SpaceRoot(storageID, "bob"), "stolen"), false, storage.Conditions{})
	w.fails(err, storage.ErrForbidden)
	// Another of the same name.
	w.put(as("alice"), w.at("docs2/papers"), "p")
	w.give("docs2/papers", "bob", permission.Viewer)
	same(w, w.list(bob, jail("")), "papers papers (1)")
	same(w, w.read(bob, jail("papers (1)")), "p")
	name := "papers"
	_, err = w.shares.SetReceived(bob, mustStat(w, jail("papers (1)")).ID, share.ReceivedChange{Mount: &name})
	w.fails(err, storage.ErrExists)
	// To delete a mount is to take it no more.
	w.must(w.fs.Delete(bob, jail("papers (1)"), storage.Conditions{}))
	same(w, w.list(bob, jail("")), "papers")
	_, err = w.fs.Stat(bob, jail("papers (1)"), storage.View{})
	w.fails(err, storage.ErrNotFound)
	same(w, w.read(as("alice"), w.at("docs2/papers")), "p")
	// What is taken back is gone at once, by every way.
	w.must(w.shares.Remove(as("alice"), w.at("docs"), sh.ID()))
	same(w, w.list(bob, jail("")), "")
	for _, ref := range []storage.Ref{jail("papers"), jail("papers/a.txt"), storage.At(i.ID, ""), storage.At(deep.ID, "")} {
		_, err = w.fs.Stat(bob, ref, storage.View{})
		w.fails(err, storage.ErrNotFound)
	}
}

func mustStat(w *world, ref storage.Ref) storage.Info {
	w.Helper()
	i, err := w.fs.Stat(as("bob"), ref, storage.View{})
	w.must(err)
	return i
}

// The same folder by two shares is one mount with the rights of both.
func TestMergedShares(t *testing.T) {
	w := newWorld(t)
	w.give("docs", "bob", permission.Viewer)
	time.Sleep(time.Millisecond)
	_, err := w.shares.Invite(as("alice"), w.at("docs"), share.Invitation{Kind: space.GroupGrantee, Grantee: "writers", Rights: permission.EditorLite})
	w.must(err)
	bob := as("bob", "writers")
	same(w, w.list(bob, storage.At(share.Jail(), "")), "docs")
	w.put(bob, storage.At(share.Jail(), "docs/x"), "x")
	all, err := w.shares.Received(bob)
	w.must(err)
	if len(all) != 1 || len(all[0].Shares) != 2 || all[0].Item.Permissions != permission.Viewer|permission.EditorLite {
		t.Errorf("%+v", all)
	}
	// Without the first, it is named by the second.
	w.must(w.shares.Remove(as("alice"), w.at("docs"), all[0].Shares[0].ID()))
	i, err := w.fs.Stat(bob, storage.At(share.Jail(), "docs"), storage.View{})
	w.must(err)
	same(w, i.ID.Node, all[0].Shares[1].ID())
}

func (w *world) visit(ref storage.Ref, t link.Type, key link.Key) (context.Context, link.Link) {
	w.Helper()
	item, err := w.fs.Stat(as("alice"), ref, storage.View{})
	w.must(err)
	rights, err := t.Rights(item.IsFolder())
	w.must(err)
	l, err := w.links.Create(as("alice"), ref, link.Request{Rights: rights, Password: key.Password})
	w.must(err)
	_, a, err := w.links.Open(context.Background(), l.Token, key)
	w.must(err)
	return identity.WithActor(context.Background(), a), l
}

func TestLinks(t *testing.T) {
	w := newWorld(t)
	view, l := w.visit(w.at("docs"), link.View, link.Key{})
	at := func(p string) storage.Ref { return storage.At(link.Root(l.Token), p) }
	same(w, w.list(view, at("")), "a.txt sub")
	same(w, w.read(view, at("sub/b.txt")), "docs/sub/b.txt")
	root, err := w.fs.Stat(view, at(""), storage.View{Path: true})
	w.must(err)
	if root.ID.Storage != storageID || !root.Parent.IsZero() || root.Path != "" || root.SpaceOwner != "" {
		t.Errorf("the root tells too much: %+v", root)
	}
	i, err := w.fs.Stat(view, at("sub/b.txt"), storage.View{Path: true})
	w.must(err)
	same(w, i.Path, "sub/b.txt")
	for _, p := range []string{"../secret.txt", "sub/../../secret.txt", "..", "./.."} {
		_, err := w.fs.Stat(view, at(p), storage.View{})
		if err == nil {
			t.Errorf("%s leads out of the link", p)
		}
	}
	_, err = w.fs.CreateFolder(view, at("x"), storage.Conditions{})
	w.fails(err, storage.ErrForbidden)
	w.fails(w.fs.PatchProps(view, at("a.txt"), nil, storage.Conditions{}), storage.ErrForbidden)
	_, err = w.fs.ListGrants(view, at(""))
	w.fails(err, storage.ErrForbidden)
	// Another's token is nothing to this visitor, nor is a token without a visit.
	edit, other := w.visit(w.at("docs2"), link.Edit, link.Key{})
	for _, ctx := range []context.Context{view, as("alice"), context.Background()} {
		_, err = w.fs.Stat(ctx, storage.At(link.Root(other.Token), ""), storage.View{})
		w.fails(err, storage.ErrNotFound)
	}
	w.put(edit, storage.At(link.Root(other.Token), "c.txt"), "changed")
	same(w, w.read(as("alice"), w.at("docs2/c.txt")), "changed")
	_, err = w.fs.Move(edit, storage.At(link.Root(other.Token), "c.txt"), w.at("docs/c.txt"), true, storage.Conditions{})
	w.fails(err, storage.ErrNotFound)
	w.fails(w.fs.Delete(edit, storage.At(link.Root(other.Token), ""), storage.Conditions{}), storage.ErrForbidden)

	file, fl := w.visit(w.at("docs/a.txt"), link.Edit, link.Key{})
	fat := func(p string) storage.Ref { return storage.At(link.Root(fl.Token), p) }
	same(w, w.list(file, fat("")), "a.txt")
	same(w, w.read(file, fat("a.txt")), "docs/a.txt")
	same(w, w.read(file, fat("sub")), "not found")
	_, err = w.fs.Stat(file, fat("other"), storage.View{})
	w.fails(err, storage.ErrNotFound)
	w.put(file, fat("a.txt"), "by link")
	same(w, w.read(as("alice"), w.at("docs/a.txt")), "by link")
	_, err = w.fs.Upload(file, fat("b.txt"), storage.UploadRequest{Length: 1}, strings.NewReader("x"))
	w.fails(err, storage.ErrNotFound)
	w.fails(w.fs.Delete(file, fat("a.txt"), storage.Conditions{}), storage.ErrForbidden)
}

// A file drop takes everything, shows nothing and replaces nothing.
func TestFileDrop(t *testing.T) {
	w := newWorld(t)
	ctx, l := w.visit(w.at("docs"), link.CreateOnly, link.Key{})
	at := func(p string) storage.Ref { return storage.At(link.Root(l.Token), p) }
	w.put(ctx, at("a.txt"), "new")
	same(w, w.read(as("alice"), w.at("docs/a.txt")), "docs/a.txt")
	same(w, w.list(as("alice"), w.at("docs")), "a (2).txt a.txt sub")
	w.fails(func() error { _, _, err := w.fs.List(ctx, at(""), storage.View{}); return err }(), storage.ErrForbidden)
	for _, p := range []string{"a.txt", "sub", "sub/b.txt", "nothing"} {
		_, err := w.fs.Stat(ctx, at(p), storage.View{})
		w.fails(err, storage.ErrNotFound)
		_, _, err = w.fs.List(ctx, at(p), storage.View{})
		w.fails(err, storage.ErrNotFound)
		if text := w.read(ctx, at(p)); strings.HasPrefix(text, "docs/") {
			t.Errorf("%s was read", p)
		}
	}
	// Whatever is tried on a name: the answer is the same whether it is taken or not.
	inside := resource.ID{Storage: storageID, Space: l.Item.Space, Node: l.Item.Node}
	free := storage.Conditions{IfNoneMatch: []string{"*"}}
	there := storage.Conditions{IfMatch: []string{"*"}}
	upload := func(ref storage.Ref, c storage.Conditions) error {
		_, err := w.fs.Upload(ctx, ref, storage.UploadRequest{Length: 1, Conditions: c}, strings.NewReader("x"))
		return err
	}
	for name, try := range map[string]func(ref storage.Ref) error{
		"delete": func(r storage.Ref) error { return w.fs.Delete(ctx, r, storage.Conditions{}) },
		"move": func(r storage.Ref) error {
			_, err := w.fs.Move(ctx, r, at("y"), false, storage.Conditions{})
			return err
		},
		"copy": func(r storage.Ref) error {
			_, err := w.fs.Copy(ctx, r, at("y"), false, true, storage.Conditions{})
			return err
		},
		"lock": func(r storage.Ref) error {
			_, _, err := w.fs.Lock(ctx, r, storage.LockRequest{}, storage.Conditions{})
			return err
		},
		"unlock":   func(r storage.Ref) error { return w.fs.Unlock(ctx, r, "x") },
		"refresh":  func(r storage.Ref) error { _, err := w.fs.RefreshLock(ctx, r, "x", 0); return err },
		"time":     func(r storage.Ref) error { return w.fs.SetMTime(ctx, r, time.Now(), storage.Conditions{}) },
		"new only": func(r storage.Ref) error { return upload(r, free) },
		"old only": func(r storage.Ref) error { return upload(r, there) },
		"below":    func(r storage.Ref) error { return upload(storage.At(r.ID, r.Path+"/x"), storage.Conditions{}) },
		"folder":   func(r storage.Ref) error { _, err := w.fs.CreateFolder(ctx, r, storage.Conditions{}); return err },
		"folders": func(r storage.Ref) error {
			_, err := w.fs.CreateFolder(ctx, storage.At(r.ID, r.Path+"/x"), storage.Conditions{})
			return err
		},
		"by id": func(r storage.Ref) error {
			_, err := w.fs.Stat(ctx, storage.At(inside, r.Path), storage.View{})
			return err
		},
	} {
		want := try(at("free-" + name))
		for _, taken := range []string{"a.txt", "sub"} {
			if got := try(at(taken)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, but %v if the name is free", name, got, want)
			}
		}
	}
	made, err := w.fs.CreateFolder(ctx, at("sub"), storage.Conditions{})
	w.must(err)
	if made.ETag != "" || made.ID != l.Item {
		t.Errorf("the answer tells that the folder is an old one: %+v", made)
	}
	w.fails(func() error {
		_, _, err := w.fs.Lock(ctx, at(""), storage.LockRequest{}, storage.Conditions{})
		return err
	}(), storage.ErrForbidden)
	if text := w.read(as("alice"), w.at("docs/a.txt")) + w.read(as("alice"), w.at("docs/sub/b.txt")); text != "docs/a.txtdocs/sub/b.txt" {
		t.Errorf("replaced: %s", text)
	}
	// The link ends while an upload goes on.
	up, err := w.fs.CreateUpload(ctx, at("big"), storage.UploadRequest{Length: 4})
	w.must(err)
	_, err = w.fs.WriteUpload(ctx, up.ID, 0, nil, strings.NewReader("ab"))
	w.must(err)
	w.must(w.links.Remove(as("alice"), l.ID))
	_, err = w.fs.WriteUpload(ctx, up.ID, 2, nil, strings.NewReader("cd"))
	w.fails(err, storage.ErrNotFound)
}

func TestContract(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.FS {
		return entrance.New(mem.New(storageID), share.New(share.Options{}), nil)
	})
}
