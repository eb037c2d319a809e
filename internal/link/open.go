package link

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// signedFor is how long a signature stands for the password. (spec/storage.md §7.17)
const signedFor = 30 * time.Minute

// Key is what somebody who comes by a link brings along.
type Key struct {
	Password string
	// Signature and Expiration were made by Sign: good for reading, in place of the password.
	Signature, Expiration string
	Address               string // IP address, for throttling
	// Who is a person who comes by the link: its creator, and those who may see what it opens, need no password.
	Who identity.Actor
}

// Open returns the link of a token and the visitor to act for. Errors: storage.ErrNotFound for links that do not exist, are
// expired, or whose creator has lost his rights; ErrPassword, ErrWrongPassword, identity.ThrottledError, and ErrInternal with the
// link.
func (s *Service) Open(ctx context.Context, token string, k Key) (Link, identity.Actor, error) {
	l, err := s.Peek(ctx, token)
	if err != nil {
		return Link{}, identity.Actor{}, err
	}
	if l.Rights == permission.None {
		return l, identity.Actor{}, ErrInternal
	}
	free := !l.HasPassword
	if !free && k.Who.Kind == identity.Person {
		if free = k.Who.User.ID == l.Creator; !free {
			_, err := s.o.FS.Stat(identity.WithActor(ctx, k.Who), storage.At(l.Item, ""), storage.View{})
			free = err == nil
		}
	}
	switch {
	case free, k.Signature != "" && s.signed(&l, k):
		a, err := s.visitor(ctx, &l)
		return l, a, err
	case k.Signature != "":
		s.o.Store.count(l.ID, counts{failures: 1})
		return Link{}, identity.Actor{}, ErrWrongPassword
	case k.Password == "":
		return Link{}, identity.Actor{}, ErrPassword
	}
	a, err := s.login.Authenticate(ctx, identity.Login{Name: hex.EncodeToString([]byte(l.ID)), Password: k.Password, Address: k.Address})
	if errors.Is(err, identity.ErrCredentials) {
		s.o.Store.count(l.ID, counts{failures: 1})
		err = ErrWrongPassword
	}
	return l, a, err
}

// Peek returns the link of a token without asking for a password. Whether what it is on is still there, Target tells.
func (s *Service) Peek(ctx context.Context, token string) (Link, error) {
	if len(token) != 15 {
		return Link{}, storage.ErrNotFound
	}
	l, ok, err := s.o.Store.find(ctx, "token", token)
	if err != nil {
		return Link{}, err
	}
	if !ok || l.expired(s.now()) {
		return Link{}, storage.ErrNotFound
	}
	return l, nil
}

// Target returns what a link opens, as its creator sees it now; storage.ErrNotFound if it is gone, or out of his reach.
func (s *Service) Target(ctx context.Context, l *Link) (storage.Info, error) {
	v, err := s.visitor(ctx, l)
	if err != nil {
		return storage.Info{}, err
	}
	return s.o.FS.Stat(identity.WithActor(ctx, v.Visit.Creator), storage.At(l.Item, ""), storage.View{})
}

// UserPrefix begins the user ids of visitors; the link's id follows.
const UserPrefix = "link-"

// visitor is who comes by a link, with its creator as he is now.
func (s *Service) visitor(ctx context.Context, l *Link) (identity.Actor, error) {
	creator, err := s.o.Machine.ActorBy(ctx, "userid", l.Creator)
	if errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrCredentials) {
		return identity.Actor{}, storage.ErrNotFound
	}
	if err != nil {
		return identity.Actor{}, err
	}
	if l.Rights != permission.None && role.Allows(creator.User.Roles, role.PublicLinkWrite) == role.None {
		return identity.Actor{}, storage.ErrNotFound
	}
	return identity.Actor{Kind: identity.Visitor, User: identity.User{ID: UserPrefix + l.ID, Username: "public", DisplayName: "Public", Enabled: true},
		Visit: &identity.Visit{Link: l.ID, Token: l.Token, Storage: l.Item.Storage, Space: l.Item.Space, Node: l.Item.Node, File: !l.Folder, Rights: uint32(l.Rights), Creator: creator}}, nil
}

// Sign makes a signature that opens a link for reading in place of its password, for half an hour.
func (s *Service) Sign(l *Link) (signature, expiration string) {
	expiration = s.now().Add(signedFor).UTC().Format(time.RFC3339)
	return l.sign(expiration), expiration
}

// sign is the spec's: the key is a hash of the password's hash. Without a password there is no key, and no signature.
func (l *Link) sign(expiration string) string {
	key := sha256.Sum256([]byte(l.hash))
	m := hmac.New(sha512.New512_256, key[:])
	fmt.Fprintf(m, "%s|%s", l.Token, expiration)
	return hex.EncodeToString(m.Sum(nil))
}

func (s *Service) signed(l *Link, k Key) bool {
	until, err := time.Parse(time.RFC3339, k.Expiration)
	now := s.now()
	return err == nil && l.hash != "" && now.Before(until) && until.Sub(now) <= signedFor+time.Minute && hmac.Equal([]byte(l.sign(k.Expiration)), []byte(k.Signature))
}

// passwords is the login.Backend of links: their names are their ids, in hex.
type passwords struct{ s *Service }

// Check implements login.Backend.
func (p passwords) Check(ctx context.Context, name, pw string) (string, int64, error) {
	l, err := p.byName(ctx, name)
	if err != nil {
		return "", 0, err
	}
	ok, err := password.Verify(l.hash, pw)
	if err == nil && !ok {
		err = identity.ErrCredentials
	}
	return name, l.secret, err
}

// Current implements login.Backend.
func (p passwords) Current(ctx context.Context, name string) (identity.Actor, int64, error) {
	l, err := p.byName(ctx, name)
	if err != nil {
		return identity.Actor{}, 0, err
	}
	a, err := p.s.visitor(ctx, &l)
	return a, l.secret, err
}

func (p passwords) byName(ctx context.Context, name string) (Link, error) {
	id, err := hex.DecodeString(name)
	if err != nil {
		return Link{}, identity.ErrCredentials
	}
	l, ok, err := p.s.o.Store.find(ctx, "id", string(id))
	if err == nil && (!ok || l.hash == "") {
		err = identity.ErrCredentials
	}
	return l, err
}

// Viewed counts that the link with an id was opened; for the owner, and only roughly: a crash loses the last seconds.
func (s *Service) Viewed(id string) { s.o.Store.count(id, counts{views: 1}) }

// Downloaded counts a download by the link with an id.
func (s *Service) Downloaded(id string) { s.o.Store.count(id, counts{downloads: 1}) }

// Alive tells whether a link still opens anything: uploads that began by it end with it.
func (s *Service) Alive(ctx context.Context, id string) error {
	l, ok, err := s.o.Store.find(ctx, "id", id)
	if err == nil && (!ok || l.expired(s.now()) || l.Rights == permission.None) {
		err = storage.ErrNotFound
	}
	return err
}
