package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/platform/cache"
	"opencloud/internal/platform/db"
)

// Kinds of sessions.
const (
	Browser = "browser" // somebody signed in with a browser, which holds a cookie
	Device  = "device"  // an application holds a refresh token
)

// ErrNoSession tells that a session does not exist, has ended, or is somebody else's.
var ErrNoSession = errors.New("no such session")

const (
	activeFor = time.Second      // how long an answer of Active is good, for ends in other processes
	seenEvery = time.Minute      // how exactly the last use is noted
	maxAgent  = 200              // bytes of a user agent that are kept
	maxOpen   = 500              // sessions of one person
	pendingIn = 10 * time.Minute // in which a second factor must follow
)

// Session is a sign-in that lasts.
type Session struct {
	ID      string // sid in tokens
	Kind    string
	UserID  string
	Client  string // of devices
	Scopes  []string
	Agent   string
	Address string
	Created time.Time
	Seen    time.Time
	Expires time.Time
	// Authenticated is when the person proved who they are, and Methods how. (RFC 8176)
	Authenticated time.Time
	Methods       []string
	// Pending: the password was right, but another factor must follow; nothing is open yet.
	Pending bool
	// Flow names the authorisation request in which the person signed in, see Flow.
	Flow string
}

// ACR is the level of assurance: "2" with more than one factor, else "1".
func (s Session) ACR() string {
	for _, m := range s.Methods {
		if m == "mfa" {
			return "2"
		}
	}
	return "1"
}

// Store keeps sessions, codes and refresh tokens.
type Store struct {
	db     db.DB
	active *cache.Map[string, checked]
	now    func() time.Time
}

type checked struct {
	at   time.Time
	open bool
}

// NewStore makes the tables.
func NewStore(ctx context.Context, d db.DB) (*Store, error) {
	if err := d.Migrate(ctx, component, schema()); err != nil {
		return nil, err
	}
	return &Store{db: d, active: cache.New[string, checked](8192), now: time.Now}, nil
}

// SetClock makes the store take the time from elsewhere, for tests.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// secret returns 256 random bits.
func secret() string { return rand.Text() + rand.Text() }

const sessionColumns = `id, kind, uid, client, scopes, agent, address, created, seen, expires, authenticated, methods, pending, flow`

func scanSession(r db.Row) Session {
	at := func(col int) time.Time { return time.Unix(0, r.Int(col)).UTC() }
	return Session{ID: r.Text(0), Kind: r.Text(1), UserID: r.Text(2), Client: r.Text(3), Scopes: strings.Fields(r.Text(4)), Agent: r.Text(5), Address: r.Text(6),
		Created: at(7), Seen: at(8), Expires: at(9), Authenticated: at(10), Methods: strings.Fields(r.Text(11)), Pending: r.Int(12) != 0, Flow: r.Text(13)}
}

func querySessions(ctx context.Context, r db.Reader, where string, args ...any) (out []Session, err error) {
	err = r.Query(ctx, `SELECT `+sessionColumns+` FROM oidc_sessions WHERE `+where, func(row db.Row) error {
		out = append(out, scanSession(row))
		return nil
	}, args...)
	return out, err
}

func (s *Store) one(ctx context.Context, where string, args ...any) (out Session, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		found, err := querySessions(ctx, r, where, args...)
		if err == nil && (len(found) != 1 || !s.now().Before(found[0].Expires)) {
			err = ErrNoSession
		}
		if err == nil {
			out = found[0]
		}
		return err
	})
	return out, err
}

// Open begins a session of somebody and returns it with the secret of its cookie. ID, Created and Seen are filled in.
func (s *Store) Open(ctx context.Context, n Session) (Session, string, error) {
	cookie := secret()
	var out Session
	err := s.db.Write(ctx, func(tx db.Tx) (err error) {
		out, err = s.insert(ctx, tx, n, hash(cookie))
		return err
	})
	return out, cookie, err
}

func (s *Store) insert(ctx context.Context, tx db.Tx, n Session, cookie string) (Session, error) {
	now := s.now().UTC()
	n.ID, n.Created, n.Seen = uuid.NewString(), now, now
	n.Agent = strings.ToValidUTF8(n.Agent[:min(len(n.Agent), maxAgent)], "")
	pending := int64(0)
	if n.Pending {
		pending, n.Expires = 1, now.Add(pendingIn)
	}
	_, err := tx.Exec(ctx, `INSERT INTO oidc_sessions(`+sessionColumns+`, cookie) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, n.ID, n.Kind, n.UserID, n.Client,
		strings.Join(n.Scopes, " "), n.Agent, n.Address, now.UnixNano(), now.UnixNano(), n.Expires.UnixNano(), n.Authenticated.UnixNano(),
		strings.Join(n.Methods, " "), pending, n.Flow, cookie)
	if err != nil {
		return n, fmt.Errorf("open session: %w", err)
	}
	// Who has more than this many sessions loses those not used for longest.
	_, err = tx.Exec(ctx, `DELETE FROM oidc_sessions WHERE uid=? AND id IN (SELECT id FROM oidc_sessions WHERE uid=? ORDER BY seen DESC LIMIT 1000 OFFSET ?)`,
		n.UserID, n.UserID, int64(maxOpen))
	return n, err
}

// ByCookie finds a browser's session, also one that waits for a second factor. ErrNoSession.
func (s *Store) ByCookie(ctx context.Context, cookie string) (Session, error) {
	if cookie == "" || len(cookie) > 200 {
		return Session{}, ErrNoSession
	}
	n, err := s.one(ctx, `cookie=?`, hash(cookie))
	if err == nil && s.now().Sub(n.Seen) > seenEvery {
		err = s.touch(ctx, n.ID)
	}
	return n, err
}

func (s *Store) touch(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE oidc_sessions SET seen=? WHERE id=?`, s.now().UnixNano(), id)
		return err
	})
}

// Proved notes that the person of a session proved again who they are, or did so by a further method; a pending session
// is open from then on until expires. A new cookie takes the place of the old one.
func (s *Store) Proved(ctx context.Context, id string, methods []string, flow string, expires time.Time) (cookie string, err error) {
	cookie = secret()
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE oidc_sessions SET pending=0, methods=?, flow=?, expires=?, authenticated=?, seen=?, cookie=? WHERE id=? AND kind=?`,
			strings.Join(methods, " "), flow, expires.UnixNano(), s.now().UnixNano(), s.now().UnixNano(), hash(cookie), id, Browser)
		if err == nil && n == 0 {
			err = ErrNoSession
		}
		return err
	})
	return cookie, err
}

// Chosen notes that the person of a browser's session chose it for an authorisation request, without proving anything.
func (s *Store) Chosen(ctx context.Context, id, flow string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE oidc_sessions SET flow=? WHERE id=? AND kind=? AND pending=0`, flow, id, Browser)
		return err
	})
}

// List returns somebody's open sessions, the last used first.
func (s *Store) List(ctx context.Context, userID string) (out []Session, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		out, err = querySessions(ctx, r, `uid=? AND pending=0 AND expires>? ORDER BY seen DESC, id LIMIT ?`, userID, s.now().UnixNano(), int64(maxOpen))
		return err
	})
	return out, err
}

// Revoke ends one of somebody's sessions. ErrNoSession if it is not theirs.
func (s *Store) Revoke(ctx context.Context, userID, id string) error {
	n, err := s.end(ctx, `uid=? AND id=?`, userID, id)
	if err == nil && n == 0 {
		err = ErrNoSession
	}
	return err
}

// RevokeAll ends all of somebody's sessions but one (which may be empty).
func (s *Store) RevokeAll(ctx context.Context, userID, but string) error {
	_, err := s.end(ctx, `uid=? AND id<>?`, userID, but)
	return err
}

func (s *Store) end(ctx context.Context, where string, args ...any) (n int64, err error) {
	var ids []string
	err = s.db.Write(ctx, func(tx db.Tx) error {
		ids = nil
		err := tx.Query(ctx, `SELECT id FROM oidc_sessions WHERE `+where, func(r db.Row) error { ids = append(ids, r.Text(0)); return nil }, args...)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `DELETE FROM oidc_refresh WHERE session IN (SELECT id FROM oidc_sessions WHERE `+where+`)`, args...); err != nil {
			return err
		}
		n, err = tx.Exec(ctx, `DELETE FROM oidc_sessions WHERE `+where, args...)
		return err
	})
	for _, id := range ids {
		s.active.Put(id, checked{s.now(), false})
	}
	return n, err
}

// Active tells whether the session is open, and the access token of this id (empty: none) was not ended before it: what is
// not is good for nothing. Ends in this process are known at once, those in others within a second.
func (s *Store) Active(ctx context.Context, sid, token string) (bool, error) {
	id := sid
	if token != "" {
		if c, ok := s.active.Get(sid); ok && !c.open && s.now().Sub(c.at) < activeFor {
			return false, nil
		}
		id = token
	}
	if c, ok := s.active.Get(id); ok && s.now().Sub(c.at) < activeFor {
		return c.open, nil
	}
	at := s.now()
	_, err := s.one(ctx, `id=? AND pending=0 AND NOT EXISTS(SELECT 1 FROM oidc_ended WHERE token=?)`, sid, token)
	if err != nil && !errors.Is(err, ErrNoSession) {
		return false, err
	}
	s.active.Put(id, checked{at, err == nil})
	return err == nil, nil
}

// Consented tells whether somebody allowed an application all of the scopes.
func (s *Store) Consented(ctx context.Context, userID, client string, scopes []string) (yes bool, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT scopes FROM oidc_consents WHERE uid=? AND client=?`, func(row db.Row) error {
			have := " " + row.Text(0) + " "
			yes = true
			for _, sc := range scopes {
				yes = yes && strings.Contains(have, " "+sc+" ")
			}
			return nil
		}, userID, client)
	})
	return yes, err
}

// Consent notes what somebody allowed an application.
func (s *Store) Consent(ctx context.Context, userID, client string, scopes []string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO oidc_consents(uid, client, scopes, at) VALUES(?,?,?,?) ON CONFLICT(uid, client) DO UPDATE SET scopes=excluded.scopes, at=excluded.at`,
			userID, client, strings.Join(scopes, " "), s.now().UnixNano())
		return err
	})
}

// Forget removes all that is kept of somebody who is gone.
func (s *Store) Forget(ctx context.Context, userID string) error {
	if err := s.RevokeAll(ctx, userID, ""); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM oidc_consents WHERE uid=?`, userID)
		return err
	})
}

// Purge removes what has expired.
func (s *Store) Purge(ctx context.Context) error {
	now := s.now()
	if _, err := s.end(ctx, `expires<=?`, now.UnixNano()); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM oidc_codes WHERE created<?`, now.Add(-codeKept).UnixNano()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM oidc_ended WHERE at<?`, now.Add(-endedKept).UnixNano()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM oidc_refresh WHERE replaced<>0 AND replaced<?`, now.Add(-replacedKept).UnixNano())
		return err
	})
}
