package app

import (
	"context"
	"fmt"

	"opencloud/internal/identity/factor"
	"opencloud/internal/identity/role"
	"opencloud/internal/service/graph"
	"opencloud/internal/service/idp"
)

// secondFactors returns people's second factors; they lie beside the directory.
func (s *stack) secondFactors(ctx context.Context) (*factor.Store, error) {
	if s.factors != nil {
		return s.factors, nil
	}
	if err := s.opened(ctx); err != nil {
		return nil, err
	}
	cfg, _, err := load[idp.Config](s, "idp")
	if err == nil {
		err = cfg.ReadSecret()
	}
	if err != nil {
		return nil, err
	}
	o := factor.Options{Issuer: cfg.Issuer, Name: "OpenCloud", Secret: []byte(cfg.EncryptionSecret)}
	switch cfg.SecondFactor.Policy {
	case "", "optional":
	case "required":
		o.Required = true
	default:
		return nil, fmt.Errorf("second_factor.policy is optional or required, not %q", cfg.SecondFactor.Policy)
	}
	for _, name := range cfg.SecondFactor.Roles {
		r, ok := role.Find(name)
		if !ok {
			return nil, fmt.Errorf("second_factor.roles: there is no role %q", name)
		}
		o.Roles = append(o.Roles, r.ID)
	}
	f, err := factor.New(ctx, s.dir.Database(), o)
	if err != nil {
		return nil, err
	}
	s.dir.OnPurge(f.Reset)
	s.factors = f
	return f, nil
}

// factorAdmin is second factors as administrators see them.
type factorAdmin struct{ store *factor.Store }

// Factors implements graph.Factors.
func (a factorAdmin) Factors(ctx context.Context, userID string) (out []graph.Factor, err error) {
	have, err := a.store.List(ctx, userID)
	for _, f := range have {
		out = append(out, graph.Factor{ID: f.ID, Kind: f.Kind, Name: f.Name, Created: f.Created, LastUsed: f.LastUsed})
	}
	return out, err
}

// RemoveFactor implements graph.Factors.
func (a factorAdmin) RemoveFactor(ctx context.Context, userID, id string) error {
	return a.store.Remove(ctx, userID, id)
}

// Reset implements graph.Factors.
func (a factorAdmin) Reset(ctx context.Context, userID string) error {
	return a.store.Reset(ctx, userID)
}
