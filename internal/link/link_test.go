package link_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
)

// people are all there are; gone ones have no account any more.
type people struct{ gone map[string]bool }

func (p *people) ActorBy(_ context.Context, _, id string) (identity.Actor, error) {
	if p.gone[id] {
		return identity.Actor{}, identity.ErrNotFound
	}
	return identity.ActorFrom(as(id)), nil
}

func as(user string) context.Context {
	a := identity.ActorFrom(storagetest.As(user))
	a.User.Roles = []string{role.User}
	if user == "light" {
		a.User.Roles = []string{role.UserLight}
	}
	if user == "admin" {
		a.User.Roles = []string{role.Admin}
	}
	return identity.WithActor(context.Background(), a)
}

type world struct {
	*testing.T
	fs     *mem.FS
	people *people
	links  *link.Service
	store  *link.Store
	home   resource.ID
}

func newWorld(t *testing.T, change func(*link.Options)) *world {
	return newWorldOn(t, dbtest.Open(t, dbtest.SQLite(t)), change)
}

func newWorldOn(t *testing.T, d db.DB, change func(*link.Options)) *world {
	store, err := link.NewStore(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, fs: mem.New("11111111-1111-4111-8111-111111111111"), people: &people{gone: map[string]bool{}}, store: store}
	o := link.Options{FS: w.fs, Machine: w.people, Store: store}
	if change != nil {
		change(&o)
	}
	w.links = link.New(o)
	s, err := w.fs.CreateSpace(as("alice"), storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
	w.must(err)
	w.home = s.ID
	_, err = w.fs.CreateFolder(as("alice"), w.at("docs"), storage.Conditions{})
	w.must(err)
	_, err = w.fs.Upload(as("alice"), w.at("f"), storage.UploadRequest{Length: 1}, strings.NewReader("x"))
	w.must(err)
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

func (w *world) create(who, path string, r link.Request) (link.Link, error) {
	return w.links.Create(as(who), w.at(path), r)
}

func (w *world) open(l link.Link, k link.Key) error {
	_, _, err := w.links.Open(context.Background(), l.Token, k)
	return err
}

func TestTypes(t *testing.T) {
	for _, folder := range []bool{true, false} {
		for _, typ := range []link.Type{link.Internal, link.View, link.Upload, link.Edit, link.CreateOnly, "blocksDownload", ""} {
			r, err := typ.Rights(folder)
			if err != nil {
				if typ == link.View || typ == link.Edit || typ == link.Internal {
					t.Errorf("%s: %v", typ, err)
				}
				continue
			}
			if back, ok := link.TypeOf(r, folder); !ok || back != typ {
				t.Errorf("%s of %t came back as %s", typ, folder, back)
			}
			const never = permission.AddGrant | permission.UpdateGrant | permission.RemoveGrant | permission.DenyGrant | permission.ListGrants | permission.PurgeTrash | permission.ListVersions | permission.RestoreVersion
			if r&never != 0 {
				t.Errorf("%s gives %b", typ, r&never)
			}
		}
	}
}

func TestCreate(t *testing.T) {
	w := newWorld(t, nil)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Name: "for all"})
	w.must(err)
	if len(l.ID) != 15 || len(l.Token) != 15 || l.ID == l.Token || l.Type() != link.View || l.Creator != "alice" || l.Owner != "alice" || !l.Folder {
		t.Errorf("%+v", l)
	}
	for name, c := range map[string]struct {
		who, path string
		r         link.Request
		want      error
	}{
		"stranger":          {"bob", "docs", link.Request{Rights: permission.Viewer}, storage.ErrNotFound},
		"missing":           {"alice", "nothing", link.Request{Rights: permission.Viewer}, storage.ErrNotFound},
		"root":              {"alice", "", link.Request{Rights: permission.Viewer}, link.ErrType},
		"no such type":      {"alice", "docs", link.Request{Rights: permission.Manager}, link.ErrType},
		"drop on a file":    {"alice", "f", link.Request{Rights: permission.Uploader}, link.ErrType},
		"expired":           {"alice", "f", link.Request{Rights: permission.Viewer, Expires: time.Now().Add(-time.Second)}, link.ErrExpired},
		"name with breaks":  {"alice", "f", link.Request{Rights: permission.Viewer, Name: "a\r\nb"}, storage.ErrInvalid},
		"password for none": {"alice", "f", link.Request{Password: "secret"}, link.ErrPolicy},
	} {
		if _, err := w.create(c.who, c.path, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who may see it may have an internal link; one for others needs the right to share, and a role that may.
	w.must(w.fs.SetGrant(as("alice"), w.at("docs"), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Editor}))
	docs, err := w.fs.Stat(as("bob"), storage.At(l.Item, ""), storage.View{})
	w.must(err)
	_, err = w.links.Create(as("bob"), storage.At(docs.ID, ""), link.Request{Rights: permission.Viewer})
	w.fails(err, storage.ErrForbidden)
	_, err = w.links.Create(as("bob"), storage.At(docs.ID, ""), link.Request{})
	w.must(err)
	if _, err = w.fs.CreateSpace(as("light"), storage.SpaceRequest{Type: space.Personal, Owner: "light", Name: "L"}); err == nil {
		home := resource.SpaceRoot(w.home.Storage, "light")
		_, err = w.fs.CreateFolder(as("light"), storage.At(home, "d"), storage.Conditions{})
		w.must(err)
		_, err = w.links.Create(as("light"), storage.At(home, "d"), link.Request{Rights: permission.Viewer})
		w.fails(err, storage.ErrForbidden)
	}
	// Who may share may still not ask for more than he has.
	w.must(w.fs.SetGrant(as("alice"), w.at("docs"), space.Grant{Kind: space.UserGrantee, Grantee: "carol", Permissions: permission.Viewer | permission.AddGrant}))
	_, err = w.links.Create(as("carol"), storage.At(docs.ID, ""), link.Request{Rights: permission.Editor})
	w.fails(err, link.ErrType)
	carols, err := w.links.Create(as("carol"), storage.At(docs.ID, ""), link.Request{Rights: permission.Viewer})
	w.must(err)
	more := permission.Editor
	_, err = w.links.Update(as("carol"), carols.ID, link.Change{Rights: &more})
	w.fails(err, link.ErrType)
	_, err = w.links.Create(as("stranger"), storage.At(docs.ID, ""), link.Request{Rights: permission.Editor})
	w.fails(err, storage.ErrNotFound)
	// Quick links are one.
	q1, err := w.create("alice", "f", link.Request{Rights: permission.Viewer, Quick: true})
	w.must(err)
	q2, err := w.create("alice", "f", link.Request{Rights: permission.Viewer, Quick: true})
	w.must(err)
	if q1.ID != q2.ID {
		t.Error("two quick links")
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t, func(o *link.Options) { o.MustHave = true; o.Policy = password.Policy{Length: 8, Digits: 1} })
	_, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer})
	w.fails(err, link.ErrPolicy)
	_, err = w.create("alice", "docs", link.Request{Rights: permission.Viewer, Password: "weak"})
	w.fails(err, link.ErrPolicy)
	_, err = w.create("alice", "docs", link.Request{Rights: permission.Viewer, Password: strings.Repeat("1a", 40_000)})
	w.fails(err, link.ErrPolicy)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Password: "s3cret-word"})
	w.must(err)
	w.fails(w.open(l, link.Key{}), link.ErrPassword)
	w.fails(w.open(l, link.Key{Password: "wrong"}), link.ErrWrongPassword)
	w.must(w.open(l, link.Key{Password: "s3cret-word"}))
	w.must(w.open(l, link.Key{Who: identity.ActorFrom(as("alice"))})) // its creator needs none
	w.fails(w.open(l, link.Key{Who: identity.ActorFrom(as("bob"))}), link.ErrPassword)
	// Only roles that may take passwords off.
	empty := ""
	_, err = w.links.Update(as("alice"), l.ID, link.Change{Password: &empty})
	w.fails(err, link.ErrPolicy)
	// A new password ends what was remembered of the old.
	other := "0ther-word"
	l, err = w.links.Update(as("alice"), l.ID, link.Change{Password: &other})
	w.must(err)
	w.fails(w.open(l, link.Key{Password: "s3cret-word"}), link.ErrWrongPassword)
	w.must(w.open(l, link.Key{Password: other}))
	// An internal link has none.
	none := permission.None
	l, err = w.links.Update(as("alice"), l.ID, link.Change{Rights: &none})
	w.must(err)
	w.fails(w.open(l, link.Key{Password: other}), link.ErrInternal)
	if l.HasPassword {
		t.Error("an internal link has a password")
	}
	view := permission.Viewer
	_, err = w.links.Update(as("alice"), l.ID, link.Change{Rights: &view})
	w.fails(err, link.ErrPolicy) // it would be open to everybody
}

// Guessing is slowed down, and does not lock out who knows the password.
func TestGuessing(t *testing.T) {
	w := newWorld(t, nil)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Password: "right"})
	w.must(err)
	var throttled *identity.ThrottledError
	for i := range 40 {
		err = w.open(l, link.Key{Password: "guess" + string(rune('a'+i)), Address: "192.0.2.1"})
		if errors.As(err, &throttled) {
			break
		}
	}
	if throttled == nil {
		t.Error("guessing is not slowed down")
	}
	w.must(w.open(l, link.Key{Password: "right", Address: "192.0.2.9"}))
}

func TestSignatures(t *testing.T) {
	w := newWorld(t, nil)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Password: "right"})
	w.must(err)
	signature, until := w.links.Sign(&l)
	w.must(w.open(l, link.Key{Signature: signature, Expiration: until}))
	later := time.Now().Add(25 * time.Hour).UTC().Format(time.RFC3339)
	for name, k := range map[string]link.Key{
		"changed time": {Signature: signature, Expiration: later}, "no time": {Signature: signature}, "no signature": {Expiration: until, Signature: "x"},
		"cut": {Signature: signature[:10], Expiration: until},
	} {
		if err := w.open(l, k); !errors.Is(err, link.ErrPassword) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// That of one link is not good for another; and there is none that verifies without a password's hash.
	other, err := w.create("alice", "f", link.Request{Rights: permission.Viewer, Password: "right"})
	w.must(err)
	w.fails(w.open(other, link.Key{Signature: signature, Expiration: until}), link.ErrPassword)
	// A new password ends signatures.
	pw := "another"
	l, err = w.links.Update(as("alice"), l.ID, link.Change{Password: &pw})
	w.must(err)
	w.fails(w.open(l, link.Key{Signature: signature, Expiration: until}), link.ErrPassword)
}

// A link opens no more than its creator may do, and ends with him.
func TestEnds(t *testing.T) {
	w := newWorld(t, nil)
	soon := time.Now().Add(50 * time.Millisecond)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Expires: soon})
	w.must(err)
	w.must(w.open(l, link.Key{}))
	time.Sleep(60 * time.Millisecond)
	w.fails(w.open(l, link.Key{}), storage.ErrNotFound)
	w.fails(w.links.Alive(context.Background(), l.ID), storage.ErrNotFound)

	l, err = w.create("alice", "docs", link.Request{Rights: permission.Viewer})
	w.must(err)
	for _, who := range []string{"bob", "admin"} {
		w.fails(w.links.Remove(as(who), l.ID), storage.ErrNotFound)
		_, err = w.links.Update(as(who), l.ID, link.Change{})
		w.fails(err, storage.ErrNotFound)
	}
	w.people.gone["alice"] = true
	w.fails(w.open(l, link.Key{}), storage.ErrNotFound)
	w.people.gone["alice"] = false
	w.must(w.links.Remove(as("alice"), l.ID))
	w.fails(w.open(l, link.Key{}), storage.ErrNotFound)
	w.fails(w.links.Alive(context.Background(), l.ID), storage.ErrNotFound)
	for _, token := range []string{"", "x", strings.Repeat("A", 15), "' OR 1=1 --    "} {
		_, _, err := w.links.Open(context.Background(), token, link.Key{})
		w.fails(err, storage.ErrNotFound)
	}
}

func TestCounters(t *testing.T) {
	w := newWorld(t, nil)
	l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer})
	w.must(err)
	for range 3 {
		w.links.Viewed(l.ID)
	}
	w.links.Downloaded(l.ID)
	w.must(w.store.Flush(t.Context()))
	got, _, err := w.links.Find(as("alice"), l.ID)
	if w.must(err); got.Views != 3 || got.Downloads != 1 {
		t.Errorf("%+v", got)
	}
}
