// Package identitytest is the contract of directories: every implementation of identity.Users, Groups, Machine and
// Authenticator, in process or behind a wire, passes it.
package identitytest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"opencloud/internal/identity"
)

// Account is one account of the test data.
type Account struct {
	identity.User
	Password string
}

// Group is one group of the test data.
type Group struct {
	identity.Group
	Members []string // ids
}

// Data is what a directory under test holds.
type Data struct {
	Accounts []Account
	Groups   []Group
}

// Backend is a directory under test; parts that are nil are not tested.
type Backend struct {
	Users   identity.Users
	Groups  identity.Groups
	Machine identity.Machine
	Login   identity.Authenticator
}

// Ids of the accounts and groups in Data.
const (
	Ada   = "11111111-0000-4000-8000-000000000001"
	Björn = "11111111-0000-4000-8000-000000000002"
	Carol = "11111111-0000-4000-8000-000000000003" // disabled
	Dan   = "11111111-0000-4000-8000-000000000004" // has Ada's mail address, no password
	Staff = "22222222-0000-4000-8000-000000000001"
	Chess = "22222222-0000-4000-8000-000000000002"
	Empty = "22222222-0000-4000-8000-000000000003"
)

func data() Data {
	user := func(id, name, display, mail, pw string, enabled bool) Account {
		return Account{User: identity.User{ID: id, Username: name, DisplayName: display, GivenName: display, Surname: "Test", Mail: mail,
			Type: identity.Member, Enabled: enabled}, Password: pw}
	}
	return Data{
		Accounts: []Account{
			user(Ada, "ada", "Ada Lovelace", "ada@example.org", "ada's secret", true),
			user(Björn, "Björn", "Björn 100%", "bjoern@example.org", "smörgås", true),
			user(Carol, "carol_x", "Carol", "carol@example.org", "carol's secret", false),
			user(Dan, "dan", "Dan", "ada@example.org", "", true),
		},
		Groups: []Group{
			{identity.Group{ID: Staff, DisplayName: "Staff"}, []string{Ada, Björn, Carol}},
			{identity.Group{ID: Chess, DisplayName: "chess-lovers"}, []string{Björn}},
			{identity.Group{ID: Empty, DisplayName: "Empty"}, nil},
		},
	}
}

// Run tests a directory; open returns one that holds the data.
func Run(t *testing.T, open func(*testing.T, Data) Backend) {
	b := open(t, data())
	if b.Users != nil {
		t.Run("users", func(t *testing.T) { testUsers(t, b.Users) })
		t.Run("find users", func(t *testing.T) { testFindUsers(t, b.Users) })
	}
	if b.Groups != nil {
		t.Run("groups", func(t *testing.T) { testGroups(t, b.Groups) })
	}
	if b.Machine != nil {
		t.Run("machine", func(t *testing.T) { testMachine(t, b.Machine) })
	}
	if b.Login != nil {
		t.Run("login", func(t *testing.T) { testLogin(t, b.Login) })
	}
}

func testUsers(t *testing.T, users identity.Users) {
	ctx := t.Context()
	for _, c := range []struct{ claim, value, want string }{
		{"userid", Ada, Ada},
		{"username", "ada", Ada},
		{"username", "ADA", Ada},
		{"username", "BJÖRN", Björn},
		{"username", "Bjo\u0308rn", Björn}, // NFD
		{"mail", "Bjoern@Example.org", Björn},
		{"username", "carol_x", Carol},
		{"username", "carolXx", ""},
		{"username", "ad%", ""},
		{"username", "", ""},
		{"mail", "", ""},
		{"mail", "ada@example.org", ""}, // two have it
		{"userid", "ada", ""},
	} {
		u, err := users.UserBy(ctx, c.claim, c.value)
		switch {
		case c.want == "" && !errors.Is(err, identity.ErrNotFound):
			t.Errorf("%s %q: %+v, %v, want ErrNotFound", c.claim, c.value, u, err)
		case c.want != "" && (err != nil || u.ID != c.want):
			t.Errorf("%s %q: %+v, %v", c.claim, c.value, u, err)
		}
	}
	if _, err := users.UserBy(ctx, "shoe size", "42"); err == nil {
		t.Error("an unknown claim found somebody")
	}
	u, err := users.User(ctx, Ada)
	if err != nil || u.Username != "ada" || u.DisplayName != "Ada Lovelace" || u.Mail != "ada@example.org" || !u.Enabled || u.Type != identity.Member {
		t.Errorf("Ada: %+v, %v", u, err)
	}
	if u, err := users.User(ctx, Carol); err != nil || u.Enabled {
		t.Errorf("Carol should be found, and disabled: %+v, %v", u, err)
	}
	if g, err := users.GroupsOf(ctx, Björn); err != nil || !slices.Equal(g, []string{Staff, Chess}) {
		t.Errorf("groups of Björn: %v, %v", g, err)
	}
	if g, err := users.GroupsOf(ctx, Dan); err != nil || len(g) != 0 {
		t.Errorf("groups of Dan: %v, %v", g, err)
	}
}

func testFindUsers(t *testing.T, users identity.Users) {
	for _, c := range []struct {
		text  string
		limit int
		want  []string
	}{
		{"", 10, []string{Ada, Björn, Carol, Dan}},
		{"", 2, []string{Ada, Björn}},
		{"LOVE", 10, []string{Ada}},
		{"björn", 10, []string{Björn}},
		{"ada@", 10, []string{Ada, Dan}},
		{"%", 10, []string{Björn}},
		{"_", 10, []string{Carol}},
		{"nobody", 10, nil},
	} {
		found, err := users.FindUsers(t.Context(), c.text, c.limit)
		var got []string
		for _, u := range found {
			got = append(got, u.ID)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v, want %v", c.text, got, err, c.want)
		}
	}
}

func testGroups(t *testing.T, groups identity.Groups) {
	ctx := t.Context()
	for _, f := range []func(context.Context) (identity.Group, error){
		func(ctx context.Context) (identity.Group, error) { return groups.Group(ctx, Staff) },
		func(ctx context.Context) (identity.Group, error) { return groups.GroupByName(ctx, "sTAFF") },
	} {
		if g, err := f(ctx); err != nil || g.ID != Staff || g.DisplayName != "Staff" {
			t.Errorf("Staff: %+v, %v", g, err)
		}
	}
	if _, err := groups.Group(ctx, "nonsense"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("unknown id: %v", err)
	}
	if _, err := groups.GroupByName(ctx, "nonsense"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("unknown name: %v", err)
	}
	if m, err := groups.Members(ctx, Staff); err != nil || !slices.Equal(m, []string{Ada, Björn, Carol}) {
		t.Errorf("members of Staff: %v, %v", m, err)
	}
	if m, err := groups.Members(ctx, Empty); err != nil || len(m) != 0 {
		t.Errorf("members of Empty: %v, %v", m, err)
	}
	if _, err := groups.Members(ctx, "nonsense"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("members of an unknown group: %v", err)
	}
	if g, err := groups.FindGroups(ctx, "LOVERS", 10); err != nil || len(g) != 1 || g[0].ID != Chess {
		t.Errorf("lovers: %v, %v", g, err)
	}
	if g, err := groups.FindGroups(ctx, "", 2); err != nil || len(g) != 2 || g[0].ID != Chess || g[1].ID != Empty {
		t.Errorf("first two: %v, %v", g, err)
	}
}

func testMachine(t *testing.T, m identity.Machine) {
	ctx := t.Context()
	a, err := m.ActorBy(ctx, "username", "Björn")
	if err != nil || a.Kind != identity.Person || a.User.ID != Björn || !slices.Equal(a.Groups, []string{Staff, Chess}) || a.MayListAllSpaces {
		t.Errorf("Björn: %+v, %v", a, err)
	}
	if len(a.User.Roles) == 0 {
		t.Error("an account without assigned role has none")
	}
	if _, err := m.ActorBy(ctx, "userid", "nonsense"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := m.ActorBy(ctx, "userid", Carol); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("disabled: %v", err)
	}
}

func testLogin(t *testing.T, l identity.Authenticator) {
	for i, c := range []struct{ name, password, want string }{
		{"ada", "ada's secret", Ada},
		{"Ada", "ada's secret", Ada},
		{"Björn", "smörgås", Björn},
		{"ada", "Ada's secret", ""},
		{"ada", "", ""},
		{"carol_x", "carol's secret", ""}, // disabled
		{"dan", "", ""},                   // has no password
		{"nobody", "x", ""},
		{"", "", ""},
		{"ada@example.org", "ada's secret", ""},
	} {
		// From another address each time, not to be throttled.
		login := identity.Login{Name: c.name, Password: c.password, Address: "192.0.2." + string(rune('0'+i))}
		for range 2 {
			a, err := l.Authenticate(t.Context(), login)
			switch {
			case c.want == "" && !errors.Is(err, identity.ErrCredentials):
				t.Errorf("%s / %s: %+v, %v, want ErrCredentials", c.name, c.password, a, err)
			case c.want != "" && (err != nil || a.User.ID != c.want || a.Kind != identity.Person):
				t.Errorf("%s / %s: %+v, %v", c.name, c.password, a, err)
			}
		}
	}
}
