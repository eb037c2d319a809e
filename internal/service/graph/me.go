package graph

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
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
	Enabled     *bool            `json:"accountEnabled,omitempty"` // for administrators
	UserType    string           `json:"userType,omitempty"`
	Language    string           `json:"preferredLanguage,omitempty"`
	ExternalID  string           `json:"externalId,omitempty"`  // education only
	PrimaryRole string           `json:"primaryRole,omitempty"` // education only
	Identities  []objectIdentity `json:"identities,omitempty"`
	SignIn      *signIn          `json:"signInActivity,omitempty"`
	Deleted     string           `json:"deletedDateTime,omitempty"`
	MemberOf    []group          `json:"memberOf,omitempty"`
	Roles       []roleAssignment `json:"appRoleAssignments,omitempty"`
	Drive       *drive           `json:"drive,omitempty"`
	Drives      []drive          `json:"drives,omitempty"`
}

type signIn struct {
	Last string `json:"lastSuccessfulSignInDateTime"`
}

type objectIdentity struct {
	Issuer           string `json:"issuer"`
	IssuerAssignedID string `json:"issuerAssignedId"`
}

type roleAssignment struct {
	ID            string `json:"id"`
	AppRoleID     string `json:"appRoleId"`
	PrincipalID   string `json:"principalId"`
	PrincipalType string `json:"principalType"`
	ResourceID    string `json:"resourceId"`
	ResourceName  string `json:"resourceDisplayName,omitempty"`
}

// me answers GET /me. (spec/identity.md §14.2)
func (h *handler) me(_ http.ResponseWriter, r *http.Request) (any, error) {
	a := identity.ActorFrom(r.Context())
	u := toUser(&a.User)
	if r.URL.RawQuery == "" {
		return u, nil
	}
	q, err := options(r, "$expand", "$select")
	if err != nil {
		return nil, err
	}
	for _, e := range q.Expand {
		if err := h.expand(r.Context(), &u, &a, e.Path); err != nil {
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

// toAccount is a user as administrators see them.
func toAccount(a *identity.Account) user {
	u := toUser(&a.User)
	enabled := a.Enabled
	u.Enabled = &enabled
	for _, i := range a.Identities {
		u.Identities = append(u.Identities, objectIdentity{i.Issuer, i.Subject})
	}
	if !a.LastSignIn.IsZero() {
		u.SignIn = &signIn{a.LastSignIn.UTC().Format(time.RFC3339)}
	}
	if !a.Deleted.IsZero() {
		u.Deleted = a.Deleted.UTC().Format(time.RFC3339)
	}
	return u
}

// toStranger is a user as everybody may see them.
func (h *handler) toStranger(u *identity.User) user {
	out := user{ID: u.ID, DisplayName: u.DisplayName, UserType: string(u.Type)}
	if out.UserType == "" {
		out.UserType = string(identity.Member)
	}
	if h.cfg.API.ShowEmail {
		out.Mail = u.Mail
	}
	return out
}

// rolesOf are the roles an account has: without assigned ones, that of its type.
func rolesOf(u *identity.User) []string {
	if len(u.Roles) == 0 {
		return []string{role.Default(u.Type)}
	}
	return u.Roles
}

func (h *handler) assignmentsOf(u *identity.User) []roleAssignment {
	roles := rolesOf(u)
	out := make([]roleAssignment, 0, len(roles))
	for _, id := range roles {
		out = append(out, roleAssignment{ID: assignmentID(u.ID, id), AppRoleID: id, PrincipalID: u.ID, PrincipalType: "User", ResourceID: h.app,
			ResourceName: h.cfg.Application.DisplayName})
	}
	return out
}

// assignmentID is the id of somebody's having a role.
func assignmentID(user, role string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("opencloud:settings:assignment:"+user+":"+role)).String()
}

// expand adds what $expand asks for to the caller's own record.
func (h *handler) expand(ctx context.Context, u *user, a *identity.Actor, what string) error {
	switch what {
	case "memberOf":
		for _, id := range a.Groups {
			g, err := h.Groups.Group(ctx, id)
			if err != nil {
				return err
			}
			u.MemberOf = append(u.MemberOf, group{ID: g.ID, DisplayName: g.DisplayName, GroupTypes: []string{}})
		}
	case "appRoleAssignments":
		u.Roles = h.assignmentsOf(&a.User)
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

// patchMe sets what people may set about themselves here: their language. (spec/identity.md §14.2, §18 10a)
func (h *handler) patchMe(_ http.ResponseWriter, r *http.Request) (any, error) {
	var all map[string]json.RawMessage
	if err := decode(r, &all); err != nil {
		return nil, err
	}
	for name := range all {
		if name != "preferredLanguage" {
			return nil, badRequest("only preferredLanguage can be changed here")
		}
	}
	if len(all) == 0 {
		return noContent()
	}
	a := identity.ActorFrom(r.Context())
	if a.Kind != identity.Person || role.Allows(a.User.Roles, role.LanguageReadWrite) == role.None {
		return nil, forbidden()
	}
	var language string
	if json.Unmarshal(all["preferredLanguage"], &language) != nil {
		return nil, badRequest("preferredLanguage is a text")
	}
	changed, err := h.Accounts.UpdateAccount(r.Context(), a.User.ID, identity.AccountChange{Language: &language})
	if err != nil {
		return nil, err
	}
	return toUser(&changed.User), nil
}

// changePassword replaces the caller's own password. (spec/identity.md §14.2)
func (h *handler) changePassword(_ http.ResponseWriter, r *http.Request) (any, error) {
	var body struct {
		Current string `json:"currentPassword"`
		New     string `json:"newPassword"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	a := identity.ActorFrom(r.Context())
	switch {
	case a.Kind != identity.Person:
		return nil, forbidden()
	case !h.Accounts.Writable():
		return nil, identity.ErrReadOnly
	case body.Current == "" || body.New == "":
		return nil, badRequest("the current and the new password are needed")
	case body.Current == body.New:
		return nil, badRequest("the new password is the old one")
	}
	was, err := h.Login.Authenticate(r.Context(), identity.Login{Name: a.User.Username, Password: body.Current, Address: address(r)})
	if isCredentials(err) || err == nil && was.User.ID != a.User.ID {
		return nil, badRequest("the current password is wrong")
	}
	if err != nil {
		return nil, err
	}
	if err := h.Accounts.SetPassword(r.Context(), a.User.ID, body.New); err != nil {
		return nil, err
	}
	return noContent()
}

// address is where the request came from: the proxy in front of us says it in X-Real-Ip, and lets nobody else do so.
func address(r *http.Request) string {
	if a := r.Header.Get("X-Real-Ip"); a != "" {
		return a
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
