package idp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"opencloud/internal/oidc"
)

// OpenID Connect Session Management 1.0: pages of applications hold a frame of ours, and ask it whether the browser is
// still signed in as it was. The frame compares what authorize told the application with a cookie that only says that
// something has changed.

//go:embed checksession.js
var checkScript string

const stateCookie = "__Secure-KKBS"

// browserState is the value of that cookie while a session is open. It proves nothing: scripts may read it.
func (h *handler) browserState(sid string) string {
	m := hmac.New(sha256.New, h.seal[:])
	m.Write([]byte("browser state " + sid))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// setState tells the frame which session is open; none if sid is empty. Frames in pages of other sites see the cookie too.
func (h *handler) setState(w http.ResponseWriter, sid string) {
	c := &http.Cookie{Name: stateCookie, Path: strings.TrimSuffix(oidc.CheckPath, "check-session.html"), Secure: true, SameSite: http.SameSiteNoneMode, MaxAge: -1}
	if sid != "" {
		c.Value, c.MaxAge = h.browserState(sid), h.cfg.SessionSeconds
	}
	http.SetCookie(w, c)
}

// sessionState is what the application at a redirect address shows the frame; empty if its pages have no origin. (§2)
func (h *handler) sessionState(client oidc.Client, redirect, sid string) string {
	from := origin(redirect)
	if client.Type == "native" || from == "" {
		return ""
	}
	salt := rand.Text()
	sum := sha256.Sum256([]byte(client.ID + " " + from + " " + h.browserState(sid) + " " + salt))
	return hex.EncodeToString(sum[:]) + "." + salt
}

// origin is what browsers call the origin of an address. (RFC 6454)
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Host), port)
}

// checkSession is the frame. It is shown in pages of registered applications only.
func (h *handler) checkSession(w http.ResponseWriter, _ *http.Request) {
	ancestors := []string{"'self'"}
	for _, c := range h.Provider.Clients() {
		for _, address := range slices.Concat(c.Origins, c.RedirectURIs) {
			if o := origin(address); c.Type != "native" && o != "" && !slices.Contains(ancestors, o) {
				ancestors = append(ancestors, o)
			}
		}
	}
	sum := sha256.Sum256([]byte(checkScript))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; base-uri 'none'; form-action 'none'; frame-ancestors "+
		strings.Join(ancestors, " "))
	_, _ = w.Write([]byte("<!doctype html><title>Session</title><script>" + checkScript + "</script>"))
}
