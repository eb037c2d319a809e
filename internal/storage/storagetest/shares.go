package storagetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// found returns what FindGrants finds, as "path>grantee rights".
func (e *env) found(ctx context.Context, q storage.GrantQuery) string {
	e.Helper()
	all, err := e.fs.FindGrants(ctx, q)
	e.must(err)
	var out []string
	for _, g := range all {
		out = append(out, fmt.Sprintf("%s>%s/%d", g.Info.Path, g.Grant.Grantee, g.Info.Permissions))
	}
	return strings.Join(out, " ")
}

func user(id string, s permission.Set) space.Grant {
	return space.Grant{Kind: space.UserGrantee, Grantee: id, Permissions: s}
}

func findGrants(e *env) {
	e.mkdir("d")
	e.put("d/f", "1")
	e.put("g", "1")
	received, given := storage.GrantQuery{Received: true}, storage.GrantQuery{Given: true}
	e.equal(e.found(e.bob, received), "")
	set := func(path string, g space.Grant) { e.Helper(); e.must(e.fs.SetGrant(e.alice, e.at(path), g)) }
	set("d", user("bob", permission.Viewer))
	time.Sleep(2 * time.Millisecond) // they come in order of their creation
	set("d/f", user("bob", permission.FileEditor))
	time.Sleep(2 * time.Millisecond)
	set("g", space.Grant{Kind: space.GroupGrantee, Grantee: "writers", Permissions: permission.Viewer})
	v, w := permission.Viewer, permission.FileEditor
	both := fmt.Sprintf("d>bob/%d d/f>bob/%d", v, w)
	writer := As("bob", "writers")
	e.equal(e.found(e.bob, received), both)
	e.equal(e.found(writer, received), both+fmt.Sprintf(" g>writers/%d", v))
	e.equal(e.found(e.alice, received), "")
	m := permission.Manager
	e.equal(e.found(e.alice, given), fmt.Sprintf("d>bob/%d d/f>bob/%d g>writers/%d", m, m, m))
	e.equal(e.found(e.bob, given), "")
	e.equal(e.found(e.alice, storage.GrantQuery{Space: e.home}), fmt.Sprintf("d>bob/%d d/f>bob/%d g>writers/%d", m, m, m))
	_, err := e.fs.FindGrants(e.bob, storage.GrantQuery{Space: e.home})
	e.fails(err, storage.ErrNotFound)
	_, err = e.fs.FindGrants(e.bob, storage.GrantQuery{All: true})
	e.fails(err, storage.ErrForbidden)
	_, err = e.fs.FindGrants(context.Background(), received)
	e.fails(err, storage.ErrNotFound)
	all, err := e.fs.FindGrants(identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service}), storage.GrantQuery{All: true})
	if e.must(err); len(all) != 3 || all[0].SpaceAlias == "" || all[0].Info.Name != "d" || all[0].Info.SpaceOwner != "alice" || all[0].Grant.Creator != "alice" {
		e.Errorf("%+v", all)
	}
	// What is moved is still shared; what is in the trash, expired, or denied on the way is not there.
	_, err = e.fs.Move(e.alice, e.at("g"), e.at("d/g"), false, none)
	e.must(err)
	e.equal(e.found(As("x", "writers"), received), fmt.Sprintf("g>writers/%d", v)) // what is above it is not told
	e.must(e.fs.Delete(e.alice, e.at("d"), none))
	e.equal(e.found(writer, received), "")
	e.equal(e.found(e.alice, given), "")
	_, err = e.fs.Restore(e.alice, e.home, e.trash()[0].Key, "", storage.Ref{}, false, none)
	e.must(err)
	e.equal(e.found(e.bob, received), both)
	set("d/f", space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: w, Expires: time.Now().Add(-time.Second)})
	e.equal(e.found(e.bob, received), fmt.Sprintf("d>bob/%d", v))
	set("d", user("bob", permission.None))
	e.equal(e.found(e.bob, received), "")
	// Members of a space receive what is shared in it, but not its root.
	e.grant(e.project, "bob", permission.SpaceViewer)
	_, err = e.fs.CreateFolder(e.alice, storage.At(e.project, "p"), none)
	e.must(err)
	e.equal(e.found(e.bob, received), "")
	e.must(e.fs.SetGrant(e.alice, storage.At(e.project, "p"), user("bob", permission.Editor)))
	e.equal(e.found(e.bob, received), fmt.Sprintf("p>bob/%d", permission.Editor|permission.SpaceViewer))
}

// formerManagers: who may no longer share in a project has no shares in it.
func formerManagers(e *env) {
	at := storage.At(e.project, "p")
	_, err := e.fs.CreateFolder(e.alice, at, none)
	e.must(err)
	e.grant(e.project, "bob", permission.Manager)
	e.must(e.fs.SetGrant(e.bob, at, user("carol", permission.Editor)))
	carol, received := As("carol"), storage.GrantQuery{Received: true}
	p, err := e.fs.Stat(e.bob, at, storage.View{})
	e.must(err)
	sees := func(want permission.Set) {
		e.Helper()
		i, err := e.fs.Stat(carol, storage.At(p.ID, ""), storage.View{})
		found, err2 := e.fs.FindGrants(carol, received)
		e.must(err2)
		if want == permission.None {
			e.fails(err, storage.ErrNotFound)
			if len(found) > 0 {
				e.Errorf("%+v", found)
			}
			return
		}
		if e.must(err); i.Permissions != want || len(found) != 1 || found[0].Info.Permissions != want {
			e.Errorf("rights %b, %+v, want %b", i.Permissions, found, want)
		}
	}
	sees(permission.Editor)
	e.grant(e.project, "bob", permission.SpaceEditor)
	sees(permission.None)
	e.grant(e.project, "bob", permission.SpaceViewer|permission.AddGrant)
	sees(permission.Editor & permission.SpaceViewer)
	e.must(e.fs.RemoveGrant(e.alice, storage.At(e.project, ""), space.UserGrantee, "bob"))
	sees(permission.None)
}

// visitors reach what their link opens, and nothing else, by path or by id.
func visitors(e *env) {
	e.mkdir("pub")
	e.mkdir("pub/sub")
	e.mkdir("pubs") // the same beginning
	e.put("pub/f", "1")
	e.put("pub/sub/g", "1")
	e.put("pubs/x", "1")
	e.put("z", "1")
	e.put("pub/f", "2") // a version
	e.put("pub/gone", "1")
	e.must(e.fs.Delete(e.alice, e.at("pub/gone"), none))
	pub := e.stat("pub").ID
	visit := func(creator context.Context, node resource.ID, rights permission.Set) context.Context {
		return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link", Username: "public"},
			Visit: &identity.Visit{Link: "l", Space: node.Space, Node: node.Node, Rights: uint32(rights), Creator: identity.ActorFrom(creator)}})
	}
	viewer, editor, drop := visit(e.alice, pub, permission.Viewer), visit(e.alice, pub, permission.Editor), visit(e.alice, pub, permission.Uploader)
	got, err := e.list(viewer, storage.At(pub, ""))
	e.must(err)
	e.equal(got, []string{"f", "sub"})
	text, err := e.read(viewer, storage.At(e.stat("pub/sub/g").ID, ""))
	e.must(err)
	e.equal(text, "1")
	_, err = e.upload(viewer, storage.At(pub, "new"), "x", none)
	e.fails(err, storage.ErrForbidden)
	_, err = e.upload(editor, storage.At(pub, "new"), "x", none)
	e.must(err)
	for _, ctx := range []context.Context{viewer, editor, drop} {
		for _, ref := range []storage.Ref{e.at(""), e.at("pubs"), e.at("pubs/x"), e.at("z"), storage.At(e.stat("z").ID, ""), storage.At(e.project, "")} {
			_, err := e.fs.Stat(ctx, ref, storage.View{})
			e.fails(err, storage.ErrNotFound)
			_, err = e.fs.Move(ctx, storage.At(pub, "f"), ref, true, none)
			if err == nil {
				e.Errorf("moved to %v", ref)
			}
		}
		_, err := e.fs.ListVersions(ctx, e.stat("pub/f").ID)
		e.fails(err, storage.ErrForbidden)
		_, err = e.fs.ListTrash(ctx, e.home, "", "")
		e.fails(err, storage.ErrNotFound)
		_, err = e.fs.ListTrash(ctx, pub, "", "")
		e.fails(err, storage.ErrNotFound)
		e.fails(e.fs.SetGrant(ctx, storage.At(pub, ""), user("bob", permission.Viewer)), storage.ErrForbidden)
		spaces, err := e.fs.ListSpaces(ctx, storage.SpaceFilter{})
		if e.must(err); len(spaces) > 0 {
			e.Errorf("a visitor sees spaces: %+v", spaces)
		}
		if s, err := e.fs.CreateSpace(ctx, storage.SpaceRequest{Type: space.Project, Name: "mine"}); err == nil {
			e.Errorf("a visitor made %+v", s)
		}
		e.fails(e.fs.SetFavorite(ctx, storage.At(pub, "f"), true), storage.ErrForbidden)
	}
	// A file drop shows nothing and gives nothing out.
	_, err = e.list(drop, storage.At(pub, ""))
	e.fails(err, storage.ErrForbidden)
	_, err = e.read(drop, storage.At(pub, "f"))
	e.fails(err, storage.ErrForbidden)
	// No more than the creator may do now.
	e.grant(pub, "bob", permission.Viewer|permission.AddGrant)
	byBob := visit(e.bob, pub, permission.Editor)
	_, err = e.read(byBob, storage.At(pub, "f"))
	e.must(err)
	_, err = e.upload(byBob, storage.At(pub, "more"), "x", none)
	e.fails(err, storage.ErrForbidden)
	e.grant(pub, "bob", permission.Editor) // who may not share any more
	_, err = e.read(byBob, storage.At(pub, "f"))
	e.fails(err, storage.ErrNotFound)
	e.must(e.fs.RemoveGrant(e.alice, storage.At(pub, ""), space.UserGrantee, "bob"))
	_, err = e.read(byBob, storage.At(pub, "f"))
	e.fails(err, storage.ErrNotFound)
	// A visit without creator, or to another space, opens nothing.
	for _, ctx := range []context.Context{visit(context.Background(), pub, permission.Manager), visit(e.alice, pub.Root().WithNode("x"), permission.Manager)} {
		_, err = e.fs.Stat(ctx, storage.At(pub, ""), storage.View{})
		e.fails(err, storage.ErrNotFound)
	}
	// What is denied to the creator further down is not open to his visitors.
	e.must(e.fs.Delete(e.alice, e.at("pub"), none))
	_, err = e.fs.Stat(viewer, storage.At(pub, ""), storage.View{})
	e.fails(err, storage.ErrNotFound)
}

// shownPaths: who does not see the root of a space is told no names of what is above what he sees.
func shownPaths(e *env) {
	e.mkdir("a")
	e.mkdir("a/b")
	e.mkdir("a/b/c")
	e.put("a/b/c/f", "1")
	b := e.stat("a/b").ID
	e.grant(b, "bob", permission.Viewer)
	path := func(ctx context.Context, ref storage.Ref, want string) {
		e.Helper()
		i, err := e.fs.Stat(ctx, ref, storage.View{Path: true})
		e.must(err)
		e.equal(i.Path, want)
	}
	path(e.alice, e.at(""), "")
	path(e.alice, e.at("a/b/c/f"), "a/b/c/f")
	path(e.bob, storage.At(b, ""), "b")
	path(e.bob, storage.At(b, "c/f"), "b/c/f")
	_, children, err := e.fs.List(e.bob, storage.At(b, ""), storage.View{Path: true})
	e.must(err)
	for i, err := range children {
		e.must(err)
		e.equal(i.Path, "b/c")
	}
	e.equal(e.found(e.bob, storage.GrantQuery{Received: true}), fmt.Sprintf("b>bob/%d", permission.Viewer))
}

// dropGrantee: of who is no more nothing is left, not even in the trash, and not the last membership of a space.
func dropGrantee(e *env) {
	e.mkdir("d")
	e.put("f", "1")
	e.put("t", "1")
	for _, p := range []string{"d", "f", "t"} {
		e.must(e.fs.SetGrant(e.alice, e.at(p), user("bob", permission.Viewer)))
	}
	trashed := e.stat("t").ID
	e.must(e.fs.SetGrant(e.alice, e.at("d"), user("carol", permission.Viewer)))
	e.must(e.fs.Delete(e.alice, e.at("t"), none))
	project, err := e.fs.CreateSpace(e.bob, storage.SpaceRequest{Type: space.Project, Name: "Bob's"})
	e.must(err)
	before := e.stat("").ETag
	e.fails(e.fs.DropGrantee(e.alice, space.UserGrantee, "bob"), storage.ErrForbidden)
	service := identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service})
	e.must(e.fs.DropGrantee(service, space.UserGrantee, "bob"))
	if e.stat("").ETag == before || e.stat("f").Shared || !e.stat("d").Shared {
		e.Error("what was dropped does not show")
	}
	e.equal(e.found(e.bob, storage.GrantQuery{Received: true}), "")
	_, err = e.fs.Restore(e.alice, e.home, e.trash()[0].Key, "", storage.Ref{}, false, none)
	e.must(err)
	e.equal(e.stat("t").Shared, false)
	spaces, err := e.fs.ListSpaces(service, storage.SpaceFilter{ID: project.ID, All: true})
	if e.must(err); len(spaces) != 1 || len(spaces[0].Members) != 0 {
		e.Errorf("%+v", spaces)
	}
	e.must(e.fs.DropGrantee(service, space.UserGrantee, "bob")) // again
	e.bequeathed(service)
	e.must(e.fs.Delete(e.alice, e.at("f"), none))
	_, err = e.fs.Gone(e.alice, nil)
	e.fails(err, storage.ErrForbidden)
	gone := func(want ...resource.ID) {
		e.Helper()
		got, err := e.fs.Gone(service, []resource.ID{trashed, e.home, e.home.WithNode("nothing")})
		e.must(err)
		e.equal(got, append(want, e.home.WithNode("nothing")))
	}
	gone()
	e.must(e.fs.Delete(e.alice, storage.At(trashed, ""), none))
	gone()
	e.must(e.fs.Purge(e.alice, e.home, "", ""))
	gone(trashed)
}

// bequeathed: what somebody shared in a project stays when he is no more, as far as he could still give it; what had ended with
// his rights is not revived.
func (e *env) bequeathed(service context.Context) {
	e.Helper()
	project, err := e.fs.CreateSpace(e.alice, storage.SpaceRequest{Type: space.Project, Name: "Shared"})
	e.must(err)
	at := func(p string) storage.Ref { return storage.At(project.ID, p) }
	member := func(who string, may permission.Set) { e.must(e.fs.SetGrant(e.alice, at(""), user(who, may))) }
	member("bob", permission.Manager)
	member("eve", permission.Manager)
	bob, eve, carol := As("bob"), As("eve"), As("carol")
	for path, ctx := range map[string]context.Context{"by bob": bob, "by eve": eve, "denied": bob} {
		_, err := e.fs.CreateFolder(e.alice, at(path), none)
		e.must(err)
		may := permission.Editor
		if path == "denied" {
			may = permission.None
		}
		e.must(e.fs.SetGrant(ctx, at(path), user("carol", may)))
	}
	member("eve", permission.SpaceViewer)
	for _, who := range []string{"bob", "eve"} {
		e.must(e.fs.DropGrantee(service, space.UserGrantee, who))
	}
	member("eve", permission.Manager) // somebody else of that id must not revive them either
	i, err := e.fs.Stat(carol, at("by bob"), storage.View{})
	e.must(err)
	e.equal(i.Permissions, permission.Editor)
	for _, p := range []string{"by eve", "denied", ""} {
		_, err = e.fs.Stat(carol, at(p), storage.View{})
		e.fails(err, storage.ErrNotFound)
	}
	for path, want := range map[string][]space.Grant{"by bob": {user("carol", permission.Editor)}, "by eve": nil, "denied": {user("carol", permission.None)}} {
		got, err := e.fs.ListGrants(e.alice, at(path))
		e.must(err)
		for i := range got {
			got[i].Created = time.Time{}
		}
		e.equal(len(got), len(want))
		for i := range want {
			e.equal(got[i], want[i])
		}
	}
}
