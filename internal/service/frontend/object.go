package frontend

import (
	"path"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// object is what is the same of all shares of an item. Every member is there, whatever the kind of share: clients rely on it.
// (spec/storage.md §12.1)
func (c *call) object(item *storage.Info) object {
	kind := "file"
	if item.IsFolder() {
		kind = "folder"
	}
	parent := ""
	if !item.Parent.IsZero() {
		parent = item.Parent.String()
	}
	id := item.ID.String()
	return object{
		"path": "/" + item.Path, "item_type": kind, "mimetype": item.MIME, "space_id": item.ID.SpaceID(), "storage_id": item.ID.Storage, "storage": 0,
		"item_source": id, "file_source": id, "file_parent": parent, "file_target": "/" + item.Name, "item_size": item.Size, "item_mtime": item.MTime.Unix(),
		"parent": "", "expiration": "", "token": "", "state": 0, "share_with": "", "share_with_user_type": 0, "share_with_displayname": "",
		"share_with_additional_info": "", "mail_send": 0, "name": "", "url": "", "attributes": nil, "quicklink": false, "hidden": false,
	}
}

// people fills in who shares and whose file it is; what belongs to a project belongs to who shares it.
func (c *call) people(o object, creator, owner string) {
	if creator == "" {
		creator = owner
	}
	if owner == "" {
		owner = creator
	}
	by, of := c.user(creator), c.user(owner)
	o["uid_owner"], o["displayname_owner"], o["additional_info_owner"] = by.Username, by.DisplayName, c.info(&by)
	o["uid_file_owner"], o["displayname_file_owner"], o["additional_info_file_owner"] = of.Username, of.DisplayName, c.info(&of)
}

// given is a share as those see it who may change it.
func (c *call) given(sh *share.Share) object {
	o := c.object(&sh.Item)
	c.people(o, sh.Creator, sh.Item.SpaceOwner)
	member := sh.Item.ID.IsRoot()
	o["id"], o["stime"], o["expiration"] = sh.ID(), sh.Created.Unix(), expiration(sh.Expires)
	o["permissions"] = sh.Permissions.OCS(sh.Item.IsFolder())
	o["file_target"] = path.Join(c.prefix(), sh.Item.Name)
	if o["space_alias"] = sh.SpaceAlias; sh.SpaceAlias == "" {
		o["space_alias"] = c.alias(sh.Item.ID)
	}
	if member {
		o["id"], o["file_target"] = sh.Item.ID.Storage+":"+sh.Item.ID.Space+":"+sh.ID(), "/"+sh.Item.Name
	}
	o["share_with"] = sh.Grantee
	if sh.Kind == space.GroupGrantee {
		o["share_type"], o["share_with_displayname"] = groupShare, c.group(sh.Grantee)
		if member {
			o["share_type"] = groupMember
		}
		return o
	}
	u := c.user(sh.Grantee)
	o["share_type"], o["share_with_displayname"], o["share_with_additional_info"], o["share_with_user_type"] = userShare, u.DisplayName, c.info(&u), userType(u.Type)
	if member {
		o["share_type"] = userMember
	}
	return o
}

// receivedShare is a share as its receiver sees it: where it lies in the sharer's space is not his business.
func (c *call) receivedShare(r *share.Received, sh *share.Share) object {
	o := c.given(sh)
	o["space_alias"], o["state"], o["hidden"] = r.SpaceAlias(), ocsState(r.State), r.Hidden
	target := "/" + sh.Item.Name
	if r.State == share.Accepted {
		target = path.Join(c.prefix(), r.Mount)
	}
	o["path"], o["file_target"], o["file_parent"] = target, target, share.Jail().String()
	return o
}

func (c *call) prefix() string { return "/" + strings.Trim(c.h.cfg.OCS.SharePrefix, "/") }

// user looks somebody up; who is gone is named by his id.
func (c *call) user(id string) identity.User {
	if u, ok := c.users[id]; ok {
		return u
	}
	u, err := c.h.Users.User(c.ctx, id)
	if err != nil {
		u = identity.User{ID: id, Username: id, DisplayName: id}
	}
	c.users[id] = u
	return u
}

func (c *call) group(id string) string {
	g, err := c.h.Groups.Group(c.ctx, id)
	if err != nil {
		return id
	}
	return g.DisplayName
}

// alias returns the alias of the space that something lies in, if the caller is in it.
func (c *call) alias(id resource.ID) string {
	if a, ok := c.aliases[id.Space]; ok {
		return a
	}
	all, err := c.h.FS.ListSpaces(c.ctx, storage.SpaceFilter{ID: id.Root()})
	alias := ""
	if err == nil && len(all) == 1 {
		alias = all[0].Alias
	}
	c.aliases[id.Space] = alias
	return alias
}

// info tells people of one name apart.
func (c *call) info(u *identity.User) string {
	mail := ""
	if c.h.cfg.OCS.ShowEmail {
		mail = u.Mail
	}
	return strings.NewReplacer("{{.Mail}}", mail, "{{.Username}}", u.Username, "{{.ID}}", u.ID).Replace(c.h.cfg.OCS.AdditionalInfo)
}

func userType(t identity.UserType) int {
	if t == identity.Guest {
		return 1
	}
	return 0
}

func expiration(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateTime)
}
