package apptoken

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/testkit"
)

// people is a directory: ada and bob, who can be disabled or gone.
type people struct {
	mu       sync.Mutex
	disabled map[string]bool
	gone     map[string]bool
}

func (p *people) ActorBy(_ context.Context, claim, value string) (identity.Actor, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case claim != "userid" || value != "ada-id" && value != "bob-id" || p.gone[value]:
		return identity.Actor{}, identity.ErrNotFound
	case p.disabled[value]:
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: value, Username: value[:3], Enabled: true}}, nil
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type world struct {
	*Store
	people *people
	clock  *clock
	// other is the store in another process.
	other *Store
}

var secret = []byte("0123456789abcdef0123456789abcdef")

// on runs a test on every database.
func on(t *testing.T, f func(*testing.T, world)) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "tokens.db") },
		"postgres": func(t *testing.T) string { return testkit.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			u := url(t)
			w := world{people: &people{disabled: map[string]bool{}, gone: map[string]bool{}}, clock: &clock{t: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}}
			for _, s := range []**Store{&w.Store, &w.other} {
				d, err := db.Open(t.Context(), u, db.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = d.Close() })
				if *s, err = New(t.Context(), d, w.people, Options{Secret: secret}); err != nil {
					t.Fatal(err)
				}
				(*s).now = w.clock.now
			}
			f(t, w)
		})
	}
}

func signIn(t *testing.T, s *Store, name, token string) error {
	t.Helper()
	a, err := s.Authenticate(t.Context(), identity.Login{Name: name, Password: token, Address: "192.0.2.1"})
	if err == nil && (a.Kind != identity.Person || a.User.Username == "") || err != nil && a.Kind != identity.Anonymous {
		t.Fatalf("%+v, %v", a, err)
	}
	return err
}

func TestLifeOfAToken(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		ctx := t.Context()
		token, made, err := w.Create(ctx, "ada-id", 72*time.Hour, "My laptop")
		if err != nil || !Recognise(token) || made.Label != "My laptop" || made.Expires.Sub(made.Created) != 72*time.Hour {
			t.Fatalf("%q %+v %v", token, made, err)
		}
		list, err := w.List(ctx, "ada-id")
		if err != nil || len(list) != 1 || list[0] != made {
			t.Fatalf("%+v %v, want %+v", list, err, made)
		}
		if list, err := w.List(ctx, "bob-id"); err != nil || len(list) != 0 {
			t.Errorf("somebody else sees %+v, %v", list, err)
		}
		for _, s := range []*Store{w.Store, w.other} {
			for _, name := range []string{"ada", "ADA"} {
				if err := signIn(t, s, name, token); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			for name, pw := range map[string]string{"bob": token, "ada": made.ID, "": token, "ada-id": token} {
				if err := signIn(t, s, name, pw); !errors.Is(err, identity.ErrCredentials) {
					t.Errorf("%s / %s: %v", name, pw, err)
				}
			}
		}
		if err := w.Delete(ctx, "bob-id", made.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("somebody else deletes it: %v", err)
		}
		if err := w.Delete(ctx, "ada-id", made.ID); err != nil {
			t.Fatal(err)
		}
		if err := signIn(t, w.Store, "ada", token); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("revoked: %v", err)
		}
		w.clock.advance(time.Second)
		if err := signIn(t, w.other, "ada", token); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("revoked, in another process after a second: %v", err)
		}
	})
}

func TestExpiryAndUse(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		ctx := t.Context()
		token, made, err := w.Create(ctx, "ada-id", time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		used := func() time.Time {
			t.Helper()
			if err := signIn(t, w.Store, "ada", token); err != nil {
				t.Fatal(err)
			}
			if err := w.flush(ctx); err != nil {
				t.Fatal(err)
			}
			list, err := w.List(ctx, "ada-id")
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return list[0].Used
		}
		first := used()
		if !first.Equal(w.clock.now()) {
			t.Errorf("used at %v", first)
		}
		w.clock.advance(4 * time.Minute)
		if at := used(); !at.Equal(first) {
			t.Errorf("noted again after 4 min: %v", at)
		}
		w.clock.advance(time.Minute)
		if at := used(); !at.Equal(w.clock.now()) {
			t.Errorf("not noted after 5 min: %v", at)
		}
		w.clock.advance(made.Expires.Sub(w.clock.now()))
		if err := signIn(t, w.Store, "ada", token); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("expired: %v", err)
		}
		if list, _ := w.List(ctx, "ada-id"); len(list) != 0 {
			t.Errorf("expired ones are listed: %+v", list)
		}
		if err := w.prune(ctx); err != nil {
			t.Fatal(err)
		}
		n := int64(-1)
		_ = w.db.Read(ctx, func(r db.Reader) error {
			return r.Query(ctx, `SELECT count(*) FROM apptokens`, func(r db.Row) error { n = r.Int(0); return nil })
		})
		if n != 0 {
			t.Errorf("%d rows after pruning", n)
		}
	})
}

func TestDisabledAndGone(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		token, _, err := w.Create(t.Context(), "ada-id", time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []map[string]bool{w.people.disabled, w.people.gone} {
			if err := signIn(t, w.Store, "ada", token); err != nil {
				t.Fatal(err)
			}
			m["ada-id"] = true
			if err := signIn(t, w.Store, "ada", token); !errors.Is(err, identity.ErrCredentials) {
				t.Errorf("got %v", err)
			}
			delete(m, "ada-id")
		}
		if err := w.DeleteAll(t.Context(), "ada-id"); err != nil {
			t.Fatal(err)
		}
		if err := signIn(t, w.Store, "ada", token); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("after all were deleted: %v", err)
		}
	})
}

func TestBounds(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		ctx := t.Context()
		for _, life := range []time.Duration{0, -time.Hour, time.Millisecond, MaxLife + 1} {
			if _, _, err := w.Create(ctx, "ada-id", life, ""); !errors.Is(err, ErrInvalid) {
				t.Errorf("life %v: %v", life, err)
			}
		}
		for _, label := range []string{"a\nb", "\xff", string(make([]byte, 256))} {
			if _, _, err := w.Create(ctx, "ada-id", time.Hour, label); !errors.Is(err, ErrInvalid) {
				t.Errorf("label %q: %v", label, err)
			}
		}
		for range MaxTokens {
			if _, _, err := w.Create(ctx, "ada-id", time.Hour, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.Create(ctx, "ada-id", time.Hour, ""); !errors.Is(err, ErrTooMany) {
			t.Errorf("one more: %v", err)
		}
		if _, _, err := w.Create(ctx, "bob-id", time.Hour, ""); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		w.clock.advance(2 * time.Hour)
		if _, _, err := w.Create(ctx, "ada-id", time.Hour, ""); err != nil {
			t.Errorf("after they expired: %v", err)
		}
	})
}

func TestGuessingIsThrottled(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		for range 10 {
			if err := signIn(t, w.Store, "ada", words()); errors.Is(err, identity.ErrThrottled) {
				return
			}
		}
		t.Error("ten guesses went through")
	})
}

func TestPasswordsAreNoGuesses(t *testing.T) {
	on(t, func(t *testing.T, w world) {
		token, _, err := w.Create(t.Context(), "ada-id", time.Hour, "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if err := signIn(t, w.Store, "ada", fmt.Sprint("a pass phrase that is long ", i)); !errors.Is(err, identity.ErrCredentials) {
				t.Fatal(err)
			}
		}
		if err := signIn(t, w.Store, "ada", token); err != nil {
			t.Error(err)
		}
	})
}

func TestRandomTokens(t *testing.T) {
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := New(t.Context(), d, &people{}, Options{Secret: secret, Random: 18})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.Create(t.Context(), "bob-id", time.Hour, "")
	if err != nil || len(token) != 18 || !Recognise(token) {
		t.Fatalf("%q, %v", token, err)
	}
	if err := signIn(t, s, "bob", token); err != nil {
		t.Error(err)
	}
	for _, o := range []Options{{}, {Secret: secret, Random: 8}, {Secret: []byte("short")}} {
		if _, err := New(t.Context(), d, &people{}, o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestRecognise(t *testing.T) {
	for s, want := range map[string]bool{"": false, "bafi-dore-lumi-kazo-nenu-tipa": true, "bafi-dore-lumi-kazo-nenu-tipA": false,
		"bafi-dore-lumi-kazo-nenu": false, "abfi-dore-lumi-kazo-nenu-tipa": false, "bafi_dore-lumi-kazo-nenu-tipa": false,
		"abcDEF0123456789": true, "abcDEF012345678": false, "abcDEF0123456789!": false} {
		if Recognise(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func BenchmarkWarm(b *testing.B) {
	d, err := db.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "x.db"), db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, err := New(b.Context(), d, &people{}, Options{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := s.Create(b.Context(), "bob-id", time.Hour, "")
	if err != nil {
		b.Fatal(err)
	}
	l := identity.Login{Name: "bob", Password: token, Address: "192.0.2.1"}
	for b.Loop() {
		if _, err := s.Authenticate(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
}
