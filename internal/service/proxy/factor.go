package proxy

import (
	"context"
	"fmt"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/cache"
)

// SecondFactor tells what somebody must prove beside the password.
type SecondFactor interface {
	Needed(ctx context.Context, u identity.User) (kinds []string, enrol bool, err error)
}

// factorFresh is how long it is known that somebody has no second factor.
const factorFresh = time.Second

// passwordOnly accepts passwords of those only who need nothing else: in a request by itself nobody can be asked for more.
type passwordOnly struct {
	login   identity.Authenticator
	factors SecondFactor
	without *cache.Map[string, time.Time]
	now     func() time.Time
}

func newPasswordOnly(login identity.Authenticator, factors SecondFactor) identity.Authenticator {
	return &passwordOnly{login: login, factors: factors, without: cache.New[string, time.Time](4096), now: time.Now}
}

// Authenticate implements identity.Authenticator.
func (p *passwordOnly) Authenticate(ctx context.Context, l identity.Login) (identity.Actor, error) {
	a, err := p.login.Authenticate(ctx, l)
	if err != nil {
		return identity.Actor{}, err
	}
	if at, ok := p.without.Get(a.User.ID); ok && p.now().Sub(at) < factorFresh {
		return a, nil
	}
	at := p.now()
	kinds, enrol, err := p.factors.Needed(ctx, a.User)
	if err != nil {
		return identity.Actor{}, err
	}
	if enrol || len(kinds) > 0 {
		return identity.Actor{}, fmt.Errorf("%w: a second factor is needed: use an app token", identity.ErrCredentials)
	}
	p.without.Put(a.User.ID, at)
	return a, nil
}
