// Package bearer tells whose an access token of an OpenID Connect provider is. (spec/identity.md §5.3)
//
// Invariants:
//   - A token is accepted only if its issuer is the configured one, and one of the issuer's public keys signed it; never
//     without a signature, and never by a shared secret, whatever the token says of itself.
//   - Tokens are remembered by their hash only, and no longer than they are good.
//   - A provider that does not answer never makes a token good or bad: the error is not identity.ErrCredentials.
package bearer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"opencloud/internal/identity"
	"opencloud/internal/platform/cache"
)

const (
	maxToken   = 16 << 10 // bytes
	skew       = 30 * time.Second
	remembered = 8192 // tokens
	maxLife    = 24 * time.Hour
)

// Sessions tells whether a sign-in at our own provider is still open, and the access token of this id was not ended.
type Sessions interface {
	Active(ctx context.Context, sid, token string) (bool, error)
}

// Options of New.
type Options struct {
	Issuer string
	// HTTP asks the issuer; it must have timeouts.
	HTTP *http.Client
	// Opaque tokens cannot be read: the issuer is asked about each, by introspection if ClientID is set, else at userinfo.
	Opaque                 bool
	ClientID, ClientSecret string
	// Userinfo asks the issuer for what it knows of the person, beside what is in the token.
	Userinfo bool
	// UserinfoTTL is how long the answer about a token without end is good; 0: 10 s.
	UserinfoTTL time.Duration
	// Own: the issuer is our own provider. Its tokens say what they are, and whether their session is open is asked each time.
	Own      bool
	Sessions Sessions
	Keys     KeyOptions
	Log      *slog.Logger
}

// KeyOptions say how the issuer's keys are fetched.
type KeyOptions struct {
	Refresh   time.Duration // how long they are good; 0: an hour
	Timeout   time.Duration // how long it may take; 0: 10 s
	Between   time.Duration // at least, between two looks for a key that is not among them; 0: a minute
	KnownOnly bool          // do not look for such keys
}

// Claims are what a provider says of a person.
type Claims struct {
	Issuer, Subject, SessionID string
	Values                     map[string]any
	Issued                     time.Time
	// First: the token was not seen before.
	First bool
}

// Verifier checks access tokens.
type Verifier struct {
	opts   Options
	remote *remote
	seen   *cache.Map[[sha256.Size]byte, known]
	ended  *cache.Map[string, time.Time]            // sessions ("sid …") and people ("sub …") that were signed out, and when
	used   *cache.Map[string, time.Time]            // logout tokens
	wrong  *cache.Map[[sha256.Size]byte, time.Time] // refused tokens, until when they need not be looked at again
	flight singleflight.Group
	now    func() time.Time
}

type known struct {
	claims Claims
	until  time.Time
}

// New returns a verifier; the issuer is not asked before the first token.
func New(o Options) *Verifier {
	if o.UserinfoTTL <= 0 {
		o.UserinfoTTL = 10 * time.Second
	}
	v := &Verifier{opts: o, seen: cache.New[[sha256.Size]byte, known](remembered), ended: cache.New[string, time.Time](remembered),
		used:  cache.New[string, time.Time](remembered),
		wrong: cache.New[[sha256.Size]byte, time.Time](remembered), now: time.Now}
	v.remote = newRemote(o.Issuer, o.HTTP, o.Keys, func() time.Time { return v.now() })
	return v
}

// Verify returns what a token says. Errors: identity.ErrCredentials; any other tells that the issuer cannot be asked now.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if token == "" || len(token) > maxToken {
		return Claims{}, refused("size")
	}
	id := sha256.Sum256([]byte(token))
	k, ok := v.seen.Get(id)
	if !ok || !v.now().Before(k.until) {
		if until, no := v.wrong.Get(id); no && v.now().Before(until) {
			return Claims{}, refused("it was refused a moment ago")
		}
		var err error
		if k, err = v.examineOnce(ctx, token, id); err != nil {
			return Claims{}, err
		}
		k.claims.First = true
	}
	return k.claims, v.open(ctx, k.claims)
}

// open refuses tokens of sessions that have ended.
func (v *Verifier) open(ctx context.Context, c Claims) error {
	if _, ok := v.ended.Get("sid " + c.SessionID); ok && c.SessionID != "" {
		return refused("signed out")
	}
	if at, ok := v.ended.Get("sub " + c.Subject); ok && !c.Issued.After(at) {
		return refused("signed out")
	}
	if !v.opts.Own || v.opts.Sessions == nil {
		return nil
	}
	active, err := v.opts.Sessions.Active(ctx, c.SessionID, c.Text("jti"))
	if err == nil && !active {
		err = refused("the session has ended")
	}
	return err
}

func refused(why string) error {
	return fmt.Errorf("%w: access token: %s", identity.ErrCredentials, why)
}

// examineOnce does it once for all who come with the same token; none waits longer than its context.
func (v *Verifier) examineOnce(ctx context.Context, token string, id [sha256.Size]byte) (known, error) {
	done := v.flight.DoChan(string(id[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.remote.opts.Timeout+2*askedAtMost)
		defer cancel()
		k, err := v.examine(ctx, token)
		switch {
		case err == nil:
			v.seen.Put(id, k)
		case errors.Is(err, identity.ErrCredentials):
			v.wrong.Put(id, v.now().Add(failureFor))
		}
		return k, err
	})
	select {
	case r := <-done:
		return r.Val.(known), r.Err
	case <-ctx.Done():
		return known{}, ctx.Err()
	}
}

// examine finds out about a token that is not remembered.
func (v *Verifier) examine(ctx context.Context, token string) (known, error) {
	var values map[string]any
	var err error
	switch {
	case !v.opts.Opaque:
		values, err = v.read(ctx, token)
	case v.opts.ClientID != "":
		values, err = v.remote.introspect(ctx, token, v.opts.ClientID, v.opts.ClientSecret)
	default:
		values = map[string]any{}
	}
	if err != nil {
		return known{}, err
	}
	if v.opts.Userinfo || v.opts.Opaque && v.opts.ClientID == "" {
		info, err := v.remote.userinfo(ctx, token)
		if err != nil {
			return known{}, err
		}
		if sub, ok := values["sub"].(string); ok && sub != info["sub"] {
			return known{}, refused("userinfo is of somebody else")
		}
		for name, value := range info {
			values[name] = value
		}
	}
	c := Claims{Issuer: v.opts.Issuer, Values: values}
	c.Subject, _ = values["sub"].(string)
	c.SessionID, _ = values["sid"].(string)
	if c.Subject == "" || v.opts.Own && values["lg.t"] != "1" {
		return known{}, refused("it is no access token")
	}
	if _, ok := values["iss"]; !ok {
		values["iss"] = v.opts.Issuer
	}
	if c.Issued, _ = moment(values["iat"]); c.Issued.IsZero() {
		c.Issued = v.now()
	}
	until := v.now().Add(v.opts.UserinfoTTL)
	if exp, ok := moment(values["exp"]); ok {
		until = exp
	}
	if limit := v.now().Add(maxLife); until.After(limit) {
		until = limit
	}
	return known{c, until}, nil
}

// algorithms a provider may sign with.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// read checks a signed token and returns what it says.
func (v *Verifier) read(ctx context.Context, token string) (map[string]any, error) {
	values, err := v.signed(ctx, token)
	if err != nil {
		return nil, err
	}
	if _, ok := values["events"]; ok {
		return nil, refused("it is no access token")
	}
	switch values["typ"] { // as Keycloak marks what is no access token
	case "ID", "Refresh", "Offline", "Logout":
		return nil, refused("it is no access token")
	}
	now := v.now()
	exp, ok := moment(values["exp"])
	if !ok || !now.Before(exp) {
		return nil, refused("expired")
	}
	if nbf, ok := moment(values["nbf"]); ok && nbf.After(now.Add(skew)) {
		return nil, refused("not good yet")
	}
	return values, nil
}

// signed checks signature and issuer of a token.
func (v *Verifier) signed(ctx context.Context, token string) (map[string]any, error) {
	sig, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(sig.Signatures) != 1 {
		return nil, refused("cannot be read")
	}
	h := sig.Signatures[0].Header
	keys, err := v.remote.keys(ctx, h.KeyID)
	if err != nil {
		return nil, err
	}
	var payload []byte
	for _, k := range keys {
		if h.KeyID != "" && k.KeyID != h.KeyID || k.Algorithm != "" && k.Algorithm != h.Algorithm || k.Use != "" && k.Use != "sig" || !k.IsPublic() {
			continue
		}
		if payload, err = sig.Verify(k); err == nil {
			break
		}
	}
	if payload == nil {
		return nil, refused("not signed by the issuer")
	}
	var values map[string]any
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	if err := d.Decode(&values); err != nil || values == nil {
		return nil, refused("cannot be read")
	}
	if values["iss"] != v.opts.Issuer {
		return nil, refused("another issuer")
	}
	return values, nil
}

func moment(value any) (time.Time, bool) {
	var f float64
	switch n := value.(type) {
	case json.Number:
		var err error
		if f, err = n.Float64(); err != nil {
			return time.Time{}, false
		}
	case float64:
		f = n
	default:
		return time.Time{}, false
	}
	if f <= 0 || f > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

// ErrLogout tells that a logout token cannot be accepted; the text says why.
var ErrLogout = errors.New("logout token")

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout ends what a logout token of the issuer is about: a session, or all of somebody's. It returns the session and the
// person. (OpenID Connect Back-Channel Logout 1.0 §2.6)
func (v *Verifier) Logout(ctx context.Context, token string) (sid, sub string, err error) {
	if token == "" || len(token) > maxToken {
		return "", "", fmt.Errorf("%w: missing or too long", ErrLogout)
	}
	values, err := v.signed(ctx, token)
	if errors.Is(err, identity.ErrCredentials) {
		return "", "", fmt.Errorf("%w: %w", ErrLogout, err)
	}
	if err != nil {
		return "", "", err
	}
	sid, _ = values["sid"].(string)
	sub, _ = values["sub"].(string)
	jti, _ := values["jti"].(string)
	events, _ := values["events"].(map[string]any)
	issued, ok := moment(values["iat"])
	now := v.now()
	exp, limited := moment(values["exp"])
	_, nonce := values["nonce"]
	_, event := events[logoutEvent].(map[string]any)
	switch {
	case len(Claims{Values: values}.Strings("aud")) == 0:
		return "", "", fmt.Errorf("%w: it is for nobody", ErrLogout)
	case sid == "" && sub == "", jti == "" || len(jti) > 512, !event, nonce:
		return "", "", fmt.Errorf("%w: it is of another kind", ErrLogout)
	case !ok || now.Sub(issued) > 5*time.Minute || issued.After(now.Add(skew)) || limited && !now.Before(exp):
		return "", "", fmt.Errorf("%w: expired", ErrLogout)
	}
	if _, again := v.used.Get(jti); again {
		return "", "", fmt.Errorf("%w: it was used", ErrLogout)
	}
	v.used.Put(jti, now)
	if sid != "" {
		v.ended.Put("sid "+sid, now)
	} else {
		v.ended.Put("sub "+sub, now)
	}
	return sid, sub, nil
}

// Strings returns a claim that is one text or a list of them. path descends by dots; `\.` is a dot in a name.
func (c Claims) Strings(path string) []string {
	switch value := c.value(path).(type) {
	case string:
		return []string{value}
	case []any:
		var out []string
		for _, x := range value {
			if s, ok := x.(string); ok && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Text returns a claim that is one text.
func (c Claims) Text(path string) string {
	switch value := c.value(path).(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}

func (c Claims) value(path string) any {
	if v, ok := c.Values[path]; ok {
		return v
	}
	var at any = c.Values
	for _, name := range splitPath(path) {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[name]
	}
	return at
}

func splitPath(path string) (out []string) {
	part := ""
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path) && path[i+1] == '.':
			part += "."
			i++
		case path[i] == '.':
			out = append(out, part)
			part = ""
		default:
			part += path[i : i+1]
		}
	}
	return append(out, part)
}

// Has tells whether a claim is there.
func (c Claims) Has(path string) bool { return c.value(path) != nil }
