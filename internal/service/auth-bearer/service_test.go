package authbearer

import (
	"context"
	"testing"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

type verifier struct{}

func (verifier) Authenticate(_ context.Context, token string) (identity.Actor, error) {
	if token != "good" {
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: "ada-id", Username: "ada", Enabled: true}}, nil
}

// api keeps what the service registers.
type api struct{ authpb.ProviderAPIServer }

func (a *api) RegisterService(_ *grpc.ServiceDesc, impl any) {
	a.ProviderAPIServer = impl.(authpb.ProviderAPIServer)
}

func TestBearer(t *testing.T) {
	if _, err := New(t.Context(), Config{}, Deps{}); err == nil {
		t.Error("it starts without anything to check tokens with")
	}
	parts, err := New(t.Context(), Config{}, Deps{Bearer: verifier{}})
	if err != nil {
		t.Fatal(err)
	}
	var a api
	parts.GRPC(&a)
	for _, c := range []struct {
		kind  identity.Kind
		token string
		want  rpcpb.Code
	}{{identity.Service, "good", rpcpb.Code_CODE_OK}, {identity.Service, "bad", rpcpb.Code_CODE_UNAUTHENTICATED}, {identity.Person, "good", 0}, {identity.Anonymous, "good", 0}} {
		r, err := a.Authenticate(identity.WithActor(t.Context(), identity.Actor{Kind: c.kind}), &authpb.AuthenticateRequest{ClientSecret: c.token})
		if c.want == 0 {
			if status.Code(err) != codes.PermissionDenied || r.GetUser() != nil {
				t.Errorf("kind %d: %v, %v", c.kind, r, err)
			}
			continue
		}
		if err != nil || r.GetStatus().GetCode() != c.want || (c.want == rpcpb.Code_CODE_OK) != (r.GetUser().GetUsername() == "ada") {
			t.Errorf("%q: %v, %v", c.token, r, err)
		}
	}
}
