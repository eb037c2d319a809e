package factor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

const (
	origin   = "https://cloud.example:9200"
	present  = 0x01
	verified = 0x04
	attested = 0x40
)

// authenticator is one in software: ES256, no attestation. (WebAuthn §6)
type authenticator struct {
	t       *testing.T
	id      []byte
	key     *ecdsa.PrivateKey
	handle  string
	counter uint32
	still   bool // keeps no counter, as passkeys that are on several devices
	origin  string
	flags   byte
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authenticator{t: t, id: []byte(rand.Text()), key: key, origin: origin, flags: present | verified}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *authenticator) marshal(v any) []byte {
	a.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

func (a *authenticator) clientData(kind string, options json.RawMessage) []byte {
	a.t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil {
		a.t.Fatal(err)
	}
	return a.marshal(map[string]string{"type": "webauthn." + kind, "challenge": o.Challenge, "origin": a.origin})
}

func (a *authenticator) data(flags byte) []byte {
	hash := sha256.Sum256([]byte("cloud.example"))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.counter)
}

// create answers BeginPasskey.
func (a *authenticator) create(options json.RawMessage) []byte {
	a.t.Helper()
	var o struct{ User struct{ ID string } }
	if err := json.Unmarshal(options, &o); err != nil {
		a.t.Fatal(err)
	}
	a.handle = o.User.ID
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		a.t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		a.t.Fatal(err)
	}
	data := append(a.data(a.flags|attested), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(data, cose...)})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key",
		"response": map[string]any{"clientDataJSON": b64(a.clientData("create", options)), "attestationObject": b64(object)}})
}

// get answers BeginSignIn.
func (a *authenticator) get(options json.RawMessage) []byte {
	a.t.Helper()
	if !a.still {
		a.counter++
	}
	data, client := a.data(a.flags), a.clientData("get", options)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	return a.marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": a.handle}})
}

func (a *authenticator) enrol(s *Store, u identity.User) {
	a.t.Helper()
	options, challenge, err := s.BeginPasskey(a.t.Context(), u)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := s.AddPasskey(a.t.Context(), u, challenge, "a key", a.create(options)); err != nil {
		a.t.Fatal(err)
	}
}

type people map[string]identity.User

func (p people) User(_ context.Context, id string) (identity.User, error) {
	u, ok := p[id]
	if !ok {
		return u, identity.ErrNotFound
	}
	return u, nil
}

var everybody = people{ada.ID: ada, bob.ID: bob}

func TestPasskey(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		a, b := newAuthenticator(t), newAuthenticator(t)
		b.still = true
		a.enrol(s, ada)
		b.enrol(s, bob)
		begin := func(u *identity.User) (json.RawMessage, string) {
			t.Helper()
			options, challenge, err := s.BeginSignIn(ctx, u)
			if err != nil {
				t.Fatal(err)
			}
			return options, challenge
		}
		options, challenge := begin(nil)
		answer := a.get(options)
		if u, err := s.SignIn(ctx, nil, everybody, challenge, answer); err != nil || u.ID != ada.ID {
			t.Fatalf("without a password: %v, %v", u.ID, err)
		}
		if _, err := s.SignIn(ctx, nil, everybody, challenge, answer); !errors.Is(err, ErrWrong) {
			t.Errorf("the same answer again: %v", err)
		}
		options, challenge = begin(nil)
		answer = b.get(options)
		if u, err := s.SignIn(ctx, nil, everybody, challenge, answer); err != nil || u.ID != bob.ID {
			t.Fatalf("without a counter: %v, %v", u.ID, err)
		}
		if _, err := s.SignIn(ctx, nil, everybody, challenge, answer); !errors.Is(err, ErrWrong) {
			t.Errorf("the same answer again, without a counter: %v", err)
		}
		options, challenge = begin(&ada)
		if _, err := s.SignIn(ctx, nil, everybody, challenge, a.get(options)); !errors.Is(err, ErrWrong) {
			t.Errorf("the challenge of a second factor in place of a password: %v", err)
		}
		if _, err := s.SignIn(ctx, &ada, everybody, challenge, a.get(options)); err != nil {
			t.Errorf("as second factor: %v", err)
		}
		options, challenge = begin(nil)
		if _, err := s.SignIn(ctx, &ada, everybody, challenge, a.get(options)); !errors.Is(err, ErrWrong) {
			t.Errorf("a stranger's challenge as second factor: %v", err)
		}
		options, challenge = begin(&ada)
		if _, err := s.SignIn(ctx, &ada, everybody, challenge, b.get(options)); !errors.Is(err, ErrWrong) {
			t.Errorf("somebody else's passkey as second factor: %v", err)
		}
		for what, change := range map[string]func(a *authenticator){
			"another key":           func(a *authenticator) { a.key = newAuthenticator(t).key },
			"another site":          func(a *authenticator) { a.origin = "https://evil.example" },
			"nobody verified":       func(a *authenticator) { a.flags = present },
			"somebody else's name":  func(a *authenticator) { a.handle = b.handle },
			"a name nobody has":     func(a *authenticator) { a.handle = b64([]byte("nobody")) },
			"a counter that is old": func(a *authenticator) { a.counter = 0 },
		} {
			changed := *a
			change(&changed)
			options, challenge := begin(nil)
			if u, err := s.SignIn(ctx, nil, everybody, challenge, changed.get(options)); !errors.Is(err, ErrWrong) || u.ID != "" {
				t.Errorf("%s: %v, %v", what, u.ID, err)
			}
		}
		for what, change := range map[string]func(string) string{
			"changed": func(c string) string { return c[:40] + string('A'+(c[40]-'A'+1)%26) + c[41:] }, "cut": func(c string) string { return c[:20] },
			"empty": func(string) string { return "" }, "too long": func(c string) string { return c + string(make([]byte, maxSealed)) },
		} {
			options, challenge := begin(nil)
			if _, err := s.SignIn(ctx, nil, everybody, change(challenge), a.get(options)); !errors.Is(err, ErrWrong) {
				t.Errorf("a challenge that is %s: %v", what, err)
			}
		}
		options, challenge = begin(nil)
		if _, err := s.SignIn(ctx, nil, everybody, challenge, a.get(options)); err != nil {
			t.Errorf("after all that the passkey is good no more: %v", err)
		}
		options, challenge, err := s.BeginPasskey(ctx, bob)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddPasskey(ctx, bob, challenge, "x", a.create(options)); !errors.Is(err, ErrWrong) {
			t.Errorf("a passkey that somebody has: %v", err)
		}
		have, err := s.List(ctx, ada.ID)
		if err != nil || len(have) != 1 || have[0].LastUsed.IsZero() {
			t.Fatalf("%+v, %v", have, err)
		}
		if err := s.Remove(ctx, bob.ID, have[0].ID); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("somebody else removes it: %v", err)
		}
		if err := s.Remove(ctx, ada.ID, have[0].ID); err != nil {
			t.Fatal(err)
		}
		options, challenge = begin(nil)
		if _, err := s.SignIn(ctx, nil, everybody, challenge, a.get(options)); !errors.Is(err, ErrWrong) {
			t.Errorf("a passkey that was removed: %v", err)
		}
	})
}

// Strangers may ask for as many challenges as they like: nothing is kept of it. One that is late is good no more.
func TestStrangersChallenges(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), clock(s)
		a := newAuthenticator(t)
		a.enrol(s, ada)
		rows := func() (n int64) {
			err := s.db.Read(ctx, func(r db.Reader) error {
				return r.Query(ctx, `SELECT COUNT(*) FROM factor_challenges`, func(row db.Row) error { n = row.Int(0); return nil })
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := rows()
		for range 20 {
			if _, _, err := s.BeginSignIn(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
		if n := rows(); n != before {
			t.Errorf("%d challenges of strangers are kept", n-before)
		}
		options, challenge, err := s.BeginSignIn(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer := a.get(options)
		*now = now.Add(challengeTTL)
		if _, err := s.SignIn(ctx, nil, everybody, challenge, answer); !errors.Is(err, ErrWrong) {
			t.Errorf("too late: %v", err)
		}
		*now = now.Add(time.Second)
		for range 3 {
			if options, challenge, err = s.BeginSignIn(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.SignIn(ctx, nil, everybody, challenge, a.get(options)); err != nil {
				t.Fatal(err)
			}
			*now = now.Add(challengeTTL + time.Second)
		}
		if n := rows(); n > 1 {
			t.Errorf("%d challenges that were answered long ago are kept", n)
		}
	})
}
