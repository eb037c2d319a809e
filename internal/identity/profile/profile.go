// Package profile keeps what this server knows about people beside their directory, which may be somebody else's: the
// roles they have here, their photo, their language, their names at identity providers, and when they were last seen. It is
// keyed by user id.
package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	Roles           []string // ids; nil: none was assigned
	Language        string   // BCP 47
	LastSignIn      time.Time
	PasswordChanged time.Time // as far as it was changed here
	Identities      []identity.ExternalIdentity
}

// lookEvery is how often the database is asked whether another process changed something, while anybody asks us.
const lookEvery = time.Second

// Store keeps profiles in a database.
type Store struct {
	db         db.DB
	generation atomic.Uint64
	looked     atomic.Int64 // when the database was asked last, Unix nanoseconds
	stored     atomic.Int64 // the generation it told then
	now        func() time.Time
}

// New makes the tables.
func New(ctx context.Context, d db.DB) (*Store, error) {
	err := d.Migrate(ctx, "profile", []string{`
CREATE TABLE profiles(uid TEXT PRIMARY KEY, roles TEXT NOT NULL, language TEXT NOT NULL, last_sign_in BIGINT NOT NULL);
CREATE TABLE profile_photos(uid TEXT PRIMARY KEY, media TEXT NOT NULL, data BLOB NOT NULL);
`, `
CREATE TABLE profile_state(one BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
INSERT INTO profile_state(one, generation) VALUES(1, 0);
ALTER TABLE profiles ADD COLUMN password_changed BIGINT NOT NULL DEFAULT 0;
CREATE TABLE profile_identities(issuer TEXT NOT NULL, subject TEXT NOT NULL, uid TEXT NOT NULL, PRIMARY KEY(issuer, subject));
CREATE INDEX profile_identities_uid ON profile_identities(uid);
`})
	if err != nil {
		return nil, err
	}
	return &Store{db: d, now: time.Now}, nil
}

// Generation grows with every change: of this process before the change is reported done, of others that share the
// database within a second.
func (s *Store) Generation(ctx context.Context) (uint64, error) {
	now, last := s.now().UnixNano(), s.looked.Load()
	if now-last >= int64(lookEvery) && s.looked.CompareAndSwap(last, now) {
		generation := int64(0)
		err := s.db.Read(ctx, func(r db.Reader) error {
			return r.Query(ctx, `SELECT generation FROM profile_state`, func(row db.Row) error { generation = row.Int(0); return nil })
		})
		if err != nil {
			s.looked.Store(last)
			return 0, fmt.Errorf("look for changes: %w", err)
		}
		if s.stored.Swap(generation) != generation {
			s.generation.Add(1)
		}
	}
	return s.generation.Load(), nil
}

// Touch makes everybody look again: something that goes with profiles was changed elsewhere.
func (s *Store) Touch(ctx context.Context) error {
	return s.write(ctx, func(db.Tx) error { return nil })
}

// batch is how many profiles are asked for at a time.
const batch = 1000

// Get returns profiles by user id; those never heard of are not in the map.
func (s *Store) Get(ctx context.Context, ids ...string) (map[string]Profile, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out := make(map[string]Profile, len(ids))
	err := s.db.Read(ctx, func(r db.Reader) error {
		clear(out)
		for some := range slices.Chunk(ids, batch) {
			if err := get(ctx, r, some, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	return out, nil
}

func get(ctx context.Context, r db.Reader, ids []string, out map[string]Profile) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	among := ` WHERE uid IN (?` + strings.Repeat(",?", len(ids)-1) + `)`
	err := r.Query(ctx, `SELECT uid, roles, language, last_sign_in, password_changed FROM profiles`+among, func(row db.Row) error {
		p := Profile{Language: row.Text(2), LastSignIn: db.Time(row.Int(3)), PasswordChanged: db.Time(row.Int(4))}
		if roles := row.Text(1); roles != "" {
			p.Roles = strings.Split(roles, ",")
		}
		out[row.Text(0)] = p
		return nil
	}, args...)
	if err != nil {
		return err
	}
	return r.Query(ctx, `SELECT uid, issuer, subject FROM profile_identities`+among+` ORDER BY issuer, subject`, func(row db.Row) error {
		p := out[row.Text(0)]
		p.Identities = append(p.Identities, identity.ExternalIdentity{Issuer: row.Text(1), Subject: row.Text(2)})
		out[row.Text(0)] = p
		return nil
	}, args...)
}

// ByIdentity returns the id of whom an external identity belongs to; identity.ErrNotFound if to nobody.
func (s *Store) ByIdentity(ctx context.Context, i identity.ExternalIdentity) (id string, err error) {
	err = s.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT uid FROM profile_identities WHERE issuer=? AND subject=?`, func(row db.Row) error { id = row.Text(0); return nil }, i.Issuer, i.Subject)
	})
	if err == nil && id == "" {
		err = identity.ErrNotFound
	}
	return id, err
}

// Identify replaces somebody's external identities; identity.ErrExists if one of them is another's.
func (s *Store) Identify(ctx context.Context, id string, identities []identity.ExternalIdentity) error {
	return s.write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM profile_identities WHERE uid=?`, id); err != nil {
			return err
		}
		for _, i := range identities {
			_, err := tx.Exec(ctx, `INSERT INTO profile_identities(issuer, subject, uid) VALUES(?,?,?)`, i.Issuer, i.Subject, id)
			if errors.Is(err, db.ErrUnique) {
				return fmt.Errorf("identity of %s: %w", i.Issuer, identity.ErrExists)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) write(ctx context.Context, f func(db.Tx) error) error {
	return s.db.Write(ctx, func(tx db.Tx) error {
		tx.AfterCommit(func() error { s.generation.Add(1); return nil })
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE profile_state SET generation=generation+1`)
		return err
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

// PasswordSet notes that somebody's password was changed now.
func (s *Store) PasswordSet(ctx context.Context, id string) error {
	return s.set(ctx, id, "password_changed", s.now().UnixNano())
}

// SignedIn notes that somebody signed in now. It happens too often for everybody to look again: Generation stays.
func (s *Store) SignedIn(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(tx db.Tx) error { return set(ctx, tx, id, "last_sign_in", s.now().UnixNano()) })
}

func (s *Store) set(ctx context.Context, id, column string, value any) error {
	return s.write(ctx, func(tx db.Tx) error { return set(ctx, tx, id, column, value) })
}

func set(ctx context.Context, tx db.Tx, id, column string, value any) error {
	if _, err := tx.Exec(ctx, `INSERT INTO profiles(uid, roles, language, last_sign_in) VALUES(?,'','',0) ON CONFLICT(uid) DO NOTHING`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE profiles SET `+column+`=? WHERE uid=?`, value, id)
	return err
}

// Delete forgets somebody.
func (s *Store) Delete(ctx context.Context, id string) error {
	return s.write(ctx, func(tx db.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM profile_photos WHERE uid=?`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM profile_identities WHERE uid=?`, id); err != nil {
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
