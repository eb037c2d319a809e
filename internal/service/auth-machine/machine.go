// Package authmachine lets services in other processes speak for users without their passwords, over CS3 gRPC, if they know
// the machine's key. (spec/identity.md §8.1)
package authmachine

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

// minKey is the length below which a key is refused, in bytes.
const minKey = 16

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9166"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9167"`
	Log   config.Log   `yaml:"log"`

	Key string `yaml:"machine_auth_api_key" env:"OC_MACHINE_AUTH_API_KEY;AUTH_MACHINE_API_KEY" global:"machine_auth_api_key" secret:"true" required:"true" doc:"Key of the services that may speak for users."`
}

// Deps are what the service speaks to.
type Deps struct{ Machine identity.Machine }

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	switch {
	case deps.Machine == nil:
		return service.Parts{}, errors.New("there is no directory: idm does not run here")
	case len(cfg.Key) < minKey:
		return service.Parts{}, errors.New("machine_auth_api_key is too short")
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) {
		authpb.RegisterProviderAPIServer(r, people.NewMachineServer(deps.Machine, []byte(cfg.Key)))
	}}, nil
}
