package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/identity/apptoken"
	"opencloud/internal/identity/resolve"
)

// errNotMine tells that a request has no credentials of the authenticator's kind.
var errNotMine = errors.New("no credentials of this kind")

// authenticator recognises one kind of credentials. Errors: errNotMine, identity.ErrCredentials, identity.ErrThrottled; any
// other means that it cannot tell now.
type authenticator interface {
	authenticate(r *http.Request, address string) (identity.Actor, error)
}

// authenticate asks one authenticator after the other who sent the request. identity.ErrCredentials: none accepted it.
func (p *proxy) authenticate(r *http.Request, address string) (identity.Actor, error) {
	if len(r.Header["Authorization"]) > 1 {
		return identity.Actor{}, identity.ErrCredentials // two programs might read two different ones
	}
	result := errNotMine
	for _, a := range p.authenticators {
		actor, err := a.authenticate(r, address)
		switch {
		case err == nil:
			return actor, nil
		case errors.Is(err, errNotMine):
		case errors.Is(err, identity.ErrCredentials):
			result = identity.ErrCredentials
		default:
			return identity.Actor{}, err
		}
	}
	return identity.Actor{}, result
}

// basic recognises user names with an app token or the account's password. Either may be nil.
type basic struct{ login, tokens identity.Authenticator }

func (b basic) authenticate(r *http.Request, address string) (identity.Actor, error) {
	if isPublicPath(r.URL.Path) {
		return identity.Actor{}, errNotMine // there the password is that of a link
	}
	name, password, ok := r.BasicAuth()
	if !ok {
		return identity.Actor{}, errNotMine
	}
	l := identity.Login{Name: name, Password: password, Address: address}
	// What looks like an app token is not tried as a password at first: that would cost a hash, and count as a guess.
	if b.tokens != nil && (b.login == nil || apptoken.Recognise(password)) {
		a, err := b.tokens.Authenticate(r.Context(), l)
		if b.login == nil || !errors.Is(err, identity.ErrCredentials) {
			return a, err
		}
	}
	return b.login.Authenticate(r.Context(), l)
}

// isPublicPath tells whether the path is one of public links or of federated shares. (spec/identity.md §5.3)
func isPublicPath(path string) bool {
	return strings.HasPrefix(strings.TrimPrefix(path, "/remote.php"), "/dav/public-files/") || isFederatedPath(path)
}

func isFederatedPath(path string) bool {
	return strings.HasPrefix(strings.TrimPrefix(path, "/remote.php"), "/dav/ocm/") || strings.HasPrefix(path, "/ocm/")
}

// Kinds of challenges.
const (
	bearerScheme = "bearer"
	basicScheme  = "basic"
)

// refuse answers a request whose sender could not be recognised. (spec/identity.md §5.3)
func (p *proxy) refuse(w http.ResponseWriter, r *http.Request, err error) {
	drain(w, r)
	var throttled *identity.ThrottledError
	switch {
	case errors.As(err, &throttled):
		w.Header().Set("Retry-After", strconv.Itoa(int(throttled.RetryAfter/time.Second)+1))
		plain(w, http.StatusTooManyRequests, "Too many failed logins. Try again later.\n")
	case errors.Is(err, errLinkPassword):
		p.wrongLinkPassword(w, r)
	case errors.Is(err, errNotMine), errors.Is(err, identity.ErrCredentials):
		p.challenge(w, r)
	case errors.Is(err, resolve.ErrNoRole):
		p.log.WarnContext(r.Context(), "sign-in refused", "err", err)
		plain(w, http.StatusForbidden, "Your account at the identity provider has no role here. Ask your administrator.\n")
	case errors.Is(err, resolve.ErrClaim):
		p.log.ErrorContext(r.Context(), "sign-in is not possible", "err", err, "request_id", w.Header().Get("X-Request-Id"))
		plain(w, http.StatusInternalServerError, "The identity provider does not say what is needed to find your account. Ask your administrator.\n")
	case errors.Is(err, context.Canceled):
		// nobody waits for an answer
	default:
		p.log.ErrorContext(r.Context(), "authentication is not possible", "err", err, "request_id", w.Header().Get("X-Request-Id"))
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "Authentication is not possible at the moment. Try again later.\n")
	}
}

// wrongLinkPassword answers in the form in which clients of links expect it. (spec/storage.md §7.17)
func (p *proxy) wrongLinkPassword(w http.ResponseWriter, r *http.Request) {
	if !isPublicPath(r.URL.Path) {
		plain(w, http.StatusUnauthorized, "The password of the link is wrong.\n")
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>
<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\NotAuthenticated</s:exception><s:message>The password of the link is wrong</s:message><s:errorcode>ERR_INVALID_CREDENTIALS</s:errorcode></d:error>`)
}

func (p *proxy) challenge(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Requested-With") != "XMLHttpRequest" && !isPublicPath(r.URL.Path) {
		realm := strings.Map(func(c rune) rune {
			if c == '"' || c == '\\' || c < ' ' {
				return -1
			}
			return c
		}, r.Host)
		for _, scheme := range p.challenges(r.UserAgent()) {
			w.Header().Add("WWW-Authenticate", scheme+` realm="`+realm+`", charset="UTF-8"`)
		}
	}
	if !isDAVMethod(r.Method) {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>
<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\PermissionDenied</s:exception><s:message>Authentication error</s:message></d:error>`)
}

// challenges returns the schemes to offer; an agent named in the configuration gets the one named there.
func (p *proxy) challenges(agent string) []string {
	for part, scheme := range p.cfg.Auth.CredentialsByUserAgent {
		if part == "" || !strings.Contains(agent, part) {
			continue
		}
		switch {
		case strings.EqualFold(scheme, basicScheme) && p.offersBasic:
			return []string{"Basic"}
		case strings.EqualFold(scheme, bearerScheme):
			return []string{"Bearer"}
		}
	}
	if p.offersBasic {
		return []string{"Bearer", "Basic"}
	}
	return []string{"Bearer"}
}

func isDAVMethod(method string) bool {
	switch method {
	case "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH", "ACL", "MKCALENDAR", "VERSION-CONTROL":
		return true
	}
	return false
}

const (
	maxDrain  = 16 << 20 // bytes
	drainTime = 10 * time.Second
)

// drain reads what the client is sending, within bounds: over HTTP/1.1 one that still sends when the connection is closed
// sees a broken connection and not our answer. A client that waits for 100 Continue has not begun.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor > 1 || r.Body == nil || r.ContentLength == 0 || r.Header.Get("Expect") != "" {
		return
	}
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return
	}
	if n, err := io.CopyN(io.Discard, r.Body, maxDrain); n < maxDrain && errors.Is(err, io.EOF) {
		_ = rc.SetReadDeadline(time.Time{}) // it came to its end: the connection can be used again
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
