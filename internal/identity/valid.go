package identity

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName       = 255 // bytes
	maxIdentities = 20
)

// Apply makes the change to an account.
func (c AccountChange) Apply(a *Account) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&a.Username, c.Username)
	set(&a.DisplayName, c.DisplayName)
	set(&a.GivenName, c.GivenName)
	set(&a.Surname, c.Surname)
	set(&a.Mail, c.Mail)
	set(&a.Language, c.Language)
	set(&a.ExternalID, c.ExternalID)
	set(&a.PrimaryRole, c.PrimaryRole)
	if c.Type != nil {
		a.Type = *c.Type
	}
	if c.Enabled != nil {
		a.Enabled = *c.Enabled
	}
	if c.Roles != nil {
		a.Roles = *c.Roles
	}
	if c.Identities != nil {
		a.Identities = *c.Identities
	}
}

// Complete fills in what a new account need not say: it is a member, and shown under its user name.
func (a *Account) Complete() {
	if a.Type == "" {
		a.Type = Member
	}
	if a.DisplayName == "" {
		a.DisplayName = a.Username
	}
}

// Validate tells what an account cannot be stored with: ErrInvalid.
func (a Account) Validate() error {
	if err := validName(a.Username); err != nil {
		return err
	}
	if strings.ContainsAny(a.Username, ":/\\ ") {
		return fmt.Errorf("%w: a user name has no spaces, colons or slashes", ErrInvalid)
	}
	for _, s := range []string{a.ID, a.DisplayName, a.GivenName, a.Surname, a.Mail, a.Language, a.ExternalID, a.PrimaryRole} {
		if len(s) > maxName || !printable(s) {
			return fmt.Errorf("%w: too long, or not printable", ErrInvalid)
		}
	}
	if a.Mail != "" {
		if m, err := mail.ParseAddress(a.Mail); err != nil || m.Address != a.Mail {
			return fmt.Errorf("%w: %q is no mail address", ErrInvalid, a.Mail)
		}
	}
	for _, r := range a.Roles {
		if r == "" || strings.ContainsAny(r, ", ") {
			return fmt.Errorf("%w: %q is no role id", ErrInvalid, r)
		}
	}
	if len(a.Identities) > maxIdentities {
		return fmt.Errorf("%w: more than %d identities", ErrInvalid, maxIdentities)
	}
	for _, i := range a.Identities {
		if i.Issuer == "" || i.Subject == "" || len(i.Issuer) > 4*maxName || len(i.Subject) > 4*maxName || !printable(i.Issuer) || !printable(i.Subject) {
			return fmt.Errorf("%w: an identity has an issuer and a subject", ErrInvalid)
		}
	}
	if a.Type != Member && a.Type != Guest {
		return fmt.Errorf("%w: user type %q", ErrInvalid, a.Type)
	}
	return nil
}

func validName(name string) error {
	if name == "" || len(name) > maxName || strings.TrimSpace(name) != name || !printable(name) {
		return fmt.Errorf("%w: a name has 1 to %d printable bytes, and no space around it", ErrInvalid, maxName)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// Validate tells what a group cannot be stored with: ErrInvalid.
func (g GroupRecord) Validate() error {
	if err := validName(g.DisplayName); err != nil {
		return err
	}
	switch g.Kind {
	case PlainGroup, School, Class:
	default:
		return fmt.Errorf("%w: kind of group %q", ErrInvalid, g.Kind)
	}
	for _, s := range []string{g.ID, g.Description, g.Classification, g.Number, g.ExternalID} {
		if len(s) > 4*maxName || !printable(s) {
			return fmt.Errorf("%w: too long, or not printable", ErrInvalid)
		}
	}
	return nil
}
