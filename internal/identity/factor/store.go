// Package factor keeps and checks people's second factors: codes of an authenticator application (TOTP), recovery codes,
// and passkeys, which can take the place of the password as well.
//
// Invariants:
//   - Secrets of TOTP are sealed with a key that is not in the database; recovery codes are kept as hashes.
//   - A code, of either kind, is good once. A challenge for a passkey is good once, for five minutes, and for the person (or
//     for nobody in particular) it was made for.
//   - Nothing is written for somebody who has not signed in: what a stranger asks for costs no room.
//   - Wrong codes make the next attempts wait, longer each time, in every process.
package factor

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

// Kinds of factors.
const (
	TOTP     = "totp"
	Recovery = "recoveryCodes"
	Passkey  = "passkey"
)

// ErrWrong tells that a code or an answer is wrong, used or too late.
var ErrWrong = errors.New("the code is wrong, or was used")

const (
	maxPasskeys  = 20 // of one person
	challengeTTL = 5 * time.Minute
	freeGuesses  = 5
	longestWait  = 15 * time.Minute
	forgetAfter  = 24 * time.Hour
	maxNameBytes = 100
)

// Factor is one that somebody has set up.
type Factor struct {
	ID       string
	Kind     string
	Name     string
	Created  time.Time
	LastUsed time.Time // zero: never
	Left     int       // of recovery codes: those not used
}

// Options of New.
type Options struct {
	Issuer string // our public address
	Name   string // shown by authenticators
	Secret []byte // seals what must be read again
	// Required: everybody, or those with one of the roles, must have a second factor.
	Required bool
	Roles    []string // ids; with Required, only these
}

// Store keeps factors in a database.
type Store struct {
	db       db.DB
	opts     Options
	aead     cipher.AEAD
	webauthn *webauthn.WebAuthn // nil where our address has no name: there are no passkeys then
	now      func() time.Time
}

func schema() []string {
	return []string{`
CREATE TABLE factor_totp(uid TEXT PRIMARY KEY, secret BLOB NOT NULL, confirmed BIGINT NOT NULL, step BIGINT NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL);
CREATE TABLE factor_recovery(uid TEXT NOT NULL, hash TEXT NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY(uid, hash));
CREATE TABLE factor_passkeys(id TEXT PRIMARY KEY, uid TEXT NOT NULL, name TEXT NOT NULL, credential TEXT NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL);
CREATE INDEX factor_passkeys_uid ON factor_passkeys(uid);
CREATE TABLE factor_challenges(id TEXT PRIMARY KEY, uid TEXT NOT NULL, data TEXT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX factor_challenges_expires ON factor_challenges(expires);
CREATE TABLE factor_guesses(uid TEXT PRIMARY KEY, wrong BIGINT NOT NULL, at BIGINT NOT NULL);
`}
}

// New makes the tables.
func New(ctx context.Context, d db.DB, o Options) (*Store, error) {
	if len(o.Secret) < 16 {
		return nil, errors.New("second factors: the secret is too short")
	}
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("second factors: %q is no address", o.Issuer)
	}
	var w *webauthn.WebAuthn
	if _, err := netip.ParseAddr(u.Hostname()); err != nil { // passkeys belong to a name
		if w, err = webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: o.Name, RPOrigins: []string{u.Scheme + "://" + u.Host}}); err != nil {
			return nil, fmt.Errorf("second factors: %w", err)
		}
	}
	key, err := hkdf.Key(sha256.New, o.Secret, nil, "second factors", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(ctx, "factor", schema()); err != nil {
		return nil, err
	}
	return &Store{db: d, opts: o, aead: aead, webauthn: w, now: time.Now}, nil
}

// Passkeys tells whether there can be any: our public address must have a name, not a number.
func (s *Store) Passkeys() bool { return s.webauthn != nil }

// seal hides a secret; it can be opened for the same person only.
func (s *Store) seal(userID string, secret []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, secret, []byte(userID))
}

func (s *Store) open(userID string, sealed []byte) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("sealed secret is too short")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], []byte(userID))
}

// List returns what somebody has set up.
func (s *Store) List(ctx context.Context, userID string) (out []Factor, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		out = nil
		err := r.Query(ctx, `SELECT id, name, created, used FROM factor_passkeys WHERE uid=? ORDER BY created, id`, func(row db.Row) error {
			out = append(out, Factor{ID: row.Text(0), Kind: Passkey, Name: row.Text(1), Created: db.Time(row.Int(2)), LastUsed: db.Time(row.Int(3))})
			return nil
		}, userID)
		if err != nil {
			return err
		}
		err = r.Query(ctx, `SELECT created, used FROM factor_totp WHERE uid=? AND confirmed=1`, func(row db.Row) error {
			out = append(out, Factor{ID: TOTP, Kind: TOTP, Created: db.Time(row.Int(0)), LastUsed: db.Time(row.Int(1))})
			return nil
		}, userID)
		if err != nil {
			return err
		}
		codes := Factor{ID: Recovery, Kind: Recovery}
		err = r.Query(ctx, `SELECT created, used FROM factor_recovery WHERE uid=?`, func(row db.Row) error {
			codes.Created = db.Time(row.Int(0))
			if used := db.Time(row.Int(1)); used.IsZero() {
				codes.Left++
			} else if used.After(codes.LastUsed) {
				codes.LastUsed = used
			}
			return nil
		}, userID)
		if !codes.Created.IsZero() {
			out = append(out, codes)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("second factors: %w", err)
	}
	return out, nil
}

// Needed tells which kinds somebody must use one of beside the password; none: the password is enough. enrol: they must
// set one up before they go on.
func (s *Store) Needed(ctx context.Context, u identity.User) (kinds []string, enrol bool, err error) {
	have, err := s.List(ctx, u.ID)
	if err != nil {
		return nil, false, err
	}
	for _, f := range have {
		if f.Kind != Recovery && !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	if len(kinds) == 0 {
		return nil, s.required(u), nil
	}
	if slices.ContainsFunc(have, func(f Factor) bool { return f.Left > 0 }) {
		kinds = append(kinds, Recovery)
	}
	return kinds, false, nil
}

func (s *Store) required(u identity.User) bool {
	if !s.opts.Required || len(s.opts.Roles) == 0 {
		return s.opts.Required
	}
	has := u.Roles
	if len(has) == 0 { // not every way to an account fills it in
		has = []string{role.Default(u.Type)}
	}
	return slices.ContainsFunc(has, func(r string) bool { return slices.Contains(s.opts.Roles, r) })
}

// Remove takes one factor away. Without another one the recovery codes go too. identity.ErrNotFound.
func (s *Store) Remove(ctx context.Context, userID, id string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		var n int64
		var err error
		switch id {
		case TOTP:
			n, err = tx.Exec(ctx, `DELETE FROM factor_totp WHERE uid=?`, userID)
		case Recovery:
			n, err = tx.Exec(ctx, `DELETE FROM factor_recovery WHERE uid=?`, userID)
		default:
			n, err = tx.Exec(ctx, `DELETE FROM factor_passkeys WHERE uid=? AND id=?`, userID, id)
		}
		if err == nil && n == 0 {
			err = identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM factor_recovery WHERE uid=? AND NOT EXISTS (SELECT 1 FROM factor_totp WHERE uid=? AND confirmed=1)
			AND NOT EXISTS (SELECT 1 FROM factor_passkeys WHERE uid=?)`, userID, userID, userID)
		return err
	})
}

// Reset takes all factors of somebody away, for administrators and for accounts that are removed.
func (s *Store) Reset(ctx context.Context, userID string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		for _, table := range []string{"totp", "recovery", "passkeys", "challenges", "guesses"} {
			if _, err := tx.Exec(ctx, `DELETE FROM factor_`+table+` WHERE uid=?`, userID); err != nil {
				return err
			}
		}
		return nil
	})
}

// guess runs the check of a code unless there were too many wrong ones, and counts. Errors: ErrWrong,
// *identity.ThrottledError.
func (s *Store) guess(ctx context.Context, userID string, check func(tx db.Tx) (bool, error)) error {
	good := false
	err := s.db.Write(ctx, func(tx db.Tx) error {
		good = false
		var wrong, at int64
		err := tx.Query(ctx, `SELECT wrong, at FROM factor_guesses WHERE uid=?`, func(r db.Row) error { wrong, at = r.Int(0), r.Int(1); return nil }, userID)
		if err != nil {
			return err
		}
		now := s.now()
		since := now.Sub(time.Unix(0, at))
		if since > forgetAfter {
			wrong = 0
		}
		if wait := waitAfter(wrong) - since; wait > 0 {
			return &identity.ThrottledError{RetryAfter: wait}
		}
		if good, err = check(tx); err != nil {
			return err
		}
		if good {
			_, err = tx.Exec(ctx, `DELETE FROM factor_guesses WHERE uid=?`, userID)
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO factor_guesses(uid, wrong, at) VALUES(?,?,?) ON CONFLICT(uid) DO UPDATE SET wrong=excluded.wrong, at=excluded.at`,
			userID, wrong+1, now.UnixNano())
		return err
	})
	if err == nil && !good {
		err = ErrWrong
	}
	return err
}

// waitAfter is how long after the last of so many wrong guesses the next one is not looked at.
func waitAfter(wrong int64) time.Duration {
	if wrong < freeGuesses {
		return 0
	}
	return min(time.Second<<min(wrong-freeGuesses, 20), longestWait)
}

// name makes the name that somebody gives a passkey fit to be shown.
func name(given string) string {
	given = strings.ToValidUTF8(strings.TrimSpace(given), "")
	given = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, given)
	for len(given) > maxNameBytes {
		given = strings.ToValidUTF8(given[:maxNameBytes], "")
	}
	if given == "" {
		return "Passkey"
	}
	return given
}
