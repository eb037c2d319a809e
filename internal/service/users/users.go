// Package users offers the accounts to other processes, over CS3 gRPC. (spec/identity.md §8.3)
package users

import (
	"context"
	"errors"

	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
)

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9144"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9145"`
	Log   config.Log   `yaml:"log"`

	Driver string `yaml:"driver" env:"USERS_DRIVER" default:"ldap" doc:"Accepted for compatibility: the embedded directory serves."`
}

// Deps are what the service speaks to.
type Deps struct{ Users identity.Users }

// New returns the service's parts.
func New(_ context.Context, _ Config, deps Deps) (service.Parts, error) {
	if deps.Users == nil {
		return service.Parts{}, errors.New("there is no directory: idm does not run here")
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { userpb.RegisterUserAPIServer(r, people.NewUsersServer(deps.Users)) }}, nil
}
