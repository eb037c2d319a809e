package graph

import (
	"embed"
	"fmt"
	"net/http"

	"golang.org/x/text/language"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
)

//go:embed locale/*.po
var locales embed.FS

// roleDefinition is a LibreGraph unifiedRoleDefinition: a role that can be given on a file, a folder or a space.
// (spec/identity.md §14.9)
type roleDefinition struct {
	ID          string           `json:"id"`
	DisplayName string           `json:"displayName"`
	Description string           `json:"description"`
	Permissions []rolePermission `json:"rolePermissions,omitempty"`
	Weight      int              `json:"@libre.graph.weight"`
}

type rolePermission struct {
	Actions   []string `json:"allowedResourceActions"`
	Condition string   `json:"condition"`
}

// speaks returns what says texts in the language that the client asks for, else in the caller's own.
func (h *handler) speaks(r *http.Request) func(string, ...any) string {
	accepted := r.Header.Get("Accept-Language")
	if len(accepted) > 1000 { // matching takes time
		accepted = ""
	}
	_, i := language.MatchStrings(h.translations.Matcher, accepted, identity.ActorFrom(r.Context()).User.Language)
	return h.translations.In(h.translations.Tags[i])
}

// toDefinition describes a role.
func toDefinition(role permission.Role, say func(string, ...any) string) roleDefinition {
	d := roleDefinition{ID: role.ID, DisplayName: say(role.DisplayName), Description: say(role.Description), Weight: role.Weight}
	for _, c := range role.Conditions() {
		d.Permissions = append(d.Permissions, rolePermission{role.Rights.Actions(), c})
	}
	return d
}

// roleDefinitions answers GET /roleManagement/permissions/roleDefinitions: a bare array of the roles that can be given.
func (h *handler) roleDefinitions(_ http.ResponseWriter, r *http.Request) (any, error) {
	say, out := h.speaks(r), []roleDefinition{}
	for _, role := range permission.EnabledRoles(h.enabledRoles) {
		out = append(out, toDefinition(role, say))
	}
	return out, nil
}

// roleDefinition answers GET /roleManagement/permissions/roleDefinitions/{role}.
func (h *handler) roleDefinition(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "role")
	if err != nil {
		return nil, err
	}
	for _, role := range permission.EnabledRoles(h.enabledRoles) {
		if role.ID == id {
			return toDefinition(role, h.speaks(r)), nil
		}
	}
	return nil, missing("role")
}

// enabledRoles checks the ids of roles that the administrator allows; nil if there are none: the default ones.
func enabledRoles(ids []string) ([]string, error) {
	for _, id := range ids {
		if _, ok := permission.RoleByID(id); !ok {
			return nil, fmt.Errorf("GRAPH_AVAILABLE_ROLES: there is no role %q", id)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, nil
}
