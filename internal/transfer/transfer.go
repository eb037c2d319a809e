// Package transfer moves file content outside of the protocol that asked for it: a signed token names one upload session,
// or one file to read or write, and whom it acts for. Whoever has the token has that right and no other, until it expires.
package transfer

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"opencloud/internal/identity"
)

// ErrToken tells that a token is not ours, was changed, or has expired.
var ErrToken = errors.New("transfer token is not valid")

// minSecret is the length below which a signing secret is refused, in bytes.
const minSecret = 16

// Op is what a token allows.
type Op string

const (
	Session Op = "session" // go on with an upload session
	Read    Op = "read"
	Write   Op = "write"
)

// Claims are what a token says.
type Claims struct {
	Op      Op     `json:"op"`
	Session string `json:"session,omitempty"`
	// Resource and Path name a file to read or write; Version a version of it.
	Resource string `json:"resource,omitempty"`
	Path     string `json:"path,omitempty"`
	Version  string `json:"version,omitempty"`
	// Request is an upload request of an internal transfer, as JSON.
	Request string `json:"request,omitempty"`
	// Actor is on whose behalf the transfer runs.
	Actor identity.Actor `json:"actor"`
	jwt.RegisteredClaims
}

// Signer makes and checks tokens.
type Signer struct{ secret []byte }

// NewSigner returns a signer; a short secret is an error, for an empty one would let everybody in.
func NewSigner(secret []byte) (*Signer, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("transfer secret must have at least %d bytes", minSecret)
	}
	return &Signer{secret: secret}, nil
}

// Sign returns a token that is valid for a time.
func (s *Signer) Sign(c Claims, ttl time.Duration) (string, error) {
	now := time.Now()
	c.RegisteredClaims = jwt.RegisteredClaims{Audience: jwt.ClaimStrings{"transfer"}, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl))}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(s.secret)
}

// Verify reads a token. Errors wrap ErrToken.
func (s *Signer) Verify(token string) (Claims, error) {
	var c Claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return s.secret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithAudience("transfer"), jwt.WithExpirationRequired())
	if err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return c, nil
}
