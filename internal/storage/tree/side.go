package tree

import (
	"context"
	"strings"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Space is a row of the table of spaces.
type Space struct {
	ID, Name, Alias, Description, Owner string
	Type                                space.Type
	Quota                               int64
	Image, Readme                       string
	Dir                                 string // where its files lie, relative to the storage's root
	Disabled, Created                   int64
	Held                                string // why nothing is dropped from the index, or ""
	Confirmed                           bool   // an administrator said that what vanished is meant to be gone
}

// Spaces calls each for every space.
func Spaces(ctx context.Context, r db.Reader, each func(*Space) error) error {
	return r.Query(ctx, `SELECT id, type, name, alias, description, owner, quota, image, readme, dir, disabled, created, held, confirmed FROM spaces`,
		func(row db.Row) error {
			return each(&Space{ID: row.Text(0), Type: space.Type(row.Text(1)), Name: row.Text(2), Alias: row.Text(3), Description: row.Text(4),
				Owner: row.Text(5), Quota: row.Int(6), Image: row.Text(7), Readme: row.Text(8), Dir: row.Text(9), Disabled: row.Int(10),
				Created: row.Int(11), Held: row.Text(12), Confirmed: row.Int(13) != 0})
		})
}

// SaveSpace inserts or updates a space. Held and Confirmed of one that exists stay: they are package scan's.
func SaveSpace(ctx context.Context, tx db.Tx, s *Space) error {
	_, err := tx.Exec(ctx, `INSERT INTO spaces(id, type, name, alias, description, owner, quota, image, readme, dir, disabled, created, held, confirmed)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET name=excluded.name, alias=excluded.alias, description=excluded.description,
		quota=excluded.quota, image=excluded.image, readme=excluded.readme, dir=excluded.dir, disabled=excluded.disabled`,
		s.ID, string(s.Type), s.Name, s.Alias, s.Description, s.Owner, s.Quota, s.Image, s.Readme, s.Dir, s.Disabled, s.Created, s.Held, s.Confirmed)
	return err
}

const grantColumns = `kind, grantee, permissions, expires, creator, created`

func scanGrant(row db.Row, from int) space.Grant {
	return space.Grant{Kind: space.GranteeKind(row.Int(from)), Grantee: row.Text(from + 1), Permissions: permission.Set(row.Int(from + 2)),
		Expires: db.Time(row.Int(from + 3)), Creator: row.Text(from + 4), Created: db.Time(row.Int(from + 5))}
}

// GrantsOf returns the grants on a node.
func GrantsOf(ctx context.Context, r db.Reader, node string) ([]space.Grant, error) {
	var out []space.Grant
	err := r.Query(ctx, `SELECT `+grantColumns+` FROM grants WHERE node=? ORDER BY kind, grantee`, func(row db.Row) error {
		out = append(out, scanGrant(row, 0))
		return nil
	}, node)
	return out, err
}

// Granted is a grant and where it is.
type Granted struct {
	Node, Space string
	Grant       space.Grant
}

// GrantCondition selects rows of the table of grants.
type GrantCondition struct {
	sql  string
	args []any
}

// GrantsTo selects the grants to a user or to groups.
func GrantsTo(user string, groups []string) GrantCondition {
	c := GrantCondition{`kind=? AND grantee=?`, []any{int64(space.UserGrantee), user}}
	if len(groups) > 0 {
		c.sql += ` OR kind=? AND grantee IN (?` + strings.Repeat(",?", len(groups)-1) + `)`
		c.args = append(c.args, int64(space.GroupGrantee))
		for _, g := range groups {
			c.args = append(c.args, g)
		}
	}
	return c
}

// GrantsBy selects the grants that a user made, and those in a space (or "").
func GrantsBy(creator, space string) GrantCondition {
	return GrantCondition{`creator=? OR space=?`, []any{creator, space}}
}

// GrantsIn selects the grants in a space; in all spaces if it is "".
func GrantsIn(space string) GrantCondition {
	if space == "" {
		return GrantCondition{sql: `1=1`}
	}
	return GrantCondition{`space=?`, []any{space}}
}

// GrantsExpired selects the grants that have expired at a time.
func GrantsExpired(now time.Time) GrantCondition {
	return GrantCondition{`expires<>0 AND expires<=?`, []any{now.UnixNano()}}
}

// FindGrants returns the grants of a condition, the oldest first.
func FindGrants(ctx context.Context, r db.Reader, c GrantCondition) (out []Granted, err error) {
	err = r.Query(ctx, `SELECT node, space, `+grantColumns+` FROM grants WHERE `+c.sql+` ORDER BY created, node, kind, grantee`, func(row db.Row) error {
		out = append(out, Granted{row.Text(0), row.Text(1), scanGrant(row, 2)})
		return nil
	}, c.args...)
	return out, err
}

// GrantedNodes returns the nodes that grants of a condition are on, and all above them, by id.
func GrantedNodes(ctx context.Context, r db.Reader, c GrantCondition) (map[string]*Node, error) {
	out := map[string]*Node{}
	err := r.Query(ctx, `WITH RECURSIVE up(id) AS (
		SELECT node FROM grants WHERE `+c.sql+`
		UNION SELECT n.parent FROM up JOIN nodes n ON n.id=up.id)
		SELECT `+nodeColumns+` FROM nodes WHERE id IN (SELECT id FROM up)`, func(row db.Row) error {
		n := new(Node)
		scan(row, n)
		out[n.ID] = n
		return nil
	}, c.args...)
	return out, err
}

// RootGrants returns the grants on the roots of all spaces in which there are grants of a condition, by space.
func RootGrants(ctx context.Context, r db.Reader, c GrantCondition) (map[string][]space.Grant, error) {
	out := map[string][]space.Grant{}
	err := r.Query(ctx, `SELECT space, `+grantColumns+` FROM grants WHERE node=space AND space IN (SELECT space FROM grants WHERE `+c.sql+`)`, func(row db.Row) error {
		id := row.Text(0)
		out[id] = append(out[id], scanGrant(row, 1))
		return nil
	}, c.args...)
	return out, err
}

// SaveGrant adds or replaces a grant.
func SaveGrant(ctx context.Context, tx db.Tx, n *Node, g space.Grant) error {
	_, err := tx.Exec(ctx, `INSERT INTO grants(node, kind, grantee, space, permissions, expires, creator, created) VALUES(?,?,?,?,?,?,?,?)
		ON CONFLICT(node, kind, grantee) DO UPDATE SET permissions=excluded.permissions, expires=excluded.expires`,
		n.ID, int64(g.Kind), g.Grantee, n.Space, int64(g.Permissions), db.Nanos(g.Expires), g.Creator, db.Nanos(g.Created))
	if err != nil {
		return err
	}
	return SetFlag(ctx, tx, n, FlagGrants, true)
}

// LocksOf returns the locks on a node that have not expired.
func LocksOf(ctx context.Context, r db.Reader, id resource.ID, now time.Time) ([]storage.Lock, error) {
	var out []storage.Lock
	err := r.Query(ctx, `SELECT token, shared, infinite, owner, uid, username, app, timeout, created, expires FROM locks WHERE node=?
		AND (expires=0 OR expires>?) ORDER BY created, token`, func(row db.Row) error {
		out = append(out, storage.Lock{Token: row.Text(0), Shared: row.Int(1) != 0, Infinite: row.Int(2) != 0, Owner: row.Text(3), User: row.Text(4),
			UserName: row.Text(5), App: row.Text(6), Timeout: time.Duration(row.Int(7)), Created: db.Time(row.Int(8)), Expires: db.Time(row.Int(9)), Root: id})
		return nil
	}, id.Node, now.UnixNano())
	return out, err
}

// SaveLock inserts or updates a lock.
func SaveLock(ctx context.Context, tx db.Tx, n *Node, l storage.Lock) error {
	_, err := tx.Exec(ctx, `INSERT INTO locks(token, node, space, shared, infinite, owner, uid, username, app, timeout, created, expires)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(node, token) DO UPDATE SET timeout=excluded.timeout, expires=excluded.expires`,
		l.Token, n.ID, n.Space, l.Shared, l.Infinite, l.Owner, l.User, l.UserName, l.App, int64(l.Timeout), db.Nanos(l.Created), db.Nanos(l.Expires))
	if err != nil {
		return err
	}
	return SetFlag(ctx, tx, n, FlagLocks, true)
}

// Version is former content of a file.
type Version struct {
	Node, Key        string
	Size, MTime, Seq int64
	Sums             Sums
	Created          int64
}

// VersionsOf returns a file's versions, the newest first.
func VersionsOf(ctx context.Context, r db.Reader, node string) ([]Version, error) {
	var out []Version
	err := r.Query(ctx, `SELECT key, size, mtime, seq, sums, created FROM versions WHERE node=? ORDER BY seq DESC, key DESC`, func(row db.Row) error {
		out = append(out, Version{Node: node, Key: row.Text(0), Size: row.Int(1), MTime: row.Int(2), Seq: row.Int(3), Sums: Sums(row.Bytes(4)), Created: row.Int(5)})
		return nil
	}, node)
	return out, err
}

// SaveVersion adds a version.
func SaveVersion(ctx context.Context, tx db.Tx, n *Node, v Version) error {
	_, err := tx.Exec(ctx, `INSERT INTO versions(node, key, size, mtime, seq, sums, created) VALUES(?,?,?,?,?,?,?)`,
		n.ID, v.Key, v.Size, v.MTime, v.Seq, []byte(v.Sums), v.Created)
	if err != nil {
		return err
	}
	return SetFlag(ctx, tx, n, FlagVersions, true)
}

// Trashed is a row of the trash.
type Trashed struct {
	Node       *Node
	Parent     string // where it was
	Name, Path string
	Deleted    int64
	Actor      string
}

// TrashedNode returns the trash row of a key.
func TrashedNode(ctx context.Context, r db.Reader, space, key string) (*Trashed, error) {
	var t *Trashed
	err := r.Query(ctx, `SELECT parent, name, path, deleted, actor FROM trash WHERE node=? AND space=?`, func(row db.Row) error {
		t = &Trashed{Parent: row.Text(0), Name: string(row.Bytes(1)), Path: string(row.Bytes(2)), Deleted: row.Int(3), Actor: row.Text(4)}
		return nil
	}, key, space)
	if err == nil && t == nil {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	t.Node, err = ByID(ctx, r, key)
	return t, err
}

// SaveTrashed adds a row of the trash.
func SaveTrashed(ctx context.Context, tx db.Tx, t *Trashed) error {
	_, err := tx.Exec(ctx, `INSERT INTO trash(node, space, parent, name, path, deleted, actor) VALUES(?,?,?,?,?,?,?)`,
		t.Node.ID, t.Node.Space, t.Parent, []byte(t.Name), []byte(t.Path), t.Deleted, t.Actor)
	return err
}
