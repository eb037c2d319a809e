// Package token carries an actor from one of our processes to another: as a signed token in the header X-Access-Token, or
// in gRPC metadata of that name. Only holders of the shared secret can make one. (spec/identity.md §8.1)
package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"opencloud/internal/identity"
	"opencloud/internal/platform/cache"
)

const (
	// Header carries the token in HTTP requests.
	Header = "X-Access-Token"
	// InitiatorHeader names the browser tab that caused a request.
	InitiatorHeader = "Initiator-ID"

	audience     = "reva"
	minSecret    = 16       // bytes
	maxToken     = 64 << 10 // bytes; a user in 1,000 groups has about 40 KiB
	maxInitiator = 128      // bytes
	cacheSize    = 2048
	// grain is what times in tokens are rounded to, so that equal actors get equal tokens, which the receiver knows already.
	grain = 30 * time.Second
)

// ErrInvalid tells that a token is not ours, was changed, is for somebody else, or has expired.
var ErrInvalid = errors.New("access token is not valid")

// Manager makes and checks tokens.
type Manager struct {
	secret []byte
	parser *jwt.Parser
	seen   *cache.Map[[sha256.Size]byte, verified]
	now    func() time.Time
}

type verified struct {
	actor   identity.Actor
	expires time.Time
}

type claims struct {
	User   user     `json:"user"`
	Groups []string `json:"groups,omitempty"`
	Roles  []string `json:"roles,omitempty"`
	Kind   string   `json:"kind"`
	// ListAll is identity.Actor.MayListAllSpaces.
	ListAll bool `json:"list_all,omitempty"`
	// Visit is identity.Actor.Visit.
	Visit *visit `json:"visit,omitempty"`
	jwt.RegisteredClaims
}

type visit struct {
	Link    string   `json:"link"`
	Token   string   `json:"token"`
	Storage string   `json:"storage"`
	File    bool     `json:"file,omitempty"`
	Space   string   `json:"space"`
	Node    string   `json:"node"`
	Rights  uint32   `json:"rights"`
	Creator user     `json:"creator"`
	Groups  []string `json:"groups,omitempty"`
}

type user struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"display_name,omitempty"`
	GivenName   string `json:"given_name,omitempty"`
	Surname     string `json:"surname,omitempty"`
	Mail        string `json:"mail,omitempty"`
	Language    string `json:"language,omitempty"`
	Type        string `json:"type,omitempty"`
	Enabled     bool   `json:"enabled"`
	Issuer      string `json:"idp,omitempty"`
}

// New returns a manager. An empty or short secret is an error, for it would let everybody in.
func New(secret []byte) (*Manager, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the secret of the token manager must have at least %d bytes, it has %d", minSecret, len(secret))
	}
	m := &Manager{secret: append([]byte(nil), secret...), seen: cache.New[[sha256.Size]byte, verified](cacheSize), now: time.Now}
	m.parser = jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(func() time.Time { return m.now() }))
	return m, nil
}

// Mint returns a token for the actor that is valid for at least ttl, and at most half a minute longer.
func (m *Manager) Mint(a identity.Actor, ttl time.Duration) (string, error) {
	kind, ok := kindNames[a.Kind]
	if !ok {
		return "", fmt.Errorf("no token for an actor of kind %d", a.Kind)
	}
	now := m.now().Truncate(grain)
	c := claims{
		User: toUser(a.User), Groups: a.Groups, Roles: a.User.Roles, Kind: kind, ListAll: a.MayListAllSpaces,
		RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl + grain))},
	}
	if v := a.Visit; v != nil {
		c.Visit = &visit{Link: v.Link, Token: v.Token, Storage: v.Storage, File: v.File, Space: v.Space, Node: v.Node, Rights: v.Rights,
			Creator: toUser(v.Creator.User), Groups: v.Creator.Groups}
	}
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(m.secret)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return s, nil
}

// Parse checks a token and returns its actor, whose slices must not be changed. Errors are ErrInvalid.
func (m *Manager) Parse(token string) (identity.Actor, error) {
	if len(token) > maxToken {
		return identity.Actor{}, fmt.Errorf("%w: too long", ErrInvalid)
	}
	key := sha256.Sum256([]byte(token))
	if v, ok := m.seen.Get(key); ok {
		if m.now().Before(v.expires) {
			return v.actor, nil
		}
		m.seen.Delete(key)
	}
	var c claims
	if _, err := m.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return m.secret, nil }); err != nil {
		return identity.Actor{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	a, err := c.actor()
	if err != nil {
		return identity.Actor{}, err
	}
	m.seen.Put(key, verified{actor: a, expires: c.ExpiresAt.Time})
	return a, nil
}

var kindNames = map[identity.Kind]string{identity.Person: "person", identity.Service: "service", identity.Visitor: "visitor"}

func toUser(u identity.User) user {
	return user{ID: u.ID, Username: u.Username, DisplayName: u.DisplayName, GivenName: u.GivenName, Surname: u.Surname, Mail: u.Mail,
		Language: u.Language, Type: string(u.Type), Enabled: u.Enabled, Issuer: u.Issuer}
}

func (u user) domain() identity.User {
	return identity.User{ID: u.ID, Username: u.Username, DisplayName: u.DisplayName, GivenName: u.GivenName, Surname: u.Surname, Mail: u.Mail,
		Language: u.Language, Type: identity.UserType(u.Type), Enabled: u.Enabled, Issuer: u.Issuer}
}

func (c *claims) actor() (identity.Actor, error) {
	a := identity.Actor{User: c.User.domain(), Groups: c.Groups, MayListAllSpaces: c.ListAll}
	a.User.Roles = c.Roles
	if v := c.Visit; v != nil {
		a.Visit = &identity.Visit{Link: v.Link, Token: v.Token, Storage: v.Storage, File: v.File, Space: v.Space, Node: v.Node, Rights: v.Rights,
			Creator: identity.Actor{Kind: identity.Person, User: v.Creator.domain(), Groups: v.Groups}}
	}
	for k, name := range kindNames {
		if name == c.Kind {
			a.Kind = k
		}
	}
	if a.Kind == identity.Anonymous {
		return identity.Actor{}, fmt.Errorf("%w: unknown kind of actor", ErrInvalid)
	}
	if a.Kind == identity.Person && a.User.ID == "" {
		return identity.Actor{}, fmt.Errorf("%w: it names no user", ErrInvalid)
	}
	if (a.Kind == identity.Visitor) != (a.Visit != nil) {
		return identity.Actor{}, fmt.Errorf("%w: visitors, and only they, have a visit", ErrInvalid)
	}
	return a, nil
}
