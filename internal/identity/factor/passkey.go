package factor

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

var errNoName = fmt.Errorf("%w: passkeys need a server with a name, not an address", identity.ErrInvalid)

// person is a user in the library's form. The handle is the id of the account: it tells nobody anything.
type person struct {
	user     identity.User
	passkeys []webauthn.Credential
}

func (p *person) WebAuthnID() []byte                         { return []byte(p.user.ID) }
func (p *person) WebAuthnName() string                       { return p.user.Username }
func (p *person) WebAuthnDisplayName() string                { return p.user.DisplayName }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.passkeys }

func (s *Store) person(ctx context.Context, u identity.User) (*person, error) {
	p := &person{user: u}
	err := s.db.Read(ctx, func(r db.Reader) error {
		p.passkeys = nil
		return r.Query(ctx, `SELECT credential FROM factor_passkeys WHERE uid=?`, func(row db.Row) error {
			var c webauthn.Credential
			if err := json.Unmarshal([]byte(row.Text(0)), &c); err != nil {
				return err
			}
			p.passkeys = append(p.passkeys, c)
			return nil
		}, u.ID)
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", u.ID, err)
	}
	return p, nil
}

// keep saves what an answer is compared with, under a random id that the page sends back with it. What a stranger asks for is
// not saved: it is sealed, and goes to the page and back.
func (s *Store) keep(ctx context.Context, userID string, session *webauthn.SessionData) (string, error) {
	raw, err := json.Marshal(session)
	if err != nil {
		return "", err
	}
	if userID == "" {
		until := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(challengeTTL).UnixNano()))
		return base64.RawURLEncoding.EncodeToString(s.seal("", append(until, raw...))), nil
	}
	id := rand.Text()
	return id, s.db.Write(ctx, func(tx db.Tx) error { return s.saveChallenge(ctx, tx, id, userID, string(raw)) })
}

// maxSealed bounds a sealed challenge, in bytes.
const maxSealed = 4096

func (s *Store) kept(ctx context.Context, id, userID string) (session webauthn.SessionData, err error) {
	if userID == "" {
		return s.unsealed(id)
	}
	data, err := s.takeChallenge(ctx, id, userID)
	if err == nil {
		err = json.Unmarshal([]byte(data), &session)
	}
	return session, err
}

// unsealed reads what keep sealed. ErrWrong if we did not, or too long ago.
func (s *Store) unsealed(id string) (session webauthn.SessionData, err error) {
	if len(id) > maxSealed {
		return session, ErrWrong
	}
	sealed, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return session, ErrWrong
	}
	raw, err := s.open("", sealed)
	if err != nil || len(raw) < 8 || s.now().UnixNano() >= int64(binary.BigEndian.Uint64(raw)) {
		return session, ErrWrong
	}
	return session, json.Unmarshal(raw[8:], &session)
}

// spend notes that a sealed challenge was answered, so that the same answer is not good again. db.ErrUnique if it was.
func (s *Store) spend(ctx context.Context, tx db.Tx, session webauthn.SessionData) error {
	now := s.now()
	if _, err := tx.Exec(ctx, `DELETE FROM factor_challenges WHERE expires<=?`, now.UnixNano()); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte("spent challenge\x00" + session.Challenge))
	_, err := tx.Exec(ctx, `INSERT INTO factor_challenges(id, uid, data, expires) VALUES(?,'','',?)`, hex.EncodeToString(sum[:]), now.Add(challengeTTL).UnixNano())
	return err
}

// BeginPasskey begins to set up a passkey: the options are for the browser, the challenge is sent back with its answer.
func (s *Store) BeginPasskey(ctx context.Context, u identity.User) (options json.RawMessage, challenge string, err error) {
	if s.webauthn == nil {
		return nil, "", errNoName
	}
	p, err := s.person(ctx, u)
	if err != nil {
		return nil, "", err
	}
	if len(p.passkeys) >= maxPasskeys {
		return nil, "", fmt.Errorf("%w: more than %d passkeys", identity.ErrInvalid, maxPasskeys)
	}
	creation, session, err := s.webauthn.BeginRegistration(p, webauthn.WithResidentKeyRequirement(protocol.ResidentKeyRequirementRequired),
		webauthn.WithExclusions(webauthn.Credentials(p.passkeys).CredentialDescriptors()),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired}))
	if err != nil {
		return nil, "", err
	}
	if challenge, err = s.keep(ctx, u.ID, session); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(creation.Response)
	return options, challenge, err
}

// AddPasskey takes the browser's answer. ErrWrong if it cannot be trusted.
func (s *Store) AddPasskey(ctx context.Context, u identity.User, challenge, given string, answer []byte) error {
	if s.webauthn == nil {
		return errNoName
	}
	session, err := s.kept(ctx, challenge, u.ID)
	if err != nil {
		return err
	}
	p, err := s.person(ctx, u)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBody(bytes.NewReader(answer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	c, err := s.webauthn.CreateCredential(p, session, parsed)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	err = s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO factor_passkeys(id, uid, name, credential, created, used) VALUES(?,?,?,?,?,0)`,
			passkeyID(c.ID), u.ID, name(given), string(raw), s.used().UnixNano())
		return err
	})
	if errors.Is(err, db.ErrUnique) {
		err = fmt.Errorf("%w: the passkey is there already", ErrWrong)
	}
	return err
}

func passkeyID(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// Rename gives a passkey another name. identity.ErrNotFound.
func (s *Store) Rename(ctx context.Context, userID, id, given string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE factor_passkeys SET name=? WHERE uid=? AND id=?`, name(given), userID, id)
		if err == nil && n == 0 {
			err = identity.ErrNotFound
		}
		return err
	})
}

// BeginSignIn asks for a passkey: of one person as second factor, or (without one) of anybody, in place of a password.
func (s *Store) BeginSignIn(ctx context.Context, u *identity.User) (options json.RawMessage, challenge string, err error) {
	if s.webauthn == nil {
		return nil, "", errNoName
	}
	var assertion *protocol.CredentialAssertion
	var session *webauthn.SessionData
	userID := ""
	if u == nil {
		assertion, session, err = s.webauthn.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		var p *person
		if p, err = s.person(ctx, *u); err != nil {
			return nil, "", err
		}
		userID = u.ID
		assertion, session, err = s.webauthn.BeginLogin(p, webauthn.WithUserVerification(protocol.VerificationRequired))
	}
	if err != nil {
		return nil, "", err
	}
	if challenge, err = s.keep(ctx, userID, session); err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(assertion.Response)
	return options, challenge, err
}

// Users finds the account of a passkey.
type Users interface {
	User(ctx context.Context, id string) (identity.User, error)
}

// SignIn takes the browser's answer: of the person as second factor, or (nil) of whoever it is. It returns who that is.
// ErrWrong if it cannot be trusted; passkeys that seem to be copied (their counter goes back) are refused.
func (s *Store) SignIn(ctx context.Context, u *identity.User, users Users, challenge string, answer []byte) (identity.User, error) {
	if s.webauthn == nil {
		return identity.User{}, ErrWrong
	}
	userID := ""
	if u != nil {
		userID = u.ID
	}
	session, err := s.kept(ctx, challenge, userID)
	if err != nil {
		return identity.User{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBody(bytes.NewReader(answer))
	if err != nil {
		return identity.User{}, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	var who *person
	var c *webauthn.Credential
	if u != nil {
		if who, err = s.person(ctx, *u); err == nil {
			c, err = s.webauthn.ValidateLogin(who, session, parsed)
		}
	} else {
		find := func(_, handle []byte) (webauthn.User, error) {
			found, err := users.User(ctx, string(handle))
			if err != nil {
				return nil, err
			}
			who, err = s.person(ctx, found)
			return who, err
		}
		c, err = s.webauthn.ValidateDiscoverableLogin(find, session, parsed)
	}
	if err != nil {
		return identity.User{}, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	if c.Authenticator.CloneWarning {
		return identity.User{}, fmt.Errorf("%w: the passkey seems to be a copy", ErrWrong)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return identity.User{}, err
	}
	err = s.db.Write(ctx, func(tx db.Tx) error {
		if u == nil {
			if err := s.spend(ctx, tx, session); err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, `UPDATE factor_passkeys SET credential=?, used=? WHERE id=? AND uid=?`, string(raw), s.used().UnixNano(), passkeyID(c.ID), who.user.ID)
		if err == nil && n == 0 {
			err = ErrWrong // removed a moment ago
		}
		return err
	})
	if errors.Is(err, db.ErrUnique) {
		err = fmt.Errorf("%w: the answer was used before", ErrWrong)
	}
	return who.user, err
}
