package graph

import (
	"context"
	"net/http"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/storage"
)

// user is a LibreGraph user.
type user struct {
	ID          string           `json:"id"`
	DisplayName string           `json:"displayName"`
	GivenName   string           `json:"givenName,omitempty"`
	Surname     string           `json:"surname,omitempty"`
	Mail        string           `json:"mail,omitempty"`
	Username    string           `json:"onPremisesSamAccountName"`
	UserType    string           `json:"userType,omitempty"`
	Language    string           `json:"preferredLanguage,omitempty"`
	Identities  []objectIdentity `json:"identities,omitempty"`
	MemberOf    []group          `json:"memberOf,omitempty"`
	Roles       []roleAssignment `json:"appRoleAssignments,omitempty"`
	Drive       *drive           `json:"drive,omitempty"`
	Drives      []drive          `json:"drives,omitempty"`
}

type objectIdentity struct {
	Issuer           string `json:"issuer"`
	IssuerAssignedID string `json:"issuerAssignedId"`
}

type group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	GroupTypes  []string `json:"groupTypes"`
}

type roleAssignment struct {
	ID            string `json:"id"`
	AppRoleID     string `json:"appRoleId"`
	PrincipalID   string `json:"principalId"`
	PrincipalType string `json:"principalType"`
	ResourceID    string `json:"resourceId"`
}

// me answers GET /me. (spec/identity.md §14.2)
func (h *handler) me(_ http.ResponseWriter, r *http.Request) (any, error) {
	a := identity.ActorFrom(r.Context())
	u := toUser(&a.User)
	for e := range strings.SplitSeq(r.URL.Query().Get("$expand"), ",") {
		if err := h.expand(r.Context(), &u, &a, strings.TrimSpace(e)); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func toUser(u *identity.User) user {
	out := user{ID: u.ID, DisplayName: u.DisplayName, GivenName: u.GivenName, Surname: u.Surname, Mail: u.Mail, Username: u.Username, UserType: string(u.Type), Language: u.Language}
	if out.UserType == "" {
		out.UserType = string(identity.Member)
	}
	if u.Issuer != "" {
		out.Identities = []objectIdentity{{u.Issuer, u.ID}}
	}
	return out
}

// expand adds what $expand asks for.
func (h *handler) expand(ctx context.Context, u *user, a *identity.Actor, what string) error {
	switch what {
	case "":
	case "memberOf":
		for _, id := range a.Groups {
			g, err := h.Groups.Group(ctx, id)
			if err != nil {
				return err
			}
			u.MemberOf = append(u.MemberOf, group{g.ID, g.DisplayName, []string{}})
		}
	case "appRoleAssignments":
		for _, role := range a.User.Roles {
			u.Roles = append(u.Roles, roleAssignment{ID: a.User.ID + ":" + role, AppRoleID: role, PrincipalID: a.User.ID, PrincipalType: "User", ResourceID: h.cfg.MountID})
		}
	case "drive":
		d, err := h.personal(ctx, a.User.ID)
		if err != nil {
			return err
		}
		u.Drive = d
	case "drives":
		all, err := h.Spaces.ListSpaces(ctx, storage.SpaceFilter{})
		if err != nil {
			return err
		}
		for i := range all {
			d := h.toDrive(&all[i], &driveQuery{})
			u.Drives = append(u.Drives, d)
		}
	default:
		return badRequest("$expand knows memberOf, appRoleAssignments, drive and drives")
	}
	return nil
}
