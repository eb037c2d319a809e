package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"opencloud/internal/platform/db"
)

const (
	codeTTL      = time.Minute
	codeKept     = 24 * time.Hour // in which a second use is recognised as such
	replacedKept = 40 * 24 * time.Hour
	endedKept    = 40 * 24 * time.Hour // longer than access tokens are good
	replayed     = -1                  // in place of the time of use: somebody used the code again
	grace        = time.Minute         // in which a replaced refresh token is still good
)

var (
	errCode    = errors.New("the code is unknown, expired or was used")
	errRefresh = errors.New("the refresh token is unknown, expired or was used")
)

// Request is an authorisation request of somebody who has signed in; it is what a code stands for.
type Request struct {
	ID            string               `json:"id"`
	Client        string               `json:"client"`
	Redirect      string               `json:"redirect"`
	ResponseType  zoidc.ResponseType   `json:"response_type"`
	ResponseMode  zoidc.ResponseMode   `json:"response_mode,omitempty"`
	Scopes        []string             `json:"scopes"`
	State         string               `json:"state,omitempty"`
	Nonce         string               `json:"nonce,omitempty"`
	Challenge     *zoidc.CodeChallenge `json:"challenge,omitempty"`
	UserID        string               `json:"user"`
	SessionID     string               `json:"session"` // of the browser, or (once there is one) of the device
	Authenticated time.Time            `json:"authenticated"`
	Methods       []string             `json:"methods"`
	ACR           string               `json:"acr"`
	Agent         string               `json:"agent,omitempty"`
	Address       string               `json:"address,omitempty"`
}

// The methods of op.AuthRequest.
func (r *Request) GetID() string                          { return r.ID }
func (r *Request) GetACR() string                         { return r.ACR }
func (r *Request) GetAMR() []string                       { return r.Methods }
func (r *Request) GetAudience() []string                  { return []string{r.Client} }
func (r *Request) GetAuthTime() time.Time                 { return r.Authenticated }
func (r *Request) GetClientID() string                    { return r.Client }
func (r *Request) GetCodeChallenge() *zoidc.CodeChallenge { return r.Challenge }
func (r *Request) GetNonce() string                       { return r.Nonce }
func (r *Request) GetRedirectURI() string                 { return r.Redirect }
func (r *Request) GetResponseType() zoidc.ResponseType    { return r.ResponseType }
func (r *Request) GetResponseMode() zoidc.ResponseMode    { return r.ResponseMode }
func (r *Request) GetScopes() []string                    { return r.Scopes }
func (r *Request) GetState() string                       { return r.State }
func (r *Request) GetSubject() string                     { return r.UserID }
func (r *Request) Done() bool                             { return r.UserID != "" }

// saveCode keeps what a code stands for.
func (s *Store) saveCode(ctx context.Context, code string, r *Request) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO oidc_codes(hash, session, request, issued, created, used) VALUES(?,?,?,'',?,0)`, hash(code), r.SessionID, string(raw), s.now().UnixNano())
		return err
	})
}

// takeCode returns what a code stands for, once. Its second use ends what the first one began. (RFC 6749 §4.1.2)
func (s *Store) takeCode(ctx context.Context, code string) (*Request, error) {
	var raw, issued string
	var created, used int64
	found := false
	err := s.db.Write(ctx, func(tx db.Tx) error {
		found = false
		err := tx.Query(ctx, `SELECT request, issued, created, used FROM oidc_codes WHERE hash=?`, func(r db.Row) error {
			raw, issued, created, used, found = r.Text(0), r.Text(1), r.Int(2), r.Int(3), true
			return nil
		}, hash(code))
		if err != nil || !found {
			return err
		}
		use := s.now().UnixNano()
		if used != 0 {
			use = replayed
		}
		_, err = tx.Exec(ctx, `UPDATE oidc_codes SET used=? WHERE hash=?`, use, hash(code))
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("code: %w", err)
	case found && used != 0 && strings.Contains(issued, "."): // an access token: the sign-in is the browser's, and stays
		return nil, errors.Join(errCode, s.endToken(ctx, issued))
	case found && used != 0 && issued != "":
		_, err := s.end(ctx, `id=?`, issued)
		return nil, errors.Join(errCode, err)
	case !found || used != 0 || s.now().Sub(time.Unix(0, created)) > codeTTL:
		return nil, errCode
	}
	var r Request
	if err := json.Unmarshal([]byte(raw), &r); err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	r.ID = hash(code)
	open, err := s.Active(ctx, r.SessionID, "")
	if err == nil && !open {
		err = errCode
	}
	return &r, err
}

// device begins the session of an application that gets a refresh token, and returns the token. The code is remembered
// with it.
func (s *Store) device(ctx context.Context, r *Request, ttl time.Duration) (sid, refresh string, err error) {
	refresh = secret()
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n, err := s.insert(ctx, tx, Session{Kind: Device, UserID: r.UserID, Client: r.Client, Scopes: r.Scopes, Agent: r.Agent, Address: r.Address,
			Expires: s.now().Add(ttl), Authenticated: r.Authenticated, Methods: r.Methods}, "")
		if err != nil {
			return err
		}
		sid = n.ID
		if err := s.insertRefresh(ctx, tx, refresh, sid); err != nil {
			return err
		}
		return s.mark(ctx, tx, r.ID, sid)
	})
	return sid, refresh, err
}

// access begins an access token without a session of its own, and returns its id. The code is remembered with it.
func (s *Store) access(ctx context.Context, r *Request) (string, error) {
	id := tokenID(r.SessionID, r.Scopes)
	return id, s.db.Write(ctx, func(tx db.Tx) error { return s.mark(ctx, tx, r.ID, id) })
}

// mark remembers what was given for a code. errCode: somebody used it again meanwhile.
func (s *Store) mark(ctx context.Context, tx db.Tx, code, issued string) error {
	n, err := tx.Exec(ctx, `UPDATE oidc_codes SET issued=? WHERE hash=? AND used>0`, issued, code)
	if err == nil && n == 0 {
		err = errCode
	}
	return err
}

// endToken ends one access token, and nothing else of its session.
func (s *Store) endToken(ctx context.Context, id string) error {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO oidc_ended(token, at) VALUES(?,?) ON CONFLICT(token) DO NOTHING`, id, s.now().UnixNano())
		return err
	})
	s.active.Put(id, checked{s.now(), false})
	return err
}

func (s *Store) insertRefresh(ctx context.Context, tx db.Tx, refresh, sid string) error {
	_, err := tx.Exec(ctx, `INSERT INTO oidc_refresh(hash, session, created, replaced) VALUES(?,?,?,0)`, hash(refresh), sid, s.now().UnixNano())
	return err
}

// byRefresh returns the session of a refresh token. The use of one that was replaced more than a moment ago ends it.
func (s *Store) byRefresh(ctx context.Context, refresh string) (Session, error) {
	if refresh == "" || len(refresh) > 4096 {
		return Session{}, errRefresh
	}
	sid, replaced := "", int64(0)
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT session, replaced FROM oidc_refresh WHERE hash=?`, func(row db.Row) error {
			sid, replaced = row.Text(0), row.Int(1)
			return nil
		}, hash(refresh))
	})
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("refresh token: %w", err)
	case sid == "":
		return Session{}, errRefresh
	case replaced != 0 && s.now().Sub(time.Unix(0, replaced)) > grace:
		_, err := s.end(ctx, `id=?`, sid)
		return Session{}, errors.Join(errRefresh, err)
	}
	n, err := s.one(ctx, `id=? AND kind=?`, sid, Device)
	if errors.Is(err, ErrNoSession) {
		err = errRefresh
	}
	return n, err
}

// rotate replaces a refresh token; the session lasts for another ttl.
func (s *Store) rotate(ctx context.Context, old string, n Session, ttl time.Duration) (refresh string, err error) {
	refresh = secret()
	err = s.db.Write(ctx, func(tx db.Tx) error {
		now := s.now()
		k, err := tx.Exec(ctx, `UPDATE oidc_sessions SET seen=?, expires=? WHERE id=?`, now.UnixNano(), now.Add(ttl).UnixNano(), n.ID)
		if err == nil && k == 0 {
			err = errRefresh
		}
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `UPDATE oidc_refresh SET replaced=? WHERE hash=? AND replaced=0`, now.UnixNano(), hash(old)); err != nil {
			return err
		}
		return s.insertRefresh(ctx, tx, refresh, n.ID)
	})
	return refresh, err
}

// refreshRequest is a session whose application asks for new tokens.
type refreshRequest struct {
	Session
	scopes []string
}

// The methods of op.RefreshTokenRequest.
func (r *refreshRequest) GetAMR() []string            { return r.Methods }
func (r *refreshRequest) GetAudience() []string       { return []string{r.Client} }
func (r *refreshRequest) GetAuthTime() time.Time      { return r.Authenticated }
func (r *refreshRequest) GetClientID() string         { return r.Client }
func (r *refreshRequest) GetScopes() []string         { return slices.Clone(r.scopes) }
func (r *refreshRequest) GetSubject() string          { return r.UserID }
func (r *refreshRequest) SetCurrentScopes(s []string) { r.scopes = s }
