package identity

import (
	"context"
	"slices"
	"strings"
)

// Discovery tells whom people find who may not administer accounts, by which protocol ever they search. A whole name or mail
// address finds its owner always: who knows it learns nothing. (spec/identity.md §14.3, spec/storage.md §12.2)
type Discovery struct {
	Parts    bool // a part of a name finds people and groups
	OwnOnly  bool // a part finds members of the searcher's own groups and those groups only
	ShowMail bool // mail addresses show, and a part of one finds its owner
}

// Peers returns the members of an actor's groups; nil if others are found too.
func (d Discovery) Peers(ctx context.Context, groups Groups, a *Actor) (map[string]bool, error) {
	if !d.OwnOnly {
		return nil, nil //nolint:nilnil // no restriction
	}
	peers := map[string]bool{}
	for _, g := range a.Groups {
		members, err := groups.Members(ctx, g)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			peers[m] = true
		}
	}
	return peers, nil
}

// User tells whether a text finds somebody, and whether it is a whole name or address of his. Peers are those of Peers.
func (d Discovery) User(u *User, text string, peers map[string]bool) (found, exact bool) {
	if slices.ContainsFunc([]string{u.Username, u.DisplayName, u.Mail}, func(s string) bool { return strings.EqualFold(s, text) }) {
		return true, true
	}
	if !d.Parts || d.OwnOnly && !peers[u.ID] {
		return false, false
	}
	names := []string{u.Username, u.DisplayName, u.GivenName, u.Surname}
	if d.ShowMail { // else it may not be guessed bit by bit either
		names = append(names, u.Mail)
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(names, func(s string) bool { return strings.Contains(strings.ToLower(s), text) }), false
}

// Group tells whether a text finds a group, and whether it is its whole name.
func (d Discovery) Group(g *Group, text string, a *Actor) (found, exact bool) {
	exact = strings.EqualFold(g.DisplayName, text)
	return exact || d.Parts && (!d.OwnOnly || slices.Contains(a.Groups, g.ID)), exact
}
