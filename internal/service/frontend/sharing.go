package frontend

import (
	"errors"
	"net/http"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// sharing answers the calls below /apps/files_sharing/api/v1. (spec/storage.md §12.1, §12.2)
func (h *handler) sharing(r *http.Request, path []string) (any, error) {
	a := identity.ActorFrom(r.Context())
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if method == http.MethodGet && len(path) == 3 && path[0] == "tokeninfo" && path[1] == "unprotected" {
		out, err := h.tokenInfo(r.Context(), path[2], false)
		return out, sharingError(err)
	}
	if a.Kind != identity.Person {
		return nil, errLogin
	}
	p, err := parameters(r)
	if err != nil {
		return nil, err
	}
	c := call{h: h, ctx: r.Context(), actor: a, params: p, users: map[string]identity.User{}, aliases: map[string]string{}}
	var out any
	switch {
	case len(path) == 1 && path[0] == "shares" && method == http.MethodGet:
		out, err = c.list()
	case len(path) == 1 && path[0] == "shares" && method == http.MethodPost:
		out, err = c.create()
	case len(path) == 2 && path[0] == "shares":
		out, err = c.one(method, path[1])
	case len(path) == 3 && path[0] == "shares" && path[1] == "pending":
		out, err = c.answer(method, path[2])
	case len(path) == 1 && path[0] == "sharees" && method == http.MethodGet:
		out, err = c.sharees()
	case len(path) == 3 && path[0] == "tokeninfo" && path[1] == "protected" && method == http.MethodGet:
		out, err = h.tokenInfo(r.Context(), path[2], true)
	default:
		err = errUnknown
	}
	return out, sharingError(err)
}

// sharingError translates what the domain says. (spec/storage.md §10.1, §12.1)
func sharingError(err error) error {
	var known *ocsError
	if err == nil || errors.As(err, &known) {
		return err
	}
	for _, e := range []struct {
		is      error
		code    int
		message string // empty: the error's own, which is made for people
	}{
		{storage.ErrNotFound, 404, "Not found"},
		{storage.ErrForbidden, 403, "You may not do this"},
		{storage.ErrExists, 400, "It is shared with this recipient already"},
		{storage.ErrLocked, 423, "The file is locked"},
		{storage.ErrUnavailable, 503, "Try again later"},
		{storage.ErrInvalid, 400, "The request is not valid"},
		{share.ErrRecipient, 400, ""},
		{share.ErrNotShareable, 400, ""},
		{share.ErrRights, 400, ""},
		{share.ErrExpired, 400, ""},
		{link.ErrExpired, 400, ""},
		{link.ErrPolicy, 400, ""},
		{link.ErrType, 400, ""},
	} {
		if errors.Is(err, e.is) {
			if e.message == "" {
				e.message = err.Error()
			}
			return &ocsError{e.code, e.message}
		}
	}
	return err
}
