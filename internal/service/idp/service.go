// Package idp is the OpenID Connect provider's face: its endpoints, and the pages where people sign in.
// (spec/identity.md §6)
//
// The authorisation request of an application travels in the address of every page until its person has signed in; the
// server keeps only who has signed in, by cookie. So pages can be reloaded, opened twice and bookmarked, and a restart of
// the server loses nothing.
package idp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"opencloud/internal/identity"
	"opencloud/internal/identity/factor"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/platform/service"
	"opencloud/internal/service/idp/pages"
)

// Factors are people's second factors. (package factor)
type Factors interface {
	Needed(ctx context.Context, u identity.User) (kinds []string, enrol bool, err error)
	List(ctx context.Context, userID string) ([]factor.Factor, error)
	// Passkeys tells whether there can be any.
	Passkeys() bool
	NewTOTP(ctx context.Context, u identity.User, session string) (secret, address string, err error)
	ConfirmTOTP(ctx context.Context, userID, session, code string) error
	CheckTOTP(ctx context.Context, userID, code string) error
	NewRecovery(ctx context.Context, userID string) ([]string, error)
	CheckRecovery(ctx context.Context, userID, code string) error
	BeginPasskey(ctx context.Context, u identity.User) (options json.RawMessage, challenge string, err error)
	AddPasskey(ctx context.Context, u identity.User, challenge, name string, answer []byte) error
	BeginSignIn(ctx context.Context, u *identity.User) (options json.RawMessage, challenge string, err error)
	SignIn(ctx context.Context, u *identity.User, users factor.Users, challenge string, answer []byte) (identity.User, error)
	Rename(ctx context.Context, userID, id, name string) error
	Remove(ctx context.Context, userID, id string) error
}

// Deps are what the service speaks to.
type Deps struct {
	Provider *oidc.Provider
	Login    identity.Authenticator
	Accounts identity.Accounts
	Factors  Factors // nil: the password is enough
	Log      *slog.Logger
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	h, err := newHandler(cfg, deps)
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{HTTP: h.routes(), Loops: []service.Loop{{Name: "expiry of sign-ins", Run: h.purge}}}, nil
}

type handler struct {
	Deps
	cfg    Config
	issuer string
	host   string
	seal   [32]byte
	pages  *pages.Set
	assets *assets // nil: ours
}

func newHandler(cfg Config, deps Deps) (*handler, error) {
	set, err := pages.New(pages.Brand{LogoTarget: cfg.LogoTarget, Background: cfg.BackgroundURL, Text: cfg.PageText, ResetURI: cfg.PasswordResetURI})
	if err != nil {
		return nil, err
	}
	issuer := strings.TrimRight(cfg.Issuer, "/")
	_, host, _ := strings.Cut(issuer, "://")
	h := &handler{Deps: deps, cfg: cfg, issuer: issuer, host: host, seal: Seal(cfg.EncryptionSecret, "pages"), pages: set}
	if cfg.AssetPath != "" {
		if h.assets, err = openAssets(cfg); err != nil {
			h.Log.Warn("the folder of sign-in pages cannot be used; ours are shown", "folder", cfg.AssetPath, "err", err)
		}
	}
	return h, nil
}

// Seal derives a key for one purpose from the configured secret.
func Seal(secret, purpose string) [32]byte {
	return sha256.Sum256([]byte("idp " + purpose + "\x00" + secret))
}

const (
	maxBody    = 64 << 10
	maxQuery   = 16 << 10
	purgeEvery = 10 * time.Minute
)

// purge removes what has expired. Before that it makes the first signing key, so that nobody waits for it.
func (h *handler) purge(ctx context.Context) error {
	if err := h.Provider.Ready(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(purgeEvery):
		}
		if err := h.Provider.Sessions().Purge(ctx); err != nil && ctx.Err() == nil {
			h.Log.WarnContext(ctx, "expired sign-ins cannot be removed", "err", err)
		}
	}
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	engine := h.Provider.Engine()
	open := func(path string, next http.Handler) { mux.Handle(path, anyOrigin(next)) }
	open("/.well-known/openid-configuration", http.HandlerFunc(h.discovery))
	for path, next := range map[string]http.Handler{oidc.TokenPath: engine, oidc.KeysPath: engine, oidc.RevokePath: engine,
		oidc.UserinfoPath: http.HandlerFunc(h.Provider.Userinfo), oidc.IntrospectPath: http.HandlerFunc(h.Provider.Introspect)} {
		open(path, noStore(h.Provider.Endpoint(next, address)))
	}
	mux.HandleFunc(oidc.CheckPath, h.checkSession)
	mux.HandleFunc("/konnect/v1/register", func(w http.ResponseWriter, _ *http.Request) {
		httpd.JSON(w, http.StatusForbidden, map[string]string{"error": "access_denied", "error_description": "applications are registered by the administrator"})
	})
	mux.HandleFunc(oidc.AuthorizePath, h.authorize)
	mux.HandleFunc(oidc.EndSessionPath, h.endSession)
	mux.HandleFunc("POST "+apiPath+"hello", h.api(h.apiHello))
	mux.HandleFunc("POST "+apiPath+"logon", h.api(h.apiLogon))
	mux.HandleFunc("POST "+apiPath+"logoff", h.api(h.apiLogoff))
	mux.HandleFunc("POST "+apiPath+"consent", h.api(h.apiConsent))
	h.pageRoutes(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RawQuery) > maxQuery {
			h.problem(w, r, http.StatusRequestURITooLong, "The address is too long.")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r.WithContext(op.ContextWithIssuer(r.Context(), h.issuer)))
	})
}

// anyOrigin lets pages of other origins read an answer, without their cookies. (spec/identity.md §6.1)
func anyOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hd := w.Header()
		hd.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			hd.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			hd.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Requested-With, X-Request-Id")
			hd.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != oidc.KeysPath {
			w.Header().Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// current returns the sign-in of the browser: ErrNoSession if there is none, or its person can no longer sign in.
func (h *handler) current(r *http.Request) (oidc.Session, identity.User, error) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return oidc.Session{}, identity.User{}, oidc.ErrNoSession
	}
	ctx := r.Context()
	s, err := h.Provider.Sessions().ByCookie(ctx, c.Value)
	if err != nil {
		return s, identity.User{}, err
	}
	a, err := h.Accounts.Account(ctx, s.UserID)
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return s, identity.User{}, oidc.ErrNoSession
	case err != nil:
		return s, identity.User{}, err
	case !a.Enabled, !a.Deleted.IsZero(), a.PasswordChanged.After(s.Authenticated):
		return s, identity.User{}, oidc.ErrNoSession
	}
	return s, a.User, nil
}

// cookieName is that of the original, so that what reads it there finds it here. (spec/identity.md §6.4)
const cookieName = "__Secure-KKT"

// setCookie remembers a sign-in in the browser. Lax, not Strict: people come to the sign-in page from applications, and
// would have to sign in anew each time.
func (h *handler) setCookie(w http.ResponseWriter, value string) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/signin/v1/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: h.cfg.SessionSeconds})
}

func (h *handler) clearCookie(w http.ResponseWriter) {
	h.setState(w, "")
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/signin/v1/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
}
