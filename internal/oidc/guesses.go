package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"opencloud/internal/identity"
)

// secrets are the clients as accounts whose passwords are their secrets: those who guess are slowed down as everywhere.
// Names of accounts have no case, ids of clients do: the one is the other in hexadecimal.
type secrets map[string]Client

// Check implements login.Backend.
func (s secrets) Check(_ context.Context, name, given string) (string, int64, error) {
	id, err := hex.DecodeString(name)
	c, ok := s[string(id)]
	a, b := sha256.Sum256([]byte(c.Secret)), sha256.Sum256([]byte(given))
	if err != nil || !ok || c.Secret == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return "", 0, identity.ErrCredentials
	}
	return name, 0, nil
}

// Current implements login.Backend. Clients do not change while we run.
func (s secrets) Current(context.Context, string) (identity.Actor, int64, error) {
	return identity.Actor{}, 0, nil
}

// attempt is a request in which an application may say its secret.
type attempt struct {
	address string
	wait    time.Duration // there were too many wrong ones
}

type attemptKey struct{}

// AuthorizeClientIDSecret is the only place where secrets of applications are checked.
func (s storage) AuthorizeClientIDSecret(ctx context.Context, id, given string) error {
	at, _ := ctx.Value(attemptKey{}).(*attempt)
	if at == nil {
		return errors.New("secrets are taken at the endpoints only")
	}
	_, err := s.p.secrets.Authenticate(ctx, identity.Login{Name: hex.EncodeToString([]byte(id)), Password: given, Address: at.address})
	var throttled *identity.ThrottledError
	if errors.As(err, &throttled) {
		at.wait = throttled.RetryAfter
	}
	return err
}

// Endpoint serves one of the endpoints that need no page. address is where the request comes from: too many wrong secrets of
// applications give 429 (RFC 6585 §4).
func (p *Provider) Endpoint(next http.Handler, address func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := &attempt{address: address(r)}
		next.ServeHTTP(guarded{w, at}, r.WithContext(context.WithValue(r.Context(), attemptKey{}, at)))
	})
}

// guarded answers a request in which guesses went too far with 429, whatever the library makes of it.
type guarded struct {
	http.ResponseWriter
	at *attempt
}

func (g guarded) WriteHeader(status int) {
	if g.at.wait > 0 {
		status = http.StatusTooManyRequests
		g.Header().Set("Retry-After", strconv.Itoa(int(g.at.wait/time.Second)+1))
	}
	g.ResponseWriter.WriteHeader(status)
}
