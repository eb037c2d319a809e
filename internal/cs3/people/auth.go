package people

import (
	"context"
	"net"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

// Bearers tell whose an OpenID Connect access token is. Errors: identity.ErrCredentials; others tell that the provider
// cannot be asked.
type Bearers interface {
	Authenticate(ctx context.Context, token string) (identity.Actor, error)
}

// ServiceAccounts tell which service account an id and a secret belong to. Errors: identity.ErrCredentials.
type ServiceAccounts interface {
	ServiceAccount(ctx context.Context, id, secret string) (identity.Actor, error)
}

// maxBearer bounds access tokens, in bytes.
const maxBearer = 64 << 10

// NewBearerServer offers the check of access tokens as cs3.auth.provider.v1beta1.ProviderAPI, to our own services.
func NewBearerServer(b Bearers) authpb.ProviderAPIServer { return &bearerServer{bearers: b} }

type bearerServer struct {
	authpb.UnimplementedProviderAPIServer
	bearers Bearers
}

// Authenticate implements the API: client_secret is the token.
func (s *bearerServer) Authenticate(ctx context.Context, r *authpb.AuthenticateRequest) (*authpb.AuthenticateResponse, error) {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return nil, status.Error(codes.PermissionDenied, "only services may check access tokens")
	}
	if t := r.GetClientSecret(); t == "" || len(t) > maxBearer {
		return authenticated(ctx, identity.Actor{}, identity.ErrCredentials), nil
	}
	a, err := s.bearers.Authenticate(ctx, r.GetClientSecret())
	return authenticated(ctx, a, err), nil
}

// NewServiceAccountsServer offers service accounts to those who know their secrets, as cs3.auth.provider.v1beta1.ProviderAPI.
func NewServiceAccountsServer(a ServiceAccounts) authpb.ProviderAPIServer {
	return &serviceServer{accounts: a}
}

type serviceServer struct {
	authpb.UnimplementedProviderAPIServer
	accounts ServiceAccounts
}

// Authenticate implements the API: client_id is the account's id, client_secret its secret.
func (s *serviceServer) Authenticate(ctx context.Context, r *authpb.AuthenticateRequest) (*authpb.AuthenticateResponse, error) {
	a, err := s.accounts.ServiceAccount(ctx, r.GetClientId(), r.GetClientSecret())
	return authenticated(ctx, a, err), nil
}

// Bearer asks an auth-bearer service.
type Bearer struct {
	api  authpb.ProviderAPIClient
	self identity.Actor
}

// NewBearer returns a client of the auth-bearer service.
func NewBearer(conn grpc.ClientConnInterface, self identity.Actor) *Bearer {
	return &Bearer{api: authpb.NewProviderAPIClient(conn), self: self}
}

// Authenticate implements Bearers.
func (c *Bearer) Authenticate(ctx context.Context, token string) (identity.Actor, error) {
	return authenticate(identity.WithActor(ctx, c.self), c.api, &authpb.AuthenticateRequest{ClientSecret: token})
}

// Services asks an auth-service service.
type Services struct {
	api  authpb.ProviderAPIClient
	self identity.Actor
}

// NewServices returns a client of the auth-service service.
func NewServices(conn grpc.ClientConnInterface, self identity.Actor) *Services {
	return &Services{api: authpb.NewProviderAPIClient(conn), self: self}
}

// ServiceAccount implements ServiceAccounts.
func (c *Services) ServiceAccount(ctx context.Context, id, secret string) (identity.Actor, error) {
	return authenticate(identity.WithActor(ctx, c.self), c.api, &authpb.AuthenticateRequest{ClientId: id, ClientSecret: secret})
}

// authenticate asks a service that checks credentials.
func authenticate(ctx context.Context, api authpb.ProviderAPIClient, r *authpb.AuthenticateRequest) (identity.Actor, error) {
	var trailer metadata.MD
	a, err := api.Authenticate(ctx, r, grpc.Trailer(&trailer))
	if err := outcome(a.GetStatus(), err, trailer); err != nil {
		return identity.Actor{}, err
	}
	return actorFromWire(a.GetUser()), nil
}

// Address is where an attempt to log in comes from, without port: failed ones are counted by it. Our own services say it of
// their clients, in an opaque entry.
func Address(ctx context.Context, o *typespb.Opaque) string {
	if told := read(o, entryAddress); told != "" && identity.ActorFrom(ctx).Kind == identity.Service {
		return told
	}
	p, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	if host, _, err := net.SplitHostPort(p.Addr.String()); err == nil {
		return host
	}
	return p.Addr.String()
}

// attempt is a request of an attempt to log in with name and secret.
func attempt(l identity.Login) *authpb.AuthenticateRequest {
	return &authpb.AuthenticateRequest{ClientId: l.Name, ClientSecret: l.Password,
		Opaque: &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{entryAddress: entry(l.Address)}}}
}

var (
	_ Bearers         = (*Bearer)(nil)
	_ ServiceAccounts = (*Services)(nil)
)
