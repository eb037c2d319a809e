package factor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

const (
	period      = 30 // seconds (RFC 6238)
	secretBytes = 20
	recoverySet = 10
	recoveryLen = 12 // characters of 5 bits
)

// NewTOTP makes a secret for an authenticator application and returns it with the address that the application reads from a
// picture. It counts for nothing before ConfirmTOTP; one that was set up before goes on to count until then. Within its time
// the same session gets the same secret again, so that whoever mistypes a code need not scan anew; another session never
// gets it: a secret that somebody else may have seen is worth nothing.
func (s *Store) NewTOTP(ctx context.Context, u identity.User, session string) (secret, address string, err error) {
	id := totpChallenge(u.ID, session)
	var raw []byte
	err = s.db.Write(ctx, func(tx db.Tx) (err error) {
		if raw, _, err = s.newSecret(ctx, tx, id, u.ID); err != nil {
			return err
		}
		if raw == nil {
			raw = make([]byte, secretBytes)
			_, _ = rand.Read(raw) // never fails
		}
		return s.saveChallenge(ctx, tx, id, u.ID, hex.EncodeToString(s.seal(u.ID, raw)))
	})
	secret = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	label := url.PathEscape(s.opts.Name + ":" + u.Username)
	q := url.Values{"secret": {secret}, "issuer": {s.opts.Name}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	return secret, "otpauth://totp/" + label + "?" + strings.ReplaceAll(q.Encode(), "+", "%20"), err
}

func totpChallenge(userID, session string) string { return TOTP + " " + userID + " " + session }

// newSecret returns a secret that is not confirmed yet, open and sealed; nil if there is none, or its time is over.
func (s *Store) newSecret(ctx context.Context, tx db.Tx, id, userID string) (raw, sealed []byte, err error) {
	data := ""
	err = tx.Query(ctx, `SELECT data FROM factor_challenges WHERE id=? AND uid=? AND expires>?`, func(r db.Row) error { data = r.Text(0); return nil },
		id, userID, s.now().UnixNano())
	if err != nil || data == "" {
		return nil, nil, err
	}
	if sealed, err = hex.DecodeString(data); err != nil {
		return nil, nil, err
	}
	raw, err = s.open(userID, sealed)
	return raw, sealed, err
}

// ConfirmTOTP makes the secret of NewTOTP count, when the application shows the right code. Errors: ErrWrong (also if the
// session has no secret, or it was made too long ago), *identity.ThrottledError.
func (s *Store) ConfirmTOTP(ctx context.Context, userID, session, code string) error {
	id := totpChallenge(userID, session)
	return s.guess(ctx, userID, func(tx db.Tx) (bool, error) {
		raw, sealed, err := s.newSecret(ctx, tx, id, userID)
		if err != nil || raw == nil {
			return false, err
		}
		step := s.step(raw, code, 0)
		if step == 0 {
			return false, nil
		}
		now := s.now().UnixNano()
		_, err = tx.Exec(ctx, `INSERT INTO factor_totp(uid, secret, confirmed, step, created, used) VALUES(?,?,1,?,?,0) ON CONFLICT(uid) DO UPDATE SET
			secret=excluded.secret, confirmed=1, step=excluded.step, created=excluded.created, used=0`, userID, sealed, step, now)
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM factor_challenges WHERE id=?`, id)
		}
		return err == nil, err
	})
}

// step returns the step of time whose code this is, one of now, before and after; 0: none that is later than last.
func (s *Store) step(secret []byte, code string, last int64) int64 {
	code = strings.ReplaceAll(code, " ", "")
	if len(code) != 6 {
		return 0
	}
	now := s.now().Unix() / period
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	found := int64(0)
	for _, at := range []int64{now - 1, now, now + 1} {
		want, err := hotp.GenerateCodeCustom(text, uint64(at), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && at > last {
			found = at
		}
	}
	return found
}

// CheckTOTP checks a code of the authenticator application; each is good once. Errors: ErrWrong, *identity.ThrottledError.
func (s *Store) CheckTOTP(ctx context.Context, userID, code string) error {
	return s.guess(ctx, userID, func(tx db.Tx) (bool, error) {
		var sealed []byte
		var last int64
		err := tx.Query(ctx, `SELECT secret, step FROM factor_totp WHERE uid=? AND confirmed=1`, func(r db.Row) error {
			sealed, last = r.Bytes(0), r.Int(1)
			return nil
		}, userID)
		if err != nil || sealed == nil {
			return false, err
		}
		raw, err := s.open(userID, sealed)
		if err != nil {
			return false, fmt.Errorf("secret of %s: %w", userID, err)
		}
		step := s.step(raw, code, last)
		if step == 0 {
			return false, nil
		}
		n, err := tx.Exec(ctx, `UPDATE factor_totp SET step=?, used=? WHERE uid=? AND step<?`, step, s.now().UnixNano(), userID, step)
		return n == 1, err
	})
}

const recoveryAlphabet = "23456789abcdefghjkmnpqrstuvwxyz" // nothing that looks alike

// NewRecovery makes recovery codes in place of those before, and returns them once.
func (s *Store) NewRecovery(ctx context.Context, userID string) (codes []string, err error) {
	for range recoverySet {
		codes = append(codes, recoveryCode())
	}
	now := s.now().UnixNano()
	err = s.db.Write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM factor_recovery WHERE uid=?`, userID); err != nil {
			return err
		}
		for _, c := range codes {
			if _, err := tx.Exec(ctx, `INSERT INTO factor_recovery(uid, hash, created, used) VALUES(?,?,?,0)`, userID, recoveryHash(c), now); err != nil {
				return err
			}
		}
		return nil
	})
	return codes, err
}

func recoveryCode() string {
	var b strings.Builder
	buf := make([]byte, 1)
	for n := 0; n < recoveryLen; {
		_, _ = rand.Read(buf) // never fails
		if int(buf[0]) >= 256/len(recoveryAlphabet)*len(recoveryAlphabet) {
			continue
		}
		if n > 0 && n%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(recoveryAlphabet[int(buf[0])%len(recoveryAlphabet)])
		n++
	}
	return b.String()
}

// recoveryHash needs no salt and no slow hash: a code has 59 random bits, and guesses wait.
func recoveryHash(code string) string {
	code = strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(code))
	sum := sha256.Sum256([]byte("recovery code\x00" + code))
	return hex.EncodeToString(sum[:])
}

// CheckRecovery takes a recovery code, which is good once. Errors: ErrWrong, *identity.ThrottledError.
func (s *Store) CheckRecovery(ctx context.Context, userID, code string) error {
	return s.guess(ctx, userID, func(tx db.Tx) (bool, error) {
		n, err := tx.Exec(ctx, `UPDATE factor_recovery SET used=? WHERE uid=? AND hash=? AND used=0`, s.now().UnixNano(), userID, recoveryHash(code))
		return n == 1, err
	})
}

// saveChallenge keeps what an answer is compared with, and forgets those that have expired.
func (s *Store) saveChallenge(ctx context.Context, tx db.Tx, id, userID, data string) error {
	now := s.now()
	if _, err := tx.Exec(ctx, `DELETE FROM factor_challenges WHERE expires<=?`, now.UnixNano()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO factor_challenges(id, uid, data, expires) VALUES(?,?,?,?) ON CONFLICT(id) DO UPDATE SET data=excluded.data, expires=excluded.expires`,
		id, userID, data, now.Add(challengeTTL).UnixNano())
	return err
}

// takeChallenge returns what was kept, once. ErrWrong.
func (s *Store) takeChallenge(ctx context.Context, id, userID string) (data string, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		data = ""
		err := tx.Query(ctx, `SELECT data FROM factor_challenges WHERE id=? AND uid=? AND expires>?`, func(r db.Row) error { data = r.Text(0); return nil },
			id, userID, s.now().UnixNano())
		if err != nil || data == "" {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM factor_challenges WHERE id=?`, id)
		return err
	})
	if err == nil && data == "" {
		err = ErrWrong
	}
	return data, err
}

// used notes the use of something now.
func (s *Store) used() time.Time { return s.now().UTC() }
