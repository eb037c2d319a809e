package login

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// A limit allows some failures for free; each further one doubles the time until the next attempt.
type limit struct {
	free  int
	first time.Duration // delay after the first failure that is not free
	most  time.Duration
	// forget is how long after the last failure the count starts anew.
	forget time.Duration
}

// Three counts run for every guess: of the account as tried from this address, of the address whatever the account,
// and of the account wherever from. Only success from an address clears the first of them, and lets this address pass the
// third: guessing from elsewhere neither locks the owner out nor is helped by the owner's success.
//
// The same wrong password again is no further guess: it has a count of its own, so that a forgotten device with an old
// password does not lock out the others behind the same address.
var (
	pairLimit    = limit{free: 5, first: time.Second, most: 5 * time.Minute, forget: 30 * time.Minute}
	addressLimit = limit{free: 30, first: time.Second, most: 5 * time.Minute, forget: 30 * time.Minute}
	accountLimit = limit{free: 20, first: time.Second, most: time.Minute, forget: time.Hour}
)

const (
	// maxCounts bounds the memory of the throttle: about 200 bytes each.
	maxCounts = 1 << 15
	// trusted is how long an address is known as one from which an account was logged in to.
	trusted = 30 * 24 * time.Hour
	// renote is how often a success is noted again.
	renote = 24 * time.Hour
)

// subject is what failures are counted of; account or address may be empty, guess is set for one password only.
type subject struct {
	account, address string
	guess            mac
}

type count struct {
	subject  subject
	failures int
	last     time.Time // of the last failure
	until    time.Time // no attempt before
	success  time.Time // of the last login, pairs only
}

// throttle counts failed logins. It forgets what was not used for longest when there are too many.
type throttle struct {
	mu     sync.Mutex
	counts map[subject]*list.Element // of *count
	recent *list.List                // front: used last
	max    int
}

func newThrottle(maxCounts int) *throttle {
	return &throttle{counts: make(map[subject]*list.Element), recent: list.New(), max: maxCounts}
}

// wait tells how long nobody may try this password for the account from the address (0: now), and whether a success is
// noted already.
func (t *throttle) wait(account, address string, guess mac, now time.Time) (_ time.Duration, noted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var until time.Time
	pair := t.get(subject{account: account, address: address})
	if pair != nil {
		until = pair.until
		if !pair.last.IsZero() {
			if c := t.get(subject{account, address, guess}); c != nil && c.until.After(until) {
				until = c.until
			}
		}
	}
	if pair == nil || pair.success.IsZero() || now.Sub(pair.success) > trusted {
		for _, s := range [2]subject{{account: account}, {address: address}} {
			if c := t.get(s); c != nil && c.until.After(until) {
				until = c.until
			}
		}
	}
	noted = pair != nil && pair.failures == 0 && now.Sub(pair.success) < renote
	return max(until.Sub(now), 0), noted
}

func (t *throttle) get(s subject) *count {
	if e := t.counts[s]; e != nil {
		return e.Value.(*count)
	}
	return nil
}

// failed counts a failure.
func (t *throttle) failed(account, address string, guess mac, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	again := t.touch(subject{account, address, guess})
	known := again.failures > 0 && now.Sub(again.last) <= pairLimit.forget
	again.fail(pairLimit, now)
	if known {
		return
	}
	t.touch(subject{account: account, address: address}).fail(pairLimit, now)
	t.touch(subject{address: address}).fail(addressLimit, now)
	t.touch(subject{account: account}).fail(accountLimit, now)
}

// succeeded notes that the address is one of the owner's.
func (t *throttle) succeeded(account, address string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.touch(subject{account: account, address: address})
	c.success, c.failures, c.until = now, 0, time.Time{}
}

func (t *throttle) touch(s subject) *count {
	if e := t.counts[s]; e != nil {
		t.recent.MoveToFront(e)
		return e.Value.(*count)
	}
	for len(t.counts) >= t.max {
		oldest := t.recent.Back()
		delete(t.counts, oldest.Value.(*count).subject)
		t.recent.Remove(oldest)
	}
	c := &count{subject: s}
	t.counts[s] = t.recent.PushFront(c)
	return c
}

func (c *count) fail(l limit, now time.Time) {
	if now.Sub(c.last) > l.forget {
		c.failures = 0
	}
	c.failures++
	c.last = now
	if over := c.failures - l.free; over >= 0 {
		c.until = now.Add(min(l.first<<min(over, 20), l.most))
	}
}

// network is what counts as one address: of IPv6, where everybody has many, the /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
