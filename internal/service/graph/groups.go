package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/odata"
)

const maxGroupName = 256 // characters

// group is a LibreGraph group.
type group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Description string   `json:"description,omitempty"`
	GroupTypes  []string `json:"groupTypes"`
	Members     []user   `json:"members,omitempty"`
}

func toGroup(g *identity.GroupRecord) group {
	out := group{ID: g.ID, DisplayName: g.DisplayName, Description: g.Description, GroupTypes: []string{}}
	if g.ReadOnly {
		out.GroupTypes = []string{"ReadOnly"}
	}
	return out
}

// allGroups goes through the groups of a kind, page by page.
func (h *handler) allGroups(ctx context.Context, kind identity.GroupKind, text string) ([]identity.GroupRecord, error) {
	const at = 1000
	var all []identity.GroupRecord
	after := ""
	for {
		some, err := h.Records.ListGroups(ctx, kind, text, after, at)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < at {
			return all, nil
		}
		if len(all) >= maxPeople {
			return nil, notSupported("a list of so many groups; narrow it with $search")
		}
		after = some[len(some)-1].DisplayName
	}
}

// groups answers GET /groups. (spec/identity.md §14.4)
func (h *handler) groups(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$search", "$orderby", "$expand", "$select", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(q.Search)
	admin := may(r.Context(), role.GroupsReadWrite)
	if !admin {
		if utf8.RuneCountInString(text) < h.cfg.API.SearchMinLength || text == "" {
			return nil, &graphError{http.StatusForbidden, "accessDenied", "search term too short"}
		}
		if len(q.Expand) > 0 {
			return nil, forbidden()
		}
	}
	descending, err := byName(&q, "displayName")
	if err != nil {
		return nil, err
	}
	all, err := h.allGroups(r.Context(), identity.PlainGroup, text)
	if err != nil {
		return nil, err
	}
	if !admin {
		d, actor := h.discovery(), identity.ActorFrom(r.Context())
		all = slices.DeleteFunc(all, func(g identity.GroupRecord) bool {
			found, _ := d.Group(&g.Group, text, &actor)
			return !found
		})
	}
	if descending {
		slices.Reverse(all)
	}
	some, l := page(h, r, &q, all)
	out := make([]group, 0, len(some))
	for i := range some {
		g, err := h.groupOut(r.Context(), &some[i], &q)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	l.Value = out
	return l, nil
}

// byName reads $orderby of lists that are ordered by name anyway.
func byName(q *odata.Query, name string) (descending bool, err error) {
	if len(q.OrderBy) > 1 || len(q.OrderBy) == 1 && q.OrderBy[0].Path != name {
		return false, badRequest("$orderby takes " + name)
	}
	return len(q.OrderBy) == 1 && q.OrderBy[0].Descending, nil
}

func (h *handler) groupOut(ctx context.Context, g *identity.GroupRecord, q *odata.Query) (group, error) {
	out := toGroup(g)
	for _, e := range q.Expand {
		if e.Path != "members" {
			return out, badRequest("$expand knows members")
		}
		var err error
		if out.Members, err = h.membersOut(ctx, identity.PlainGroup, g.ID, identity.MemberOf); err != nil {
			return out, err
		}
	}
	return out, nil
}

// membersOut lists those who belong to a group; who is in the bin is left out.
func (h *handler) membersOut(ctx context.Context, kind identity.GroupKind, id string, as identity.MemberRole) ([]user, error) {
	out := []user{}
	if kind == identity.PlainGroup {
		all, err := h.everybody(ctx, identity.AccountQuery{Group: id})
		for i := range all {
			out = append(out, toAccount(&all[i]))
		}
		return out, err
	}
	ids, err := h.Records.MembersOf(ctx, kind, id, as)
	if err != nil {
		return nil, err
	}
	for _, m := range ids {
		a, err := h.Accounts.Account(ctx, m)
		if errors.Is(err, identity.ErrNotFound) || err == nil && !a.Deleted.IsZero() {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, toPupil(&a))
	}
	return out, nil
}

func (h *handler) record(r *http.Request, kind identity.GroupKind, name string) (identity.GroupRecord, error) {
	id, err := param(r, name)
	if err != nil {
		return identity.GroupRecord{}, err
	}
	return h.Records.GroupRecord(r.Context(), kind, id)
}

func (h *handler) group(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$expand", "$select")
	if err != nil {
		return nil, err
	}
	if len(q.Expand) > 0 && !may(r.Context(), role.GroupsReadWrite) {
		return nil, forbidden()
	}
	g, err := h.record(r, identity.PlainGroup, "group")
	if err != nil {
		return nil, err
	}
	return h.groupOut(r.Context(), &g, &q)
}

type groupBody struct {
	DisplayName *string          `json:"displayName"`
	Description *string          `json:"description"`
	Bind        []string         `json:"members@odata.bind"`
	ID          json.RawMessage  `json:"id"`
	GroupTypes  json.RawMessage  `json:"groupTypes"`
	Members     *json.RawMessage `json:"members"`
}

func (h *handler) readGroup(r *http.Request) (*groupBody, error) {
	b := &groupBody{}
	if err := decode(r, b); err != nil {
		return nil, err
	}
	if !absent(b.ID) || !absent(b.GroupTypes) || b.Members != nil {
		return nil, badRequest("id, groupTypes and members are read-only")
	}
	if b.DisplayName != nil && (strings.TrimSpace(*b.DisplayName) == "" || utf8.RuneCountInString(*b.DisplayName) > maxGroupName) {
		return nil, badRequest("displayName has 1 to 256 characters")
	}
	return b, nil
}

func (h *handler) createGroup(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readGroup(r)
	if err != nil {
		return nil, err
	}
	if b.DisplayName == nil {
		return nil, badRequest("displayName is needed")
	}
	ids, err := h.bound(r.Context(), b.Bind, "users")
	if err != nil {
		return nil, err
	}
	g, err := h.Records.CreateGroup(r.Context(), identity.GroupRecord{Group: identity.Group{DisplayName: *b.DisplayName}, Description: text(b.Description)})
	if err != nil {
		return nil, err
	}
	if err := h.join(r.Context(), identity.PlainGroup, g.ID, ids, identity.MemberOf); err != nil {
		return nil, err
	}
	return created(toGroup(&g))
}

func (h *handler) patchGroup(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readGroup(r)
	if err != nil {
		return nil, err
	}
	g, err := h.record(r, identity.PlainGroup, "group")
	if err != nil {
		return nil, err
	}
	ids, err := h.bound(r.Context(), b.Bind, "users")
	if err != nil {
		return nil, err
	}
	if b.DisplayName != nil || b.Description != nil {
		if b.DisplayName != nil {
			g.DisplayName = *b.DisplayName
		}
		if b.Description != nil {
			g.Description = *b.Description
		}
		if err := h.Records.UpdateGroup(r.Context(), g); err != nil {
			return nil, err
		}
	}
	if err := h.join(r.Context(), identity.PlainGroup, g.ID, ids, identity.MemberOf); err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) deleteGroup(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.record(r, identity.PlainGroup, "group")
	if err == nil {
		err = h.dropGroup(r.Context(), identity.PlainGroup, g.ID)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

// dropGroup deletes a group and what was shared with it. The group goes first: a directory may refuse that.
func (h *handler) dropGroup(ctx context.Context, kind identity.GroupKind, id string) error {
	if err := h.Records.DeleteGroup(ctx, kind, id); err != nil || h.OnGroupDeleted == nil {
		return err
	}
	if err := h.OnGroupDeleted(ctx, id); err != nil {
		return fmt.Errorf("what was shared with the group: %w", err)
	}
	return nil
}

func (h *handler) groupMembers(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$select", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	g, err := h.record(r, identity.PlainGroup, "group")
	if err != nil {
		return nil, err
	}
	all, err := h.membersOut(r.Context(), identity.PlainGroup, g.ID, identity.MemberOf)
	if err != nil {
		return nil, err
	}
	some, l := page(h, r, &q, all)
	l.Value = some
	return l, nil
}

// referred reads a reference to something of a collection: https://…/graph/v1.0/<collection>/<id>.
func referred(ref, collection string) (string, error) {
	u, err := url.Parse(ref)
	if err != nil || len(ref) > 2048 || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" {
		return "", badRequest("the reference is no address")
	}
	rest, ok := strings.CutPrefix(u.Path, "/graph/v1.0/"+collection+"/")
	if !ok || rest == "" || strings.Contains(rest, "/") {
		return "", badRequest("the reference is not to " + collection)
	}
	return rest, nil
}

// bound reads members@odata.bind; all of them must exist.
func (h *handler) bound(ctx context.Context, refs []string, collection string) ([]string, error) {
	if len(refs) > h.cfg.API.MembersPatchLimit {
		return nil, badRequest("there are more members than one request can add")
	}
	ids := make([]string, 0, len(refs))
	for _, ref := range refs {
		id, err := referred(ref, collection)
		if err != nil {
			return nil, err
		}
		a, err := h.account(ctx, id)
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	sort.Strings(ids)
	return slices.Compact(ids), nil
}

func (h *handler) join(ctx context.Context, kind identity.GroupKind, group string, ids []string, as identity.MemberRole) error {
	for _, id := range ids {
		if err := h.Records.AddMember(ctx, kind, group, id, as); err != nil {
			return err
		}
	}
	return nil
}

// reference reads the body {"@odata.id": "…"}.
func reference(r *http.Request, collection string) (string, error) {
	var body struct {
		ID string `json:"@odata.id"`
	}
	if err := decode(r, &body); err != nil {
		return "", err
	}
	return referred(body.ID, collection)
}

func (h *handler) addMember(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := reference(r, "users")
	if err != nil {
		return nil, err
	}
	g, err := h.record(r, identity.PlainGroup, "group")
	if err != nil {
		return nil, err
	}
	a, err := h.account(r.Context(), id)
	if err == nil {
		err = h.Records.AddMember(r.Context(), identity.PlainGroup, g.ID, a.ID, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) removeMember(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.leave(r, identity.PlainGroup, "group", identity.MemberOf)
}

// leave takes the member of the path out of the group of the path.
func (h *handler) leave(r *http.Request, kind identity.GroupKind, name string, as identity.MemberRole) (any, error) {
	member, err := param(r, "member")
	if err != nil {
		return nil, err
	}
	g, err := h.record(r, kind, name)
	if err == nil {
		err = h.Records.RemoveMember(r.Context(), kind, g.ID, member, as)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}
