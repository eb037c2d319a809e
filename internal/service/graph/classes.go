package graph

import (
	"encoding/json"
	"net/http"
	"slices"

	"opencloud/internal/identity"
)

// class is a LibreGraph educationClass. (spec/identity.md §15.2)
type class struct {
	ID             string `json:"id"`
	DisplayName    string `json:"displayName"`
	Description    string `json:"description,omitempty"`
	Classification string `json:"classification"`
	ExternalID     string `json:"externalId,omitempty"`
}

func toClass(g *identity.GroupRecord) class {
	return class{ID: g.ID, DisplayName: g.DisplayName, Description: g.Description, Classification: g.Classification, ExternalID: g.ExternalID}
}

// toPupil is an account with what schools know about it.
func toPupil(a *identity.Account) user {
	u := toAccount(a)
	u.ExternalID, u.PrimaryRole = a.ExternalID, a.PrimaryRole
	return u
}

func (h *handler) classes(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$filter", "$orderby", "$search", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	ext, err := external(&q)
	if err != nil {
		return nil, err
	}
	descending, err := byName(&q, "displayName")
	if err != nil {
		return nil, err
	}
	all, err := h.allGroups(r.Context(), identity.Class, q.Search)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g identity.GroupRecord) bool { return ext != "" && g.ExternalID != ext })
	if descending {
		slices.Reverse(all)
	}
	some, l := page(h, r, &q, all)
	out := make([]class, 0, len(some))
	for i := range some {
		out = append(out, toClass(&some[i]))
	}
	l.Value = out
	return l, nil
}

type classBody struct {
	DisplayName    *string         `json:"displayName"`
	Description    *string         `json:"description"`
	Classification *string         `json:"classification"`
	ExternalID     *string         `json:"externalId"`
	Bind           []string        `json:"members@odata.bind"`
	ID             json.RawMessage `json:"id"`
	Members        json.RawMessage `json:"members"`
}

// applyClass reads a body into a record and returns the members it adds.
func (h *handler) applyClass(r *http.Request, g *identity.GroupRecord) ([]string, error) {
	var b classBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	if !absent(b.ID) || !absent(b.Members) {
		return nil, badRequest("id and members are read-only")
	}
	for _, f := range []struct {
		from *string
		to   *string
	}{{b.DisplayName, &g.DisplayName}, {b.Description, &g.Description}, {b.Classification, &g.Classification}, {b.ExternalID, &g.ExternalID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if g.DisplayName == "" || g.Classification != "class" && g.Classification != "course" {
		return nil, badRequest("displayName is needed, and classification is class or course")
	}
	return h.bound(r.Context(), b.Bind, "education/users")
}

func (h *handler) createClass(_ http.ResponseWriter, r *http.Request) (any, error) {
	g := identity.GroupRecord{Kind: identity.Class}
	ids, err := h.applyClass(r, &g)
	if err == nil {
		g, err = h.Records.CreateGroup(r.Context(), g)
	}
	if err == nil {
		err = h.join(r.Context(), identity.Class, g.ID, ids, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return created(toClass(&g))
}

func (h *handler) class(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.record(r, identity.Class, "class")
	if err != nil {
		return nil, err
	}
	return toClass(&g), nil
}

func (h *handler) patchClass(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.record(r, identity.Class, "class")
	if err != nil {
		return nil, err
	}
	ids, err := h.applyClass(r, &g)
	if err == nil {
		err = h.Records.UpdateGroup(r.Context(), g)
	}
	if err == nil {
		err = h.join(r.Context(), identity.Class, g.ID, ids, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return toClass(&g), nil
}

func (h *handler) deleteClass(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.record(r, identity.Class, "class")
	if err == nil {
		err = h.dropGroup(r.Context(), identity.Class, g.ID)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) classPeople(as identity.MemberRole) operation {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		g, err := h.record(r, identity.Class, "class")
		if err != nil {
			return nil, err
		}
		out, err := h.membersOut(r.Context(), identity.Class, g.ID, as)
		return list{Value: out}, err
	}
}

func (h *handler) addToClass(as identity.MemberRole) operation {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		id, err := reference(r, "education/users")
		if err != nil {
			return nil, err
		}
		g, err := h.record(r, identity.Class, "class")
		if err != nil {
			return nil, err
		}
		a, err := h.account(r.Context(), id)
		if err == nil {
			err = h.Records.AddMember(r.Context(), identity.Class, g.ID, a.ID, as)
		}
		if err != nil {
			return nil, err
		}
		return noContent()
	}
}

func (h *handler) removeFromClass(as identity.MemberRole) operation {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return h.leave(r, identity.Class, "class", as)
	}
}

// pupils answers GET /education/users.
func (h *handler) pupils(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$filter", "$orderby", "$search", "$expand", "$select", "$top", "$skip", "$skiptoken", "$count")
	if err != nil {
		return nil, err
	}
	yes := true
	all, err := h.find(r.Context(), &q, identity.AccountQuery{Education: &yes})
	if err != nil {
		return nil, err
	}
	some, l := page(h, r, &q, all)
	out, err := h.accountsOut(r.Context(), some, &q)
	for i := range out {
		out[i].ExternalID, out[i].PrimaryRole = some[i].ExternalID, some[i].PrimaryRole
	}
	l.Value = out
	return l, err
}

func (h *handler) createPupil(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readUser(r, true)
	if err != nil {
		return nil, err
	}
	if text(b.PrimaryRole) == "" || b.Identities == nil || len(*b.Identities) == 0 {
		return nil, badRequest("primaryRole and at least one of identities are needed")
	}
	a, err := h.create(r.Context(), b)
	if err != nil {
		return nil, err
	}
	return created(toPupil(&a))
}

// thePupil finds the account of the path, if it belongs to education.
func (h *handler) thePupil(r *http.Request) (identity.Account, error) {
	a, err := h.target(r)
	if err == nil && a.PrimaryRole == "" {
		err = identity.ErrNotFound
	}
	return a, err
}

func (h *handler) pupil(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$expand", "$select")
	if err != nil {
		return nil, err
	}
	a, err := h.thePupil(r)
	if err != nil {
		return nil, err
	}
	out, err := h.accountsOut(r.Context(), []identity.Account{a}, &q)
	if err != nil {
		return nil, err
	}
	out[0].ExternalID, out[0].PrimaryRole = a.ExternalID, a.PrimaryRole
	return out[0], nil
}

func (h *handler) patchPupil(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readUser(r, true)
	if err != nil {
		return nil, err
	}
	if b.PrimaryRole != nil && *b.PrimaryRole == "" {
		return nil, badRequest("primaryRole is empty")
	}
	a, err := h.thePupil(r)
	if err != nil {
		return nil, err
	}
	if a, _, err = h.patch(r.Context(), a, b); err != nil {
		return nil, err
	}
	return toPupil(&a), nil
}

func (h *handler) deletePupil(w http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := h.thePupil(r); err != nil {
		return nil, err
	}
	return h.deleteUser(w, r)
}
