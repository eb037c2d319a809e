package authservice

import (
	"errors"
	"testing"

	"opencloud/internal/identity"
)

func TestServiceAccount(t *testing.T) {
	const secret = "a secret of some length"
	a, err := NewAccounts(Account{ID: "svc", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id, secret string
		ok         bool
	}{{"svc", secret, true}, {"svc", "", false}, {"", secret, false}, {"svc", secret + "x", false}, {"other", secret, false}, {"", "", false}, {"SVC", secret, false}} {
		actor, err := a.ServiceAccount(t.Context(), c.id, c.secret)
		if c.ok && (err != nil || actor.Kind != identity.Service || actor.User.ID != "svc") ||
			!c.ok && (!errors.Is(err, identity.ErrCredentials) || actor.Kind != identity.Anonymous) {
			t.Errorf("%q / %q: %+v, %v", c.id, c.secret, actor, err)
		}
	}
	for _, bad := range []Account{{}, {ID: "svc"}, {Secret: secret}, {ID: "svc", Secret: "short"}} {
		if _, err := New(t.Context(), Config{Account: bad}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
