package ldapdir

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
)

// refused turns the server's refusals into errors of package identity. (RFC 4511 appendix A)
func refused(err error) error {
	var e *ldap.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.ResultCode {
	case ldap.LDAPResultEntryAlreadyExists:
		return fmt.Errorf("%w: %w", identity.ErrExists, err)
	case ldap.LDAPResultNoSuchObject:
		return fmt.Errorf("%w: %w", identity.ErrNotFound, err)
	case ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return fmt.Errorf("%w: %w", identity.ErrReadOnly, err)
	case ldap.LDAPResultConstraintViolation, ldap.LDAPResultInvalidAttributeSyntax, ldap.LDAPResultUndefinedAttributeType, ldap.LDAPResultObjectClassViolation,
		ldap.LDAPResultNamingViolation, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultNotAllowedOnRDN:
		return fmt.Errorf("%w: %w", identity.ErrInvalid, err)
	}
	return err
}

// change makes one change in the directory.
func (d *Directory) change(ctx context.Context, f func(c *ldap.Conn) error) error {
	if !d.opts.Write {
		return identity.ErrReadOnly
	}
	return refused(d.pool.once(ctx, f))
}

// name is the DN of an entry below a base, named by one attribute. (RFC 4514 §2.4)
func name(attribute, value, base string) string {
	return attribute + "=" + ldap.EscapeDN(value) + "," + base
}

// rawID is an id as it is stored.
func rawID(id string, binary bool) (string, error) {
	if !binary {
		return id, nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 {
		return "", fmt.Errorf("%w: %q is no UUID", identity.ErrInvalid, id)
	}
	b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]
	return string(b), nil
}

// ours tells whether an attribute is from deploy/ldap/opencloud.schema; entries that have it are of one more class.
func ours(attribute string) bool { return strings.HasPrefix(strings.ToLower(attribute), "opencloud") }

// CreateAccount implements identity.Accounts. Of the attributes of our own schema only those are written that say
// something unusual, so that a server without the schema takes ordinary people.
func (d *Directory) CreateAccount(ctx context.Context, a identity.Account, pw string) (identity.Account, error) {
	if !d.opts.Write {
		return identity.Account{}, identity.ErrReadOnly
	}
	a.Username = norm.NFC.String(a.Username)
	a.Complete()
	if err := d.allowed(a, pw); err != nil {
		return identity.Account{}, err
	}
	if err := d.free(ctx, a); err != nil {
		return identity.Account{}, err
	}
	dn := name(d.opts.UserName, a.Username, d.opts.UserBase)
	r, err := d.addition(dn, a)
	if err == nil {
		err = d.change(ctx, func(c *ldap.Conn) error { return c.Add(r) })
	}
	if err != nil {
		return identity.Account{}, err
	}
	id, err := d.furnish(ctx, dn, a, pw)
	if err != nil {
		// Half an account is none.
		undo := d.remove(context.WithoutCancel(ctx), dn, a.Username)
		return identity.Account{}, errors.Join(err, undo)
	}
	return d.Account(ctx, id)
}

// allowed tells whether a new account can be had.
func (d *Directory) allowed(a identity.Account, pw string) error {
	if err := a.Validate(); err != nil {
		return err
	}
	switch {
	case a.ExternalID != "" || a.PrimaryRole != "":
		return fmt.Errorf("%w: there are no schools in an external directory", identity.ErrInvalid)
	case a.Type != identity.Member && d.opts.UserType == "":
		return fmt.Errorf("%w: the directory has no attribute for the type of users", identity.ErrInvalid)
	case !a.Enabled && d.opts.UserEnabled == "" && d.opts.DisabledGroup == "":
		return fmt.Errorf("%w: nobody is disabled in this directory", identity.ErrInvalid)
	case pw != "":
		return d.good(pw)
	}
	return nil
}

// good tells whether a password is one that we allow; the server has rules of its own.
func (d *Directory) good(pw string) error {
	if pw == "" || len(pw) > password.MaxLength {
		return fmt.Errorf("%w: a password has 1 to %d bytes", identity.ErrInvalid, password.MaxLength)
	}
	if faults := d.opts.Passwords.Faults(pw); len(faults) > 0 {
		return fmt.Errorf("%w: %w", identity.ErrInvalid, &password.WeakError{Faults: faults})
	}
	return nil
}

// free tells whether the names of a new account are nobody's.
func (d *Directory) free(ctx context.Context, a identity.Account) error {
	condition := equal(d.opts.UserName, a.Username)
	if a.ID != "" {
		byID, ok := idFilter(d.opts.UserID, a.ID, d.opts.UserIDBinary)
		if !ok {
			return fmt.Errorf("%w: %q is no id", identity.ErrInvalid, a.ID)
		}
		condition = "(|" + condition + byID + ")"
	}
	// Whoever has the name, also those who are none of ours.
	found, err := d.pool.search(ctx, d.opts.UserBase, ldap.ScopeWholeSubtree, condition, []string{"1.1"}, 1)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("account %s: %w", a.Username, identity.ErrExists)
	}
	for _, i := range a.Identities {
		if _, err := d.opts.Profiles.ByIdentity(ctx, i); !errors.Is(err, identity.ErrNotFound) {
			return errors.Join(err, fmt.Errorf("identity of %s: %w", i.Issuer, identity.ErrExists))
		}
	}
	return nil
}

// addition is the entry of a new account.
func (d *Directory) addition(dn string, a identity.Account) (*ldap.AddRequest, error) {
	values := map[string]string{d.opts.UserName: a.Username, "cn": a.DisplayName, "sn": a.Surname, "givenName": a.GivenName, d.opts.UserDisplay: a.DisplayName, d.opts.UserMail: a.Mail}
	if a.Surname == "" {
		values["sn"] = a.Username // a person must have one (RFC 4519 §3.12)
	}
	if !d.opts.ServerID {
		if a.ID == "" {
			a.ID = uuid.NewString()
		}
		id, err := rawID(a.ID, d.opts.UserIDBinary)
		if err != nil {
			return nil, err
		}
		values[d.opts.UserID] = id
	}
	if a.Type != identity.Member {
		values[d.opts.UserType] = string(a.Type)
	}
	if !a.Enabled && d.opts.UserEnabled != "" {
		values[d.opts.UserEnabled] = "FALSE"
	}
	r := ldap.NewAddRequest(dn, nil)
	r.Attribute("objectClass", append([]string{d.opts.UserClass}, d.classes(values)...))
	for n, v := range values {
		if n != "" && v != "" {
			r.Attribute(n, []string{v})
		}
	}
	return r, nil
}

// classes are those of our own schema that attributes need.
func (d *Directory) classes(values map[string]string) (out []string) {
	for n := range values {
		class := "openCloudUser"
		if strings.EqualFold(n, "openCloudUUID") {
			class = "openCloudObject"
		}
		if ours(n) && !slices.Contains(out, class) {
			out = append(out, class)
		}
	}
	return out
}

// furnish does what comes after the entry of a new account, and tells its id, which the server may have made.
func (d *Directory) furnish(ctx context.Context, dn string, a identity.Account, pw string) (id string, err error) {
	e, err := d.one(ctx, dn, "base", d.users(""), d.userAttributes())
	if errors.Is(err, identity.ErrNotFound) {
		return "", fmt.Errorf("%w: the configured filter does not find new accounts", identity.ErrInvalid)
	}
	if err != nil {
		return "", err
	}
	if id = idOf(e, d.opts.UserID, d.opts.UserIDBinary); id == "" {
		return "", fmt.Errorf("LDAP: %s was given no %s", dn, d.opts.UserID)
	}
	if !a.Enabled && d.opts.DisabledGroup != "" {
		err = d.disable(ctx, e, true)
	}
	if err == nil && pw != "" {
		err = d.setPassword(ctx, dn, id, pw)
	}
	if err == nil && len(a.Roles) > 0 {
		err = d.opts.Profiles.SetRoles(ctx, id, a.Roles)
	}
	if err == nil && a.Language != "" {
		err = d.opts.Profiles.SetLanguage(ctx, id, a.Language)
	}
	if err == nil {
		err = d.opts.Profiles.Identify(ctx, id, a.Identities) // makes everybody look again
	}
	return id, err
}

// UpdateAccount implements identity.Accounts. What is kept here can be changed whatever the directory allows.
func (d *Directory) UpdateAccount(ctx context.Context, id string, c identity.AccountChange) (identity.Account, error) {
	// Only what changes is checked: names that others gave are as they are.
	probe := identity.Account{User: identity.User{Username: "probe", Type: identity.Member}}
	c.Apply(&probe)
	if err := probe.Validate(); err != nil {
		return identity.Account{}, err
	}
	e, err := d.entry(ctx, "userid", id)
	if err != nil {
		return identity.Account{}, err
	}
	r, err := d.read(ctx, e) // not what is remembered: it is compared with what shall be
	if err != nil {
		return identity.Account{}, err
	}
	old := r.account
	if err := d.updateEntry(ctx, e, old, c); err != nil {
		return identity.Account{}, err
	}
	if c.Identities != nil {
		err = d.opts.Profiles.Identify(ctx, old.ID, *c.Identities)
	}
	if err == nil && c.Roles != nil {
		err = d.opts.Profiles.SetRoles(ctx, old.ID, *c.Roles)
	}
	if err == nil && c.Language != nil {
		err = d.opts.Profiles.SetLanguage(ctx, old.ID, *c.Language)
	}
	if err != nil {
		return identity.Account{}, err
	}
	return d.Account(ctx, old.ID)
}

// updateEntry changes what is in the directory, if anything is.
func (d *Directory) updateEntry(ctx context.Context, e *ldap.Entry, old identity.Account, c identity.AccountChange) error {
	a := old
	c.Apply(&a)
	a.Username = norm.NFC.String(a.Username)
	values := d.changed(old, a)
	toggled := a.Enabled != old.Enabled && d.opts.DisabledGroup != ""
	renamed := a.Username != old.Username
	switch {
	case a.ExternalID != "" || a.PrimaryRole != "":
		return fmt.Errorf("%w: there are no schools in an external directory", identity.ErrInvalid)
	case len(values) == 0 && a.Enabled == old.Enabled && a.Type == old.Type && !renamed:
		return nil
	case !d.opts.Write:
		return identity.ErrReadOnly
	case a.Enabled != old.Enabled && d.opts.UserEnabled == "" && d.opts.DisabledGroup == "":
		return fmt.Errorf("%w: nobody is disabled in this directory", identity.ErrInvalid)
	case a.Type != old.Type && d.opts.UserType == "":
		return fmt.Errorf("%w: the directory has no attribute for the type of users", identity.ErrInvalid)
	}
	if renamed && fold(a.Username) != fold(old.Username) {
		if err := d.free(ctx, identity.Account{User: identity.User{Username: a.Username}}); err != nil {
			return err
		}
	}
	err := d.store(ctx, e, values, toggled, a, renamed)
	// Whatever failed half-way: everybody looks again.
	return errors.Join(err, d.opts.Profiles.Touch(context.WithoutCancel(ctx)))
}

// store does what updateEntry found to be done.
func (d *Directory) store(ctx context.Context, e *ldap.Entry, values map[string]string, toggled bool, a identity.Account, renamed bool) error {
	if len(values) > 0 {
		if err := d.replace(ctx, e, values); err != nil {
			return err
		}
	}
	if toggled {
		if err := d.disable(ctx, e, !a.Enabled); err != nil {
			return err
		}
	}
	if renamed {
		return d.rename(ctx, e, d.opts.UserName, a.Username, true)
	}
	return nil
}

// changed are the attributes that differ between two accounts, but for the name; empty values are to be removed.
func (d *Directory) changed(old, a identity.Account) map[string]string {
	values := map[string]string{}
	for _, v := range []struct{ attribute, old, new string }{{d.opts.UserDisplay, old.DisplayName, a.DisplayName}, {"givenName", old.GivenName, a.GivenName},
		{"sn", old.Surname, a.Surname}, {d.opts.UserMail, old.Mail, a.Mail}, {d.opts.UserType, string(old.Type), string(a.Type)}} {
		if v.attribute != "" && v.old != v.new {
			values[v.attribute] = v.new
		}
	}
	if s, ok := values["sn"]; ok && s == "" {
		values["sn"] = a.Username
	}
	if d.opts.UserEnabled != "" && old.Enabled != a.Enabled {
		values[d.opts.UserEnabled] = strings.ToUpper(fmt.Sprint(a.Enabled))
	}
	return values
}

// replace writes attributes of an entry, with the classes they need.
func (d *Directory) replace(ctx context.Context, e *ldap.Entry, values map[string]string) error {
	r := ldap.NewModifyRequest(e.DN, nil)
	for _, class := range d.classes(values) {
		if !slices.ContainsFunc(e.GetEqualFoldAttributeValues("objectClass"), func(have string) bool { return strings.EqualFold(have, class) }) {
			r.Add("objectClass", []string{class})
		}
	}
	for n, v := range values {
		if v == "" {
			r.Replace(n, nil)
		} else {
			r.Replace(n, []string{v})
		}
	}
	return d.change(ctx, func(c *ldap.Conn) error { return c.Modify(r) })
}

// rename gives an entry another value of a naming attribute. Where that is (part of) its DN the entry moves, and unless the
// server does so, its memberships go along.
func (d *Directory) rename(ctx context.Context, e *ldap.Entry, attribute, value string, member bool) error {
	dn, err := ldap.ParseDN(e.DN)
	if err != nil || len(dn.RDNs) == 0 {
		return fmt.Errorf("LDAP: the name %q: %w", e.DN, err)
	}
	before := e.DN
	if rdn := dn.RDNs[0].Attributes; len(rdn) == 1 && strings.EqualFold(rdn[0].Type, attribute) {
		to := attribute + "=" + ldap.EscapeDN(value)
		err = d.change(ctx, func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(e.DN, to, true, "")) })
		before, e.DN = e.DN, to
		if len(dn.RDNs) > 1 {
			e.DN += "," + (&ldap.DN{RDNs: dn.RDNs[1:]}).String()
		}
	} else {
		err = d.replace(ctx, e, map[string]string{attribute: value})
	}
	if err != nil || !member {
		return err
	}
	from, to := before, e.DN
	if d.byName() {
		from, to = e.GetEqualFoldAttributeValue(attribute), value
	} else if d.opts.Refint {
		return nil
	}
	if d.memberKey(from) == d.memberKey(to) {
		return nil
	}
	return d.memberships(ctx, from, func(group string) error { return d.exchange(ctx, group, from, to) })
}

// SetPassword implements identity.Accounts. The former password is refused at once.
func (d *Directory) SetPassword(ctx context.Context, id, pw string) error {
	if !d.opts.Write {
		return identity.ErrReadOnly
	}
	e, err := d.entry(ctx, "userid", id)
	if err != nil {
		return err
	}
	if err := d.good(pw); err != nil {
		return err
	}
	return d.setPassword(ctx, e.DN, idOf(e, d.opts.UserID, d.opts.UserIDBinary), pw)
}

func (d *Directory) setPassword(ctx context.Context, dn, id, pw string) error {
	err := d.change(ctx, func(c *ldap.Conn) error {
		if d.opts.PasswordExop { // RFC 3062
			_, err := c.PasswordModify(ldap.NewPasswordModifyRequest(dn, "", pw))
			return err
		}
		r := ldap.NewModifyRequest(dn, nil)
		r.Replace("userPassword", []string{pw})
		return c.Modify(r)
	})
	if err != nil {
		return err
	}
	return d.opts.Profiles.PasswordSet(ctx, id)
}

// DeleteAccount implements identity.Accounts. There is no bin: with or without purge the account is gone. A directory that
// refuses costs nobody what is kept of them here; memberships go first, lest the next one of this name inherits them.
func (d *Directory) DeleteAccount(ctx context.Context, id string, _ bool) error {
	if !d.opts.Write {
		return identity.ErrReadOnly
	}
	e, err := d.entry(ctx, "userid", id)
	if err != nil {
		return err
	}
	id = idOf(e, d.opts.UserID, d.opts.UserIDBinary)
	for _, f := range d.onLeave {
		if err := f(ctx, id); err != nil {
			return err
		}
	}
	if err := d.remove(ctx, e.DN, e.GetEqualFoldAttributeValue(d.opts.UserName)); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // there is no second time: the account is gone
	var errs []error
	for _, f := range append(slices.Clone(d.onPurge), d.opts.Profiles.Delete) {
		errs = append(errs, f(ctx, id))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the account is gone, what was kept of it is not: %w", err)
	}
	return nil
}

// remove deletes somebody's entry and memberships.
func (d *Directory) remove(ctx context.Context, dn, username string) error {
	member := dn
	if d.byName() {
		member = username
	}
	if !d.opts.Refint || d.byName() {
		if err := d.memberships(ctx, member, func(group string) error { return d.takeOut(ctx, group, member) }); err != nil {
			return err
		}
	}
	return d.change(ctx, func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, nil)) })
}
