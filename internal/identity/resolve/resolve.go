// Package resolve finds the account of somebody whom an identity provider vouches for, makes one at the first visit where
// that is configured, and keeps groups and role as the provider says. (spec/identity.md §5.4)
package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/cache"
)

var (
	// ErrNoRole tells that none of the person's roles at the provider leads to a role here.
	ErrNoRole = errors.New("no role here is for the roles of this person")
	// ErrClaim tells that the provider does not say by what the account would be found.
	ErrClaim = errors.New("the identity provider does not say who this is")
)

const (
	groupsEvery = 5 * time.Minute
	maxGroups   = 1000
	makeTime    = 30 * time.Second
)

// Mapping gives a role to those who have a value in the role claim.
type Mapping struct {
	Role  string `yaml:"role_name"`
	Claim string `yaml:"claim_value"`
}

// DefaultMappings are those of the original.
func DefaultMappings() []Mapping {
	return []Mapping{{"admin", "opencloudAdmin"}, {"spaceadmin", "opencloudSpaceAdmin"}, {"user", "opencloudUser"}, {"user-light", "opencloudGuest"}}
}

// Options of New.
type Options struct {
	UserClaim    string // claim that names the person; sub finds by external identity
	AccountClaim string // what it is compared with: username, mail or userid
	Own          bool   // the provider is ours: its subjects are ids of accounts
	Machine      identity.Machine
	// Accounts and Groups are needed to make accounts, to sync groups and to assign roles; else they may be nil.
	Accounts identity.Accounts
	Groups   identity.GroupAdmin
	// Provision makes an account for whoever comes for the first time, from these claims.
	Provision                                              bool
	UsernameClaim, MailClaim, DisplayNameClaim, GroupClaim string
	// RoleClaim, if set, decides about roles: the first mapping that fits.
	RoleClaim string
	Mappings  []Mapping
	Log       *slog.Logger
}

// Resolver finds accounts.
type Resolver struct {
	opts   Options
	flight singleflight.Group
	synced *cache.Map[string, time.Time] // when somebody's groups were synced
	// sessions that were seen, and when first
	sessions *cache.Map[string, time.Time]
	now      func() time.Time
}

// New returns a resolver.
func New(o Options) (*Resolver, error) {
	if (o.Provision || o.RoleClaim != "") && o.Accounts == nil {
		return nil, errors.New("making accounts and assigning roles needs the directory")
	}
	for _, m := range o.Mappings {
		if _, ok := role.Find(m.Role); !ok && o.RoleClaim != "" {
			return nil, fmt.Errorf("role mapping: there is no role %q", m.Role)
		}
	}
	return &Resolver{opts: o, synced: cache.New[string, time.Time](8192), sessions: cache.New[string, time.Time](8192), now: time.Now}, nil
}

// Actor returns the account of the person. Errors: identity.ErrCredentials (nobody here, or disabled), ErrClaim, ErrNoRole;
// any other tells that it cannot be found out now.
func (r *Resolver) Actor(ctx context.Context, c bearer.Claims) (identity.Actor, error) {
	a, err := r.find(ctx, c)
	switch {
	case errors.Is(err, identity.ErrNotFound) && r.opts.Provision:
		if a, err = r.provision(ctx, c); err != nil {
			return identity.Actor{}, err
		}
	case errors.Is(err, identity.ErrNotFound):
		return identity.Actor{}, fmt.Errorf("%w: nobody of this name", identity.ErrCredentials)
	case err != nil:
		return identity.Actor{}, err
	case c.First && r.opts.Provision:
		if a, err = r.refresh(ctx, c, a); err != nil {
			return identity.Actor{}, err
		}
	}
	if r.opts.RoleClaim != "" {
		if a, err = r.assign(ctx, c, a); err != nil {
			return identity.Actor{}, err
		}
	}
	if c.First && r.opts.Accounts != nil && r.newSession(c) {
		if err := r.opts.Accounts.SignedIn(ctx, a.User.ID); err != nil {
			r.opts.Log.WarnContext(ctx, "last sign-in is not noted", "user", a.User.ID, "err", err)
		}
	}
	return a, nil
}

// newSession tells whether a sign-in at the provider is seen for the first time, as far as it names them.
func (r *Resolver) newSession(c bearer.Claims) bool {
	key := c.Subject + "\x00" + c.SessionID
	at, ok := r.sessions.Get(key)
	if ok && (c.SessionID != "" || r.now().Sub(at) < time.Hour) {
		return false
	}
	r.sessions.Put(key, r.now())
	return true
}

func (r *Resolver) find(ctx context.Context, c bearer.Claims) (identity.Actor, error) {
	if r.opts.Own {
		return r.opts.Machine.ActorBy(ctx, "userid", c.Subject)
	}
	value := c.Text(r.opts.UserClaim)
	if value == "" {
		return identity.Actor{}, fmt.Errorf("%w: claim %s is missing", ErrClaim, r.opts.UserClaim)
	}
	if r.opts.UserClaim == "sub" && r.opts.Provision {
		a, err := r.opts.Accounts.AccountByIdentity(ctx, c.Issuer, value)
		if err != nil {
			return identity.Actor{}, err
		}
		return r.opts.Machine.ActorBy(ctx, "userid", a.ID)
	}
	return r.opts.Machine.ActorBy(ctx, r.opts.AccountClaim, value)
}

// provision makes the account of somebody who comes for the first time; of those who come at once, one makes it.
func (r *Resolver) provision(ctx context.Context, c bearer.Claims) (identity.Actor, error) {
	done := r.flight.DoChan(c.Issuer+"\x00"+c.Subject, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTime)
		defer cancel()
		return r.create(ctx, c)
	})
	select {
	case res := <-done:
		if res.Err != nil {
			return identity.Actor{}, res.Err
		}
		return res.Val.(identity.Actor), nil
	case <-ctx.Done():
		return identity.Actor{}, ctx.Err()
	}
}

func (r *Resolver) create(ctx context.Context, c bearer.Claims) (identity.Actor, error) {
	username, display := c.Text(r.opts.UsernameClaim), c.Text(r.opts.DisplayNameClaim)
	if username == "" || display == "" {
		return identity.Actor{}, fmt.Errorf("%w: an account needs the claims %s and %s", ErrClaim, r.opts.UsernameClaim, r.opts.DisplayNameClaim)
	}
	_, err := r.opts.Accounts.CreateAccount(ctx, identity.Account{User: identity.User{Username: username, DisplayName: display, Mail: c.Text(r.opts.MailClaim), Enabled: true},
		Identities: []identity.ExternalIdentity{{Issuer: c.Issuer, Subject: c.Subject}}}, "")
	if errors.Is(err, identity.ErrInvalid) {
		return identity.Actor{}, fmt.Errorf("%w: %w", ErrClaim, err)
	}
	if err != nil && !errors.Is(err, identity.ErrExists) {
		return identity.Actor{}, fmt.Errorf("make account: %w", err)
	}
	a, err := r.find(ctx, c)
	if errors.Is(err, identity.ErrNotFound) {
		// The name is somebody else's: whoever chose it at the provider must not become them.
		return identity.Actor{}, fmt.Errorf("%w: the name is taken by another account", identity.ErrCredentials)
	}
	if err != nil {
		return identity.Actor{}, err
	}
	return a, r.syncGroups(ctx, c, a.User.ID)
}

// refresh takes over what the provider says now of somebody who signed in anew.
func (r *Resolver) refresh(ctx context.Context, c bearer.Claims, a identity.Actor) (identity.Actor, error) {
	var change identity.AccountChange
	if name := c.Text(r.opts.DisplayNameClaim); name != "" && name != a.User.DisplayName {
		change.DisplayName = &name
	}
	if mail := c.Text(r.opts.MailClaim); mail != "" && mail != a.User.Mail {
		change.Mail = &mail
	}
	if change.DisplayName != nil || change.Mail != nil {
		if _, err := r.opts.Accounts.UpdateAccount(ctx, a.User.ID, change); err != nil {
			r.opts.Log.WarnContext(ctx, "account is not as its identity provider says", "user", a.User.ID, "err", err)
		}
	}
	if err := r.syncGroups(ctx, c, a.User.ID); err != nil {
		return a, err
	}
	return r.find(ctx, c)
}

// syncGroups makes somebody a member of the groups that the provider names, and of no other that came from there. Groups
// that were made by hand are left alone.
func (r *Resolver) syncGroups(ctx context.Context, c bearer.Claims, user string) error {
	if r.opts.GroupClaim == "" || r.opts.Groups == nil || !c.Has(r.opts.GroupClaim) {
		return nil
	}
	if at, ok := r.synced.Get(user); ok && r.now().Sub(at) < groupsEvery {
		return nil
	}
	want := c.Strings(r.opts.GroupClaim)
	if len(want) > maxGroups {
		return fmt.Errorf("%w: more than %d groups", ErrClaim, maxGroups)
	}
	have, err := r.opts.Groups.Belongs(ctx, identity.PlainGroup, user, identity.MemberOf)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, name := range want {
		g, err := r.group(ctx, c.Issuer, name)
		if errors.Is(err, identity.ErrInvalid) || errors.Is(err, identity.ErrReadOnly) {
			continue // a name we cannot have, or a directory that takes no groups
		}
		if err != nil {
			return err
		}
		keep[g] = true
		if !slices.Contains(have, g) {
			if err := r.opts.Groups.AddMember(ctx, identity.PlainGroup, g, user, identity.MemberOf); err != nil && !errors.Is(err, identity.ErrReadOnly) {
				return err
			}
		}
	}
	for _, id := range have {
		if keep[id] {
			continue
		}
		g, err := r.opts.Groups.GroupRecord(ctx, identity.PlainGroup, id)
		if err == nil && g.ExternalID == c.Issuer {
			err = r.opts.Groups.RemoveMember(ctx, identity.PlainGroup, id, user, identity.MemberOf)
		}
		if err != nil && !errors.Is(err, identity.ErrNotFound) && !errors.Is(err, identity.ErrReadOnly) {
			return err
		}
	}
	r.synced.Put(user, r.now())
	return nil
}

// group returns the id of a group of the provider; one that is not there is made. ExternalID marks where it comes from.
func (r *Resolver) group(ctx context.Context, issuer, name string) (string, error) {
	g, err := r.opts.Groups.GroupByName(ctx, name)
	if err == nil {
		return g.ID, nil
	}
	if !errors.Is(err, identity.ErrNotFound) {
		return "", err
	}
	made, err := r.opts.Groups.CreateGroup(ctx, identity.GroupRecord{Group: identity.Group{DisplayName: name}, ExternalID: issuer})
	if errors.Is(err, identity.ErrExists) {
		g, err = r.opts.Groups.GroupByName(ctx, name)
		return g.ID, err
	}
	return made.ID, err
}

// assign gives the role that the provider's claim leads to.
func (r *Resolver) assign(ctx context.Context, c bearer.Claims, a identity.Actor) (identity.Actor, error) {
	have := c.Strings(r.opts.RoleClaim)
	for _, m := range r.opts.Mappings {
		if !slices.Contains(have, m.Claim) {
			continue
		}
		want, _ := role.Find(m.Role)
		if slices.Equal(a.User.Roles, []string{want.ID}) {
			return a, nil
		}
		roles := []string{want.ID}
		if _, err := r.opts.Accounts.UpdateAccount(ctx, a.User.ID, identity.AccountChange{Roles: &roles}); err != nil {
			return identity.Actor{}, fmt.Errorf("assign role: %w", err)
		}
		return r.opts.Machine.ActorBy(ctx, "userid", a.User.ID)
	}
	return identity.Actor{}, fmt.Errorf("%w: %s is %s", ErrNoRole, r.opts.RoleClaim, strings.Join(have, ", "))
}
