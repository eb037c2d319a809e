package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sort"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/odata"
)

// school is a LibreGraph educationSchool. (spec/identity.md §15.2)
type school struct {
	ID          string  `json:"id"`
	DisplayName string  `json:"displayName"`
	Number      string  `json:"schoolNumber,omitempty"`
	ExternalID  string  `json:"externalId,omitempty"`
	Terminates  *string `json:"terminationDate,omitempty"`
}

func toSchool(g *identity.GroupRecord) school {
	s := school{ID: g.ID, DisplayName: g.DisplayName, Number: g.Number, ExternalID: g.ExternalID}
	if !g.Terminates.IsZero() {
		t := g.Terminates.UTC().Format(time.RFC3339)
		s.Terminates = &t
	}
	return s
}

// external reads a $filter that can only be externalId eq '…'.
func external(q *odata.Query) (string, error) {
	if q.Filter == nil {
		return "", nil
	}
	c, ok := q.Filter.(odata.Compare)
	v, isText := c.Value.(string)
	if !ok || !isText || c.Path != "externalId" || c.Op != "eq" || v == "" {
		return "", notSupported("this $filter")
	}
	return v, nil
}

func (h *handler) schools(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$filter", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$search")
	if err != nil {
		return nil, err
	}
	ext, err := external(&q)
	if err != nil {
		return nil, err
	}
	all, err := h.allGroups(r.Context(), identity.School, q.Search)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(g identity.GroupRecord) bool { return ext != "" && g.ExternalID != ext })
	if len(q.OrderBy) == 1 && q.OrderBy[0].Path == "schoolNumber" {
		sort.SliceStable(all, func(i, j int) bool { return all[i].Number < all[j].Number })
	} else if _, err := byName(&q, "displayName"); err != nil {
		return nil, err
	}
	if len(q.OrderBy) == 1 && q.OrderBy[0].Descending {
		slices.Reverse(all)
	}
	some, l := page(h, r, &q, all)
	out := make([]school, 0, len(some))
	for i := range some {
		out = append(out, toSchool(&some[i]))
	}
	l.Value = out
	return l, nil
}

// theSchool finds the school of the path, by id or number.
func (h *handler) theSchool(r *http.Request) (identity.GroupRecord, error) {
	g, err := h.record(r, identity.School, "school")
	if !errors.Is(err, identity.ErrNotFound) {
		return g, err
	}
	number, err := param(r, "school")
	if err != nil {
		return g, err
	}
	return h.byNumber(r.Context(), number)
}

func (h *handler) byNumber(ctx context.Context, number string) (identity.GroupRecord, error) {
	all, err := h.allGroups(ctx, identity.School, "")
	if err != nil {
		return identity.GroupRecord{}, err
	}
	for _, g := range all {
		if g.Number == number {
			return g, nil
		}
	}
	return identity.GroupRecord{}, identity.ErrNotFound
}

type schoolBody struct {
	DisplayName *string         `json:"displayName"`
	Number      *string         `json:"schoolNumber"`
	ExternalID  *string         `json:"externalId"`
	Terminates  json.RawMessage `json:"terminationDate"`
	ID          json.RawMessage `json:"id"`
}

// apply reads a body into a record.
func (h *handler) applySchool(r *http.Request, g *identity.GroupRecord) error {
	var b schoolBody
	if err := decode(r, &b); err != nil {
		return err
	}
	if !absent(b.ID) {
		return badRequest("id is read-only")
	}
	for _, f := range []struct {
		from *string
		to   *string
	}{{b.DisplayName, &g.DisplayName}, {b.Number, &g.Number}, {b.ExternalID, &g.ExternalID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if g.DisplayName == "" || g.Number == "" {
		return badRequest("displayName and schoolNumber are needed")
	}
	if b.Number != nil {
		if other, err := h.byNumber(r.Context(), g.Number); err == nil && other.ID != g.ID {
			return nameExists("another school has this schoolNumber")
		} else if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return err
		}
	}
	return h.applyTermination(b.Terminates, g)
}

func (h *handler) applyTermination(raw json.RawMessage, g *identity.GroupRecord) error {
	if absent(raw) {
		return nil
	}
	if bytes.Equal(raw, []byte("null")) {
		g.Terminates = time.Time{}
		return nil
	}
	var t time.Time
	if err := json.Unmarshal(raw, &t); err != nil {
		return badRequest("terminationDate is a time such as 2026-01-31T00:00:00Z")
	}
	if t.Before(h.now().AddDate(0, 0, h.cfg.Identity.LDAP.SchoolGraceDays)) && h.cfg.Identity.LDAP.SchoolGraceDays > 0 {
		return badRequest("terminationDate is too near")
	}
	g.Terminates = t
	return nil
}

func (h *handler) createSchool(_ http.ResponseWriter, r *http.Request) (any, error) {
	g := identity.GroupRecord{Kind: identity.School}
	if err := h.applySchool(r, &g); err != nil {
		return nil, err
	}
	g, err := h.Records.CreateGroup(r.Context(), g)
	if err != nil {
		return nil, err
	}
	return created(toSchool(&g))
}

func (h *handler) school(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	return toSchool(&g), nil
}

func (h *handler) patchSchool(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.theSchool(r)
	if err == nil {
		err = h.applySchool(r, &g)
	}
	if err == nil {
		err = h.Records.UpdateGroup(r.Context(), g)
	}
	if err != nil {
		return nil, err
	}
	return toSchool(&g), nil
}

func (h *handler) deleteSchool(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	if g.Terminates.IsZero() || g.Terminates.After(h.now()) {
		return nil, &graphError{http.StatusMethodNotAllowed, "notAllowed", "the school is not terminated"}
	}
	if err := h.dropGroup(r.Context(), identity.School, g.ID); err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) schoolUsers(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	out, err := h.membersOut(r.Context(), identity.School, g.ID, identity.MemberOf)
	return list{Value: out}, err
}

func (h *handler) addSchoolUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := reference(r, "education/users")
	if err != nil {
		return nil, err
	}
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	a, err := h.account(r.Context(), id)
	if err == nil {
		err = h.Records.AddMember(r.Context(), identity.School, g.ID, a.ID, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) removeSchoolUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	member, err := param(r, "member")
	if err != nil {
		return nil, err
	}
	g, err := h.theSchool(r)
	if err == nil {
		err = h.Records.RemoveMember(r.Context(), identity.School, g.ID, member, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) schoolClasses(_ http.ResponseWriter, r *http.Request) (any, error) {
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	ids, err := h.Records.MembersOf(r.Context(), identity.School, g.ID, identity.MemberOf)
	if err != nil {
		return nil, err
	}
	out := []class{}
	for _, id := range ids {
		c, err := h.Records.GroupRecord(r.Context(), identity.Class, id)
		if errors.Is(err, identity.ErrNotFound) {
			continue // a person
		}
		if err != nil {
			return nil, err
		}
		out = append(out, toClass(&c))
	}
	return list{Value: out}, nil
}

func (h *handler) addSchoolClass(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := reference(r, "education/classes")
	if err != nil {
		return nil, err
	}
	g, err := h.theSchool(r)
	if err != nil {
		return nil, err
	}
	c, err := h.Records.GroupRecord(r.Context(), identity.Class, id)
	if err == nil {
		err = h.Records.AddMember(r.Context(), identity.School, g.ID, c.ID, identity.MemberOf)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) removeSchoolClass(w http.ResponseWriter, r *http.Request) (any, error) {
	return h.removeSchoolUser(w, r)
}
