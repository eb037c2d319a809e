package idp

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"

	"opencloud/internal/identity"
	"opencloud/internal/oidc"
	"opencloud/internal/service/idp/pages"
)

// formAge is how long a page may stand open before it is sent.
const formAge = 2 * time.Hour

func (h *handler) pageRoutes(mux *http.ServeMux) {
	if h.assets != nil {
		h.assetRoutes(mux)
	} else {
		mux.Handle("GET "+pages.AssetPath, h.pages.Assets())
		mux.HandleFunc("GET "+pagePath+"welcome", h.showWelcome)
	}
	for name, p := range map[string]struct {
		show, send func(http.ResponseWriter, *http.Request)
	}{
		"identifier":    {h.showIdentifier, h.sendIdentifier},
		"chooseaccount": {h.showChoose, h.sendChoose},
		"consent":       {h.showConsent, h.sendConsent},
		"goodbye":       {h.showGoodbye, h.sendGoodbye},
	} {
		if h.assets == nil {
			mux.HandleFunc("GET "+pagePath+name, p.show)
		}
		mux.HandleFunc("POST "+pagePath+name, h.form(p.send))
	}
	if h.Factors != nil {
		h.factorRoutes(mux)
	}
	mux.HandleFunc("GET "+pagePath+"account", h.showAccount)
	mux.HandleFunc("POST "+pagePath+"account", h.form(h.sendAccount))
	mux.HandleFunc(pagePath, func(w http.ResponseWriter, r *http.Request) {
		if h.assets != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) && h.assets.file(w, r) {
			return
		}
		h.problem(w, r, http.StatusNotFound, "There is no such page.")
	})
}

// render shows a page.
func (h *handler) render(w http.ResponseWriter, r *http.Request, p pages.Page) {
	if err := h.pages.Render(w, r, p); err != nil {
		h.Log.ErrorContext(r.Context(), "page cannot be shown", "page", p.Template, "err", err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
	}
}

type problem struct{ Message, Hint, Retry string }

// problem shows what went wrong; nothing leads back to the application.
func (h *handler) problem(w http.ResponseWriter, r *http.Request, status int, message string) {
	h.render(w, r, pages.Page{Template: "problem", Title: "This did not work", Status: status, Data: problem{Message: message,
		Hint: "Go back to the application and start again. If this happens again, tell your administrator."}})
}

// broken answers for errors that are ours.
func (h *handler) broken(w http.ResponseWriter, r *http.Request, err error) {
	h.Log.ErrorContext(r.Context(), "sign-in is not possible", "err", err, "page", r.URL.Path)
	h.render(w, r, pages.Page{Template: "problem", Title: "This did not work", Status: http.StatusServiceUnavailable,
		Data: problem{Message: "Signing in is not possible at the moment. Try again later.", Retry: r.URL.RequestURI()}})
}

// expired tells that a page stood open for too long, or its person has been signed out meanwhile.
func (h *handler) expired(w http.ResponseWriter, r *http.Request) {
	retry := "/"
	if r.URL.Query().Get("client_id") != "" {
		retry = back(r.URL.Query())
	}
	h.render(w, r, pages.Page{Template: "problem", Title: "Your session has expired", Status: http.StatusForbidden,
		Data: problem{Message: "This page was open for too long, or you were signed out. Nothing was changed.", Retry: retry}})
}

// form guards what is sent from a page: it must come from a page of ours, which holds a proof that we made it for this
// address.
func (h *handler) form(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			h.problem(w, r, http.StatusBadRequest, "What was sent cannot be read.")
			return
		}
		if (r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "") && !h.ownOrigin(r) || !h.unseal(r.PostForm.Get("proof"), "form "+r.URL.RequestURI()) {
			h.expired(w, r)
			return
		}
		next(w, r)
	}
}

// action is where a form is sent to: the page's own address, with the application's request in it; and its proof.
func (h *handler) action(r *http.Request) (action, proof string) {
	action = r.URL.RequestURI()
	return action, h.sealed("form "+action, formAge)
}

// requested is the application's request in the address of a page; without one (nil) somebody came here by themselves.
func (h *handler) requested(w http.ResponseWriter, r *http.Request) (*request, bool) {
	q := r.URL.Query()
	if q.Get("client_id") == "" {
		return nil, true
	}
	req, err := h.parse(q)
	var page *errPage
	switch {
	case errors.As(err, &page):
		h.problem(w, r, http.StatusBadRequest, page.message)
	case err != nil:
		h.refuse(w, r, req, err)
	default:
		return req, true
	}
	return nil, false
}

// onward leads back to where the application's request is answered.
func (h *handler) onward(w http.ResponseWriter, r *http.Request) {
	to := pagePath + "welcome"
	if r.URL.Query().Get("return") == "account" {
		to = pagePath + "account"
	}
	if q := r.URL.Query(); q.Get("client_id") != "" {
		to = back(q)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func clientName(req *request) string {
	if req == nil {
		return ""
	}
	return req.client.Name
}

func flowName(req *request) string {
	if req == nil {
		return ""
	}
	return req.flow()
}

type signInForm struct {
	Client, Username, Error, Action, Proof string
	Passkeys                               bool   // may be used in place of the password
	Options, Challenge                     string // what the browser is asked when it offers them beside user names
}

func (h *handler) showIdentifier(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	f := signInForm{Client: clientName(req)}
	if req != nil {
		f.Username = req.LoginHint
	}
	h.signInPage(w, r, http.StatusOK, f)
}

func (h *handler) signInPage(w http.ResponseWriter, r *http.Request, status int, f signInForm) {
	f.Action, f.Proof = h.action(r)
	if f.Passkeys = h.Factors != nil && h.Factors.Passkeys(); f.Passkeys {
		options, challenge, err := h.Factors.BeginSignIn(r.Context(), nil)
		if err != nil {
			h.broken(w, r, err)
			return
		}
		f.Options, f.Challenge = string(options), challenge
	}
	h.render(w, r, pages.Page{Template: "identifier", Title: "Sign in", Status: status, Data: f})
}

func (h *handler) sendIdentifier(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	if r.PostForm.Get("answer") != "" && h.Factors != nil {
		h.passkeySignIn(w, r, req)
		return
	}
	f := signInForm{Client: clientName(req), Username: r.PostForm.Get("username")}
	_, _, err := h.signIn(w, r, f.Username, r.PostForm.Get("password"), flowName(req))
	var throttled *identity.ThrottledError
	switch {
	case err == nil:
		h.onward(w, r)
	case errors.As(err, &throttled):
		h.throttled(w, r, throttled)
	case errors.Is(err, identity.ErrCredentials):
		f.Error = "The user name or the password is wrong."
		h.signInPage(w, r, http.StatusUnauthorized, f)
	default:
		h.broken(w, r, err)
	}
}

func (h *handler) throttled(w http.ResponseWriter, r *http.Request, t *identity.ThrottledError) {
	w.Header().Set("Retry-After", strconv.Itoa(int(t.RetryAfter/time.Second)+1))
	h.render(w, r, pages.Page{Template: "problem", Title: "Too many attempts", Status: http.StatusTooManyRequests,
		Data: problem{Message: "There were too many wrong attempts. Wait a while before you try again.", Retry: r.URL.RequestURI()}})
}

type choice struct{ Client, User, DisplayName, Action, Proof string }

func (h *handler) showChoose(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	_, u, err := h.current(r)
	if errors.Is(err, oidc.ErrNoSession) {
		http.Redirect(w, r, pagePath+"identifier?"+r.URL.RawQuery, http.StatusFound)
		return
	}
	if err != nil {
		h.broken(w, r, err)
		return
	}
	c := choice{Client: clientName(req), User: u.Username, DisplayName: u.DisplayName}
	c.Action, c.Proof = h.action(r)
	h.render(w, r, pages.Page{Template: "chooseaccount", Title: "Choose an account", Language: u.Language, Data: c})
}

func (h *handler) sendChoose(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	s, _, err := h.current(r)
	if err != nil && !errors.Is(err, oidc.ErrNoSession) {
		h.broken(w, r, err)
		return
	}
	if err != nil || r.PostForm.Get("answer") != "same" || s.Pending {
		http.Redirect(w, r, pagePath+"identifier?"+r.URL.RawQuery, http.StatusSeeOther)
		return
	}
	if err := h.Provider.Sessions().Chosen(r.Context(), s.ID, chosenFor(flowName(req))); err != nil {
		h.broken(w, r, err)
		return
	}
	h.onward(w, r)
}

// scopeTexts say what applications learn. Other scopes say nothing of anybody.
func scopeTexts(scopes []string) (out []string) {
	for _, t := range []struct{ scope, text string }{{zoidc.ScopeOpenID, "Sign you in"}, {zoidc.ScopeProfile, "See your name"}, {zoidc.ScopeEmail, "See your mail address"},
		{zoidc.ScopeOfflineAccess, "Use your files while you are away"}} {
		for _, s := range scopes {
			if s == t.scope {
				out = append(out, t.text)
			}
		}
	}
	return out
}

type consentForm struct {
	Client, User  string
	Scopes        []string
	Action, Proof string
}

func (h *handler) showConsent(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	s, u, err := h.current(r)
	if req == nil || errors.Is(err, oidc.ErrNoSession) || err == nil && s.Pending {
		h.onward(w, r)
		return
	}
	if err != nil {
		h.broken(w, r, err)
		return
	}
	f := consentForm{Client: req.client.Name, User: u.Username, Scopes: scopeTexts(req.scopes)}
	f.Action, f.Proof = h.action(r)
	h.render(w, r, pages.Page{Template: "consent", Title: "Allow access?", Language: u.Language, Data: f})
}

func (h *handler) sendConsent(w http.ResponseWriter, r *http.Request) {
	req, ok := h.requested(w, r)
	if !ok {
		return
	}
	s, u, err := h.current(r)
	switch {
	case req == nil || errors.Is(err, oidc.ErrNoSession) || err == nil && s.Pending:
		h.expired(w, r)
	case err != nil:
		h.broken(w, r, err)
	case r.PostForm.Get("answer") != "allow":
		h.refuse(w, r, req, &zoidc.Error{ErrorType: "access_denied", Description: "the person did not allow it"})
	default:
		if err := h.consent(w, r, u, s, req.ClientID, req.scopes, req.flow()); err != nil {
			h.broken(w, r, err)
			return
		}
		h.onward(w, r)
	}
}

type goodbye struct {
	Ask                 bool
	User, Action, Proof string
}

func (h *handler) showGoodbye(w http.ResponseWriter, r *http.Request) {
	_, u, err := h.current(r)
	g := goodbye{Ask: err == nil, User: u.Username}
	title := "Signed out"
	if g.Ask {
		title = "Sign out?"
	}
	g.Action, g.Proof = h.action(r)
	h.render(w, r, pages.Page{Template: "goodbye", Title: title, Language: u.Language, Data: g})
}

func (h *handler) sendGoodbye(w http.ResponseWriter, r *http.Request) {
	if err := h.signOut(w, r); err != nil {
		h.broken(w, r, err)
		return
	}
	to := pagePath + "goodbye"
	q := r.URL.Query()
	if client, ok := h.Provider.Client(q.Get("client_id")); ok && client.MayReturn(q.Get("return")) {
		to = q.Get("return")
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (h *handler) showWelcome(w http.ResponseWriter, r *http.Request) {
	s, u, err := h.current(r)
	if err != nil && !errors.Is(err, oidc.ErrNoSession) {
		h.broken(w, r, err)
		return
	}
	if err != nil || s.Pending {
		http.Redirect(w, r, pagePath+"identifier?"+url.Values{}.Encode(), http.StatusFound)
		return
	}
	h.render(w, r, pages.Page{Template: "welcome", Title: "Welcome", Language: u.Language, Data: choice{User: u.Username, DisplayName: u.DisplayName}})
}
