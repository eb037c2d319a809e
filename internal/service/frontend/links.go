package frontend

import (
	"net/http"
	"strconv"

	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// createLink answers POST /shares with shareType 3.
func (c *call) createLink(item *storage.Info) (any, error) {
	rights, given, err := c.linkRights(item.IsFolder())
	if err != nil {
		return nil, err
	}
	if !given {
		t, _ := link.FromOCS(c.h.cfg.DefaultLink, item.IsFolder())
		if rights, err = t.Rights(item.IsFolder()); err != nil {
			return nil, err
		}
	}
	expires, err := c.params.moment("expireDate")
	if err != nil {
		return nil, err
	}
	l, err := c.h.Links.Create(c.ctx, storage.At(item.ID, ""), link.Request{Rights: rights, Password: c.params.Get("password"), Expires: expires,
		Name: c.params.Get("name"), Description: c.params.Get("notes"), Quick: c.params.is("quicklink")})
	if err != nil {
		return nil, err
	}
	return c.link(&l, item), nil
}

// linkRights reads `role`, `permissions` or `publicUpload`; false if there is none of them.
func (c *call) linkRights(folder bool) (s permission.Set, given bool, err error) {
	t, ok := link.Type(""), true
	switch p := c.params; {
	case p.Get("role") != "":
		switch t = link.Type(p.Get("role")); t {
		case "viewer":
			t = link.View
		case "editor":
			t = link.Edit
		case "uploader":
			t = link.CreateOnly
		}
	case p.Get("permissions") != "":
		bits, err := strconv.Atoi(p.Get("permissions"))
		if t, ok = link.FromOCS(bits, folder); err != nil {
			ok = false
		}
	case p.is("publicUpload"):
		t = link.Edit
	case p.Get("publicUpload") != "":
		t = link.View
	default:
		return permission.None, false, nil
	}
	if !ok {
		return permission.None, true, badRequest("these permissions cannot be given here")
	}
	s, err = t.Rights(folder)
	return s, true, err
}

// oneLink answers the calls on /shares/{id} where the id is a link's.
func (c *call) oneLink(method, id string) (any, error) {
	l, item, err := c.h.Links.Find(c.ctx, id)
	if err != nil {
		return nil, err
	}
	switch method {
	case http.MethodGet:
		return []any{c.link(&l, &item)}, nil
	case http.MethodPut:
		change, err := c.linkChange(l.Folder)
		if err != nil {
			return nil, err
		}
		if l, err = c.h.Links.Update(c.ctx, id, change); err != nil {
			return nil, err
		}
		return c.link(&l, &item), nil
	case http.MethodDelete:
		return []any{}, c.h.Links.Remove(c.ctx, id)
	}
	return nil, errUnknown
}

func (c *call) linkChange(folder bool) (out link.Change, err error) {
	rights, given, err := c.linkRights(folder)
	if err != nil {
		return out, err
	}
	if given {
		out.Rights = &rights
	}
	text := func(name string) *string {
		if !c.params.Has(name) {
			return nil
		}
		s := c.params.Get(name)
		return &s
	}
	out.Password, out.Name, out.Description = text("password"), text("name"), text("notes")
	if c.params.Has("expireDate") {
		t, err := c.params.moment("expireDate")
		if err != nil {
			return out, err
		}
		out.Expires = &t
	}
	if out == (link.Change{}) {
		return out, badRequest("nothing to change: permissions, password, expireDate or name")
	}
	return out, nil
}

// link is a link as its maker sees it.
func (c *call) link(l *link.Link, item *storage.Info) object {
	o := c.object(item)
	c.people(o, l.Creator, item.SpaceOwner)
	o["id"], o["share_type"], o["permissions"], o["stime"] = l.ID, linkShare, l.Rights.OCS(l.Folder), l.Created.Unix()
	o["expiration"], o["name"], o["quicklink"] = expiration(l.Expires), l.Name, l.Quick
	o["token"], o["url"] = l.Token, c.h.linkURL(l)
	o["space_alias"] = c.alias(item.ID)
	if l.HasPassword {
		o["share_with"], o["share_with_displayname"] = "***redacted***", "***redacted***"
	}
	return o
}
