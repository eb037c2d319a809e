package role

import "testing"

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		roles []string
		p     Permission
		want  Scope
	}{
		{nil, SharesWrite, None},
		{[]string{"unknown"}, SharesWrite, None},
		{[]string{Admin}, AccountsReadWrite, All},
		{[]string{Admin}, SelfReadWrite, None},
		{[]string{Admin}, LanguageReadWrite, All},
		{[]string{Admin}, FavoritesList, Own},
		{[]string{SpaceAdmin}, DrivesList, All},
		{[]string{SpaceAdmin}, AccountsReadWrite, None},
		{[]string{User}, DrivesCreate, Own},
		{[]string{User}, DrivesList, None},
		{[]string{UserLight}, DrivesCreate, None},
		{[]string{UserLight, User}, DrivesCreate, Own},
		{[]string{ServiceAccount}, DrivesList, All},
	} {
		if got := Allows(c.roles, c.p); got != c.want {
			t.Errorf("%v %s: %d, want %d", c.roles, c.p, got, c.want)
		}
	}
}

func TestTableIsWhole(t *testing.T) {
	if n := len(ids()); n != 33 {
		t.Errorf("%d permissions, want 33", n)
	}
	seen := map[string]bool{}
	for p, id := range ids() {
		if seen[id] {
			t.Errorf("%s: id %s is used twice", p, id)
		}
		seen[id] = true
	}
	for _, name := range []string{"admin", "spaceadmin", "user", "user-light", "service-account"} {
		if r, ok := Find(name); !ok || len(r.Permissions) == 0 {
			t.Errorf("role %s is missing or empty", name)
		}
	}
}
