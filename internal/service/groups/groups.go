// Package groups offers the groups to other processes, over CS3 gRPC. (spec/identity.md §8.3)
package groups

import (
	"context"
	"errors"

	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9160"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9161"`
	Log   config.Log   `yaml:"log"`

	Driver string `yaml:"driver" env:"GROUPS_DRIVER" default:"ldap" doc:"Accepted for compatibility: the embedded directory serves."`
}

// Deps are what the service speaks to.
type Deps struct{ Groups identity.Groups }

// New returns the service's parts.
func New(_ context.Context, _ Config, deps Deps) (service.Parts, error) {
	if deps.Groups == nil {
		return service.Parts{}, errors.New("there is no directory: idm does not run here")
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { grouppb.RegisterGroupAPIServer(r, people.NewGroupsServer(deps.Groups)) }}, nil
}
