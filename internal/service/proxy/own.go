package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"opencloud/internal/identity/bearer"
)

const (
	maxForm     = 64 << 10 // bytes
	maxDocument = 1 << 20  // bytes
)

// own answers what is the proxy's own, and tells whether it did.
func (p *proxy) own(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/backchannel_logout":
		if p.bearer == nil {
			return false
		}
		p.backchannelLogout(w, r)
	case "/.well-known/openid-configuration":
		if p.bearer == nil || !p.cfg.OIDC.Rewrite {
			return false
		}
		p.wellKnown(w, r)
	case "/.well-known/change-password": // where password managers look
		http.Redirect(w, r, "/signin/v1/account", http.StatusFound)
	default:
		return false
	}
	return true
}

// backchannelLogout ends sign-ins at the word of the identity provider. (spec/identity.md §5.7)
func (p *proxy) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	refuse := func(status int, text string) {
		b, _ := json.Marshal(map[string]string{"error": "invalid_request", "error_description": text}) // of strings: never fails
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(b)
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(http.StatusMethodNotAllowed, "use POST")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(http.StatusBadRequest, "the form cannot be read")
		return
	}
	_, _, err := p.bearer.verifier.Logout(r.Context(), r.PostForm.Get("logout_token"))
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "null")
	case errors.Is(err, bearer.ErrLogout):
		refuse(http.StatusBadRequest, err.Error())
	default:
		p.log.WarnContext(r.Context(), "logout token cannot be checked", "err", err)
		refuse(http.StatusServiceUnavailable, "the token cannot be checked at the moment")
	}
}

// wellKnown passes on the external provider's description, for clients that ask us for it.
func (p *proxy) wellKnown(w http.ResponseWriter, r *http.Request) {
	fail := func(err error) {
		p.log.ErrorContext(r.Context(), "the identity provider's description is not available", "err", err)
		plain(w, http.StatusInternalServerError, "The identity provider does not answer. Try again later.\n")
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, strings.TrimRight(p.bearer.issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		fail(err)
		return
	}
	resp, err := p.bearer.client.Do(req)
	if err != nil {
		fail(err)
		return
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(b) {
		fail(errors.Join(errors.New(resp.Status), err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(b)
}
