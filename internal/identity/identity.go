// Package identity says who somebody is: users, groups, and the actor on whose behalf a request runs.
package identity

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound tells that there is no such user or group.
	ErrNotFound = errors.New("no such user or group")
	// ErrExists tells that the name or id is taken.
	ErrExists = errors.New("name already exists")
	// ErrCredentials tells that a login failed; it never says whether the account exists.
	ErrCredentials = errors.New("wrong user name or password")
	// ErrThrottled tells that there were too many failed logins; see ThrottledError for how long to wait.
	ErrThrottled = errors.New("too many failed logins")
)

// ThrottledError says how long to wait before the next attempt. It is ErrThrottled.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string {
	return ErrThrottled.Error() + ", try again in " + e.RetryAfter.Round(time.Second).String()
}

// Is makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// UserType is the kind of account, under the names of the LibreGraph API.
type UserType string

const (
	Member UserType = "Member"
	Guest  UserType = "Guest"
)

// User is an account.
type User struct {
	ID          string // UUID, for ever
	Username    string
	DisplayName string
	GivenName   string
	Surname     string
	Mail        string
	Language    string // BCP 47, empty if not chosen
	Type        UserType
	Enabled     bool
	Issuer      string   // where the account comes from: the issuer of its OpenID Connect tokens
	Roles       []string // ids of assigned application roles
}

// Group is a set of users.
type Group struct {
	ID          string
	DisplayName string
}

// Kind tells what an actor is.
type Kind uint8

const (
	Anonymous Kind = iota
	Person
	Service // one of our own services or a service account; may read every space
	Visitor // somebody who came by a public link; Visit says what it opens
)

// Actor is on whose behalf something happens. The zero value is a stranger who may do nothing.
type Actor struct {
	Kind   Kind
	User   User
	Groups []string // ids
	// MayListAllSpaces is the permission Drives.List of the actor's roles.
	MayListAllSpaces bool
	// Initiator is the Initiator-ID of the browser tab, passed on into events.
	Initiator string
	// Visit is set for visitors only.
	Visit *Visit
}

// Known tells whether the actor is one of our people or services: no stranger, and nobody who came by a public link.
func (a *Actor) Known() bool { return a.Kind == Person || a.Kind == Service }

// Visit is what a public link opens: one node and what is below it, and of that no more than its creator may do himself.
type Visit struct {
	Link    string // id
	Token   string // the address
	Storage string
	Space   string
	Node    string
	File    bool   // the node is a file
	Rights  uint32 // a permission.Set
	Creator Actor  // a person, as of this request
}

type actorKey struct{}

// WithActor returns a context in which everything happens on behalf of the actor.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, &a)
}

// ActorFrom returns the actor of the context; without one, a stranger.
func ActorFrom(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(*Actor); ok {
		return *a
	}
	return Actor{}
}

// Users looks accounts up. Unknown ones give ErrNotFound.
type Users interface {
	User(ctx context.Context, id string) (User, error)
	// UserBy finds one user by "username" or "mail" (both without regard to case) or "userid".
	UserBy(ctx context.Context, claim, value string) (User, error)
	// FindUsers returns at most limit users whose name, display name or mail contains the text, ordered by username.
	FindUsers(ctx context.Context, text string, limit int) ([]User, error)
	// GroupsOf returns the ids of the groups the user is in, sorted.
	GroupsOf(ctx context.Context, userID string) ([]string, error)
}

// Groups looks groups up. Unknown ones give ErrNotFound.
type Groups interface {
	Group(ctx context.Context, id string) (Group, error)
	GroupByName(ctx context.Context, name string) (Group, error)
	FindGroups(ctx context.Context, text string, limit int) ([]Group, error)
	// Members returns the ids of a group's users, sorted.
	Members(ctx context.Context, groupID string) ([]string, error)
}

// Login is one attempt to log in with a password.
type Login struct {
	Name     string // user name or, where allowed, mail
	Password string
	Address  string // the client's IP address, for throttling
}

// Authenticator checks passwords. Errors: ErrCredentials (also for unknown and disabled accounts), ErrThrottled.
type Authenticator interface {
	Authenticate(ctx context.Context, l Login) (Actor, error)
}

// Machine speaks for a user without a password: for services that know who it is. Errors: ErrNotFound; disabled
// accounts give ErrCredentials.
type Machine interface {
	ActorBy(ctx context.Context, claim, value string) (Actor, error)
}
