// Package authbearer checks OpenID Connect access tokens for services in other processes, over CS3 gRPC. The proxy does so
// itself. (spec/identity.md §8.1)
package authbearer

import (
	"context"
	"errors"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9148"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9149"`
	Log   config.Log   `yaml:"log"`

	Providers struct {
		OIDC OIDC `yaml:"oidc"`
	} `yaml:"auth_providers"`
}

// OIDC is the identity provider whose tokens are accepted.
type OIDC struct {
	Issuer   string `yaml:"issuer" env:"OC_URL;OC_OIDC_ISSUER;AUTH_BEARER_OIDC_ISSUER" global:"opencloud_url" default:"https://localhost:9200" doc:"Identity provider whose tokens are accepted."`
	Insecure bool   `yaml:"insecure" env:"OC_INSECURE;AUTH_BEARER_OIDC_INSECURE" default:"false" doc:"Do not check the certificate of the identity provider."`
	IDClaim  string `yaml:"id_claim" env:"AUTH_BEARER_OIDC_ID_CLAIM" default:"preferred_username" doc:"Accepted for compatibility: accounts are found as the proxy does."`
	UIDClaim string `yaml:"uid_claim" env:"AUTH_BEARER_OIDC_UID_CLAIM" doc:"Accepted for compatibility."`
	GIDClaim string `yaml:"gid_claim" env:"AUTH_BEARER_OIDC_GID_CLAIM" doc:"Accepted for compatibility."`
}

// Bearer tells whose an access token is. Errors: identity.ErrCredentials; others tell that the provider cannot be asked.
type Bearer interface {
	Authenticate(ctx context.Context, token string) (identity.Actor, error)
}

// Deps are what the service speaks to.
type Deps struct{ Bearer Bearer }

// New returns the service's parts.
func New(_ context.Context, _ Config, deps Deps) (service.Parts, error) {
	if deps.Bearer == nil {
		return service.Parts{}, errors.New("there is nothing to check access tokens with")
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) {
		authpb.RegisterProviderAPIServer(r, people.NewBearerServer(deps.Bearer))
	}}, nil
}
