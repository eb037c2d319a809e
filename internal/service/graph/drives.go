package graph

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// drive is a LibreGraph drive: a space. (spec/identity.md §14.6)
type drive struct {
	ID           string      `json:"id"`
	Type         string      `json:"driveType"`
	Alias        string      `json:"driveAlias"`
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	LastModified string      `json:"lastModifiedDateTime"`
	Owner        *identities `json:"owner,omitempty"`
	Quota        quota       `json:"quota"`
	Root         driveItem   `json:"root"`
	Special      []driveItem `json:"special,omitempty"`
	WebURL       string      `json:"webUrl"`
	HasTrash     *bool       `json:"@libre.graph.hasTrashedItems,omitempty"`
}

type identities struct {
	User  *identityRef `json:"user,omitempty"`
	Group *identityRef `json:"group,omitempty"`
}

type identityRef struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

type quota struct {
	Total     int64  `json:"total"`
	Used      int64  `json:"used"`
	Remaining int64  `json:"remaining"`
	State     string `json:"state"`
}

type drivePermission struct {
	GrantedTo identities `json:"grantedToV2"`
	Roles     []string   `json:"roles,omitempty"`
	Expires   string     `json:"expirationDateTime,omitempty"`
}

// driveQuery is what the OData options of a call ask for.
type driveQuery struct {
	filter      storage.SpaceFilter
	orderBy     string
	descending  bool
	permissions bool
	trash       bool
}

var filterTerm = regexp.MustCompile(`^(driveType|id)\s+eq\s+'((?:[^']|'')*)'$`)

func notSupported(what string) error {
	return &graphError{http.StatusNotImplemented, "notSupported", what + " is not supported"}
}

// parseDriveQuery reads $filter, $orderby, $expand and $select.
func parseDriveQuery(v url.Values, mount string) (*driveQuery, error) {
	q := &driveQuery{}
	if f := strings.TrimSpace(v.Get("$filter")); f != "" {
		for _, term := range regexp.MustCompile(`\s+and\s+`).Split(f, 10) {
			m := filterTerm.FindStringSubmatch(strings.TrimSpace(term))
			if m == nil {
				return nil, notSupported("this $filter")
			}
			value := strings.ReplaceAll(m[2], "''", "'")
			if m[1] == "driveType" {
				q.filter.Type = space.Type(value)
				continue
			}
			id, err := resource.ParseID(value)
			if err != nil {
				return nil, badRequest("the id in $filter cannot be read")
			}
			q.filter.ID = id.WithStorage(mount)
		}
	}
	if o := strings.Fields(v.Get("$orderby")); len(o) > 0 {
		if o[0] != "name" && o[0] != "lastModifiedDateTime" || len(o) > 2 || len(o) == 2 && o[1] != "asc" && o[1] != "desc" {
			return nil, badRequest("$orderby takes name or lastModifiedDateTime, and asc or desc")
		}
		q.orderBy, q.descending = o[0], len(o) == 2 && o[1] == "desc"
	}
	q.permissions = strings.Contains(v.Get("$expand"), "permissions")
	q.trash = strings.Contains(v.Get("$select"), "hasTrashedItems")
	return q, nil
}

// order sorts spaces as asked for.
func (q *driveQuery) order(all []space.Space) {
	if q.orderBy == "" {
		return
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		if q.descending {
			a, b = b, a
		}
		if q.orderBy == "name" {
			return strings.ToLower(a.Name) < strings.ToLower(b.Name)
		}
		return a.MTime.Before(b.MTime)
	})
}

func (h *handler) drives(r *http.Request, all bool) (any, error) {
	q, err := parseDriveQuery(r.URL.Query(), h.cfg.MountID)
	if err != nil {
		return nil, err
	}
	q.filter.All = all && identity.ActorFrom(r.Context()).MayListAllSpaces
	spaces, err := h.Spaces.ListSpaces(r.Context(), q.filter)
	if err != nil {
		return nil, err
	}
	q.order(spaces)
	out := make([]drive, 0, len(spaces))
	for i := range spaces {
		d := h.toDrive(&spaces[i], q)
		h.addSpecial(r.Context(), &d, &spaces[i])
		if q.permissions {
			h.addPermissions(r.Context(), &d, &spaces[i], strings.HasPrefix(r.URL.Path, "/graph/v1beta1"))
		}
		out = append(out, d)
	}
	return list{Value: out}, nil
}

func (h *handler) myDrives(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.drives(r, false)
}
func (h *handler) allDrives(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.drives(r, true)
}

func (h *handler) personal(ctx context.Context, user string) (*drive, error) {
	all, err := h.Spaces.ListSpaces(ctx, storage.SpaceFilter{Type: space.Personal, Owner: user})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, storage.ErrNotFound
	}
	d := h.toDrive(&all[0], &driveQuery{})
	return &d, nil
}

func (h *handler) myDrive(_ http.ResponseWriter, r *http.Request) (any, error) {
	return h.personal(r.Context(), identity.ActorFrom(r.Context()).User.ID)
}

// drive answers GET /drives/{id}.
func (h *handler) drive(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := h.driveID(r)
	if err != nil {
		return nil, err
	}
	q, err := parseDriveQuery(url.Values{"$expand": r.URL.Query()["$expand"], "$select": r.URL.Query()["$select"]}, h.cfg.MountID)
	if err != nil {
		return nil, err
	}
	all, err := h.Spaces.ListSpaces(r.Context(), storage.SpaceFilter{ID: id, All: identity.ActorFrom(r.Context()).MayListAllSpaces})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, storage.ErrNotFound
	}
	d := h.toDrive(&all[0], q)
	h.addSpecial(r.Context(), &d, &all[0])
	if q.permissions {
		h.addPermissions(r.Context(), &d, &all[0], true)
	}
	return d, nil
}

func (h *handler) toDrive(s *space.Space, q *driveQuery) drive {
	sid := s.ID.SpaceID()
	d := drive{ID: sid, Type: string(s.Type), Alias: s.Alias, Name: s.Name, Description: s.Description, LastModified: s.MTime.UTC().Format(time.RFC3339Nano),
		Quota: quota{s.Quota.Max, s.Quota.Used, s.Quota.Remaining, quotaState(&s.Quota)}, WebURL: h.url + "/f/" + sid,
		Root: driveItem{ID: s.ID.String(), ETag: `"` + s.ETag + `"`, WebDAVURL: h.dav + sid}}
	owner := s.Owner
	if owner == "" {
		owner = s.ID.Space
	}
	d.Owner = &identities{User: &identityRef{ID: owner}}
	if !s.Disabled.IsZero() {
		d.Root.Deleted = &deleted{"trashed"}
	}
	if q.trash {
		has := s.HasTrash
		d.HasTrash = &has
	}
	return d
}

// quotaState is how full a space is. With no quota the disk is the bound.
func quotaState(q *space.Quota) string {
	total := q.Max
	if total <= 0 {
		total = q.Used + q.Remaining
	}
	if total <= 0 {
		return "normal"
	}
	switch percent := float64(q.Used) / float64(total) * 100; {
	case percent <= 75:
		return "normal"
	case percent <= 90:
		return "nearing"
	case percent <= 99:
		return "critical"
	}
	return "exceeded"
}

// addSpecial adds picture and readme. What cannot be seen any more is left out.
func (h *handler) addSpecial(ctx context.Context, d *drive, s *space.Space) {
	for _, x := range []struct{ name, id string }{{"image", s.ImageID}, {"readme", s.ReadmeID}} {
		if x.id == "" || !s.Disabled.IsZero() {
			continue
		}
		i, err := h.Reader.Stat(ctx, storage.At(s.ID.WithNode(x.id), ""), storage.View{Path: true})
		if err != nil {
			continue
		}
		item := h.toItem(&i)
		item.Special = &specialFolder{x.name}
		d.Special = append(d.Special, item)
	}
}

// addPermissions adds the members: role names as the old API has them, or ids.
func (h *handler) addPermissions(ctx context.Context, d *drive, s *space.Space, ids bool) {
	for _, g := range s.Members {
		p := drivePermission{Roles: []string{roleOf(g.Permissions, ids)}}
		ref := &identityRef{ID: g.Grantee}
		if g.Kind == space.UserGrantee {
			p.GrantedTo.User = ref
			if u, err := h.Users.User(ctx, g.Grantee); err == nil {
				ref.DisplayName = u.DisplayName
			}
		} else {
			p.GrantedTo.Group = ref
			if x, err := h.Groups.Group(ctx, g.Grantee); err == nil {
				ref.DisplayName = x.DisplayName
			}
		}
		if !g.Expires.IsZero() {
			p.Expires = g.Expires.UTC().Format(time.RFC3339)
		}
		d.Root.Permissions = append(d.Root.Permissions, p)
	}
}

// roleOf names the role of a member of a space. (spec/identity.md §14.9)
func roleOf(set permission.Set, id bool) string {
	name, uuid := "viewer", "a8d5fe5e-96e3-418d-825b-534dbdf22b99"
	switch {
	case set.Has(permission.Manager):
		name, uuid = "manager", "312c0871-5ef7-4b3a-85b6-0e4074c64049"
	case set.Has(permission.Upload):
		name, uuid = "editor", "58c63c02-1d89-4572-916a-870abc5a1b7d"
	}
	if id {
		return uuid
	}
	return name
}
