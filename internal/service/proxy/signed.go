package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/signedurl"
)

// signed recognises addresses with a signature: the right to read one thing, without other credentials.
type signed struct {
	signer  *signedurl.Signer
	machine identity.Machine
	bases   []string // scheme and host of the public address
}

func newSigned(s *signedurl.Signer, m identity.Machine, publicURL string) (signed, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return signed{}, err
	}
	return signed{signer: s, machine: m, bases: []string{u.Scheme + "://" + u.Host}}, nil
}

func (s signed) authenticate(r *http.Request, _ string) (identity.Actor, error) {
	if r.URL.RawQuery == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return identity.Actor{}, errNotMine
	}
	switch {
	case strings.Contains(r.URL.RawQuery, signedurl.TokenParameter+"="):
		id, err := s.signer.Verify(r.URL, append(s.bases[:1:1], "https://"+r.Host)...)
		if err != nil {
			return identity.Actor{}, identity.ErrCredentials
		}
		return s.actor(r, "userid", id)
	case strings.Contains(r.URL.RawQuery, signedurl.SignatureParameter+"="):
		// The claimed user is looked up first: the signature needs the id. Unknown ones cost no more than a look-up.
		// Clients write the id that they got with their key; older ones the user name.
		credential := signedurl.Credential(r.URL)
		a, err := s.actor(r, "userid", credential)
		if errors.Is(err, identity.ErrCredentials) {
			a, err = s.actor(r, "username", credential)
		}
		if err != nil {
			return identity.Actor{}, err
		}
		err = s.signer.VerifyClient(r.Context(), r.Method, r.Host, r.URL, a.User.ID)
		if errors.Is(err, signedurl.ErrInvalid) {
			err = identity.ErrCredentials
		}
		if err != nil {
			return identity.Actor{}, err
		}
		return a, nil
	}
	return identity.Actor{}, errNotMine
}

func (s signed) actor(r *http.Request, claim, value string) (identity.Actor, error) {
	a, err := s.machine.ActorBy(r.Context(), claim, value)
	if errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrCredentials) {
		return identity.Actor{}, identity.ErrCredentials
	}
	return a, err
}
