package proxy

import (
	"context"
	"errors"
	"testing"

	"opencloud/internal/identity"
)

type needs struct {
	kinds []string
	enrol bool
	err   error
	asked int
}

func (n *needs) Needed(context.Context, identity.User) ([]string, bool, error) {
	n.asked++
	return n.kinds, n.enrol, n.err
}

type anybody struct{}

func (anybody) Authenticate(_ context.Context, l identity.Login) (identity.Actor, error) {
	if l.Password != "right" {
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: l.Name}}, nil
}

// Who has a second factor, or must have one, does not get in by the password alone.
func TestPasswordOnly(t *testing.T) {
	away := errors.New("database is away")
	for name, c := range map[string]struct {
		needs *needs
		pw    string
		want  error
	}{
		"none":     {&needs{}, "right", nil},
		"wrong":    {&needs{}, "wrong", identity.ErrCredentials},
		"totp":     {&needs{kinds: []string{"totp"}}, "right", identity.ErrCredentials},
		"must":     {&needs{enrol: true}, "right", identity.ErrCredentials},
		"not told": {&needs{err: away}, "right", away},
	} {
		p := newPasswordOnly(anybody{}, c.needs)
		for range 2 {
			a, err := p.Authenticate(t.Context(), identity.Login{Name: "ada", Password: c.pw})
			if !errors.Is(err, c.want) || (err == nil) != (a.User.ID == "ada") {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
		}
		if c.want == nil && c.needs.asked != 1 {
			t.Errorf("%s: asked %d times within a second", name, c.needs.asked)
		}
	}
}
