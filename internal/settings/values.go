package settings

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

// languageTag is the form of languages (BCP 47) and of the interface's names for them.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}([-_@][A-Za-z0-9]{1,8}){0,4}$`)

// find returns a setting and the bundle it is in, if the caller may use it.
func (s *Settings) find(ctx context.Context, settingID string) (Bundle, Setting, error) {
	all, err := s.bundles(ctx)
	if err != nil {
		return Bundle{}, Setting{}, err
	}
	for _, b := range all {
		for _, d := range b.Settings {
			if d.ID == settingID && settingID != "" {
				if p := permissionFor(d.ID); p != "" && may(ctx, p) == role.None {
					return Bundle{}, Setting{}, ErrForbidden
				}
				return b, d, nil
			}
		}
	}
	return Bundle{}, Setting{}, ErrNotFound
}

// SettingID returns the id of a setting by its bundle's name and its own.
func (s *Settings) SettingID(ctx context.Context, bundle, setting string) (string, error) {
	all, err := s.bundles(ctx)
	for _, b := range all {
		for _, d := range b.Settings {
			if (b.Name == bundle || b.Extension == bundle) && d.Name == setting {
				return d.ID, nil
			}
		}
	}
	if err == nil {
		err = ErrNotFound
	}
	return "", err
}

// Values returns what an account has set, and the defaults of what it has not, of one bundle or (bundleID is empty) all.
func (s *Settings) Values(ctx context.Context, account, bundleID string) ([]Identified, error) {
	id, err := own(ctx, account)
	if err != nil {
		return nil, err
	}
	bundles, err := s.Bundles(ctx, nil)
	if err != nil {
		return nil, err
	}
	saved, err := s.saved(ctx, id)
	if err != nil {
		return nil, err
	}
	out := []Identified{}
	for _, b := range bundles {
		if bundleID != "" && bundleID != b.ID {
			continue
		}
		for _, d := range b.Settings {
			v, ok := saved[d.ID]
			if !ok {
				if v, ok = fallback(d); !ok {
					continue
				}
			}
			out = append(out, identified(b, d, complete(v, b, d, id)))
		}
	}
	return out, nil
}

func identified(b Bundle, d Setting, v Value) Identified {
	return Identified{Identifier: Identifier{Extension: b.Extension, Bundle: b.Name, Setting: d.Name}, Value: v}
}

// complete fills in what every value has.
func complete(v Value, b Bundle, d Setting, account string) Value {
	v.BundleID, v.SettingID, v.AccountUUID, v.Resource = b.ID, d.ID, account, &Resource{Type: "TYPE_USER"}
	return v
}

// saved returns what an account has set, by setting.
func (s *Settings) saved(ctx context.Context, account string) (map[string]Value, error) {
	out := map[string]Value{}
	a, err := s.account(ctx, account)
	switch {
	case err == nil && a.Language != "":
		out[LanguageID] = language(account, a.Language)
	case err != nil && !errors.Is(err, ErrNotFound):
		return nil, err
	}
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT setting, id, value FROM settings_values WHERE uid=?`, func(r db.Row) error {
			var v Value
			if err := json.Unmarshal([]byte(r.Text(2)), &v); err != nil {
				return err
			}
			v.ID = r.Text(1)
			out[r.Text(0)] = v
			return nil
		}, account)
	})
	return out, err
}

func language(account, tag string) Value {
	return Value{ID: derived("value", account, LanguageID), List: &List{Values: []OptionValue{{String: &tag}}}}
}

// fallback is the value of a setting that nobody has set; false if there is none.
func fallback(d Setting) (v Value, ok bool) {
	switch {
	case d.Bool != nil:
		v.Bool = &d.Bool.Default
	case d.Int != nil:
		v.Int = &d.Int.Default
	case d.String != nil:
		v.String = &d.String.Default
	case d.Single != nil || d.Multi != nil:
		v.List = &List{}
		for _, o := range options(d) {
			if o.Default {
				v.List.Values = append(v.List.Values, o.Value)
			}
		}
		return v, len(v.List.Values) > 0
	case d.Collection != nil:
		v.Collection = &Collection{Values: []CollectionValue{}}
		for _, o := range d.Collection.Options {
			v.Collection.Values = append(v.Collection.Values, preset(o))
		}
	}
	return v, true
}

func options(d Setting) []Option {
	if d.Single != nil {
		return d.Single.Options
	}
	return d.Multi.Options
}

// preset is what an option of a collection is when nobody has set it.
func preset(o CollectionOption) CollectionValue {
	v := CollectionValue{Key: o.Key}
	switch {
	case o.Value.Bool != nil:
		v.Bool = &o.Value.Bool.Default
	case o.Value.Int != nil:
		v.Int = &o.Value.Int.Default
	case o.Value.String != nil:
		v.String = &o.Value.String.Default
	}
	return v
}

// Value returns what is saved under an id. What is not the caller's is not found.
func (s *Settings) Value(ctx context.Context, id string) (Identified, error) {
	account, setting := "", ""
	err := s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT uid, setting FROM settings_values WHERE id=?`, func(r db.Row) error {
			account, setting = r.Text(0), r.Text(1)
			return nil
		}, id)
	})
	if err != nil {
		return Identified{}, err
	}
	if a := identity.ActorFrom(ctx); account == "" && a.Kind == identity.Person && id == derived("value", a.User.ID, LanguageID) {
		account, setting = a.User.ID, LanguageID
	}
	if account, err = own(ctx, account); err != nil || setting == "" {
		return Identified{}, ErrNotFound
	}
	return s.ValueOf(ctx, account, setting)
}

// ValueOf returns what an account has saved for a setting; ErrNotFound if it has not.
func (s *Settings) ValueOf(ctx context.Context, account, settingID string) (Identified, error) {
	id, err := own(ctx, account)
	if err != nil {
		return Identified{}, err
	}
	b, d, err := s.find(ctx, settingID)
	if err != nil {
		return Identified{}, err
	}
	saved, err := s.saved(ctx, id)
	if err != nil {
		return Identified{}, err
	}
	v, ok := saved[d.ID]
	if !ok {
		return Identified{}, ErrNotFound
	}
	return identified(b, d, complete(v, b, d, id)), nil
}

// Effective is ValueOf, or else the default; ErrNotFound if there is neither.
func (s *Settings) Effective(ctx context.Context, account, settingID string) (Identified, error) {
	v, err := s.ValueOf(ctx, account, settingID)
	if !errors.Is(err, ErrNotFound) {
		return v, err
	}
	b, d, err := s.find(ctx, settingID)
	if err != nil {
		return Identified{}, err
	}
	id, err := own(ctx, account)
	if err != nil {
		return Identified{}, err
	}
	f, ok := fallback(d)
	if !ok {
		return Identified{}, ErrNotFound
	}
	return identified(b, d, complete(f, b, d, id)), nil
}

// Save sets a value for the caller's account; a value that is there is replaced.
func (s *Settings) Save(ctx context.Context, v Value) (Identified, error) {
	account, err := own(ctx, v.AccountUUID)
	if err != nil {
		return Identified{}, err
	}
	if v.SettingID == "" && v.ID != "" {
		old, err := s.Value(ctx, v.ID)
		if err != nil {
			return Identified{}, err
		}
		v.SettingID = old.Value.SettingID
	}
	b, d, err := s.find(ctx, v.SettingID)
	if err != nil {
		return Identified{}, err
	}
	if v.BundleID != "" && v.BundleID != b.ID {
		return Identified{}, invalid("the setting is not in this bundle")
	}
	if v, err = fit(d, v); err != nil {
		return Identified{}, err
	}
	v.ID = derived("value", account, d.ID)
	done := false
	if d.ID == LanguageID {
		done, err = s.saveLanguage(ctx, account, v)
	}
	if err == nil && !done {
		err = s.store(ctx, account, b, d, v)
	}
	if err != nil {
		return Identified{}, err
	}
	return identified(b, d, complete(v, b, d, account)), nil
}

// saveLanguage changes the account; false if the directory cannot be changed here.
func (s *Settings) saveLanguage(ctx context.Context, account string, v Value) (bool, error) {
	tag := ""
	if len(v.List.Values) == 1 {
		tag = *v.List.Values[0].String
	}
	_, err := s.accounts.UpdateAccount(ctx, account, identity.AccountChange{Language: &tag})
	switch {
	case errors.Is(err, identity.ErrReadOnly):
		return false, nil
	case errors.Is(err, identity.ErrNotFound):
		return false, ErrNotFound
	case err != nil:
		return false, err
	}
	return true, s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM settings_values WHERE uid=? AND setting=?`, account, LanguageID)
		return err
	})
}

func (s *Settings) store(ctx context.Context, account string, b Bundle, d Setting, v Value) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(text) > maxValue {
		return invalid("the value is too long")
	}
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO settings_values(uid, setting, bundle, id, value) VALUES(?,?,?,?,?)
			ON CONFLICT(uid, setting) DO UPDATE SET value=excluded.value, bundle=excluded.bundle`, account, d.ID, b.ID, v.ID, string(text))
		return err
	})
}

// DeleteValues removes all that an account has set, when it is removed for good.
func (s *Settings) DeleteValues(ctx context.Context, account string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM settings_values WHERE uid=?`, account)
		return err
	})
}

// fit returns the part of a value that is of the setting's kind, or ErrInvalid if it does not fit.
func fit(d Setting, v Value) (out Value, err error) {
	switch {
	case d.Bool != nil && v.Bool != nil:
		out.Bool = v.Bool
	case d.Int != nil && v.Int != nil:
		if k := d.Int; *v.Int < k.Min || k.Max != 0 && *v.Int > k.Max {
			return Value{}, invalid("the number is out of range")
		}
		out.Int = v.Int
	case d.String != nil && v.String != nil:
		if k, n := d.String, len(*v.String); n < k.MinLength || k.MaxLength != 0 && n > k.MaxLength || k.Required && n == 0 {
			return Value{}, invalid("the text is too short or too long")
		}
		out.String = v.String
	case d.Single != nil || d.Multi != nil:
		out.List, err = fitList(d, v)
	case d.Collection != nil && v.Collection != nil:
		out.Collection, err = fitCollection(d.Collection, v.Collection)
	default:
		return Value{}, invalid("the value is not of the kind of setting %q", d.Name)
	}
	return out, err
}

func fitList(d Setting, v Value) (*List, error) {
	if v.List == nil && v.String != nil {
		v.List = &List{Values: []OptionValue{{String: v.String}}}
	}
	switch {
	case v.List == nil:
		return nil, invalid("the value is not of the kind of setting %q", d.Name)
	case d.Single != nil && len(v.List.Values) > 1, len(v.List.Values) > maxSettings:
		return nil, invalid("there are too many values")
	}
	out := &List{Values: []OptionValue{}}
	for _, o := range v.List.Values {
		if d.ID == LanguageID {
			if o.String != nil && *o.String == "" {
				continue // as the browser has it
			}
			if o.String == nil || !languageTag.MatchString(*o.String) {
				return nil, invalid("this is no language")
			}
		} else if !slices.ContainsFunc(options(d), func(k Option) bool { return same(k.Value, o) }) {
			return nil, invalid("there is no such option of setting %q", d.Name)
		}
		out.Values = append(out.Values, o)
	}
	return out, nil
}

func same(a, b OptionValue) bool {
	return a.String != nil && b.String != nil && *a.String == *b.String || a.Int != nil && b.Int != nil && *a.Int == *b.Int
}

// fitCollection returns a value for every option: the one given, or else (and for what cannot be changed) the default.
func fitCollection(d *CollectionKind, v *Collection) (*Collection, error) {
	given := map[string]CollectionValue{}
	for _, o := range v.Values {
		if !slices.ContainsFunc(d.Options, func(k CollectionOption) bool { return k.Key == o.Key }) {
			return nil, invalid("there is no option %q", o.Key)
		}
		given[o.Key] = o
	}
	out := &Collection{Values: []CollectionValue{}}
	for _, k := range d.Options {
		is := preset(k)
		if o, ok := given[k.Key]; ok && k.Attribute != "disabled" {
			switch {
			case k.Value.Bool != nil && o.Bool != nil:
				is.Bool = o.Bool
			case k.Value.Int != nil && o.Int != nil:
				is.Int = o.Int
			case k.Value.String != nil && o.String != nil:
				is.String = o.String
			default:
				return nil, invalid("the value of option %q is of another kind", k.Key)
			}
		}
		out.Values = append(out.Values, is)
	}
	return out, nil
}
