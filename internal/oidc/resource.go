package oidc

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strings"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"opencloud/internal/platform/httpd"
)

// errInactive tells that an access token is good for nothing, or no more.
var errInactive = errors.New("the access token is not good")

// examine checks an access token of ours, also that its session is open. errInactive.
func (p *Provider) examine(ctx context.Context, token string) (*zoidc.AccessTokenClaims, error) {
	c, err := op.VerifyAccessToken[*zoidc.AccessTokenClaims](ctx, token, p.op.AccessTokenVerifier(ctx))
	if err != nil {
		return nil, errors.Join(errInactive, err)
	}
	sid, _ := readTokenID(c.JWTID)
	open, err := p.opts.Store.Active(ctx, sid, c.JWTID)
	if err == nil && !open {
		err = errInactive
	}
	return c, err
}

// Userinfo tells the holder of an access token what its scopes allow. (OpenID Connect Core §5.3; errors: RFC 6750 §3.1)
func (p *Provider) Userinfo(w http.ResponseWriter, r *http.Request) {
	token := bearerToken(r)
	if token == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var info zoidc.UserInfo
	c, err := p.examine(r.Context(), token)
	if err == nil {
		_, scopes := readTokenID(c.JWTID)
		err = storage{p}.describe(r.Context(), &info, c.Subject, scopes)
	}
	switch {
	case err == nil:
		httpd.JSON(w, http.StatusOK, &info)
	case errors.Is(err, errInactive):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		httpd.JSON(w, http.StatusUnauthorized, zoidc.Error{ErrorType: "invalid_token", Description: "the access token is expired, revoked or not ours"})
	default:
		httpd.JSON(w, http.StatusServiceUnavailable, zoidc.Error{ErrorType: "temporarily_unavailable"})
	}
}

// bearerToken is the token of a request: in its header, or in a form that was posted. (RFC 6750 §2.1, §2.2)
func bearerToken(r *http.Request) string {
	const scheme = "bearer "
	if h := r.Header.Get("Authorization"); len(h) > len(scheme) && strings.EqualFold(h[:len(scheme)], scheme) {
		return strings.TrimSpace(h[len(scheme):])
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method == http.MethodPost && kind == "application/x-www-form-urlencoded" && r.ParseForm() == nil {
		return r.PostForm.Get("access_token")
	}
	return ""
}

// Introspect tells an application with a secret about an access token that it was given; of those of others it says only
// that they are not active. (RFC 7662 §2)
func (p *Provider) Introspect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	token, clientID, err := op.ParseTokenIntrospectionRequest(r, p.op)
	if err != nil {
		w.Header().Set("WWW-Authenticate", "Basic")
		httpd.JSON(w, http.StatusUnauthorized, zoidc.Error{ErrorType: zoidc.InvalidClient, Description: "introspection is for applications with a secret"})
		return
	}
	out := zoidc.IntrospectionResponse{}
	c, err := p.examine(r.Context(), token)
	if err == nil && (len(c.Audience) == 0 || c.Audience[0] != clientID) {
		err = errInactive
	}
	if err == nil {
		out, err = p.introspection(r.Context(), c)
	}
	if err != nil && !errors.Is(err, errInactive) {
		httpd.JSON(w, http.StatusServiceUnavailable, zoidc.Error{ErrorType: "temporarily_unavailable"})
		return
	}
	httpd.JSON(w, http.StatusOK, &out)
}

// introspection is what is told of a token that is good. errInactive if its person's account is not.
func (p *Provider) introspection(ctx context.Context, c *zoidc.AccessTokenClaims) (out zoidc.IntrospectionResponse, err error) {
	var info zoidc.UserInfo
	_, known := readTokenID(c.JWTID)
	if err := (storage{p}).describe(ctx, &info, c.Subject, known); err != nil {
		return out, err
	}
	out.SetUserInfo(&info)
	out.Active, out.TokenType, out.ClientID, out.Audience = true, zoidc.BearerToken, c.Audience[0], c.Audience
	out.Expiration, out.IssuedAt, out.Issuer, out.JWTID = c.Expiration, c.IssuedAt, c.Issuer, c.JWTID
	out.Username, _ = c.Claims["preferred_username"].(string)
	scopes, _ := c.Claims["scp"].([]any)
	for _, s := range scopes {
		if s, ok := s.(string); ok {
			out.Scope = append(out.Scope, s)
		}
	}
	if out.Claims == nil {
		out.Claims = map[string]any{}
	}
	for _, name := range []string{"sid", "acr"} {
		if v, ok := c.Claims[name]; ok {
			out.Claims[name] = v
		}
	}
	if c.AuthenticationContextClassReference != "" {
		out.Claims["acr"] = c.AuthenticationContextClassReference
	}
	return out, nil
}
