package ldapdir

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
)

var (
	_ identity.Accounts   = (*Directory)(nil)
	_ identity.GroupAdmin = (*Directory)(nil)
	_ identity.Machine    = (*Directory)(nil)
)

// groupEntries finds groups. That of the disabled is none: it is how accounts are marked.
func (d *Directory) groupEntries(ctx context.Context, condition string, limit int, more ...string) ([]*ldap.Entry, error) {
	if d.opts.GroupBase == "" {
		return nil, nil
	}
	found, err := d.pool.search(ctx, d.opts.GroupBase, scope(d.opts.GroupScope), d.groups(condition),
		append(attributes(d.opts.GroupID, d.opts.GroupName, "description", "createTimestamp", "whenCreated"), more...), limit)
	if d.opts.DisabledGroup != "" {
		found = slices.DeleteFunc(found, func(e *ldap.Entry) bool { return within(e.DN, d.opts.DisabledGroup) })
	}
	return found, err
}

// within tells whether a name is, or lies below, another.
func within(dn, base string) bool {
	a, err := ldap.ParseDN(dn)
	b, err2 := ldap.ParseDN(base)
	return err == nil && err2 == nil && (b.EqualFold(a) || b.AncestorOfFold(a))
}

func (d *Directory) oneGroup(ctx context.Context, condition string, more ...string) (*ldap.Entry, error) {
	found, err := d.groupEntries(ctx, condition, 2, more...)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 || idOf(found[0], d.opts.GroupID, d.opts.GroupIDBinary) == "" {
		return nil, identity.ErrNotFound
	}
	return found[0], nil
}

// groupByID finds a plain group; there are no others.
func (d *Directory) groupByID(ctx context.Context, kind identity.GroupKind, id string, more ...string) (*ldap.Entry, error) {
	condition, ok := idFilter(d.opts.GroupID, id, d.opts.GroupIDBinary)
	if !ok || kind != identity.PlainGroup {
		return nil, identity.ErrNotFound
	}
	return d.oneGroup(ctx, condition, more...)
}

func (d *Directory) record(e *ldap.Entry) identity.GroupRecord {
	return identity.GroupRecord{Group: identity.Group{ID: idOf(e, d.opts.GroupID, d.opts.GroupIDBinary), DisplayName: e.GetEqualFoldAttributeValue(d.opts.GroupName)},
		Description: e.GetEqualFoldAttributeValue("description"), Created: created(e), ReadOnly: !d.opts.Write || !within(e.DN, d.opts.GroupCreateBase)}
}

// Group implements identity.Groups.
func (d *Directory) Group(ctx context.Context, id string) (identity.Group, error) {
	g, err := d.GroupRecord(ctx, identity.PlainGroup, id)
	return g.Group, err
}

// GroupByName implements identity.Groups.
func (d *Directory) GroupByName(ctx context.Context, name string) (identity.Group, error) {
	if name == "" {
		return identity.Group{}, identity.ErrNotFound
	}
	e, err := d.oneGroup(ctx, equal(d.opts.GroupName, norm.NFC.String(name)))
	if err != nil {
		return identity.Group{}, err
	}
	return d.record(e).Group, nil
}

// FindGroups implements identity.Groups.
func (d *Directory) FindGroups(ctx context.Context, text string, limit int) ([]identity.Group, error) {
	found, err := d.ListGroups(ctx, identity.PlainGroup, text, "", limit)
	var out []identity.Group
	for _, g := range found {
		out = append(out, g.Group)
	}
	return out, err
}

// Members implements identity.Groups. Members that are no people of ours are left out.
func (d *Directory) Members(ctx context.Context, groupID string) ([]string, error) {
	return d.MembersOf(ctx, identity.PlainGroup, groupID, identity.MemberOf)
}

// GroupRecord implements identity.GroupAdmin.
func (d *Directory) GroupRecord(ctx context.Context, kind identity.GroupKind, id string) (identity.GroupRecord, error) {
	e, err := d.groupByID(ctx, kind, id)
	if err != nil {
		return identity.GroupRecord{}, err
	}
	return d.record(e), nil
}

// ListGroups implements identity.GroupAdmin.
func (d *Directory) ListGroups(ctx context.Context, kind identity.GroupKind, text, after string, limit int) ([]identity.GroupRecord, error) {
	if kind != identity.PlainGroup {
		return nil, nil
	}
	found, err := d.groupEntries(ctx, contains(d.opts.GroupSubstring, text, d.opts.GroupName), maxEntries)
	if err != nil {
		return nil, err
	}
	var out []identity.GroupRecord
	for _, e := range found {
		if g := d.record(e); g.ID != "" && (after == "" || fold(g.DisplayName) > fold(after)) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b identity.GroupRecord) int { return strings.Compare(fold(a.DisplayName), fold(b.DisplayName)) })
	return out[:min(len(out), orMany(limit))], nil
}

// MembersOf implements identity.GroupAdmin.
func (d *Directory) MembersOf(ctx context.Context, kind identity.GroupKind, id string, r identity.MemberRole) ([]string, error) {
	g, err := d.groupByID(ctx, kind, id, d.opts.GroupMember)
	if err != nil || r != identity.MemberOf {
		return nil, err
	}
	return d.ids(ctx, g.GetEqualFoldAttributeValues(d.opts.GroupMember))
}

// fewMembers is how many members are looked up one by one; for more, everybody is read.
const fewMembers = 20

// ids returns who members' names stand for, sorted.
func (d *Directory) ids(ctx context.Context, members []string) (ids []string, err error) {
	found, err := d.entriesOf(ctx, members)
	for _, e := range found {
		if id := idOf(e, d.opts.UserID, d.opts.UserIDBinary); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

func (d *Directory) entriesOf(ctx context.Context, members []string) (out []*ldap.Entry, err error) {
	attrs := attributes(d.opts.UserID, d.opts.UserName)
	if len(members) > fewMembers {
		wanted := map[string]bool{}
		for _, m := range members {
			wanted[d.memberKey(m)] = true
		}
		all, err := d.pool.search(ctx, d.opts.UserBase, scope(d.opts.UserScope), d.users(""), attrs, maxEntries)
		return slices.DeleteFunc(all, func(e *ldap.Entry) bool { return !wanted[d.memberKey(d.memberValue(e))] }), err
	}
	for _, m := range members {
		var e *ldap.Entry
		switch {
		case d.byName():
			e, err = d.one(ctx, d.opts.UserBase, d.opts.UserScope, d.users(equal(d.opts.UserName, m)), attrs)
		case within(m, d.opts.UserBase):
			e, err = d.one(ctx, m, "base", d.users(""), attrs)
		default:
			continue // a placeholder, or somebody who is none of ours
		}
		if errors.Is(err, identity.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Belongs implements identity.GroupAdmin.
func (d *Directory) Belongs(ctx context.Context, kind identity.GroupKind, member string, r identity.MemberRole) ([]string, error) {
	if kind != identity.PlainGroup || r != identity.MemberOf {
		return nil, nil
	}
	groups, err := d.GroupsOf(ctx, member)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, nil
	}
	return groups, err
}
