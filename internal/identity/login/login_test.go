package login

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/identitytest"
	"opencloud/internal/platform/db"
)

// fake is a backend without hashing: it counts.
type fake struct {
	mu        sync.Mutex
	passwords map[string]string
	secrets   map[string]int64
	disabled  map[string]bool
	checks    atomic.Int64
	inside    atomic.Int64
	most      atomic.Int64
	delay     time.Duration
	fail      error
}

func (f *fake) Check(_ context.Context, name, pw string) (string, int64, error) {
	f.checks.Add(1)
	n := f.inside.Add(1)
	defer f.inside.Add(-1)
	for m := f.most.Load(); n > m && !f.most.CompareAndSwap(m, n); m = f.most.Load() {
	}
	time.Sleep(f.delay)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return "", 0, f.fail
	}
	if want, ok := f.passwords[name]; !ok || want != pw {
		return "", 0, identity.ErrCredentials
	}
	return name, f.secrets[name], nil
}

func (f *fake) Current(_ context.Context, id string) (identity.Actor, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.passwords[id]; !ok || f.disabled[id] {
		return identity.Actor{}, 0, fmt.Errorf("%w: gone", identity.ErrCredentials)
	}
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: id, Username: id}}, f.secrets[id], nil
}

func (f *fake) setPassword(name, pw string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passwords[name] = pw
	f.secrets[name]++
}

func newFake() *fake {
	return &fake{passwords: map[string]string{"ada": "right", "bob": "bob's"}, secrets: map[string]int64{}, disabled: map[string]bool{}}
}

type clock struct{ t atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.t.Load()) }
func (c *clock) advance(d time.Duration) { c.t.Add(int64(d)) }

func setup(f *fake) (*Authenticator, *clock) {
	a := New(f)
	c := &clock{}
	c.t.Store(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).UnixNano())
	a.now = c.now
	return a, c
}

func try(t *testing.T, a *Authenticator, name, pw, addr string) error {
	t.Helper()
	actor, err := a.Authenticate(t.Context(), identity.Login{Name: name, Password: pw, Address: addr})
	if err == nil && actor.Kind != identity.Person {
		t.Fatalf("success without actor")
	}
	if err != nil && actor.Kind != identity.Anonymous {
		t.Fatalf("an actor beside the error %v", err)
	}
	return err
}

func TestRecognisedLogins(t *testing.T) {
	f := newFake()
	a, _ := setup(f)
	for range 5 {
		if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := try(t, a, "ADA", "right", "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	if n := f.checks.Load(); n != 1 {
		t.Errorf("%d checks, want 1", n)
	}
	f.setPassword("ada", "new")
	if err := try(t, a, "ada", "right", "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("old password: %v", err)
	}
	if err := try(t, a, "ada", "new", "192.0.2.1"); err != nil {
		t.Errorf("new password: %v", err)
	}
	f.disabled["ada"] = true
	if err := try(t, a, "ada", "new", "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("disabled: %v", err)
	}
}

func TestNameAndPasswordDoNotRunTogether(t *testing.T) {
	f := newFake()
	f.passwords["ab"] = "c"
	a, _ := setup(f)
	if err := try(t, a, "ab", "c", "x"); err != nil {
		t.Fatal(err)
	}
	if err := try(t, a, "a", "bc", "x"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("got %v", err)
	}
}

func TestBackendFailureIsNoFailedLogin(t *testing.T) {
	f := newFake()
	a, _ := setup(f)
	f.fail = errors.New("database is away")
	for range 50 {
		if err := try(t, a, "ada", "right", "192.0.2.1"); !errors.Is(err, f.fail) {
			t.Fatalf("got %v", err)
		}
	}
	f.fail = nil
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func wait(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *identity.ThrottledError
	if !errors.As(err, &e) || !errors.Is(err, identity.ErrThrottled) {
		t.Fatalf("got %v, want ErrThrottled", err)
	}
	return e.RetryAfter
}

func TestDelaysGrowAndEnd(t *testing.T) {
	f := newFake()
	a, c := setup(f)
	for i := range pairLimit.free {
		if err := try(t, a, "ada", fmt.Sprint(i), "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
			t.Fatalf("failure %d: %v", i, err)
		}
	}
	last := time.Duration(0)
	for i := range 12 {
		d := wait(t, try(t, a, "ada", "right", "192.0.2.1")) // even with the right password
		if d < last || d > pairLimit.most {
			t.Fatalf("delay %d is %v after %v", i, d, last)
		}
		last = d
		checks := f.checks.Load()
		c.advance(d)
		if err := try(t, a, "ada", fmt.Sprint("wrong", i), "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
			t.Fatalf("after waiting: %v", err)
		}
		if f.checks.Load() != checks+1 {
			t.Fatal("a throttled attempt was checked")
		}
	}
	if last != pairLimit.most {
		t.Errorf("the delay grew to %v only", last)
	}
	c.advance(last)
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Fatalf("right password after waiting: %v", err)
	}
	for i := range pairLimit.free - 1 {
		_ = try(t, a, "ada", fmt.Sprint("again", i), "192.0.2.1")
	}
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Errorf("success did not clear the count: %v", err)
	}
}

func TestForgottenDevice(t *testing.T) {
	f := newFake()
	a, c := setup(f)
	refused, sentAway := 0, 0
	for range 100 { // a device with the old password, and one with the right one, behind one address
		switch err := try(t, a, "ada", "old", "192.0.2.1"); {
		case errors.Is(err, identity.ErrCredentials):
			refused++
		case errors.Is(err, identity.ErrThrottled):
			sentAway++
		default:
			t.Fatal(err)
		}
		if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
			t.Fatalf("the right password: %v", err)
		}
		c.advance(time.Second)
	}
	if sentAway < 50 || refused < 5 {
		t.Errorf("the old password was checked %d times, sent away %d times", refused, sentAway)
	}
}

func TestRecognisedPasswordIsThrottledToo(t *testing.T) {
	f := newFake()
	a, _ := setup(f)
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	for i := range pairLimit.free {
		_ = try(t, a, "ada", fmt.Sprint("wrong", i), "198.51.100.1")
	}
	wait(t, try(t, a, "ada", "right", "198.51.100.1")) // else guesses were free until one is right
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Errorf("the owner is locked out: %v", err)
	}
	wait(t, try(t, a, "ada", "right", "198.51.100.1")) // the owner's success does not unlock guessing
}

func TestDistributedGuessing(t *testing.T) {
	f := newFake()
	a, c := setup(f)
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	guesses := 0
	for i := range 1000 {
		err := try(t, a, "ada", "wrong", fmt.Sprintf("10.%d.%d.1", i/250, i%250))
		if errors.Is(err, identity.ErrCredentials) {
			guesses++
		}
		c.advance(time.Second)
	}
	if guesses > 50 {
		t.Errorf("%d guesses in 1,000 s from 1,000 addresses", guesses)
	}
	if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
		t.Errorf("the owner is locked out where she logged in before: %v", err)
	}
}

func TestOneAddressManyAccounts(t *testing.T) {
	f := newFake()
	a, _ := setup(f)
	guesses := 0
	for i := range 500 {
		// IPv6 addresses of one network count as one
		if err := try(t, a, fmt.Sprintf("user%d", i), "x", fmt.Sprintf("2001:db8::%x", i)); errors.Is(err, identity.ErrCredentials) {
			guesses++
		}
	}
	if guesses != addressLimit.free {
		t.Errorf("%d guesses, want %d", guesses, addressLimit.free)
	}
	if err := try(t, a, "bob", "bob's", "2001:db8:0:1::1"); err != nil {
		t.Errorf("another network: %v", err)
	}
}

func TestBurst(t *testing.T) {
	f := newFake()
	f.delay = 5 * time.Millisecond
	a, _ := setup(f)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { _ = try(t, a, "ada", fmt.Sprint("guess", i), "192.0.2.1") })
	}
	wg.Wait()
	if n := f.checks.Load(); n > int64(pairLimit.free+cap(a.slots)) {
		t.Errorf("%d passwords were tried in one burst", n)
	}
	if n := f.most.Load(); n > int64(cap(a.slots)) {
		t.Errorf("%d checks at once", n)
	}
}

func TestSameLoginManyTimesAtOnce(t *testing.T) {
	f := newFake()
	f.delay = 20 * time.Millisecond
	a, _ := setup(f)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if err := try(t, a, "ada", "right", "192.0.2.1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.checks.Load(); n > 2 {
		t.Errorf("%d checks for one login", n)
	}
}

func TestClientThatGoesAway(t *testing.T) {
	f := newFake()
	f.delay = 50 * time.Millisecond
	a, _ := setup(f)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := a.Authenticate(ctx, identity.Login{Name: "ada", Password: "right"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := try(t, a, "ada", "right", ""); err != nil {
		t.Error(err)
	}
}

func TestBounds(t *testing.T) {
	f := newFake()
	a, _ := setup(f)
	long := string(make([]byte, 5000))
	for _, l := range [][2]string{{"", "x"}, {"ada", ""}, {long, "x"}, {"ada", long}} {
		if err := try(t, a, l[0], l[1], "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
			t.Errorf("%d/%d bytes: %v", len(l[0]), len(l[1]), err)
		}
	}
	if f.checks.Load() != 0 {
		t.Error("hopeless logins were checked")
	}
	th := newThrottle(100)
	for i := range 10_000 {
		th.failed(fmt.Sprint(i), fmt.Sprint(i), mac{byte(i)}, time.Now())
	}
	if len(th.counts) > 100 || th.recent.Len() != len(th.counts) {
		t.Errorf("%d counts, %d in the list", len(th.counts), th.recent.Len())
	}
}

func openDirectory(t testing.TB) *directory.Directory {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	dir, err := directory.New(t.Context(), d, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestContractOverDirectory(t *testing.T) {
	dir := openDirectory(t)
	identitytest.Run(t, func(t *testing.T, data identitytest.Data) identitytest.Backend {
		for _, a := range data.Accounts {
			if _, err := dir.CreateAccount(t.Context(), identity.Account{User: a.User}, a.Password); err != nil {
				t.Fatal(err)
			}
		}
		return identitytest.Backend{Login: New(dir)}
	})
}

func TestChangesEndRecognisedLogins(t *testing.T) {
	ctx := t.Context()
	dir := openDirectory(t)
	a := New(dir)
	u, err := dir.CreateAccount(ctx, identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "old")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := try(t, a, "grace", "old", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.SetPassword(ctx, u.ID, "new"); err != nil {
		t.Fatal(err)
	}
	if err := try(t, a, "grace", "old", "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("old password: %v", err)
	}
	if err := try(t, a, "grace", "new", "192.0.2.1"); err != nil {
		t.Errorf("new password: %v", err)
	}
	if _, err := dir.UpdateAccount(ctx, u.ID, identity.AccountChange{Enabled: new(false)}); err != nil {
		t.Fatal(err)
	}
	if err := try(t, a, "grace", "new", "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("disabled: %v", err)
	}
	if _, err := dir.UpdateAccount(ctx, u.ID, identity.AccountChange{Enabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if err := dir.DeleteAccount(ctx, u.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := try(t, a, "grace", "new", "192.0.2.1"); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("deleted: %v", err)
	}
}

func BenchmarkWarmLogin(b *testing.B) {
	dir := openDirectory(b)
	if _, err := dir.CreateAccount(b.Context(), identity.Account{User: identity.User{Username: "grace", Enabled: true}}, "pw"); err != nil {
		b.Fatal(err)
	}
	a := New(dir)
	l := identity.Login{Name: "grace", Password: "pw", Address: "192.0.2.1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
}
