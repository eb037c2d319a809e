package share

import (
	"context"
	"errors"
	"fmt"

	"opencloud/internal/event"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// Entry is a receiver's own view of something shared with him.
type Entry struct {
	Item   resource.ID
	Share  string // id of the share that gives it its id in the jail
	State  State
	Mount  string // its name in the jail; no two of one receiver are equal
	Hidden bool
}

// Store keeps receivers' views.
type Store struct{ db db.DB }

func schema() []string {
	return []string{`
CREATE TABLE received(
	uid TEXT NOT NULL, storage TEXT NOT NULL, space TEXT NOT NULL, node TEXT NOT NULL, share TEXT NOT NULL, state BIGINT NOT NULL, mount TEXT NOT NULL,
	hidden BIGINT NOT NULL, PRIMARY KEY(uid, node));
CREATE UNIQUE INDEX received_mount ON received(uid, mount);
CREATE INDEX received_share ON received(uid, share);
CREATE INDEX received_node ON received(node);
`}
}

// NewStore makes the table.
func NewStore(ctx context.Context, d db.DB) (*Store, error) {
	if err := d.Migrate(ctx, "share", schema()); err != nil {
		return nil, err
	}
	if _, err := event.Open(ctx, d); err != nil {
		return nil, err
	}
	return &Store{db: d}, nil
}

const columns = `storage, space, node, share, state, mount, hidden`

func scan(r db.Row) Entry {
	return Entry{Item: resource.ID{Storage: r.Text(0), Space: r.Text(1), Node: r.Text(2)}, Share: r.Text(3), State: State(r.Int(4)), Mount: r.Text(5), Hidden: r.Int(6) != 0}
}

func entries(ctx context.Context, r db.Reader, user string) (map[resource.ID]Entry, error) {
	out := map[resource.ID]Entry{}
	err := r.Query(ctx, `SELECT `+columns+` FROM received WHERE uid=?`, func(row db.Row) error {
		e := scan(row)
		out[e.Item] = e
		return nil
	}, user)
	return out, err
}

// Entries returns all of a receiver's.
func (s *Store) Entries(ctx context.Context, user string) (out map[resource.ID]Entry, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error { out, err = entries(ctx, r, user); return err })
	if err != nil {
		return nil, fmt.Errorf("received shares: %w", err)
	}
	return out, nil
}

// Add adds those of the entries that are not there yet, under names that are free, and returns all there are then. Of those that
// are there, the share they are named by is renewed.
func (s *Store) Add(ctx context.Context, user string, add []Entry) (out map[resource.ID]Entry, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		if out, err = entries(ctx, tx, user); err != nil {
			return err
		}
		taken := make(map[string]bool, len(out))
		for _, e := range out {
			taken[e.Mount] = true
		}
		for _, e := range add {
			if have, ok := out[e.Item]; ok {
				if have.Share == e.Share {
					continue
				}
				have.Share = e.Share
				out[e.Item] = have
				if _, err := tx.Exec(ctx, `UPDATE received SET share=? WHERE uid=? AND node=?`, e.Share, user, e.Item.Node); err != nil {
					return err
				}
				continue
			}
			e.Mount = free(e.Mount, func(n string) bool { return taken[n] })
			taken[e.Mount] = true
			out[e.Item] = e
			if _, err := tx.Exec(ctx, `INSERT INTO received(uid, `+columns+`) VALUES(?,?,?,?,?,?,?,?)`,
				user, e.Item.Storage, e.Item.Space, e.Item.Node, e.Share, int64(e.State), e.Mount, e.Hidden); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("received shares: %w", err)
	}
	return out, nil
}

// Find returns the entry of a receiver with a name, or of a share.
func (s *Store) Find(ctx context.Context, user, mount, shareID string) (e Entry, ok bool, err error) {
	where, arg := `mount=?`, mount
	if shareID != "" {
		where, arg = `share=?`, shareID
	}
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT `+columns+` FROM received WHERE uid=? AND `+where, func(row db.Row) error {
			e, ok = scan(row), true
			return nil
		}, user, arg)
	})
	if err != nil {
		return Entry{}, false, fmt.Errorf("received shares: %w", err)
	}
	return e, ok, nil
}

// Change changes an entry. storage.ErrExists if the name is taken, storage.ErrNotFound if there is no such entry.
func (s *Store) Change(ctx context.Context, user string, item resource.ID, c ReceivedChange) (e Entry, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		all, err := entries(ctx, tx, user)
		if err != nil {
			return err
		}
		var ok bool
		if e, ok = all[item]; !ok {
			return storage.ErrNotFound
		}
		was := e
		if c.State != nil {
			e.State = *c.State
		}
		if c.Hidden != nil {
			e.Hidden = *c.Hidden
		}
		if c.Mount != nil {
			e.Mount = *c.Mount
			for _, other := range all {
				if other.Mount == e.Mount && other.Item != item {
					return storage.ErrExists
				}
			}
		}
		if e == was {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE received SET state=?, hidden=?, mount=? WHERE uid=? AND node=?`, int64(e.State), e.Hidden, e.Mount, user, item.Node); err != nil {
			return err
		}
		return event.Append(ctx, tx, told(user, was, e))
	})
	if errors.Is(err, db.ErrUnique) {
		err = storage.ErrExists
	}
	return e, err
}

// told is the event of a receiver's change.
func told(user string, was, now Entry) event.Event {
	return event.Event{Type: event.ReceivedShareUpdated, Item: now.Item.String(), Share: now.Share, User: user, State: now.State.String(),
		Changed: event.Changed(event.Field{Name: "state", Changed: was.State != now.State}, event.Field{Name: "hidden", Changed: was.Hidden != now.Hidden},
			event.Field{Name: "mount", Changed: was.Mount != now.Mount})}
}

// Forget removes a receiver's view of an item that is no longer shared with him.
func (s *Store) Forget(ctx context.Context, user string, item resource.ID) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM received WHERE uid=? AND node=?`, user, item.Node)
		return err
	})
}

// View is an entry and whose it is.
type View struct {
	User string
	Entry
}

// Views returns all entries of everybody.
func (s *Store) Views(ctx context.Context) (out []View, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		out = nil
		return r.Query(ctx, `SELECT `+columns+`, uid FROM received ORDER BY uid, node`, func(row db.Row) error {
			out = append(out, View{row.Text(7), scan(row)})
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("received shares: %w", err)
	}
	return out, nil
}

// ForgetViews removes entries.
func (s *Store) ForgetViews(ctx context.Context, views []View) (n int64, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n = 0
		for _, v := range views {
			removed, err := tx.Exec(ctx, `DELETE FROM received WHERE uid=? AND node=?`, v.User, v.Item.Node)
			if err != nil {
				return err
			}
			n += removed
		}
		return nil
	})
	return n, err
}

// ForgetUser removes all views of a receiver.
func (s *Store) ForgetUser(ctx context.Context, user string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM received WHERE uid=?`, user)
		return err
	})
}
