package frontend

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Types of shares on the wire. (spec/storage.md §12.1)
const (
	userShare   = 0
	groupShare  = 1
	linkShare   = 3
	userMember  = 7
	groupMember = 8
)

// call is one call of the sharing API. users and aliases are what it looked up already.
type call struct {
	h       *handler
	ctx     context.Context
	actor   identity.Actor
	params  params
	users   map[string]identity.User
	aliases map[string]string
}

// object is a share as clients see it.
type object = map[string]any

// create answers POST /shares.
func (c *call) create() (any, error) {
	kind, err := strconv.Atoi(c.params.Get("shareType"))
	if err != nil {
		return nil, badRequest("shareType is needed")
	}
	if !slices.Contains([]int{userShare, groupShare, linkShare, userMember, groupMember}, kind) {
		return nil, badRequest("shareType %d is not supported", kind)
	}
	ref, given, err := c.target()
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, errPath()
	}
	item, err := c.h.FS.Stat(c.ctx, ref, storage.View{Path: true})
	if errors.Is(err, storage.ErrNotFound) {
		err = errPath()
	}
	if err != nil {
		return nil, err
	}
	if kind == linkShare {
		return c.createLink(&item)
	}
	if member := kind == userMember || kind == groupMember; member != item.ID.IsRoot() {
		return nil, badRequest("shareType %d is not possible here", kind)
	}
	return c.invite(&item, kind)
}

func errPath() error { return &ocsError{404, "wrong path, file/folder doesn't exist"} }

// target is the file or folder that a call names: by `space_ref` ("id" or "id/path"), by `space` and `path`, or by `path` in the
// caller's personal space.
func (c *call) target() (ref storage.Ref, given bool, err error) {
	path := strings.Trim(c.params.Get("path"), "/")
	id := c.params.Get("space_ref")
	if id == "" {
		id = c.params.Get("space")
	}
	if id == "" {
		return storage.At(resource.SpaceRoot(c.h.cfg.MountID, c.actor.User.ID), path), c.params.Has("path"), nil
	}
	id, more, _ := strings.Cut(id, "/")
	rid, err := resource.ParseID(id)
	if err != nil {
		return ref, true, errPath()
	}
	ref = storage.At(rid.WithStorage(c.h.cfg.MountID), strings.Trim(more+"/"+path, "/"))
	if rid.Storage == share.JailID && !rid.IsRoot() { // what was received lies elsewhere
		r, err := c.h.Shares.ReceivedItem(c.ctx, rid)
		if err != nil {
			return ref, true, errPath()
		}
		ref.ID = r.Item.ID
	}
	return ref, true, nil
}

// invite gives rights to a user or group, or makes a member.
func (c *call) invite(item *storage.Info, kind int) (any, error) {
	rights, given, err := c.rights(share.Target(item))
	if err != nil {
		return nil, err
	}
	if !given {
		rights, _ = permission.FromOCS(15, share.Target(item))
		if item.ID.IsRoot() {
			rights = permission.SpaceViewer
		}
	}
	in := share.Invitation{Kind: space.UserGrantee, Rights: rights}
	if kind == groupShare || kind == groupMember {
		in.Kind = space.GroupGrantee
	}
	if in.Expires, err = c.params.moment("expireDate"); err != nil {
		return nil, err
	}
	known := false
	if in.Grantee, known, err = c.grantee(in.Kind, c.params.Get("shareWith")); err != nil {
		return nil, err
	}
	sh, err := c.h.Shares.Invite(c.ctx, storage.At(item.ID, ""), in)
	if errors.Is(err, share.ErrRecipient) && !known {
		err = &ocsError{404, "There is no such user or group"}
	}
	if err != nil {
		return nil, err
	}
	return c.given(&sh), nil
}

// grantee is the id of who is named by an id or a name. Who is unknown stays as he was named: whether the caller may know, the
// domain decides.
func (c *call) grantee(kind space.GranteeKind, name string) (id string, known bool, err error) {
	if name == "" || len(name) > 1024 {
		return "", false, badRequest("shareWith is needed")
	}
	find := func() (string, error) {
		if kind == space.GroupGrantee {
			g, err := c.h.Groups.Group(c.ctx, name)
			if errors.Is(err, identity.ErrNotFound) {
				g, err = c.h.Groups.GroupByName(c.ctx, name)
			}
			return g.ID, err
		}
		u, err := c.h.Users.User(c.ctx, name)
		if errors.Is(err, identity.ErrNotFound) {
			u, err = c.h.Users.UserBy(c.ctx, "username", name)
		}
		return u.ID, err
	}
	if id, err = find(); errors.Is(err, identity.ErrNotFound) {
		return name, false, nil
	}
	return id, true, err
}

// rights reads `role` or `permissions`; false if there is neither.
func (c *call) rights(on permission.Target) (s permission.Set, given bool, err error) {
	ok := true
	switch {
	case c.params.Get("role") != "":
		s, ok = roleRights(c.params.Get("role"), on)
	case c.params.Get("permissions") != "":
		bits, err := strconv.Atoi(c.params.Get("permissions"))
		if s, ok = permission.FromOCS(bits, on); err != nil {
			ok = false
		}
	default:
		return permission.None, false, nil
	}
	switch {
	case !ok:
		return permission.None, true, badRequest("these permissions cannot be given here")
	case s == permission.None && !c.h.cfg.OCS.Denials:
		return permission.None, true, badRequest("denying access is not enabled")
	}
	return s, true, nil
}

// roleRights are those of a role by its name in the OCS API: "editor" is one role on a file, a folder and a space.
func roleRights(name string, on permission.Target) (permission.Set, bool) {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	want := plain(name)
	switch want {
	case "uploader":
		return permission.Uploader, on == permission.OnFolder
	case "coowner":
		want = "manager"
	}
	for _, r := range permission.Roles() {
		if have := plain(r.Name); r.On&on != 0 && (have == want || have == "space"+want || have == "file"+want) {
			return r.Rights, true
		}
	}
	return permission.None, false
}

// list answers GET /shares. `reshares` changes nothing: shares cannot be shared again, and who may list an item's shares sees all.
func (c *call) list() (any, error) {
	var all []object
	ref, given, err := c.target()
	if err != nil {
		return nil, err
	}
	switch {
	case c.params.is("shared_with_me"):
		all, err = c.received(ref, given)
	case given && c.params.is("subfiles"):
		all, err = c.below(ref)
	case given:
		all, err = c.on(ref)
	default:
		all, err = c.mine()
	}
	if given && errors.Is(err, storage.ErrNotFound) {
		err = errPath()
	}
	if err != nil {
		return nil, err
	}
	return c.ofTypes(all)
}

// ofTypes keeps the shares of the types in `share_types`.
func (c *call) ofTypes(all []object) (any, error) {
	out := []any{}
	var types []int
	for _, t := range strings.Split(c.params.Get("share_types"), ",") {
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		n, err := strconv.Atoi(t)
		if err != nil {
			return nil, badRequest("share_types are numbers")
		}
		types = append(types, n)
	}
	for _, o := range all {
		if kind, _ := o["share_type"].(int); types == nil || slices.Contains(types, kind) {
			out = append(out, o)
		}
	}
	return out, nil
}

func (c *call) on(ref storage.Ref) ([]object, error) {
	item, shares, err := c.h.Shares.List(c.ctx, ref)
	if err != nil {
		return nil, err
	}
	links, err := c.h.Links.List(c.ctx, &item)
	if err != nil {
		return nil, err
	}
	var out []object
	for i := range shares {
		out = append(out, c.given(&shares[i]))
	}
	for i := range links {
		out = append(out, c.link(&links[i], &item))
	}
	return out, nil
}

func (c *call) below(ref storage.Ref) ([]object, error) {
	folder, shares, err := c.h.Shares.Below(c.ctx, ref)
	if err != nil {
		return nil, err
	}
	links, err := c.h.Links.Below(c.ctx, &folder)
	return c.both(shares, links), err
}

func (c *call) mine() ([]object, error) {
	shares, err := c.h.Shares.Given(c.ctx)
	if err != nil {
		return nil, err
	}
	links, err := c.h.Links.Given(c.ctx)
	return c.both(shares, links), err
}

func (c *call) both(shares []share.Share, links []link.Given) (out []object) {
	for i := range shares {
		out = append(out, c.given(&shares[i]))
	}
	for i := range links {
		out = append(out, c.link(&links[i].Link, &links[i].On))
	}
	return out
}

// one answers the calls on /shares/{id}.
func (c *call) one(method, id string) (any, error) {
	if !strings.Contains(id, ":") && !strings.Contains(id, "$") {
		return c.oneLink(method, id)
	}
	sh, received, err := c.find(id)
	if err != nil {
		return nil, err
	}
	ref := storage.At(sh.Item.ID, "")
	switch method {
	case http.MethodGet:
		if received != nil {
			return []any{c.receivedShare(received, sh)}, nil
		}
		return []any{c.given(sh)}, nil
	case http.MethodPut:
		change, err := c.change(share.Target(&sh.Item))
		if err != nil {
			return nil, err
		}
		changed, err := c.h.Shares.Update(c.ctx, ref, sh.ID(), change)
		if err != nil {
			return nil, err
		}
		changed.SpaceAlias = sh.SpaceAlias
		return c.given(&changed), nil
	case http.MethodDelete:
		return []any{}, c.h.Shares.Remove(c.ctx, ref, sh.ID())
	}
	return nil, errUnknown
}

func (c *call) change(on permission.Target) (out share.Change, err error) {
	rights, given, err := c.rights(on)
	if err != nil {
		return out, err
	}
	if given {
		out.Rights = &rights
	}
	if c.params.Has("expireDate") {
		t, err := c.params.moment("expireDate")
		if err != nil {
			return out, err
		}
		out.Expires = &t
	}
	if out == (share.Change{}) {
		return out, badRequest("nothing to change: permissions, role or expireDate")
	}
	return out, nil
}

// find returns a share by its id. If the caller received it, it is one of received. Members of a space are named by "space
// id:member", or by the space and `shareWith`.
func (c *call) find(id string) (sh *share.Share, received *share.Received, err error) {
	if root, member, ok := c.member(id); ok {
		return c.findMember(root, member)
	}
	all, err := c.h.Shares.Received(c.ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		for k := range all[i].Shares {
			if all[i].Shares[k].ID() == id {
				return &all[i].Shares[k], &all[i], nil
			}
		}
	}
	found, err := c.h.Shares.Find(c.ctx, id)
	return &found, nil, err
}

func (c *call) member(id string) (root resource.ID, member string, ok bool) {
	if part := strings.SplitN(id, ":", 3); len(part) == 3 && (strings.HasPrefix(part[2], "u:") || strings.HasPrefix(part[2], "g:")) {
		root, err := resource.ParseID(part[0] + "$" + part[1])
		return root, part[2], err == nil
	}
	root, err := resource.ParseID(id)
	return root, "", err == nil && root.IsRoot()
}

func (c *call) findMember(root resource.ID, member string) (*share.Share, *share.Received, error) {
	_, all, err := c.h.Shares.List(c.ctx, storage.At(root, ""))
	if err != nil {
		return nil, nil, err
	}
	with := map[string]bool{member: member != ""}
	if member == "" {
		for _, kind := range []space.GranteeKind{space.UserGrantee, space.GroupGrantee} {
			id, _, err := c.grantee(kind, c.params.Get("shareWith"))
			if err != nil {
				return nil, nil, err
			}
			with[share.MemberID(space.Grant{Kind: kind, Grantee: id})] = true
		}
	}
	for i := range all {
		if with[all[i].ID()] {
			return &all[i], nil, nil
		}
	}
	return nil, nil, storage.ErrNotFound
}
