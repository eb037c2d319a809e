package graph

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/odata"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// maxPeople bounds what a list of people looks through.
const maxPeople = 100_000

func isCredentials(err error) bool { return errors.Is(err, identity.ErrCredentials) }

// param is a part of the path.
func param(r *http.Request, name string) (string, error) {
	s := chi.URLParam(r, name)
	var err error
	if r.URL.RawPath != "" { // else it has been decoded already
		s, err = url.PathUnescape(s)
	}
	if err != nil || s == "" || len(s) > 512 || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", badRequest("the id cannot be read")
	}
	return s, nil
}

// account finds somebody by id or name; who is in the bin is not there.
func (h *handler) account(ctx context.Context, idOrName string) (identity.Account, error) {
	a, err := h.Accounts.Account(ctx, idOrName)
	if errors.Is(err, identity.ErrNotFound) {
		var u identity.User
		if u, err = h.Accounts.UserBy(ctx, "username", idOrName); err == nil {
			a, err = h.Accounts.Account(ctx, u.ID)
		}
	}
	if err == nil && !a.Deleted.IsZero() {
		err = identity.ErrNotFound
	}
	return a, err
}

// target is the account in the path: {user}, or the caller's own.
func (h *handler) target(r *http.Request) (identity.Account, error) {
	if chi.URLParam(r, "user") == "" {
		a := identity.ActorFrom(r.Context())
		if a.Kind != identity.Person {
			return identity.Account{}, identity.ErrNotFound
		}
		return identity.Account{User: a.User}, nil
	}
	id, err := param(r, "user")
	if err != nil {
		return identity.Account{}, err
	}
	return h.account(r.Context(), id)
}

// user answers GET /users/{id}. (spec/identity.md §14.3)
func (h *handler) user(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$expand", "$select")
	if err != nil {
		return nil, err
	}
	admin := may(r.Context(), role.AccountsReadWrite)
	if len(q.Expand) > 0 && !admin {
		return nil, forbidden()
	}
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	if !admin {
		if self := identity.ActorFrom(r.Context()); self.User.ID == a.ID {
			return toUser(&a.User), nil
		}
		return h.toStranger(&a.User), nil
	}
	all := []identity.Account{a}
	out, err := h.accountsOut(r.Context(), all, &q)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// users answers GET /users.
func (h *handler) users(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$filter", "$search", "$expand", "$select", "$orderby", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	if !may(r.Context(), role.AccountsReadWrite) {
		return h.searchUsers(r, &q)
	}
	all, err := h.find(r.Context(), &q, identity.AccountQuery{})
	if err != nil {
		return nil, err
	}
	some, l := page(h, r, &q, all)
	l.Value, err = h.accountsOut(r.Context(), some, &q)
	return l, err
}

// searchUsers is what people without the right to administer accounts may see of others: who matches a search.
func (h *handler) searchUsers(r *http.Request, q *odata.Query) (any, error) {
	if utf8.RuneCountInString(strings.TrimSpace(q.Search)) < h.cfg.API.SearchMinLength || strings.TrimSpace(q.Search) == "" {
		return nil, &graphError{http.StatusForbidden, "accessDenied", "search term too short"}
	}
	for name := range q.Given {
		switch name {
		case "$search", "$filter", "$top", "$skip", "$skiptoken", "$count":
		default:
			return nil, forbidden()
		}
	}
	query := identity.AccountQuery{}
	if q.Filter != nil {
		c, ok := q.Filter.(odata.Compare)
		kind, text := c.Value.(string)
		if !ok || c.Path != "userType" || c.Op != "eq" || !text {
			return nil, forbidden()
		}
		query.Type = identity.UserType(kind)
	}
	all, err := h.find(r.Context(), &odata.Query{Search: q.Search}, query)
	if err != nil {
		return nil, err
	}
	d, actor, text := h.discovery(), identity.ActorFrom(r.Context()), strings.TrimSpace(q.Search)
	peers, err := d.Peers(r.Context(), h.Groups, &actor)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a identity.Account) bool {
		found, _ := d.User(&a.User, text, peers)
		return !found
	})
	some, l := page(h, r, q, all)
	out := make([]user, 0, len(some))
	for i := range some {
		out = append(out, h.toStranger(&some[i].User))
	}
	l.Value = out
	return l, nil
}

func (h *handler) discovery() identity.Discovery {
	return identity.Discovery{Parts: h.cfg.API.Enumeration, OwnOnly: h.cfg.API.GroupMembersOnly, ShowMail: h.cfg.API.ShowEmail}
}

// everybody goes through the accounts that a query selects, page by page.
func (h *handler) everybody(ctx context.Context, q identity.AccountQuery) ([]identity.Account, error) {
	const at = 1000
	var all []identity.Account
	q.Limit = at
	for {
		some, err := h.Accounts.ListAccounts(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < at {
			return all, nil
		}
		if len(all) >= maxPeople {
			return nil, notSupported("a list of so many people; narrow it with $search or $filter")
		}
		q.After = some[len(some)-1].Username
	}
}

// find returns the accounts that a request asks for, in its order.
func (h *handler) find(ctx context.Context, q *odata.Query, base identity.AccountQuery) ([]identity.Account, error) {
	if err := accountSchema().Check(q.Filter); err != nil {
		return nil, err
	}
	less, err := accountOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	base.Text = strings.TrimSpace(q.Search)
	narrow(&base, q.Filter)
	all, err := h.everybody(ctx, base)
	if err != nil {
		return nil, err
	}
	if q.Filter != nil {
		members, err := h.membersOf(ctx, q.Filter)
		if err != nil {
			return nil, err
		}
		kept := all[:0]
		for i := range all {
			if odata.Match(q.Filter, accountObject(&all[i], members)) {
				kept = append(kept, all[i])
			}
		}
		all = kept
	}
	if less != nil {
		sort.SliceStable(all, func(i, j int) bool { return less(&all[i], &all[j]) })
	}
	return all, nil
}

// narrow lets the directory do what a filter's conjunction asks for; the filter itself is checked again afterwards.
func narrow(base *identity.AccountQuery, e odata.Expr) {
	switch e := e.(type) {
	case odata.And:
		narrow(base, e.Left)
		narrow(base, e.Right)
	case odata.Any:
		c, ok := e.Of.(odata.Compare)
		v, text := c.Value.(string)
		if !ok || !text || c.Op != "eq" {
			return
		}
		switch e.Path + "/" + c.Path {
		case "memberOf/id":
			base.Group = v
		case "appRoleAssignments/appRoleId":
			base.Role = v
		}
	case odata.Compare:
		if e.Op != "eq" {
			return
		}
		switch v := e.Value.(type) {
		case bool:
			if e.Path == "accountEnabled" {
				base.Enabled = &v
			}
		case string:
			if e.Path == "externalId" {
				base.External = v
			}
		}
	}
}

func accountSchema() odata.Schema {
	text := odata.Property{Kind: odata.Text}
	of := func(names ...string) odata.Property {
		s := odata.Schema{}
		for _, n := range names {
			s[n] = text
		}
		return odata.Property{Kind: odata.Collection, Items: s}
	}
	return odata.Schema{"id": text, "displayName": text, "mail": text, "onPremisesSamAccountName": text, "givenName": text, "surname": text, "userType": text,
		"externalId": text, "primaryRole": text, "preferredLanguage": text, "accountEnabled": {Kind: odata.Bool},
		"signInActivity/lastSuccessfulSignInDateTime": {Kind: odata.Time}, "memberOf": of("id"), "appRoleAssignments": of("appRoleId"),
		"identities": of("issuer", "issuerAssignedId")}
}

// members tells who is in the groups that a filter names.
type members map[string]map[string]bool

// membersOf looks the groups up that a filter names, so that it costs a query for each of them and none for each person.
func (h *handler) membersOf(ctx context.Context, e odata.Expr) (members, error) {
	m := members{}
	var walk func(e odata.Expr, path string) error
	walk = func(e odata.Expr, path string) error {
		switch e := e.(type) {
		case odata.And:
			return errors.Join(walk(e.Left, path), walk(e.Right, path))
		case odata.Or:
			return errors.Join(walk(e.Left, path), walk(e.Right, path))
		case odata.Not:
			return walk(e.Of, path)
		case odata.Any:
			return walk(e.Of, e.Path)
		case odata.Compare:
			id, ok := e.Value.(string)
			if path != "memberOf" || !ok || m[id] != nil {
				return nil
			}
			if e.Op != "eq" {
				return notSupported("memberOf other than eq")
			}
			ids, err := h.Groups.Members(ctx, id)
			if err != nil && !errors.Is(err, identity.ErrNotFound) {
				return err
			}
			m[id] = make(map[string]bool, len(ids))
			for _, u := range ids {
				m[id][u] = true
			}
		case odata.Call:
			if path == "memberOf" {
				return notSupported("memberOf other than eq")
			}
		}
		return nil
	}
	return m, walk(e, "")
}

func accountObject(a *identity.Account, m members) odata.Object {
	one := func(values map[string]string) odata.Object { return func(path string) any { return values[path] } }
	return func(path string) any {
		switch path {
		case "id":
			return a.ID
		case "displayName":
			return a.DisplayName
		case "mail":
			return a.Mail
		case "onPremisesSamAccountName":
			return a.Username
		case "givenName":
			return a.GivenName
		case "surname":
			return a.Surname
		case "userType":
			return toUser(&a.User).UserType
		case "externalId":
			return a.ExternalID
		case "primaryRole":
			return a.PrimaryRole
		case "preferredLanguage":
			return a.Language
		case "accountEnabled":
			return a.Enabled
		case "signInActivity/lastSuccessfulSignInDateTime":
			return a.LastSignIn
		}
		var all []odata.Object
		switch path {
		case "memberOf":
			for id, in := range m {
				if in[a.ID] {
					all = append(all, one(map[string]string{"id": id}))
				}
			}
		case "appRoleAssignments":
			for _, id := range rolesOf(&a.User) {
				all = append(all, one(map[string]string{"appRoleId": id}))
			}
		case "identities":
			for _, i := range toAccount(a).Identities {
				all = append(all, one(map[string]string{"issuer": i.Issuer, "issuerAssignedId": i.IssuerAssignedID}))
			}
		}
		return all
	}
}

// accountOrder reads $orderby; nil is the directory's order.
func accountOrder(by []odata.Order) (func(a, b *identity.Account) bool, error) {
	if len(by) == 0 {
		return nil, nil
	}
	of := map[string]func(*identity.Account) string{
		"displayName":              func(a *identity.Account) string { return strings.ToLower(a.DisplayName) },
		"mail":                     func(a *identity.Account) string { return strings.ToLower(a.Mail) },
		"onPremisesSamAccountName": func(a *identity.Account) string { return strings.ToLower(a.Username) },
	}[by[0].Path]
	if of == nil || len(by) > 1 {
		return nil, badRequest("$orderby takes displayName, mail or onPremisesSamAccountName")
	}
	if by[0].Descending {
		return func(a, b *identity.Account) bool { return of(a) > of(b) }, nil
	}
	return func(a, b *identity.Account) bool { return of(a) < of(b) }, nil
}

// accountsOut makes the answer of accounts, with what $expand asks for.
func (h *handler) accountsOut(ctx context.Context, all []identity.Account, q *odata.Query) ([]user, error) {
	out := make([]user, 0, len(all))
	for i := range all {
		out = append(out, toAccount(&all[i]))
	}
	for _, e := range q.Expand {
		var err error
		switch e.Path {
		case "memberOf":
			err = h.addGroups(ctx, out)
		case "appRoleAssignments":
			for i := range out {
				out[i].Roles = h.assignmentsOf(&all[i].User)
			}
		case "drive", "drives":
			err = h.addDrives(ctx, out, e.Path == "drives")
		default:
			err = badRequest("$expand knows memberOf, appRoleAssignments, drive and drives")
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addGroups adds the groups: one query for each person, one for each group.
func (h *handler) addGroups(ctx context.Context, out []user) error {
	known := map[string]group{}
	for i := range out {
		ids, err := h.Users.GroupsOf(ctx, out[i].ID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			g, ok := known[id]
			if !ok {
				found, err := h.Groups.Group(ctx, id)
				if errors.Is(err, identity.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				g = group{ID: found.ID, DisplayName: found.DisplayName, GroupTypes: []string{}}
				known[id] = g
			}
			out[i].MemberOf = append(out[i].MemberOf, g)
		}
	}
	return nil
}

// addDrives adds people's personal space, or all they are members of, as far as the caller may see them: with one listing.
func (h *handler) addDrives(ctx context.Context, out []user, all bool) error {
	f := storage.SpaceFilter{All: identity.ActorFrom(ctx).MayListAllSpaces}
	if !all {
		f.Type = space.Personal
	}
	spaces, err := h.Spaces.ListSpaces(ctx, f)
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i := range out {
		at[out[i].ID] = i
	}
	for i := range spaces {
		s := &spaces[i]
		if n, ok := at[s.Owner]; ok && s.Type == space.Personal {
			d := h.toDrive(s, &driveQuery{})
			if !all {
				out[n].Drive = &d
				continue
			}
			out[n].Drives = append(out[n].Drives, d)
		}
		for _, g := range s.Members {
			if n, ok := at[g.Grantee]; ok && all && g.Kind == space.UserGrantee && g.Grantee != s.Owner {
				out[n].Drives = append(out[n].Drives, h.toDrive(s, &driveQuery{}))
			}
		}
	}
	return nil
}

// userDrive answers GET /users/{id}/drive: for administrators and oneself.
func (h *handler) userDrive(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "user")
	if err != nil {
		return nil, err
	}
	self := identity.ActorFrom(r.Context()).User
	if !may(r.Context(), role.AccountsReadWrite) && (self.ID == "" || id != self.ID && !strings.EqualFold(id, self.Username)) {
		return nil, identity.ErrNotFound
	}
	a, err := h.account(r.Context(), id)
	if err != nil {
		return nil, err
	}
	all, err := h.Spaces.ListSpaces(r.Context(), storage.SpaceFilter{Type: space.Personal, Owner: a.ID, All: identity.ActorFrom(r.Context()).MayListAllSpaces})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, storage.ErrNotFound
	}
	d := h.toDrive(&all[0], &driveQuery{})
	return d, nil
}
