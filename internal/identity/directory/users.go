package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/platform/db"
)

var _ identity.Accounts = (*Directory)(nil)

// Writable implements identity.Accounts.
func (d *Directory) Writable() bool { return true }

// CreateAccount implements identity.Accounts.
func (d *Directory) CreateAccount(ctx context.Context, a identity.Account, pw string) (identity.Account, error) {
	hash := ""
	if pw != "" {
		var err error
		if hash, err = d.allowed(ctx, pw); err != nil {
			return identity.Account{}, err
		}
	}
	a, err := complete(a)
	if err != nil {
		return identity.Account{}, err
	}
	if err := d.write(ctx, func(tx db.Tx) error { return d.insert(ctx, tx, a, hash) }); err != nil {
		return identity.Account{}, err
	}
	return d.Account(ctx, a.ID)
}

func complete(a identity.Account) (identity.Account, error) {
	if a.ID == "" {
		a.ID = uuid.NewString()
	}
	a.Complete()
	return a, a.Validate()
}

func (d *Directory) insert(ctx context.Context, tx db.Tx, a identity.Account, hash string) error {
	now := d.now().UnixNano()
	_, err := tx.Exec(ctx, `INSERT INTO directory_users(id, username, username_key, display_name, given_name, surname, mail, mail_key, search, language,
		type, enabled, issuer, roles, password, secret, created, changed, external_id, primary_role, password_changed)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,?,?,?,?,?)`,
		a.ID, a.Username, key(a.Username), a.DisplayName, a.GivenName, a.Surname, a.Mail, key(a.Mail), searchText(a.User), a.Language,
		string(a.Type), bit(a.Enabled), a.Issuer, strings.Join(a.Roles, ","), hash, now, now, a.ExternalID, a.PrimaryRole, now)
	if err != nil {
		return taken(err, "account "+a.Username)
	}
	return d.identify(ctx, tx, a.ID, a.Identities)
}

// identify replaces the external identities of an account.
func (d *Directory) identify(ctx context.Context, tx db.Tx, id string, identities []identity.ExternalIdentity) error {
	if _, err := tx.Exec(ctx, `DELETE FROM directory_identities WHERE uid=?`, id); err != nil {
		return err
	}
	for _, i := range identities {
		if i.Issuer == d.opts.Issuer && i.Subject == id {
			continue // what we say of every account of our own
		}
		if _, err := tx.Exec(ctx, `INSERT INTO directory_identities(issuer, subject, uid) VALUES(?,?,?)`, i.Issuer, i.Subject, id); err != nil {
			return taken(err, "identity of "+i.Issuer)
		}
	}
	return nil
}

// UpdateAccount implements identity.Accounts.
func (d *Directory) UpdateAccount(ctx context.Context, id string, c identity.AccountChange) (identity.Account, error) {
	err := d.write(ctx, func(tx db.Tx) error {
		found, err := d.accounts(ctx, tx, `deleted=0 AND id=?`, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return identity.ErrNotFound
		}
		a := found[0]
		c.Apply(&a)
		if err := a.Validate(); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE directory_users SET username=?, username_key=?, display_name=?, given_name=?, surname=?, mail=?, mail_key=?,
			search=?, language=?, type=?, enabled=?, roles=?, external_id=?, primary_role=?, changed=? WHERE id=?`,
			a.Username, key(a.Username), a.DisplayName, a.GivenName, a.Surname, a.Mail, key(a.Mail), searchText(a.User), a.Language, string(a.Type),
			bit(a.Enabled), strings.Join(a.Roles, ","), a.ExternalID, a.PrimaryRole, d.now().UnixNano(), id)
		if err == nil && c.Identities != nil {
			err = d.identify(ctx, tx, id, *c.Identities)
		}
		return taken(err, "account "+a.Username)
	})
	if err != nil {
		return identity.Account{}, err
	}
	return d.Account(ctx, id)
}

// SetPassword changes the password; logins with the former one end at once.
func (d *Directory) SetPassword(ctx context.Context, id, pw string) error {
	hash, err := d.allowed(ctx, pw)
	if err != nil {
		return err
	}
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `UPDATE directory_users SET password=?, secret=secret+1, changed=?, password_changed=? WHERE id=? AND deleted=0`,
			hash, d.now().UnixNano(), d.now().UnixNano(), id))
	})
}

// DeleteAccount implements identity.Accounts.
func (d *Directory) DeleteAccount(ctx context.Context, id string, purge bool) error {
	if !purge {
		return d.write(ctx, func(tx db.Tx) error {
			return one(tx.Exec(ctx, `UPDATE directory_users SET deleted=?, secret=secret+1 WHERE id=? AND deleted=0`, d.now().UnixNano(), id))
		})
	}
	if _, err := d.Account(ctx, id); err != nil {
		return err
	}
	// What is kept elsewhere goes first: where that fails, the account is still there to be purged again.
	for _, f := range append(slices.Clone(d.onPurge), d.profiles.Delete) {
		if err := f(ctx, id); err != nil {
			return fmt.Errorf("purge account: %w", err)
		}
	}
	return d.write(ctx, func(tx db.Tx) error {
		if err := one(tx.Exec(ctx, `DELETE FROM directory_users WHERE id=?`, id)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM directory_identities WHERE uid=?`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM directory_belongs WHERE member=?`, id)
		return err
	})
}

// RestoreAccount implements identity.Accounts.
func (d *Directory) RestoreAccount(ctx context.Context, id string) error {
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `UPDATE directory_users SET deleted=0, changed=? WHERE id=? AND deleted<>0`, d.now().UnixNano(), id))
	})
}

// Photo implements identity.Accounts.
func (d *Directory) Photo(ctx context.Context, id string) ([]byte, string, error) {
	if _, err := d.User(ctx, id); err != nil {
		return nil, "", err
	}
	return d.profiles.Photo(ctx, id)
}

// SetPhoto implements identity.Accounts; what the photo is is found out from its content.
func (d *Directory) SetPhoto(ctx context.Context, id string, data []byte, _ string) error {
	if _, err := d.User(ctx, id); err != nil {
		return err
	}
	return d.profiles.SetPhoto(ctx, id, data)
}

// SignedIn implements identity.Accounts.
func (d *Directory) SignedIn(ctx context.Context, id string) error {
	if _, err := d.User(ctx, id); err != nil {
		return err
	}
	return d.profiles.SignedIn(ctx, id)
}

// allowed makes the hash of a password that the policy allows.
func (d *Directory) allowed(ctx context.Context, pw string) (string, error) {
	if faults := d.opts.Passwords.Faults(pw); len(faults) > 0 {
		return "", fmt.Errorf("%w: %w", identity.ErrInvalid, &password.WeakError{Faults: faults})
	}
	return d.hash(ctx, pw)
}

func (d *Directory) hash(ctx context.Context, pw string) (string, error) {
	if pw == "" || len(pw) > password.MaxLength {
		return "", fmt.Errorf("%w: a password has 1 to %d bytes", identity.ErrInvalid, password.MaxLength)
	}
	return d.hasher.Hash(ctx, pw)
}

func searchText(u identity.User) string {
	return key(u.Username + "\n" + u.DisplayName + "\n" + u.GivenName + "\n" + u.Surname + "\n" + u.Mail)
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
