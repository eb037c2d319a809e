package ldapdir

import (
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/identity/identitytest"
)

// TestAdministration: a writable directory is administered as our own is, whichever way it is configured.
func TestAdministration(t *testing.T) {
	for name, how := range map[string]func(*Options){
		"usual":                    func(*Options) {},
		"ids of the server":        func(o *Options) { o.ServerID, o.UserID, o.GroupID = true, "entryUUID", "entryUUID" },
		"no exop, group mechanism": func(o *Options) { o.PasswordExop, o.Mechanism, o.DisabledGroup = false, "group", disabledGroup },
	} {
		t.Run(name, func(t *testing.T) {
			fresh := func(t *testing.T) *Directory {
				uri, _ := populate(t, identitytest.Data{Groups: []identitytest.Group{{Group: identity.Group{ID: "d", DisplayName: "disabled"}}}})
				return open(t, uri, writable, how)
			}
			identitytest.RunAccounts(t, identitytest.Abilities{}, func(t *testing.T) identity.Accounts { return fresh(t) })
			identitytest.RunGroups(t, []identity.GroupKind{identity.PlainGroup}, func(t *testing.T) (identity.GroupAdmin, [3]string) {
				d := fresh(t)
				var ids [3]string
				for i, name := range []string{"ada", "bob", "carol"} {
					a, err := d.CreateAccount(t.Context(), identity.Account{User: identity.User{Username: name, Enabled: true}}, "")
					if err != nil {
						t.Fatal(err)
					}
					ids[i] = a.ID
				}
				return d, ids
			})
		})
	}
}

const disabledGroup = "cn=disabled,ou=groups," + suffix
