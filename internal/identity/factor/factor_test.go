package factor

import (
	"errors"
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

var (
	ada = identity.User{ID: "u-ada", Username: "ada", Roles: []string{role.Admin}}
	bob = identity.User{ID: "u-bob", Username: "bob", Roles: []string{role.User}}
)

func open(t *testing.T, database string, o Options) *Store {
	t.Helper()
	d, err := db.Open(t.Context(), database, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	o.Issuer, o.Name, o.Secret = "https://cloud.example:9200", "OpenCloud", []byte("a secret for the tests")
	s, err := New(t.Context(), d, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func each(t *testing.T, f func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) { f(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "f.db"), Options{})) })
	t.Run("postgres", func(t *testing.T) { f(t, open(t, testkit.Postgres(t), Options{})) })
}

// clock makes the store take the time from the test.
func clock(s *Store) *time.Time {
	now := time.Unix(1_800_000_000, 0)
	s.now = func() time.Time { return now }
	return &now
}

func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func enrol(t *testing.T, s *Store, u identity.User, now time.Time) string {
	t.Helper()
	secret, _, err := s.NewTOTP(t.Context(), u, "a session")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmTOTP(t.Context(), u.ID, "a session", code(t, secret, now)); err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestTOTP(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), clock(s)
		if err := s.CheckTOTP(ctx, ada.ID, "000000"); !errors.Is(err, ErrWrong) {
			t.Errorf("without a secret: %v", err)
		}
		secret, address, err := s.NewTOTP(ctx, ada, "a session")
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(address); err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") != secret || u.Path != "/OpenCloud:ada" {
			t.Errorf("%s: %v", address, err)
		}
		if again, _, err := s.NewTOTP(ctx, ada, "a session"); err != nil || again != secret {
			t.Errorf("the same session gets another secret: %v", err)
		}
		if other, _, err := s.NewTOTP(ctx, ada, "another session"); err != nil || other == secret {
			t.Errorf("another session gets the same secret: %v", err)
		}
		if err := s.ConfirmTOTP(ctx, ada.ID, "another session", code(t, secret, *now)); !errors.Is(err, ErrWrong) {
			t.Errorf("confirmed in another session: %v", err)
		}
		if kinds, enrol, err := s.Needed(ctx, ada); err != nil || kinds != nil || enrol {
			t.Errorf("before it is confirmed: %v %t %v", kinds, enrol, err)
		}
		if err := s.ConfirmTOTP(ctx, ada.ID, "a session", code(t, secret, now.Add(time.Hour))); !errors.Is(err, ErrWrong) {
			t.Errorf("confirmed by a wrong code: %v", err)
		}
		if err := s.ConfirmTOTP(ctx, bob.ID, "a session", code(t, secret, *now)); !errors.Is(err, ErrWrong) {
			t.Errorf("confirmed by somebody else: %v", err)
		}
		if err := s.ConfirmTOTP(ctx, ada.ID, "a session", code(t, secret, *now)); err != nil {
			t.Fatal(err)
		}
		if kinds, _, err := s.Needed(ctx, ada); err != nil || !slices.Equal(kinds, []string{TOTP}) {
			t.Errorf("after: %v %v", kinds, err)
		}
		if err := s.CheckTOTP(ctx, ada.ID, code(t, secret, *now)); !errors.Is(err, ErrWrong) {
			t.Errorf("the code it was confirmed with is good again: %v", err)
		}
		*now = now.Add(5 * time.Minute)
		for _, c := range []struct {
			skew time.Duration
			want error
		}{{-90 * time.Second, ErrWrong}, {90 * time.Second, ErrWrong}, {-30 * time.Second, nil}, {-30 * time.Second, ErrWrong}, {0, nil}, {30 * time.Second, nil}, {0, ErrWrong}} {
			if err := s.CheckTOTP(ctx, ada.ID, code(t, secret, now.Add(c.skew))); !errors.Is(err, c.want) {
				t.Errorf("a clock that is off by %s: %v, want %v", c.skew, err, c.want)
			}
		}
		if err := s.CheckTOTP(ctx, bob.ID, code(t, secret, *now)); !errors.Is(err, ErrWrong) {
			t.Errorf("somebody else's code: %v", err)
		}
	})
}

// Wrong codes make the next attempts wait, longer and longer; a right one in between does not help.
func TestGuessing(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), clock(s)
		secret := enrol(t, s, ada, *now)
		*now = now.Add(time.Hour)
		for range freeGuesses {
			if err := s.CheckTOTP(ctx, ada.ID, "123"); !errors.Is(err, ErrWrong) {
				t.Fatal(err)
			}
		}
		var wait *identity.ThrottledError
		if err := s.CheckTOTP(ctx, ada.ID, code(t, secret, *now)); !errors.As(err, &wait) || wait.RetryAfter <= 0 {
			t.Fatalf("a right code too soon: %v", err)
		}
		*now = now.Add(wait.RetryAfter)
		if err := s.CheckRecovery(ctx, ada.ID, "nonsense"); !errors.Is(err, ErrWrong) {
			t.Fatal(err)
		}
		first := wait.RetryAfter
		if err := s.CheckTOTP(ctx, ada.ID, "123"); !errors.As(err, &wait) || wait.RetryAfter <= first {
			t.Fatalf("the second wait is no longer than the first: %v", err)
		}
		*now = now.Add(wait.RetryAfter)
		if err := s.CheckTOTP(ctx, ada.ID, code(t, secret, *now)); err != nil {
			t.Errorf("a right code after the wait: %v", err)
		}
		if err := s.CheckTOTP(ctx, ada.ID, "123"); !errors.Is(err, ErrWrong) {
			t.Errorf("after a right code one starts anew: %v", err)
		}
	})
}

func TestRecovery(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), clock(s)
		enrol(t, s, ada, *now)
		codes, err := s.NewRecovery(ctx, ada.ID)
		if err != nil || len(codes) != recoverySet {
			t.Fatalf("%v, %v", codes, err)
		}
		if kinds, _, _ := s.Needed(ctx, ada); !slices.Equal(kinds, []string{TOTP, Recovery}) {
			t.Errorf("kinds: %v", kinds)
		}
		if err := s.CheckRecovery(ctx, bob.ID, codes[0]); !errors.Is(err, ErrWrong) {
			t.Errorf("somebody else's code: %v", err)
		}
		if err := s.CheckRecovery(ctx, ada.ID, " "+codes[0][:4]+codes[0][5:]+" "); err != nil {
			t.Errorf("written otherwise: %v", err)
		}
		if err := s.CheckRecovery(ctx, ada.ID, codes[0]); !errors.Is(err, ErrWrong) {
			t.Errorf("twice: %v", err)
		}
		again, err := s.NewRecovery(ctx, ada.ID)
		if err != nil || slices.Contains(again, codes[1]) {
			t.Fatal(err)
		}
		if err := s.CheckRecovery(ctx, ada.ID, codes[1]); !errors.Is(err, ErrWrong) {
			t.Errorf("one of those before: %v", err)
		}
		if err := s.Remove(ctx, ada.ID, TOTP); err != nil {
			t.Fatal(err)
		}
		if have, err := s.List(ctx, ada.ID); err != nil || have != nil {
			t.Errorf("without another factor recovery codes are left: %+v, %v", have, err)
		}
		if err := s.Remove(ctx, ada.ID, TOTP); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("removed twice: %v", err)
		}
		enrol(t, s, ada, *now)
		if err := s.Reset(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		if kinds, _, _ := s.Needed(ctx, ada); kinds != nil {
			t.Errorf("after a reset: %v", kinds)
		}
	})
}

func TestPolicy(t *testing.T) {
	for _, c := range []struct {
		o        Options
		ada, bob bool
	}{{Options{}, false, false}, {Options{Required: true}, true, true}, {Options{Required: true, Roles: []string{role.Admin}}, true, false}, {Options{Roles: []string{role.Admin}}, false, false},
		{Options{Required: true, Roles: []string{role.User}}, false, true}} {
		s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "f.db"), c.o)
		_, a, _ := s.Needed(t.Context(), ada)
		_, b, _ := s.Needed(t.Context(), bob)
		if _, byDefault, _ := s.Needed(t.Context(), identity.User{ID: "u-eve", Type: identity.Member}); byDefault != c.bob {
			t.Errorf("%+v: a member without roles must enrol: %t", c.o, byDefault)
		}
		if a != c.ada || b != c.bob {
			t.Errorf("%+v: ada must enrol: %t, bob: %t", c.o, a, b)
		}
	}
}

// Challenges are good once, in time, and for whom they were made. (passkey_test.go has the answers.)
func TestChallenges(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), clock(s)
		options, challenge, err := s.BeginPasskey(ctx, ada)
		if err != nil || len(options) == 0 {
			t.Fatal(err)
		}
		if err := s.AddPasskey(ctx, bob, challenge, "x", []byte("{}")); !errors.Is(err, ErrWrong) {
			t.Errorf("somebody else's challenge: %v", err)
		}
		if err := s.AddPasskey(ctx, ada, challenge, "x", []byte(`{"id":"x"}`)); !errors.Is(err, ErrWrong) {
			t.Errorf("nonsense: %v", err)
		}
		if _, err := s.takeChallenge(ctx, challenge, ada.ID); !errors.Is(err, ErrWrong) {
			t.Errorf("a challenge that was answered is still there: %v", err)
		}
		_, challenge, err = s.BeginSignIn(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		*now = now.Add(challengeTTL + time.Second)
		if _, err := s.SignIn(ctx, nil, nil, challenge, []byte("{}")); !errors.Is(err, ErrWrong) {
			t.Errorf("too late: %v", err)
		}
		if _, _, err := s.BeginSignIn(ctx, &ada); err == nil {
			t.Error("a passkey is asked for where there is none")
		}
		if err := s.Rename(ctx, ada.ID, "none", "x"); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("rename: %v", err)
		}
	})
}

// A secret is sealed for its person: in another row it is worth nothing.
func TestSeal(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "f.db"), Options{})
	sealed := s.seal(ada.ID, []byte("secret"))
	if b, err := s.open(ada.ID, sealed); err != nil || string(b) != "secret" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := s.open(bob.ID, sealed); err == nil {
		t.Error("opened for somebody else")
	}
}
