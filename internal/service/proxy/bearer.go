package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/bearer"
	"opencloud/internal/identity/resolve"
)

// issuerTime bounds each question to the identity provider.
const issuerTime = 10 * time.Second

// Bearer recognises access tokens of the configured identity provider, and finds the accounts of those they are of.
type Bearer struct {
	verifier *bearer.Verifier
	accounts *resolve.Resolver
	client   *http.Client
	issuer   string
}

// NewBearer returns what recognises access tokens, as the proxy is configured to.
func NewBearer(cfg Config, deps Deps) (*Bearer, error) {
	issuer := strings.TrimRight(cfg.OIDC.Issuer, "/")
	own := issuer == strings.TrimRight(cfg.PublicURL, "/")
	if cfg.OIDC.Method != "" && cfg.OIDC.Method != "jwt" && cfg.OIDC.Method != "none" {
		return nil, fmt.Errorf("access_token_verify_method is jwt or none, not %q", cfg.OIDC.Method)
	}
	tc := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.OIDC.Insecure} //nolint:gosec // the operator says so
	if cfg.BackendCACert != "" {                                                           // beside the system's: the issuer may be a public one
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if err := addCertificates(pool, cfg.BackendCACert); err != nil {
			return nil, fmt.Errorf("certificates of the issuer: %w", err)
		}
		tc.RootCAs = pool
	}
	keys := bearer.KeyOptions{Refresh: time.Duration(cfg.OIDC.JWKS.RefreshInterval) * time.Minute, Timeout: time.Duration(cfg.OIDC.JWKS.RefreshTimeout) * time.Second,
		Between: time.Duration(cfg.OIDC.JWKS.RefreshLimit) * time.Second, KnownOnly: !cfg.OIDC.JWKS.RefreshUnknown}
	limit := max(issuerTime, keys.Timeout)
	client := &http.Client{Timeout: limit, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: limit,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, TLSClientConfig: tc}}
	if h := deps.Local["idp"]; own && h != nil {
		client.Transport = inside{h}
	} else if own && deps.Resolve != nil {
		client.Transport = elsewhere{deps.Resolve, client.Transport}
	}
	b := &Bearer{client: client, issuer: cfg.OIDC.Issuer}
	if own {
		b.issuer = issuer // ours never ends in a slash
	}
	b.verifier = bearer.New(bearer.Options{Issuer: b.issuer, HTTP: client, Opaque: cfg.OIDC.Method == "none" && !own, ClientID: cfg.OIDC.ClientID, ClientSecret: cfg.OIDC.ClientSecret,
		Userinfo: !own && !cfg.OIDC.SkipUserInfo, UserinfoTTL: cfg.OIDC.UserInfo.TTL, Own: own, Sessions: deps.Sessions, Keys: keys, Log: deps.Log})
	o := resolve.Options{UserClaim: cfg.UserOIDCClaim, AccountClaim: cfg.UserCS3Claim, Own: own, Machine: deps.Machine, Log: deps.Log}
	if !own {
		o.Accounts, o.Groups, o.Provision = deps.Accounts, deps.Groups, cfg.Provision || cfg.ProvisionToo
		o.UsernameClaim, o.MailClaim, o.DisplayNameClaim, o.GroupClaim = cfg.ProvisionClaims.Username, cfg.ProvisionClaims.Mail, cfg.ProvisionClaims.DisplayName, cfg.ProvisionClaims.Groups
		switch cfg.RoleAssignment.Driver {
		case "", "default":
		case "oidc":
			o.RoleClaim, o.Mappings = cfg.RoleAssignment.Mapper.Claim, cfg.RoleAssignment.Mapper.Mappings
			if len(o.Mappings) == 0 {
				o.Mappings = resolve.DefaultMappings()
			}
		default:
			return nil, fmt.Errorf("role_assignment.driver is default or oidc, not %q", cfg.RoleAssignment.Driver)
		}
	}
	var err error
	b.accounts, err = resolve.New(o)
	return b, err
}

// Authenticate tells on whose behalf the holder of a token acts. Errors: identity.ErrCredentials, resolve.ErrNoRole,
// resolve.ErrClaim; any other tells that it cannot be found out now.
func (b *Bearer) Authenticate(ctx context.Context, token string) (identity.Actor, error) {
	a, _, err := b.Identify(ctx, token)
	return a, err
}

// Identify does what Authenticate does, and also returns what the provider says of the person.
func (b *Bearer) Identify(ctx context.Context, token string) (identity.Actor, bearer.Claims, error) {
	c, err := b.verifier.Verify(ctx, token)
	if err != nil {
		return identity.Actor{}, bearer.Claims{}, err
	}
	a, err := b.accounts.Actor(ctx, c)
	return a, c, err
}

// claimedPolicy returns the policy that the identity provider names for the sender of a request that was authenticated.
func (p *proxy) claimedPolicy(r *http.Request) string {
	_, tok, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if p.bearer == nil || !strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "bearer ") {
		return ""
	}
	c, err := p.bearer.verifier.Verify(r.Context(), strings.TrimSpace(tok)) // remembered since a moment ago
	if err != nil {
		return ""
	}
	return c.Text(policyClaim)
}

func (b *Bearer) authenticate(r *http.Request, _ string) (identity.Actor, error) {
	const scheme = "bearer "
	h := r.Header.Get("Authorization")
	if len(h) <= len(scheme) || !strings.EqualFold(h[:len(scheme)], scheme) || isFederatedPath(r.URL.Path) { // there it is the other server's
		return identity.Actor{}, errNotMine
	}
	return b.Authenticate(r.Context(), strings.TrimSpace(h[len(scheme):]))
}

// inside asks the provider in this process, without a connection.
type inside struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.RequestURI, r.RemoteAddr, r.Host = r.URL.RequestURI(), "127.0.0.1:0", r.URL.Host
	w := &answer{header: http.Header{}}
	i.h.ServeHTTP(w, r)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
		Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// answer gathers what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// elsewhere asks the provider in another process of ours, not through our own public address.
type elsewhere struct {
	resolve func(ctx context.Context, service string) (*url.URL, error)
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := e.resolve(r.Context(), "idp")
	if errors.Is(err, ErrNoService) {
		return e.next.RoundTrip(r) // it may be behind the same public address, on another machine
	}
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	return e.next.RoundTrip(r)
}
