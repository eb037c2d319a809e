package people

import (
	"context"
	"errors"
	"strings"
	"testing"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

var errAway = errors.New("the provider is away")

// checks knows one access token and one service account.
type checks struct{}

func (checks) Authenticate(_ context.Context, token string) (identity.Actor, error) {
	switch token {
	case "ada's":
		return identity.Actor{Kind: identity.Person, User: identity.User{ID: "ada-id", Username: "ada", Enabled: true, Type: identity.Member, Roles: []string{role.Admin}}, Groups: []string{"g"}}, nil
	case "away":
		return identity.Actor{}, errAway
	}
	return identity.Actor{}, identity.ErrCredentials
}

func (checks) ServiceAccount(_ context.Context, id, secret string) (identity.Actor, error) {
	if id == "svc" && secret == "right" {
		return identity.Actor{Kind: identity.Service, User: identity.User{ID: "svc", Username: "svc", Enabled: true, Roles: []string{role.ServiceAccount}}, MayListAllSpaces: true}, nil
	}
	return identity.Actor{}, identity.ErrCredentials
}

func TestBearerOverTheWire(t *testing.T) {
	conn, strange := serve(t, func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, NewBearerServer(checks{})) })
	c := NewBearer(conn, Self("test"))
	a, err := c.Authenticate(t.Context(), "ada's")
	if err != nil || a.Kind != identity.Person || a.User.ID != "ada-id" || len(a.Groups) != 1 || !a.MayListAllSpaces {
		t.Errorf("%+v, %v", a, err)
	}
	for _, token := range []string{"", "bob's", strings.Repeat("x", maxBearer+1)} {
		if a, err := c.Authenticate(t.Context(), token); !errors.Is(err, identity.ErrCredentials) || a.Kind != identity.Anonymous {
			t.Errorf("%.10q: %+v, %v", token, a, err)
		}
	}
	if _, err := c.Authenticate(t.Context(), "away"); err == nil || errors.Is(err, identity.ErrCredentials) {
		t.Errorf("away: %v", err)
	}
	person := identity.Actor{Kind: identity.Person, User: identity.User{ID: "ada-id", Username: "ada", Enabled: true}}
	for name, c := range map[string]*Bearer{"stranger": NewBearer(strange, Self("x")), "person": NewBearer(conn, person)} {
		if _, err := c.Authenticate(t.Context(), "ada's"); status.Code(err) != codes.PermissionDenied && status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServiceAccountsOverTheWire(t *testing.T) {
	conn, _ := serve(t, func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, NewServiceAccountsServer(checks{})) })
	c := NewServices(conn, Self("test"))
	a, err := c.ServiceAccount(t.Context(), "svc", "right")
	if err != nil || a.Kind != identity.Service || a.User.ID != "svc" || !a.MayListAllSpaces {
		t.Errorf("%+v, %v", a, err)
	}
	for id, secret := range map[string]string{"svc": "wrong", "": "right", "other": "right"} {
		if a, err := c.ServiceAccount(t.Context(), id, secret); !errors.Is(err, identity.ErrCredentials) || a.Kind != identity.Anonymous {
			t.Errorf("%s: %+v, %v", id, a, err)
		}
	}
}
