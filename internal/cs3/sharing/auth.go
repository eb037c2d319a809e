package sharing

import (
	"context"
	"errors"
	"strings"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/storage"
)

// Opener opens links. link.Service is one.
type Opener interface {
	Open(ctx context.Context, token string, k link.Key) (link.Link, identity.Actor, error)
}

// Visit logs somebody in by a link's token and a secret: "password|<password>", "signature|<signature>|<expiration>", or nothing
// for links without password. Errors: storage.ErrNotFound, identity.ErrCredentials, identity.ErrThrottled. (spec/identity.md §8.1)
func Visit(ctx context.Context, o Opener, token, secret, address string) (link.Link, identity.Actor, error) {
	k := link.Key{Address: address}
	kind, rest, _ := strings.Cut(secret, "|")
	switch kind {
	case "":
	case "password":
		k.Password = rest
	case "signature":
		if k.Signature, k.Expiration, _ = strings.Cut(rest, "|"); k.Signature == "" {
			return link.Link{}, identity.Actor{}, identity.ErrCredentials
		}
	default:
		return link.Link{}, identity.Actor{}, identity.ErrCredentials
	}
	l, a, err := o.Open(ctx, token, k)
	if errors.Is(err, link.ErrPassword) || errors.Is(err, link.ErrInternal) {
		err = identity.ErrCredentials
	}
	return l, a, err
}

// NewAuthServer offers the check of links' passwords as cs3.auth.provider.v1beta1.ProviderAPI. Only our own services may ask: they
// tell the address of the client, which the throttle goes by.
func NewAuthServer(o Opener) authpb.ProviderAPIServer { return &authServer{links: o} }

type authServer struct {
	authpb.UnimplementedProviderAPIServer
	links Opener
}

// Authenticate implements the API: client_id is the link's token, client_secret as for Visit. The scope names the link.
func (s *authServer) Authenticate(ctx context.Context, r *authpb.AuthenticateRequest) (*authpb.AuthenticateResponse, error) {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return nil, status.Error(codes.PermissionDenied, "only services may check the passwords of links")
	}
	l, a, err := Visit(ctx, s.links, r.GetClientId(), r.GetClientSecret(), people.Address(ctx, r.GetOpaque()))
	if errors.Is(err, storage.ErrNotFound) {
		err = identity.ErrNotFound
	}
	out := &authpb.AuthenticateResponse{Status: people.Status(ctx, err)}
	if err != nil {
		return out, nil
	}
	may := authpb.Role_ROLE_VIEWER
	if l.Writes() {
		may = authpb.Role_ROLE_EDITOR
	}
	out.User = people.ToUser(a)
	out.TokenScope = map[string]*authpb.Scope{"publicshare:" + l.ID: {Role: may, Resource: &typespb.OpaqueEntry{Decoder: "plain", Value: []byte(l.Item.String())}}}
	return out, nil
}
