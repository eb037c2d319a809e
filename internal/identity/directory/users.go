package directory

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/platform/db"
)

// ErrInvalid tells that a name, mail address or password cannot be used.
var ErrInvalid = errors.New("invalid value")

const maxName = 255 // bytes

// Change changes an account; nil fields stay.
type Change struct {
	Username, DisplayName, GivenName, Surname, Mail, Language *string
	Type                                                      *identity.UserType
	Enabled                                                   *bool
	Roles                                                     *[]string // ids
}

// Create adds an account. An empty ID is filled in, an empty Type is Member; an empty password allows no login with one.
// Errors: ErrInvalid, identity.ErrExists.
func (d *Directory) Create(ctx context.Context, u identity.User, pw string) (identity.User, error) {
	hash := ""
	if pw != "" {
		var err error
		if hash, err = d.hash(ctx, pw); err != nil {
			return identity.User{}, err
		}
	}
	u, err := complete(u)
	if err != nil {
		return identity.User{}, err
	}
	if err := d.write(ctx, func(tx db.Tx) error { return d.insert(ctx, tx, u, hash) }); err != nil {
		return identity.User{}, err
	}
	return d.User(ctx, u.ID)
}

func complete(u identity.User) (identity.User, error) {
	if u.ID == "" {
		u.ID = uuid.NewString()
	}
	if u.Type == "" {
		u.Type = identity.Member
	}
	if u.DisplayName == "" {
		u.DisplayName = u.Username
	}
	return u, validate(u)
}

func (d *Directory) insert(ctx context.Context, tx db.Tx, u identity.User, hash string) error {
	now := d.now().UnixNano()
	_, err := tx.Exec(ctx, `INSERT INTO directory_users(id, username, username_key, display_name, given_name, surname, mail, mail_key, search, language,
		type, enabled, issuer, roles, password, secret, created, changed) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,?,?)`,
		u.ID, u.Username, key(u.Username), u.DisplayName, u.GivenName, u.Surname, u.Mail, key(u.Mail), searchText(u), u.Language,
		string(u.Type), bit(u.Enabled), u.Issuer, strings.Join(u.Roles, ","), hash, now, now)
	return taken(err, "account "+u.Username)
}

// Update changes an account and returns what it is now. Errors: ErrInvalid, identity.ErrNotFound, identity.ErrExists.
func (d *Directory) Update(ctx context.Context, id string, c Change) (identity.User, error) {
	err := d.write(ctx, func(tx db.Tx) error {
		var u identity.User
		found := false
		err := tx.Query(ctx, `SELECT `+userColumns+` FROM directory_users WHERE id=?`, func(r db.Row) error {
			u, _ = d.scanUser(r)
			found = true
			return nil
		}, id)
		if err != nil {
			return err
		}
		if !found {
			return identity.ErrNotFound
		}
		c.apply(&u)
		if err := validate(u); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE directory_users SET username=?, username_key=?, display_name=?, given_name=?, surname=?, mail=?, mail_key=?,
			search=?, language=?, type=?, enabled=?, roles=?, changed=? WHERE id=?`,
			u.Username, key(u.Username), u.DisplayName, u.GivenName, u.Surname, u.Mail, key(u.Mail),
			searchText(u), u.Language, string(u.Type), bit(u.Enabled), strings.Join(u.Roles, ","), d.now().UnixNano(), id)
		return taken(err, "account "+u.Username)
	})
	if err != nil {
		return identity.User{}, err
	}
	return d.User(ctx, id)
}

func (c Change) apply(u *identity.User) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&u.Username, c.Username)
	set(&u.DisplayName, c.DisplayName)
	set(&u.GivenName, c.GivenName)
	set(&u.Surname, c.Surname)
	set(&u.Mail, c.Mail)
	set(&u.Language, c.Language)
	if c.Type != nil {
		u.Type = *c.Type
	}
	if c.Enabled != nil {
		u.Enabled = *c.Enabled
	}
	if c.Roles != nil {
		u.Roles = *c.Roles
	}
}

// SetPassword changes the password; logins with the former one end at once.
func (d *Directory) SetPassword(ctx context.Context, id, pw string) error {
	hash, err := d.hash(ctx, pw)
	if err != nil {
		return err
	}
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `UPDATE directory_users SET password=?, secret=secret+1, changed=? WHERE id=?`, hash, d.now().UnixNano(), id))
	})
}

// SetEnabled allows or forbids an account to do anything, from the moment it returns.
func (d *Directory) SetEnabled(ctx context.Context, id string, on bool) error {
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `UPDATE directory_users SET enabled=?, changed=? WHERE id=?`, bit(on), d.now().UnixNano(), id))
	})
}

// Delete removes an account and its memberships.
func (d *Directory) Delete(ctx context.Context, id string) error {
	return d.write(ctx, func(tx db.Tx) error {
		if err := one(tx.Exec(ctx, `DELETE FROM directory_users WHERE id=?`, id)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM directory_members WHERE uid=?`, id)
		return err
	})
}

// hash makes password hashes one at a time.
func (d *Directory) hash(ctx context.Context, pw string) (string, error) {
	if pw == "" || len(pw) > password.MaxLength {
		return "", fmt.Errorf("%w: a password has 1 to %d bytes", ErrInvalid, password.MaxLength)
	}
	select {
	case d.hashing <- struct{}{}:
		defer func() { <-d.hashing }()
		return password.Hash(pw), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func validate(u identity.User) error {
	if err := validName(u.Username); err != nil {
		return err
	}
	if strings.ContainsAny(u.Username, ":/\\ ") {
		return fmt.Errorf("%w: a user name has no spaces, colons or slashes", ErrInvalid)
	}
	for _, s := range []string{u.ID, u.DisplayName, u.GivenName, u.Surname, u.Mail, u.Language} {
		if len(s) > maxName || !printable(s) {
			return fmt.Errorf("%w: too long, or not printable", ErrInvalid)
		}
	}
	if u.Mail != "" {
		if a, err := mail.ParseAddress(u.Mail); err != nil || a.Address != u.Mail {
			return fmt.Errorf("%w: %q is no mail address", ErrInvalid, u.Mail)
		}
	}
	for _, r := range u.Roles {
		if r == "" || strings.ContainsAny(r, ", ") {
			return fmt.Errorf("%w: %q is no role id", ErrInvalid, r)
		}
	}
	if u.Type != identity.Member && u.Type != identity.Guest {
		return fmt.Errorf("%w: user type %q", ErrInvalid, u.Type)
	}
	return nil
}

func validName(name string) error {
	if name == "" || len(name) > maxName || strings.TrimSpace(name) != name || !printable(name) {
		return fmt.Errorf("%w: a name has 1 to %d printable bytes, and no space around it", ErrInvalid, maxName)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

func searchText(u identity.User) string {
	return key(u.Username + "\n" + u.DisplayName + "\n" + u.Mail)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// one makes a statement that found no row ErrNotFound.
func one(n int64, err error) error {
	if err == nil && n == 0 {
		return identity.ErrNotFound
	}
	return err
}

func taken(err error, what string) error {
	if errors.Is(err, db.ErrUnique) {
		return fmt.Errorf("%s: %w", what, identity.ErrExists)
	}
	return err
}
