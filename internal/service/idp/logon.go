package idp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"opencloud/internal/identity"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/httpd"
)

// The JSON API of the original's sign-in page, for those who bring that page along. (spec/identity.md §6.4)

const (
	apiPath  = "/signin/v1/identifier/_/"
	pagePath = "/signin/v1/"
)

type hello struct {
	State    string `json:"state"`
	Flow     string `json:"flow"`
	Scope    string `json:"scope"`
	Prompt   string `json:"prompt"`
	ClientID string `json:"client_id"`
	Redirect string `json:"redirect_uri"`
}

type apiRequest struct {
	Params []string `json:"params"`
	Hello  *hello   `json:"hello"`
	Allow  bool     `json:"allow"`
	Ref    string   `json:"ref"` // the state of the application's request
	hello
}

// api guards the calls: they come from our own page, which says so in a header that other pages cannot send.
func (h *handler) api(f func(w http.ResponseWriter, r *http.Request, q *apiRequest) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Header.Get("Kopano-Konnect-XSRF") != "1" || !h.ownOrigin(r) {
			httpd.JSON(w, http.StatusBadRequest, map[string]string{"error": "the request does not come from the sign-in page"})
			return
		}
		var q apiRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			httpd.JSON(w, http.StatusBadRequest, map[string]string{"error": "the request cannot be read"})
			return
		}
		if q.Hello == nil {
			q.Hello = &q.hello
		}
		err := f(w, r, &q)
		var throttled *identity.ThrottledError
		switch {
		case err == nil:
		case errors.As(err, &throttled):
			w.Header().Set("Retry-After", strconv.Itoa(int(throttled.RetryAfter/time.Second)+1))
			httpd.JSON(w, http.StatusTooManyRequests, map[string]string{"error": "too many attempts"})
		default:
			h.Log.ErrorContext(r.Context(), "sign-in is not possible", "err", err)
			httpd.JSON(w, http.StatusInternalServerError, map[string]string{"error": "sign-in is not possible at the moment"})
		}
	}
}

// ownOrigin tells whether a page of ours sends the request.
func (h *handler) ownOrigin(r *http.Request) bool {
	from := r.Header.Get("Origin")
	if from == "" || from == "null" {
		from = r.Header.Get("Referer")
	}
	u, err := url.Parse(from)
	if err != nil || u.Host == "" {
		return false
	}
	host := func(s string) string { return strings.TrimSuffix(s, ":443") }
	return host(u.Host) == host(r.Host) || host(u.Host) == host(h.host)
}

func (h *handler) apiHello(w http.ResponseWriter, r *http.Request, q *apiRequest) error {
	client, ok := h.Provider.Client(q.Hello.ClientID)
	if q.Hello.ClientID != "" && (!ok || !client.MayRedirect(q.Hello.Redirect)) {
		httpd.JSON(w, http.StatusBadRequest, map[string]string{"error": "unknown application or address"})
		return nil
	}
	s, u, err := h.current(r)
	if err != nil && !errors.Is(err, oidc.ErrNoSession) {
		return err
	}
	out, err := h.hello(r.Context(), q.Hello, client, u, err == nil && !s.Pending)
	if err == nil {
		httpd.JSON(w, http.StatusOK, out)
	}
	return err
}

// hello is what the page is told of who is signed in, and where to go on.
func (h *handler) hello(ctx context.Context, q *hello, client oidc.Client, u identity.User, signedIn bool) (map[string]any, error) {
	out := map[string]any{"success": signedIn, "state": q.State, "flow": q.Flow, "continue_uri": h.issuer + oidc.AuthorizePath, "scopes": scopeSet(q.Scope),
		"client":   map[string]any{"id": client.ID, "display_name": client.Name, "redirect_uri": q.Redirect, "trusted": client.Trusted},
		"meta":     map[string]any{"scopes": map[string]any{"mapping": map[string]any{}, "definitions": map[string]any{}}},
		"branding": map[string]any{"signinPageText": h.cfg.PageText, "signinPageLogoURI": h.cfg.LogoTarget, "locales": []string{"de", "en", "es", "fr"}}}
	if !signedIn {
		return out, nil
	}
	out["username"], out["displayName"] = u.Username, u.DisplayName
	if client.ID == "" || client.Trusted {
		return out, nil
	}
	agreed, err := h.Provider.Sessions().Consented(ctx, u.ID, client.ID, knownScopes(strings.Fields(q.Scope)))
	if err == nil && (!agreed || slices.Contains(strings.Fields(q.Prompt), zoidc.PromptConsent)) {
		out["next"] = "consent"
	}
	return out, err
}

func scopeSet(scopes string) map[string]bool {
	out := map[string]bool{}
	for _, s := range strings.Fields(scopes) {
		out[s] = true
	}
	return out
}

func (h *handler) apiLogon(w http.ResponseWriter, r *http.Request, q *apiRequest) error {
	failed := func() error {
		w.Header().Set("Kopano-Konnect-State", strings.Map(printableASCII, q.State))
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if len(q.Params) < 3 {
		return failed()
	}
	client, _ := h.Provider.Client(q.Hello.ClientID)
	flow := apiFlow(r, q)
	pending := false
	var u identity.User
	var err error
	switch q.Params[2] {
	case "1":
		u, pending, err = h.signIn(w, r, q.Params[0], q.Params[1], flow)
	case "0": // go on as who is signed in
		var s oidc.Session
		if s, u, err = h.current(r); err == nil && s.Pending {
			err = oidc.ErrNoSession
		}
		if err == nil && !strings.EqualFold(u.Username, q.Params[0]) {
			err = oidc.ErrNoSession
		}
		if err == nil {
			err = h.Provider.Sessions().Chosen(r.Context(), s.ID, chosenFor(flow))
		}
	default:
		return failed()
	}
	if errors.Is(err, identity.ErrCredentials) || errors.Is(err, oidc.ErrNoSession) {
		return failed()
	}
	if err != nil {
		return err
	}
	out, err := h.hello(r.Context(), q.Hello, client, u, true)
	if err != nil {
		return err
	}
	if pending { // our page asks for the second factor, then leads back to the application's request
		out["continue_uri"] = h.issuer + pagePath + "factor"
		delete(out, "next")
	}
	httpd.JSON(w, http.StatusOK, map[string]any{"success": true, "state": q.State, "hello": out})
	return nil
}

// apiFlow names the application's request that a call is about. It stands in the address of the page that calls; the state
// in the call is the page's own.
func apiFlow(r *http.Request, q *apiRequest) string {
	state := q.Hello.State
	if q.Ref != "" {
		state = q.Ref
	}
	if u, err := url.Parse(r.Referer()); err == nil && strings.HasPrefix(u.Path, pagePath) && u.Query().Get("client_id") == q.Hello.ClientID {
		state = u.Query().Get("state")
	}
	return flowOf(q.Hello.ClientID, q.Hello.Redirect, state)
}

func printableASCII(c rune) rune {
	if c < ' ' || c > '~' {
		return -1
	}
	return c
}

// signIn checks a password, and opens a session: one that waits for a second factor, if that is due.
// Errors: those of identity.Authenticator.
func (h *handler) signIn(w http.ResponseWriter, r *http.Request, name, password, flow string) (u identity.User, pending bool, err error) {
	ctx := r.Context()
	a, err := h.Login.Authenticate(ctx, identity.Login{Name: name, Password: password, Address: address(r)})
	if err != nil {
		return identity.User{}, false, err
	}
	if h.Factors != nil {
		methods, enrol, err := h.Factors.Needed(ctx, a.User)
		if err != nil {
			return identity.User{}, false, err
		}
		pending = enrol || len(methods) > 0
	}
	return a.User, pending, h.open(ctx, w, r, a.User, []string{"pwd"}, pending, flow)
}

// open begins the session of somebody who proved who they are. One that the browser had before ends.
func (h *handler) open(ctx context.Context, w http.ResponseWriter, r *http.Request, u identity.User, methods []string, pending bool, flow string) error {
	sessions := h.Provider.Sessions()
	if c, err := r.Cookie(cookieName); err == nil {
		if old, err := sessions.ByCookie(ctx, c.Value); err == nil {
			if err := sessions.Revoke(ctx, old.UserID, old.ID); err != nil && !errors.Is(err, oidc.ErrNoSession) {
				return err
			}
		}
	}
	now := time.Now()
	s, cookie, err := sessions.Open(ctx, oidc.Session{Kind: oidc.Browser, UserID: u.ID, Agent: r.UserAgent(), Address: address(r),
		Expires: now.Add(time.Duration(h.cfg.SessionSeconds) * time.Second), Authenticated: now, Methods: methods, Pending: pending, Flow: flow})
	if err != nil {
		return err
	}
	h.setCookie(w, cookie)
	if pending {
		h.setState(w, "")
		return nil
	}
	h.setState(w, s.ID)
	return h.Accounts.SignedIn(ctx, u.ID)
}

func (h *handler) apiLogoff(w http.ResponseWriter, r *http.Request, q *apiRequest) error {
	if err := h.signOut(w, r); err != nil {
		return err
	}
	httpd.JSON(w, http.StatusOK, map[string]any{"success": true, "state": q.State})
	return nil
}

func (h *handler) signOut(w http.ResponseWriter, r *http.Request) error {
	h.clearCookie(w)
	s, _, err := h.current(r)
	if err == nil {
		err = h.Provider.Sessions().Revoke(r.Context(), s.UserID, s.ID)
	}
	if errors.Is(err, oidc.ErrNoSession) {
		err = nil
	}
	return err
}

func (h *handler) apiConsent(w http.ResponseWriter, r *http.Request, q *apiRequest) error {
	s, u, err := h.current(r)
	if errors.Is(err, oidc.ErrNoSession) || err == nil && s.Pending || !q.Allow {
		w.Header().Set("Kopano-Konnect-State", strings.Map(printableASCII, q.State))
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	if err := h.consent(w, r, u, s, q.Hello.ClientID, knownScopes(strings.Fields(q.Hello.Scope)), apiFlow(r, q)); err != nil {
		return err
	}
	httpd.JSON(w, http.StatusOK, map[string]any{"success": true, "state": q.State})
	return nil
}

// consent notes that somebody agreed: for good, and by a cookie for the request that asked for it anew.
func (h *handler) consent(w http.ResponseWriter, r *http.Request, u identity.User, s oidc.Session, clientID string, scopes []string, flow string) error {
	if _, ok := h.Provider.Client(clientID); !ok {
		return &errPage{"This application is not known here."}
	}
	if err := h.Provider.Sessions().Consent(r.Context(), u.ID, clientID, scopes); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: consentCookie(flow), Value: h.sealed("consent "+flow+" "+s.ID, time.Minute), Path: apiPath, Secure: true,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 60})
	return nil
}

func consentCookie(flow string) string { return "__Secure-KKTC-" + flow }

// sealed returns a proof that we said something, good for a while.
func (h *handler) sealed(text string, ttl time.Duration) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(ttl).Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, h.mac(b, text)...))
}

func (h *handler) mac(until []byte, text string) []byte {
	m := hmac.New(sha256.New, h.seal[:])
	m.Write(until)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// unseal tells whether we said the text, and not too long ago.
func (h *handler) unseal(proof, text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(proof)
	if err != nil || len(b) != 8+sha256.Size {
		return false
	}
	return hmac.Equal(h.mac(b[:8], text), b[8:]) && time.Now().Unix() < int64(binary.BigEndian.Uint64(b[:8]))
}
