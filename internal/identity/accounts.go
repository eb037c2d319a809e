package identity

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrInvalid tells that a name, mail address, password or other value cannot be used; the error's text says which and why.
	ErrInvalid = errors.New("invalid value")
	// ErrReadOnly tells that the directory, or this entry of it, is maintained elsewhere and cannot be changed here.
	ErrReadOnly = errors.New("the directory is read-only")
)

// ExternalIdentity is an account's name at another identity provider.
type ExternalIdentity struct {
	Issuer  string
	Subject string
}

// Account is all that the directory knows about a user. User is the part that travels with requests.
type Account struct {
	User
	Identities      []ExternalIdentity
	ExternalID      string // of school administrations
	PrimaryRole     string // education: "student", "teacher", …; empty for others
	Created         time.Time
	LastSignIn      time.Time // zero: never seen
	PasswordChanged time.Time
	// Deleted is when the account was put into the bin; zero while it is in use. Deleted accounts are found only by the
	// methods of Accounts that say so; nobody signs in with them.
	Deleted time.Time
}

// AccountChange changes an account; nil fields stay.
type AccountChange struct {
	Username, DisplayName, GivenName, Surname, Mail, Language, ExternalID, PrimaryRole *string
	Type                                                                               *UserType
	Enabled                                                                            *bool
	Roles                                                                              *[]string // ids; empty: the default of the user's type
	Identities                                                                         *[]ExternalIdentity
}

// AccountQuery selects accounts; zero fields select all. They come ordered by username (without regard to case).
type AccountQuery struct {
	Text      string // in username, display name, given name, surname or mail; at most 200 bytes count
	Group     string // id of a group they are in
	Role      string // id of a role they have (assigned or by default)
	Type      UserType
	Enabled   *bool
	Education *bool // those with, or without, a PrimaryRole
	// External, if set, finds the accounts with this ExternalID.
	External string
	// Deleted lists the bin instead.
	Deleted bool
	// After is the username behind which to go on; Limit at most this many, 0 is 1000.
	After string
	Limit int
}

// Accounts administers users: the embedded directory, or an external one. Changes take effect on the next request, in every
// process that shares the database. Errors beside those named: ErrNotFound, ErrInvalid, ErrExists, ErrReadOnly.
type Accounts interface {
	Users
	// Account returns one account, also from the bin.
	Account(ctx context.Context, id string) (Account, error)
	// AccountByIdentity finds the account with an external identity (not in the bin).
	AccountByIdentity(ctx context.Context, issuer, subject string) (Account, error)
	ListAccounts(ctx context.Context, q AccountQuery) ([]Account, error)
	// CreateAccount adds an account: an empty ID is filled in, an empty Type is Member, an empty password allows no
	// login with one.
	CreateAccount(ctx context.Context, a Account, password string) (Account, error)
	UpdateAccount(ctx context.Context, id string, c AccountChange) (Account, error)
	// SetPassword replaces the password; logins that were remembered and sessions of it end.
	SetPassword(ctx context.Context, id, password string) error
	// DeleteAccount puts the account into the bin, or with purge removes it for good (also from the bin).
	DeleteAccount(ctx context.Context, id string, purge bool) error
	RestoreAccount(ctx context.Context, id string) error
	// Photo returns the profile photo and its media type; ErrNotFound if there is none. SetPhoto with nil removes it.
	Photo(ctx context.Context, id string) (data []byte, mediaType string, err error)
	SetPhoto(ctx context.Context, id string, data []byte, mediaType string) error
	// SignedIn notes that the user signed in now.
	SignedIn(ctx context.Context, id string) error
	// Writable tells what of accounts can be changed here; false for an external directory that is read-only.
	Writable() bool
}

// GroupKind tells plain groups from those of schools.
type GroupKind string

const (
	PlainGroup GroupKind = ""
	School     GroupKind = "school"
	Class      GroupKind = "class"
)

// GroupRecord is all that the directory knows about a group, school or class.
type GroupRecord struct {
	Group
	Kind           GroupKind
	Description    string
	Classification string // of classes: "class" or "course"
	Number         string // of schools
	ExternalID     string // of schools and classes
	Terminates     time.Time
	Created        time.Time
	ReadOnly       bool // maintained elsewhere
}

// MemberRole tells how somebody belongs to a group.
type MemberRole string

const (
	MemberOf  MemberRole = ""
	TeacherOf MemberRole = "teacher" // of a class
)

// GroupAdmin administers groups, schools and classes. Groups' own methods know plain groups and classes only.
type GroupAdmin interface {
	Groups
	GroupRecord(ctx context.Context, kind GroupKind, id string) (GroupRecord, error)
	// ListGroups returns the groups of a kind whose name contains the text, ordered by name; after and limit as in AccountQuery.
	ListGroups(ctx context.Context, kind GroupKind, text, after string, limit int) ([]GroupRecord, error)
	CreateGroup(ctx context.Context, g GroupRecord) (GroupRecord, error)
	// UpdateGroup replaces what is said of a group: all fields but ID, Kind, Created and ReadOnly.
	UpdateGroup(ctx context.Context, g GroupRecord) error
	DeleteGroup(ctx context.Context, kind GroupKind, id string) error
	// MembersOf returns the ids of those who belong to a group in a role, sorted.
	MembersOf(ctx context.Context, kind GroupKind, id string, r MemberRole) ([]string, error)
	// AddMember puts a user (or, into a school, also a class) into a group; one who is in it stays.
	AddMember(ctx context.Context, kind GroupKind, group, member string, r MemberRole) error
	// RemoveMember takes one out; ErrNotFound if not in it.
	RemoveMember(ctx context.Context, kind GroupKind, group, member string, r MemberRole) error
	// Belongs returns the ids of the groups of a kind that a user (or class) belongs to in a role, sorted.
	Belongs(ctx context.Context, kind GroupKind, member string, r MemberRole) ([]string, error)
}
