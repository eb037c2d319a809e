// Package apptoken keeps passwords for programs: made by the server, one for each program, and revoked one by one.
// (spec/identity.md §9)
//
// A token is shown once, when it is made; what is kept is its HMAC-SHA-256, by which it is found at once. That a fast hash is
// enough is owed to the tokens being made at random, of at least 75 bits. Who asks with a token is recognised for at most
// a second without asking the database: a revoked token ends within that time in every process.
package apptoken

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/identity/login"
	"opencloud/internal/platform/cache"
	"opencloud/internal/platform/db"
)

var (
	// ErrNotFound tells that the user has no such token.
	ErrNotFound = errors.New("no such app token")
	// ErrTooMany tells that the user must delete a token before making another.
	ErrTooMany = errors.New("too many app tokens")
	// ErrInvalid tells that a label or a lifetime cannot be used.
	ErrInvalid = errors.New("invalid app token")
)

const (
	// MaxTokens is how many tokens a user may have.
	MaxTokens = 200
	// MaxLife is how long a token may be valid.
	MaxLife = 100 * 365 * 24 * time.Hour

	maxLabel  = 255 // bytes
	minSecret = 16  // bytes
	component = "apptoken"
	// fresh is for how long a token is believed without asking the database.
	fresh = 500 * time.Millisecond
	// noteEvery is how often it is written down that a token is used.
	noteEvery = 5 * time.Minute
	flushTime = 30 * time.Second
	pruneTime = time.Hour
	cacheSize = 8192
	maxNoted  = 8192
)

// Options of New.
type Options struct {
	// Secret is what tokens are hashed with. With another one, the tokens made before are worth nothing.
	Secret []byte
	// Random makes tokens of this many random letters and digits (at least 16) instead of six words.
	Random int
}

// Token is what is known of a token after it was made.
type Token struct {
	ID      string // of no use for signing in
	Label   string
	Created time.Time
	Expires time.Time
	Used    time.Time // to five minutes; zero: never
}

// Store keeps the tokens of all users. It implements identity.Authenticator.
type Store struct {
	db       db.DB
	accounts identity.Machine
	opts     Options
	key      []byte
	login    *login.Authenticator
	known    *cache.Map[string, remembered]
	now      func() time.Time

	mu    sync.Mutex
	noted map[string]time.Time // use that is not written down yet
}

// remembered is what the database said of a token, by its id.
type remembered struct {
	user          string
	expires, used time.Time
	at            time.Time
}

func schema() []string {
	return []string{`
CREATE TABLE apptokens(
	id TEXT PRIMARY KEY, mac TEXT NOT NULL UNIQUE, uid TEXT NOT NULL, label TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL,
	used BIGINT NOT NULL);
CREATE INDEX apptokens_uid ON apptokens(uid, created);
CREATE INDEX apptokens_expires ON apptokens(expires);
`}
}

// New opens the store in a database and makes its tables. accounts tells who may sign in at all.
func New(ctx context.Context, d db.DB, accounts identity.Machine, o Options) (*Store, error) {
	if len(o.Secret) < minSecret {
		return nil, fmt.Errorf("app tokens: the secret must have at least %d bytes", minSecret)
	}
	if o.Random != 0 && (o.Random < minRandom || o.Random > maxRandom) {
		return nil, errors.New("app tokens: the length must be 16 to 256")
	}
	if err := d.Migrate(ctx, component, schema()); err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, o.Secret)
	h.Write([]byte("app token index"))
	s := &Store{db: d, accounts: accounts, opts: o, key: h.Sum(nil), known: cache.New[string, remembered](cacheSize), now: time.Now, noted: map[string]time.Time{}}
	s.login = login.New(backend{s})
	return s, nil
}

func (s *Store) mac(token string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(token))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Create makes a token for a user and returns it as it is typed; it cannot be told again. Errors: ErrInvalid, ErrTooMany.
func (s *Store) Create(ctx context.Context, userID string, life time.Duration, label string) (secret string, t Token, err error) {
	switch {
	case userID == "":
		return "", Token{}, identity.ErrNotFound
	case life < time.Second || life > MaxLife:
		return "", Token{}, fmt.Errorf("%w: it must be valid for a second to a hundred years", ErrInvalid)
	case len(label) > maxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl):
		return "", Token{}, fmt.Errorf("%w: label", ErrInvalid)
	}
	now := s.now().UTC().Truncate(time.Second)
	secret = words()
	if s.opts.Random > 0 {
		secret = letters(s.opts.Random)
	}
	t = Token{ID: newID(), Label: label, Created: now, Expires: now.Add(life).Truncate(time.Second)}
	err = s.db.Write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM apptokens WHERE uid=? AND expires<=?`, userID, now.Unix()); err != nil {
			return err
		}
		n := int64(0)
		if err := tx.Query(ctx, `SELECT count(*) FROM apptokens WHERE uid=?`, func(r db.Row) error { n = r.Int(0); return nil }, userID); err != nil {
			return err
		}
		if n >= MaxTokens {
			return ErrTooMany
		}
		_, err := tx.Exec(ctx, `INSERT INTO apptokens(id, mac, uid, label, created, expires, used) VALUES(?,?,?,?,?,?,0)`,
			t.ID, s.mac(secret), userID, label, t.Created.Unix(), t.Expires.Unix())
		return err
	})
	if err != nil {
		return "", Token{}, fmt.Errorf("make app token: %w", err)
	}
	return secret, t, nil
}

// List returns a user's tokens that are still valid, the oldest first.
func (s *Store) List(ctx context.Context, userID string) (out []Token, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		out = nil
		return r.Query(ctx, `SELECT id, label, created, expires, used FROM apptokens WHERE uid=? AND expires>? ORDER BY created, id`, func(r db.Row) error {
			t := Token{ID: r.Text(0), Label: r.Text(1), Created: unix(r.Int(2)), Expires: unix(r.Int(3)), Used: unix(r.Int(4))}
			out = append(out, t)
			return nil
		}, userID, s.now().Unix())
	})
	if err != nil {
		return nil, fmt.Errorf("list app tokens: %w", err)
	}
	return out, nil
}

func unix(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// Delete revokes one of a user's tokens; ErrNotFound if it is not the user's.
func (s *Store) Delete(ctx context.Context, userID, id string) error {
	n := int64(0)
	err := s.db.Write(ctx, func(tx db.Tx) (err error) {
		tx.AfterCommit(func() error { s.known.Delete(id); return nil })
		n, err = tx.Exec(ctx, `DELETE FROM apptokens WHERE id=? AND uid=?`, id, userID)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete app token: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// DeleteAll revokes all tokens of a user.
func (s *Store) DeleteAll(ctx context.Context, userID string) error {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		var ids []string
		if err := tx.Query(ctx, `DELETE FROM apptokens WHERE uid=? RETURNING id`, func(r db.Row) error { ids = append(ids, r.Text(0)); return nil }, userID); err != nil {
			return err
		}
		tx.AfterCommit(func() error {
			for _, id := range ids {
				s.known.Delete(id)
			}
			return nil
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete app tokens: %w", err)
	}
	return nil
}

// Authenticate implements identity.Authenticator: the name is the user's, the password a token. What cannot be a token is
// refused at once and counts for no guess, so that this can be asked before an account's password is checked.
func (s *Store) Authenticate(ctx context.Context, l identity.Login) (identity.Actor, error) {
	if !Recognise(l.Password) {
		return identity.Actor{}, identity.ErrCredentials
	}
	return s.login.Authenticate(ctx, l)
}

// backend is the store as package login sees it: what it calls accounts are tokens.
type backend struct{ *Store }

// Check finds a token and tells its id. Unknown ones take as long as known ones of somebody else.
func (s backend) Check(ctx context.Context, name, token string) (id string, _ int64, err error) {
	var e remembered
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT id, uid, expires, used FROM apptokens WHERE mac=?`, func(r db.Row) error {
			id, e = r.Text(0), remembered{user: r.Text(1), expires: unix(r.Int(2)), used: unix(r.Int(3))}
			return nil
		}, s.mac(token))
	})
	if err != nil {
		return "", 0, fmt.Errorf("look up app token: %w", err)
	}
	if id == "" || !s.now().Before(e.expires) {
		return "", 0, identity.ErrCredentials
	}
	a, err := s.actor(ctx, e.user)
	if err != nil {
		return "", 0, err
	}
	if fold(a.User.Username) != fold(name) {
		return "", 0, identity.ErrCredentials
	}
	return id, 0, nil
}

// Current tells on whose behalf the holder of a token acts now.
func (s backend) Current(ctx context.Context, id string) (identity.Actor, int64, error) {
	now := s.now()
	e, ok := s.known.Get(id)
	if !ok || now.Sub(e.at) >= fresh {
		var err error
		if e, err = s.look(ctx, id, now); err != nil {
			return identity.Actor{}, 0, err
		}
	}
	if !now.Before(e.expires) {
		return identity.Actor{}, 0, identity.ErrCredentials
	}
	if now.Sub(e.used) >= noteEvery {
		s.note(id, e, now)
	}
	a, err := s.actor(ctx, e.user)
	return a, 0, err
}

func (s *Store) look(ctx context.Context, id string, now time.Time) (e remembered, err error) {
	found := false
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT uid, expires, used FROM apptokens WHERE id=?`, func(r db.Row) error {
			found, e = true, remembered{user: r.Text(0), expires: unix(r.Int(1)), used: unix(r.Int(2)), at: now}
			return nil
		}, id)
	})
	if err != nil {
		return remembered{}, fmt.Errorf("look up app token: %w", err)
	}
	if !found {
		s.known.Delete(id)
		return remembered{}, identity.ErrCredentials
	}
	s.known.Put(id, e)
	return e, nil
}

func (s *Store) actor(ctx context.Context, user string) (identity.Actor, error) {
	a, err := s.accounts.ActorBy(ctx, "userid", user)
	if errors.Is(err, identity.ErrNotFound) {
		return identity.Actor{}, identity.ErrCredentials
	}
	return a, err
}

// note remembers that a token is used, for Run to write it down.
func (s *Store) note(id string, e remembered, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.noted) < maxNoted {
		s.noted[id] = now
	}
	e.used = now
	s.known.Put(id, e)
}

// Run writes down when tokens were used, and removes those that have expired, until the context ends.
func (s *Store) Run(ctx context.Context) error {
	flush, prune := time.NewTicker(flushTime), time.NewTicker(pruneTime)
	defer flush.Stop()
	defer prune.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return s.flush(last)
		case <-flush.C:
			err = s.flush(ctx)
		case <-prune.C:
			err = s.prune(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (s *Store) flush(ctx context.Context) error {
	s.mu.Lock()
	noted := s.noted
	s.noted = map[string]time.Time{}
	s.mu.Unlock()
	if len(noted) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx db.Tx) error {
		for id, at := range noted {
			if _, err := tx.Exec(ctx, `UPDATE apptokens SET used=? WHERE id=? AND used<?`, at.Unix(), id, at.Unix()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note the use of app tokens: %w", err)
	}
	return nil
}

func (s *Store) prune(ctx context.Context) error {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM apptokens WHERE expires<=?`, s.now().Unix())
		return err
	})
	if err != nil {
		return fmt.Errorf("remove expired app tokens: %w", err)
	}
	return nil
}

func fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var (
	_ identity.Authenticator = (*Store)(nil)
	_ login.Backend          = backend{}
)
