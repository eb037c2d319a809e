package directory

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

var _ identity.GroupAdmin = (*Directory)(nil)

const groupColumns = `id, name, kind, description, classification, number, external_id, terminates, created`

// known are the kinds that package identity's Groups knows: those that people share with.
const known = `kind IN ('', 'class')`

func scanGroup(r db.Row) identity.GroupRecord {
	return identity.GroupRecord{Group: identity.Group{ID: r.Text(0), DisplayName: r.Text(1)}, Kind: identity.GroupKind(r.Text(2)), Description: r.Text(3),
		Classification: r.Text(4), Number: r.Text(5), ExternalID: r.Text(6), Terminates: db.Time(r.Int(7)), Created: db.Time(r.Int(8))}
}

// groups runs a query for groups.
func (d *Directory) groups(ctx context.Context, where string, args ...any) (groups []identity.GroupRecord, err error) {
	err = d.db.Read(ctx, func(r db.Reader) error {
		groups = nil
		return r.Query(ctx, `SELECT `+groupColumns+` FROM directory_sets WHERE `+where, func(row db.Row) error {
			groups = append(groups, scanGroup(row))
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("look up groups: %w", err)
	}
	return groups, nil
}

func (d *Directory) oneGroup(ctx context.Context, where string, args ...any) (identity.GroupRecord, error) {
	groups, err := d.groups(ctx, where, args...)
	if err == nil && len(groups) == 0 {
		err = identity.ErrNotFound
	}
	if err != nil {
		return identity.GroupRecord{}, err
	}
	return groups[0], nil
}

// Group implements identity.Groups.
func (d *Directory) Group(ctx context.Context, id string) (identity.Group, error) {
	g, err := d.oneGroup(ctx, known+` AND id=?`, id)
	return g.Group, err
}

// GroupByName implements identity.Groups; case does not matter.
func (d *Directory) GroupByName(ctx context.Context, name string) (identity.Group, error) {
	g, err := d.oneGroup(ctx, known+` AND name_key=? ORDER BY kind`, key(name))
	return g.Group, err
}

// FindGroups implements identity.Groups.
func (d *Directory) FindGroups(ctx context.Context, text string, limit int) ([]identity.Group, error) {
	found, err := d.groups(ctx, known+` AND name_key LIKE ? ESCAPE '!' ORDER BY name_key, id LIMIT ?`, contains(text), limit)
	var out []identity.Group
	for _, g := range found {
		out = append(out, g.Group)
	}
	return out, err
}

// Members implements identity.Groups.
func (d *Directory) Members(ctx context.Context, groupID string) ([]string, error) {
	if _, err := d.Group(ctx, groupID); err != nil {
		return nil, err
	}
	return d.members(ctx, groupID, identity.MemberOf)
}

func (d *Directory) members(ctx context.Context, group string, r identity.MemberRole) ([]string, error) {
	return d.ids(ctx, `SELECT member FROM directory_belongs WHERE grp=? AND role=?
		AND member NOT IN (SELECT id FROM directory_users WHERE deleted<>0) ORDER BY member`, group, string(r))
}

func (d *Directory) ids(ctx context.Context, sql string, args ...any) (ids []string, err error) {
	err = d.db.Read(ctx, func(r db.Reader) error {
		ids = nil
		return r.Query(ctx, sql, func(row db.Row) error {
			ids = append(ids, row.Text(0))
			return nil
		}, args...)
	})
	return ids, err
}

// GroupRecord implements identity.GroupAdmin.
func (d *Directory) GroupRecord(ctx context.Context, kind identity.GroupKind, id string) (identity.GroupRecord, error) {
	return d.oneGroup(ctx, `kind=? AND id=?`, string(kind), id)
}

// ListGroups implements identity.GroupAdmin.
func (d *Directory) ListGroups(ctx context.Context, kind identity.GroupKind, text, after string, limit int) ([]identity.GroupRecord, error) {
	return d.groups(ctx, `kind=? AND name_key LIKE ? ESCAPE '!' AND name_key>? ORDER BY name_key LIMIT ?`, string(kind), contains(bounded(text)), key(after), orMany(limit))
}

// MembersOf implements identity.GroupAdmin.
func (d *Directory) MembersOf(ctx context.Context, kind identity.GroupKind, id string, r identity.MemberRole) ([]string, error) {
	if _, err := d.GroupRecord(ctx, kind, id); err != nil {
		return nil, err
	}
	return d.members(ctx, id, r)
}

// Belongs implements identity.GroupAdmin.
func (d *Directory) Belongs(ctx context.Context, kind identity.GroupKind, member string, r identity.MemberRole) ([]string, error) {
	return d.ids(ctx, `SELECT b.grp FROM directory_belongs b JOIN directory_sets s ON s.id=b.grp WHERE b.member=? AND b.role=? AND s.kind=? ORDER BY b.grp`,
		member, string(r), string(kind))
}

// CreateGroup implements identity.GroupAdmin.
func (d *Directory) CreateGroup(ctx context.Context, g identity.GroupRecord) (identity.GroupRecord, error) {
	if err := g.Validate(); err != nil {
		return identity.GroupRecord{}, err
	}
	if g.ID == "" {
		g.ID = uuid.NewString()
	}
	if err := d.write(ctx, func(tx db.Tx) error { return d.insertGroup(ctx, tx, g) }); err != nil {
		return identity.GroupRecord{}, err
	}
	return d.GroupRecord(ctx, g.Kind, g.ID)
}

func (d *Directory) insertGroup(ctx context.Context, tx db.Tx, g identity.GroupRecord) error {
	now := d.now().UnixNano()
	_, err := tx.Exec(ctx, `INSERT INTO directory_sets(id, kind, name, name_key, description, classification, number, external_id, terminates, created, changed)
		VALUES(?,?,?,?,?,?,?,?,?,?,?)`, g.ID, string(g.Kind), g.DisplayName, key(g.DisplayName), g.Description, g.Classification, g.Number, g.ExternalID,
		db.Nanos(g.Terminates), now, now)
	return taken(err, "group "+g.DisplayName)
}

// UpdateGroup implements identity.GroupAdmin.
func (d *Directory) UpdateGroup(ctx context.Context, g identity.GroupRecord) error {
	if err := g.Validate(); err != nil {
		return err
	}
	return d.write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE directory_sets SET name=?, name_key=?, description=?, classification=?, number=?, external_id=?, terminates=?, changed=?
			WHERE id=? AND kind=?`, g.DisplayName, key(g.DisplayName), g.Description, g.Classification, g.Number, g.ExternalID, db.Nanos(g.Terminates),
			d.now().UnixNano(), g.ID, string(g.Kind))
		return one(n, taken(err, "group "+g.DisplayName))
	})
}

// DeleteGroup implements identity.GroupAdmin.
func (d *Directory) DeleteGroup(ctx context.Context, kind identity.GroupKind, id string) error {
	return d.write(ctx, func(tx db.Tx) error {
		if err := one(tx.Exec(ctx, `DELETE FROM directory_sets WHERE id=? AND kind=?`, id, string(kind))); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM directory_belongs WHERE grp=? OR member=?`, id, id)
		return err
	})
}

// AddMember implements identity.GroupAdmin.
func (d *Directory) AddMember(ctx context.Context, kind identity.GroupKind, group, member string, r identity.MemberRole) error {
	if r != identity.MemberOf && (r != identity.TeacherOf || kind != identity.Class) {
		return fmt.Errorf("%w: nobody belongs to a group as %q", identity.ErrInvalid, r)
	}
	return d.write(ctx, func(tx db.Tx) error { return insertMember(ctx, tx, kind, group, member, r) })
}

func insertMember(ctx context.Context, tx db.Tx, kind identity.GroupKind, group, member string, r identity.MemberRole) error {
	n, err := tx.Exec(ctx, `INSERT INTO directory_belongs(grp, member, role) SELECT g.id, m.id, CAST(? AS TEXT) FROM directory_sets g,
		(SELECT id FROM directory_users WHERE deleted=0 UNION ALL SELECT id FROM directory_sets WHERE kind='class' AND CAST(? AS TEXT)='school') m
		WHERE g.id=? AND g.kind=? AND m.id=? ON CONFLICT(grp, role, member) DO UPDATE SET role=excluded.role`, string(r), string(kind), group, string(kind), member)
	return one(n, err)
}

// RemoveMember implements identity.GroupAdmin.
func (d *Directory) RemoveMember(ctx context.Context, kind identity.GroupKind, group, member string, r identity.MemberRole) error {
	return d.write(ctx, func(tx db.Tx) error {
		return one(tx.Exec(ctx, `DELETE FROM directory_belongs WHERE grp=? AND member=? AND role=? AND grp IN (SELECT id FROM directory_sets WHERE kind=?)`,
			group, member, string(r), string(kind)))
	})
}
