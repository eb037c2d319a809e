// Package proxy is the front door: the only service that clients talk to. It finds out who sends a request, and hands it to
// the service whose route it is. (spec/identity.md §5)
//
// Invariants: a request reaches a protected route only with an actor in its context; whatever a client says in the headers
// that carry our own identity is removed; nothing secret (passwords, tokens, queries) is logged.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/platform/service"
	"opencloud/internal/signedurl"
	"opencloud/internal/storage"
	"opencloud/internal/token"
)

const defaultPolicy = "default"

// Deps are what the service speaks to.
type Deps struct {
	Log *slog.Logger
	// Login checks passwords, and AppTokens those of programs; nil: they are not accepted.
	Login, AppTokens identity.Authenticator
	// Factors tells who needs more than a password; nil: nobody does.
	Factors SecondFactor
	// Accounts and Groups are those of the directory, for what an external provider says of people; nil: nothing is taken over.
	Accounts identity.Accounts
	Groups   identity.GroupAdmin
	// Sessions tells whether sign-ins at our own provider are open; nil: they last as long as their tokens.
	Sessions bearer.Sessions
	// Machine speaks for the users of signed addresses; nil: none are accepted.
	Machine identity.Machine
	// Links opens public links; nil: there are none.
	Links Links
	// Spaces makes personal spaces at the first login; nil: nobody does.
	Spaces storage.Spaces
	// Local are the handlers of services in this process, by service name.
	Local map[string]http.Handler
	// Resolve finds a service in another process; ErrNoService if there is none. nil: all are in this process.
	Resolve func(ctx context.Context, service string) (*url.URL, error)
	Tokens  *token.Manager
	// Metrics takes the service's counters; nil: nobody does.
	Metrics prometheus.Registerer
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	p, err := newProxy(cfg, deps)
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{HTTP: p, Close: func() error {
		if t, ok := p.transport.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
		return nil
	}}, nil
}

func newProxy(cfg Config, deps Deps) (*proxy, error) {
	if deps.Tokens == nil {
		return nil, errors.New("the proxy needs a token manager")
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	p := &proxy{cfg: cfg, log: deps.Log, quiet: discard(), local: deps.Local, resolve: deps.Resolve, tokens: deps.Tokens, links: deps.Links,
		homes: newHomes(deps.Spaces, cfg.RoleQuotas), buffers: newBuffers()}
	tables, err := newTables(cfg)
	if err != nil {
		return nil, err
	}
	if p.selector, p.routes, err = newSelector(cfg, tables, p.claimedPolicy); err != nil {
		return nil, err
	}
	if p.trusted, err = parseNetworks(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	if p.transport, err = newTransport(cfg); err != nil {
		return nil, err
	}
	csp, err := loadCSP(cfg.CSPFiles, cfg.CSPOverride)
	if err != nil {
		return nil, err
	}
	p.headers = securityHeaders(csp)
	if p.metrics, err = newMetrics(deps.Metrics); err != nil {
		return nil, err
	}
	var b basic
	if cfg.EnableBasicAuth {
		if b.login = deps.Login; b.login != nil && deps.Factors != nil {
			b.login = newPasswordOnly(b.login, deps.Factors)
		}
	}
	if cfg.Auth.AllowAppAuth {
		b.tokens = deps.AppTokens
	}
	if b.login != nil || b.tokens != nil {
		p.authenticators = append(p.authenticators, b)
		p.offersBasic = true
	}
	if deps.Machine != nil {
		if p.bearer, err = NewBearer(cfg, deps); err != nil {
			return nil, err
		}
		p.authenticators = append(p.authenticators, p.bearer)
	}
	if cfg.PresignedURLs.Enabled && cfg.URLSigningSecret != "" && deps.Machine != nil {
		signer, err := signedurl.New([]byte(cfg.URLSigningSecret))
		if err != nil {
			return nil, err
		}
		s, err := newSigned(signer, deps.Machine, cfg.PublicURL)
		if err != nil {
			return nil, fmt.Errorf("public address: %w", err)
		}
		p.authenticators = append(p.authenticators, s)
	}
	return p, nil
}

// securityHeaders go with every answer. (spec/identity.md §5.8)
func securityHeaders(csp string) []header {
	return []header{
		{"Content-Security-Policy", csp},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "SAMEORIGIN"},
		{"X-Xss-Protection", "1; mode=block"},
		{"Referrer-Policy", "strict-origin-when-cross-origin"},
		{"Strict-Transport-Security", "max-age=315360000; preload"},
		{"X-Permitted-Cross-Domain-Policies", "none"},
		{"X-Robots-Tag", "none"},
	}
}
