// Package link opens files and folders to people without an account, by an address that cannot be guessed.
//
// A link is no right of its own: who comes by it may do what its creator may do now, narrowed to the link's rights, and only
// below the linked node (space.Access decides that). So a link ends with its creator's rights, with the node, with its
// expiration, and on the next request after it was removed. (spec/storage.md §10.3, §10.4)
package link

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/login"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// PublicID is the storage, and the space, in which linked things are found. (spec/storage.md §0.1)
const PublicID = "7993447f-687f-490d-875c-ac95e89a62a4"

// Root returns the id under which what a link opens is found.
func Root(token string) resource.ID {
	return resource.ID{Storage: PublicID, Space: PublicID, Node: token}
}

// Errors beside those of package storage and the ThrottledError of identity.
var (
	// ErrPassword tells that a password is needed, or that it was wrong (then it is ErrWrongPassword too).
	ErrPassword = errors.New("the link needs a password")
	// ErrWrongPassword is ErrPassword for somebody who gave one.
	ErrWrongPassword = fmt.Errorf("wrong password: %w", ErrPassword)
	// ErrInternal tells that the link is for people with an account and rights of their own.
	ErrInternal = errors.New("the link needs an account")
	// ErrPolicy tells that a password cannot be used, or that there must be one; the text says why.
	ErrPolicy = errors.New("password policy")
	// ErrType tells that there is no such link on such a resource.
	ErrType = errors.New("this type of link is not possible here")
	// ErrExpired tells that an expiration lies in the past.
	ErrExpired = errors.New("the expiration is in the past")
)

// Type is what a link allows, under the names of the LibreGraph API. (spec/storage.md §10.4)
type Type string

const (
	Internal   Type = "internal"   // nothing: an address for those who have rights
	View       Type = "view"       // read and download
	Upload     Type = "upload"     // folders: view, and add
	Edit       Type = "edit"       // change everything
	CreateOnly Type = "createOnly" // folders: add without seeing
)

const (
	viewRights       = permission.Viewer
	uploadRights     = viewRights | permission.CreateContainer | permission.Upload
	editFolderRights = permission.Editor
	editFileRights   = viewRights | permission.Upload | permission.RestoreTrash
)

// Rights returns what a type of link allows on a file or folder. ErrType if there is none such.
func (t Type) Rights(folder bool) (permission.Set, error) {
	switch {
	case t == Internal:
		return permission.None, nil
	case t == View:
		return viewRights, nil
	case t == Upload && folder:
		return uploadRights, nil
	case t == Edit && folder:
		return editFolderRights, nil
	case t == Edit:
		return editFileRights, nil
	case t == CreateOnly && folder:
		return permission.Uploader, nil
	}
	return permission.None, fmt.Errorf("%w: %q", ErrType, t)
}

// TypeOf is the inverse of Rights; false if no type allows exactly this.
func TypeOf(s permission.Set, folder bool) (Type, bool) {
	for _, t := range []Type{Internal, View, Upload, Edit, CreateOnly} {
		if r, err := t.Rights(folder); err == nil && r == s {
			return t, true
		}
	}
	return "", false
}

// FromOCS returns the type of link for bits of the OCS sharing API; the right to share, and what a file cannot have, is
// left out. False if none has exactly these. (spec/storage.md §10.4)
func FromOCS(bits int, folder bool) (Type, bool) {
	if bits > 0 {
		if bits &^= 16; !folder {
			bits &= 3
		}
		if bits == 0 {
			return "", false
		}
	}
	for _, t := range []Type{Internal, View, Upload, Edit, CreateOnly} {
		if r, err := t.Rights(folder); err == nil && r.OCS(folder) == bits {
			return t, true
		}
	}
	return "", false
}

// Link is a public link.
type Link struct {
	ID, Token   string // 15 letters each
	Item        resource.ID
	Folder      bool
	Rights      permission.Set
	Name        string
	Description string
	Creator     string // user id
	Owner       string // user id of the space's owner; empty in projects
	Expires     time.Time
	Created     time.Time
	Changed     time.Time
	Quick       bool
	HasPassword bool
	Views       int64 // how often it was opened
	Downloads   int64

	hash   string // of the password
	secret int64  // version of the password
}

// Type returns the link's type.
func (l *Link) Type() Type {
	t, _ := TypeOf(l.Rights, l.Folder)
	return t
}

// Writes tells whether who comes by the link can change anything.
func (l *Link) Writes() bool {
	return l.Rights&(permission.Upload|permission.CreateContainer|permission.Delete|permission.Move) != 0
}

func (l *Link) expired(now time.Time) bool { return !l.Expires.IsZero() && !now.Before(l.Expires) }

// Options of New.
type Options struct {
	FS      storage.FS
	Machine identity.Machine // tells what a link's creator is now
	Store   *Store
	Rules
}

// Rules is what is asked of the passwords of links.
type Rules struct {
	Policy password.Policy
	// MustHave and WriteMustHave ask for a password on every link, or on those that can change something.
	MustHave, WriteMustHave bool
}

// Service makes and opens links. Its methods act for the actor of the context.
type Service struct {
	o      Options
	login  *login.Authenticator
	hasher *password.Hasher
	now    func() time.Time
}

// New returns a service.
func New(o Options) *Service {
	s := &Service{o: o, hasher: password.NewHasher(), now: time.Now}
	s.login = login.New(passwords{s})
	return s
}

// Rules tells what is asked of the passwords of links, for those who announce it.
func (s *Service) Rules() Rules { return s.o.Rules }

// Request describes a link to make.
type Request struct {
	Rights      permission.Set // see Type.Rights
	Password    string
	Expires     time.Time // zero: never
	Name        string
	Description string
	Quick       bool // one per item and creator: making it again returns the one there is
}

const maxName = 255 // bytes

// Create makes a link to an item. Errors: ErrType, ErrPolicy, ErrExpired, storage.ErrForbidden, storage.ErrNotFound,
// storage.ErrInvalid.
func (s *Service) Create(ctx context.Context, ref storage.Ref, r Request) (Link, error) {
	item, err := s.o.FS.Stat(ctx, ref, storage.View{})
	if err != nil {
		return Link{}, err
	}
	a := identity.ActorFrom(ctx)
	l := Link{Item: item.ID, Folder: item.IsFolder(), Rights: r.Rights, Name: r.Name, Description: r.Description, Creator: a.User.ID, Owner: item.SpaceOwner,
		Expires: r.Expires, Quick: r.Quick}
	if err := s.allowed(ctx, &item, &l); err != nil {
		return Link{}, err
	}
	if err := s.complete(&l, r.Password, r.Password != ""); err != nil {
		return Link{}, err
	}
	if err := s.future(r.Expires); err != nil {
		return Link{}, err
	}
	if r.Quick {
		all, err := s.o.Store.on(ctx, item.ID)
		if err != nil {
			return Link{}, err
		}
		for _, have := range all {
			if have.Quick && have.Creator == a.User.ID && !have.expired(s.now()) {
				return have, nil
			}
		}
	}
	l.ID, l.Token, l.Created = letters(), letters(), s.now()
	l.Changed = l.Created
	if err := s.protect(ctx, &l, r.Password); err != nil {
		return Link{}, err
	}
	return l, s.o.Store.add(ctx, &l)
}

// allowed checks that the actor may have a link with these rights on the item.
func (s *Service) allowed(ctx context.Context, item *storage.Info, l *Link) error {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person && a.Kind != identity.Service {
		return storage.ErrForbidden
	}
	if _, ok := TypeOf(l.Rights, l.Folder); !ok {
		return ErrType
	}
	if item.ID.IsRoot() && item.SpaceType != space.Project {
		return fmt.Errorf("%w: there are no links to this root", ErrType)
	}
	if len(l.Name) > maxName || len(l.Description) > 4*maxName || strings.ContainsAny(l.Name, "\r\n\x00") {
		return fmt.Errorf("%w: the name is too long, or has line breaks", storage.ErrInvalid)
	}
	switch {
	case l.Rights == permission.None:
		return nil
	case a.Kind == identity.Person && role.Allows(a.User.Roles, role.PublicLinkWrite) == role.None, !item.Permissions.Has(permission.AddGrant):
		return storage.ErrForbidden
	case !item.Permissions.Has(l.Rights):
		return fmt.Errorf("%w: it would allow more than you may", ErrType)
	}
	return nil
}

// complete checks the password of a link: a new one, or whether there is one.
func (s *Service) complete(l *Link, pw string, has bool) error {
	switch {
	case l.Rights == permission.None && has:
		return fmt.Errorf("%w: links for people with an account have none", ErrPolicy)
	case l.Rights == permission.None:
		return nil
	case !has && (s.o.MustHave || s.o.WriteMustHave && l.Writes()):
		return fmt.Errorf("%w: the link needs a password", ErrPolicy)
	case pw == "":
		return nil
	case len(pw) > password.MaxLength:
		return fmt.Errorf("%w: at most %d bytes", ErrPolicy, password.MaxLength)
	}
	if faults := s.o.Policy.Faults(pw); len(faults) > 0 {
		return fmt.Errorf("%w: %w", ErrPolicy, &password.WeakError{Faults: faults})
	}
	return nil
}

// future checks an expiration; zero is never.
func (s *Service) future(t time.Time) error {
	switch {
	case t.IsZero():
		return nil
	case !t.After(s.now()):
		return ErrExpired
	case t.After(time.Unix(0, math.MaxInt64)): // the database keeps nanoseconds
		return fmt.Errorf("%w: the expiration is too far away", storage.ErrInvalid)
	}
	return nil
}

// letters returns 15 letters at random: 85 bits.
func letters() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := make([]byte, 0, 15)
	for len(b) < cap(b) {
		var r [32]byte
		_, _ = rand.Read(r[:]) // never fails
		for _, c := range r {
			if c &= 63; int(c) < len(alphabet) && len(b) < cap(b) {
				b = append(b, alphabet[c])
			}
		}
	}
	return string(b)
}

// Change changes a link; nil fields stay. An empty password removes it, a zero time the expiration.
type Change struct {
	Rights            *permission.Set
	Password          *string
	Expires           *time.Time
	Name, Description *string
}

// Update changes a link. Errors as of Create; storage.ErrForbidden also for who may not take the password off.
func (s *Service) Update(ctx context.Context, id string, c Change) (Link, error) {
	l, item, err := s.own(ctx, id)
	if err != nil {
		return Link{}, err
	}
	if c.Rights != nil {
		l.Rights = *c.Rights
		if l.Rights == permission.None {
			l.hash, l.HasPassword = "", false
		}
	}
	if c.Name != nil {
		l.Name = *c.Name
	}
	if c.Description != nil {
		l.Description = *c.Description
	}
	if c.Expires != nil {
		l.Expires = *c.Expires
		if err := s.future(l.Expires); err != nil {
			return Link{}, err
		}
	}
	if err := s.allowed(ctx, &item, &l); err != nil {
		return Link{}, err
	}
	if err := s.setPassword(ctx, &l, c.Password); err != nil {
		return Link{}, err
	}
	l.Changed = s.now()
	return l, s.o.Store.update(ctx, &l)
}

func (s *Service) setPassword(ctx context.Context, l *Link, pw *string) error {
	if pw == nil {
		return s.complete(l, "", l.HasPassword)
	}
	a := identity.ActorFrom(ctx)
	if *pw == "" && s.o.MustHave && l.HasPassword && !l.Writes() && (a.Kind == identity.Service || role.Allows(a.User.Roles, role.ReadOnlyPublicLinkPasswordDelete) == role.All) {
		return s.protect(ctx, l, "")
	}
	if err := s.complete(l, *pw, *pw != ""); err != nil {
		return err
	}
	return s.protect(ctx, l, *pw)
}

// protect gives a link a password, or takes it off; logins with the former one end.
func (s *Service) protect(ctx context.Context, l *Link, pw string) (err error) {
	l.hash, l.HasPassword = "", pw != ""
	if l.HasPassword {
		l.hash, err = s.hasher.Hash(ctx, pw)
	}
	l.secret++
	return err
}

// Remove takes a link back.
func (s *Service) Remove(ctx context.Context, id string) error {
	if _, _, err := s.own(ctx, id); err != nil {
		return err
	}
	return s.o.Store.remove(ctx, id)
}

// own finds a link that the actor may change: he made it, or he may take away others' rights on its item. Others do not learn
// that it exists.
func (s *Service) own(ctx context.Context, id string) (Link, storage.Info, error) {
	l, ok, err := s.o.Store.find(ctx, "id", id)
	if err != nil {
		return Link{}, storage.Info{}, err
	}
	if !ok || l.expired(s.now()) {
		return Link{}, storage.Info{}, storage.ErrNotFound
	}
	item, err := s.o.FS.Stat(ctx, storage.At(l.Item, ""), storage.View{Path: true})
	if err == nil && !mine(ctx, &l, &item) {
		err = storage.ErrNotFound
	}
	return l, item, err
}

func mine(ctx context.Context, l *Link, item *storage.Info) bool {
	a := identity.ActorFrom(ctx)
	return a.Kind == identity.Service || a.Kind == identity.Person && (l.Creator == a.User.ID || item.Permissions.Has(permission.RemoveGrant))
}

// Find returns a link that the actor may change, and what it is on.
func (s *Service) Find(ctx context.Context, id string) (Link, storage.Info, error) {
	return s.own(ctx, id)
}

// List returns the links on an item that the actor may change.
func (s *Service) List(ctx context.Context, item *storage.Info) ([]Link, error) {
	all, err := s.o.Store.on(ctx, item.ID)
	if err != nil {
		return nil, err
	}
	var out []Link
	for _, l := range all {
		if !l.expired(s.now()) && mine(ctx, &l, item) {
			out = append(out, l)
		}
	}
	return out, nil
}

// Linked returns what tells whether an item of a space has links that the actor may change. It asks once, however many items.
func (s *Service) Linked(ctx context.Context, root resource.ID) (func(*storage.Info) bool, error) {
	creators, err := s.o.Store.creators(ctx, root, s.now())
	if err != nil {
		return nil, err
	}
	return func(i *storage.Info) bool {
		return i.ID.Root() == root && slices.ContainsFunc(creators[i.ID.Node], func(c string) bool { return mine(ctx, &Link{Creator: c}, i) })
	}, nil
}

// Below returns the links on what lies directly in a folder, as far as the actor may change them.
func (s *Service) Below(ctx context.Context, folder *storage.Info) ([]Given, error) {
	all, err := s.o.Store.in(ctx, folder.ID)
	if err != nil {
		return nil, err
	}
	out, err := s.seen(ctx, all)
	return slices.DeleteFunc(out, func(g Given) bool { return g.On.Parent != folder.ID || !mine(ctx, &g.Link, &g.On) }), err
}

// seen returns those of the links that count, with what they are on, as far as the actor sees that.
func (s *Service) seen(ctx context.Context, all []Link) ([]Given, error) {
	var out []Given
	for _, l := range all {
		if l.expired(s.now()) {
			continue
		}
		item, err := s.o.FS.Stat(ctx, storage.At(l.Item, ""), storage.View{Path: true})
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Given{l, item})
	}
	return out, nil
}

// On returns an item and the links on it that the actor may change.
func (s *Service) On(ctx context.Context, ref storage.Ref) (storage.Info, []Link, error) {
	item, err := s.o.FS.Stat(ctx, ref, storage.View{Path: true})
	if err != nil {
		return item, nil, err
	}
	all, err := s.List(ctx, &item)
	return item, all, err
}

// Given is a link and what it is on.
type Given struct {
	Link
	On storage.Info // with its path
}

// Given returns the links that the actor made, and those in his personal space, as far as he sees what they are on.
func (s *Service) Given(ctx context.Context) ([]Given, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person {
		return nil, storage.ErrForbidden
	}
	all, err := s.o.Store.by(ctx, a.User.ID)
	if err != nil {
		return nil, err
	}
	return s.seen(ctx, all)
}
