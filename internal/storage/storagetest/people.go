package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func locks(e *env) {
	f := e.put("f", "1")
	e.must(e.fs.SetGrant(e.alice, storage.At(f.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Editor}))
	l, created, err := e.fs.Lock(e.alice, e.at("f"), storage.LockRequest{Owner: "<x/>", Timeout: time.Hour}, none)
	e.must(err)
	if created || l.Token == "" || l.User != "alice" || l.Root != f.ID || l.Timeout != time.Hour || l.Expires.IsZero() {
		e.Errorf("lock %+v", l)
	}
	if got := e.stat("f").Locks; len(got) != 1 || got[0].Token != l.Token || got[0].Owner != "<x/>" {
		e.Errorf("locks %+v", got)
	}
	with := storage.Conditions{LockTokens: []string{l.Token}}
	refused := func(ctx context.Context, ref storage.Ref, c storage.Conditions) {
		e.Helper()
		_, err := e.upload(ctx, ref, "2", c)
		e.fails(err, storage.ErrLocked)
		var le *storage.LockedError
		if !errors.As(err, &le) {
			e.Errorf("%v does not say which lock", err)
		}
		e.fails(e.fs.PatchProps(ctx, ref, []storage.PropPatch{{Prop: storage.Prop{Name: "x", Value: "y"}}}, c), storage.ErrLocked)
		e.fails(e.fs.SetMTime(ctx, ref, time.Now(), c), storage.ErrLocked)
	}
	refused(e.alice, e.at("f"), none)
	refused(e.bob, storage.At(f.ID, ""), with) // the token of somebody else
	refused(e.alice, e.at("f"), storage.Conditions{LockTokens: []string{"opaquelocktoken:other"}})
	e.fails(e.fs.Delete(e.alice, e.at("f"), none), storage.ErrLocked)
	_, err = e.fs.Move(e.alice, e.at("f"), e.at("g"), false, none)
	e.fails(err, storage.ErrLocked)
	_, _, err = e.fs.Lock(e.alice, e.at("f"), storage.LockRequest{}, none)
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("f"), "2", with)
	e.must(err)
	e.content("f", "2")
	_, err = e.fs.RefreshLock(e.alice, e.at("f"), "other", time.Minute)
	e.fails(err, storage.ErrPrecondition)
	r, err := e.fs.RefreshLock(e.alice, e.at("f"), l.Token, time.Minute)
	e.must(err)
	e.equal(r.Timeout, time.Minute)
	e.fails(e.fs.Unlock(e.alice, e.at("f"), "other"), storage.ErrConflict)
	e.fails(e.fs.Unlock(e.bob, storage.At(f.ID, ""), l.Token), storage.ErrForbidden)
	e.must(e.fs.Unlock(e.alice, e.at("f"), l.Token))
	e.equal(len(e.stat("f").Locks), 0)
	_, err = e.upload(e.bob, storage.At(f.ID, ""), "3", none)
	e.must(err)

	// A free name.
	l, created, err = e.fs.Lock(e.alice, e.at("fresh"), storage.LockRequest{}, none)
	e.must(err)
	e.equal(created, true)
	e.equal(e.stat("fresh").Size, 0)
	_, _, err = e.fs.Lock(e.alice, e.at("no/fresh"), storage.LockRequest{}, none)
	e.fails(err, storage.ErrParentMissing)
	// Locks do not move, and end with what is locked.
	_, err = e.fs.Move(e.alice, e.at("fresh"), e.at("moved"), false, storage.Conditions{LockTokens: []string{l.Token}})
	e.must(err)
	e.equal(len(e.stat("moved").Locks), 0)
	l, _, err = e.fs.Lock(e.alice, e.at("moved"), storage.LockRequest{Token: "opaquelocktoken:chosen"}, none)
	e.must(err)
	e.equal(l.Token, "opaquelocktoken:chosen")
	e.must(e.fs.Delete(e.alice, e.at("moved"), storage.Conditions{LockTokens: []string{l.Token}}))
	// They expire.
	_, _, err = e.fs.Lock(e.alice, e.at("f"), storage.LockRequest{Timeout: 20 * time.Millisecond}, none)
	e.must(err)
	time.Sleep(40 * time.Millisecond)
	e.equal(len(e.stat("f").Locks), 0)
	_, err = e.upload(e.alice, e.at("f"), "4", none)
	e.must(err)
}

func sharedLocks(e *env) {
	f := e.put("f", "1")
	e.grant(f.ID, "bob", permission.Editor)
	a, _, err := e.fs.Lock(e.alice, e.at("f"), storage.LockRequest{Shared: true}, none)
	e.must(err)
	b, _, err := e.fs.Lock(e.bob, storage.At(f.ID, ""), storage.LockRequest{Shared: true}, none)
	e.must(err)
	_, _, err = e.fs.Lock(e.alice, e.at("f"), storage.LockRequest{}, none)
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("f"), "2", none)
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("f"), "2", storage.Conditions{LockTokens: []string{b.Token}})
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("f"), "2", storage.Conditions{LockTokens: []string{a.Token}})
	e.must(err)
	e.must(e.fs.Unlock(e.alice, e.at("f"), a.Token))
	_, err = e.upload(e.alice, e.at("f"), "3", none)
	e.fails(err, storage.ErrLocked)
	e.must(e.fs.Unlock(e.bob, storage.At(f.ID, ""), b.Token))
	_, err = e.upload(e.alice, e.at("f"), "3", none)
	e.must(err)
}

func deepLocks(e *env) {
	e.mkdir("d")
	e.mkdir("d/sub")
	e.put("d/sub/f", "1")
	l, _, err := e.fs.Lock(e.alice, e.at("d"), storage.LockRequest{Infinite: true}, none)
	e.must(err)
	if got := e.stat("d/sub/f").Locks; len(got) != 1 || got[0].Root != e.stat("d").ID || got[0].RootPath != "d" {
		e.Errorf("inherited %+v", got)
	}
	with := storage.Conditions{LockTokens: []string{l.Token}}
	_, err = e.upload(e.alice, e.at("d/sub/f"), "2", none)
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("d/sub/new"), "2", none)
	e.fails(err, storage.ErrLocked)
	_, err = e.fs.CreateFolder(e.alice, e.at("d/x"), none)
	e.fails(err, storage.ErrLocked)
	_, _, err = e.fs.Lock(e.alice, e.at("d/sub/f"), storage.LockRequest{}, none)
	e.fails(err, storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("d/sub/f"), "2", with)
	e.must(err)
	_, err = e.fs.CreateFolder(e.alice, e.at("d/x"), with)
	e.must(err)
	e.must(e.fs.Unlock(e.alice, e.at("d/sub/f"), l.Token)) // any resource in the lock's scope will do

	// Depth 0 on a folder guards who is in it, and nothing deeper.
	l, _, err = e.fs.Lock(e.alice, e.at("d"), storage.LockRequest{}, none)
	e.must(err)
	_, err = e.upload(e.alice, e.at("d/new"), "2", none)
	e.fails(err, storage.ErrLocked)
	e.fails(e.fs.Delete(e.alice, e.at("d/x"), none), storage.ErrLocked)
	_, err = e.upload(e.alice, e.at("d/sub/f"), "3", none)
	e.must(err)
	e.must(e.fs.Unlock(e.alice, e.at("d"), l.Token))

	// What is locked below keeps a folder where it is.
	l, _, err = e.fs.Lock(e.alice, e.at("d/sub/f"), storage.LockRequest{}, none)
	e.must(err)
	e.fails(e.fs.Delete(e.alice, e.at("d"), none), storage.ErrLocked)
	_, err = e.fs.Move(e.alice, e.at("d"), e.at("e"), false, none)
	e.fails(err, storage.ErrLocked)
	_, _, err = e.fs.Lock(e.alice, e.at("d"), storage.LockRequest{Infinite: true}, none)
	e.fails(err, storage.ErrLocked)
	e.must(e.fs.Delete(e.alice, e.at("d"), storage.Conditions{LockTokens: []string{l.Token}}))
}

func properties(e *env) {
	e.put("f", "1")
	p := func(ns, name, value string) storage.PropPatch {
		return storage.PropPatch{Prop: storage.Prop{Namespace: ns, Name: name, Value: value}}
	}
	e.must(e.fs.PatchProps(e.alice, e.at("f"), []storage.PropPatch{p("urn:a", "x", "<b>1</b>"), p("urn:b", "x", "2"), p("", "y", "")}, none))
	e.must(e.fs.PatchProps(e.alice, e.at("f"), []storage.PropPatch{p("urn:a", "x", "new"), {Prop: storage.Prop{Namespace: "urn:b", Name: "x"}, Remove: true},
		{Prop: storage.Prop{Namespace: "urn:c", Name: "never"}, Remove: true}}, none))
	got := e.stat("f").Props
	want := []storage.Prop{{Name: "y"}, {Namespace: "urn:a", Name: "x", Value: "new"}}
	if !slices.Equal(got, want) {
		e.Errorf("properties %+v", got)
	}
	_, children, err := e.fs.List(e.alice, e.at(""), storage.View{Props: true})
	e.must(err)
	for i, err := range children {
		e.must(err)
		if !slices.Equal(i.Props, want) {
			e.Errorf("properties in a listing %+v", i.Props)
		}
	}
	e.put("f", "other content")
	e.equal(len(e.stat("f").Props), 2)
	_, err = e.fs.Move(e.alice, e.at("f"), e.at("g"), false, none)
	e.must(err)
	e.equal(len(e.stat("g").Props), 2)
	_, err = e.fs.Copy(e.alice, e.at("g"), e.at("copy"), false, true, none)
	e.must(err)
	e.equal(len(e.stat("copy").Props), 2)
	e.fails(e.fs.PatchProps(e.alice, e.at("missing"), []storage.PropPatch{p("", "x", "")}, none), storage.ErrNotFound)
	e.fails(e.fs.PatchProps(e.alice, e.at("g"), []storage.PropPatch{p("", "x", "")}, storage.Conditions{IfMatch: []string{"other"}}), storage.ErrPrecondition)
}

func tagsAndFavorites(e *env) {
	e.mkdir("d")
	f := e.put("d/f", "1")
	e.grant(f.ID, "bob", permission.Viewer)
	e.must(e.fs.SetFavorite(e.alice, e.at("d/f"), true))
	e.equal(e.stat("d/f").Favorite, true)
	i, err := e.fs.Stat(e.bob, storage.At(f.ID, ""), storage.View{})
	e.must(err)
	e.equal(i.Favorite, false)
	found := func(what string, all func(func(storage.Info, error) bool), want ...string) {
		e.Helper()
		got := []string{}
		for i, err := range all {
			e.must(err)
			got = append(got, i.Name)
		}
		slices.Sort(got)
		if !slices.Equal(got, append([]string{}, want...)) {
			e.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	favorites, err := e.fs.Favorites(e.alice, e.at(""))
	e.must(err)
	found("favorites", favorites, "f")
	e.must(e.fs.SetFavorite(e.alice, e.at("d/f"), true))
	e.must(e.fs.SetFavorite(e.alice, e.at("d/f"), false))
	favorites, err = e.fs.Favorites(e.alice, e.at(""))
	e.must(err)
	found("favorites", favorites)
	e.must(e.fs.AddTags(e.alice, e.at("d/f"), []string{"red", "blue"}))
	e.must(e.fs.AddTags(e.alice, e.at("d"), []string{"red"}))
	e.must(e.fs.RemoveTags(e.alice, e.at("d/f"), []string{"blue", "never"}))
	e.equal(e.stat("d/f").Tags, []string{"red"})
	tagged, err := e.fs.Tagged(e.alice, e.at(""), "red")
	e.must(err)
	found("tagged", tagged, "d", "f")
	tagged, err = e.fs.Tagged(e.alice, e.at("d"), "blue")
	e.must(err)
	found("tagged", tagged)
	e.must(e.fs.AddTags(e.alice, e.at("d/f"), []string{"blue"}))
	tagged, err = e.fs.Tagged(e.alice, e.at(""), "")
	e.must(err)
	found("tagged at all", tagged, "d", "f")
	tagged, err = e.fs.Tagged(e.alice, e.at("d/f"), "")
	e.must(err)
	for i, err := range tagged {
		e.must(err)
		e.equal(i.Tags, []string{"blue", "red"})
	}
	e.fails(e.fs.AddTags(e.bob, storage.At(f.ID, ""), []string{"x"}), storage.ErrForbidden)
	e.must(e.fs.SetFavorite(e.bob, storage.At(f.ID, ""), true))
}

func visibility(e *env) {
	e.mkdir("d")
	f := e.put("d/f", "1")
	d := e.stat("d")
	for _, ref := range []storage.Ref{storage.At(f.ID, ""), storage.At(d.ID, "f"), storage.At(d.ID, ""), e.at(""), e.at("d/f")} {
		_, err := e.fs.Stat(e.bob, ref, storage.View{})
		e.fails(err, storage.ErrNotFound)
		_, err = e.read(e.bob, ref)
		e.fails(err, storage.ErrNotFound)
		_, err = e.list(e.bob, ref)
		e.fails(err, storage.ErrNotFound)
		e.fails(e.fs.Delete(e.bob, ref, none), storage.ErrNotFound)
		_, err = e.fs.ListGrants(e.bob, ref)
		e.fails(err, storage.ErrNotFound)
	}
	_, err := e.upload(e.bob, storage.At(d.ID, "new"), "x", none)
	e.fails(err, storage.ErrNotFound)
	for _, id := range []resource.ID{{Storage: "other", Space: e.home.Space, Node: e.home.Node}, {Storage: e.home.Storage, Space: "other", Node: f.ID.Node},
		{Storage: e.home.Storage, Space: e.project.Space, Node: f.ID.Node}, {Storage: e.home.Storage, Space: e.home.Space, Node: "other"}} {
		_, err := e.fs.Stat(e.alice, storage.At(id, ""), storage.View{})
		e.fails(err, storage.ErrNotFound)
	}
}

func grants(e *env) {
	e.mkdir("d")
	e.put("d/f", "1")
	d, f := e.stat("d").ID, e.stat("d/f").ID
	before := e.stat("d").ETag
	e.grant(d, "bob", permission.Viewer)
	if e.stat("d").ETag == before || !e.stat("d").Shared {
		e.Error("a grant does not show")
	}
	got, err := e.read(e.bob, storage.At(f, ""))
	e.must(err)
	e.equal(got, "1")
	i, err := e.fs.Stat(e.bob, storage.At(d, "f"), storage.View{})
	e.must(err)
	e.equal(i.Permissions, permission.Viewer)
	_, err = e.upload(e.bob, storage.At(d, "f"), "2", none)
	e.fails(err, storage.ErrForbidden)
	_, err = e.upload(e.bob, storage.At(d, "new"), "2", none)
	e.fails(err, storage.ErrForbidden)
	e.fails(e.fs.Delete(e.bob, storage.At(d, "f"), none), storage.ErrForbidden)
	_, err = e.fs.ListVersions(e.bob, f)
	e.fails(err, storage.ErrForbidden)
	e.fails(e.fs.SetGrant(e.bob, storage.At(d, ""), space.Grant{Kind: space.UserGrantee, Grantee: "carol", Permissions: permission.Viewer}), storage.ErrForbidden)
	kinds := func(who context.Context, v storage.View) (out []string) { // of d as a child, and by itself
		_, children, err := e.fs.List(who, e.at(""), v)
		e.must(err)
		for c, err := range children {
			if e.must(err); c.ID == d {
				out = append(out, fmt.Sprint(c.Grantees))
			}
		}
		i, err := e.fs.Stat(who, e.at("d"), v)
		e.must(err)
		return append(out, fmt.Sprint(i.Grantees))
	}
	e.equal(fmt.Sprint(kinds(e.alice, storage.View{Grantees: true})), fmt.Sprint([]string{"[1]", "[1]"}))
	e.equal(fmt.Sprint(kinds(e.alice, storage.View{})), fmt.Sprint([]string{"[]", "[]"}))
	hers, err := e.fs.Stat(e.bob, storage.At(d, ""), storage.View{Grantees: true})
	e.must(err)
	e.equal(len(hers.Grantees), 0) // who may not list them is not told
	list, err := e.fs.ListGrants(e.alice, storage.At(d, ""))
	e.must(err)
	if len(list) != 1 || list[0].Grantee != "bob" || list[0].Permissions != permission.Viewer || list[0].Creator != "alice" {
		e.Errorf("grants %+v", list)
	}
	// More on a child, by a group.
	e.must(e.fs.SetGrant(e.alice, storage.At(f, ""), space.Grant{Kind: space.GroupGrantee, Grantee: "writers", Permissions: permission.FileEditor}))
	writer := As("bob", "writers")
	_, err = e.upload(writer, storage.At(d, "f"), "2", none)
	e.must(err)
	_, err = e.upload(e.bob, storage.At(d, "f"), "3", none)
	e.fails(err, storage.ErrForbidden)
	// Expired grants do not count.
	e.must(e.fs.SetGrant(e.alice, storage.At(d, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Viewer, Expires: time.Now().Add(-time.Second)}))
	_, err = e.fs.Stat(e.bob, storage.At(d, ""), storage.View{})
	e.fails(err, storage.ErrNotFound)
	e.must(e.fs.RemoveGrant(e.alice, storage.At(d, ""), space.UserGrantee, "bob"))
	e.fails(e.fs.RemoveGrant(e.alice, storage.At(d, ""), space.UserGrantee, "bob"), storage.ErrNotFound)
	e.equal(e.stat("d").Shared, false)
}

func deny(e *env) {
	e.grant(e.project, "bob", permission.Editor)
	at := func(p string) storage.Ref { return storage.At(e.project, p) }
	for _, d := range []string{"open", "secret"} {
		_, err := e.fs.CreateFolder(e.alice, at(d), none)
		e.must(err)
		_, err = e.upload(e.alice, at(d+"/f"), d, none)
		e.must(err)
	}
	e.must(e.fs.SetGrant(e.alice, at("secret"), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.None}))
	got, err := e.list(e.bob, at(""))
	e.must(err)
	e.equal(got, []string{"open"})
	got, err = e.list(e.alice, at(""))
	e.must(err)
	e.equal(got, []string{"open", "secret"})
	f, err := e.fs.Stat(e.alice, at("secret/f"), storage.View{})
	e.must(err)
	_, err = e.read(e.bob, storage.At(f.ID, ""))
	e.fails(err, storage.ErrNotFound)
	if _, err = e.fs.CreateFolder(e.bob, at("secret"), none); err == nil {
		e.Error("a hidden name was taken")
	}
	_, err = e.upload(e.bob, at("open/g"), "x", none)
	e.must(err)
}

func roles(e *env) {
	type right struct {
		name string
		do   func(ctx context.Context, id resource.ID) error
	}
	rights := []right{
		{"list", func(ctx context.Context, id resource.ID) error { _, err := e.list(ctx, storage.At(id, "")); return err }},
		{"read", func(ctx context.Context, id resource.ID) error {
			_, err := e.read(ctx, storage.At(id, "f"))
			return err
		}},
		{"write", func(ctx context.Context, id resource.ID) error {
			_, err := e.upload(ctx, storage.At(id, "f"), "2", none)
			return err
		}},
		{"create", func(ctx context.Context, id resource.ID) error {
			_, err := e.upload(ctx, storage.At(id, "new"), "2", none)
			return err
		}},
		{"mkdir", func(ctx context.Context, id resource.ID) error {
			_, err := e.fs.CreateFolder(ctx, storage.At(id, "newdir"), none)
			return err
		}},
		{"move", func(ctx context.Context, id resource.ID) error {
			_, err := e.fs.Move(ctx, storage.At(id, "m"), storage.At(id, "moved"), false, none)
			return err
		}},
		{"delete", func(ctx context.Context, id resource.ID) error { return e.fs.Delete(ctx, storage.At(id, "d"), none) }},
		{"share", func(ctx context.Context, id resource.ID) error {
			return e.fs.SetGrant(ctx, storage.At(id, "f"), space.Grant{Kind: space.UserGrantee, Grantee: "carol", Permissions: permission.Viewer})
		}},
	}
	for _, role := range []struct {
		name string
		set  permission.Set
		may  string
	}{
		{"viewer", permission.Viewer, "list read"},
		{"editor", permission.Editor, "list read write create mkdir move delete"},
		{"editor lite", permission.EditorLite, "list read write create mkdir move"},
		{"uploader", permission.Uploader, "write create mkdir"},
		{"secure viewer", permission.SecureViewer, "list"},
		{"manager", permission.Manager, "list read write create mkdir move delete share"},
	} {
		dir := e.mkdir(role.name)
		for _, n := range []string{"f", "m", "d"} {
			e.put(role.name+"/"+n, "1")
		}
		e.grant(dir.ID, "bob", role.set)
		for _, r := range rights {
			err := r.do(e.bob, dir.ID)
			if may := slices.Contains(strings.Fields(role.may), r.name); may && err != nil || !may && !errors.Is(err, storage.ErrForbidden) {
				e.Errorf("%s: %s: %v", role.name, r.name, err)
			}
		}
	}
}

func strangers(e *env) {
	e.put("f", "1")
	for name, ctx := range map[string]context.Context{"nobody": context.Background(), "carol": As("carol")} {
		if _, err := e.fs.Stat(ctx, e.at("f"), storage.View{}); !errors.Is(err, storage.ErrNotFound) {
			e.Errorf("%s: stat: %v", name, err)
		}
		list, err := e.fs.ListSpaces(ctx, storage.SpaceFilter{})
		if err != nil || len(list) != 0 {
			e.Errorf("%s: spaces %v, %v", name, list, err)
		}
		list, err = e.fs.ListSpaces(ctx, storage.SpaceFilter{All: true})
		if err != nil || len(list) != 0 {
			e.Errorf("%s: all spaces %v, %v", name, list, err)
		}
		if _, err := e.fs.ListTrash(ctx, e.home, "", ""); !errors.Is(err, storage.ErrNotFound) {
			e.Errorf("%s: trash: %v", name, err)
		}
		if err := e.fs.Purge(ctx, e.home, "", ""); !errors.Is(err, storage.ErrNotFound) {
			e.Errorf("%s: purge: %v", name, err)
		}
		if err := e.fs.DisableSpace(ctx, e.home); !errors.Is(err, storage.ErrNotFound) {
			e.Errorf("%s: disable: %v", name, err)
		}
		if _, err := e.fs.Quota(ctx, e.home); !errors.Is(err, storage.ErrNotFound) {
			e.Errorf("%s: quota: %v", name, err)
		}
	}
	if _, err := e.fs.CreateSpace(context.Background(), storage.SpaceRequest{Type: space.Project, Name: "x"}); err == nil {
		e.Error("a stranger made a space")
	}
	if _, err := e.fs.CreateSpace(e.bob, storage.SpaceRequest{Type: space.Personal, Owner: "carol", Name: "x"}); err == nil {
		e.Error("bob made a space for carol")
	}
}
