package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
)

// placeholder is the member of groups without one, where the schema demands one (RFC 4519 §3.5): nobody's name.
const placeholder = ""

// memberships calls f with every group that has a member, whatever the filters say, and that of the disabled.
func (d *Directory) memberships(ctx context.Context, member string, f func(group string) error) error {
	var all []string
	for _, base := range attributes(d.opts.GroupBase, d.opts.DisabledGroup) {
		found, err := d.pool.search(ctx, base, ldap.ScopeWholeSubtree, equal(d.opts.GroupMember, member), []string{"1.1"}, maxEntries)
		if err != nil {
			return err
		}
		for _, g := range found {
			if base == d.opts.GroupBase || !within(g.DN, d.opts.GroupBase) {
				all = append(all, g.DN)
			}
		}
	}
	for _, g := range all {
		if err := f(g); err != nil && !errors.Is(err, identity.ErrNotFound) {
			return err
		}
	}
	return nil
}

// putIn adds a member to a group; one who is in it stays.
func (d *Directory) putIn(ctx context.Context, group, member string) error {
	r := ldap.NewModifyRequest(group, nil)
	r.Add(d.opts.GroupMember, []string{member})
	err := d.change(ctx, func(c *ldap.Conn) error { return c.Modify(r) })
	if isCode(err, ldap.LDAPResultAttributeOrValueExists) {
		return nil
	}
	return err
}

// takeOut removes a member from a group; identity.ErrNotFound if it has no such member. The last one leaves a placeholder
// where there must be one.
func (d *Directory) takeOut(ctx context.Context, group, member string) error {
	out := func(put ...string) error {
		r := ldap.NewModifyRequest(group, nil)
		r.Delete(d.opts.GroupMember, []string{member})
		if len(put) > 0 {
			r.Add(d.opts.GroupMember, put)
		}
		return d.change(ctx, func(c *ldap.Conn) error { return c.Modify(r) })
	}
	err := out()
	if isCode(err, ldap.LDAPResultObjectClassViolation) {
		err = out(placeholder)
	}
	if isCode(err, ldap.LDAPResultNoSuchAttribute) {
		return identity.ErrNotFound
	}
	return err
}

// exchange puts one member in the place of another.
func (d *Directory) exchange(ctx context.Context, group, from, to string) error {
	if err := d.putIn(ctx, group, to); err != nil {
		return err
	}
	return d.takeOut(ctx, group, from)
}

// isCode looks for a result code in errors that were wrapped.
func isCode(err error, code uint16) bool {
	var e *ldap.Error
	return errors.As(err, &e) && e.ResultCode == code
}

// disable puts somebody into the group of those who may not sign in, or takes them out.
func (d *Directory) disable(ctx context.Context, e *ldap.Entry, yes bool) error {
	var err error
	if yes {
		err = d.putIn(ctx, d.opts.DisabledGroup, d.memberValue(e))
	} else if err = d.takeOut(ctx, d.opts.DisabledGroup, d.memberValue(e)); errors.Is(err, identity.ErrNotFound) {
		return nil
	}
	if errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("%w: there is no group %s", identity.ErrInvalid, d.opts.DisabledGroup)
	}
	return err
}

// ownGroup finds a group that may be changed.
func (d *Directory) ownGroup(ctx context.Context, kind identity.GroupKind, id string) (*ldap.Entry, error) {
	e, err := d.groupByID(ctx, kind, id)
	if err != nil {
		return nil, err
	}
	if d.record(e).ReadOnly {
		return nil, identity.ErrReadOnly
	}
	return e, nil
}

// allowedGroup tells whether the directory can hold what is said of a group.
func (d *Directory) allowedGroup(g identity.GroupRecord) error {
	if err := g.Validate(); err != nil {
		return err
	}
	if g.Kind != identity.PlainGroup || g.ExternalID != "" {
		return fmt.Errorf("%w: schools, classes and groups from elsewhere are not kept in it", identity.ErrReadOnly)
	}
	return nil
}

// CreateGroup implements identity.GroupAdmin.
func (d *Directory) CreateGroup(ctx context.Context, g identity.GroupRecord) (identity.GroupRecord, error) {
	if !d.opts.Write || d.opts.GroupBase == "" {
		return identity.GroupRecord{}, identity.ErrReadOnly
	}
	g.DisplayName = norm.NFC.String(g.DisplayName)
	if err := d.allowedGroup(g); err != nil {
		return identity.GroupRecord{}, err
	}
	if err := d.freeGroup(ctx, g); err != nil {
		return identity.GroupRecord{}, err
	}
	values := map[string]string{d.opts.GroupName: g.DisplayName, "description": g.Description}
	if !d.opts.ServerID {
		if g.ID == "" {
			g.ID = uuid.NewString()
		}
		raw, err := rawID(g.ID, d.opts.GroupIDBinary)
		if err != nil {
			return identity.GroupRecord{}, err
		}
		values[d.opts.GroupID] = raw
	}
	dn := name(d.opts.GroupName, g.DisplayName, d.opts.GroupCreateBase)
	if err := d.addGroup(ctx, dn, values); err != nil {
		return identity.GroupRecord{}, err
	}
	e, err := d.one(ctx, dn, "base", d.groups(""), attributes(d.opts.GroupID))
	if err != nil {
		undo := d.change(context.WithoutCancel(ctx), func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, nil)) })
		return identity.GroupRecord{}, errors.Join(fmt.Errorf("LDAP: the new group %s is not found: %w", dn, err), undo)
	}
	return d.GroupRecord(ctx, identity.PlainGroup, idOf(e, d.opts.GroupID, d.opts.GroupIDBinary))
}

// freeGroup tells whether name and id of a new group are nobody's.
func (d *Directory) freeGroup(ctx context.Context, g identity.GroupRecord) error {
	condition := equal(d.opts.GroupName, g.DisplayName)
	if byID, ok := idFilter(d.opts.GroupID, g.ID, d.opts.GroupIDBinary); ok {
		condition = "(|" + condition + byID + ")"
	}
	found, err := d.pool.search(ctx, d.opts.GroupBase, ldap.ScopeWholeSubtree, condition, []string{"1.1"}, 1)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("group %s: %w", g.DisplayName, identity.ErrExists)
	}
	return err
}

func (d *Directory) addGroup(ctx context.Context, dn string, values map[string]string) error {
	add := func(members ...string) error {
		r := ldap.NewAddRequest(dn, nil)
		r.Attribute("objectClass", append([]string{d.opts.GroupClass}, d.classes(values)...))
		for n, v := range values {
			if v != "" {
				r.Attribute(n, []string{v})
			}
		}
		if len(members) > 0 {
			r.Attribute(d.opts.GroupMember, members)
		}
		return d.change(ctx, func(c *ldap.Conn) error { return c.Add(r) })
	}
	err := add()
	if isCode(err, ldap.LDAPResultObjectClassViolation) {
		err = add(placeholder)
	}
	return err
}

// UpdateGroup implements identity.GroupAdmin.
func (d *Directory) UpdateGroup(ctx context.Context, g identity.GroupRecord) error {
	g.DisplayName = norm.NFC.String(g.DisplayName)
	if err := d.allowedGroup(g); err != nil {
		return err
	}
	e, err := d.ownGroup(ctx, g.Kind, g.ID)
	if err != nil {
		return err
	}
	old := d.record(e)
	if old.Description != g.Description {
		if err := d.replace(ctx, e, map[string]string{"description": g.Description}); err != nil {
			return err
		}
	}
	if old.DisplayName == g.DisplayName {
		return nil
	}
	if !strings.EqualFold(old.DisplayName, g.DisplayName) {
		if err := d.freeGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: g.DisplayName}}); err != nil {
			return err
		}
	}
	return d.rename(ctx, e, d.opts.GroupName, g.DisplayName, false)
}

// DeleteGroup implements identity.GroupAdmin.
func (d *Directory) DeleteGroup(ctx context.Context, kind identity.GroupKind, id string) error {
	e, err := d.ownGroup(ctx, kind, id)
	if err != nil {
		return err
	}
	if err := d.change(ctx, func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(e.DN, nil)) }); err != nil {
		return err
	}
	return d.opts.Profiles.Touch(ctx)
}

// AddMember implements identity.GroupAdmin.
func (d *Directory) AddMember(ctx context.Context, kind identity.GroupKind, group, member string, r identity.MemberRole) error {
	if r != identity.MemberOf {
		return fmt.Errorf("%w: nobody belongs to a group as %q", identity.ErrInvalid, r)
	}
	g, e, err := d.both(ctx, kind, group, member)
	if err == nil {
		err = d.putIn(ctx, g.DN, d.memberValue(e))
	}
	if err != nil {
		return err
	}
	return d.opts.Profiles.Touch(ctx)
}

// RemoveMember implements identity.GroupAdmin.
func (d *Directory) RemoveMember(ctx context.Context, kind identity.GroupKind, group, member string, r identity.MemberRole) error {
	g, e, err := d.both(ctx, kind, group, member)
	if err == nil && r != identity.MemberOf {
		err = identity.ErrNotFound
	}
	if err == nil {
		err = d.takeOut(ctx, g.DN, d.memberValue(e))
	}
	if err != nil {
		return err
	}
	return d.opts.Profiles.Touch(ctx)
}

// both finds a group that may be changed and somebody.
func (d *Directory) both(ctx context.Context, kind identity.GroupKind, group, member string) (g, e *ldap.Entry, err error) {
	if g, err = d.ownGroup(ctx, kind, group); err != nil {
		return nil, nil, err
	}
	e, err = d.entry(ctx, "userid", member)
	return g, e, err
}
