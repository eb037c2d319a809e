package posix_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// listener reads the events of a storage.
type listener struct {
	*env
	feed   *event.Feed
	cursor event.Cursor
}

func (e *env) listen() *listener {
	e.Helper()
	o, err := event.Open(e.ctx, e.db)
	if err != nil {
		e.Fatal(err)
	}
	l := &listener{e, event.NewFeed(slog.New(slog.DiscardHandler), o), nil}
	if l.cursor, err = l.feed.Now(e.ctx); err != nil {
		e.Fatal(err)
	}
	return l
}

// want checks that what happened since the last call was told, and nothing else.
func (l *listener) want(what string, types ...event.Type) []event.Event {
	l.Helper()
	events, err := l.feed.After(l.ctx, l.cursor, 100)
	if err != nil {
		l.Fatal(err)
	}
	var got []string
	for _, e := range events {
		l.cursor.Pass(e)
		got = append(got, string(e.Type))
	}
	var want []string
	for _, t := range types {
		want = append(want, string(t))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		l.Fatalf("%s: told %q, want %q", what, got, want)
	}
	return events
}

func asUser(id string) context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Person, User: identity.User{ID: id}, Initiator: "tab of " + id})
}

func TestShareEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, e *env) {
		file := e.put("secret plan.txt", "x")
		l := e.listen()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		to := func(who string, rights permission.Set) space.Grant {
			return space.Grant{Kind: space.UserGrantee, Grantee: who, Permissions: rights}
		}
		ref := storage.At(file.ID, "")
		ctx := asUser("u1")
		must(e.SetGrant(ctx, ref, to("bob", permission.Viewer)))
		got := l.want("given", event.ShareCreated)[0]
		grants, err := e.ListGrants(ctx, ref)
		must(err)
		if got.Actor != "u1" || got.Initiator != "tab of u1" || got.Item != file.ID.String() || got.Name != "secret plan.txt" || got.Owner != "u1" || got.User != "bob" || got.Group != "" ||
			got.Creator != "u1" || got.Permissions != permission.Viewer || got.Share != share.ID(file.ID, grants[0]) {
			t.Errorf("%+v", got)
		}
		changed := to("bob", permission.FileEditor)
		changed.Expires = time.Now().Add(time.Hour)
		must(e.SetGrant(ctx, ref, changed))
		if got := l.want("changed", event.ShareUpdated)[0]; strings.Join(got.Changed, " ") != "permissions expires" || got.Permissions != permission.FileEditor || !got.Expires.Equal(changed.Expires) {
			t.Errorf("%+v", got)
		}
		if err := e.SetGrant(asUser("bob"), ref, to("eve", permission.Viewer)); !errors.Is(err, storage.ErrForbidden) {
			t.Error(err)
		}
		if err := e.RemoveGrant(asUser("eve"), ref, space.UserGrantee, "bob"); !errors.Is(err, storage.ErrNotFound) {
			t.Error(err)
		}
		if err := e.RemoveGrant(ctx, ref, space.UserGrantee, "nobody"); !errors.Is(err, storage.ErrNotFound) {
			t.Error(err)
		}
		l.want("refused")
		must(e.RemoveGrant(ctx, ref, space.UserGrantee, "bob"))
		if got := l.want("taken back", event.ShareRemoved)[0]; got.User != "bob" || got.Permissions != permission.FileEditor || got.Actor != "u1" {
			t.Errorf("%+v", got)
		}
		must(e.SetGrant(ctx, ref, space.Grant{Kind: space.GroupGrantee, Grantee: "staff", Permissions: permission.Viewer}))
		if got := l.want("to a group", event.ShareCreated)[0]; got.Group != "staff" || got.User != "" {
			t.Errorf("%+v", got)
		}
		must(e.Delete(ctx, ref, storage.Conditions{}))
		must(e.DropGrantee(asService(), space.GroupGrantee, "staff"))
		if got := l.want("the group is no more", event.ShareRemoved)[0]; got.Group != "staff" || got.Name != "secret plan.txt" || got.Actor != "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestExpiredGrants(t *testing.T) {
	everywhere(t, func(t *testing.T, e *env) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		file, other := e.put("a.txt", "x"), e.put("b.txt", "x")
		p, err := e.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Project, Name: "P"})
		must(err)
		l := e.listen()
		end := time.Now().Add(time.Minute)
		grant := space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Viewer, Expires: end}
		must(e.SetGrant(e.ctx, storage.At(file.ID, ""), grant))
		must(e.SetGrant(e.ctx, storage.At(other.ID, ""), grant))
		must(e.SetGrant(e.ctx, storage.At(p.ID, ""), grant))
		must(e.Delete(e.ctx, storage.At(other.ID, ""), storage.Conditions{}))
		must(e.ExpireGrants(t.Context(), end.Add(-time.Second)))
		l.want("before the end", event.ShareCreated, event.ShareCreated, event.SpaceShared)
		before, err := e.Stat(e.ctx, e.at(""), storage.View{})
		must(err)
		must(e.ExpireGrants(t.Context(), end))
		for _, got := range l.want("at the end", event.ShareExpired, event.ShareExpired, event.SpaceMembershipExpired) {
			if got.User != "bob" || !got.Expires.Equal(end) || got.Actor != "" || got.Creator != "u1" {
				t.Errorf("%+v", got)
			}
		}
		must(e.ExpireGrants(t.Context(), end))
		l.want("it ends once")
		if after, err := e.Stat(e.ctx, e.at(""), storage.View{}); err != nil || after.ETag == before.ETag {
			t.Error("the owner's tree looks the same", err)
		}
		if all, err := e.ListGrants(e.ctx, storage.At(file.ID, "")); err != nil || len(all) != 0 {
			t.Error(all, err)
		}
		grant.Expires = time.Time{}
		must(e.SetGrant(e.ctx, storage.At(file.ID, ""), grant))
		l.want("given again", event.ShareCreated)
	})
}

func TestSpaceEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, e *env) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		text := func(s string) *string { return &s }
		l := e.listen()
		p, err := e.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Project, Name: "Garden"})
		must(err)
		if got := l.want("made", event.SpaceCreated)[0]; got.Item != p.ID.String() || got.Name != "Garden" || got.Creator != "u1" || got.Owner != "" {
			t.Errorf("%+v", got)
		}
		if _, err := e.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Project, ID: p.ID.Space, Name: "Twin"}); !errors.Is(err, storage.ErrExists) {
			t.Error(err)
		}
		l.want("not made")
		must(e.SetGrant(e.ctx, storage.At(p.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.SpaceViewer}))
		if got := l.want("a member", event.SpaceShared)[0]; got.User != "bob" || got.Share != "u:bob" || got.Name != "Garden" {
			t.Errorf("%+v", got)
		}
		must(e.SetGrant(e.ctx, storage.At(p.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.SpaceEditor}))
		l.want("another role", event.SpaceShareUpdated)
		if err := e.RemoveGrant(e.ctx, storage.At(p.ID, ""), space.UserGrantee, "u1"); !errors.Is(err, storage.ErrForbidden) {
			t.Error(err)
		}
		if _, err := e.UpdateSpace(asUser("bob"), p.ID, storage.SpaceUpdate{Name: text("Mine")}); !errors.Is(err, storage.ErrForbidden) {
			t.Error(err)
		}
		l.want("refused")
		_, err = e.UpdateSpace(e.ctx, p.ID, storage.SpaceUpdate{Name: text("Park"), Description: text("trees"), Alias: text("project/garden")})
		must(err)
		if got := l.want("renamed and described", event.SpaceRenamed, event.SpaceUpdated); got[0].Name != "Park" || strings.Join(got[1].Changed, " ") != "description" {
			t.Errorf("%+v", got)
		}
		_, err = e.UpdateSpace(e.ctx, p.ID, storage.SpaceUpdate{Name: text("Park")})
		must(err)
		l.want("nothing changed")
		must(e.DisableSpace(e.ctx, p.ID))
		if got := l.want("disabled", event.SpaceDisabled)[0]; len(got.Members) != 2 || got.Members[0].User != "bob" || got.Members[1].User != "u1" {
			t.Errorf("%+v", got)
		}
		_, err = e.UpdateSpace(e.ctx, p.ID, storage.SpaceUpdate{Restore: true})
		must(err)
		l.want("enabled", event.SpaceEnabled)
		if err := e.PurgeSpace(e.ctx, p.ID); !errors.Is(err, storage.ErrInvalid) {
			t.Error(err)
		}
		must(e.RemoveGrant(e.ctx, storage.At(p.ID, ""), space.UserGrantee, "bob"))
		must(e.DisableSpace(e.ctx, p.ID))
		must(e.PurgeSpace(e.ctx, p.ID))
		if got := l.want("left, disabled, deleted", event.SpaceUnshared, event.SpaceDisabled, event.SpaceDeleted)[2]; len(got.Members) != 1 || got.Members[0].User != "u1" || got.Name != "Park" {
			t.Errorf("%+v", got)
		}
	})
}

// A share of somebody who is no more becomes the space's: it changed, and is told so.
func TestBequeathedShareEvents(t *testing.T) {
	e := open(t)
	p, err := e.CreateSpace(e.ctx, storage.SpaceRequest{Type: space.Project, Name: "P"})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []struct {
		ref storage.Ref
		who string
	}{{storage.At(p.ID, ""), "boss"}, {storage.At(p.ID, "d"), "bob"}} {
		if g.who == "bob" {
			if _, err := e.CreateFolder(asUser("boss"), g.ref, storage.Conditions{}); err != nil {
				t.Fatal(err)
			}
			if err := e.SetGrant(asUser("boss"), g.ref, space.Grant{Kind: space.UserGrantee, Grantee: "bob", Permissions: permission.Viewer}); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := e.SetGrant(e.ctx, g.ref, space.Grant{Kind: space.UserGrantee, Grantee: "boss", Permissions: permission.Manager}); err != nil {
			t.Fatal(err)
		}
	}
	l := e.listen()
	if err := e.DropGrantee(asService(), space.UserGrantee, "boss"); err != nil {
		t.Fatal(err)
	}
	got := l.want("the manager is no more", event.ShareUpdated, event.SpaceUnshared)
	if got[0].User != "bob" || got[0].Creator != "" || strings.Join(got[0].Changed, " ") != "creator" {
		t.Errorf("%+v", got[0])
	}
}

func asService() context.Context {
	return identity.WithActor(context.Background(), identity.Actor{Kind: identity.Service})
}
