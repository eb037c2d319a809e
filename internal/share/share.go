// Package share lets people give each other rights on files, folders and spaces, and keeps what they received in order.
//
// A share is a grant in the storage's index and nothing else: there is no second list that could disagree with it. What this
// package adds are the rules of giving, names for grants, and each receiver's own view: which shares he takes, hides, and under
// which name he finds them. (spec/storage.md §10, spec/identity.md §14.8)
package share

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// JailID is the storage, and the space, in which everybody finds what he received. (spec/storage.md §0.1)
const JailID = "a0ca6a90-a365-4782-871e-d44447bbc668"

// Jail returns the id of the root of the jail.
func Jail() resource.ID { return resource.SpaceRoot(JailID, JailID) }

// Errors beside those of package storage.
var (
	// ErrRecipient tells that one cannot share with whom was named: unknown, oneself, or the owner.
	ErrRecipient = errors.New("cannot be shared with this recipient")
	// ErrNotShareable tells that it is nothing that can be shared: the root of a personal space, or the jail's.
	ErrNotShareable = errors.New("this cannot be shared")
	// ErrRights tells that these rights cannot be given on this.
	ErrRights = errors.New("these rights cannot be given")
	// ErrExpired tells that an expiration lies in the past.
	ErrExpired = errors.New("the expiration is in the past")
)

// Share is a grant and what it is on.
type Share struct {
	space.Grant
	Item       storage.Info // with its path, as the actor sees it
	SpaceAlias string
}

// ID names a share below the root of a space: "storage:space:uuid". The root's members are named by MemberID.
func (s *Share) ID() string {
	if s.Item.ID.IsRoot() {
		return MemberID(s.Grant)
	}
	return ID(s.Item.ID, s.Grant)
}

// ID names the share that a grant on a node is.
func ID(on resource.ID, g space.Grant) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", on.Node, g.Kind, g.Grantee))
	u := uuid.UUID(sum[:16])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // RFC 9562 §5.8: our own kind of UUID
	return on.Storage + ":" + on.Space + ":" + u.String()
}

// MemberID names a member of a space among its permissions: "u:id" or "g:id".
func MemberID(g space.Grant) string {
	if g.Kind == space.GroupGrantee {
		return "g:" + g.Grantee
	}
	return "u:" + g.Grantee
}

// SpaceOf returns the root of the space that a share's id names.
func SpaceOf(id string) (resource.ID, bool) {
	part := strings.Split(id, ":")
	if len(part) != 3 {
		return resource.ID{}, false
	}
	root, err := resource.ParseID(part[0] + "$" + part[1])
	return root, err == nil
}

// Target tells what roles can be given on an item: none on the root of anything but a project.
func Target(i *storage.Info) permission.Target {
	switch {
	case i.ID.IsRoot() && i.SpaceType != space.Project:
		return 0
	case i.ID.IsRoot():
		return permission.OnRoot
	case i.IsFolder():
		return permission.OnFolder
	}
	return permission.OnFile
}

// Options of New.
type Options struct {
	FS     storage.FS
	Users  identity.Users
	Groups identity.Groups
	Store  *Store
	// AutoAccept tells whether a user takes shares without being asked; nil: yes.
	AutoAccept func(ctx context.Context, userID string) bool
}

// Service shares. All its methods act for the actor of the context.
type Service struct {
	o   Options
	now func() time.Time
}

// New returns a service.
func New(o Options) *Service {
	if o.AutoAccept == nil {
		o.AutoAccept = func(context.Context, string) bool { return true }
	}
	return &Service{o: o, now: time.Now}
}

// Invitation is what to give to whom.
type Invitation struct {
	Kind    space.GranteeKind
	Grantee string // id
	Rights  permission.Set
	Expires time.Time // zero: never
}

// Invite gives rights on an item, or makes a member of a project. Errors: ErrRecipient, ErrNotShareable, ErrRights, ErrExpired,
// storage.ErrExists if the recipient has a share on it already, storage.ErrForbidden, storage.ErrNotFound.
func (s *Service) Invite(ctx context.Context, ref storage.Ref, in Invitation) (Share, error) {
	item, err := s.shareable(ctx, ref)
	if err != nil {
		return Share{}, err
	}
	if !item.Permissions.Has(permission.AddGrant) {
		return Share{}, storage.ErrForbidden
	}
	if err := s.recipient(ctx, &item, in.Kind, in.Grantee); err != nil {
		return Share{}, err
	}
	if err := s.giveable(&item, in.Rights, in.Expires); err != nil {
		return Share{}, err
	}
	grants, err := s.o.FS.ListGrants(ctx, storage.At(item.ID, ""))
	if err != nil {
		return Share{}, err
	}
	for _, g := range grants {
		if g.Kind == in.Kind && g.Grantee == in.Grantee && !g.Expired(s.now()) {
			return Share{}, storage.ErrExists
		}
	}
	g := space.Grant{Kind: in.Kind, Grantee: in.Grantee, Permissions: in.Rights, Expires: in.Expires, Creator: identity.ActorFrom(ctx).User.ID, Created: s.now()}
	if err := s.o.FS.SetGrant(ctx, storage.At(item.ID, ""), g); err != nil {
		return Share{}, err
	}
	return Share{Grant: g, Item: item}, nil
}

// shareable finds an item that the actor may share at all.
func (s *Service) shareable(ctx context.Context, ref storage.Ref) (storage.Info, error) {
	item, err := s.o.FS.Stat(ctx, ref, storage.View{Path: true})
	if err != nil {
		return item, err
	}
	a := identity.ActorFrom(ctx)
	switch {
	case a.Kind != identity.Service && role.Allows(a.User.Roles, role.SharesWrite) == role.None:
		return item, storage.ErrForbidden
	case item.ID.IsRoot() && item.SpaceType != space.Project:
		return item, ErrNotShareable
	}
	return item, nil
}

// recipient checks that there is somebody to whom the item can be given.
func (s *Service) recipient(ctx context.Context, item *storage.Info, kind space.GranteeKind, id string) error {
	var err error
	a := identity.ActorFrom(ctx) // a service may give something to whom it acts for
	switch {
	case id == "":
		return fmt.Errorf("%w: nobody is named", ErrRecipient)
	case kind == space.GroupGrantee:
		_, err = s.o.Groups.Group(ctx, id)
	case id == item.SpaceOwner, a.Kind == identity.Person && id == a.User.ID:
		return fmt.Errorf("%w: it is the owner, or the one who shares", ErrRecipient)
	default:
		_, err = s.o.Users.User(ctx, id)
	}
	if errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("%w: there is no such user or group", ErrRecipient)
	}
	return err
}

func (s *Service) giveable(item *storage.Info, rights permission.Set, expires time.Time) error {
	if !expires.IsZero() && !expires.After(s.now()) {
		return ErrExpired
	}
	if expires.After(time.Unix(0, math.MaxInt64)) { // storages keep nanoseconds
		return fmt.Errorf("%w: the expiration is too far away", storage.ErrInvalid)
	}
	if !permission.MayGive(permission.Manager, rights, Target(item)) {
		return ErrRights // nobody may
	}
	if !permission.MayGive(item.Permissions, rights, Target(item)) {
		return storage.ErrForbidden
	}
	return nil
}

// Change changes a share; nil fields stay. A zero Expires means never.
type Change struct {
	Rights  *permission.Set
	Expires *time.Time
}

// Update changes the share of an item with an id (ID or MemberID). Errors as of Invite.
func (s *Service) Update(ctx context.Context, ref storage.Ref, id string, c Change) (Share, error) {
	item, err := s.shareable(ctx, ref)
	if err != nil {
		return Share{}, err
	}
	sh, err := s.named(ctx, item, id)
	if err != nil {
		return Share{}, err
	}
	if !item.Permissions.Has(permission.UpdateGrant) {
		return Share{}, storage.ErrForbidden
	}
	if c.Rights != nil {
		sh.Permissions = *c.Rights
	}
	if c.Expires != nil {
		sh.Expires = *c.Expires
	}
	check := sh.Expires
	if c.Expires == nil {
		check = time.Time{} // one that is about to expire may still be changed
	}
	if err := s.giveable(&item, sh.Permissions, check); err != nil {
		return Share{}, err
	}
	return sh, s.o.FS.SetGrant(ctx, storage.At(item.ID, ""), sh.Grant)
}

func (s *Service) named(ctx context.Context, item storage.Info, id string) (Share, error) {
	grants, err := s.o.FS.ListGrants(ctx, storage.At(item.ID, ""))
	if errors.Is(err, storage.ErrForbidden) {
		err = storage.ErrNotFound // who may not list the shares of an item does not learn which there are
	}
	if err != nil {
		return Share{}, err
	}
	for _, g := range grants {
		if sh := (Share{Grant: g, Item: item}); sh.ID() == id {
			return sh, nil
		}
	}
	return Share{}, storage.ErrNotFound
}

// Remove takes a share back. Members of a space may take back their own, to leave it.
func (s *Service) Remove(ctx context.Context, ref storage.Ref, id string) error {
	item, err := s.o.FS.Stat(ctx, ref, storage.View{})
	if err != nil {
		return err
	}
	a := identity.ActorFrom(ctx)
	g := space.Grant{Kind: space.UserGrantee, Grantee: a.User.ID}
	if a.Kind == identity.Person && item.ID.IsRoot() && item.SpaceType == space.Project && id == MemberID(g) {
		all := identity.WithActor(ctx, identity.Actor{Kind: identity.Service, User: a.User, Initiator: a.Initiator})
		return s.o.FS.RemoveGrant(all, storage.At(item.ID, ""), g.Kind, g.Grantee)
	}
	sh, err := s.named(ctx, item, id)
	if err != nil {
		return err
	}
	if err := s.o.FS.RemoveGrant(ctx, storage.At(item.ID, ""), sh.Kind, sh.Grantee); err != nil {
		return err
	}
	if sh.Kind == space.UserGrantee {
		return s.o.Store.Forget(ctx, sh.Grantee, item.ID)
	}
	return nil
}

// List returns the shares of an item that count, or the members of a space; none to who may not list them.
func (s *Service) List(ctx context.Context, ref storage.Ref) (storage.Info, []Share, error) {
	item, err := s.o.FS.Stat(ctx, ref, storage.View{Path: true})
	if err != nil {
		return item, nil, err
	}
	grants, err := s.o.FS.ListGrants(ctx, storage.At(item.ID, ""))
	if errors.Is(err, storage.ErrForbidden) {
		return item, nil, nil
	}
	if err != nil {
		return item, nil, err
	}
	var out []Share
	for _, g := range grants {
		if !g.Expired(s.now()) {
			out = append(out, Share{Grant: g, Item: item})
		}
	}
	return item, out, nil
}

// Below returns the shares of what lies directly in a folder: all, if the actor may list the grants of its space, else those that
// Given returns. storage.ErrInvalid if it is a file.
func (s *Service) Below(ctx context.Context, ref storage.Ref) (storage.Info, []Share, error) {
	folder, err := s.o.FS.Stat(ctx, ref, storage.View{Path: true})
	if err == nil && !folder.IsFolder() {
		err = fmt.Errorf("%w: not a folder", storage.ErrInvalid)
	}
	if err != nil {
		return folder, nil, err
	}
	found, err := s.o.FS.FindGrants(ctx, storage.GrantQuery{Space: folder.ID.Root()})
	if errors.Is(err, storage.ErrForbidden) || errors.Is(err, storage.ErrNotFound) {
		found, err = s.o.FS.FindGrants(ctx, storage.GrantQuery{Given: true})
	}
	if err != nil {
		return folder, nil, err
	}
	out := slices.DeleteFunc(shares(found), func(sh Share) bool { return sh.Item.Parent != folder.ID })
	return folder, out, nil
}

// Given returns the shares that the actor made, and those in his personal space, the oldest first.
func (s *Service) Given(ctx context.Context) ([]Share, error) {
	found, err := s.o.FS.FindGrants(ctx, storage.GrantQuery{Given: true})
	return shares(found), err
}

// In returns the shares below the root of a space, the oldest first, to who may list those of the root.
func (s *Service) In(ctx context.Context, root resource.ID) ([]Share, error) {
	found, err := s.o.FS.FindGrants(ctx, storage.GrantQuery{Space: root})
	return shares(found), err
}

func shares(found []storage.Granted) []Share {
	out := make([]Share, len(found))
	for i, g := range found {
		out[i] = Share{Grant: g.Grant, Item: g.Info, SpaceAlias: g.SpaceAlias}
	}
	return out
}

// Find returns a share by its id to whoever received it, made it, or may list the shares of its space.
func (s *Service) Find(ctx context.Context, id string) (Share, error) {
	root, ok := SpaceOf(id)
	if !ok {
		return Share{}, storage.ErrNotFound
	}
	for _, q := range []storage.GrantQuery{{Received: true}, {Given: true}, {Space: root}} {
		found, err := s.o.FS.FindGrants(ctx, q)
		if errors.Is(err, storage.ErrForbidden) || errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return Share{}, err
		}
		for _, sh := range shares(found) {
			if sh.ID() == id {
				return sh, nil
			}
		}
	}
	return Share{}, storage.ErrNotFound
}
