// Package space describes the trees that people work in: personal spaces, project spaces and the virtual ones.
package space

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
)

// Type is the kind of a space, under the names of the wire. (spec/storage.md §1.1)
type Type string

const (
	Personal   Type = "personal"
	Project    Type = "project"
	Virtual    Type = "virtual"
	Mountpoint Type = "mountpoint"
)

// Quota of a space in bytes. Max 0 is unlimited; then Remaining is the free disk space.
type Quota struct {
	Max, Used, Remaining int64
}

// GranteeKind tells users and groups apart.
type GranteeKind uint8

const (
	UserGrantee  GranteeKind = 1
	GroupGrantee GranteeKind = 2
)

// Grant gives a user or group rights on a node and all below it; an empty set denies.
type Grant struct {
	Kind        GranteeKind
	Grantee     string // id
	Permissions permission.Set
	Expires     time.Time // zero: never
	Creator     string    // user id
	Created     time.Time
}

// Expired tells whether the grant counts no more.
func (g Grant) Expired(now time.Time) bool { return !g.Expires.IsZero() && !now.Before(g.Expires) }

// Space is one tree with its owner, members and quota, as the caller may see it.
type Space struct {
	ID          resource.ID // of the root
	Type        Type
	Name        string
	Alias       string
	Description string
	Owner       string // user id; empty for projects
	Quota       Quota
	ImageID     string // node id of the picture, if any
	ReadmeID    string // node id of the description page, if any
	ETag        string // of the root, without quotes
	MTime       time.Time
	Permissions permission.Set // the caller's on the root
	Disabled    time.Time      // zero: in use
	Members     []Grant        // grants on the root
	HasTrash    bool
}

// ErrInvalidName tells that a space cannot be named so.
var ErrInvalidName = errors.New("invalid space name")

// ValidateName checks the name of a project space. (spec/identity.md §14.6)
func ValidateName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidName)
	case len(name) > resource.MaxNameLength:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrInvalidName, resource.MaxNameLength)
	case strings.ContainsAny(name, "/\\.:?*\"><|\x00\r\n"):
		return fmt.Errorf("%w: it contains one of / \\ . : ? * \" > < |", ErrInvalidName)
	}
	return nil
}
