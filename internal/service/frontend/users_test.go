package frontend

import (
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/identity/password"
	"opencloud/internal/link"
)

// People see their own account, and nobody else's.
func TestOwnAccount(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "a.txt", "hello")
	homeless := identity.User{ID: "u-new", Username: "new", Enabled: true}
	w.ctx["new"] = identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: homeless, Groups: []string{"g-removed", "g-chess"}})
	self := w.wants(200, "mary", "GET", "/cloud/users/mary", "").object(t)
	quota, _ := self["quota"].(map[string]any)
	if self["id"] != "mary" || self["enabled"] != true || self["email"] != "mary@example.org" || quota["used"] != 5.0 || quota["definition"] != "default" {
		t.Error(self)
	}
	w.wants(200, "mary", "GET", "/cloud/users/u-mary", "")
	if o := w.wants(200, "new", "GET", "/cloud/users/new", "").object(t); o["id"] != "new" {
		t.Error(o)
	}
	for who, want := range map[string]int{"mary": 1, "alan": 0, "new": 1} {
		groups, _ := w.wants(200, who, "GET", "/cloud/users/"+who+"/groups", "").object(t)["groups"].([]any)
		if len(groups) != want || want == 1 && groups[0] != "Chess" {
			t.Errorf("groups of %s: %v", who, groups)
		}
	}
	for _, path := range []string{"/cloud/users/alan", "/cloud/users/nobody", "/cloud/users/alan/groups"} {
		w.wants(403, "mary", "GET", path, "")
		w.wants(401, "", "GET", path, "")
	}
	w.wants(404, "mary", "POST", "/cloud/users", "userid=x")
	w.wants(404, "mary", "DELETE", "/cloud/users/mary", "")
}

// What clients are told is what is configured.
func TestCapabilities(t *testing.T) {
	w := newWorld(t, func(_ *Config, o *link.Options) { o.MustHave, o.WriteMustHave = true, false })
	const path = "/ocs/v1.php/cloud/capabilities"
	golden(t, "capabilities.json", w.do("", "GET", path+"?format=json", "").Body.Bytes())
	golden(t, "capabilities.xml", w.do("", "GET", path, "").Body.Bytes())
	sharing := func(change func(*Config, *link.Options)) map[string]any {
		t.Helper()
		o := newWorld(t, change).wants(200, "mary", "GET", "/cloud/capabilities", "").object(t)
		caps, _ := o["capabilities"].(map[string]any)
		return caps
	}
	at := func(o any, path ...string) any {
		for _, p := range path {
			m, _ := o.(map[string]any)
			o = m[p]
		}
		return o
	}
	caps := sharing(func(c *Config, o *link.Options) {
		c.OCS.Denials, c.OCS.Enumeration, c.OCS.GroupMembersOnly, c.AutoAccept, c.DefaultLink, c.SearchMin = true, false, true, false, 0, 5
		o.MustHave, o.WriteMustHave, o.Policy = false, true, password.Policy{Length: 12}
	})
	for _, c := range []struct {
		want any
		path []string
	}{
		{true, []string{"files_sharing", "deny_access"}},
		{false, []string{"files_sharing", "auto_accept_share"}},
		{5.0, []string{"files_sharing", "search_min_length"}},
		{false, []string{"files_sharing", "user_enumeration", "enabled"}},
		{true, []string{"files_sharing", "user_enumeration", "group_members_only"}},
		{0.0, []string{"files_sharing", "public", "default_permissions"}},
		{false, []string{"files_sharing", "public", "password", "enforced"}},
		{false, []string{"files_sharing", "public", "password", "enforced_for", "read_only"}},
		{true, []string{"files_sharing", "public", "password", "enforced_for", "read_write"}},
		{true, []string{"files_sharing", "public", "password", "enforced_for", "upload_only"}},
		{12.0, []string{"password_policy", "min_characters"}},
		{0.0, []string{"password_policy", "min_digits"}},
	} {
		if got := at(caps, c.path...); got != c.want {
			t.Errorf("%v: %v, want %v", c.path, got, c.want)
		}
	}
}
