// Package gateway is the one address for CS3 programs: it finds out who they are and passes their calls on to storage and
// directory. (spec/storage.md §13) Our own services do not go through it.
package gateway

import (
	"context"
	"errors"
	"time"

	registrypb "github.com/cs3org/go-cs3apis/cs3/app/registry/v1beta1"
	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	permissionspb "github.com/cs3org/go-cs3apis/cs3/permissions/v1beta1"
	preferencespb "github.com/cs3org/go-cs3apis/cs3/preferences/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/files"
	"opencloud/internal/cs3/people"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
	"opencloud/internal/storage"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9142"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9143"`
	Log   config.Log   `yaml:"log"`

	PublicURL       string `yaml:"public_url" env:"OC_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Public address of the server; transfers go to it."`
	TransferSecret  string `yaml:"transfer_secret" env:"OC_TRANSFER_SECRET" global:"transfer_secret" secret:"true" required:"true" doc:"Signs the addresses of transfers."`
	TransferExpires int64  `yaml:"transfer_expires" env:"GATEWAY_TRANSFER_EXPIRES" default:"86400" doc:"Life of a transfer token in seconds."`
	MachineKey      string `yaml:"machine_auth_api_key" env:"OC_MACHINE_AUTH_API_KEY" global:"machine_auth_api_key" secret:"true" required:"true" doc:"Key of the services that may speak for users."`

	Registry struct {
		MountID string `yaml:"storage_users_mount_id" env:"GATEWAY_STORAGE_USERS_MOUNT_ID" doc:"Accepted for compatibility."`
	} `yaml:"storage_registry"`
}

// Settings answers for permissions and preferences. preferences.Server and its Client are such.
type Settings interface {
	CheckPermission(ctx context.Context, r *permissionspb.CheckPermissionRequest) (*permissionspb.CheckPermissionResponse, error)
	SetKey(ctx context.Context, r *preferencespb.SetKeyRequest) (*preferencespb.SetKeyResponse, error)
	GetKey(ctx context.Context, r *preferencespb.GetKeyRequest) (*preferencespb.GetKeyResponse, error)
}

// Deps are what the service speaks to.
type Deps struct {
	FS       storage.FS
	Sharing  *sharing.Server
	Settings Settings
	// Home makes the personal space of a person who has none.
	Home    func(ctx context.Context, a identity.Actor) error
	Users   identity.Users
	Groups  identity.Groups
	Login   identity.Authenticator
	Machine identity.Machine
	Tokens  *token.Manager
	// Further ways to authenticate; those that are nil are refused.
	AppTokens identity.Authenticator
	Services  people.ServiceAccounts
	Bearers   people.Bearers
	Links     sharing.Opener
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return service.Parts{}, err
	}
	g := &gateway{
		fileAPI:        files.NewServer(deps.FS, signer, cfg.PublicURL+"/data", time.Duration(cfg.TransferExpires)*time.Second),
		shareAPI:       deps.Sharing,
		UserAPIServer:  people.NewUsersServer(deps.Users),
		GroupAPIServer: people.NewGroupsServer(deps.Groups),
		Settings:       deps.Settings,
		machine:        people.NewMachineServer(deps.Machine, []byte(cfg.MachineKey)),
		deps:           deps,
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { gatewaypb.RegisterGatewayAPIServer(r, g) }}, nil
}

// gateway passes calls on to those who answer them.
type gateway struct {
	*fileAPI
	*shareAPI
	userpb.UserAPIServer
	grouppb.GroupAPIServer
	Settings
	missing
	machine authpb.ProviderAPIServer
	deps    Deps
}

type (
	fileAPI  = files.Server
	shareAPI = sharing.Server
)

// missing answers as unimplemented what nobody else does; it is embedded deepest, so that all others come first.
type missing struct{ deeper }

type deeper struct {
	gatewaypb.UnimplementedGatewayAPIServer
}

// tokenLife is how long a session of a CS3 program lasts.
const tokenLife = 24 * time.Hour

// self lets the directory's servers answer the gateway before anybody has logged in.
func self(ctx context.Context) context.Context {
	return identity.WithActor(ctx, people.Self("gateway"))
}

// visitLife is how long somebody who came by a link stays: what became of the link since is not in his token.
const visitLife = time.Minute

// Authenticate answers with a reva token: types basic, appauth, machine, serviceaccounts, bearer and publicshares. (spec/identity.md §8.1)
func (g *gateway) Authenticate(ctx context.Context, r *gatewaypb.AuthenticateRequest) (*gatewaypb.AuthenticateResponse, error) {
	actor, err := g.authenticate(ctx, r)
	if err != nil {
		code, text := rpcpb.Code_CODE_INTERNAL, "login failed"
		switch {
		case errors.Is(err, errType):
			code, text = rpcpb.Code_CODE_INVALID_ARGUMENT, errType.Error()
		case errors.Is(err, identity.ErrThrottled):
			code = rpcpb.Code_CODE_RESOURCE_EXHAUSTED
		case errors.Is(err, identity.ErrCredentials), errors.Is(err, identity.ErrNotFound):
			code = rpcpb.Code_CODE_UNAUTHENTICATED
		case errors.Is(err, storage.ErrNotFound):
			code = rpcpb.Code_CODE_NOT_FOUND // of a link: it may have expired
		}
		return &gatewaypb.AuthenticateResponse{Status: &rpcpb.Status{Code: code, Message: text}}, nil
	}
	life := tokenLife
	if actor.Kind == identity.Visitor {
		life = visitLife
	}
	t, err := g.deps.Tokens.Mint(actor, life)
	if err != nil {
		return nil, err
	}
	return &gatewaypb.AuthenticateResponse{Status: files.Status(nil), Token: t, User: people.ToUser(actor)}, nil
}

// errType tells that there is no way to authenticate of this name here.
var errType = errors.New("the type must be basic, appauth, machine, serviceaccounts, bearer or publicshares")

func (g *gateway) authenticate(ctx context.Context, r *gatewaypb.AuthenticateRequest) (identity.Actor, error) {
	d, id, secret := g.deps, r.GetClientId(), r.GetClientSecret()
	switch kind := r.GetType(); {
	case kind == "basic":
		return d.Login.Authenticate(ctx, identity.Login{Name: id, Password: secret, Address: people.Address(ctx, nil)})
	case kind == "appauth" && d.AppTokens != nil:
		return d.AppTokens.Authenticate(ctx, identity.Login{Name: id, Password: secret, Address: people.Address(ctx, nil)})
	case kind == "serviceaccounts" && d.Services != nil:
		return d.Services.ServiceAccount(ctx, id, secret)
	case kind == "bearer" && d.Bearers != nil:
		return d.Bearers.Authenticate(ctx, secret)
	case kind == "publicshares" && d.Links != nil:
		_, a, err := sharing.Visit(ctx, d.Links, id, secret, people.Address(ctx, nil))
		return a, err
	case kind == "machine":
		a, err := g.machine.Authenticate(self(ctx), &authpb.AuthenticateRequest{ClientId: id, ClientSecret: secret})
		if err != nil {
			return identity.Actor{}, err
		}
		if c := a.GetStatus().GetCode(); c != rpcpb.Code_CODE_OK {
			if c == rpcpb.Code_CODE_INTERNAL {
				return identity.Actor{}, errors.New(a.GetStatus().GetMessage())
			}
			return identity.Actor{}, identity.ErrCredentials
		}
		return d.Machine.ActorBy(ctx, "userid", a.GetUser().GetId().GetOpaqueId())
	}
	return identity.Actor{}, errType
}

// WhoAmI answers whose a token is.
func (g *gateway) WhoAmI(_ context.Context, r *gatewaypb.WhoAmIRequest) (*gatewaypb.WhoAmIResponse, error) {
	a, err := g.deps.Tokens.Parse(r.GetToken())
	if err != nil {
		return &gatewaypb.WhoAmIResponse{Status: &rpcpb.Status{Code: rpcpb.Code_CODE_UNAUTHENTICATED, Message: "the token is not valid"}}, nil
	}
	return &gatewaypb.WhoAmIResponse{Status: files.Status(nil), User: people.ToUser(a)}, nil
}

func (g *gateway) ListContainerStream(r *providerpb.ListContainerStreamRequest, s gatewaypb.GatewayAPI_ListContainerStreamServer) error {
	return g.fileAPI.ListContainerStream(r, s)
}

func (g *gateway) GetQuota(ctx context.Context, r *gatewaypb.GetQuotaRequest) (*providerpb.GetQuotaResponse, error) {
	return g.fileAPI.GetQuota(ctx, &providerpb.GetQuotaRequest{Ref: r.GetRef()})
}

func (g *gateway) ListRecycleStream(r *providerpb.ListRecycleStreamRequest, stream gatewaypb.GatewayAPI_ListRecycleStreamServer) error {
	return g.fileAPI.ListRecycleStream(r, stream)
}

func (g *gateway) InitiateFileDownload(ctx context.Context, r *providerpb.InitiateFileDownloadRequest) (*gatewaypb.InitiateFileDownloadResponse, error) {
	a, err := g.fileAPI.InitiateFileDownload(ctx, r)
	out := &gatewaypb.InitiateFileDownloadResponse{Status: a.GetStatus()}
	for _, p := range a.GetProtocols() {
		out.Protocols = append(out.Protocols, &gatewaypb.FileDownloadProtocol{Protocol: p.GetProtocol(), DownloadEndpoint: p.GetDownloadEndpoint()})
	}
	return out, err
}

func (g *gateway) InitiateFileUpload(ctx context.Context, r *providerpb.InitiateFileUploadRequest) (*gatewaypb.InitiateFileUploadResponse, error) {
	a, err := g.fileAPI.InitiateFileUpload(ctx, r)
	out := &gatewaypb.InitiateFileUploadResponse{Status: a.GetStatus()}
	for _, p := range a.GetProtocols() {
		out.Protocols = append(out.Protocols, &gatewaypb.FileUploadProtocol{Protocol: p.GetProtocol(), UploadEndpoint: p.GetUploadEndpoint()})
	}
	return out, err
}

// CreateHome makes the caller's personal space, if he may have one and has none yet. How big it is depends on his role.
func (g *gateway) CreateHome(ctx context.Context, _ *providerpb.CreateHomeRequest) (*providerpb.CreateHomeResponse, error) {
	err := files.Known(ctx)
	a := identity.ActorFrom(ctx)
	if err == nil && (a.Kind != identity.Person || role.Allows(a.User.Roles, role.DrivesCreate) == role.None) {
		err = storage.ErrForbidden
	}
	if err == nil {
		err = g.deps.Home(ctx, a)
	}
	return &providerpb.CreateHomeResponse{Status: files.Status(err)}, nil
}

// ListAppProviders answers that there are no applications. (spec/storage.md §15)
func (g *gateway) ListAppProviders(ctx context.Context, _ *registrypb.ListAppProvidersRequest) (*registrypb.ListAppProvidersResponse, error) {
	return &registrypb.ListAppProvidersResponse{Status: files.Status(files.Known(ctx))}, nil
}
