package oidc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"

	"opencloud/internal/identity"
	"opencloud/internal/identity/login"
)

// Scopes of our own. The first is how the original spells it.
const (
	scopeUUIDOld = "LibgreGraph.UUID"
	scopeUUID    = "LibreGraph.UUID"
	scopeRawSub  = "LibreGraph.RawSub"
)

// Paths of the endpoints. (spec/identity.md §6.1)
const (
	AuthorizePath  = "/signin/v1/identifier/_/authorize"
	EndSessionPath = "/signin/v1/identifier/_/endsession"
	TokenPath      = "/konnect/v1/token"
	UserinfoPath   = "/konnect/v1/userinfo"
	KeysPath       = "/konnect/v1/jwks.json"
	IntrospectPath = "/konnect/v1/introspect"
	RevokePath     = "/konnect/v1/revoke"
	CheckPath      = "/konnect/v1/session/check-session.html"
)

// Options of New.
type Options struct {
	Issuer           string
	Clients          []Client // nil: DefaultClients
	Keys             *Keys
	Store            *Store
	Accounts         identity.Accounts
	AccessTTL, IDTTL time.Duration
	RefreshTTL       time.Duration
	Secret           [32]byte // seals what only we read again
}

// Provider answers applications; it has no pages.
type Provider struct {
	opts    Options
	clients map[string]Client
	secrets *login.Authenticator // of clients
	op      *op.Provider
}

// New returns a provider.
func New(o Options) (*Provider, error) {
	o.Issuer = strings.TrimRight(o.Issuer, "/")
	p := &Provider{opts: o, clients: map[string]Client{}}
	if o.Clients == nil {
		o.Clients = DefaultClients()
	}
	for _, c := range o.Clients {
		if c.ID == "" {
			return nil, errors.New("a client has no id")
		}
		if c.Type != "" && c.Type != "web" && c.Type != "native" {
			return nil, fmt.Errorf("client %s: application_type is web or native, not %q", c.ID, c.Type)
		}
		p.clients[c.ID] = c.expand(o.Issuer)
	}
	p.secrets = login.New(secrets(p.clients))
	endpoint := func(path string) *op.Endpoint { e := op.NewEndpoint(path); return e }
	opts := []op.Option{
		op.WithCustomEndpoints(endpoint(AuthorizePath), endpoint(TokenPath), endpoint(UserinfoPath), endpoint(RevokePath), endpoint(EndSessionPath), endpoint(KeysPath)),
		op.WithCustomIntrospectionEndpoint(endpoint(IntrospectPath)),
		op.WithAccessTokenVerifierOpts(op.WithSupportedAccessTokenSigningAlgorithms(algorithms...)),
		op.WithIDTokenHintVerifierOpts(op.WithSupportedIDTokenHintSigningAlgorithms(algorithms...)),
		op.WithCORSOptions(nil),
	}
	if strings.HasPrefix(o.Issuer, "http://") {
		opts = append(opts, op.WithAllowInsecure())
	}
	var err error
	p.op, err = op.NewProvider(&op.Config{CryptoKey: o.Secret, CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
		DefaultLogoutRedirectURI: "/signin/v1/goodbye"}, storage{p}, op.StaticIssuer(o.Issuer), opts...)
	if err != nil {
		return nil, fmt.Errorf("OpenID Connect provider: %w", err)
	}
	return p, nil
}

// algorithms with which we may have signed: never none, never a shared secret.
var algorithms = []string{"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}

// Client finds an application.
func (p *Provider) Client(id string) (Client, bool) {
	c, ok := p.clients[id]
	return c, ok
}

// Engine is the library's provider, for the endpoints that need no page.
func (p *Provider) Engine() *op.Provider { return p.op }

// Ready makes the first signing key if there is none.
func (p *Provider) Ready() error {
	_, err := p.opts.Keys.Get()
	return err
}

// Sessions returns the store of sessions.
func (p *Provider) Sessions() *Store { return p.opts.Store }

// Clients returns all applications.
func (p *Provider) Clients() []Client { return slices.Collect(maps.Values(p.clients)) }

// Respond sends the browser back to the application with a code: the person has signed in and agreed. state is for the frame
// of OpenID Connect Session Management; it may be empty.
func (p *Provider) Respond(w http.ResponseWriter, r *http.Request, q *Request, state string) error {
	code := secret()
	if err := p.opts.Store.saveCode(r.Context(), code, q); err != nil {
		return err
	}
	answer := &op.CodeResponseType{Code: code, State: q.State, SessionState: state}
	if q.ResponseMode == zoidc.ResponseModeFormPost {
		return op.AuthResponseFormPost(w, q.Redirect, answer, p.op.Encoder())
	}
	to, err := op.AuthResponseURL(q.Redirect, q.ResponseType, q.ResponseMode, answer, p.op.Encoder())
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// storage is what the library asks of us.
type storage struct{ p *Provider }

var (
	_ op.Storage                        = storage{}
	_ op.CanSetUserinfoFromRequest      = storage{}
	_ op.CanGetPrivateClaimsFromRequest = storage{}
)

func (s storage) store() *Store { return s.p.opts.Store }

// Authorisation requests are in the address of the page until the person has signed in; nothing is kept of them.
func (s storage) CreateAuthRequest(context.Context, *zoidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, zoidc.ErrRequestNotSupported()
}
func (s storage) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, zoidc.ErrRequestNotSupported()
}
func (s storage) DeleteAuthRequest(context.Context, string) error { return nil }

func (s storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	return s.store().takeCode(ctx, code)
}

// SaveAuthCode is not used: the library gives an id only. See Respond.
func (s storage) SaveAuthCode(context.Context, string, string) error { return zoidc.ErrServerError() }

func (s storage) CreateAccessToken(ctx context.Context, r op.TokenRequest) (string, time.Time, error) {
	q, ok := r.(*Request)
	if !ok {
		return "", time.Time{}, zoidc.ErrUnsupportedGrantType()
	}
	if err := s.alive(ctx, q.UserID, q.Authenticated); err != nil {
		return "", time.Time{}, err
	}
	id, err := s.store().access(ctx, q)
	return id, s.store().now().Add(s.p.opts.AccessTTL), err
}

// told are the scopes that let an application know something, by the letter they have in the ids of tokens.
var told = []struct{ letter, scope string }{{"p", zoidc.ScopeProfile}, {"e", zoidc.ScopeEmail}, {"u", scopeUUID}, {"u", scopeUUIDOld}}

// tokenID names an access token: the session it belongs to, what it lets know, and something random.
func tokenID(sid string, scopes []string) string {
	letters := ""
	for _, t := range told {
		if slices.Contains(scopes, t.scope) {
			letters += t.letter
		}
	}
	return sid + "." + letters + "." + secret()[:16]
}

func readTokenID(id string) (sid string, scopes []string) {
	parts := strings.Split(id, ".")
	if len(parts) != 3 {
		return "", nil
	}
	for _, t := range told {
		if strings.Contains(parts[1], t.letter) {
			scopes = append(scopes, t.scope)
		}
	}
	return parts[0], scopes
}

// alive refuses tokens to accounts that are gone or disabled, or whose password was changed after the person signed in.
func (s storage) alive(ctx context.Context, userID string, authenticated time.Time) error {
	a, err := s.p.opts.Accounts.Account(ctx, userID)
	switch {
	case errors.Is(err, identity.ErrNotFound), err == nil && (!a.Enabled || !a.Deleted.IsZero()):
		return zoidc.ErrInvalidGrant().WithDescription("the account cannot be used")
	case err != nil:
		return fmt.Errorf("look up account: %w", err)
	case a.PasswordChanged.After(authenticated):
		return zoidc.ErrInvalidGrant().WithDescription("the password was changed")
	}
	return nil
}

func (s storage) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	expires := s.store().now().Add(s.p.opts.AccessTTL)
	switch q := r.(type) {
	case *Request:
		if err := s.alive(ctx, q.UserID, q.Authenticated); err != nil {
			return "", "", expires, err
		}
		sid, refresh, err := s.store().device(ctx, q, s.p.opts.RefreshTTL)
		q.SessionID = sid
		return tokenID(sid, q.Scopes), refresh, expires, err
	case *refreshRequest:
		if err := s.alive(ctx, q.UserID, q.Authenticated); err != nil {
			return "", "", expires, err
		}
		refresh, err := s.store().rotate(ctx, current, q.Session, s.p.opts.RefreshTTL)
		return tokenID(q.ID, q.scopes), refresh, expires, err
	}
	return "", "", expires, zoidc.ErrUnsupportedGrantType()
}

func (s storage) TokenRequestByRefreshToken(ctx context.Context, refresh string) (op.RefreshTokenRequest, error) {
	n, err := s.store().byRefresh(ctx, refresh)
	if err != nil {
		return nil, err
	}
	return &refreshRequest{Session: n, scopes: n.Scopes}, nil
}

// TerminateSession is not used: signing out is a page of service/idp.
func (s storage) TerminateSession(context.Context, string, string) error { return nil }

func (s storage) RevokeToken(ctx context.Context, token, userID, clientID string) *zoidc.Error {
	sid, _ := readTokenID(token)
	if userID == "" {
		n, err := s.store().byRefresh(ctx, token)
		if errors.Is(err, errRefresh) {
			return nil // RFC 7009 §2.2: unknown tokens are revoked already
		}
		if err != nil {
			return zoidc.ErrServerError()
		}
		if n.Client != clientID {
			return zoidc.ErrInvalidClient().WithDescription("the token is another client's")
		}
		userID, sid = n.UserID, n.ID
	}
	n, err := s.store().one(ctx, `id=? AND uid=?`, sid, userID)
	switch {
	case errors.Is(err, ErrNoSession):
		return nil
	case err == nil && n.Kind == Browser:
		err = s.store().endToken(ctx, token) // the sign-in is not the application's to end
	case err == nil:
		err = s.store().Revoke(ctx, userID, sid)
	}
	if err != nil && !errors.Is(err, ErrNoSession) {
		return zoidc.ErrServerError()
	}
	return nil
}

func (s storage) GetRefreshTokenInfo(ctx context.Context, clientID, token string) (string, string, error) {
	n, err := s.store().byRefresh(ctx, token)
	if err != nil || n.Client != clientID {
		return "", "", op.ErrInvalidRefreshToken
	}
	return n.UserID, tokenID(n.ID, n.Scopes), nil
}

// signingKey and publicKey are keys in the library's forms.
type (
	signingKey struct{ k Key }
	publicKey  struct{ k Key }
)

func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.k.Alg }
func (k signingKey) Key() any                                    { return k.k.Private }
func (k signingKey) ID() string                                  { return k.k.KeyID }
func (k publicKey) Algorithm() jose.SignatureAlgorithm           { return k.k.Alg }
func (k publicKey) Key() any                                     { return k.k.Public }
func (k publicKey) ID() string                                   { return k.k.KeyID }
func (k publicKey) Use() string                                  { return "sig" }

func (s storage) SigningKey(context.Context) (op.SigningKey, error) {
	keys, err := s.p.opts.Keys.Get()
	if err != nil {
		return nil, err
	}
	return signingKey{keys[0]}, nil
}

func (s storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.p.opts.Keys.alg}, nil
}

func (s storage) KeySet(context.Context) (out []op.Key, err error) {
	keys, err := s.p.opts.Keys.Get()
	for _, k := range keys {
		out = append(out, publicKey{k})
	}
	return out, err
}

func (s storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.p.clients[id]
	if !ok {
		return nil, zoidc.ErrInvalidClient().WithDescription("unknown client")
	}
	return client{&c, s.p}, nil
}

func (s storage) SetUserinfoFromScopes(context.Context, *zoidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest fills in the claims of an id token.
func (s storage) SetUserinfoFromRequest(ctx context.Context, info *zoidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	switch q := r.(type) {
	case *Request:
		info.AppendClaims("sid", q.SessionID)
	case *refreshRequest:
		info.AppendClaims("sid", q.ID)
		info.AppendClaims("acr", q.ACR())
	}
	return s.describe(ctx, info, r.GetSubject(), scopes)
}

// SetUserinfoFromToken and SetIntrospectionFromToken are not used: see Userinfo and Introspect.
func (s storage) SetUserinfoFromToken(context.Context, *zoidc.UserInfo, string, string, string) error {
	return zoidc.ErrRequestNotSupported()
}
func (s storage) SetIntrospectionFromToken(context.Context, *zoidc.IntrospectionResponse, string, string, string) error {
	return zoidc.ErrRequestNotSupported()
}

// describe fills in what the scopes let an application know. errInactive if the account cannot be used. (spec/identity.md §6.5)
func (s storage) describe(ctx context.Context, info *zoidc.UserInfo, userID string, scopes []string) error {
	u, err := s.p.opts.Accounts.User(ctx, userID)
	if errors.Is(err, identity.ErrNotFound) || err == nil && !u.Enabled {
		err = errInactive
	}
	if err != nil {
		return err
	}
	info.Subject = u.ID
	if slices.Contains(scopes, zoidc.ScopeProfile) {
		info.Name, info.FamilyName, info.GivenName, info.PreferredUsername = u.DisplayName, u.Surname, u.GivenName, u.Username
		if tag, err := language.Parse(u.Language); u.Language != "" && err == nil {
			info.Locale = zoidc.NewLocale(tag)
		}
	}
	if slices.Contains(scopes, zoidc.ScopeEmail) && u.Mail != "" {
		info.Email = u.Mail
		info.AppendClaims("email_verified", false)
	}
	if slices.Contains(scopes, scopeUUID) || slices.Contains(scopes, scopeUUIDOld) {
		info.AppendClaims("lg.uuid", u.ID)
	}
	return nil
}

func (s storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// GetPrivateClaimsFromRequest fills in the claims of an access token: what our own proxy needs, so that it asks nobody.
func (s storage) GetPrivateClaimsFromRequest(ctx context.Context, r op.TokenRequest, _ []string) (map[string]any, error) {
	u, err := s.p.opts.Accounts.User(ctx, r.GetSubject())
	if err != nil {
		return nil, err
	}
	claims := map[string]any{"preferred_username": u.Username, "name": u.DisplayName, "email": u.Mail, "scp": r.GetScopes(), "lg.t": "1"}
	switch q := r.(type) {
	case *Request:
		claims["sid"], claims["acr"], claims["amr"] = q.SessionID, q.ACR, q.Methods
	case *refreshRequest:
		claims["sid"], claims["acr"], claims["amr"] = q.ID, q.ACR(), q.Methods
	}
	return claims, nil
}

func (s storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("clients have no keys here")
}

func (s storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, zoidc.ErrUnsupportedGrantType()
}

func (s storage) Health(context.Context) error { return nil }

// client is an application in the library's form.
type client struct {
	*Client
	p *Provider
}

func (c client) GetID() string                    { return c.ID }
func (c client) RedirectURIs() []string           { return c.Client.RedirectURIs }
func (c client) PostLogoutRedirectURIs() []string { return c.Client.PostLogoutURIs }
func (c client) LoginURL(string) string           { return "/signin/v1/identifier" }
func (c client) ResponseTypes() []zoidc.ResponseType {
	return []zoidc.ResponseType{zoidc.ResponseTypeCode}
}
func (c client) GrantTypes() []zoidc.GrantType {
	return []zoidc.GrantType{zoidc.GrantTypeCode, zoidc.GrantTypeRefreshToken}
}
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c client) IDTokenLifetime() time.Duration      { return c.p.opts.IDTTL }
func (c client) DevMode() bool                       { return false }
func (c client) ClockSkew() time.Duration            { return 0 }

// In tokens of the code flow the claims are asked for at userinfo; ours are in the id token too, which clients read.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}
func (c client) IsScopeAllowed(scope string) bool {
	return slices.Contains([]string{scopeUUID, scopeUUIDOld, scopeRawSub}, scope)
}

func (c client) ApplicationType() op.ApplicationType {
	switch {
	case c.native():
		return op.ApplicationTypeNative
	case c.Secret == "":
		return op.ApplicationTypeUserAgent
	}
	return op.ApplicationTypeWeb
}

func (c client) AuthMethod() zoidc.AuthMethod {
	if c.Secret == "" {
		return zoidc.AuthMethodNone
	}
	return zoidc.AuthMethodBasic
}
