package sharing

import (
	"context"
	"errors"
	"fmt"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Finding is something that leads nowhere.
type Finding struct {
	Kind string `json:"kind"` // grant, link or mount
	ID   string `json:"id"`   // of the share, link, or mounted item
	Item string `json:"item"`
	Who  string `json:"who"` // grantee, creator or receiver
	Why  string `json:"why"`
}

// Report is what Check found.
type Report struct {
	Grants   int       `json:"grants"` // looked at
	Links    int       `json:"links"`
	Mounts   int       `json:"mounts"`
	Findings []Finding `json:"findings"`
}

// Check looks for grants to nobody, links to nothing, and mounts of what nobody shares. It changes nothing. What is in the trash,
// or in a disabled space, is fine: it may come back.
func (d *Domain) Check(ctx context.Context) (Report, error) {
	ctx = asService(ctx)
	rep := Report{Findings: []Finding{}}
	for _, check := range []func(context.Context, *Report) error{d.checkMounts, d.checkLinks, d.checkGrants} {
		if err := check(ctx, &rep); err != nil {
			return rep, err
		}
	}
	return rep, nil
}

func (d *Domain) checkGrants(ctx context.Context, rep *Report) error {
	found, nobody, err := d.nobodies(ctx)
	if err != nil {
		return err
	}
	rep.Grants = len(found)
	for _, g := range found {
		if who := granteeOf(g); nobody[who] {
			sh := share.Share{Grant: g.Grant, Item: g.Info}
			rep.Findings = append(rep.Findings, Finding{"grant", sh.ID(), g.Info.ID.String(), share.MemberID(who), "the directory knows nobody of this id"})
		}
	}
	return nil
}

// nobodies returns all grants, and those among their grantees (kind and id) that the directory does not know.
func (d *Domain) nobodies(ctx context.Context) ([]storage.Granted, map[space.Grant]bool, error) {
	found, err := d.fs.FindGrants(ctx, storage.GrantQuery{All: true})
	if err != nil {
		return nil, nil, err
	}
	asked, nobody := map[space.Grant]bool{}, map[space.Grant]bool{}
	for _, g := range found {
		who := granteeOf(g)
		if asked[who] {
			continue
		}
		asked[who] = true
		there, err := d.knows(ctx, who)
		if err != nil {
			return nil, nil, err
		}
		if !there {
			nobody[who] = true
		}
	}
	return found, nobody, nil
}

// granteeOf is whom a grant is to, without what it gives.
func granteeOf(g storage.Granted) space.Grant {
	return space.Grant{Kind: g.Grant.Kind, Grantee: g.Grant.Grantee}
}

// knows tells whether the directory knows a grantee.
func (d *Domain) knows(ctx context.Context, g space.Grant) (bool, error) {
	var err error
	if g.Kind == space.GroupGrantee {
		_, err = d.people.Groups.Group(ctx, g.Grantee)
	} else {
		_, err = d.people.Users.User(ctx, g.Grantee)
	}
	if errors.Is(err, identity.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask the directory for %s: %w", g.Grantee, err)
	}
	return true, nil
}

func (d *Domain) checkLinks(ctx context.Context, rep *Report) error {
	links, gone, err := d.goneLinks(ctx)
	if err != nil {
		return err
	}
	rep.Links = len(links)
	for i := range links {
		if l := &links[i]; gone[l.Item] {
			rep.Findings = append(rep.Findings, Finding{"link", l.ID, l.Item.String(), l.Creator, "what it leads to is no more"})
		}
	}
	return nil
}

// goneLinks returns all links, and the items among theirs that are no more.
func (d *Domain) goneLinks(ctx context.Context) ([]link.Link, map[resource.ID]bool, error) {
	links, err := d.links.All(ctx)
	if err != nil {
		return nil, nil, err
	}
	items := make([]resource.ID, len(links))
	for i := range links {
		items[i] = links[i].Item
	}
	gone, err := d.gone(ctx, items)
	return links, gone, err
}

func (d *Domain) checkMounts(ctx context.Context, rep *Report) error {
	all, dangling, err := d.mounts(ctx)
	if err != nil {
		return err
	}
	rep.Mounts = all
	for _, m := range dangling {
		rep.Findings = append(rep.Findings, Finding{"mount", m.Share, m.Item.String(), m.User, "it is not shared with this user"})
	}
	return nil
}

// mounts returns how many views of received things there are, and those of what is no more or is not shared with the receiver.
// Where a group has a share, all views are left: the directory is not asked who is in it.
func (d *Domain) mounts(ctx context.Context) (n int, dangling []share.View, err error) {
	// Views first: one that is made meanwhile has its grant already.
	views, err := d.received.Views(ctx)
	if err != nil {
		return 0, nil, err
	}
	granted, err := d.fs.FindGrants(ctx, storage.GrantQuery{All: true})
	if err != nil {
		return 0, nil, err
	}
	type receiver struct {
		item resource.ID
		user string // "": a group
	}
	has := map[receiver]bool{}
	for _, g := range granted {
		r := receiver{item: g.Info.ID}
		if g.Grant.Kind == space.UserGrantee {
			r.user = g.Grant.Grantee
		}
		has[r] = true
	}
	var items []resource.ID
	for _, v := range views {
		if !has[receiver{v.Item, v.User}] && !has[receiver{v.Item, ""}] {
			dangling, items = append(dangling, v), append(items, v.Item)
		}
	}
	gone, err := d.gone(ctx, items)
	if err != nil {
		return 0, nil, err
	}
	out := dangling[:0]
	for _, v := range dangling {
		if !gone[v.Item] {
			_, err := d.fs.Stat(ctx, storage.At(v.Item, ""), storage.View{})
			if errors.Is(err, storage.ErrNotFound) {
				continue // in the trash, or in a disabled space, with its grants
			}
			if err != nil {
				return 0, nil, err
			}
		}
		out = append(out, v)
	}
	return len(views), out, nil
}
