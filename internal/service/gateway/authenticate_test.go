package gateway_test

import (
	"context"
	"path/filepath"
	"testing"

	gatewaypb "github.com/cs3org/go-cs3apis/cs3/gateway/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/preferences"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/login"
	"opencloud/internal/link"
	"opencloud/internal/platform/db"
	"opencloud/internal/service/gateway"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/token"
)

// ways are further ways to authenticate, each with one good secret.
type ways struct{ kind identity.Kind }

func (w ways) actor(secret string) (identity.Actor, error) {
	if secret != "right" {
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{Kind: w.kind, User: identity.User{ID: "the-id", Username: "the-name", Enabled: true}}, nil
}

type appTokens struct{ ways }

func (w appTokens) Authenticate(_ context.Context, l identity.Login) (identity.Actor, error) {
	return w.actor(l.Password)
}

type bearers struct{ ways }

func (w bearers) Authenticate(_ context.Context, token string) (identity.Actor, error) {
	return w.actor(token)
}

type services struct{ ways }

func (w services) ServiceAccount(_ context.Context, _, secret string) (identity.Actor, error) {
	return w.actor(secret)
}

type links struct{}

func (links) Open(_ context.Context, token string, k link.Key) (link.Link, identity.Actor, error) {
	switch {
	case token != "token":
		return link.Link{}, identity.Actor{}, storage.ErrNotFound
	case k.Address != "" || k.Password != "right" && k.Signature != "signed" || k.Signature != "" && k.Expiration != "then":
		return link.Link{}, identity.Actor{}, link.ErrWrongPassword
	}
	return link.Link{}, identity.Actor{Kind: identity.Visitor, User: identity.User{ID: "link-x"}, Visit: &identity.Visit{Link: "x"}}, nil
}

// api keeps what a service registers.
type api struct{ gatewaypb.GatewayAPIServer }

func (a *api) RegisterService(_ *grpc.ServiceDesc, impl any) {
	a.GatewayAPIServer = impl.(gatewaypb.GatewayAPIServer)
}

func TestAuthenticate(t *testing.T) {
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "idm.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir, err := directory.New(t.Context(), d, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: "ada", Enabled: true}}, "right"); err != nil {
		t.Fatal(err)
	}
	tokens, err := token.New([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	var cfg gateway.Config
	cfg.PublicURL, cfg.TransferSecret, cfg.TransferExpires, cfg.MachineKey = "https://localhost", secret, 60, machineKey
	deps := gateway.Deps{FS: mem.New("11111111-1111-4111-8111-111111111111"), Users: dir, Groups: dir, Login: login.New(dir), Machine: dir, Tokens: tokens, Sharing: sharing.NewServer(nil, nil), Settings: preferences.NewServer(nil)}
	open := func(deps gateway.Deps) *api {
		parts, err := gateway.New(t.Context(), cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		a := &api{}
		parts.GRPC(a)
		return a
	}
	few := open(deps)
	deps.AppTokens, deps.Bearers, deps.Services, deps.Links = appTokens{ways{identity.Person}}, bearers{ways{identity.Person}}, services{ways{identity.Service}}, links{}
	all := open(deps)
	const ok, refused, unknown, gone = rpcpb.Code_CODE_OK, rpcpb.Code_CODE_UNAUTHENTICATED, rpcpb.Code_CODE_INVALID_ARGUMENT, rpcpb.Code_CODE_NOT_FOUND
	for _, c := range []struct {
		kind, id, secret string
		all, few         rpcpb.Code
		want             identity.Kind
	}{
		{"basic", "ada", "right", ok, ok, identity.Person},
		{"basic", "ada", "wrong", refused, refused, 0},
		{"appauth", "ada", "right", ok, unknown, identity.Person},
		{"appauth", "ada", "wrong", refused, unknown, 0},
		{"serviceaccounts", "svc", "right", ok, unknown, identity.Service},
		{"serviceaccounts", "svc", "wrong", refused, unknown, 0},
		{"bearer", "", "right", ok, unknown, identity.Person},
		{"bearer", "", "wrong", refused, unknown, 0},
		{"machine", "username:ada", machineKey, ok, ok, identity.Person},
		{"machine", "username:ada", "wrong", refused, refused, 0},
		{"machine", "username:nobody", machineKey, refused, refused, 0},
		{"machine", "ada", machineKey, refused, refused, 0},
		{"", "ada", "right", unknown, unknown, 0},
		{"publicshares", "token", "password|right", ok, unknown, identity.Visitor},
		{"publicshares", "token", "signature|signed|then", ok, unknown, identity.Visitor},
		{"publicshares", "token", "signature|signed|now", refused, unknown, 0},
		{"publicshares", "token", "signature||", refused, unknown, 0},
		{"publicshares", "token", "password|wrong", refused, unknown, 0},
		{"publicshares", "token", "right", refused, unknown, 0},
		{"publicshares", "token", "", refused, unknown, 0},
		{"publicshares", "other", "password|right", gone, unknown, 0},
	} {
		for g, want := range map[*api]rpcpb.Code{all: c.all, few: c.few} {
			r, err := g.Authenticate(t.Context(), &gatewaypb.AuthenticateRequest{Type: c.kind, ClientId: c.id, ClientSecret: c.secret})
			if err != nil || r.GetStatus().GetCode() != want || (want == ok) != (r.GetToken() != "") {
				t.Errorf("%s %s %s: %v, %v, want %s", c.kind, c.id, c.secret, r, err, want)
				continue
			}
			if want != ok {
				continue
			}
			if a, err := tokens.Parse(r.GetToken()); err != nil || a.Kind != c.want || a.User.ID == "" {
				t.Errorf("%s: %+v, %v", c.kind, a, err)
			}
		}
	}
}
