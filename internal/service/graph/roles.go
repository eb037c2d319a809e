package graph

import (
	"net/http"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

type application struct {
	ID          string    `json:"id"`
	DisplayName string    `json:"displayName"`
	Roles       []appRole `json:"appRoles"`
}

type appRole struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

// ours is this server as an application. (spec/identity.md §14.5)
func (h *handler) ours() application {
	a := application{ID: h.app, DisplayName: h.cfg.Application.DisplayName}
	for _, r := range role.Builtin() {
		a.Roles = append(a.Roles, appRole{r.ID, r.DisplayName})
	}
	return a
}

func (h *handler) applications(http.ResponseWriter, *http.Request) (any, error) {
	return list{Value: []application{h.ours()}}, nil
}

func (h *handler) application(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "application")
	if err != nil {
		return nil, err
	}
	if id != h.app {
		return nil, missing("application")
	}
	return h.ours(), nil
}

func (h *handler) assignments(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	return list{Value: h.assignmentsOf(&a.User)}, nil
}

// others finds the account whose role is to change: not one's own.
func (h *handler) others(r *http.Request) (identity.Account, error) {
	if !may(r.Context(), role.RolesReadWrite) {
		return identity.Account{}, forbidden()
	}
	a, err := h.target(r)
	if err == nil && a.ID == identity.ActorFrom(r.Context()).User.ID {
		err = notAllowed("nobody changes their own role")
	}
	return a, err
}

func (h *handler) assign(_ http.ResponseWriter, r *http.Request) (any, error) {
	var body struct {
		AppRoleID   string `json:"appRoleId"`
		PrincipalID string `json:"principalId"`
		ResourceID  string `json:"resourceId"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	a, err := h.others(r)
	if err != nil {
		return nil, err
	}
	known, ok := role.Find(body.AppRoleID)
	switch {
	case body.PrincipalID != a.ID:
		return nil, badRequest("principalId is not the user of the path")
	case body.ResourceID != h.app:
		return nil, badRequest("resourceId is not the id of the application")
	case !ok || known.ID != body.AppRoleID || known.ID == role.ServiceAccount:
		return nil, badRequest("there is no such appRoleId")
	}
	roles := []string{known.ID}
	if a, err = h.Accounts.UpdateAccount(r.Context(), a.ID, identity.AccountChange{Roles: &roles}); err != nil {
		return nil, err
	}
	return created(h.assignmentsOf(&a.User)[0])
}

func (h *handler) unassign(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "assignment")
	if err != nil {
		return nil, err
	}
	a, err := h.others(r)
	if err != nil {
		return nil, err
	}
	kept, found := []string{}, false
	for _, x := range rolesOf(&a.User) {
		if assignmentID(a.ID, x) == id {
			found = true
			continue
		}
		kept = append(kept, x)
	}
	if !found {
		return nil, missing("assignment")
	}
	if _, err = h.Accounts.UpdateAccount(r.Context(), a.ID, identity.AccountChange{Roles: &kept}); err != nil {
		return nil, err
	}
	return noContent()
}
