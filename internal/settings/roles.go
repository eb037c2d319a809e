package settings

import (
	"context"
	"errors"
	"slices"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

// roleBundle is a role as a bundle of permissions, ordered by name.
func roleBundle(r role.Role) Bundle {
	b := Bundle{ID: r.ID, Name: r.Name, Type: TypeRole, Extension: "opencloud-roles", DisplayName: r.DisplayName, Resource: &Resource{Type: "TYPE_SYSTEM"}}
	for p, scope := range r.Permissions {
		b.Settings = append(b.Settings, Setting{ID: role.ID(p), Name: string(p), DisplayName: strings.ReplaceAll(string(p), ".", " "),
			Permission: &PermissionValue{Operation: operation(p), Constraint: constraint(scope)}, Resource: about(p)})
	}
	slices.SortFunc(b.Settings, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return b
}

func constraint(s role.Scope) string {
	if s == role.All {
		return "CONSTRAINT_ALL"
	}
	return "CONSTRAINT_OWN"
}

func operation(p role.Permission) string {
	switch name := string(p); {
	case strings.HasSuffix(name, ".List"):
		return "OPERATION_READ"
	case strings.HasSuffix(name, ".Write"):
		return "OPERATION_WRITE"
	case strings.HasSuffix(name, ".Create"):
		return "OPERATION_CREATE"
	case strings.Contains(name, ".Delete"):
		return "OPERATION_DELETE"
	}
	return "OPERATION_READWRITE"
}

func about(p role.Permission) *Resource {
	if s := settingOf(p); s != "" {
		return &Resource{Type: "TYPE_SETTING", ID: s}
	}
	switch p {
	case role.AccountsReadWrite, role.RolesReadWrite:
		return &Resource{Type: "TYPE_USER", ID: "all"}
	case role.GroupsReadWrite:
		return &Resource{Type: "TYPE_GROUP", ID: "all"}
	case role.SelfReadWrite:
		return &Resource{Type: "TYPE_USER", ID: Me}
	case role.SharesWrite, role.PublicLinkWrite:
		return &Resource{Type: "TYPE_SHARE"}
	}
	return &Resource{Type: "TYPE_SYSTEM"}
}

// Roles returns the roles that people can have.
func (s *Settings) Roles(context.Context) []Bundle {
	var out []Bundle
	for _, r := range role.Builtin() {
		out = append(out, roleBundle(r))
	}
	return out
}

// Permissions returns what the caller's role permits, as "<name>.own" or "<name>.all", sorted. Those of others are
// ErrNotFound.
func (s *Settings) Permissions(ctx context.Context, account string) ([]string, error) {
	roles, err := s.rolesOf(ctx, account)
	if err != nil {
		return nil, err
	}
	best := map[role.Permission]role.Scope{}
	for _, id := range roles {
		r, _ := role.Find(id)
		for p, scope := range r.Permissions {
			best[p] = max(best[p], scope)
		}
	}
	out := make([]string, 0, len(best))
	for p, scope := range best {
		suffix := ".own"
		if scope == role.All {
			suffix = ".all"
		}
		out = append(out, string(p)+suffix)
	}
	slices.Sort(out)
	return out, nil
}

// rolesOf returns the roles of the caller's account or, for our services, of any.
func (s *Settings) rolesOf(ctx context.Context, account string) ([]string, error) {
	id, err := own(ctx, account)
	if err != nil {
		return nil, ErrNotFound
	}
	if a := identity.ActorFrom(ctx); a.Kind == identity.Person {
		return a.User.Roles, nil
	}
	if slices.Contains(s.opts.ServiceAccounts, id) {
		return []string{role.ServiceAccount}, nil
	}
	a, err := s.account(ctx, id)
	if err != nil {
		return nil, err
	}
	if !a.Enabled {
		return nil, nil
	}
	return []string{roleOf(a)}, nil
}

// Permitted tells how far somebody's role permits something. People may ask about themselves only.
func (s *Settings) Permitted(ctx context.Context, account string, p role.Permission) (role.Scope, error) {
	roles, err := s.rolesOf(ctx, account)
	return role.Allows(roles, p), err
}

// PermissionsFor returns what the caller's role permits regarding a resource.
func (s *Settings) PermissionsFor(ctx context.Context, r Resource) ([]PermissionValue, error) {
	out := []PermissionValue{}
	err := s.eachPermission(ctx, func(p Setting) {
		if *p.Resource == r || p.Resource.Type == r.Type && p.Resource.ID == "all" {
			out = append(out, *p.Permission)
		}
	})
	return out, err
}

// PermissionByID returns what the caller's role permits under the id of a permission; ErrNotFound if it does not.
func (s *Settings) PermissionByID(ctx context.Context, id string) (found PermissionValue, err error) {
	err = s.eachPermission(ctx, func(p Setting) {
		if p.ID == id {
			found = *p.Permission
		}
	})
	if err == nil && found.Operation == "" {
		err = ErrNotFound
	}
	return found, err
}

func (s *Settings) eachPermission(ctx context.Context, f func(Setting)) error {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person {
		return ErrForbidden
	}
	for _, id := range a.User.Roles {
		if r, ok := role.Find(id); ok {
			for _, p := range roleBundle(r).Settings {
				f(p)
			}
		}
	}
	return nil
}

// account returns an account that is not in the bin.
func (s *Settings) account(ctx context.Context, id string) (identity.Account, error) {
	a, err := s.accounts.Account(ctx, id)
	if errors.Is(err, identity.ErrNotFound) || err == nil && !a.Deleted.IsZero() {
		return identity.Account{}, ErrNotFound
	}
	return a, err
}

// roleOf returns the role of an account, assigned or by default.
func roleOf(a identity.Account) string {
	if len(a.Roles) > 0 {
		return a.Roles[0]
	}
	return role.Default(a.Type)
}

func assignment(a identity.Account) Assignment {
	r := roleOf(a)
	return Assignment{ID: derived("assignment", a.ID, r), AccountUUID: a.ID, RoleID: r}
}

// Assignments returns which role an account has. Those of others need the permission Roles.ReadWrite.
func (s *Settings) Assignments(ctx context.Context, account string) ([]Assignment, error) {
	id, err := own(ctx, account)
	if err != nil {
		if may(ctx, role.RolesReadWrite) != role.All || account == "" || account == Me {
			return nil, ErrForbidden
		}
		id = account
	}
	a, err := s.account(ctx, id)
	if err != nil {
		return nil, err
	}
	return []Assignment{assignment(a)}, nil
}

// AssignmentsOf returns the accounts that have a role, ordered by user name. It needs the permission Roles.ReadWrite.
func (s *Settings) AssignmentsOf(ctx context.Context, roleID string) ([]Assignment, error) {
	if may(ctx, role.RolesReadWrite) != role.All {
		return nil, ErrForbidden
	}
	out := []Assignment{}
	err := s.each(ctx, identity.AccountQuery{Role: roleID}, func(a identity.Account) bool {
		out = append(out, assignment(a))
		return true
	})
	return out, err
}

// each calls f for the accounts of a query until it returns false.
func (s *Settings) each(ctx context.Context, q identity.AccountQuery, f func(identity.Account) bool) error {
	q.Limit = page
	for {
		found, err := s.accounts.ListAccounts(ctx, q)
		if err != nil {
			return err
		}
		for _, a := range found {
			if !f(a) {
				return nil
			}
		}
		if len(found) < page {
			return nil
		}
		q.After = found[len(found)-1].Username
	}
}

// Assign gives an account a role in place of the one it has. It needs the permission Roles.ReadWrite; nobody changes
// their own.
func (s *Settings) Assign(ctx context.Context, account, roleID string) (Assignment, error) {
	r, ok := role.Find(roleID)
	if !ok || r.ID != roleID || roleID == role.ServiceAccount {
		return Assignment{}, invalid("there is no role %q", roleID)
	}
	if err := s.assign(ctx, account, []string{roleID}); err != nil {
		return Assignment{}, err
	}
	return Assignment{ID: derived("assignment", account, roleID), AccountUUID: account, RoleID: roleID}, nil
}

func (s *Settings) assign(ctx context.Context, account string, roles []string) error {
	a := identity.ActorFrom(ctx)
	if may(ctx, role.RolesReadWrite) != role.All || a.Kind == identity.Person && (account == Me || account == a.User.ID) {
		return ErrForbidden
	}
	if _, err := s.account(ctx, account); err != nil {
		return err
	}
	_, err := s.accounts.UpdateAccount(ctx, account, identity.AccountChange{Roles: &roles})
	if errors.Is(err, identity.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// Unassign takes a role away: the account has the default one of its type then. It needs the permission Roles.ReadWrite.
func (s *Settings) Unassign(ctx context.Context, id string) error {
	if may(ctx, role.RolesReadWrite) != role.All {
		return ErrForbidden
	}
	account := ""
	err := s.each(ctx, identity.AccountQuery{}, func(a identity.Account) bool {
		if len(a.Roles) > 0 && assignment(a).ID == id {
			account = a.ID
		}
		return account == ""
	})
	switch {
	case err != nil:
		return err
	case account == "":
		return ErrNotFound
	}
	return s.assign(ctx, account, []string{})
}

// Administrator gives an account that has no role assigned the one of administrators, at the start of a new server. An
// account that is not there is none's loss.
func (s *Settings) Administrator(ctx context.Context, id string) error {
	a, err := s.account(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && len(a.Roles) > 0 {
		return nil
	}
	if err == nil {
		_, err = s.accounts.UpdateAccount(ctx, id, identity.AccountChange{Roles: &[]string{role.Admin}})
	}
	return err
}
