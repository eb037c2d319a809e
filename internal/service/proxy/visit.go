package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/storage"
)

// Links opens public links. link.Service is it.
type Links interface {
	Open(ctx context.Context, token string, k link.Key) (link.Link, identity.Actor, error)
}

// tokenPaths are the addresses that are public when the token of a link comes along. (spec/identity.md §5.3)
var tokenPaths = map[string]bool{"/archiver": true, "/app/open": true, "/app/new": true, "/app/open-with-web": true}

const openTokenInfo = "/apps/files_sharing/api/v1/tokeninfo/unprotected/"

// linkToken returns the token of the link that a request comes by; open tells that it may come without being let in.
func linkToken(r *http.Request) (token string, open, ok bool) {
	path := strings.TrimPrefix(r.URL.Path, "/remote.php")
	if rest, ok := strings.CutPrefix(path, "/dav/public-files/"); ok {
		token, _, _ := strings.Cut(rest, "/")
		return token, true, true
	}
	if strings.HasPrefix(r.URL.Path, "/ocs/v1.php"+openTokenInfo) || strings.HasPrefix(r.URL.Path, "/ocs/v2.php"+openTokenInfo) {
		return "", true, true
	}
	if !tokenPaths[r.URL.Path] {
		return "", false, false
	}
	if token = r.Header.Get("Public-Token"); token == "" {
		token = r.URL.Query().Get("public-token")
	}
	return token, false, token != ""
}

var errLinkPassword = errors.New("the password of the link is wrong")

// visit finds out who comes by a link. Who is not let in, but may come, is the person he otherwise is, or a stranger.
func (p *proxy) visit(r *http.Request, token string, open bool, address string) (identity.Actor, error) {
	var who identity.Actor
	if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		var err error
		if who, err = p.authenticate(r, address); err != nil {
			return who, err
		}
	}
	if p.links == nil || token == "" {
		return who, nil
	}
	k := key(r.Method, r.URL.Query(), address)
	k.Who = who
	if _, password, ok := r.BasicAuth(); ok {
		k.Password = password
	}
	_, a, err := p.links.Open(r.Context(), token, k)
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, link.ErrWrongPassword):
		return who, errLinkPassword
	case errors.Is(err, link.ErrPassword), errors.Is(err, link.ErrInternal), errors.Is(err, storage.ErrNotFound):
		if open || who.Kind == identity.Person {
			return who, nil // the service says what is the matter
		}
		return who, identity.ErrCredentials
	}
	return who, err
}

// key reads what stands for the password in an address; that is for reading only.
func key(method string, q url.Values, address string) link.Key {
	k := link.Key{Address: address}
	if method == http.MethodGet || method == http.MethodHead {
		k.Signature, k.Expiration = q.Get("signature"), q.Get("expiration")
	}
	return k
}
