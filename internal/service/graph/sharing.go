package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"opencloud/internal/link"
	"opencloud/internal/odata"
	"opencloud/internal/permission"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// drivePermission is a LibreGraph permission: a share, a member of a space, or a link. (spec/identity.md §14.8)
type drivePermission struct {
	ID          string       `json:"id,omitempty"`
	GrantedTo   *identities  `json:"grantedToV2,omitempty"`
	Identities  []identities `json:"grantedToIdentities,omitempty"` // as the old API has it
	Roles       []string     `json:"roles,omitempty"`
	Actions     []string     `json:"@libre.graph.permissions.actions,omitempty"`
	Created     string       `json:"createdDateTime,omitempty"`
	Expires     string       `json:"expirationDateTime,omitempty"`
	Invitation  *invitedBy   `json:"invitation,omitempty"`
	HasPassword *bool        `json:"hasPassword,omitempty"`
	Link        *sharingLink `json:"link,omitempty"`
	Views       *int64       `json:"@opencloud.link.views,omitempty"`
	Downloads   *int64       `json:"@opencloud.link.downloads,omitempty"`
}

type invitedBy struct {
	By identities `json:"invitedBy"`
}

// roleOf names a set of rights. A role that the administrator does not allow any more is none: clients do not know it, and are told
// its actions.
func (h *handler) roleOf(set permission.Set, on permission.Target) (permission.Role, bool) {
	role, ok := permission.RoleOf(set, on)
	if !ok {
		return role, false
	}
	return permission.Offer{Enabled: h.enabledRoles, On: on}.Role(role.ID)
}

// toPermission describes a share.
func (h *handler) toPermission(ctx context.Context, s *share.Share) drivePermission {
	who := h.names.of(ctx, s.Kind, s.Grantee)
	p := drivePermission{ID: s.ID(), GrantedTo: &who, Created: moment(s.Created), Expires: moment(s.Expires)}
	if role, ok := h.roleOf(s.Permissions, share.Target(&s.Item)); ok {
		p.Roles = []string{role.ID}
	} else {
		p.Actions = s.Permissions.Actions()
	}
	if s.Creator != "" {
		p.Invitation = &invitedBy{h.names.of(ctx, space.UserGrantee, s.Creator)}
	}
	return p
}

// given is a share or a link.
type given struct {
	share *share.Share
	link  *link.Link
}

func (h *handler) describe(ctx context.Context, g given) drivePermission {
	if g.link != nil {
		return h.toLink(g.link)
	}
	return h.toPermission(ctx, g.share)
}

// shared reads what the path names, to share it or see how it is shared. In the jail nothing is: what was received has an id of its
// own.
func (h *handler) shared(r *http.Request) (storage.Ref, error) {
	ref, err := h.itemRef(r)
	if err == nil && ref.ID.Storage == share.JailID {
		err = share.ErrNotShareable
	}
	return ref, err
}

// What $select can ask for of a list of permissions.
const (
	allowedActions = "@libre.graph.permissions.actions.allowedValues"
	allowedRoles   = "@libre.graph.permissions.roles.allowedValues"
	theValue       = "value"
)

// permissionList is a list of permissions, with what else may be given.
type permissionList struct {
	Actions *[]string         `json:"@libre.graph.permissions.actions.allowedValues,omitempty"`
	Roles   *[]roleDefinition `json:"@libre.graph.permissions.roles.allowedValues,omitempty"`
	Value   any               `json:"value,omitempty"`
	Count   *int              `json:"@odata.count,omitempty"`
	Next    string            `json:"@odata.nextLink,omitempty"`
}

// permissionFilter is what $filter asks for: roles for people of other servers, and no links.
type permissionFilter struct{ federated, people bool }

func (f *permissionFilter) read(e odata.Expr) error {
	switch e := e.(type) {
	case nil:
		return nil
	case odata.And:
		if err := f.read(e.Left); err != nil {
			return err
		}
		return f.read(e.Right)
	case odata.Any:
		if c, ok := e.Of.(odata.Call); ok && e.Path == allowedRoles+"/rolePermissions" && c.Func == "contains" && c.Path == "condition" && strings.Contains(c.Value, "Federated") {
			f.federated = true
			return nil
		}
	case odata.Compare:
		if e.Path == "grantedToV2" && e.Op == "ne" && e.Value == "" {
			f.people = true
			return nil
		}
	}
	return notSupported("this $filter")
}

// permissions answers GET …/permissions: who has which rights on an item, and what the caller may give. Who may not list the
// rights of others gets an empty list. (spec/storage.md §11.4)
func (h *handler) permissions(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$filter", "$select", "$count", "$top", "$skip", "$skiptoken")
	if err != nil {
		return nil, err
	}
	var f permissionFilter
	if err := f.read(q.Filter); err != nil {
		return nil, err
	}
	for _, name := range q.Select {
		if name != allowedActions && name != allowedRoles && name != theValue {
			return nil, badRequest("$select knows " + allowedActions + ", " + allowedRoles + " and " + theValue)
		}
	}
	wanted := func(name string) bool { return q.Select == nil || slices.Contains(q.Select, name) }
	item, err := h.sharedItem(r)
	if err != nil {
		return nil, err
	}
	var out permissionList
	if wanted(allowedActions) {
		actions := item.Permissions.Actions()
		out.Actions = &actions
	}
	if wanted(allowedRoles) {
		out.Roles = h.offered(r, &item, f.federated)
	}
	if !wanted(theValue) && !q.Count {
		return out, nil
	}
	value := []drivePermission{}
	if q.Top != 0 || q.Count {
		all, err := h.allGiven(r.Context(), &item, f.people)
		if err != nil {
			return nil, err
		}
		cut, l := page(h, r, &q, all)
		out.Count, out.Next = l.Count, l.Next
		for _, g := range cut {
			value = append(value, h.describe(r.Context(), g))
		}
	}
	if wanted(theValue) {
		out.Value = value
	}
	return out, nil
}

// sharedItem looks at what the path names. Everybody's jail can be looked at, though nothing in it can be shared.
func (h *handler) sharedItem(r *http.Request) (storage.Info, error) {
	ref, err := h.itemRef(r)
	if err != nil {
		return storage.Info{}, err
	}
	if ref.ID == share.Jail() {
		all, err := h.Shares.Received(r.Context())
		return share.JailRoot(all), err
	}
	return h.Reader.Stat(r.Context(), ref, storage.View{})
}

// offered are the roles that the caller may give on an item. They are told without what they allow: that clients know.
func (h *handler) offered(r *http.Request, item *storage.Info, federated bool) *[]roleDefinition {
	say, out := h.speaks(r), []roleDefinition{}
	for _, role := range (permission.Offer{Enabled: h.enabledRoles, Own: item.Permissions, On: share.Target(item), Federated: federated}).Roles() {
		d := toDefinition(role, say)
		d.Permissions = nil
		out = append(out, d)
	}
	return &out
}

// allGiven are the shares and, unless only people are asked for, the links of an item.
func (h *handler) allGiven(ctx context.Context, item *storage.Info, people bool) ([]given, error) {
	if item.ID.Storage == share.JailID {
		return nil, nil
	}
	_, shares, err := h.Shares.List(ctx, storage.At(item.ID, ""))
	if err != nil {
		return nil, err
	}
	var out []given
	for i := range shares {
		out = append(out, given{share: &shares[i]})
	}
	if people {
		return out, nil
	}
	links, err := h.Links.List(ctx, item)
	if err != nil {
		return nil, err
	}
	for i := range links {
		out = append(out, given{link: &links[i]})
	}
	return out, nil
}

// named reads the item and the id of the permission that the path names.
func (h *handler) named(r *http.Request) (storage.Ref, string, error) {
	ref, err := h.shared(r)
	if err != nil {
		return ref, "", err
	}
	id, err := param(r, "permission")
	return ref, id, err
}

// isLink tells the ids of links from those of shares and members.
func isLink(id string) bool { return !strings.Contains(id, ":") }

// linkOn finds a link that the caller may change on the item that the path names.
func (h *handler) linkOn(ctx context.Context, ref storage.Ref, id string) (link.Link, error) {
	l, item, err := h.Links.Find(ctx, id)
	if err == nil && item.ID != ref.ID {
		err = storage.ErrNotFound
	}
	return l, err
}

// one finds the permission that the path names, on the item that it names.
func (h *handler) one(r *http.Request) (storage.Ref, given, error) {
	ref, id, err := h.named(r)
	if err != nil {
		return ref, given{}, err
	}
	if isLink(id) {
		l, err := h.linkOn(r.Context(), ref, id)
		return ref, given{link: &l}, err
	}
	_, all, err := h.Shares.List(r.Context(), ref)
	if err != nil {
		return ref, given{}, err
	}
	for i := range all {
		if all[i].ID() == id {
			return ref, given{share: &all[i]}, nil
		}
	}
	return ref, given{}, storage.ErrNotFound
}

// permission answers GET …/permissions/{permission}.
func (h *handler) permission(_ http.ResponseWriter, r *http.Request) (any, error) {
	_, g, err := h.one(r)
	if err != nil {
		return nil, err
	}
	return h.describe(r.Context(), g), nil
}

// rightsBody is what to give: a role, or actions.
type rightsBody struct {
	Roles   []string `json:"roles"`
	Actions []string `json:"@libre.graph.permissions.actions"`
}

// read returns the rights, if they can be given on the item at all.
func (b *rightsBody) read(h *handler, item *storage.Info) (permission.Set, error) {
	switch {
	case len(b.Roles) == 1 && b.Actions == nil:
		role, ok := permission.Offer{Enabled: h.enabledRoles, On: share.Target(item)}.Role(b.Roles[0])
		if !ok {
			return permission.None, badRequest("this role cannot be given here")
		}
		return role.Rights, nil
	case len(b.Actions) > 0 && b.Roles == nil:
		set, err := permission.FromActions(b.Actions)
		if err != nil {
			err = badRequest(err.Error())
		}
		return set, err
	}
	return permission.None, badRequest("exactly one role, or a list of actions, must be given")
}

// expiration reads expirationDateTime: a time, a day (to its end), or null, which is the zero time. Nil if it is not there.
func expiration(raw json.RawMessage) (*time.Time, error) {
	if absent(raw) {
		return nil, nil
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, badRequest("expirationDateTime is a time or null")
	}
	if text == nil {
		return &time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, *text); err == nil {
			t = t.AddDate(0, 0, 1).Add(-time.Second)
		}
	}
	if err != nil || t.IsZero() {
		return nil, badRequest("expirationDateTime is a time or null")
	}
	return &t, nil
}

type inviteBody struct {
	rightsBody
	Recipients []recipientBody `json:"recipients"`
	Expires    json.RawMessage `json:"expirationDateTime"`
}

type recipientBody struct {
	ID   string `json:"objectId"`
	Type string `json:"@libre.graph.recipient.type"`
}

// invite answers POST …/invite: somebody is given rights on an item, or becomes a member of a space.
func (h *handler) invite(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b inviteBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	if len(b.Recipients) != 1 {
		return nil, badRequest("exactly one recipient must be there")
	}
	in := share.Invitation{Kind: space.UserGrantee, Grantee: b.Recipients[0].ID}
	switch b.Recipients[0].Type {
	case "", "user":
	case "group":
		in.Kind = space.GroupGrantee
	default:
		return nil, badRequest("recipients are a user or a group")
	}
	until, err := expiration(b.Expires)
	if err != nil {
		return nil, err
	}
	if until != nil {
		in.Expires = *until
	}
	ref, err := h.shared(r)
	if err != nil {
		return nil, err
	}
	item, err := h.Reader.Stat(r.Context(), ref, storage.View{})
	if err != nil {
		return nil, err
	}
	if in.Rights, err = b.read(h, &item); err != nil {
		return nil, err
	}
	s, err := h.Shares.Invite(r.Context(), storage.At(item.ID, ""), in)
	if errors.Is(err, storage.ErrExists) {
		err = nameExists("it is shared with this recipient already")
	}
	if err != nil {
		return nil, err
	}
	return list{Value: []drivePermission{h.toPermission(r.Context(), &s)}}, nil
}

type permissionPatch struct {
	rightsBody
	Expires json.RawMessage `json:"expirationDateTime"`
	Link    *linkPatch      `json:"link"`
}

// patchPermission answers PATCH …/permissions/{permission}: the whole body is applied, or nothing. (spec/storage.md §11.2)
func (h *handler) patchPermission(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b permissionPatch
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	rights := b.Roles != nil || b.Actions != nil
	switch {
	case rights && b.Link != nil:
		return nil, badRequest("it is either a share or a link")
	case !rights && b.Link == nil && absent(b.Expires):
		return nil, badRequest("there is nothing to change")
	}
	until, err := expiration(b.Expires)
	if err != nil {
		return nil, err
	}
	ref, g, err := h.one(r)
	if err != nil {
		return nil, err
	}
	if g.link != nil {
		if rights {
			return nil, badRequest("a link has no roles")
		}
		return h.changeLink(r.Context(), g.link, b.Link, until)
	}
	if b.Link != nil {
		return nil, badRequest("it is no link")
	}
	c := share.Change{Expires: until}
	if rights {
		set, err := b.read(h, &g.share.Item)
		if err != nil {
			return nil, err
		}
		c.Rights = &set
	}
	s, err := h.Shares.Update(r.Context(), ref, g.share.ID(), c)
	if err != nil {
		return nil, err
	}
	return h.toPermission(r.Context(), &s), nil
}

// deletePermission answers DELETE …/permissions/{permission}: a share or a link is taken back, or a member leaves.
func (h *handler) deletePermission(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, id, err := h.named(r)
	if err != nil {
		return nil, err
	}
	if !isLink(id) { // members may leave even if they may not list who is there
		err = h.Shares.Remove(r.Context(), ref, id)
	} else if _, err = h.linkOn(r.Context(), ref, id); err == nil {
		err = h.Links.Remove(r.Context(), id)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}
