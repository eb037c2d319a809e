// Package profile keeps what this server knows about people beside their directory, which may be somebody else's: the
// roles they have here, their photo, their language, and when they were last seen. It is keyed by user id.
package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
)

// MaxPhoto is the largest photo, in bytes.
const MaxPhoto = 10 << 20

// Profile is what is known of one person; the zero value is that of somebody never heard of.
type Profile struct {
	Roles      []string // ids; nil: none was assigned
	Language   string   // BCP 47
	LastSignIn time.Time
}

// Store keeps profiles in a database.
type Store struct {
	db         db.DB
	generation atomic.Uint64
	now        func() time.Time
}

// New makes the tables.
func New(ctx context.Context, d db.DB) (*Store, error) {
	err := d.Migrate(ctx, "profile", []string{`
CREATE TABLE profiles(uid TEXT PRIMARY KEY, roles TEXT NOT NULL, language TEXT NOT NULL, last_sign_in BIGINT NOT NULL);
CREATE TABLE profile_photos(uid TEXT PRIMARY KEY, media TEXT NOT NULL, data BLOB NOT NULL);
`})
	if err != nil {
		return nil, err
	}
	return &Store{db: d, now: time.Now}, nil
}

// Generation grows with every change made through this Store, before the change is reported done.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// Get returns profiles by user id, in one query; those never heard of are not in the map.
func (s *Store) Get(ctx context.Context, ids ...string) (map[string]Profile, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	var out map[string]Profile
	err := s.db.Read(ctx, func(r db.Reader) error {
		out = make(map[string]Profile, len(ids))
		return r.Query(ctx, `SELECT uid, roles, language, last_sign_in FROM profiles WHERE uid IN (?`+strings.Repeat(",?", len(ids)-1)+`)`, func(row db.Row) error {
			p := Profile{Language: row.Text(2), LastSignIn: moment(row.Int(3))}
			if roles := row.Text(1); roles != "" {
				p.Roles = strings.Split(roles, ",")
			}
			out[row.Text(0)] = p
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	return out, nil
}

func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func (s *Store) write(ctx context.Context, f func(db.Tx) error) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		tx.AfterCommit(func() error { s.generation.Add(1); return nil })
		return f(tx)
	})
}

// SetRoles assigns roles; none takes every assignment away.
func (s *Store) SetRoles(ctx context.Context, id string, roles []string) error {
	for _, r := range roles {
		if r == "" || strings.ContainsAny(r, ", ") {
			return fmt.Errorf("%w: %q is no role id", identity.ErrInvalid, r)
		}
	}
	return s.set(ctx, id, "roles", strings.Join(roles, ","))
}

// SetLanguage notes the language somebody chose.
func (s *Store) SetLanguage(ctx context.Context, id, language string) error {
	return s.set(ctx, id, "language", language)
}

// SignedIn notes that somebody signed in now.
func (s *Store) SignedIn(ctx context.Context, id string) error {
	return s.set(ctx, id, "last_sign_in", s.now().UnixNano())
}

func (s *Store) set(ctx context.Context, id, column string, value any) error {
	return s.write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO profiles(uid, roles, language, last_sign_in) VALUES(?,'','',0) ON CONFLICT(uid) DO NOTHING`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE profiles SET `+column+`=? WHERE uid=?`, value, id)
		return err
	})
}

// Delete forgets somebody.
func (s *Store) Delete(ctx context.Context, id string) error {
	return s.write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM profile_photos WHERE uid=?`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM profiles WHERE uid=?`, id)
		return err
	})
}

// Photo returns somebody's photo; identity.ErrNotFound if there is none.
func (s *Store) Photo(ctx context.Context, id string) (data []byte, mediaType string, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		data = nil
		return r.Query(ctx, `SELECT data, media FROM profile_photos WHERE uid=?`, func(row db.Row) error {
			data, mediaType = row.Bytes(0), row.Text(1)
			return nil
		}, id)
	})
	if err == nil && data == nil {
		err = identity.ErrNotFound
	}
	return data, mediaType, err
}

// SetPhoto replaces somebody's photo; nil removes it. The media type is found out from the content, whatever was said:
// JPEG, PNG, GIF and WebP are taken, anything else is identity.ErrInvalid.
func (s *Store) SetPhoto(ctx context.Context, id string, data []byte) error {
	if data == nil {
		return s.write(ctx, func(tx db.Tx) error {
			n, err := tx.Exec(ctx, `DELETE FROM profile_photos WHERE uid=?`, id)
			if err == nil && n == 0 {
				err = identity.ErrNotFound
			}
			return err
		})
	}
	media, err := photoType(data)
	if err != nil {
		return err
	}
	return s.write(ctx, func(tx db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO profile_photos(uid, media, data) VALUES(?,?,?) ON CONFLICT(uid) DO UPDATE SET media=excluded.media, data=excluded.data`,
			id, media, bytes.Clone(data))
		return err
	})
}

func photoType(data []byte) (string, error) {
	if len(data) > MaxPhoto {
		return "", fmt.Errorf("%w: a photo has at most %d MiB", identity.ErrInvalid, MaxPhoto>>20)
	}
	switch t := http.DetectContentType(data); t {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return t, nil
	}
	return "", errors.Join(identity.ErrInvalid, errors.New("a photo is a JPEG, PNG, GIF or WebP image"))
}
