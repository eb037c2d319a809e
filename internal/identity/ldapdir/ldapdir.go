// Package ldapdir reads people and groups from an LDAP directory that somebody else maintains: OpenLDAP, Active Directory and
// their like. (spec/identity.md §8.2)
//
// Invariants: whatever people type is escaped before it becomes part of a filter; a server that does not answer gives errors
// that are neither identity.ErrNotFound nor identity.ErrCredentials, so that an outage deletes and logs out nobody; results
// are bounded and read in pages. What LDAP does not hold (roles, language) is in package profile.
package ldapdir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/identity/profile"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/cache"
)

// Options of New, under the original's names (OC_LDAP_…).
type Options struct {
	URI, BindDN, BindPassword       string
	CACert                          string // file; empty: the system's
	Insecure                        bool
	UserBase, GroupBase             string
	UserScope, GroupScope           string // base, one, sub
	UserFilter, GroupFilter         string
	UserClass, GroupClass           string
	UserID, GroupID                 string // attributes that hold the id
	UserIDBinary, GroupIDBinary     bool   // as 16 bytes, the way of Active Directory
	UserName, UserMail, UserDisplay string
	UserType, UserEnabled           string // may be empty
	GroupName, GroupMember          string
	LoginAttributes                 []string
	// DisabledGroup is the DN of a group whose members may not sign in; empty: none.
	DisabledGroup string
	// Substring says where a searched text may stand: any, initial or final.
	Substring string
	Issuer    string
	Profiles  *profile.Store
}

const (
	fresh      = 30 * time.Second
	pageSize   = 500
	maxEntries = 100_000
	maxText    = 200 // bytes of a searched text that count
)

// Directory implements identity.Users, identity.Groups, identity.Machine and login.Backend.
type Directory struct {
	opts   Options
	pool   *pool
	actors *cache.Map[string, remembered]
	now    func() time.Time
}

type remembered struct {
	actor      identity.Actor
	at         time.Time
	generation uint64
}

// New returns a directory; the server is not asked before the first question.
func New(o Options) (*Directory, error) {
	if o.UserID == "" || o.UserName == "" || o.UserBase == "" {
		return nil, errors.New("LDAP: the attributes of id and user name and the base of users must be set")
	}
	if len(o.LoginAttributes) == 0 {
		o.LoginAttributes = []string{o.UserName}
	}
	p, err := newPool(o)
	if err != nil {
		return nil, err
	}
	return &Directory{opts: o, pool: p, actors: cache.New[string, remembered](8192), now: time.Now}, nil
}

// Close ends all connections.
func (d *Directory) Close() error { return d.pool.close() }

func scope(name string) int {
	switch name {
	case "base":
		return ldap.ScopeBaseObject
	case "one":
		return ldap.ScopeSingleLevel
	}
	return ldap.ScopeWholeSubtree
}

// equal is a filter for an attribute; the value is anybody's.
func equal(name, value string) string { return "(" + name + "=" + ldap.EscapeFilter(value) + ")" }

// users is the filter of people with a further condition.
func (d *Directory) users(condition string) string {
	return "(&" + d.opts.UserFilter + equal("objectClass", d.opts.UserClass) + condition + ")"
}

func (d *Directory) groups(condition string) string {
	return "(&" + d.opts.GroupFilter + equal("objectClass", d.opts.GroupClass) + condition + ")"
}

func (d *Directory) userAttributes() []string {
	return attributes(d.opts.UserID, d.opts.UserName, d.opts.UserMail, d.opts.UserDisplay, d.opts.UserType, d.opts.UserEnabled, "givenName", "sn")
}

func attributes(names ...string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// idOf reads an id: text, or 16 bytes of which the first three groups are little-endian.
func idOf(e *ldap.Entry, name string, binary bool) string {
	if !binary {
		return e.GetEqualFoldAttributeValue(name)
	}
	b := e.GetEqualFoldRawAttributeValue(name)
	if len(b) != 16 {
		return ""
	}
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8:10], b[10:16])
}

// idFilter finds by an id.
func idFilter(name, id string, binary bool) (string, bool) {
	if !binary {
		return equal(name, id), id != ""
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 || len(id) != 36 {
		return "", false
	}
	b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7] = b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]
	var f strings.Builder
	for _, c := range b {
		fmt.Fprintf(&f, `\%02x`, c)
	}
	return "(" + name + "=" + f.String() + ")", true
}

func (d *Directory) user(e *ldap.Entry) identity.User {
	u := identity.User{ID: idOf(e, d.opts.UserID, d.opts.UserIDBinary), Username: e.GetEqualFoldAttributeValue(d.opts.UserName),
		DisplayName: e.GetEqualFoldAttributeValue(d.opts.UserDisplay), Mail: e.GetEqualFoldAttributeValue(d.opts.UserMail), GivenName: e.GetEqualFoldAttributeValue("givenName"),
		Surname: e.GetEqualFoldAttributeValue("sn"), Type: identity.Member, Enabled: true, Issuer: d.opts.Issuer}
	if d.opts.UserType != "" && strings.EqualFold(e.GetEqualFoldAttributeValue(d.opts.UserType), string(identity.Guest)) {
		u.Type = identity.Guest
	}
	if d.opts.UserEnabled != "" && strings.EqualFold(e.GetEqualFoldAttributeValue(d.opts.UserEnabled), "FALSE") {
		u.Enabled = false
	}
	return u
}

// one finds the only entry that a filter means; identity.ErrNotFound if there is none, or more than one.
func (d *Directory) one(ctx context.Context, base, scopeName, filter string, attrs []string) (*ldap.Entry, error) {
	found, err := d.pool.search(ctx, base, scope(scopeName), filter, attrs, 2)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, identity.ErrNotFound
	}
	return found[0], nil
}

// entry finds somebody by a claim.
func (d *Directory) entry(ctx context.Context, claim, value string) (*ldap.Entry, error) {
	var condition string
	switch claim {
	case "userid":
		var ok bool
		if condition, ok = idFilter(d.opts.UserID, value, d.opts.UserIDBinary); !ok {
			return nil, identity.ErrNotFound
		}
	case "username":
		condition = equal(d.opts.UserName, norm.NFC.String(value))
	case "mail":
		condition = equal(d.opts.UserMail, value)
	default:
		return nil, fmt.Errorf("users cannot be found by %q", claim)
	}
	if value == "" {
		return nil, identity.ErrNotFound
	}
	return d.one(ctx, d.opts.UserBase, d.opts.UserScope, d.users(condition), d.userAttributes())
}

// find returns one account with its groups and roles, remembered for a while.
func (d *Directory) find(ctx context.Context, claim, value string) (identity.Actor, error) {
	key, generation := claim+"\x00"+strings.ToLower(norm.NFC.String(value)), uint64(0)
	if d.opts.Profiles != nil {
		generation = d.opts.Profiles.Generation()
	}
	if e, ok := d.actors.Get(key); ok && e.generation == generation && d.now().Sub(e.at) < fresh {
		return e.actor, nil
	}
	at := d.now()
	e, err := d.entry(ctx, claim, value)
	if err != nil {
		return identity.Actor{}, err
	}
	a := identity.Actor{Kind: identity.Person, User: d.user(e)}
	if a.User.ID == "" || a.User.Username == "" {
		return identity.Actor{}, fmt.Errorf("LDAP: %s has no id or no user name", e.DN)
	}
	if err := d.belongs(ctx, e.DN, &a); err != nil {
		return identity.Actor{}, err
	}
	if d.opts.Profiles != nil {
		profiles, err := d.opts.Profiles.Get(ctx, a.User.ID)
		if err != nil {
			return identity.Actor{}, err
		}
		a.User.Roles, a.User.Language = profiles[a.User.ID].Roles, profiles[a.User.ID].Language
	}
	if len(a.User.Roles) == 0 {
		a.User.Roles = []string{role.Default(a.User.Type)}
	}
	a.MayListAllSpaces = role.Allows(a.User.Roles, role.DrivesList) == role.All
	d.actors.Put(key, remembered{a, at, generation})
	return a, nil
}

// belongs fills in the groups of somebody; that of the disabled disables.
func (d *Directory) belongs(ctx context.Context, dn string, a *identity.Actor) error {
	if d.opts.GroupBase == "" {
		return nil
	}
	found, err := d.pool.search(ctx, d.opts.GroupBase, scope(d.opts.GroupScope), d.groups(equal(d.opts.GroupMember, dn)), attributes(d.opts.GroupID), maxEntries)
	if err != nil {
		return err
	}
	disabled, _ := ldap.ParseDN(d.opts.DisabledGroup)
	for _, g := range found {
		if name, err := ldap.ParseDN(g.DN); d.opts.DisabledGroup != "" && err == nil && disabled != nil && name.EqualFold(disabled) {
			a.User.Enabled = false
			continue
		}
		if id := idOf(g, d.opts.GroupID, d.opts.GroupIDBinary); id != "" {
			a.Groups = append(a.Groups, id)
		}
	}
	slices.Sort(a.Groups)
	return nil
}

// User implements identity.Users.
func (d *Directory) User(ctx context.Context, id string) (identity.User, error) {
	return d.UserBy(ctx, "userid", id)
}

// UserBy implements identity.Users.
func (d *Directory) UserBy(ctx context.Context, claim, value string) (identity.User, error) {
	a, err := d.find(ctx, claim, value)
	return a.User, err
}

// GroupsOf implements identity.Users.
func (d *Directory) GroupsOf(ctx context.Context, userID string) ([]string, error) {
	a, err := d.find(ctx, "userid", userID)
	return a.Groups, err
}

// ActorBy implements identity.Machine.
func (d *Directory) ActorBy(ctx context.Context, claim, value string) (identity.Actor, error) {
	a, err := d.find(ctx, claim, value)
	if err == nil && !a.User.Enabled {
		return identity.Actor{}, fmt.Errorf("%w: account is disabled", identity.ErrCredentials)
	}
	return a, err
}

// contains is a filter for a text within attributes; empty: anything.
func (d *Directory) contains(text string, names ...string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	if text == "" {
		return ""
	}
	escaped, before, after := ldap.EscapeFilter(norm.NFC.String(text)), "*", "*"
	switch d.opts.Substring {
	case "initial":
		before = ""
	case "final":
		after = ""
	}
	var f strings.Builder
	for _, n := range attributes(names...) {
		f.WriteString("(" + n + "=" + before + escaped + after + ")")
	}
	return "(|" + f.String() + ")"
}

func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }

// FindUsers implements identity.Users.
func (d *Directory) FindUsers(ctx context.Context, text string, limit int) ([]identity.User, error) {
	found, err := d.pool.search(ctx, d.opts.UserBase, scope(d.opts.UserScope), d.users(d.contains(text, d.opts.UserName, d.opts.UserDisplay, d.opts.UserMail)), d.userAttributes(), maxEntries)
	if err != nil {
		return nil, err
	}
	var out []identity.User
	for _, e := range found {
		if u := d.user(e); u.ID != "" && u.Username != "" {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b identity.User) int { return strings.Compare(fold(a.Username), fold(b.Username)) })
	return out[:min(len(out), limit)], nil
}

func (d *Directory) group(e *ldap.Entry) identity.Group {
	return identity.Group{ID: idOf(e, d.opts.GroupID, d.opts.GroupIDBinary), DisplayName: e.GetEqualFoldAttributeValue(d.opts.GroupName)}
}

// Group implements identity.Groups.
func (d *Directory) Group(ctx context.Context, id string) (identity.Group, error) {
	condition, ok := idFilter(d.opts.GroupID, id, d.opts.GroupIDBinary)
	if !ok {
		return identity.Group{}, identity.ErrNotFound
	}
	e, err := d.one(ctx, d.opts.GroupBase, d.opts.GroupScope, d.groups(condition), attributes(d.opts.GroupID, d.opts.GroupName))
	if err != nil {
		return identity.Group{}, err
	}
	return d.group(e), nil
}

// GroupByName implements identity.Groups.
func (d *Directory) GroupByName(ctx context.Context, name string) (identity.Group, error) {
	if name == "" {
		return identity.Group{}, identity.ErrNotFound
	}
	e, err := d.one(ctx, d.opts.GroupBase, d.opts.GroupScope, d.groups(equal(d.opts.GroupName, norm.NFC.String(name))), attributes(d.opts.GroupID, d.opts.GroupName))
	if err != nil {
		return identity.Group{}, err
	}
	return d.group(e), nil
}

// FindGroups implements identity.Groups.
func (d *Directory) FindGroups(ctx context.Context, text string, limit int) ([]identity.Group, error) {
	found, err := d.pool.search(ctx, d.opts.GroupBase, scope(d.opts.GroupScope), d.groups(d.contains(text, d.opts.GroupName)), attributes(d.opts.GroupID, d.opts.GroupName), maxEntries)
	if err != nil {
		return nil, err
	}
	var out []identity.Group
	for _, e := range found {
		if g := d.group(e); g.ID != "" {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b identity.Group) int { return strings.Compare(fold(a.DisplayName), fold(b.DisplayName)) })
	return out[:min(len(out), limit)], nil
}

// Members implements identity.Groups. Members that are no people of ours are left out.
func (d *Directory) Members(ctx context.Context, groupID string) ([]string, error) {
	condition, ok := idFilter(d.opts.GroupID, groupID, d.opts.GroupIDBinary)
	if !ok {
		return nil, identity.ErrNotFound
	}
	g, err := d.one(ctx, d.opts.GroupBase, d.opts.GroupScope, d.groups(condition), attributes(d.opts.GroupMember))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, dn := range g.GetEqualFoldAttributeValues(d.opts.GroupMember) {
		e, err := d.one(ctx, dn, "base", d.users(""), attributes(d.opts.UserID))
		if errors.Is(err, identity.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if id := idOf(e, d.opts.UserID, d.opts.UserIDBinary); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Check implements login.Backend: the server compares the password.
func (d *Directory) Check(ctx context.Context, name, password string) (id string, secret int64, err error) {
	var condition strings.Builder
	for _, a := range d.opts.LoginAttributes {
		condition.WriteString(equal(a, norm.NFC.String(name)))
	}
	dn := ""
	e, err := d.one(ctx, d.opts.UserBase, d.opts.UserScope, d.users("(|"+condition.String()+")"), attributes(d.opts.UserID))
	switch {
	case err == nil:
		dn, id = e.DN, idOf(e, d.opts.UserID, d.opts.UserIDBinary)
	case errors.Is(err, identity.ErrNotFound):
		dn = "uid=" + rand.Text() + "," + d.opts.UserBase // nobody, so that it takes as long
	default:
		return "", 0, err
	}
	if err := d.pool.check(ctx, dn, password); err != nil {
		return "", 0, err
	}
	if id == "" {
		return "", 0, identity.ErrCredentials
	}
	return id, 0, nil
}

// Current implements login.Backend. Passwords that were changed in the directory end remembered logins after 30 s at most.
func (d *Directory) Current(ctx context.Context, id string) (identity.Actor, int64, error) {
	a, err := d.ActorBy(ctx, "userid", id)
	if errors.Is(err, identity.ErrNotFound) {
		err = fmt.Errorf("%w: account is gone", identity.ErrCredentials)
	}
	return a, 0, err
}

var (
	_ identity.Users   = (*Directory)(nil)
	_ identity.Groups  = (*Directory)(nil)
	_ identity.Machine = (*Directory)(nil)
)
