package settings

import (
	"context"
	"errors"

	domain "opencloud/internal/settings"
)

// answer is the object around what is answered.
type answer map[string]any

// with makes a call of a function that takes a request of type R.
func with[R any](f func(ctx context.Context, r R) (any, error)) call {
	return func(ctx context.Context, body []byte) (any, error) {
		var r R
		if err := decode(body, &r); err != nil {
			return nil, err
		}
		return f(ctx, r)
	}
}

// one puts what was answered under its name, unless there is an error.
func one(name string, v any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return answer{name: v}, nil
}

func bundlesList(s *domain.Settings) call {
	return with(func(ctx context.Context, r struct {
		BundleIDs []string `json:"bundleIds"`
	}) (any, error) {
		b, err := s.Bundles(ctx, r.BundleIDs)
		return one("bundles", b, err)
	})
}

type bundleRequest struct {
	BundleID  string          `json:"bundleId"`
	SettingID string          `json:"settingId"`
	Bundle    *domain.Bundle  `json:"bundle"`
	Setting   *domain.Setting `json:"setting"`
}

func bundleGet(s *domain.Settings) call {
	return with(func(ctx context.Context, r bundleRequest) (any, error) {
		b, err := s.Bundle(ctx, r.BundleID)
		return one("bundle", b, err)
	})
}

func bundleSave(s *domain.Settings) call {
	return with(func(ctx context.Context, r bundleRequest) (any, error) {
		if r.Bundle == nil {
			return nil, domain.ErrInvalid
		}
		b, err := s.SaveBundle(ctx, *r.Bundle)
		return one("bundle", b, err)
	})
}

func addSetting(s *domain.Settings) call {
	return with(func(ctx context.Context, r bundleRequest) (any, error) {
		if r.Setting == nil {
			return nil, domain.ErrInvalid
		}
		d, err := s.AddSetting(ctx, r.BundleID, *r.Setting)
		return one("setting", d, err)
	})
}

func removeSetting(s *domain.Settings) call {
	return with(func(ctx context.Context, r bundleRequest) (any, error) {
		return nil, s.RemoveSetting(ctx, r.BundleID, r.SettingID)
	})
}

type valueRequest struct {
	ID          string        `json:"id"`
	BundleID    string        `json:"bundleId"`
	AccountUUID string        `json:"accountUuid"`
	SettingID   string        `json:"settingId"`
	Value       *domain.Value `json:"value"`
}

func valuesList(s *domain.Settings) call {
	return with(func(ctx context.Context, r valueRequest) (any, error) {
		v, err := s.Values(ctx, r.AccountUUID, r.BundleID)
		return one("values", v, err)
	})
}

func valuesGet(s *domain.Settings) call {
	return with(func(ctx context.Context, r valueRequest) (any, error) {
		v, err := s.Value(ctx, r.ID)
		return one("value", v, err)
	})
}

func valuesGetUnique(s *domain.Settings) call {
	return with(func(ctx context.Context, r valueRequest) (any, error) {
		v, err := s.ValueOf(ctx, r.AccountUUID, r.SettingID)
		return one("value", v, err)
	})
}

func valuesSave(s *domain.Settings) call {
	return with(func(ctx context.Context, r valueRequest) (any, error) {
		if r.Value == nil {
			return nil, domain.ErrInvalid
		}
		v, err := s.Save(ctx, *r.Value)
		return one("value", v, err)
	})
}

func rolesList(s *domain.Settings) call {
	return with(func(ctx context.Context, _ struct{}) (any, error) {
		return answer{"bundles": s.Roles(ctx)}, nil
	})
}

type assignmentRequest struct {
	ID          string `json:"id"`
	AccountUUID string `json:"accountUuid"`
	RoleID      string `json:"roleId"`
	Filters     []struct {
		Type string `json:"type"`
		Term struct {
			AccountUUID string `json:"accountUuid"`
			RoleID      string `json:"roleId"`
		} `json:"term"`
		AccountUUID string `json:"accountUuid"`
		RoleID      string `json:"roleId"`
	} `json:"filters"`
}

func assignmentsList(s *domain.Settings) call {
	return with(func(ctx context.Context, r assignmentRequest) (any, error) {
		a, err := assignmentsOf(ctx, s, r.AccountUUID)
		return one("assignments", a, err)
	})
}

func assignmentsOf(ctx context.Context, s *domain.Settings, account string) ([]domain.Assignment, error) {
	a, err := s.Assignments(ctx, account)
	if errors.Is(err, domain.ErrForbidden) {
		err = errUnauthorized
	}
	return a, err
}

// assignmentsFiltered takes one filter, by account or by role.
func assignmentsFiltered(s *domain.Settings) call {
	return with(func(ctx context.Context, r assignmentRequest) (any, error) {
		if len(r.Filters) != 1 {
			return nil, domain.ErrInvalid
		}
		f := r.Filters[0]
		var a []domain.Assignment
		err := domain.ErrInvalid
		switch f.Type {
		case "TYPE_ACCOUNT":
			a, err = assignmentsOf(ctx, s, f.Term.AccountUUID+f.AccountUUID)
		case "TYPE_ROLE":
			if a, err = s.AssignmentsOf(ctx, f.Term.RoleID+f.RoleID); errors.Is(err, domain.ErrForbidden) {
				err = errUnauthorized
			}
		}
		return one("assignments", a, err)
	})
}

func assignmentsAdd(s *domain.Settings) call {
	return with(func(ctx context.Context, r assignmentRequest) (any, error) {
		a, err := s.Assign(ctx, r.AccountUUID, r.RoleID)
		return one("assignment", a, err)
	})
}

func assignmentsRemove(s *domain.Settings) call {
	return with(func(ctx context.Context, r assignmentRequest) (any, error) {
		return nil, s.Unassign(ctx, r.ID)
	})
}

func permissionsList(s *domain.Settings) call {
	return with(func(ctx context.Context, r assignmentRequest) (any, error) {
		p, err := s.Permissions(ctx, r.AccountUUID)
		return one("permissions", p, err)
	})
}

func permissionsByResource(s *domain.Settings) call {
	return with(func(ctx context.Context, r struct {
		Resource domain.Resource `json:"resource"`
	}) (any, error) {
		p, err := s.PermissionsFor(ctx, r.Resource)
		return one("permissions", p, err)
	})
}

func permissionsByID(s *domain.Settings) call {
	return with(func(ctx context.Context, r struct {
		PermissionID string `json:"permissionId"`
	}) (any, error) {
		p, err := s.PermissionByID(ctx, r.PermissionID)
		return one("permission", p, err)
	})
}
