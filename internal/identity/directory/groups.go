package directory

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

// Group implements identity.Groups.
func (d *Directory) Group(ctx context.Context, id string) (identity.Group, error) {
	return d.oneGroup(ctx, `SELECT id, name FROM directory_groups WHERE id=?`, id)
}

// GroupByName implements identity.Groups; case does not matter.
func (d *Directory) GroupByName(ctx context.Context, name string) (identity.Group, error) {
	return d.oneGroup(ctx, `SELECT id, name FROM directory_groups WHERE name_key=?`, key(name))
}

func (d *Directory) oneGroup(ctx context.Context, sql, arg string) (identity.Group, error) {
	groups, err := d.groups(ctx, sql, arg)
	if err == nil && len(groups) == 0 {
		err = identity.ErrNotFound
	}
	if err != nil {
		return identity.Group{}, err
	}
	return groups[0], nil
}

func (d *Directory) groups(ctx context.Context, sql string, args ...any) (groups []identity.Group, err error) {
	err = d.db.Read(ctx, func(r db.Reader) error {
		groups = nil
		return r.Query(ctx, sql, func(row db.Row) error {
			groups = append(groups, identity.Group{ID: row.Text(0), DisplayName: row.Text(1)})
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("look up groups: %w", err)
	}
	return groups, nil
}

// FindGroups implements identity.Groups.
func (d *Directory) FindGroups(ctx context.Context, text string, limit int) ([]identity.Group, error) {
	return d.groups(ctx, `SELECT id, name FROM directory_groups WHERE name_key LIKE ? ESCAPE '!' ORDER BY name_key LIMIT ?`, contains(text), limit)
}

// Members implements identity.Groups.
func (d *Directory) Members(ctx context.Context, groupID string) (ids []string, err error) {
	found := false
	err = d.db.Read(ctx, func(r db.Reader) error {
		ids = nil
		if err := r.Query(ctx, `SELECT 1 FROM directory_groups WHERE id=?`, func(db.Row) error { found = true; return nil }, groupID); err != nil {
			return err
		}
		return r.Query(ctx, `SELECT uid FROM directory_members WHERE grp=? ORDER BY uid`, func(row db.Row) error {
			ids = append(ids, row.Text(0))
			return nil
		}, groupID)
	})
	if err == nil && !found {
		err = identity.ErrNotFound
	}
	return ids, err
}

// CreateGroup adds a group; an empty ID is filled in. Errors: ErrInvalid, identity.ErrExists.
func (d *Directory) CreateGroup(ctx context.Context, g identity.Group) (identity.Group, error) {
	if err := validName(g.DisplayName); err != nil {
		return identity.Group{}, err
	}
	if g.ID == "" {
		g.ID = uuid.NewString()
	}
	if err := d.write(ctx, func(tx db.Tx) error { return d.insertGroup(ctx, tx, g) }); err != nil {
		return identity.Group{}, err
	}
	return g, nil
}

func (d *Directory) insertGroup(ctx context.Context, tx db.Tx, g identity.Group) error {
	now := d.now().UnixNano()
	_, err := tx.Exec(ctx, `INSERT INTO directory_groups(id, name, name_key, created, changed) VALUES(?,?,?,?,?)`, g.ID, g.DisplayName, key(g.DisplayName), now, now)
	return taken(err, "group "+g.DisplayName)
}

// RenameGroup changes a group's name.
func (d *Directory) RenameGroup(ctx context.Context, id, name string) error {
	if err := validName(name); err != nil {
		return err
	}
	return d.write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE directory_groups SET name=?, name_key=?, changed=? WHERE id=?`, name, key(name), d.now().UnixNano(), id)
		return one(n, taken(err, "group "+name))
	})
}

// DeleteGroup removes a group and its memberships.
func (d *Directory) DeleteGroup(ctx context.Context, id string) error {
	return d.write(ctx, func(tx db.Tx) error {
		if err := one(tx.Exec(ctx, `DELETE FROM directory_groups WHERE id=?`, id)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM directory_members WHERE grp=?`, id)
		return err
	})
}

// AddMember puts a user into a group; one who is in it stays. ErrNotFound if there is no such user or group.
func (d *Directory) AddMember(ctx context.Context, group, user string) error {
	return d.write(ctx, func(tx db.Tx) error { return insertMember(ctx, tx, group, user) })
}

func insertMember(ctx context.Context, tx db.Tx, group, user string) error {
	n, err := tx.Exec(ctx, `INSERT INTO directory_members(grp, uid) SELECT g.id, u.id FROM directory_groups g, directory_users u WHERE g.id=? AND u.id=?
		ON CONFLICT(grp, uid) DO UPDATE SET uid=excluded.uid`, group, user)
	return one(n, err)
}

// RemoveMember takes a user out of a group; ErrNotFound if the user is not in it.
func (d *Directory) RemoveMember(ctx context.Context, group, user string) error {
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `DELETE FROM directory_members WHERE grp=? AND uid=?`, group, user))
	})
}
