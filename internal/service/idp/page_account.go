package idp

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/factor"
	passwords "opencloud/internal/identity/password"
	"opencloud/internal/oidc"
	"opencloud/internal/service/idp/pages"
)

// reauthAge is how long ago a person may have signed in to change what guards the account.
const reauthAge = 10 * time.Minute

func (h *handler) recent(s oidc.Session) bool { return time.Since(s.Authenticated) < reauthAge }

type device struct {
	ID, Name, Address, Seen string
	This                    bool
}

type accountPage struct {
	User, DisplayName   string
	Error, Done         string
	Factors, CanPasskey bool // can be set up here
	Passkeys            []factor.Factor
	TOTP                bool
	Recovery            int
	Devices             []device
	Writable            bool
	Secret              string // of TOTP being set up
	QR                  template.URL
	Action, Proof       string
}

// signedIn returns who is signed in; else it leads to the sign-in page and back here.
func (h *handler) signedIn(w http.ResponseWriter, r *http.Request) (oidc.Session, identity.User, bool) {
	s, u, err := h.current(r)
	switch {
	case errors.Is(err, oidc.ErrNoSession) || err == nil && s.Pending:
		http.Redirect(w, r, pagePath+"identifier?return=account", http.StatusSeeOther)
	case err != nil:
		h.broken(w, r, err)
	default:
		return s, u, true
	}
	return s, u, false
}

// showAccount is where people see and change what guards their account.
func (h *handler) showAccount(w http.ResponseWriter, r *http.Request) {
	if s, u, ok := h.signedIn(w, r); ok {
		h.accountPage(w, r, http.StatusOK, s, u, accountPage{})
	}
}

func (h *handler) accountPage(w http.ResponseWriter, r *http.Request, status int, s oidc.Session, u identity.User, p accountPage) {
	ctx := r.Context()
	p.User, p.DisplayName, p.Writable, p.Factors = u.Username, u.DisplayName, h.Accounts.Writable(), h.Factors != nil
	if p.Factors {
		p.CanPasskey = h.Factors.Passkeys()
		have, err := h.Factors.List(ctx, u.ID)
		if err != nil {
			h.broken(w, r, err)
			return
		}
		for _, f := range have {
			switch f.Kind {
			case factor.Passkey:
				p.Passkeys = append(p.Passkeys, f)
			case factor.TOTP:
				p.TOTP = true
			case factor.Recovery:
				p.Recovery = f.Left
			}
		}
	}
	sessions, err := h.Provider.Sessions().List(ctx, u.ID)
	if err != nil {
		h.broken(w, r, err)
		return
	}
	for _, other := range sessions {
		d := device{ID: other.ID, Name: agent(other.Agent), Address: other.Address, Seen: other.Seen.Format("2006-01-02 15:04 UTC"), This: other.ID == s.ID}
		if client, ok := h.Provider.Client(other.Client); ok {
			d.Name = client.Name
		}
		p.Devices = append(p.Devices, d)
	}
	p.Action, p.Proof = h.action(r)
	h.render(w, r, pages.Page{Template: "account", Title: "Account security", Status: status, Language: u.Language, Data: p})
}

// agent makes the name of a browser short enough to be recognised.
func agent(ua string) string {
	system := ""
	for _, name := range []string{"Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"} {
		if strings.Contains(ua, name) {
			system = strings.TrimSuffix(name, " X")
			break
		}
	}
	for _, b := range []struct{ token, name string }{{"Edg/", "Edge"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(ua, b.token) {
			return strings.TrimSpace(b.name + " " + system)
		}
	}
	if first := strings.Fields(ua); len(first) > 0 {
		return first[0]
	}
	return "Browser"
}

// sendAccount makes one change. Those of what guards the account need somebody who signed in lately.
func (h *handler) sendAccount(w http.ResponseWriter, r *http.Request) {
	s, u, ok := h.signedIn(w, r)
	if !ok {
		return
	}
	do, id := r.PostForm.Get("do"), r.PostForm.Get("id")
	if do != "revoke" && !h.recent(s) {
		http.Redirect(w, r, pagePath+"identifier?return=account", http.StatusSeeOther)
		return
	}
	if h.Factors == nil && do != "revoke" && do != "password" {
		h.problem(w, r, http.StatusNotFound, "There is no such page.")
		return
	}
	ctx := r.Context()
	var p accountPage
	var err error
	switch do {
	case "revoke":
		p.Done, err = "The device is signed out.", h.Provider.Sessions().Revoke(ctx, u.ID, id)
		if err == nil && id == s.ID {
			h.clearCookie(w)
			http.Redirect(w, r, pagePath+"goodbye", http.StatusSeeOther)
			return
		}
	case "totp-new":
		p.Secret, p.QR, err = h.newTOTP(ctx, s, u)
	case "totp-confirm":
		if err = h.Factors.ConfirmTOTP(ctx, u.ID, s.ID, r.PostForm.Get("code")); err == nil {
			h.recoveryCodes(w, r, u)
			return
		}
		if errors.Is(err, factor.ErrWrong) { // the picture stays, to try again
			var fault error
			if p.Secret, p.QR, fault = h.newTOTP(ctx, s, u); fault != nil {
				err = fault
			}
		}
	case "recovery-new":
		h.recoveryCodes(w, r, u)
		return
	case "passkey-new":
		var first bool
		p.Done = "The passkey is set up."
		if first, err = h.addPasskey(r, u); first && err == nil {
			h.recoveryCodes(w, r, u)
			return
		}
	case "rename":
		p.Done, err = "The name is changed.", h.Factors.Rename(ctx, u.ID, id, r.PostForm.Get("name"))
	case "remove":
		p.Done, err = "It is removed.", h.Factors.Remove(ctx, u.ID, id)
	case "password":
		p.Done, err = "The password is changed, and all other devices are signed out.", h.changePassword(w, r, s, u)
	default:
		h.problem(w, r, http.StatusBadRequest, "What was sent cannot be read.")
		return
	}
	h.accountResult(w, r, s, u, p, err)
}

func (h *handler) accountResult(w http.ResponseWriter, r *http.Request, s oidc.Session, u identity.User, p accountPage, err error) {
	status := http.StatusOK
	var throttled *identity.ThrottledError
	var weak *passwords.WeakError
	switch {
	case err == nil:
	case errors.As(err, &throttled):
		h.throttled(w, r, throttled)
		return
	case errors.Is(err, factor.ErrWrong):
		p.Error, status = "This was not right. Try again.", http.StatusUnprocessableEntity
	case errors.Is(err, identity.ErrCredentials):
		p.Error, status = "The current password is wrong.", http.StatusUnprocessableEntity
	case errors.As(err, &weak):
		p.Error, status = h.weak(r, u, weak), http.StatusUnprocessableEntity
	case errors.Is(err, identity.ErrInvalid):
		p.Error, status = strings.TrimPrefix(err.Error(), identity.ErrInvalid.Error()+": "), http.StatusUnprocessableEntity
	case errors.Is(err, identity.ErrReadOnly):
		p.Error, status = "Passwords are changed elsewhere. Ask your administrator.", http.StatusForbidden
	case errors.Is(err, identity.ErrNotFound), errors.Is(err, oidc.ErrNoSession):
		p.Error, status = "It is gone already.", http.StatusNotFound
	default:
		h.broken(w, r, err)
		return
	}
	if err != nil {
		p.Done = ""
	}
	h.accountPage(w, r, status, s, u, p)
}

// addPasskey takes a new passkey, and tells whether its person has no recovery codes yet.
func (h *handler) addPasskey(r *http.Request, u identity.User) (bool, error) {
	err := h.Factors.AddPasskey(r.Context(), u, r.PostForm.Get("challenge"), r.PostForm.Get("name"), []byte(r.PostForm.Get("answer")))
	if err != nil {
		return false, err
	}
	have, err := h.Factors.List(r.Context(), u.ID)
	return !slices.ContainsFunc(have, func(f factor.Factor) bool { return f.Kind == factor.Recovery && f.Left > 0 }), err
}

// weak says what a new password lacks, in the language of the page.
func (h *handler) weak(r *http.Request, u identity.User, e *passwords.WeakError) string {
	faults := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		faults[i] = passwords.Fault{Text: h.pages.Text(r, u.Language, f.Text), Count: f.Count}.String()
	}
	return h.pages.Text(r, u.Language, "The new password cannot be used:") + " " + strings.Join(faults, ", ") + "."
}

// changePassword replaces the password of somebody who knows it, and signs all other devices out.
func (h *handler) changePassword(w http.ResponseWriter, r *http.Request, s oidc.Session, u identity.User) error {
	ctx := r.Context()
	if _, err := h.Login.Authenticate(ctx, identity.Login{Name: u.Username, Password: r.PostForm.Get("old"), Address: address(r)}); err != nil {
		return err
	}
	if err := h.Accounts.SetPassword(ctx, u.ID, r.PostForm.Get("new")); err != nil {
		return err
	}
	if err := h.Provider.Sessions().RevokeAll(ctx, u.ID, s.ID); err != nil {
		return err
	}
	return h.proved(w, r, s, s.Methods, s.Flow)
}
