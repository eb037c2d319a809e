// Package ldapdir is an LDAP directory that somebody else maintains: OpenLDAP, Active Directory and their like. People and
// groups are read from it and, where that is allowed, changed in it. (spec/identity.md §8.2)
//
// Invariants: whatever people type is escaped before it becomes part of a filter or a name (RFC 4515, RFC 4514); a server that
// does not answer gives errors that are neither identity.ErrNotFound nor identity.ErrCredentials, so that an outage deletes and
// logs out nobody; results are bounded and read in pages. What LDAP does not hold (roles, language, photos, external
// identities) is in package profile, also for a directory that is read-only. What is changed there by others is seen after 30 s
// at most, what is changed here at once, in every process that shares the database.
//
// There are no schools, and no bin: who is deleted is gone.
package ldapdir

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
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
	LoginFilter                     string // a further condition on those who sign in with a password
	UserClass, GroupClass           string
	UserID, GroupID                 string // attributes that hold the id
	UserIDBinary, GroupIDBinary     bool   // as 16 bytes, the way of Active Directory
	UserName, UserMail, UserDisplay string
	UserType, UserEnabled           string // may be empty
	GroupName, GroupMember          string
	LoginAttributes                 []string
	// Mechanism tells who may not sign in: "attribute" those whose UserEnabled is FALSE, "group" the members of
	// DisabledGroup (a DN), "none" nobody. Empty: attribute.
	Mechanism, DisabledGroup string
	// Where a searched text may stand: any, initial or final.
	UserSubstring, GroupSubstring string

	Write        bool // people and groups may be changed
	ServerID     bool // the server makes ids
	PasswordExop bool // passwords by the operation of RFC 3062
	Refint       bool // the server takes those who are deleted or renamed out of groups
	// GroupCreateBase is where groups are made; those elsewhere are read-only. Empty: GroupBase.
	GroupCreateBase string
	Passwords       password.Policy // what new passwords must have, beside what the server asks for

	Issuer   string
	Profiles *profile.Store
}

const (
	fresh      = 30 * time.Second
	verifyFor  = 10 * time.Minute // how long a password that was right is believed, if the server tells of changes
	pageSize   = 500
	maxEntries = 100_000
	maxText    = 200 // bytes of a searched text that count
	many       = 1000
)

// Directory implements identity.Accounts, identity.GroupAdmin, identity.Machine and login.Backend.
type Directory struct {
	opts             Options
	pool             *pool
	known            *cache.Map[string, remembered]
	onLeave, onPurge []func(ctx context.Context, userID string) error
	now              func() time.Time
}

type remembered struct {
	account    identity.Account
	actor      identity.Actor
	mark       uint64
	at         time.Time
	generation uint64
}

// New returns a directory; the server is not asked before the first question.
func New(o Options) (*Directory, error) {
	if o.UserID == "" || o.UserName == "" || o.UserBase == "" || o.Profiles == nil {
		return nil, errors.New("LDAP: the attributes of id and user name and the base of users must be set")
	}
	for _, f := range []string{o.UserFilter, o.GroupFilter, o.LoginFilter} {
		if _, err := ldap.CompileFilter("(&" + f + "(objectClass=*))"); err != nil {
			return nil, fmt.Errorf("LDAP: the filter %q: %w", f, err)
		}
	}
	for _, dn := range []string{o.UserBase, o.GroupBase, o.GroupCreateBase, o.DisabledGroup} {
		if _, err := ldap.ParseDN(dn); err != nil {
			return nil, fmt.Errorf("LDAP: the name %q: %w", dn, err)
		}
	}
	switch o.Mechanism {
	case "", "attribute":
		o.DisabledGroup = ""
	case "group":
		o.UserEnabled = ""
	case "none":
		o.UserEnabled, o.DisabledGroup = "", ""
	default:
		return nil, fmt.Errorf("LDAP: people are disabled by attribute, group or none, not by %q", o.Mechanism)
	}
	if len(o.LoginAttributes) == 0 {
		o.LoginAttributes = []string{o.UserName}
	}
	if o.GroupCreateBase == "" {
		o.GroupCreateBase = o.GroupBase
	}
	p, err := newPool(o)
	if err != nil {
		return nil, err
	}
	return &Directory{opts: o, pool: p, known: cache.New[string, remembered](8192), now: time.Now}, nil
}

// OnLeave adds what is to be done before an account is removed, while its groups are known. If it fails, the account stays; if
// the directory refuses afterwards, it has been done all the same. It is called before the directory is used.
func (d *Directory) OnLeave(f func(ctx context.Context, userID string) error) {
	d.onLeave = append(d.onLeave, f)
}

// OnPurge adds what else is to be removed when an account is removed for good. It is called before the directory is used.
func (d *Directory) OnPurge(f func(ctx context.Context, userID string) error) {
	d.onPurge = append(d.onPurge, f)
}

// Ready tells whether the server answers.
func (d *Directory) Ready(ctx context.Context) error {
	_, err := d.pool.search(ctx, d.opts.UserBase, ldap.ScopeBaseObject, "(objectClass=*)", []string{"1.1"}, 1)
	return err
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
	return append(attributes(d.opts.UserID, d.opts.UserName, d.opts.UserMail, d.opts.UserDisplay, d.opts.UserType, d.opts.UserEnabled, "givenName", "sn", "objectClass"), dates()...)
}

// changes are attributes that change when an entry, or its password, does: of LDAP (RFC 4512 §3.4), OpenLDAP, its password
// policy, and Active Directory.
func changes() []string {
	return []string{"modifyTimestamp", "entryCSN", "pwdChangedTime", "whenChanged", "pwdLastSet"}
}

func dates() []string { return append(changes(), "createTimestamp", "whenCreated") }

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
func (d *Directory) find(ctx context.Context, claim, value string) (remembered, error) {
	generation, err := d.opts.Profiles.Generation(ctx)
	if err != nil {
		return remembered{}, err
	}
	key := claim + "\x00" + fold(value)
	if r, ok := d.known.Get(key); ok && r.generation == generation && d.now().Sub(r.at) < fresh {
		return r, nil
	}
	at := d.now()
	e, err := d.entry(ctx, claim, value)
	if err != nil {
		return remembered{}, err
	}
	r, err := d.read(ctx, e)
	if err != nil {
		return remembered{}, err
	}
	r.at, r.generation = at, generation
	d.known.Put(key, r)
	return r, nil
}

// read returns the account of an entry, as it is now.
func (d *Directory) read(ctx context.Context, e *ldap.Entry) (remembered, error) {
	a := d.account(e)
	if a.ID == "" || a.Username == "" {
		return remembered{}, fmt.Errorf("LDAP: %s has no id or no user name", e.DN)
	}
	groups, err := d.belongs(ctx, e)
	if err != nil {
		return remembered{}, err
	}
	disabled, err := d.disabled(ctx, d.memberValue(e))
	if err != nil {
		return remembered{}, err
	}
	a.Enabled = a.Enabled && !disabled
	profiles, err := d.opts.Profiles.Get(ctx, a.ID)
	if err != nil {
		return remembered{}, err
	}
	addProfile(&a, profiles[a.ID])
	r := remembered{account: a, actor: identity.Actor{Kind: identity.Person, User: a.User, Groups: groups}, mark: mark(e, a.PasswordChanged)}
	if len(r.actor.User.Roles) == 0 {
		r.actor.User.Roles = []string{role.Default(a.Type)}
	}
	r.actor.MayListAllSpaces = role.Allows(r.actor.User.Roles, role.DrivesList) == role.All
	return r, nil
}

// mark is another one when the entry, or the password in it, has changed. It is odd if the server tells of changes.
func mark(e *ldap.Entry, passwordChanged time.Time) uint64 {
	h, told := fnv.New64a(), uint64(0)
	_, _ = fmt.Fprint(h, passwordChanged.UnixNano())
	for _, name := range changes() {
		if v := e.GetEqualFoldAttributeValue(name); v != "" {
			told = 1
			_, _ = fmt.Fprintf(h, "\x00%s=%s", name, v)
		}
	}
	return h.Sum64()<<1 | told
}

// version is the version of a password for package login: another one after a change, and now and then, for locked accounts
// and passwords that expired show in no change.
func (d *Directory) version(mark uint64) int64 {
	every := verifyFor
	if mark&1 == 0 {
		every = fresh
	}
	return int64(mark) ^ d.now().UnixNano()/int64(every)
}

// memberValue is how somebody is named in a group: their DN, or in groups of Unix (RFC 2307) their user name.
func (d *Directory) memberValue(e *ldap.Entry) string {
	if d.byName() {
		return e.GetEqualFoldAttributeValue(d.opts.UserName)
	}
	return e.DN
}

func (d *Directory) byName() bool { return strings.EqualFold(d.opts.GroupMember, "memberUid") }

// disabled tells whether a member's name is in the group of those who may not sign in.
func (d *Directory) disabled(ctx context.Context, member string) (bool, error) {
	if d.opts.DisabledGroup == "" {
		return false, nil
	}
	found, err := d.pool.search(ctx, d.opts.DisabledGroup, ldap.ScopeBaseObject, equal(d.opts.GroupMember, member), []string{"1.1"}, 1)
	return len(found) > 0, err
}

// belongs returns the ids of the groups somebody is in.
func (d *Directory) belongs(ctx context.Context, e *ldap.Entry) (ids []string, err error) {
	found, err := d.groupEntries(ctx, equal(d.opts.GroupMember, d.memberValue(e)), maxEntries)
	for _, g := range found {
		if id := idOf(g, d.opts.GroupID, d.opts.GroupIDBinary); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, err
}

// User implements identity.Users. The slices in what is returned must not be changed.
func (d *Directory) User(ctx context.Context, id string) (identity.User, error) {
	return d.UserBy(ctx, "userid", id)
}

// UserBy implements identity.Users.
func (d *Directory) UserBy(ctx context.Context, claim, value string) (identity.User, error) {
	r, err := d.find(ctx, claim, value)
	return r.actor.User, err
}

// GroupsOf implements identity.Users.
func (d *Directory) GroupsOf(ctx context.Context, userID string) ([]string, error) {
	r, err := d.find(ctx, "userid", userID)
	return r.actor.Groups, err
}

// ActorBy implements identity.Machine.
func (d *Directory) ActorBy(ctx context.Context, claim, value string) (identity.Actor, error) {
	r, err := d.enabled(ctx, claim, value)
	return r.actor, err
}

func (d *Directory) enabled(ctx context.Context, claim, value string) (remembered, error) {
	r, err := d.find(ctx, claim, value)
	if err == nil && !r.account.Enabled {
		return remembered{}, fmt.Errorf("%w: account is disabled", identity.ErrCredentials)
	}
	return r, err
}

// contains is a filter for a text within attributes; empty: anything.
func contains(where, text string, names ...string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	if text == "" {
		return ""
	}
	escaped, before, after := ldap.EscapeFilter(norm.NFC.String(text)), "*", "*"
	switch where {
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

// Check implements login.Backend: the server compares the password.
func (d *Directory) Check(ctx context.Context, name, password string) (id string, secret int64, err error) {
	var condition strings.Builder
	for _, a := range d.opts.LoginAttributes {
		condition.WriteString(equal(a, norm.NFC.String(name)))
	}
	dn := ""
	e, err := d.one(ctx, d.opts.UserBase, d.opts.UserScope, d.users(d.opts.LoginFilter+"(|"+condition.String()+")"), d.userAttributes())
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
	profiles, err := d.opts.Profiles.Get(ctx, id)
	return id, d.version(mark(e, later(profiles[id].PasswordChanged, passwordChanged(e)))), err
}

// Current implements login.Backend. Changes in the directory end remembered logins after 30 s at most, accounts that it
// locks without a change after ten minutes.
func (d *Directory) Current(ctx context.Context, id string) (identity.Actor, int64, error) {
	r, err := d.enabled(ctx, "userid", id)
	if errors.Is(err, identity.ErrNotFound) {
		err = fmt.Errorf("%w: account is gone", identity.ErrCredentials)
	}
	return r.actor, d.version(r.mark), err
}
