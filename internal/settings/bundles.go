package settings

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

// builtin tells whether a bundle is one of ours, which cannot be changed.
func builtin(id string) bool {
	_, isRole := role.Find(id)
	return id == ProfileID || isRole
}

// bundles returns all that are no roles.
func (s *Settings) bundles(ctx context.Context) ([]Bundle, error) {
	out := []Bundle{profile()}
	err := s.db.Read(ctx, func(r db.Reader) error {
		out = out[:1]
		return r.Query(ctx, `SELECT definition FROM settings_bundles ORDER BY id`, func(r db.Row) error {
			var b Bundle
			if err := json.Unmarshal([]byte(r.Text(0)), &b); err != nil {
				return err
			}
			out = append(out, b)
			return nil
		})
	})
	return out, err
}

// visible leaves the settings that the caller may use.
func visible(ctx context.Context, b Bundle) Bundle {
	b.Settings = slices.DeleteFunc(b.Settings, func(s Setting) bool {
		p := permissionFor(s.ID)
		return p != "" && may(ctx, p) == role.None
	})
	return b
}

// Bundles returns the bundles (those with the ids, if there are any) with the settings that the caller may use. Roles are
// no part of it.
func (s *Settings) Bundles(ctx context.Context, ids []string) ([]Bundle, error) {
	all, err := s.bundles(ctx)
	if err != nil {
		return nil, err
	}
	out := []Bundle{}
	for _, b := range all {
		if len(ids) == 0 || slices.Contains(ids, b.ID) {
			if b = visible(ctx, b); len(b.Settings) > 0 || b.ID != ProfileID {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// Bundle returns one bundle, which may be a role.
func (s *Settings) Bundle(ctx context.Context, id string) (Bundle, error) {
	if r, ok := role.Find(id); ok && r.ID == id && id != role.ServiceAccount {
		return roleBundle(r), nil
	}
	found, err := s.Bundles(ctx, []string{id})
	switch {
	case err != nil:
		return Bundle{}, err
	case id == "" || len(found) == 0:
		return Bundle{}, ErrNotFound
	}
	return found[0], nil
}

// SaveBundle adds or replaces a bundle. It needs the permission Settings.ReadWrite; built-in ones cannot be replaced.
func (s *Settings) SaveBundle(ctx context.Context, b Bundle) (Bundle, error) {
	if b.Type == "" {
		b.Type = TypeDefault
	}
	if b.ID == "" {
		b.ID = uuid.NewString()
	}
	for i := range b.Settings {
		if b.Settings[i].ID == "" {
			b.Settings[i].ID = uuid.NewString()
		}
	}
	return b, s.change(ctx, b.ID, true, func(*Bundle) (Bundle, error) { return b, nil })
}

// AddSetting adds a setting to a bundle, or replaces the one of its id.
func (s *Settings) AddSetting(ctx context.Context, bundle string, d Setting) (Setting, error) {
	if d.ID == "" {
		d.ID = uuid.NewString()
	}
	return d, s.change(ctx, bundle, false, func(b *Bundle) (Bundle, error) {
		b.Settings = append(slices.DeleteFunc(b.Settings, func(o Setting) bool { return o.ID == d.ID }), d)
		return *b, nil
	})
}

// RemoveSetting removes a setting from a bundle.
func (s *Settings) RemoveSetting(ctx context.Context, bundle, setting string) error {
	return s.change(ctx, bundle, false, func(b *Bundle) (Bundle, error) {
		n := len(b.Settings)
		if b.Settings = slices.DeleteFunc(b.Settings, func(o Setting) bool { return o.ID == setting }); len(b.Settings) == n {
			return Bundle{}, ErrNotFound
		}
		return *b, nil
	})
}

// change replaces a bundle by what f makes of it, in one transaction.
func (s *Settings) change(ctx context.Context, id string, create bool, f func(*Bundle) (Bundle, error)) error {
	switch {
	case may(ctx, role.SettingsReadWrite) != role.All:
		return ErrForbidden
	case builtin(id):
		return invalid("built-in bundles cannot be changed")
	}
	return s.db.Write(ctx, func(tx db.Tx) error {
		var old *Bundle
		others, taken := 0, map[string]bool{}
		for _, d := range profile().Settings {
			taken[d.ID] = true
		}
		err := tx.Query(ctx, `SELECT definition FROM settings_bundles`, func(r db.Row) error {
			var b Bundle
			if err := json.Unmarshal([]byte(r.Text(0)), &b); err != nil {
				return err
			}
			if b.ID == id {
				old = &b
				return nil
			}
			others++
			for _, d := range b.Settings {
				taken[d.ID] = true
			}
			return nil
		})
		switch {
		case err != nil:
			return err
		case old == nil && !create:
			return ErrNotFound
		case others >= maxBundles:
			return invalid("there are too many bundles")
		}
		b, err := f(old)
		if err != nil {
			return err
		}
		if err := validBundle(b, taken); err != nil {
			return err
		}
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if len(text) > maxBundle {
			return invalid("the bundle is too large")
		}
		_, err = tx.Exec(ctx, `INSERT INTO settings_bundles(id, definition) VALUES(?,?) ON CONFLICT(id) DO UPDATE SET definition=excluded.definition`, b.ID, string(text))
		return err
	})
}

// validBundle tells whether a bundle can be used; ids of settings are unique among all bundles.
func validBundle(b Bundle, taken map[string]bool) error {
	switch {
	case b.Type != TypeDefault:
		return invalid("only bundles of type %s can be made", TypeDefault)
	case !name(b.ID) || !name(b.Name) || !name(b.Extension):
		return invalid("bundles need an id, a name and an extension")
	case len(b.Settings) > maxSettings:
		return invalid("there are too many settings")
	}
	for _, d := range b.Settings {
		kinds := 0
		for _, is := range []bool{d.Int != nil, d.String != nil, d.Bool != nil, d.Single != nil, d.Multi != nil, d.Collection != nil} {
			if is {
				kinds++
			}
		}
		switch {
		case !name(d.ID) || !name(d.Name):
			return invalid("settings need an id and a name")
		case kinds != 1 || d.Permission != nil:
			return invalid("setting %q needs exactly one kind of value", d.Name)
		case taken[d.ID]:
			return invalid("the id of setting %q is taken", d.Name)
		}
		taken[d.ID] = true
	}
	return nil
}

func name(s string) bool { return s != "" && len(s) <= maxName }
