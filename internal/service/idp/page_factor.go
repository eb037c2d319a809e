package idp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"opencloud/internal/identity"
	"opencloud/internal/identity/factor"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/service/idp/pages"
)

func (h *handler) factorRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+pagePath+"factor", h.showFactor)
	mux.HandleFunc("POST "+pagePath+"factor", h.form(h.sendFactor))
	mux.HandleFunc("POST "+pagePath+"passkey/signin", h.passkeyOptions(func(r *http.Request) (json.RawMessage, string, error) {
		return h.Factors.BeginSignIn(r.Context(), nil)
	}))
	mux.HandleFunc("POST "+pagePath+"passkey/factor", h.passkeyOptions(func(r *http.Request) (json.RawMessage, string, error) {
		s, u, err := h.current(r)
		if err == nil && !s.Pending {
			err = oidc.ErrNoSession
		}
		if err != nil {
			return nil, "", err
		}
		return h.Factors.BeginSignIn(r.Context(), &u)
	}))
	mux.HandleFunc("POST "+pagePath+"passkey/new", h.passkeyOptions(func(r *http.Request) (json.RawMessage, string, error) {
		s, u, err := h.current(r)
		if err == nil && (s.Pending || !h.recent(s)) {
			err = oidc.ErrNoSession
		}
		if err != nil {
			return nil, "", err
		}
		return h.Factors.BeginPasskey(r.Context(), u)
	}))
}

// passkeyOptions tells our script what to ask the authenticator.
func (h *handler) passkeyOptions(begin func(r *http.Request) (json.RawMessage, string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !h.ownOrigin(r) {
			httpd.JSON(w, http.StatusForbidden, map[string]string{"error": "the request does not come from our page"})
			return
		}
		options, challenge, err := begin(r)
		switch {
		case err == nil:
			httpd.JSON(w, http.StatusOK, map[string]any{"options": options, "challenge": challenge})
		case errors.Is(err, oidc.ErrNoSession), errors.Is(err, identity.ErrInvalid):
			httpd.JSON(w, http.StatusForbidden, map[string]string{"error": "not possible now"})
		default:
			h.Log.ErrorContext(r.Context(), "passkey options", "err", err)
			httpd.JSON(w, http.StatusInternalServerError, map[string]string{"error": "not possible at the moment"})
		}
	}
}

// passkeySignIn opens a session for whoever holds a passkey: it is two factors in one.
func (h *handler) passkeySignIn(w http.ResponseWriter, r *http.Request, req *request) {
	u, err := h.Factors.SignIn(r.Context(), nil, h.Accounts, r.PostForm.Get("challenge"), []byte(r.PostForm.Get("answer")))
	if err == nil && !u.Enabled {
		err = factor.ErrWrong
	}
	if err == nil {
		err = h.open(r.Context(), w, r, u, []string{"hwk", "user", "mfa"}, false, flowName(req))
	}
	switch {
	case err == nil:
		h.onward(w, r)
	case errors.Is(err, factor.ErrWrong):
		h.signInPage(w, r, http.StatusUnauthorized, signInForm{Client: clientName(req), Error: "This passkey is not known here. Sign in with your password."})
	default:
		h.broken(w, r, err)
	}
}

type factorForm struct {
	Codes, Passkey, Enrol bool // what can be used, or that something must be set up
	User, Error           string
	QR                    template.URL
	Secret                string
	Action, Proof         string
}

// waiting returns the session that waits for a second factor; else it leads to where the person belongs.
func (h *handler) waiting(w http.ResponseWriter, r *http.Request) (oidc.Session, identity.User, bool) {
	s, u, err := h.current(r)
	switch {
	case errors.Is(err, oidc.ErrNoSession):
		http.Redirect(w, r, pagePath+"identifier?"+r.URL.RawQuery, http.StatusSeeOther)
	case err != nil:
		h.broken(w, r, err)
	case !s.Pending:
		h.onward(w, r)
	default:
		return s, u, true
	}
	return s, u, false
}

func (h *handler) showFactor(w http.ResponseWriter, r *http.Request) {
	if s, u, ok := h.waiting(w, r); ok {
		h.factorPage(w, r, http.StatusOK, s, u, "")
	}
}

func (h *handler) factorPage(w http.ResponseWriter, r *http.Request, status int, s oidc.Session, u identity.User, fault string) {
	kinds, enrol, err := h.Factors.Needed(r.Context(), u)
	if err != nil {
		h.broken(w, r, err)
		return
	}
	f := factorForm{Codes: slices.Contains(kinds, factor.TOTP) || slices.Contains(kinds, factor.Recovery), Passkey: slices.Contains(kinds, factor.Passkey), Enrol: enrol,
		User: u.Username, Error: fault}
	f.Action, f.Proof = h.action(r)
	title := "Confirm that it is you"
	if enrol {
		title = "Set up a second factor"
		if f.Secret, f.QR, err = h.newTOTP(r.Context(), s, u); err != nil {
			h.broken(w, r, err)
			return
		}
	}
	h.render(w, r, pages.Page{Template: "factor", Title: title, Status: status, Language: u.Language, Data: f})
}

// newTOTP makes a secret (for a while the same one for the same session), and the picture that authenticator applications read.
func (h *handler) newTOTP(ctx context.Context, s oidc.Session, u identity.User) (secret string, picture template.URL, err error) {
	secret, address, err := h.Factors.NewTOTP(ctx, u, s.ID)
	if err != nil {
		return "", "", err
	}
	png, err := qrcode.Encode(address, qrcode.Medium, 416)
	if err != nil {
		return "", "", err
	}
	var groups []string
	for chunk := range slices.Chunk([]byte(secret), 4) {
		groups = append(groups, string(chunk))
	}
	return strings.Join(groups, " "), template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)), nil //nolint:gosec // made here
}

func (h *handler) sendFactor(w http.ResponseWriter, r *http.Request) {
	s, u, ok := h.waiting(w, r)
	if !ok {
		return
	}
	kinds, enrol, err := h.Factors.Needed(r.Context(), u)
	if err != nil {
		h.broken(w, r, err)
		return
	}
	method, err := h.prove(r, s, u, enrol)
	var throttled *identity.ThrottledError
	switch {
	case errors.As(err, &throttled):
		h.throttled(w, r, throttled)
		return
	case errors.Is(err, factor.ErrWrong):
		h.factorPage(w, r, http.StatusUnauthorized, s, u, "This was not right. Codes are good once, and for half a minute only.")
		return
	case err == nil && !enrol && len(kinds) == 0:
		err = errors.New("no second factor is due") // taken away meanwhile: the person signs in anew
	}
	if err == nil {
		err = h.proved(w, r, s, []string{"pwd", method, "mfa"}, s.Flow)
	}
	if err != nil {
		h.broken(w, r, err)
		return
	}
	if enrol {
		h.recoveryCodes(w, r, u)
		return
	}
	h.onward(w, r)
}

// prove checks what was sent, and tells how the person proved it. (RFC 8176)
func (h *handler) prove(r *http.Request, s oidc.Session, u identity.User, enrol bool) (method string, err error) {
	code := strings.TrimSpace(r.PostForm.Get("code"))
	digits := strings.ReplaceAll(code, " ", "")
	switch {
	case enrol:
		return "otp", h.Factors.ConfirmTOTP(r.Context(), u.ID, s.ID, digits)
	case r.PostForm.Get("answer") != "":
		_, err := h.Factors.SignIn(r.Context(), &u, h.Accounts, r.PostForm.Get("challenge"), []byte(r.PostForm.Get("answer")))
		return "hwk", err
	case len(digits) == 6:
		return "otp", h.Factors.CheckTOTP(r.Context(), u.ID, digits)
	}
	return "otp", h.Factors.CheckRecovery(r.Context(), u.ID, code)
}

// proved opens a session that waited, or notes that its person proved themselves again; the cookie changes.
func (h *handler) proved(w http.ResponseWriter, r *http.Request, s oidc.Session, methods []string, flow string) error {
	cookie, err := h.Provider.Sessions().Proved(r.Context(), s.ID, methods, flow, time.Now().Add(time.Duration(h.cfg.SessionSeconds)*time.Second))
	if err != nil {
		return err
	}
	h.setCookie(w, cookie)
	h.setState(w, s.ID)
	return h.Accounts.SignedIn(r.Context(), s.UserID)
}

type recoveryPage struct {
	Codes []string
	Next  string
}

// recoveryCodes shows new recovery codes, once.
func (h *handler) recoveryCodes(w http.ResponseWriter, r *http.Request, u identity.User) {
	codes, err := h.Factors.NewRecovery(r.Context(), u.ID)
	if err != nil {
		h.broken(w, r, err)
		return
	}
	next := pagePath + "account"
	if q := r.URL.Query(); q.Get("client_id") != "" {
		next = back(q)
	}
	h.render(w, r, pages.Page{Template: "recovery", Title: "Recovery codes", Language: u.Language, Data: recoveryPage{codes, next}})
}
