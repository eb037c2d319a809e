package idp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"opencloud/internal/identity"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/httpd"
)

// flowAge is how long after signing in a request that asked for it (prompt=login) is satisfied.
const flowAge = 10 * time.Minute

// maxParameter bounds each parameter of a request, in bytes.
const maxParameter = 4096

// request is a checked authorisation request: the client is known and the redirect is its own, so errors may be told there.
type request struct {
	*zoidc.AuthRequest
	client oidc.Client
	query  url.Values
	scopes []string
}

// errPage is an error that must be shown here: the redirect cannot be trusted.
type errPage struct{ message string }

func (e *errPage) Error() string { return e.message }

// parse reads and checks a request. Errors are *errPage, or *zoidc.Error together with the request, to be told to the client.
func (h *handler) parse(q url.Values) (*request, error) {
	raw := new(zoidc.AuthRequest)
	if err := h.Provider.Engine().Decoder().Decode(raw, q); err != nil {
		return nil, &errPage{"The request of the application cannot be read."}
	}
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > maxParameter { // RFC 6749 §3.1: each once
			return nil, &errPage{"The request of the application cannot be read."}
		}
	}
	if raw.RedirectURI == "" || raw.ClientID == "" {
		return nil, &errPage{"The request of the application is not complete."}
	}
	client, ok := h.Provider.Client(raw.ClientID)
	if !ok {
		return nil, &errPage{"This application is not known here."}
	}
	if !client.MayRedirect(raw.RedirectURI) {
		return nil, &errPage{"The application wants to be reached at an address that it did not register."}
	}
	req := &request{AuthRequest: raw, client: client, query: q}
	return req, req.check()
}

func (r *request) check() error {
	switch {
	case r.RequestParam != "" || r.query.Has("request_uri"):
		return zoidc.ErrRequestNotSupported()
	case r.ResponseType != zoidc.ResponseTypeCode:
		return zoidc.ErrInvalidRequest().WithDescription("response_type must be code")
	case !slices.Contains(r.Scopes, zoidc.ScopeOpenID):
		return zoidc.ErrInvalidScope().WithDescription("scope must contain openid")
	case r.CodeChallenge == "" && r.client.Secret == "":
		return zoidc.ErrInvalidRequest().WithDescription("code_challenge is missing: public clients use PKCE")
	case r.CodeChallenge != "" && r.CodeChallengeMethod != zoidc.CodeChallengeMethodS256:
		return zoidc.ErrInvalidRequest().WithDescription("code_challenge_method must be S256")
	case r.ResponseMode != "" && r.ResponseMode != zoidc.ResponseModeQuery && r.ResponseMode != zoidc.ResponseModeFragment && r.ResponseMode != zoidc.ResponseModeFormPost:
		return zoidc.ErrInvalidRequest().WithDescription("response_mode must be query, fragment or form_post")
	case slices.Contains(r.Prompt, zoidc.PromptNone) && len(r.Prompt) > 1:
		return zoidc.ErrInvalidRequest().WithDescription("prompt=none stands alone")
	}
	r.scopes = knownScopes(r.Scopes)
	return nil
}

// knownScopes are those of a request that mean something here, each once.
func knownScopes(scopes []string) (out []string) {
	known := []string{zoidc.ScopeOpenID, zoidc.ScopeProfile, zoidc.ScopeEmail, zoidc.ScopeOfflineAccess, "LibgreGraph.UUID", "LibreGraph.UUID", "LibreGraph.RawSub"}
	for _, s := range scopes {
		if slices.Contains(known, s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (r *request) prompts(p string) bool { return slices.Contains(r.Prompt, p) }

// flow names the request, so that signing in for it can be told from having signed in before.
func (r *request) flow() string {
	return flowOf(r.ClientID, r.RedirectURI, r.State)
}

func flowOf(client, redirect, state string) string {
	sum := sha256.Sum256([]byte(client + "\x00" + redirect + "\x00" + state))
	return hex.EncodeToString(sum[:16])
}

// chosenFor marks a sign-in from before that the person chose for a request: they proved nothing again.
func chosenFor(flow string) string { return "chosen " + flow }

// authorize answers an application that sends somebody here to sign in. (OpenID Connect Core §3.1.2, spec/identity.md §6.3)
func (h *handler) authorize(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		h.problem(w, r, http.StatusMethodNotAllowed, "Applications come here by GET or POST.")
		return
	}
	if err := r.ParseForm(); err != nil {
		h.problem(w, r, http.StatusBadRequest, "The request of the application cannot be read.")
		return
	}
	q := r.Form
	q.Del("konnect") // what the original's page adds
	req, err := h.parse(q)
	var page *errPage
	if errors.As(err, &page) {
		h.problem(w, r, http.StatusBadRequest, page.message)
		return
	}
	if err == nil {
		err = h.proceed(w, r, req)
	}
	if err != nil {
		h.refuse(w, r, req, err)
	}
}

// refuse tells the application, at its registered address, why there is no code.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, req *request, err error) {
	var e *zoidc.Error
	if !errors.As(err, &e) {
		h.Log.ErrorContext(r.Context(), "authorisation is not possible", "err", err, "client", req.ClientID)
		e = zoidc.ErrServerError().WithDescription("try again later")
	}
	answer := &answerError{Error: string(e.ErrorType), Description: e.Description, State: req.State}
	encoder := h.Provider.Engine().Encoder()
	if req.ResponseMode == zoidc.ResponseModeFormPost {
		if err := op.AuthResponseFormPost(w, req.RedirectURI, answer, encoder); err != nil {
			h.problem(w, r, http.StatusInternalServerError, "The application cannot be told what happened.")
		}
		return
	}
	to, err := op.AuthResponseURL(req.RedirectURI, req.ResponseType, req.ResponseMode, answer, encoder)
	if err != nil {
		h.problem(w, r, http.StatusBadRequest, "The application cannot be told what happened.")
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

type answerError struct {
	Error       string `schema:"error"`
	Description string `schema:"error_description,omitempty"`
	State       string `schema:"state,omitempty"`
}

// proceed sends the person to the next page, or back to the application with a code.
func (h *handler) proceed(w http.ResponseWriter, r *http.Request, req *request) error {
	s, u, err := h.current(r)
	none := errors.Is(err, oidc.ErrNoSession)
	if err != nil && !none {
		return err
	}
	silent := req.prompts(zoidc.PromptNone)
	fresh := !none && s.Flow == req.flow() && time.Since(s.Authenticated) < flowAge
	chosen := fresh || !none && s.Flow == chosenFor(req.flow())
	next := ""
	switch {
	case none:
		next = "identifier"
	case s.Pending:
		next = "factor"
	case !fresh && (req.prompts(zoidc.PromptLogin) || h.tooOld(req, s) || !h.hinted(r, req, u)):
		next = "identifier"
	case !h.hinted(r, req, u): // somebody else signed in than the one the application expects
		return zoidc.ErrLoginRequired()
	case !chosen && req.prompts(zoidc.PromptSelectAccount):
		next = "chooseaccount"
	}
	if next != "" {
		if silent {
			return zoidc.ErrLoginRequired()
		}
		h.page(w, r, next, req)
		return nil
	}
	agreed, err := h.agreed(r, req, u, s)
	if err != nil {
		return err
	}
	if !agreed {
		if silent {
			return &zoidc.Error{ErrorType: "consent_required", Description: "the person has not agreed yet"}
		}
		h.page(w, r, "consent", req)
		return nil
	}
	q := &oidc.Request{Client: req.ClientID, Redirect: req.RedirectURI, ResponseType: req.ResponseType, ResponseMode: req.ResponseMode, Scopes: req.scopes,
		State: req.State, Nonce: req.Nonce, UserID: u.ID, SessionID: s.ID, Authenticated: s.Authenticated, Methods: s.Methods, ACR: s.ACR(),
		Agent: r.UserAgent(), Address: address(r)}
	if req.CodeChallenge != "" {
		q.Challenge = &zoidc.CodeChallenge{Challenge: req.CodeChallenge, Method: req.CodeChallengeMethod}
	}
	h.setState(w, s.ID)
	return h.Provider.Respond(w, r, q, h.sessionState(req.client, req.RedirectURI, s.ID))
}

func (h *handler) tooOld(req *request, s oidc.Session) bool {
	return req.MaxAge != nil && time.Since(s.Authenticated) > time.Duration(*req.MaxAge)*time.Second
}

// hinted tells whether the person is the one the application expects; without a hint everybody is. (id_token_hint)
func (h *handler) hinted(r *http.Request, req *request, u identity.User) bool {
	if req.IDTokenHint == "" {
		return true
	}
	subject, err := op.ValidateAuthReqIDTokenHint(r.Context(), req.IDTokenHint, h.Provider.Engine().IDTokenHintVerifier(r.Context()))
	return err == nil && subject == u.ID
}

// agreed tells whether the person lets the application know who they are.
func (h *handler) agreed(r *http.Request, req *request, u identity.User, s oidc.Session) (bool, error) {
	if req.client.Trusted {
		return true, nil
	}
	// Another program on this machine can take the place of a native application: what was agreed to before counts only
	// if the person began this sign-in. (RFC 8252 §8.6)
	began := s.Flow == req.flow() || s.Flow == chosenFor(req.flow())
	if req.prompts(zoidc.PromptConsent) || req.client.Type == "native" && !began {
		c, err := r.Cookie(consentCookie(req.flow()))
		return err == nil && h.unseal(c.Value, "consent "+req.flow()+" "+s.ID), nil
	}
	return h.Provider.Sessions().Consented(r.Context(), u.ID, req.ClientID, req.scopes)
}

// page leads to one of the sign-in pages, which keep the request in their address.
func (h *handler) page(w http.ResponseWriter, r *http.Request, name string, req *request) {
	flow := "oidc"
	if name == "consent" {
		flow = "consent"
	}
	http.Redirect(w, r, pagePath+name+"?flow="+flow+"&"+req.query.Encode(), http.StatusFound)
}

// back leads from a page to the authorisation endpoint. Who has been asked something was not signed in silently: the
// original's page says prompt=none then.
func back(q url.Values) string {
	c := url.Values{}
	for k, v := range q {
		if k != "flow" && k != "konnect" {
			c[k] = v
		}
	}
	if c.Get("prompt") == zoidc.PromptNone {
		c.Del("prompt")
	}
	return oidc.AuthorizePath + "?" + c.Encode()
}

// discovery describes the provider. (spec/identity.md §6.1)
func (h *handler) discovery(w http.ResponseWriter, r *http.Request) {
	c := op.CreateDiscoveryConfig(r.Context(), h.Provider.Engine(), h.Provider.Engine().Storage())
	c.ScopesSupported = []string{"openid", "offline_access", "profile", "email", "LibgreGraph.UUID", "LibreGraph.UUID", "LibreGraph.RawSub"}
	c.ResponseTypesSupported = []string{"code"}
	c.ResponseModesSupported = []string{"query", "fragment", "form_post"}
	c.GrantTypesSupported = []zoidc.GrantType{zoidc.GrantTypeCode, zoidc.GrantTypeRefreshToken}
	c.CheckSessionIframe = h.issuer + oidc.CheckPath
	c.DeviceAuthorizationEndpoint, c.RegistrationEndpoint = "", ""
	c.TokenEndpointAuthMethodsSupported = []zoidc.AuthMethod{zoidc.AuthMethodBasic, zoidc.AuthMethodPost, zoidc.AuthMethodNone}
	c.ClaimsSupported = []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "name", "family_name", "given_name", "preferred_username", "email", "email_verified"}
	c.RequestParameterSupported = false
	raw, err := json.Marshal(c)
	if err != nil {
		h.Log.ErrorContext(r.Context(), "discovery", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out) // what Marshal has made
	out["prompt_values_supported"] = []string{"none", "login", "consent", "select_account"}
	out["acr_values_supported"] = []string{"1", "2"}
	out["request_parameter_supported"], out["request_uri_parameter_supported"], out["claims_parameter_supported"] = false, false, false
	delete(out, "device_authorization_endpoint")
	w.Header().Set("Cache-Control", "max-age=60")
	httpd.JSON(w, http.StatusOK, out)
}

// endSession signs out. (OpenID Connect RP-Initiated Logout 1.0) Without a hint that proves whose application asks, the
// person is asked first, or any page could sign people out.
func (h *handler) endSession(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := r.ParseForm(); err != nil {
		h.problem(w, r, http.StatusBadRequest, "The request of the application cannot be read.")
		return
	}
	hint, to := r.Form.Get("id_token_hint"), r.Form.Get("post_logout_redirect_uri")
	clientID, proved := r.Form.Get("client_id"), false
	if hint != "" {
		engine := h.Provider.Engine()
		claims, err := op.VerifyIDTokenHint[*zoidc.IDTokenClaims](r.Context(), hint, engine.IDTokenHintVerifier(r.Context()))
		var expired op.IDTokenHintExpiredError
		if err != nil && !errors.As(err, &expired) {
			h.problem(w, r, http.StatusBadRequest, "The request of the application cannot be trusted.")
			return
		}
		if clientID != "" && clientID != claims.AuthorizedParty {
			h.problem(w, r, http.StatusBadRequest, "The request of the application cannot be trusted.")
			return
		}
		clientID, proved = claims.AuthorizedParty, true
		sid, _ := claims.Claims["sid"].(string)
		if err := h.Provider.Sessions().Revoke(r.Context(), claims.Subject, sid); err != nil && !errors.Is(err, oidc.ErrNoSession) {
			h.problem(w, r, http.StatusServiceUnavailable, "Signing out is not possible at the moment.")
			return
		}
		if s, _, err := h.current(r); err == nil && s.UserID == claims.Subject {
			if err := h.Provider.Sessions().Revoke(r.Context(), s.UserID, s.ID); err != nil && !errors.Is(err, oidc.ErrNoSession) {
				h.problem(w, r, http.StatusServiceUnavailable, "Signing out is not possible at the moment.")
				return
			}
		}
		h.clearCookie(w)
	}
	client, ok := h.Provider.Client(clientID)
	if to != "" && (!ok || !client.MayReturn(to)) {
		h.problem(w, r, http.StatusBadRequest, "The application wants to return to an address that it did not register.")
		return
	}
	if state := r.Form.Get("state"); to != "" && state != "" {
		u, err := url.Parse(to)
		if err != nil {
			h.problem(w, r, http.StatusBadRequest, "The application wants to return to an address that it did not register.")
			return
		}
		q := u.Query()
		q.Set("state", state)
		u.RawQuery = q.Encode()
		to = u.String()
	}
	switch {
	case !proved:
		http.Redirect(w, r, pagePath+"goodbye?"+url.Values{"return": {to}, "client_id": {clientID}}.Encode(), http.StatusFound)
	case to != "":
		http.Redirect(w, r, to, http.StatusFound)
	default:
		http.Redirect(w, r, pagePath+"goodbye", http.StatusFound)
	}
}

// address is the client's, as the proxy saw it: it replaces whatever a client says in this header.
func address(r *http.Request) string {
	if a, err := netip.ParseAddr(r.Header.Get("X-Real-Ip")); err == nil {
		return a.String()
	}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return a.Addr().String()
	}
	return r.RemoteAddr
}
