package authapp

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/apptoken"
	"opencloud/internal/identity/role"
)

// handler answers below /auth-app.
type handler struct {
	tokens        *Store
	users         identity.Users
	impersonation bool
	log           *slog.Logger
}

// token is one token on the wire. What is in Token is the secret when it is made, and an opaque id afterwards.
type token struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expiration_date"`
	Created time.Time `json:"created_date"`
	Label   string    `json:"label"`
}

var (
	errQuery     = errors.New("malformed query")
	errExpiry    = errors.New("expiry must be a duration such as 72h")
	errMissing   = errors.New("the token is missing")
	errForbidden = errors.New("you may not do this")
)

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := identity.ActorFrom(r.Context())
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case a.Kind != identity.Person:
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	case strings.TrimSuffix(r.URL.Path, "/") != "/auth-app/tokens":
		http.NotFound(w, r)
		return
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	var answer any
	switch {
	case err != nil:
		err = errQuery
	case r.Method == http.MethodPost:
		answer, err = h.create(r, &a, q)
	case r.Method == http.MethodGet:
		answer, err = h.list(r, &a)
	case r.Method == http.MethodDelete:
		err = h.remove(r, &a, q)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if answer != nil {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// create makes a token for the caller or, as an administrator who is allowed to, for somebody else.
func (h *handler) create(r *http.Request, a *identity.Actor, q url.Values) (any, error) {
	life, err := time.ParseDuration(q.Get("expiry"))
	if err != nil {
		return nil, errExpiry
	}
	owner, label := a.User.ID, "Generated via API"
	if id, name := q.Get("userID"), q.Get("userName"); id != "" || name != "" {
		label = "Generated via Impersonation API"
		if owner, err = h.somebody(r, a, id, name); err != nil {
			return nil, err
		}
	}
	if l := q.Get("label"); l != "" {
		label = l
	}
	secret, t, err := h.tokens.Create(r.Context(), owner, life, label)
	if err != nil {
		return nil, err
	}
	return token{Token: secret, Expires: t.Expires, Created: t.Created, Label: t.Label}, nil
}

// somebody finds whom a token is to be made for; when both are given, id and name must be of the same account.
func (h *handler) somebody(r *http.Request, a *identity.Actor, id, name string) (string, error) {
	if !h.impersonation || role.Allows(a.User.Roles, role.AccountsReadWrite) != role.All {
		return "", errForbidden
	}
	claim, value := "userid", id
	if id == "" {
		claim, value = "username", name
	}
	u, err := h.users.UserBy(r.Context(), claim, value)
	if err == nil && id != "" && name != "" && !strings.EqualFold(u.Username, name) {
		err = identity.ErrNotFound
	}
	return u.ID, err
}

func (h *handler) list(r *http.Request, a *identity.Actor) (any, error) {
	found, err := h.tokens.List(r.Context(), a.User.ID)
	if err != nil {
		return nil, err
	}
	out := make([]token, 0, len(found))
	for _, t := range found {
		out = append(out, token{Token: t.ID, Expires: t.Expires, Created: t.Created, Label: t.Label})
	}
	return out, nil
}

func (h *handler) remove(r *http.Request, a *identity.Actor, q url.Values) error {
	id := q.Get("token")
	if id == "" {
		return errMissing
	}
	return h.tokens.Delete(r.Context(), a.User.ID, id)
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, errQuery), errors.Is(err, errExpiry), errors.Is(err, errMissing), errors.Is(err, apptoken.ErrInvalid):
		status = http.StatusBadRequest
	case errors.Is(err, errForbidden):
		status = http.StatusForbidden
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, apptoken.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, apptoken.ErrTooMany):
		status = http.StatusConflict
	}
	text := err.Error()
	if status == http.StatusInternalServerError {
		h.log.ErrorContext(r.Context(), "app tokens", "err", err)
		text = http.StatusText(status)
	}
	http.Error(w, text, status)
}
