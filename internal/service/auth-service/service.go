// Package authservice checks the ids and secrets of service accounts, over CS3 gRPC. (spec/identity.md §8.1)
//
// A service account acts with the rights of the system. There is one, and its secret comes from the configuration.
package authservice

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
)

// minSecret is the length below which a secret is refused, in bytes.
const minSecret = 16

// Config of the service.
type Config struct {
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9199"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9198"`
	Log   config.Log   `yaml:"log"`

	Account Account `yaml:"service_account"`
}

// Account is the service account.
type Account struct {
	ID     string `yaml:"service_account_id" env:"OC_SERVICE_ACCOUNT_ID;AUTH_SERVICE_SERVICE_ACCOUNT_ID" doc:"Id of the service account."`
	Secret string `yaml:"service_account_secret" env:"OC_SERVICE_ACCOUNT_SECRET;AUTH_SERVICE_SERVICE_ACCOUNT_SECRET" secret:"true" doc:"Its secret, of at least 16 bytes."`
}

// Accounts implements people.ServiceAccounts.
type Accounts struct{ id, secret [sha256.Size]byte }

// NewAccounts returns the configured service account. A missing id or a short secret is an error, for it would let
// others in.
func NewAccounts(a Account) (*Accounts, error) {
	switch {
	case a.ID == "":
		return nil, errors.New("service_account_id is not set")
	case len(a.Secret) < minSecret:
		return nil, errors.New("service_account_secret is too short")
	}
	return &Accounts{id: sha256.Sum256([]byte(a.ID)), secret: sha256.Sum256([]byte(a.Secret))}, nil
}

// ServiceAccount implements people.ServiceAccounts, in a time that tells nothing about the secret.
func (a *Accounts) ServiceAccount(_ context.Context, id, secret string) (identity.Actor, error) {
	i, s := sha256.Sum256([]byte(id)), sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(i[:], a.id[:])&subtle.ConstantTimeCompare(s[:], a.secret[:]) != 1 {
		return identity.Actor{}, identity.ErrCredentials
	}
	return identity.Actor{Kind: identity.Service, MayListAllSpaces: true,
		User: identity.User{ID: id, Username: id, DisplayName: "Service account", Enabled: true, Roles: []string{role.ServiceAccount}}}, nil
}

// New returns the service's parts.
func New(_ context.Context, cfg Config) (service.Parts, error) {
	a, err := NewAccounts(cfg.Account)
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, people.NewServiceAccountsServer(a)) }}, nil
}

var _ people.ServiceAccounts = (*Accounts)(nil)
