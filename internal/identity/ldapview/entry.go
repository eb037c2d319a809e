// Package ldapview shows the embedded directory as LDAP, read-only, for programs that know nothing else: mail servers, chat
// servers, address books. (spec/identity.md §7)
//
// Invariants: nobody sees anything before a bind; people see themselves only, service accounts see all; passwords and their
// hashes are never in an entry. Every message, filter, answer and connection is bounded.
package ldapview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
)

// Base is the root of the tree.
const Base = "o=libregraph-idm"

const (
	usersDN  = "ou=users," + Base
	groupsDN = "ou=groups," + Base
	sysDN    = "ou=sysusers," + Base
	pageSize = 1000
)

// Directory is what is shown.
type Directory interface {
	ListAccounts(ctx context.Context, q identity.AccountQuery) ([]identity.Account, error)
	ListGroups(ctx context.Context, kind identity.GroupKind, text, after string, limit int) ([]identity.GroupRecord, error)
	MembersOf(ctx context.Context, kind identity.GroupKind, id string, r identity.MemberRole) ([]string, error)
}

// entry is one entry; attribute names keep the case in which they are shown.
type entry struct {
	dn    string
	attrs []attribute
}

type attribute struct {
	name   string
	values []string
}

func (e *entry) add(name string, values ...string) {
	values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
	if len(values) > 0 {
		e.attrs = append(e.attrs, attribute{name, values})
	}
}

// values returns the values of an attribute, whatever the case of its name.
func (e *entry) values(name string) []string {
	for _, a := range e.attrs {
		if strings.EqualFold(a.name, name) {
			return a.values
		}
	}
	return nil
}

func userDN(username string) string { return "uid=" + ldap.EscapeDN(username) + "," + usersDN }

func groupDN(name string) string { return "cn=" + ldap.EscapeDN(name) + "," + groupsDN }

// stamp is a time as LDAP writes it. (RFC 4517 §3.3.13)
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("20060102150405Z")
}

func container(rdn, dn, class string) entry {
	e := entry{dn: dn}
	name, value, _ := strings.Cut(rdn, "=")
	e.add("objectClass", class, "top")
	e.add(name, value)
	return e
}

func userEntry(a identity.Account) entry {
	e := entry{dn: userDN(a.Username)}
	e.add("objectClass", "inetOrgPerson", "organizationalPerson", "person", "top", "openCloudUser", "openCloudObject")
	e.add("uid", a.Username)
	e.add("cn", a.DisplayName)
	surname := a.Surname
	if surname == "" {
		surname = a.DisplayName // sn must be there
	}
	e.add("sn", surname)
	e.add("givenName", a.GivenName)
	e.add("displayName", a.DisplayName)
	e.add("mail", a.Mail)
	e.add("openCloudUUID", a.ID)
	enabled := "TRUE"
	if !a.Enabled {
		enabled = "FALSE"
	}
	e.add("openCloudUserEnabled", enabled)
	e.add("openCloudUserType", string(a.Type))
	for _, i := range a.Identities {
		e.add("openCloudExternalIdentity", " $ "+i.Issuer+" $ "+i.Subject)
	}
	e.add("openCloudLastSignInTimestamp", stamp(a.LastSignIn))
	e.add("preferredLanguage", a.Language)
	e.add("createTimestamp", stamp(a.Created))
	return e
}

// people returns the entries of all accounts, and their DNs by id.
func people(ctx context.Context, d Directory) (entries []entry, dns map[string]string, err error) {
	dns = map[string]string{}
	after := ""
	for {
		page, err := d.ListAccounts(ctx, identity.AccountQuery{After: after, Limit: pageSize})
		if err != nil {
			return nil, nil, fmt.Errorf("list accounts: %w", err)
		}
		for _, a := range page {
			e := userEntry(a)
			dns[a.ID] = e.dn
			entries = append(entries, e)
			after = a.Username
		}
		if len(page) < pageSize {
			return entries, dns, nil
		}
	}
}

// groups returns the entries of all groups, with members if they are asked for.
func groups(ctx context.Context, d Directory, dns map[string]string, members bool) (entries []entry, err error) {
	after := ""
	for {
		page, err := d.ListGroups(ctx, identity.PlainGroup, "", after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("list groups: %w", err)
		}
		for _, g := range page {
			after = g.DisplayName
			e := entry{dn: groupDN(g.DisplayName)}
			e.add("objectClass", "groupOfNames", "top", "openCloudObject")
			e.add("cn", g.DisplayName)
			e.add("openCloudUUID", g.ID)
			e.add("description", g.Description)
			if members {
				ids, err := d.MembersOf(ctx, identity.PlainGroup, g.ID, identity.MemberOf)
				if err != nil {
					return nil, fmt.Errorf("members of %s: %w", g.ID, err)
				}
				var values []string
				for _, id := range ids {
					if dn, ok := dns[id]; ok {
						values = append(values, dn)
					}
				}
				e.add("member", values...)
			}
			entries = append(entries, e)
		}
		if len(page) < pageSize {
			return entries, nil
		}
	}
}

// containers are the entries that hold the others.
func containers() []entry {
	return []entry{container("o=libregraph-idm", Base, "organization"), container("ou=users", usersDN, "organizationalUnit"),
		container("ou=groups", groupsDN, "organizationalUnit"), container("ou=sysusers", sysDN, "organizationalUnit")}
}
