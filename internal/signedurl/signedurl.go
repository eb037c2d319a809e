// Package signedurl makes and checks addresses that carry the right to read one thing for a while, for downloads that a
// browser makes by itself. There are two kinds: those that the server signs, with the parameter oc-jwt-sig, and those that a
// client signs with a key it was given, with OC-Signature. (spec/identity.md §5.3, spec/storage.md §9.2)
package signedurl

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"opencloud/internal/platform/cache"
)

// ErrInvalid tells that a signature is wrong, or has expired.
var ErrInvalid = errors.New("signature of the address is not valid")

const (
	// TokenParameter holds the signature of the server.
	TokenParameter = "oc-jwt-sig"
	// SignatureParameter holds the signature of a client.
	SignatureParameter = "OC-Signature"

	minSecret  = 16 // bytes
	iterations = 10000
	keyBytes   = 32
	algorithm  = "PBKDF2/10000-SHA512"
	day        = 24 * time.Hour
	skew       = 5 * time.Minute // of clients' clocks
	maxExpires = day
	cacheSize  = 1024
)

// Signer makes and checks signatures.
type Signer struct {
	secret []byte
	seen   *cache.Map[[sha256.Size]byte, time.Time] // addresses with a good client's signature, and when it expires
	slots  chan struct{}                            // bounds the work that strangers can cause
	now    func() time.Time
}

// New returns a signer; a short secret is an error.
func New(secret []byte) (*Signer, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the URL signing secret must have at least %d bytes", minSecret)
	}
	return &Signer{secret: append([]byte(nil), secret...), seen: cache.New[[sha256.Size]byte, time.Time](cacheSize), slots: make(chan struct{}, 2), now: time.Now}, nil
}

type claims struct {
	Target string `json:"target_url"`
	jwt.RegisteredClaims
}

// Sign returns the address with a signature that lets everybody read it as the user.
func (s *Signer) Sign(u *url.URL, userID string, ttl time.Duration) (string, error) {
	c := *u
	q := c.Query()
	q.Del(TokenParameter)
	c.RawQuery, c.Fragment = q.Encode(), ""
	now := s.now()
	t, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{Target: c.String(), RegisteredClaims: jwt.RegisteredClaims{Issuer: "reva", Subject: userID,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl))}}).SignedString(s.secret)
	if err != nil {
		return "", fmt.Errorf("sign address: %w", err)
	}
	q.Set(TokenParameter, t)
	c.RawQuery = q.Encode()
	return c.String(), nil
}

// Verify checks a signature made by Sign and returns the user's id. bases are the scheme and host by which the server may
// be called. Errors are ErrInvalid.
func (s *Signer) Verify(u *url.URL, bases ...string) (userID string, err error) {
	q := u.Query()
	token := q.Get(TokenParameter)
	q.Del(TokenParameter)
	var c claims
	_, err = jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return s.secret, nil }, jwt.WithValidMethods([]string{"HS256"}),
		jwt.WithIssuer("reva"), jwt.WithExpirationRequired(), jwt.WithTimeFunc(s.now))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	path := u.EscapedPath()
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	for _, b := range bases {
		if subtle.ConstantTimeCompare([]byte(b+path), []byte(c.Target)) == 1 && c.Subject != "" {
			return c.Subject, nil
		}
	}
	return "", fmt.Errorf("%w: it is for another address", ErrInvalid)
}

// Key returns the key with which a user's client may sign today and tomorrow.
func (s *Signer) Key(userID string) string { return s.key(userID, s.now()) }

func (s *Signer) key(userID string, at time.Time) string {
	h := hmac.New(sha256.New, s.secret)
	b := binary.BigEndian.AppendUint64([]byte("client signing key\x00"), uint64(at.Unix()/int64(day/time.Second)))
	h.Write(append(b, userID...))
	return hex.EncodeToString(h.Sum(nil))
}

// Credential returns the name of the user that a client's signature claims to be of.
func Credential(u *url.URL) string { return u.Query().Get("OC-Credential") }

// VerifyClient checks a signature that the user's client made for the method. host is the name by which it called the
// server. Errors are ErrInvalid, or that of the context.
func (s *Signer) VerifyClient(ctx context.Context, method, host string, u *url.URL, userID string) error {
	q := u.Query()
	date, err := time.Parse(time.RFC3339, q.Get("OC-Date"))
	if err != nil {
		return fmt.Errorf("%w: date", ErrInvalid)
	}
	seconds, err := strconv.ParseInt(q.Get("OC-Expires"), 10, 32)
	expires := date.Add(time.Duration(seconds) * time.Second)
	now := s.now()
	signature, errHex := hex.DecodeString(q.Get(SignatureParameter))
	switch {
	case err != nil || seconds <= 0 || expires.Sub(date) > maxExpires || !now.Before(expires) || date.After(now.Add(skew)):
		return fmt.Errorf("%w: expired", ErrInvalid)
	case q.Get("OC-Verb") != method && !(method == "HEAD" && q.Get("OC-Verb") == "GET"):
		return fmt.Errorf("%w: it is for another method", ErrInvalid)
	case q.Get("OC-Algo") != algorithm, errHex != nil, len(signature) != keyBytes:
		return fmt.Errorf("%w: unknown form", ErrInvalid)
	}
	id := sha256.Sum256([]byte(userID + "\x00" + method + "\x00" + host + "\x00" + u.RequestURI()))
	if until, ok := s.seen.Get(id); ok && now.Before(until) {
		return nil
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	text := clientText(host, u, q)
	texts := []string{text}
	if strings.Contains(text, "$") {
		texts = append(texts, strings.Replace(text, "$", "%24", 1)) // some clients escape it, some do not
	}
	for _, text := range texts {
		for _, at := range []time.Time{now, now.Add(-day)} {
			want, err := pbkdf2.Key(sha512.New, text, []byte(s.key(userID, at)), iterations, keyBytes)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrInvalid, err)
			}
			if subtle.ConstantTimeCompare(want, signature) == 1 {
				s.seen.Put(id, expires)
				return nil
			}
		}
	}
	return ErrInvalid
}

// clientText is what a client signs: the address with all foreign parameters, then four of its own.
func clientText(host string, u *url.URL, q url.Values) string {
	own := url.Values{}
	for _, k := range []string{"OC-Credential", "OC-Date", "OC-Expires", "OC-Verb"} {
		own.Set(k, q.Get(k))
		q.Del(k)
	}
	q.Del("OC-Algo")
	q.Del(SignatureParameter)
	text := "https://" + host + u.EscapedPath() + "?"
	if len(q) > 0 {
		text += q.Encode() + "&"
	}
	return text + own.Encode()
}
