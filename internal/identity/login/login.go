// Package login checks passwords, fast for those who log in with every request and slow for those who guess.
//
// A login that was verified once is recognised by a keyed hash over name and password; the key is random and lives in this
// process only, the password is not kept. A recognised login costs no password hashing and, while nothing in the directory
// changes, no query; a change of password and a disabled account end it at once.
//
// Failed logins are counted per account and address; see throttle.go. The same Authenticator serves every protocol.
package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/platform/cache"
)

const (
	maxName     = 512  // bytes
	maxPassword = 1024 // bytes
	// maxWaiting is how many logins wait for their turn to be hashed before further ones are sent away.
	maxWaiting = 128
	cacheSize  = 4096
	// checkTime bounds one verification; it goes on when the client who asked first goes away, for others may wait for it.
	checkTime = 30 * time.Second
)

// Backend is where the accounts are. directory.Directory is one.
type Backend interface {
	// Check tells whose name and password these are, and the version of the password. Anything else is
	// identity.ErrCredentials, after the same time whether the account exists or not.
	Check(ctx context.Context, name, password string) (id string, secret int64, err error)
	// Current returns the actor an account is now and the version of its password; ErrCredentials if it is disabled or
	// gone. It is called with every login and should remember.
	Current(ctx context.Context, id string) (identity.Actor, int64, error)
}

// Authenticator implements identity.Authenticator.
type Authenticator struct {
	backend  Backend
	macs     sync.Pool // of *macer
	known    *cache.Map[mac, verified]
	flight   singleflight.Group
	slots    chan struct{} // bounds the memory of hashing: 19 MiB each
	waiting  chan struct{}
	throttle *throttle
	now      func() time.Time
}

type mac [sha256.Size]byte

type verified struct {
	id     string
	secret int64
}

type macer struct {
	h   hash.Hash
	buf []byte
}

// New returns an authenticator over a backend.
func New(b Backend) *Authenticator {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	a := &Authenticator{backend: b, known: cache.New[mac, verified](cacheSize), throttle: newThrottle(maxCounts), now: time.Now,
		slots: make(chan struct{}, min(max(runtime.GOMAXPROCS(0), 2), 4)), waiting: make(chan struct{}, maxWaiting)}
	a.macs.New = func() any { return &macer{h: hmac.New(sha256.New, key)} }
	return a
}

// Authenticate implements identity.Authenticator. Throttled attempts give an *identity.ThrottledError.
func (a *Authenticator) Authenticate(ctx context.Context, l identity.Login) (identity.Actor, error) {
	if l.Name == "" || l.Password == "" || len(l.Name) > maxName || len(l.Password) > maxPassword {
		return identity.Actor{}, identity.ErrCredentials
	}
	name, address := fold(l.Name), network(l.Address)
	now := a.now()
	m := a.mac(name, l.Password)
	wait, noted := a.throttle.wait(name, address, m, now)
	if wait > 0 {
		return identity.Actor{}, &identity.ThrottledError{RetryAfter: wait}
	}
	if v, ok := a.known.Get(m); ok {
		actor, secret, err := a.backend.Current(ctx, v.id)
		if err == nil && secret == v.secret {
			if !noted {
				a.throttle.succeeded(name, address, now)
			}
			return actor, nil
		}
		if err != nil && !errors.Is(err, identity.ErrCredentials) {
			return identity.Actor{}, err
		}
		a.known.Delete(m)
	}
	return a.verify(ctx, name, address, l.Password, m)
}

// verify hashes, once for all who wait for the same answer.
func (a *Authenticator) verify(ctx context.Context, name, address, password string, m mac) (identity.Actor, error) {
	result := a.flight.DoChan(string(m[:])+address, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
		defer cancel()
		return a.check(ctx, name, address, password, m)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return identity.Actor{}, r.Err
		}
		return r.Val.(identity.Actor), nil
	case <-ctx.Done():
		return identity.Actor{}, ctx.Err()
	}
}

func (a *Authenticator) check(ctx context.Context, name, address, password string, m mac) (identity.Actor, error) {
	release, err := a.slot(ctx)
	if err != nil {
		return identity.Actor{}, err
	}
	defer release()
	// Again: others may have failed while we waited. Failures are counted before the slot is free, so that no burst of
	// guesses gets further than there are slots.
	if wait, _ := a.throttle.wait(name, address, m, a.now()); wait > 0 {
		return identity.Actor{}, &identity.ThrottledError{RetryAfter: wait}
	}
	id, secret, err := a.backend.Check(ctx, name, password)
	var actor identity.Actor
	var current int64
	if err == nil {
		actor, current, err = a.backend.Current(ctx, id)
	}
	if errors.Is(err, identity.ErrCredentials) {
		// Disabled accounts fail like wrong passwords: nobody needs to know more.
		a.throttle.failed(name, address, m, a.now())
		return identity.Actor{}, identity.ErrCredentials
	}
	if err != nil {
		return identity.Actor{}, err
	}
	a.throttle.succeeded(name, address, a.now())
	if current == secret {
		a.known.Put(m, verified{id: id, secret: secret})
	}
	return actor, nil
}

// slot waits for one of the few places for hashing.
func (a *Authenticator) slot(ctx context.Context) (release func(), err error) {
	release = func() { <-a.slots }
	select {
	case a.slots <- struct{}{}:
		return release, nil
	default:
	}
	select {
	case a.waiting <- struct{}{}:
		defer func() { <-a.waiting }()
	default:
		return nil, &identity.ThrottledError{RetryAfter: 2 * time.Second}
	}
	select {
	case a.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *Authenticator) mac(name, password string) (m mac) {
	p := a.macs.Get().(*macer)
	p.h.Reset()
	p.buf = binary.BigEndian.AppendUint32(p.buf[:0], uint32(len(name)))
	p.buf = append(append(p.buf, name...), password...)
	p.h.Write(p.buf)
	clear(p.buf) // the password is not kept
	p.h.Sum(m[:0])
	a.macs.Put(p)
	return m
}

// fold gives names that mean the same account the same form.
func fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

var _ identity.Authenticator = (*Authenticator)(nil)
