package frontend

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

const (
	maxSharees = 500 // that a search looks through
	maxPage    = 200
)

// sharees answers GET /sharees: whom the caller could share with. A search of a few letters finds nobody, and one of more no more
// than maxSharees, so that nobody learns of everybody. (spec/storage.md §12.2)
func (c *call) sharees() (any, error) {
	if !c.params.Has("search") {
		return nil, badRequest("search is needed")
	}
	if role.Allows(c.actor.User.Roles, role.SharesWrite) == role.None {
		return nil, errRefused
	}
	from, n, err := c.page()
	if err != nil {
		return nil, err
	}
	var users, groups matches
	text := strings.TrimSpace(c.params.Get("search"))
	if text != "" && len(text) <= 256 && utf8.RuneCountInString(text) >= c.h.cfg.SearchMin {
		if users, err = c.findUsers(text); err != nil {
			return nil, err
		}
		if groups, err = c.findGroups(text); err != nil {
			return nil, err
		}
	}
	none := []any{}
	return object{"exact": object{"users": list(users.exact), "groups": list(groups.exact), "remotes": none},
		"users": list(cut(users.other, from, n)), "groups": list(cut(groups.other, from, n)), "remotes": none}, nil
}

// matches are who was found: those meant exactly, and others.
type matches struct{ exact, other []any }

func (m *matches) add(exact bool, o object) {
	if exact {
		m.exact = append(m.exact, o)
	} else {
		m.other = append(m.other, o)
	}
}

func list(a []any) []any { return append([]any{}, a...) }

func cut(a []any, from, n int) []any {
	from = min(from, len(a))
	return a[from:min(from+n, len(a))]
}

func (c *call) page() (from, n int, err error) {
	number := func(name string, standard int) int {
		s := c.params.Get(name)
		if s == "" {
			return standard
		}
		n, e := strconv.Atoi(s)
		if e != nil || n < 1 || n > 1_000_000 {
			err = badRequest("%s is no number", name)
		}
		return n
	}
	page := number("page", 1)
	n = min(number("perPage", maxPage), maxPage)
	return (page - 1) * n, n, err
}

func (c *call) discovery() identity.Discovery {
	return identity.Discovery{Parts: c.h.cfg.OCS.Enumeration, OwnOnly: c.h.cfg.OCS.GroupMembersOnly, ShowMail: c.h.cfg.OCS.ShowEmail}
}

func (c *call) findUsers(text string) (out matches, err error) {
	d := c.discovery()
	peers, err := d.Peers(c.ctx, c.h.Groups, &c.actor)
	if err != nil {
		return out, err
	}
	found, err := c.h.Users.FindUsers(c.ctx, text, maxSharees)
	if err != nil {
		return out, err
	}
	whole, err := c.h.Users.UserBy(c.ctx, "username", text)
	if err == nil && !slices.ContainsFunc(found, func(u identity.User) bool { return u.ID == whole.ID }) {
		found = append(found, whole) // beyond the limit
	} else if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return out, err
	}
	for i := range found {
		u := &found[i]
		if !u.Enabled || u.ID == c.actor.User.ID {
			continue
		}
		hit, exact := d.User(u, text, peers)
		if !hit {
			continue
		}
		out.add(exact, object{"label": u.DisplayName, "value": object{"shareType": userShare, "shareWith": u.ID, "shareWithAdditionalInfo": c.info(u), "userType": userType(u.Type)}})
	}
	return out, nil
}

func (c *call) findGroups(text string) (out matches, err error) {
	found, err := c.h.Groups.FindGroups(c.ctx, text, maxSharees)
	if err != nil {
		return out, err
	}
	for _, g := range found {
		hit, exact := c.discovery().Group(&g, text, &c.actor)
		if !hit {
			continue
		}
		out.add(exact, object{"label": g.DisplayName, "value": object{"shareType": groupShare, "shareWith": g.ID, "shareWithAdditionalInfo": ""}})
	}
	return out, nil
}
