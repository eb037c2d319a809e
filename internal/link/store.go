package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

const (
	flushEvery = 5 * time.Second
	maxCounted = 8192 // links between two flushes
)

// Store keeps links.
type Store struct {
	db db.DB

	mu     sync.Mutex
	counts map[string]*counts
}

// counts is how a link was used since the last flush.
type counts struct{ views, downloads, failures int64 }

func schema() []string {
	return []string{`
CREATE TABLE links(
	id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, storage TEXT NOT NULL, space TEXT NOT NULL, node TEXT NOT NULL, folder BIGINT NOT NULL,
	rights BIGINT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, creator TEXT NOT NULL, owner TEXT NOT NULL, expires BIGINT NOT NULL,
	created BIGINT NOT NULL, changed BIGINT NOT NULL, quick BIGINT NOT NULL, hash TEXT NOT NULL, secret BIGINT NOT NULL, views BIGINT NOT NULL,
	downloads BIGINT NOT NULL);
CREATE INDEX links_node ON links(node);
CREATE INDEX links_creator ON links(creator);
CREATE INDEX links_owner ON links(owner);
`, `CREATE INDEX links_space ON links(space)`, `CREATE INDEX links_expires ON links(expires) WHERE expires<>0`}
}

// NewStore makes the table.
func NewStore(ctx context.Context, d db.DB) (*Store, error) {
	if err := d.Migrate(ctx, "link", schema()); err != nil {
		return nil, err
	}
	if _, err := event.Open(ctx, d); err != nil {
		return nil, err
	}
	return &Store{db: d, counts: map[string]*counts{}}, nil
}

const columns = `id, token, storage, space, node, folder, rights, name, description, creator, owner, expires, created, changed, quick, hash, secret, views, downloads`

func scan(r db.Row) Link {
	l := Link{ID: r.Text(0), Token: r.Text(1), Item: resource.ID{Storage: r.Text(2), Space: r.Text(3), Node: r.Text(4)}, Folder: r.Int(5) != 0,
		Rights: permission.Set(r.Int(6)), Name: r.Text(7), Description: r.Text(8), Creator: r.Text(9), Owner: r.Text(10), Expires: db.Time(r.Int(11)),
		Created: db.Time(r.Int(12)), Changed: db.Time(r.Int(13)), Quick: r.Int(14) != 0, hash: r.Text(15), secret: r.Int(16), Views: r.Int(17), Downloads: r.Int(18)}
	l.HasPassword = l.hash != ""
	return l
}

// links runs a statement that answers with links.
func links(ctx context.Context, r db.Reader, sql string, args ...any) (out []Link, err error) {
	err = r.Query(ctx, sql, func(row db.Row) error { out = append(out, scan(row)); return nil }, args...)
	return out, err
}

func (s *Store) query(ctx context.Context, where string, args ...any) (out []Link, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		out, err = links(ctx, r, `SELECT `+columns+` FROM links WHERE `+where+` ORDER BY created, id`, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	return out, nil
}

// find returns the link with an id or a token.
func (s *Store) find(ctx context.Context, column, value string) (Link, bool, error) {
	found, err := s.query(ctx, column+`=?`, value)
	if err != nil || len(found) == 0 {
		return Link{}, false, err
	}
	return found[0], true, nil
}

func (s *Store) on(ctx context.Context, id resource.ID) ([]Link, error) {
	return s.query(ctx, `node=? AND space=? AND storage=?`, id.Node, id.Space, id.Storage)
}

func (s *Store) in(ctx context.Context, id resource.ID) ([]Link, error) {
	return s.query(ctx, `space=? AND storage=?`, id.Space, id.Storage)
}

// creators tells of the nodes of a space that have links who made these.
func (s *Store) creators(ctx context.Context, root resource.ID, now time.Time) (map[string][]string, error) {
	var out map[string][]string
	err := s.db.Read(ctx, func(r db.Reader) error {
		out = map[string][]string{}
		return r.Query(ctx, `SELECT node, creator FROM links WHERE space=? AND storage=? AND (expires=0 OR expires>?)`, func(row db.Row) error {
			node := row.Text(0)
			out[node] = append(out[node], row.Text(1))
			return nil
		}, root.Space, root.Storage, now.UnixNano())
	})
	if err != nil {
		return nil, fmt.Errorf("links of a space: %w", err)
	}
	return out, nil
}

func (s *Store) by(ctx context.Context, user string) ([]Link, error) {
	return s.query(ctx, `creator=? OR owner=?`, user, user)
}

// All returns every link, for those who clean up.
func (s *Store) All(ctx context.Context) ([]Link, error) { return s.query(ctx, `1=1`) }

func (s *Store) add(ctx context.Context, l *Link) error {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO links(`+columns+`) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			l.ID, l.Token, l.Item.Storage, l.Item.Space, l.Item.Node, l.Folder, int64(l.Rights), l.Name, l.Description, l.Creator, l.Owner, db.Nanos(l.Expires),
			db.Nanos(l.Created), db.Nanos(l.Changed), l.Quick, l.hash, l.secret, l.Views, l.Downloads)
		if err == nil {
			err = event.Append(ctx, tx, l.event(event.LinkCreated))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("new link: %w", err)
	}
	return nil
}

// event is what is told of a link: no token, nothing of its password.
func (l *Link) event(t event.Type) event.Event {
	return event.Event{Type: t, Item: l.Item.String(), Name: l.Name, Owner: l.Owner, Link: l.ID, Creator: l.Creator, Permissions: l.Rights, Expires: l.Expires}
}

// update changes a link that is still there; storage.ErrNotFound if it was removed meanwhile.
func (s *Store) update(ctx context.Context, l *Link) error {
	err := s.db.Write(ctx, func(tx db.Tx) error {
		was, err := links(ctx, tx, `SELECT `+columns+` FROM links WHERE id=?`, l.ID)
		if err == nil && len(was) == 0 {
			err = storage.ErrNotFound
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE links SET rights=?, name=?, description=?, expires=?, changed=?, hash=?, secret=? WHERE id=?`,
			int64(l.Rights), l.Name, l.Description, db.Nanos(l.Expires), db.Nanos(l.Changed), l.hash, l.secret, l.ID); err != nil {
			return err
		}
		e := l.event(event.LinkUpdated)
		before := &was[0]
		e.Changed = event.Changed(event.Field{Name: "permissions", Changed: before.Rights != l.Rights}, event.Field{Name: "password", Changed: before.hash != l.hash},
			event.Field{Name: "expires", Changed: !before.Expires.Equal(l.Expires)}, event.Field{Name: "name", Changed: before.Name != l.Name},
			event.Field{Name: "description", Changed: before.Description != l.Description})
		return event.Append(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("change link: %w", err)
	}
	return nil
}

// forget removes links, which is told as an event of a type each.
func forget(ctx context.Context, tx db.Tx, t event.Type, where string, args ...any) (int64, error) {
	gone, err := links(ctx, tx, `DELETE FROM links WHERE `+where+` RETURNING `+columns, args...)
	for _, l := range gone {
		if err == nil {
			err = event.Append(ctx, tx, l.event(t))
		}
	}
	return int64(len(gone)), err
}

func (s *Store) remove(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := forget(ctx, tx, event.LinkRemoved, `id=?`, id)
		return err
	})
}

// ForgetItems removes all links to items.
func (s *Store) ForgetItems(ctx context.Context, items []resource.ID) (n int64, err error) {
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n = 0
		for _, i := range items {
			removed, err := forget(ctx, tx, event.LinkRemoved, `node=? AND space=? AND storage=?`, i.Node, i.Space, i.Storage)
			if err != nil {
				return err
			}
			n += removed
		}
		return nil
	})
	return n, err
}

// ForgetExpired removes links that have expired at a time.
func (s *Store) ForgetExpired(ctx context.Context, now time.Time) (n int64, err error) {
	const where = `expires<>0 AND expires<=?`
	found, err := s.query(ctx, where, db.Nanos(now))
	if err != nil || len(found) == 0 {
		return 0, err
	}
	err = s.db.Write(ctx, func(tx db.Tx) error {
		n, err = forget(ctx, tx, event.LinkExpired, where, db.Nanos(now))
		return err
	})
	return n, err
}

// ForgetUser removes the links that a user made.
func (s *Store) ForgetUser(ctx context.Context, user string) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		_, err := forget(ctx, tx, event.LinkRemoved, `creator=?`, user)
		return err
	})
}

func (s *Store) count(id string, used counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[id]
	if c == nil {
		if len(s.counts) >= maxCounted {
			return
		}
		c = &counts{}
		s.counts[id] = c
	}
	c.views += used.views
	c.downloads += used.downloads
	c.failures += used.failures
}

// Run writes down from time to time how often links were used, until the context ends.
func (s *Store) Run(ctx context.Context) error {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return s.Flush(last)
		case <-t.C:
			if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// used adds to how often a link was used, and tells so.
func used(ctx context.Context, tx db.Tx, id string, c *counts) error {
	found, err := links(ctx, tx, `UPDATE links SET views=views+?, downloads=downloads+? WHERE id=? RETURNING `+columns, c.views, c.downloads, id)
	for _, l := range found {
		if err == nil && c.views+c.downloads > 0 {
			e := l.event(event.LinkAccessed)
			e.Views, e.Downloads = c.views, c.downloads
			err = event.Append(ctx, tx, e)
		}
		if err == nil && c.failures > 0 {
			e := l.event(event.LinkAccessFailed)
			e.Failures = c.failures
			err = event.Append(ctx, tx, e)
		}
	}
	return err
}

// Flush writes down what was counted, and tells it: one event for many uses, as strangers cause them.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	all := s.counts
	s.counts = map[string]*counts{}
	s.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	err := s.db.Write(ctx, func(tx db.Tx) error {
		for id, c := range all {
			if err := used(ctx, tx, id, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count the use of links: %w", err)
	}
	return nil
}
