package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/text/unicode/norm"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/identity/profile"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/cache"
	"opencloud/internal/platform/db"
)

const (
	// fresh is how long an account is remembered at most.
	fresh = 30 * time.Second
	// lookEvery is how often the database is asked whether another process changed something, while anybody asks us.
	lookEvery = time.Second
)

// Options of New.
type Options struct {
	// Issuer is the identity provider of accounts that name none.
	Issuer string
	// LoginByMail allows the mail address in place of the user name, if only one account has it.
	LoginByMail bool
	// Passwords is what new passwords must have; those of the bootstrap are what the operator says.
	Passwords password.Policy
}

// Directory implements identity.Users, identity.Groups and identity.Machine, and checks passwords for package login.
type Directory struct {
	db         db.DB
	profiles   *profile.Store
	opts       Options
	generation atomic.Uint64
	looked     atomic.Int64 // when the database was asked last, Unix nanoseconds
	stored     atomic.Int64 // the generation it told then
	actors     *cache.Map[string, remembered]
	onPurge    []func(ctx context.Context, userID string) error
	hasher     *password.Hasher
	dummy      string // hash of no password, so that unknown accounts cost the same time
	now        func() time.Time
}

type remembered struct {
	actor      identity.Actor
	secret     int64 // version of the password
	generation uint64
	at         time.Time
}

// New opens the directory in a database and makes its tables.
func New(ctx context.Context, d db.DB, o Options) (*Directory, error) {
	if err := d.Migrate(ctx, component, schema()); err != nil {
		return nil, err
	}
	profiles, err := profile.New(ctx, d)
	if err != nil {
		return nil, err
	}
	return &Directory{db: d, profiles: profiles, opts: o, actors: cache.New[string, remembered](4096), hasher: password.NewHasher(), now: time.Now,
		// A well-formed hash of our parameters to which no password is known. Not made with Hash: a start must not cost one.
		dummy: "$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43)}, nil
}

// Generation grows with every change: of this process before the change is reported done, of others within a second.
func (d *Directory) Generation() uint64 { return d.generation.Load() }

// look finds out, once a second, whether another process changed something.
func (d *Directory) look(ctx context.Context) error {
	now, last := d.now().UnixNano(), d.looked.Load()
	if now-last < int64(lookEvery) || !d.looked.CompareAndSwap(last, now) {
		return nil
	}
	generation := int64(0)
	err := d.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT generation FROM directory_state`, func(row db.Row) error { generation = row.Int(0); return nil })
	})
	if err != nil {
		d.looked.Store(last)
		return fmt.Errorf("look for changes: %w", err)
	}
	if d.stored.Swap(generation) != generation {
		d.generation.Add(1)
	}
	return nil
}

// OnLeave is OnPurge: what is kept elsewhere goes before the account here.
func (d *Directory) OnLeave(f func(ctx context.Context, userID string) error) { d.OnPurge(f) }

// OnPurge adds what else is to be removed when an account is removed for good. It is called before the directory is used.
func (d *Directory) OnPurge(f func(ctx context.Context, userID string) error) {
	d.onPurge = append(d.onPurge, f)
}

// write runs a change and makes caches look again.
func (d *Directory) write(ctx context.Context, f func(db.Tx) error) error {
	err := d.db.Write(ctx, func(tx db.Tx) error {
		tx.AfterCommit(func() error { d.generation.Add(1); return nil })
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE directory_state SET generation=generation+1`)
		return err
	})
	return err
}

// key is the form under which names are compared.
func key(name string) string { return strings.ToLower(norm.NFC.String(name)) }

const userColumns = `id, username, display_name, given_name, surname, mail, language, type, enabled, issuer, roles, secret`

func (d *Directory) scanUser(r db.Row) (u identity.User, secret int64) {
	u = identity.User{ID: r.Text(0), Username: r.Text(1), DisplayName: r.Text(2), GivenName: r.Text(3), Surname: r.Text(4), Mail: r.Text(5),
		Language: r.Text(6), Type: identity.UserType(r.Text(7)), Enabled: r.Int(8) != 0, Issuer: r.Text(9)}
	if roles := r.Text(10); roles != "" {
		u.Roles = strings.Split(roles, ",")
	}
	if u.Issuer == "" {
		u.Issuer = d.opts.Issuer
	}
	return u, r.Int(11)
}

// condition returns the SQL that finds users by a claim.
func condition(claim, value string) (sql, arg string, err error) {
	switch claim {
	case "userid":
		return "id=?", value, nil
	case "username":
		return "username_key=?", key(value), nil
	case "mail":
		if value == "" {
			return "", "", identity.ErrNotFound
		}
		return "mail_key=?", key(value), nil
	}
	return "", "", fmt.Errorf("users cannot be found by %q", claim)
}

// find returns one account with its groups; ErrNotFound if there is none, or more than one (of a mail address).
func (d *Directory) find(ctx context.Context, claim, value string) (remembered, error) {
	where, arg, err := condition(claim, value)
	if err != nil {
		return remembered{}, err
	}
	if err := d.look(ctx); err != nil {
		return remembered{}, err
	}
	cacheKey := claim + "\x00" + arg
	if e, ok := d.actors.Get(cacheKey); ok && e.generation == d.Generation() && d.now().Sub(e.at) < fresh {
		return e, nil
	}
	e := remembered{generation: d.Generation(), at: d.now()}
	n := 0
	err = d.db.Read(ctx, func(r db.Reader) error {
		n = 0
		each := func(row db.Row) error {
			n++
			e.actor.User, e.secret = d.scanUser(row)
			return nil
		}
		if err := r.Query(ctx, `SELECT `+userColumns+` FROM directory_users WHERE deleted=0 AND `+where+` LIMIT 2`, each, arg); err != nil || n != 1 {
			return err
		}
		e.actor.Groups, err = groupsOf(ctx, r, e.actor.User.ID)
		return err
	})
	if err != nil {
		return remembered{}, fmt.Errorf("look up account: %w", err)
	}
	if n != 1 {
		return remembered{}, identity.ErrNotFound
	}
	e.actor.Kind = identity.Person
	if len(e.actor.User.Roles) == 0 {
		e.actor.User.Roles = []string{role.Default(e.actor.User.Type)}
	}
	e.actor.MayListAllSpaces = role.Allows(e.actor.User.Roles, role.DrivesList) == role.All
	d.actors.Put(cacheKey, e)
	return e, nil
}

func groupsOf(ctx context.Context, r db.Reader, user string) (ids []string, err error) {
	err = r.Query(ctx, `SELECT b.grp FROM directory_belongs b JOIN directory_sets s ON s.id=b.grp WHERE b.member=? AND b.role='' AND s.kind IN ('', 'class') ORDER BY b.grp`, func(row db.Row) error {
		ids = append(ids, row.Text(0))
		return nil
	}, user)
	return ids, err
}

// User implements identity.Users. The slices in what is returned must not be changed.
func (d *Directory) User(ctx context.Context, id string) (identity.User, error) {
	return d.UserBy(ctx, "userid", id)
}

// UserBy implements identity.Users.
func (d *Directory) UserBy(ctx context.Context, claim, value string) (identity.User, error) {
	e, err := d.find(ctx, claim, value)
	return e.actor.User, err
}

// GroupsOf implements identity.Users.
func (d *Directory) GroupsOf(ctx context.Context, userID string) ([]string, error) {
	e, err := d.find(ctx, "userid", userID)
	return e.actor.Groups, err
}

// ActorBy implements identity.Machine.
func (d *Directory) ActorBy(ctx context.Context, claim, value string) (identity.Actor, error) {
	e, err := d.find(ctx, claim, value)
	if err != nil {
		return identity.Actor{}, err
	}
	if !e.actor.User.Enabled {
		return identity.Actor{}, fmt.Errorf("%w: account is disabled", identity.ErrCredentials)
	}
	return e.actor, nil
}

// FindUsers implements identity.Users.
func (d *Directory) FindUsers(ctx context.Context, text string, limit int) (users []identity.User, err error) {
	err = d.db.Read(ctx, func(r db.Reader) error {
		users = nil
		return r.Query(ctx, `SELECT `+userColumns+` FROM directory_users WHERE deleted=0 AND search LIKE ? ESCAPE '!' ORDER BY username_key LIMIT ?`, func(row db.Row) error {
			u, _ := d.scanUser(row)
			users = append(users, u)
			return nil
		}, contains(text), limit)
	})
	return users, err
}

// contains returns a LIKE pattern that finds the text anywhere.
func contains(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(key(text)) + "%"
}

// Check tells whose name and password these are; anything else is ErrCredentials. It takes the same time whether the
// account exists or not. The account may be disabled: Current tells.
func (d *Directory) Check(ctx context.Context, name, pw string) (id string, secret int64, err error) {
	hash := ""
	read := func(r db.Reader) error {
		return r.Query(ctx, `SELECT id, secret, password FROM directory_users WHERE deleted=0 AND username_key=?`, func(row db.Row) error {
			id, secret, hash = row.Text(0), row.Int(1), row.Text(2)
			return nil
		}, key(name))
	}
	if err := d.db.Read(ctx, read); err != nil {
		return "", 0, fmt.Errorf("look up account: %w", err)
	}
	if id == "" && d.opts.LoginByMail && strings.Contains(name, "@") {
		if id, secret, hash, err = d.byMail(ctx, name); err != nil {
			return "", 0, err
		}
	}
	known := id != "" && hash != ""
	if !known {
		hash = d.dummy
	}
	ok, err := password.Verify(hash, pw)
	if err != nil {
		return "", 0, fmt.Errorf("account %s: %w", id, err)
	}
	if !ok || !known {
		return "", 0, identity.ErrCredentials
	}
	return id, secret, nil
}

func (d *Directory) byMail(ctx context.Context, mail string) (id string, secret int64, hash string, err error) {
	n := 0
	err = d.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT id, secret, password FROM directory_users WHERE deleted=0 AND mail_key=? LIMIT 2`, func(row db.Row) error {
			n++
			id, secret, hash = row.Text(0), row.Int(1), row.Text(2)
			return nil
		}, key(mail))
	})
	if err != nil {
		return "", 0, "", fmt.Errorf("look up account: %w", err)
	}
	if n != 1 {
		return "", 0, "", nil
	}
	return id, secret, hash, nil
}

// Current returns the actor an account is now, and the version of its password; ErrCredentials if it is disabled or gone.
func (d *Directory) Current(ctx context.Context, id string) (identity.Actor, int64, error) {
	e, err := d.find(ctx, "userid", id)
	if err != nil {
		if errors.Is(err, identity.ErrNotFound) {
			err = fmt.Errorf("%w: account is gone", identity.ErrCredentials)
		}
		return identity.Actor{}, 0, err
	}
	if !e.actor.User.Enabled {
		return identity.Actor{}, 0, fmt.Errorf("%w: account is disabled", identity.ErrCredentials)
	}
	return e.actor, e.secret, nil
}
