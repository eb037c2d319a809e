package graph

import (
	"context"
	"net/http"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/oidc"
)

// Factor is one second factor, or passkey, of somebody.
type Factor struct {
	ID       string
	Kind     string // "passkey", "totp" or "recoveryCodes"
	Name     string
	Created  time.Time
	LastUsed time.Time // zero: never
}

// Factors administers people's second factors. Unknown ones give identity.ErrNotFound.
type Factors interface {
	Factors(ctx context.Context, userID string) ([]Factor, error)
	RemoveFactor(ctx context.Context, userID, id string) error
	// Reset removes all of them.
	Reset(ctx context.Context, userID string) error
}

// Sessions are where people are signed in. oidc.Store is one. Unknown ones give identity.ErrNotFound.
type Sessions interface {
	List(ctx context.Context, userID string) ([]oidc.Session, error)
	Revoke(ctx context.Context, userID, id string) error
	// RevokeAll ends all of them but one.
	RevokeAll(ctx context.Context, userID, but string) error
}

type method struct {
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	DisplayName string `json:"displayName,omitempty"`
	Created     string `json:"createdDateTime,omitempty"`
	LastUsed    string `json:"lastUsedDateTime,omitempty"`
}

type session struct {
	ID       string   `json:"id"`
	Kind     string   `json:"kind"`
	Client   string   `json:"client,omitempty"`
	Agent    string   `json:"userAgent,omitempty"`
	Address  string   `json:"address,omitempty"`
	Created  string   `json:"createdDateTime,omitempty"`
	LastSeen string   `json:"lastSeenDateTime,omitempty"`
	Expires  string   `json:"expirationDateTime,omitempty"`
	Methods  []string `json:"methods,omitempty"`
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func (h *handler) methods(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	all, err := h.Factors.Factors(r.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	out := make([]method, 0, len(all))
	for _, f := range all {
		out = append(out, method{f.ID, f.Kind, f.Name, moment(f.Created), moment(f.LastUsed)})
	}
	return list{Value: out}, nil
}

// another finds the account in the path; one's own factors are not removed here.
func (h *handler) another(r *http.Request) (identity.Account, error) {
	a, err := h.target(r)
	if err == nil && a.ID == identity.ActorFrom(r.Context()).User.ID {
		err = notAllowed("your own second factors are managed on the security page")
	}
	return a, err
}

func (h *handler) deleteMethods(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.another(r)
	if err == nil {
		err = h.Factors.Reset(r.Context(), a.ID)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) deleteMethod(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "method")
	if err != nil {
		return nil, err
	}
	a, err := h.another(r)
	if err == nil {
		err = h.Factors.RemoveFactor(r.Context(), a.ID, id)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) sessions(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	all, err := h.Sessions.List(r.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	out := make([]session, 0, len(all))
	for _, s := range all {
		out = append(out, session{ID: s.ID, Kind: s.Kind, Client: s.Client, Agent: s.Agent, Address: s.Address, Created: moment(s.Created), LastSeen: moment(s.Seen),
			Expires: moment(s.Expires), Methods: s.Methods})
	}
	return list{Value: out}, nil
}

func (h *handler) deleteSessions(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.target(r)
	if err == nil {
		err = h.Sessions.RevokeAll(r.Context(), a.ID, "")
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) deleteSession(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "session")
	if err != nil {
		return nil, err
	}
	a, err := h.target(r)
	if err == nil {
		err = h.Sessions.Revoke(r.Context(), a.ID, id)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}
