package ldapdir

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
	"opencloud/internal/identity/profile"
	"opencloud/internal/identity/role"
)

// account is what an entry says of somebody.
func (d *Directory) account(e *ldap.Entry) identity.Account {
	value := e.GetEqualFoldAttributeValue
	a := identity.Account{User: identity.User{ID: idOf(e, d.opts.UserID, d.opts.UserIDBinary), Username: value(d.opts.UserName),
		DisplayName: value(d.opts.UserDisplay), Mail: value(d.opts.UserMail), GivenName: value("givenName"),
		Surname: value("sn"), Type: identity.Member, Enabled: true, Issuer: d.opts.Issuer}, PasswordChanged: passwordChanged(e)}
	if d.opts.UserType != "" && strings.EqualFold(value(d.opts.UserType), string(identity.Guest)) {
		a.Type = identity.Guest
	}
	if d.opts.UserEnabled != "" && strings.EqualFold(value(d.opts.UserEnabled), "FALSE") {
		a.Enabled = false
	}
	a.Created = created(e)
	return a
}

func created(e *ldap.Entry) time.Time {
	return later(generalized(e.GetEqualFoldAttributeValue("createTimestamp")), generalized(e.GetEqualFoldAttributeValue("whenCreated")))
}

// passwordChanged is when the password was changed, as far as the server tells: by OpenLDAP's password policy, or in Active
// Directory's units of 100 ns since 1601.
func passwordChanged(e *ldap.Entry) time.Time {
	at := generalized(e.GetEqualFoldAttributeValue("pwdChangedTime"))
	const until1970 = 116444736000000000
	if n, err := strconv.ParseInt(e.GetEqualFoldAttributeValue("pwdLastSet"), 10, 64); err == nil && n > until1970 {
		at = later(at, time.Unix((n-until1970)/1e7, (n-until1970)%1e7*100).UTC())
	}
	return at
}

// generalized reads a moment (RFC 4517 §3.3.13); zero if there is none.
func generalized(text string) time.Time {
	for _, layout := range []string{"20060102150405Z0700", "20060102150405.999999Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func addProfile(a *identity.Account, p profile.Profile) {
	a.Roles, a.Language, a.LastSignIn, a.Identities = p.Roles, p.Language, p.LastSignIn, p.Identities
	a.PasswordChanged = later(a.PasswordChanged, p.PasswordChanged)
}

// Writable implements identity.Accounts.
func (d *Directory) Writable() bool { return d.opts.Write }

// Account implements identity.Accounts.
func (d *Directory) Account(ctx context.Context, id string) (identity.Account, error) {
	r, err := d.find(ctx, "userid", id)
	if err != nil {
		return identity.Account{}, err
	}
	a := r.account
	profiles, err := d.opts.Profiles.Get(ctx, a.ID)
	a.LastSignIn = profiles[a.ID].LastSignIn // this is not what makes accounts be looked up anew
	return a, err
}

// AccountByIdentity implements identity.Accounts.
func (d *Directory) AccountByIdentity(ctx context.Context, issuer, subject string) (identity.Account, error) {
	id, err := d.opts.Profiles.ByIdentity(ctx, identity.ExternalIdentity{Issuer: issuer, Subject: subject})
	if errors.Is(err, identity.ErrNotFound) && issuer == d.opts.Issuer && issuer != "" {
		id, err = subject, nil
	}
	if err != nil {
		return identity.Account{}, err
	}
	return d.Account(ctx, id)
}

// FindUsers implements identity.Users.
func (d *Directory) FindUsers(ctx context.Context, text string, limit int) ([]identity.User, error) {
	found, err := d.list(ctx, contains(d.opts.UserSubstring, text, d.opts.UserName, d.opts.UserDisplay, d.opts.UserMail))
	if err != nil {
		return nil, err
	}
	var out []identity.User
	for _, a := range found[:min(len(found), limit)] {
		out = append(out, a.User)
	}
	return out, nil
}

// ListAccounts implements identity.Accounts.
func (d *Directory) ListAccounts(ctx context.Context, q identity.AccountQuery) ([]identity.Account, error) {
	if q.Deleted || q.External != "" || q.Education != nil && *q.Education {
		return nil, nil // there is no bin, and there are no schools
	}
	all, err := d.list(ctx, contains(d.opts.UserSubstring, q.Text, d.opts.UserName, d.opts.UserDisplay, d.opts.UserMail, "givenName", "sn"))
	if err != nil {
		return nil, err
	}
	var members []string
	if q.Group != "" {
		members, err = d.Members(ctx, q.Group)
		if errors.Is(err, identity.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	out := slices.DeleteFunc(all, func(a identity.Account) bool {
		roles := a.Roles
		if len(roles) == 0 {
			roles = []string{role.Default(a.Type)}
		}
		_, member := slices.BinarySearch(members, a.ID)
		return q.Group != "" && !member || q.Role != "" && !slices.Contains(roles, q.Role) || q.Type != "" && a.Type != q.Type ||
			q.Enabled != nil && a.Enabled != *q.Enabled || q.After != "" && fold(a.Username) <= fold(q.After)
	})
	return out[:min(len(out), orMany(q.Limit))], nil
}

func orMany(limit int) int {
	if limit <= 0 {
		return many
	}
	return limit
}

// list returns the accounts that fulfil a condition, ordered by user name.
func (d *Directory) list(ctx context.Context, condition string) (out []identity.Account, err error) {
	found, err := d.pool.search(ctx, d.opts.UserBase, scope(d.opts.UserScope), d.users(condition), d.userAttributes(), maxEntries)
	if err != nil {
		return nil, err
	}
	disabled, err := d.allDisabled(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range found {
		a := d.account(e)
		if a.ID == "" || a.Username == "" {
			continue
		}
		a.Enabled = a.Enabled && !disabled[d.memberKey(d.memberValue(e))]
		out, ids = append(out, a), append(ids, a.ID)
	}
	profiles, err := d.opts.Profiles.Get(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for i := range out {
		addProfile(&out[i], profiles[out[i].ID])
	}
	slices.SortFunc(out, func(a, b identity.Account) int { return strings.Compare(fold(a.Username), fold(b.Username)) })
	return out, nil
}

// allDisabled are the members of the group of those who may not sign in, by memberKey.
func (d *Directory) allDisabled(ctx context.Context) (map[string]bool, error) {
	if d.opts.DisabledGroup == "" {
		return nil, nil
	}
	found, err := d.pool.search(ctx, d.opts.DisabledGroup, ldap.ScopeBaseObject, "(objectClass=*)", []string{d.opts.GroupMember}, 1)
	out := map[string]bool{}
	for _, g := range found {
		for _, m := range g.GetEqualFoldAttributeValues(d.opts.GroupMember) {
			out[d.memberKey(m)] = true
		}
	}
	return out, err
}

// memberKey is the form under which names of members are compared: DN can be written in more than one way.
func (d *Directory) memberKey(member string) string {
	if d.byName() {
		return member
	}
	dn, err := ldap.ParseDN(member)
	if err != nil {
		return member
	}
	return fold(dn.String())
}

// Photo implements identity.Accounts.
func (d *Directory) Photo(ctx context.Context, id string) ([]byte, string, error) {
	if _, err := d.User(ctx, id); err != nil {
		return nil, "", err
	}
	return d.opts.Profiles.Photo(ctx, id)
}

// SetPhoto implements identity.Accounts; what the photo is is found out from its content.
func (d *Directory) SetPhoto(ctx context.Context, id string, data []byte, _ string) error {
	if _, err := d.User(ctx, id); err != nil {
		return err
	}
	return d.opts.Profiles.SetPhoto(ctx, id, data)
}

// SignedIn implements identity.Accounts.
func (d *Directory) SignedIn(ctx context.Context, id string) error {
	if _, err := d.User(ctx, id); err != nil {
		return err
	}
	return d.opts.Profiles.SignedIn(ctx, id)
}

// RestoreAccount implements identity.Accounts: there is no bin to restore from.
func (d *Directory) RestoreAccount(context.Context, string) error { return identity.ErrNotFound }
