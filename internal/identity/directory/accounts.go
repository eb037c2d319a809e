package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

const (
	many    = 1000 // entries of a list, if nobody said how many
	maxText = 200  // bytes of a search text that count
)

func orMany(limit int) int {
	if limit <= 0 {
		return many
	}
	return limit
}

func bounded(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxText)], "") }

// Account implements identity.Accounts.
func (d *Directory) Account(ctx context.Context, id string) (identity.Account, error) {
	return d.oneAccount(ctx, `id=?`, id)
}

// AccountByIdentity implements identity.Accounts.
func (d *Directory) AccountByIdentity(ctx context.Context, issuer, subject string) (identity.Account, error) {
	a, err := d.oneAccount(ctx, `deleted=0 AND id=(SELECT uid FROM directory_identities WHERE issuer=? AND subject=?)`, issuer, subject)
	if errors.Is(err, identity.ErrNotFound) && issuer == d.opts.Issuer {
		return d.oneAccount(ctx, `deleted=0 AND issuer IN ('', ?) AND id=?`, issuer, subject)
	}
	return a, err
}

func (d *Directory) oneAccount(ctx context.Context, where string, args ...any) (a identity.Account, err error) {
	err = d.db.Read(ctx, func(r db.Reader) error {
		found, err := d.accounts(ctx, r, where, args...)
		if err == nil && len(found) == 0 {
			err = identity.ErrNotFound
		}
		if err == nil {
			a = found[0]
		}
		return err
	})
	return a, err
}

// accounts runs a query for accounts: one for them, one for their external identities, whatever their number.
func (d *Directory) accounts(ctx context.Context, r db.Reader, where string, args ...any) (out []identity.Account, err error) {
	const columns = userColumns + `, external_id, primary_role, created, password_changed, deleted,
		COALESCE((SELECT last_sign_in FROM profiles p WHERE p.uid=directory_users.id), 0)`
	at := map[string]int{}
	err = r.Query(ctx, `SELECT `+columns+` FROM directory_users WHERE `+where, func(row db.Row) error {
		var a identity.Account
		a.User, _ = d.scanUser(row)
		a.ExternalID, a.PrimaryRole = row.Text(12), row.Text(13)
		a.Created, a.PasswordChanged, a.Deleted, a.LastSignIn = db.Time(row.Int(14)), db.Time(row.Int(15)), db.Time(row.Int(16)), db.Time(row.Int(17))
		at[a.ID] = len(out)
		out = append(out, a)
		return nil
	}, args...)
	if err == nil && len(out) > 0 {
		err = r.Query(ctx, `SELECT uid, issuer, subject FROM directory_identities WHERE uid IN (SELECT id FROM directory_users WHERE `+where+`) ORDER BY issuer, subject`,
			func(row db.Row) error {
				if i, ok := at[row.Text(0)]; ok {
					out[i].Identities = append(out[i].Identities, identity.ExternalIdentity{Issuer: row.Text(1), Subject: row.Text(2)})
				}
				return nil
			}, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("look up accounts: %w", err)
	}
	return out, nil
}

// ListAccounts implements identity.Accounts.
func (d *Directory) ListAccounts(ctx context.Context, q identity.AccountQuery) (out []identity.Account, err error) {
	where, args := conditions(q)
	where += ` AND username_key>? ORDER BY username_key LIMIT ?`
	args = append(args, key(q.After), orMany(q.Limit))
	err = d.db.Read(ctx, func(r db.Reader) error {
		out, err = d.accounts(ctx, r, where, args...)
		return err
	})
	return out, err
}

func conditions(q identity.AccountQuery) (where string, args []any) {
	where = `deleted=0`
	if q.Deleted {
		where = `deleted<>0`
	}
	add := func(sql string, a ...any) {
		where += ` AND ` + sql
		args = append(args, a...)
	}
	if q.Text != "" {
		add(`search LIKE ? ESCAPE '!'`, contains(bounded(q.Text)))
	}
	if q.Group != "" {
		add(`id IN (SELECT member FROM directory_belongs WHERE grp=? AND role='')`, q.Group)
	}
	if q.Role != "" {
		// roles is a list of ids, which hold no commas; none stands for the default of the type
		sql, a := `(',' || roles || ',') LIKE ? ESCAPE '!'`, []any{"%," + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(q.Role) + ",%"}
		for _, t := range []identity.UserType{identity.Member, identity.Guest} {
			if role.Default(t) == q.Role {
				sql += ` OR roles='' AND type=?`
				a = append(a, string(t))
			}
		}
		add(`(`+sql+`)`, a...)
	}
	if q.Type != "" {
		add(`type=?`, string(q.Type))
	}
	if q.Enabled != nil {
		add(`enabled=?`, bit(*q.Enabled))
	}
	if q.Education != nil && *q.Education {
		add(`primary_role<>''`)
	} else if q.Education != nil {
		add(`primary_role=''`)
	}
	if q.External != "" {
		add(`external_id=?`, q.External)
	}
	return where, args
}
