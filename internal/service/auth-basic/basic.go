// Package authbasic checks passwords for services in other processes, over CS3 gRPC. (spec/identity.md §8.1)
package authbasic

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
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9146"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9147"`
	Log   config.Log   `yaml:"log"`

	Manager string `yaml:"auth_manager" env:"AUTH_BASIC_AUTH_MANAGER" default:"ldap" doc:"Accepted for compatibility: the embedded directory serves."`
}

// Deps are what the service speaks to.
type Deps struct{ Login identity.Authenticator }

// New returns the service's parts.
func New(_ context.Context, _ Config, deps Deps) (service.Parts, error) {
	if deps.Login == nil {
		return service.Parts{}, errors.New("there is no directory: idm does not run here")
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, people.NewBasicServer(deps.Login)) }}, nil
}
