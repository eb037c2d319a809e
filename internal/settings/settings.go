// Package settings holds what people can set for themselves (language, notifications, …), what roles permit, and who has
// which role. (spec/identity.md §13)
//
// Definitions come in bundles. The bundle "profile" and the roles are built in and cannot be changed; administrators can add
// bundles of their own. Values belong to one account: nobody but its owner, and our own services, sees or changes them. The
// language is a property of the account and has no other home, unless the directory is read-only. A role is assigned by
// changing the account, which has one; ids of assignments are derived from account and role.
package settings

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

var (
	// ErrNotFound tells that there is no such bundle, setting, value, assignment or account.
	ErrNotFound = errors.New("not found")
	// ErrForbidden tells that the caller's role does not permit it.
	ErrForbidden = errors.New("forbidden")
	// ErrInvalid tells that a request cannot be understood, or a value does not fit its setting.
	ErrInvalid = errors.New("invalid request")
)

const (
	component = "settings"
	// maxBundles, maxSettings and maxBundle bound what administrators define: bundles, settings of one, bytes of one.
	maxBundles  = 200
	maxSettings = 500
	maxBundle   = 256 << 10
	maxValue    = 16 << 10 // bytes of one value
	maxName     = 255      // bytes
	page        = 1000     // accounts looked through at a time
)

// Accounts are where languages and roles are kept. identity.Accounts is one.
type Accounts interface {
	Account(ctx context.Context, id string) (identity.Account, error)
	ListAccounts(ctx context.Context, q identity.AccountQuery) ([]identity.Account, error)
	UpdateAccount(ctx context.Context, id string, c identity.AccountChange) (identity.Account, error)
}

// Options of New.
type Options struct {
	// ServiceAccounts are the ids that have the role of service accounts.
	ServiceAccounts []string
}

// Settings answers for the actor of the context.
type Settings struct {
	db       db.DB
	accounts Accounts
	opts     Options
}

func schema() []string {
	return []string{`
CREATE TABLE settings_values(
	uid TEXT NOT NULL, setting TEXT NOT NULL, bundle TEXT NOT NULL, id TEXT NOT NULL UNIQUE, value TEXT NOT NULL, PRIMARY KEY(uid, setting));
CREATE TABLE settings_bundles(id TEXT PRIMARY KEY, definition TEXT NOT NULL);
`}
}

// New opens the settings in a database and makes their tables.
func New(ctx context.Context, d db.DB, a Accounts, o Options) (*Settings, error) {
	if err := d.Migrate(ctx, component, schema()); err != nil {
		return nil, err
	}
	return &Settings{db: d, accounts: a, opts: o}, nil
}

// Me is how callers name their own account.
const Me = "me"

// own returns the account that a caller means, if it may know about it: its own, or as a service any.
func own(ctx context.Context, account string) (string, error) {
	a := identity.ActorFrom(ctx)
	switch {
	case a.Kind == identity.Person && (account == "" || account == Me || account == a.User.ID):
		return a.User.ID, nil
	case a.Kind == identity.Service && account != "" && account != Me:
		return account, nil
	}
	return "", ErrForbidden
}

// may tells how far the caller's role permits something. Our own services may everything.
func may(ctx context.Context, p role.Permission) role.Scope {
	a := identity.ActorFrom(ctx)
	switch a.Kind {
	case identity.Person:
		return role.Allows(a.User.Roles, p)
	case identity.Service:
		return role.All
	}
	return role.None
}

// derived returns the id of something that exists because of two others.
func derived(kind, a, b string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("opencloud:settings:"+kind+":"+a+":"+b)).String()
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}
