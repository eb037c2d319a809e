package storagetest

import (
	"slices"

	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func (e *env) spaceNames(f storage.SpaceFilter) []string {
	e.Helper()
	return e.spaceNamesFor("alice", f)
}

func (e *env) spaceNamesFor(user string, f storage.SpaceFilter) []string {
	e.Helper()
	all, err := e.fs.ListSpaces(As(user), f)
	e.must(err)
	out := []string{}
	for _, s := range all {
		out = append(out, s.Name)
	}
	return out
}

func spaces(e *env) {
	e.equal(e.spaceNames(storage.SpaceFilter{}), []string{"Alice", "A project"})
	e.equal(e.spaceNames(storage.SpaceFilter{Type: space.Project}), []string{"A project"})
	e.equal(e.spaceNames(storage.SpaceFilter{ID: e.home}), []string{"Alice"})
	e.equal(e.spaceNames(storage.SpaceFilter{Owner: "alice"}), []string{"Alice"})
	e.equal(e.spaceNamesFor("bob", storage.SpaceFilter{}), []string{})
	_, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Again"})
	e.fails(err, storage.ErrExists)
	for _, n := range []string{"", " ", "a/b", "a:b", "a?"} {
		if _, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Project, Name: n}); err == nil {
			e.Errorf("a space can be called %q", n)
		}
	}
	list, err := e.fs.ListSpaces(e.alice, storage.SpaceFilter{Type: space.Project})
	e.must(err)
	p := list[0]
	if p.ID != e.project || p.Alias != "project/a-project" || p.Owner != "" || p.Permissions != permission.Manager || len(p.Members) != 1 || p.Members[0].Grantee != "alice" || p.ETag == "" {
		e.Errorf("project %+v", p)
	}
	e.grant(e.project, "bob", permission.SpaceViewer)
	e.equal(e.spaceNamesFor("bob", storage.SpaceFilter{}), []string{"A project"})
	name, description := "New name", "Long text"
	_, err = e.fs.UpdateSpace(e.bob, e.project, storage.SpaceUpdate{Name: &name})
	e.fails(err, storage.ErrForbidden)
	got, err := e.fs.UpdateSpace(e.alice, e.project, storage.SpaceUpdate{Name: &name, Description: &description})
	e.must(err)
	if got.Name != name || got.Description != description || got.Alias != "project/a-project" || got.ETag == p.ETag {
		e.Errorf("updated %+v", got)
	}
	image := "no such node"
	_, err = e.fs.UpdateSpace(e.alice, e.project, storage.SpaceUpdate{ImageID: &image})
	e.fails(err, storage.ErrNotFound)
	r, err := e.upload(e.alice, storage.At(e.project, "image.png"), "x", none)
	e.must(err)
	got, err = e.fs.UpdateSpace(e.alice, e.project, storage.SpaceUpdate{ImageID: &r.Info.ID.Node})
	e.must(err)
	e.equal(got.ImageID, r.Info.ID.Node)
	root, err := e.fs.Stat(e.alice, storage.At(e.project, ""), storage.View{})
	e.must(err)
	if root.Name != name || root.SpaceType != space.Project || !root.IsFolder() || root.Shared {
		e.Errorf("root %+v", root)
	}
}

func disabledSpace(e *env) {
	at := func(p string) storage.Ref { return storage.At(e.project, p) }
	r, err := e.upload(e.alice, at("f"), "1", none)
	e.must(err)
	e.grant(e.project, "bob", permission.SpaceEditor)
	e.fails(e.fs.DisableSpace(e.bob, e.project), storage.ErrForbidden)
	if err := e.fs.PurgeSpace(e.alice, e.project); err == nil {
		e.Fatal("a space in use was purged")
	}
	e.must(e.fs.DisableSpace(e.alice, e.project))
	for _, ref := range []storage.Ref{at(""), at("f"), storage.At(r.Info.ID, "")} {
		_, err := e.fs.Stat(e.alice, ref, storage.View{})
		e.fails(err, storage.ErrNotFound)
	}
	_, err = e.upload(e.alice, at("g"), "1", none)
	e.fails(err, storage.ErrNotFound)
	e.equal(e.spaceNamesFor("bob", storage.SpaceFilter{}), []string{})
	list, err := e.fs.ListSpaces(e.alice, storage.SpaceFilter{Type: space.Project})
	e.must(err)
	if len(list) != 1 || list[0].Disabled.IsZero() {
		e.Errorf("managers see %+v", list)
	}
	_, err = e.fs.UpdateSpace(e.alice, e.project, storage.SpaceUpdate{Restore: true})
	e.must(err)
	got, err := e.read(e.alice, at("f"))
	e.must(err)
	e.equal(got, "1")
	e.must(e.fs.DisableSpace(e.alice, e.project))
	e.must(e.fs.PurgeSpace(e.alice, e.project))
	e.equal(e.spaceNames(storage.SpaceFilter{}), []string{"Alice"})
	_, err = e.fs.Stat(e.alice, storage.At(r.Info.ID, ""), storage.View{})
	e.fails(err, storage.ErrNotFound)
	e.fails(e.fs.PurgeSpace(e.alice, e.project), storage.ErrNotFound)
	if !slices.Equal(e.spaceNames(storage.SpaceFilter{}), []string{"Alice"}) {
		e.Error("the purged space came back")
	}
}
