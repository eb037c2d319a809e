package link_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

// accounts is an identity.Machine that knows people by their ids.
type accounts map[string]identity.Actor

func (a accounts) ActorBy(_ context.Context, _, id string) (identity.Actor, error) {
	if p, ok := a[id]; ok {
		return p, nil
	}
	return identity.Actor{}, identity.ErrNotFound
}

func TestFromOCS(t *testing.T) {
	for _, c := range []struct {
		bits   int
		folder bool
		want   link.Type
	}{
		{0, false, link.Internal}, {1, false, link.View}, {3, false, link.Edit}, {15, false, link.Edit}, {4, false, ""}, {2, false, ""},
		{0, true, link.Internal}, {1, true, link.View}, {5, true, link.Upload}, {15, true, link.Edit}, {4, true, link.CreateOnly}, {3, true, ""}, {31, true, link.Edit}, {31, false, link.Edit}, {16, true, ""}, {16, false, ""}, {32, true, ""}, {-1, true, ""},
	} {
		if got, ok := link.FromOCS(c.bits, c.folder); got != c.want || ok != (c.want != "") {
			t.Errorf("%d, folder %t: %q, %t", c.bits, c.folder, got, ok)
		}
	}
}

// Below finds what its caller may change, one level deep; Target ends with the file and with the rights of who made the link.
func TestBelowAndTarget(t *testing.T) {
	const mount = "11111111-1111-4111-8111-111111111111"
	people := accounts{}
	for _, id := range []string{"alice", "bob"} {
		people[id] = identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Roles: []string{role.User}}}
	}
	as := func(id string) context.Context { return identity.WithActor(t.Context(), people[id]) }
	fs := mem.New(mount)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sp, err := fs.CreateSpace(as("alice"), storage.SpaceRequest{Type: space.Project, Name: "P"})
	must(err)
	at := func(p string) storage.Ref { return storage.At(sp.ID, p) }
	for _, p := range []string{"d", "d/one", "d/one/deep", "other"} {
		_, err := fs.CreateFolder(as("alice"), at(p), storage.Conditions{})
		must(err)
	}
	must(fs.SetGrant(as("alice"), at(""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Manager}))
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "links.db"), db.Options{})
	must(err)
	defer func() { must(d.Close()) }()
	store, err := link.NewStore(t.Context(), d)
	must(err)
	s := link.New(link.Options{FS: fs, Machine: people, Store: store, Rules: link.Rules{Policy: password.Policy{Length: 8}, MustHave: true}})
	if r := s.Rules(); !r.MustHave || r.WriteMustHave || r.Policy.Length != 8 {
		t.Errorf("%+v", r)
	}
	links := map[string]link.Link{}
	for _, p := range []string{"d", "d/one", "d/one/deep", "other"} {
		l, err := s.Create(as("bob"), at(p), link.Request{Rights: permission.None})
		must(err)
		links[p] = l
	}
	folder, err := fs.Stat(as("alice"), at("d"), storage.View{})
	must(err)
	below := func(who string) (out []string) {
		t.Helper()
		all, err := s.Below(as(who), &folder)
		must(err)
		for _, g := range all {
			out = append(out, g.On.Path)
		}
		return out
	}
	if got := below("alice"); !slices.Equal(got, []string{"d/one"}) {
		t.Errorf("a manager sees %v", got)
	}
	if got := below("carol"); got != nil {
		t.Errorf("a stranger sees %v", got)
	}
	target := func(p string) (resource.ID, error) {
		l := links[p]
		i, err := s.Target(t.Context(), &l)
		return i.ID, err
	}
	if id, err := target("d"); err != nil || id != folder.ID {
		t.Error(id, err)
	}
	must(fs.Delete(as("alice"), at("other"), storage.Conditions{}))
	if _, err := target("other"); !errors.Is(err, storage.ErrNotFound) {
		t.Error("of what is in the trash:", err)
	}
	must(fs.RemoveGrant(as("alice"), at(""), space.UserGrantee, "bob"))
	if _, err := target("d"); !errors.Is(err, storage.ErrNotFound) {
		t.Error("of who left the space:", err)
	}
	if _, err := s.Create(as("alice"), at("d"), link.Request{Rights: permission.None, Expires: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}); !errors.Is(err, storage.ErrInvalid) {
		t.Error("an expiration that cannot be kept:", err)
	}
}
