package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// userBody is what a request says about a user. (spec/identity.md §14.3)
type userBody struct {
	DisplayName *string           `json:"displayName"`
	Username    *string           `json:"onPremisesSamAccountName"`
	GivenName   *string           `json:"givenName"`
	Surname     *string           `json:"surname"`
	Mail        *string           `json:"mail"`
	Language    *string           `json:"preferredLanguage"`
	Enabled     *bool             `json:"accountEnabled"`
	Password    *passwordProfile  `json:"passwordProfile"`
	Identities  *[]objectIdentity `json:"identities"`
	// Education only.
	ExternalID  *string            `json:"externalId"`
	PrimaryRole *string            `json:"primaryRole"`
	UserType    *identity.UserType `json:"userType"`

	// What only we say.
	ID          json.RawMessage `json:"id"`
	MemberOf    json.RawMessage `json:"memberOf"`
	Drive       json.RawMessage `json:"drive"`
	Drives      json.RawMessage `json:"drives"`
	Assignments json.RawMessage `json:"appRoleAssignments"`
	SignIn      json.RawMessage `json:"signInActivity"`
}

type passwordProfile struct {
	Password    string `json:"password"`
	ForceChange bool   `json:"forceChangePasswordNextSignIn"`
}

// readUser reads and checks a body.
func (h *handler) readUser(r *http.Request, education bool) (*userBody, error) {
	b := &userBody{}
	if err := decode(r, b); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		v    json.RawMessage
	}{{"id", b.ID}, {"memberOf", b.MemberOf}, {"drive", b.Drive}, {"drives", b.Drives}, {"appRoleAssignments", b.Assignments}, {"signInActivity", b.SignIn}} {
		if !absent(f.v) {
			return nil, badRequest(f.name + " is read-only")
		}
	}
	if !education && (b.ExternalID != nil || b.PrimaryRole != nil || b.UserType != nil) {
		return nil, badRequest("externalId, primaryRole and userType cannot be set here")
	}
	if b.UserType != nil && *b.UserType != identity.Member && *b.UserType != identity.Guest {
		return nil, badRequest("userType is Member or Guest")
	}
	if b.DisplayName != nil && *b.DisplayName == "" {
		return nil, badRequest("displayName is empty")
	}
	if b.Username != nil && !h.usernameOK(*b.Username) {
		return nil, badRequest("this onPremisesSamAccountName cannot be used")
	}
	if b.Mail != nil && *b.Mail != "" {
		if m, err := mail.ParseAddress(*b.Mail); err != nil || m.Address != *b.Mail {
			return nil, badRequest("mail is no address")
		}
	}
	if b.Password != nil && b.Password.Password == "" {
		return nil, badRequest("the password is empty")
	}
	return b, b.checkIdentities()
}

func (b *userBody) checkIdentities() error {
	if b.Identities == nil {
		return nil
	}
	if len(*b.Identities) > 20 {
		return badRequest("there are more than 20 identities")
	}
	for _, i := range *b.Identities {
		if i.Issuer == "" || i.IssuerAssignedID == "" {
			return badRequest("an identity has an issuer and an issuerAssignedId")
		}
	}
	return nil
}

var usernamePattern = regexp.MustCompile("^[a-zA-Z_][a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]*(@[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?)?$")

func (h *handler) usernameOK(name string) bool {
	if h.cfg.API.UsernameMatch == "none" {
		return strings.TrimSpace(name) != ""
	}
	return usernamePattern.MatchString(name)
}

// change is what a body changes; identities of our own issuer are not external.
func (h *handler) change(b *userBody, own string) (identity.AccountChange, bool) {
	c := identity.AccountChange{Username: b.Username, DisplayName: b.DisplayName, GivenName: b.GivenName, Surname: b.Surname, Mail: b.Mail, Language: b.Language,
		Enabled: b.Enabled, ExternalID: b.ExternalID, PrimaryRole: b.PrimaryRole, Type: b.UserType}
	if b.Identities != nil {
		list := []identity.ExternalIdentity{}
		for _, i := range *b.Identities {
			if own == "" || i.IssuerAssignedID != own {
				list = append(list, identity.ExternalIdentity{Issuer: i.Issuer, Subject: i.IssuerAssignedID})
			}
		}
		c.Identities = &list
	}
	return c, c != identity.AccountChange{}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// create adds an account.
func (h *handler) create(ctx context.Context, b *userBody) (identity.Account, error) {
	if text(b.DisplayName) == "" || text(b.Username) == "" {
		return identity.Account{}, badRequest("displayName and onPremisesSamAccountName are needed")
	}
	a := identity.Account{User: identity.User{Username: *b.Username, DisplayName: *b.DisplayName, GivenName: text(b.GivenName), Surname: text(b.Surname),
		Mail: text(b.Mail), Language: text(b.Language), Type: identity.Member, Enabled: b.Enabled == nil || *b.Enabled},
		ExternalID: text(b.ExternalID), PrimaryRole: text(b.PrimaryRole)}
	if b.UserType != nil {
		a.Type = *b.UserType
	}
	if h.cfg.API.AssignDefaultRole {
		a.Roles = []string{role.Default(a.Type)}
	}
	if c, _ := h.change(b, ""); c.Identities != nil {
		a.Identities = *c.Identities
	}
	pw := ""
	if b.Password != nil {
		pw = b.Password.Password
	}
	return h.Accounts.CreateAccount(ctx, a, pw)
}

func (h *handler) createUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readUser(r, false)
	if err != nil {
		return nil, err
	}
	a, err := h.create(r.Context(), b)
	if err != nil {
		return nil, err
	}
	return created(toAccount(&a))
}

// patch changes an account; false tells that there was nothing to change.
func (h *handler) patch(ctx context.Context, a identity.Account, b *userBody) (identity.Account, bool, error) {
	c, any := h.change(b, a.ID)
	if self := identity.ActorFrom(ctx).User.ID; c.Enabled != nil && !*c.Enabled && self == a.ID {
		return a, false, notAllowed("nobody disables their own account")
	}
	var err error
	if any {
		if a, err = h.Accounts.UpdateAccount(ctx, a.ID, c); err != nil {
			return a, false, err
		}
	}
	if b.Password != nil {
		err = h.Accounts.SetPassword(ctx, a.ID, b.Password.Password)
	}
	return a, any || b.Password != nil, err
}

func (h *handler) patchUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	b, err := h.readUser(r, false)
	if err != nil {
		return nil, err
	}
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	a, changed, err := h.patch(r.Context(), a, b)
	if err != nil {
		return nil, err
	}
	if !changed {
		return noContent()
	}
	return toAccount(&a), nil
}

// deleteUser removes an account, or puts it into the bin if there is one. (spec/identity.md §14.3)
func (h *handler) deleteUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "user")
	if err != nil {
		return nil, err
	}
	purge := strings.EqualFold(strings.TrimSpace(r.Header.Get("Prefer")), "purge")
	if a, err := h.Accounts.Account(r.Context(), id); err == nil && !a.Deleted.IsZero() && purge {
		return h.remove(r.Context(), a.ID, true)
	}
	a, err := h.account(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if self := identity.ActorFrom(r.Context()).User.ID; self == a.ID {
		return nil, notAllowed("nobody deletes their own account")
	}
	if purge && h.cfg.SoftDelete > 0 {
		return nil, badRequest("the account is in use; delete it first")
	}
	return h.remove(r.Context(), a.ID, h.cfg.SoftDelete <= 0)
}

// remove puts somebody into the bin, or removes them for good; their personal space goes the same way. The account goes between
// hiding the space and removing it: a directory that refuses costs nobody their files.
func (h *handler) remove(ctx context.Context, id string, purge bool) (any, error) {
	if !h.Accounts.Writable() {
		return nil, identity.ErrReadOnly
	}
	homes, err := h.homes(ctx, id)
	if err != nil {
		return nil, err
	}
	service := asService(ctx)
	for _, s := range homes {
		if err := h.Spaces.DisableSpace(service, s.ID); err != nil {
			return nil, err
		}
	}
	if err := h.Accounts.DeleteAccount(ctx, id, purge); err != nil {
		return nil, errors.Join(err, h.reopen(ctx, homes))
	}
	for _, s := range homes {
		if !purge {
			break
		}
		if err := h.Spaces.PurgeSpace(service, s.ID); err != nil {
			return nil, fmt.Errorf("the account is removed, its space is not: %w", err)
		}
	}
	return noContent()
}

// asService is for what concerns other people's spaces: whether the caller may do it has been checked. What happens is still known
// to be done by the caller.
func asService(ctx context.Context) context.Context {
	a := identity.ActorFrom(ctx)
	return identity.WithActor(ctx, identity.Actor{Kind: identity.Service, User: a.User, Initiator: a.Initiator})
}

// homes are somebody's personal spaces: one, or none.
func (h *handler) homes(ctx context.Context, user string) ([]space.Space, error) {
	return h.Spaces.ListSpaces(asService(ctx), storage.SpaceFilter{Type: space.Personal, Owner: user, All: true})
}

// reopen makes spaces visible again that were not disabled before.
func (h *handler) reopen(ctx context.Context, homes []space.Space) error {
	for _, s := range homes {
		if !s.Disabled.IsZero() {
			continue
		}
		if _, err := h.Spaces.UpdateSpace(asService(ctx), s.ID, storage.SpaceUpdate{Restore: true}); err != nil {
			return err
		}
	}
	return nil
}

// inBin finds the account in the path in the bin.
func (h *handler) inBin(r *http.Request) (identity.Account, error) {
	id, err := param(r, "user")
	if err != nil {
		return identity.Account{}, err
	}
	a, err := h.Accounts.Account(r.Context(), id)
	if err == nil && a.Deleted.IsZero() {
		err = identity.ErrNotFound
	}
	return a, err
}

func (h *handler) deletedUsers(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := options(r, "$search", "$top", "$skip", "$skiptoken", "$count", "$orderby", "$filter", "$select")
	if err != nil {
		return nil, err
	}
	all, err := h.find(r.Context(), &q, identity.AccountQuery{Deleted: true})
	if err != nil {
		return nil, err
	}
	some, l := page(h, r, &q, all)
	l.Value, err = h.accountsOut(r.Context(), some, &q)
	return l, err
}

func (h *handler) deletedUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.inBin(r)
	if err != nil {
		return nil, err
	}
	return toAccount(&a), nil
}

func (h *handler) restoreUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.inBin(r)
	if err == nil {
		err = h.Accounts.RestoreAccount(r.Context(), a.ID)
	}
	if err == nil {
		a, err = h.Accounts.Account(r.Context(), a.ID)
	}
	if err != nil {
		return nil, err
	}
	homes, err := h.homes(r.Context(), a.ID)
	for i := range homes {
		homes[i].Disabled = time.Time{} // with the account
	}
	if err == nil {
		err = h.reopen(r.Context(), homes)
	}
	if err != nil {
		return nil, err
	}
	return toAccount(&a), nil
}

func (h *handler) purgeUser(_ http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.inBin(r)
	if err != nil {
		return nil, err
	}
	return h.remove(r.Context(), a.ID, true)
}

// purgeLoop removes accounts for good that were in the bin for long enough.
func (h *handler) purgeLoop(ctx context.Context) error {
	for {
		if err := h.purgeOld(ctx); err != nil && ctx.Err() == nil {
			h.Log.WarnContext(ctx, "deleted accounts cannot be removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
	}
}

func (h *handler) purgeOld(ctx context.Context) error {
	all, err := h.everybody(ctx, identity.AccountQuery{Deleted: true})
	if err != nil {
		return err
	}
	for _, a := range all {
		if h.now().Sub(a.Deleted) < h.cfg.SoftDelete {
			continue
		}
		if _, err := h.remove(ctx, a.ID, true); err != nil && !errors.Is(err, identity.ErrNotFound) {
			return err
		}
	}
	return nil
}
