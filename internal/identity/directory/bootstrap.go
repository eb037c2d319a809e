package directory

import (
	"context"
	"errors"
	"fmt"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/platform/db"
)

// Bootstrap fills a new directory. What was done once is not done again: deleted accounts stay deleted, and changed
// passwords stay changed, whatever the configuration says. (spec/identity.md §7)
type Bootstrap struct {
	AdminID       string // empty: a new one
	AdminPassword string // needed when there is no admin yet
	DemoUsers     bool
}

// ErrNoAdminPassword tells that the first administrator cannot be created.
var ErrNoAdminPassword = errors.New("no password for the first administrator is configured (idm.service_user_passwords.admin_password or IDM_ADMIN_PASSWORD): run `opencloud init`")

// Bootstrap makes the accounts that a new directory starts with.
func (d *Directory) Bootstrap(ctx context.Context, b Bootstrap) error {
	if err := d.once(ctx, "admin", func(tx db.Tx) error { return d.admin(ctx, tx, b) }); err != nil {
		return fmt.Errorf("first administrator: %w", err)
	}
	if !b.DemoUsers {
		return nil
	}
	if err := d.once(ctx, "demo", func(tx db.Tx) error { return d.demo(ctx, tx) }); err != nil {
		return fmt.Errorf("demo users: %w", err)
	}
	return nil
}

// once runs f in the transaction that notes that it was done. Of processes that start together one does it, and the others
// wait for that: so passwords are hashed in there, once and not by each of them.
func (d *Directory) once(ctx context.Context, what string, f func(db.Tx) error) error {
	before := false
	err := d.db.Read(ctx, func(r db.Reader) error {
		return r.Query(ctx, `SELECT 1 FROM directory_done WHERE what=?`, func(db.Row) error { before = true; return nil }, what)
	})
	if err != nil || before {
		return err
	}
	return d.write(ctx, func(tx db.Tx) error {
		n, err := tx.Exec(ctx, `INSERT INTO directory_done(what) VALUES(?) ON CONFLICT(what) DO NOTHING`, what)
		if err != nil || n == 0 {
			return err
		}
		return f(tx)
	})
}

func (d *Directory) admin(ctx context.Context, tx db.Tx, b Bootstrap) error {
	if b.AdminPassword == "" {
		return ErrNoAdminPassword
	}
	hash, err := d.hash(ctx, b.AdminPassword)
	if err != nil {
		return err
	}
	u, err := complete(identity.Account{User: identity.User{ID: b.AdminID, Username: "admin", DisplayName: "Admin", GivenName: "Admin", Surname: "Admin",
		Mail: "admin@example.org", Enabled: true, Roles: []string{role.Admin}}})
	if err != nil {
		return err
	}
	return d.insert(ctx, tx, u, hash)
}

type demoUser struct{ id, name, given, surname, role string }

func demoUsers() []demoUser {
	return []demoUser{
		{"b1f74ec4-dd7e-11ef-a543-03775734d0f7", "alan", "Alan", "Turing", role.User},
		{"60708dda-e897-11ef-919f-bbb7437d6ec2", "lynn", "Lynn", "Conway", role.User},
		{"056fc874-dd7f-11ef-ba84-af6fca4b7289", "mary", "Mary", "Kenneth Keller", role.User},
		{"801abee4-dd7f-11ef-a324-83f55a754b62", "margaret", "Margaret", "Hamilton", role.SpaceAdmin},
		{"cd88bf9a-dd7f-11ef-a609-7f78deb2345f", "dennis", "Dennis", "Ritchie", role.Admin},
	}
}

type demoGroup struct {
	id, name string
	members  []string // user names
}

func demoGroups() []demoGroup {
	return []demoGroup{
		{"509a9dcd-bb37-4f4f-a01a-19dca27d9cfa", "users", []string{"alan", "lynn", "mary", "margaret", "dennis"}},
		{"9d31ec04-dd80-11ef-ac47-a38ba68cc36d", "chess-lovers", []string{"alan"}},
		{"d901562a-dd80-11ef-a510-fba1ed43fb21", "machine-lovers", []string{"alan"}},
		{"2fc6ba22-dd81-11ef-89e6-e3eff494a998", "bible-readers", []string{"mary"}},
		{"6f9bab36-dd94-11ef-a252-dbbdd20299dd", "apollos", []string{"margaret"}},
		{"75bc3882-dd94-11ef-ad60-335f3df6cef3", "unix-lovers", []string{"dennis"}},
		{"a4eb2c12-dd94-11ef-9ebe-eb96f938d517", "basic-haters", []string{"dennis"}},
		{"914ce3de-e899-11ef-9a4b-732fbb2acc42", "vlsi-lovers", []string{"lynn"}},
		{"ce4aa240-dd94-11ef-82b8-4f4828849072", "programmers", []string{"alan", "lynn", "mary", "margaret", "dennis"}},
	}
}

func (d *Directory) demo(ctx context.Context, tx db.Tx) error {
	// One hash for all: everybody knows the password, and a first start should not take long.
	hash, err := d.hash(ctx, "demo")
	if err != nil {
		return err
	}
	ids := map[string]string{}
	for _, u := range demoUsers() {
		ids[u.name] = u.id
		err := d.insert(ctx, tx, identity.Account{User: identity.User{ID: u.id, Username: u.name, DisplayName: u.given + " " + u.surname, GivenName: u.given,
			Surname: u.surname, Mail: u.name + "@example.org", Type: identity.Member, Enabled: true, Roles: []string{u.role}}}, hash)
		if err != nil {
			return err
		}
	}
	for _, g := range demoGroups() {
		if err := d.insertGroup(ctx, tx, identity.GroupRecord{Group: identity.Group{ID: g.id, DisplayName: g.name}}); err != nil {
			return err
		}
		for _, m := range g.members {
			if err := insertMember(ctx, tx, identity.PlainGroup, g.id, ids[m], identity.MemberOf); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	_ identity.Users   = (*Directory)(nil)
	_ identity.Groups  = (*Directory)(nil)
	_ identity.Machine = (*Directory)(nil)
)
