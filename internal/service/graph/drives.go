package graph

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/odata"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
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
	LastModified string      `json:"lastModifiedDateTime,omitempty"`
	Owner        *identities `json:"owner,omitempty"`
	Quota        quota       `json:"quota"`
	Root         driveItem   `json:"root"`
	Special      []driveItem `json:"special,omitempty"`
	WebURL       string      `json:"webUrl"`
	HasTrash     *bool       `json:"@libre.graph.hasTrashedItems,omitempty"`

	modified time.Time
}

type identities struct {
	User  *identityRef `json:"user,omitempty"`
	Group *identityRef `json:"group,omitempty"`
}

type identityRef struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	UserType    string `json:"@libre.graph.userType,omitempty"`
}

type quota struct {
	Total     int64  `json:"total"`
	Used      int64  `json:"used"`
	Remaining int64  `json:"remaining"`
	State     string `json:"state"`
}

// driveQuery is what the OData options of a call ask for.
type driveQuery struct {
	filter      storage.SpaceFilter
	none        bool // nothing can fulfil the filter
	order       odata.Order
	permissions bool
	legacy      bool // roles by the names of the old API, and always
	trash       bool
}

func notSupported(what string) error {
	return &graphError{http.StatusNotImplemented, "notSupported", what + " is not supported"}
}

// driveQuery reads $filter, $orderby, $expand and $select, as far as the call has them. There are no pages: $top and the like are
// passed over. (spec/identity.md §14.6)
func (h *handler) driveQuery(r *http.Request, allowed ...string) (*driveQuery, error) {
	o, err := options(r, append(allowed, "$expand", "$select", "$top", "$skip", "$skiptoken", "$count")...)
	if err != nil {
		return nil, err
	}
	q := &driveQuery{legacy: isLegacy(r), trash: slices.Contains(o.Select, "@libre.graph.hasTrashedItems")}
	if err := q.read(o.Filter, h.cfg.MountID); err != nil {
		return nil, err
	}
	for _, e := range o.Expand {
		if e.Path != "root" {
			return nil, badRequest("$expand knows root($expand=permissions)")
		}
		q.permissions = q.permissions || e.Options.Expands("permissions")
	}
	switch {
	case len(o.OrderBy) == 0:
	case len(o.OrderBy) > 1 || o.OrderBy[0].Path != "name" && o.OrderBy[0].Path != "lastModifiedDateTime":
		return nil, badRequest("$orderby takes name or lastModifiedDateTime, and asc or desc")
	default:
		q.order = o.OrderBy[0]
	}
	return q, nil
}

// isLegacy tells whether the call is of the old version of the API.
func isLegacy(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/graph/v1.0/") }

// read takes a $filter in: comparisons of driveType and id, all of which must hold.
func (q *driveQuery) read(e odata.Expr, mount string) error {
	switch e := e.(type) {
	case nil:
		return nil
	case odata.And:
		if err := q.read(e.Left, mount); err != nil {
			return err
		}
		return q.read(e.Right, mount)
	case odata.Compare:
		value, ok := e.Value.(string)
		if !ok || e.Op != "eq" {
			break
		}
		switch e.Path {
		case "driveType": // browsers send it without quotes
			q.none = q.none || q.filter.Type != "" && q.filter.Type != space.Type(value)
			q.filter.Type = space.Type(value)
			return nil
		case "id":
			if e.Bare {
				break
			}
			id, err := resource.ParseID(value)
			if err != nil {
				return badRequest("the id in $filter cannot be read")
			}
			id = id.WithStorage(mount)
			q.none = q.none || !id.IsRoot() && id.Storage != share.JailID || !q.filter.ID.IsZero() && q.filter.ID != id
			q.filter.ID = id
			return nil
		}
	}
	return notSupported("this $filter")
}

// sort orders drives as asked for.
func (q *driveQuery) sort(all []drive) {
	if q.order.Path == "" {
		return
	}
	slices.SortStableFunc(all, func(a, b drive) int {
		if q.order.Descending {
			a, b = b, a
		}
		if q.order.Path == "name" {
			return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}
		return a.modified.Compare(b.modified)
	})
}

func (h *handler) drives(r *http.Request, all bool) (any, error) {
	q, err := h.driveQuery(r, "$filter", "$orderby")
	if err != nil {
		return nil, err
	}
	out := []drive{}
	if q.none {
		return list{Value: out}, nil
	}
	q.filter.All = all && identity.ActorFrom(r.Context()).MayListAllSpaces
	spaces, err := h.Spaces.ListSpaces(r.Context(), q.filter)
	if err != nil {
		return nil, err
	}
	for i := range spaces {
		out = append(out, h.fullDrive(r.Context(), &spaces[i], q))
	}
	if q.mayBeInJail() {
		received, err := h.jailDrives(r.Context())
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(received, func(d drive) bool { return !q.matches(&d) })...)
	}
	q.sort(out)
	return list{Value: out}, nil
}

// mayBeInJail tells whether drives of the jail can fulfil the filter: what was received need not be looked up for others.
func (q *driveQuery) mayBeInJail() bool {
	t := q.filter.Type
	return (t == "" || t == space.Virtual || t == space.Mountpoint) && (q.filter.ID.IsZero() || q.filter.ID.Storage == share.JailID)
}

// matches tells whether a drive of the jail fulfils the filter.
func (q *driveQuery) matches(d *drive) bool {
	return (q.filter.Type == "" || string(q.filter.Type) == d.Type) && (q.filter.ID.IsZero() || q.filter.ID.String() == d.Root.ID)
}

// fullDrive describes a space with its special items and, if asked for, its members.
func (h *handler) fullDrive(ctx context.Context, s *space.Space, q *driveQuery) drive {
	d := h.toDrive(s, q)
	h.addSpecial(ctx, &d, s)
	if (q.permissions || q.legacy) && (s.Permissions.Has(permission.ListGrants) || identity.ActorFrom(ctx).MayListAllSpaces) {
		h.addPermissions(ctx, &d, s, q.legacy)
	}
	return d
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
	q, err := h.driveQuery(r)
	if err != nil {
		return nil, err
	}
	if id, err := h.parseDrive(r); err == nil && id.Storage == share.JailID {
		all, err := h.jailDrives(r.Context())
		for _, d := range all {
			if d.Root.ID == id.String() {
				return d, nil
			}
		}
		return nil, cmp.Or(err, storage.ErrNotFound)
	}
	s, err := h.spaceOf(r)
	if err != nil {
		return nil, err
	}
	return h.fullDrive(r.Context(), s, q), nil
}

func (h *handler) toDrive(s *space.Space, q *driveQuery) drive {
	sid := s.ID.SpaceID()
	d := drive{ID: sid, Type: string(s.Type), Alias: s.Alias, Name: s.Name, Description: s.Description, LastModified: stamp(s.MTime), modified: s.MTime,
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

// addPermissions adds the members.
func (h *handler) addPermissions(ctx context.Context, d *drive, s *space.Space, legacy bool) {
	for _, g := range s.Members {
		if g.Expired(h.now()) {
			continue
		}
		who := h.names.of(ctx, g.Kind, g.Grantee)
		p := drivePermission{ID: share.MemberID(g), GrantedTo: &who, Expires: moment(g.Expires)}
		r, ok := h.roleOf(g.Permissions, permission.OnRoot)
		if !ok {
			p.Actions = g.Permissions.Actions()
		}
		switch {
		case legacy:
			p.Roles, p.Identities = []string{legacyRole(g.Permissions)}, []identities{who}
		case ok:
			p.Roles = []string{r.ID}
		}
		d.Root.Permissions = append(d.Root.Permissions, p)
	}
}

// legacyRole is the name of the role in the old API that comes nearest.
func legacyRole(set permission.Set) string {
	switch {
	case set.Has(permission.Manager):
		return "manager"
	case set.Has(permission.Upload):
		return "editor"
	}
	return "viewer"
}
