package space_test

import (
	"fmt"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/space"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func grant(to string, set permission.Set) space.Grant {
	return space.Grant{Kind: space.UserGrantee, Grantee: to, Permissions: set}
}

func toGroup(to string, set permission.Set) space.Grant {
	return space.Grant{Kind: space.GroupGrantee, Grantee: to, Permissions: set}
}

func by(creator string, g space.Grant) space.Grant { g.Creator = creator; return g }

func until(t time.Time, g space.Grant) space.Grant { g.Expires = t; return g }

func person(id string, groups ...string) identity.Actor {
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: id}, Groups: groups}
}

// rights evaluates a way of three nodes: node, folder, root.
func rights(t *testing.T, a identity.Actor, kind space.Type, node, folder, root []space.Grant) permission.Set {
	t.Helper()
	owner := ""
	if kind == space.Personal {
		owner = "owner"
	}
	x := space.For(a, kind, owner, "space", now)
	x.Root = func() ([]space.Grant, error) { return root, nil }
	x.GroupsOf = func(user string) ([]string, error) {
		return map[string][]string{"grouped": {"managers"}}[user], nil
	}
	ids := []string{"node", "folder", "space"}
	if !x.Opens(func(id string) bool { return id == ids[0] || id == ids[1] || id == ids[2] }) {
		return permission.None
	}
	if may, ok := x.Whole(); ok {
		return may
	}
	var may permission.Set
	for i, grants := range [][]space.Grant{node, folder, root} {
		set, denied, err := x.Of(i == 2, grants)
		if err != nil {
			t.Fatal(err)
		}
		if denied {
			return permission.None
		}
		may |= set
	}
	return x.All(may)
}

func visitor(creator identity.Actor, node string, set permission.Set) identity.Actor {
	return identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x"},
		Visit: &identity.Visit{Link: "x", Space: "space", Node: node, Rights: uint32(set), Creator: creator}}
}

func TestAccess(t *testing.T) {
	const (
		none    = permission.None
		viewer  = permission.Viewer
		editor  = permission.Editor
		manager = permission.Manager
	)
	one := func(g ...space.Grant) []space.Grant { return g }
	mgr := grant("mgr", manager)
	for _, c := range []struct {
		name               string
		who                identity.Actor
		kind               space.Type
		node, folder, root []space.Grant
		want               permission.Set
	}{
		{name: "stranger", who: identity.Actor{}, kind: space.Project, root: one(grant("", editor), grant("u", editor))},
		{name: "service", who: identity.Actor{Kind: identity.Service}, kind: space.Project, want: manager},
		{name: "owner", who: person("owner"), kind: space.Personal, want: manager},
		{name: "owner is not denied", who: person("owner"), kind: space.Personal, node: one(grant("owner", none)), want: manager},
		{name: "a project has no owner", who: person(""), kind: space.Project},
		{name: "nobody's friend", who: person("u"), kind: space.Project, root: one(mgr)},
		{name: "member", who: person("u"), kind: space.Project, root: one(mgr, grant("u", viewer)), want: viewer},
		{name: "by group", who: person("u", "g"), kind: space.Project, root: one(toGroup("g", viewer)), want: viewer},
		{name: "a group of the user's name", who: person("g"), kind: space.Project, root: one(toGroup("g", viewer))},
		{name: "a user of the group's name", who: person("u", "g"), kind: space.Project, root: one(grant("g", viewer))},
		{name: "expired", who: person("u"), kind: space.Project, root: one(until(now, grant("u", viewer)))},
		{name: "not yet expired", who: person("u"), kind: space.Project, root: one(until(now.Add(1), grant("u", viewer))), want: viewer},
		{name: "share", who: person("u"), kind: space.Personal, node: one(by("owner", grant("u", viewer))), want: viewer},
		{name: "share of a folder above", who: person("u"), kind: space.Personal, folder: one(by("owner", grant("u", editor))), want: editor},
		{name: "union", who: person("u", "g"), kind: space.Personal, node: one(by("owner", toGroup("g", permission.FileEditor))), folder: one(by("owner", grant("u", viewer))), want: viewer | permission.FileEditor},
		{name: "denied here", who: person("u"), kind: space.Project, node: one(grant("u", none)), root: one(grant("u", manager))},
		{name: "denied above", who: person("u"), kind: space.Project, folder: one(grant("u", none)), node: one(by("mgr", grant("u", editor))), root: one(mgr, grant("u", viewer))},
		{name: "denied by group", who: person("u", "g"), kind: space.Project, folder: one(toGroup("g", none)), root: one(grant("u", manager))},
		{name: "an expired denial", who: person("u"), kind: space.Project, folder: one(until(now, grant("u", none))), root: one(grant("u", viewer)), want: viewer},
		{name: "another's denial", who: person("u"), kind: space.Project, folder: one(grant("v", none)), root: one(grant("u", viewer)), want: viewer},

		{name: "shared by a manager", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor))), root: one(mgr), want: editor},
		{name: "shared by nobody in particular", who: person("u"), kind: space.Project, node: one(grant("u", editor)), want: editor},
		{name: "shared by a former manager", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor)))},
		{name: "shared by one who is an editor now", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor))), root: one(grant("mgr", permission.SpaceEditor))},
		{name: "shared by one whose membership expired", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor))), root: one(until(now, mgr))},
		{name: "shared by one with less", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor))), root: one(grant("mgr", viewer|permission.AddGrant)), want: viewer},
		{name: "shared by a manager by group", who: person("u"), kind: space.Project, node: one(by("grouped", grant("u", editor))), root: one(toGroup("managers", manager)), want: editor},
		{name: "shared by one who left the group", who: person("u"), kind: space.Project, node: one(by("mgr", grant("u", editor))), root: one(toGroup("managers", manager))},
		{name: "shared in a personal space by another", who: person("u"), kind: space.Personal, node: one(by("v", grant("u", editor)))},
		{name: "members stay when who invited them goes", who: person("u"), kind: space.Project, root: one(by("mgr", grant("u", viewer))), want: viewer},

		{name: "visitor", who: visitor(person("owner"), "node", viewer), kind: space.Personal, want: viewer},
		{name: "visitor of a folder above", who: visitor(person("owner"), "folder", editor), kind: space.Personal, want: editor},
		{name: "visitor elsewhere", who: visitor(person("owner"), "other", editor), kind: space.Personal},
		{name: "visitor of a manager", who: visitor(person("mgr"), "node", editor), kind: space.Project, root: one(mgr), want: editor},
		{name: "visitor of one with less", who: visitor(person("u"), "node", editor), kind: space.Project, root: one(grant("u", viewer|permission.AddGrant)), want: viewer},
		{name: "visitor of one who may not share any more", who: visitor(person("u"), "node", viewer), kind: space.Project, root: one(grant("u", permission.SpaceEditor))},
		{name: "visitor of one who was denied", who: visitor(person("u"), "node", viewer), kind: space.Project, folder: one(grant("u", none)), root: one(grant("u", viewer))},
		{name: "visitor of a stranger", who: visitor(identity.Actor{}, "node", editor), kind: space.Project, root: one(mgr)},
		{name: "visitor of a service", who: visitor(identity.Actor{Kind: identity.Service}, "node", editor), kind: space.Project},
		{name: "visitor of a visitor", who: visitor(visitor(person("owner"), "node", manager), "node", manager), kind: space.Personal},
		{name: "visitor without a visit", who: identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "owner"}}, kind: space.Personal},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rights(t, c.who, c.kind, c.node, c.folder, c.root); got != c.want {
				t.Errorf("%019b, want %019b", got, c.want)
			}
		})
	}
}

// A visitor of another space has nothing there, whatever the ids are.
func TestVisitorsSpace(t *testing.T) {
	a := visitor(person("owner"), "node", permission.Manager)
	x := space.For(a, space.Personal, "owner", "another", now)
	if may, ok := x.Whole(); !ok || may != permission.None {
		t.Errorf("%v %v", may, ok)
	}
}

// TestNothingGivesMore: whatever the grants are, nobody has more than the union of the grants to him, a denial takes all, and
// a visitor never has more than his creator or his link.
func TestNothingGivesMore(t *testing.T) {
	sets := []permission.Set{permission.None, permission.Viewer, permission.Uploader, permission.Editor, permission.Manager}
	for i := range len(sets) * len(sets) * len(sets) {
		a, b, c := sets[i%5], sets[i/5%5], sets[i/25]
		node, folder, root := []space.Grant{grant("u", a)}, []space.Grant{toGroup("g", b)}, []space.Grant{grant("u", c)}
		name := fmt.Sprintf("%b %b %b", a, b, c)
		got := rights(t, person("u", "g"), space.Project, node, folder, root)
		want := a | b | c
		if a == permission.None || b == permission.None || c == permission.None {
			want = permission.None
		}
		if got != want {
			t.Errorf("%s: %b, want %b", name, got, want)
		}
		for _, l := range sets {
			most := got & l
			if !got.Has(permission.AddGrant) {
				most = permission.None
			}
			if v := rights(t, visitor(person("u", "g"), "node", l), space.Project, node, folder, root); v != most {
				t.Errorf("%s, link %b: %b", name, l, v)
			}
		}
	}
}
