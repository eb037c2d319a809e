// Package authapp lets people make and revoke passwords for programs, and checks these for services in other processes.
// (spec/identity.md §9)
package authapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/identity/apptoken"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
)

// Store is the opened store of app tokens.
type Store struct {
	*apptoken.Store
	db db.DB
}

// Open opens the store. accounts tells who may sign in at all.
func Open(ctx context.Context, cfg Config, accounts identity.Machine, log *slog.Logger) (*Store, error) {
	o := apptoken.Options{Secret: []byte(cfg.Secret)}
	switch cfg.Generator.Password {
	case "", "diceware":
	case "random":
		o.Random = cfg.Generator.Random.Length
	default:
		return nil, fmt.Errorf("password_generator must be diceware or random, not %q", cfg.Generator.Password)
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 2})
	if err != nil {
		return nil, err
	}
	s, err := apptoken.New(ctx, d, accounts, o)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Store{s, d}, nil
}

// Close releases the database.
func (s *Store) Close() error { return s.db.Close() }

// Create makes a token for the account of a user name, for the command line. It is shown once.
func Create(ctx context.Context, cfg Config, users identity.Users, accounts identity.Machine, log *slog.Logger, userName string, life time.Duration) (string, error) {
	u, err := users.UserBy(ctx, "username", userName)
	if err != nil {
		return "", err
	}
	s, err := Open(ctx, cfg, accounts, log)
	if err != nil {
		return "", err
	}
	token, _, err := s.Store.Create(ctx, u.ID, life, "Generated via CLI")
	return token, errors.Join(err, s.Close())
}

// Deps are what the service speaks to.
type Deps struct {
	Store *Store
	Users identity.Users
	Log   *slog.Logger
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	if deps.Store == nil || deps.Users == nil {
		return service.Parts{}, errors.New("there is no directory: idm does not run here")
	}
	ready := service.Check{Name: "app tokens", Run: func(ctx context.Context) error {
		return deps.Store.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	return service.Parts{
		HTTP:  &handler{tokens: deps.Store, users: deps.Users, impersonation: cfg.Impersonation, log: deps.Log},
		GRPC:  func(r grpc.ServiceRegistrar) { authpb.RegisterProviderAPIServer(r, people.NewBasicServer(deps.Store)) },
		Loops: []service.Loop{{Name: "upkeep of app tokens", Run: deps.Store.Run}},
		Ready: []service.Check{ready},
		Close: deps.Store.Close,
	}, nil
}
