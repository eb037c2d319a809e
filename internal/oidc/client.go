// Package oidc is the OpenID Connect provider: applications, sign-ins, codes, tokens and keys. It knows no pages: package
// service/idp asks people who they are, and tells this package.
//
// Invariants:
//   - Codes, refresh tokens and the cookies of browsers are stored as hashes only; each code is good for one exchange.
//   - A refresh token that was replaced is good for another 60 s, for clients that refresh twice at once; after that its
//     use ends the sign-in it belongs to: somebody has stolen it.
//   - A redirect goes only to an address that its application has registered.
//   - What a session's end means for tokens is asked for at every use: nothing of an ended session is good for longer than
//     a second.
package oidc

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Client is an application that people sign in to.
type Client struct {
	ID             string   `yaml:"id"`
	Name           string   `yaml:"name"`
	Secret         string   `yaml:"secret"` // empty: a public client, which must use PKCE
	Trusted        bool     `yaml:"trusted"`
	RedirectURIs   []string `yaml:"redirect_uris"`
	PostLogoutURIs []string `yaml:"post_logout_redirect_uris"`
	Origins        []string `yaml:"origins"`
	Type           string   `yaml:"application_type"` // "web" or "native"
}

// DefaultClients are those that every server knows. (spec/identity.md §6.2)
func DefaultClients() []Client {
	native := func(id, name string, uris ...string) Client {
		return Client{ID: id, Name: name, Type: "native", RedirectURIs: uris, PostLogoutURIs: uris}
	}
	return []Client{
		{ID: "web", Name: "OpenCloud Web App", Trusted: true, Type: "web", Origins: []string{"{{OC_URL}}"},
			RedirectURIs: []string{"{{OC_URL}}/", "{{OC_URL}}/oidc-callback.html", "{{OC_URL}}/oidc-silent-redirect.html"}},
		native("OpenCloudDesktop", "OpenCloud Desktop Client", "http://127.0.0.1", "http://localhost"),
		native("OpenCloudAndroid", "OpenCloud Android App", "oc://android.opencloud.eu"),
		native("OpenCloudIOS", "OpenCloud iOS App", "oc://ios.opencloud.eu"),
	}
}

// expand fills in our own address.
func (c Client) expand(issuer string) Client {
	fill := func(in []string) []string {
		out := make([]string, len(in))
		for i, s := range in {
			out[i] = strings.NewReplacer("{{OC_URL}}", issuer, "{{IDP_ISS}}", issuer).Replace(s)
		}
		return out
	}
	c.RedirectURIs, c.PostLogoutURIs, c.Origins = fill(c.RedirectURIs), fill(c.PostLogoutURIs), fill(c.Origins)
	return c
}

func (c *Client) native() bool { return c.Type == "native" }

// MayRedirect tells whether the application registered the address. Native applications may be reached by loopback at any
// port, by any name of this machine, and at any path if they registered none. (RFC 8252 §7.3)
func (c *Client) MayRedirect(uri string) bool { return c.matches(c.RedirectURIs, uri) }

// MayReturn tells whether the application may be sent to the address when somebody has signed out.
func (c *Client) MayReturn(uri string) bool {
	if c.matches(c.PostLogoutURIs, uri) || c.matches(c.RedirectURIs, uri) {
		return true
	}
	u, err := url.Parse(uri)
	return err == nil && u.User == nil && u.Host != "" && slices.Contains(c.Origins, u.Scheme+"://"+u.Host)
}

func (c *Client) matches(registered []string, uri string) bool {
	if slices.Contains(registered, uri) {
		return uri != ""
	}
	if !c.native() {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || !loopback(u) || u.Fragment != "" {
		return false
	}
	return slices.ContainsFunc(registered, func(s string) bool {
		r, err := url.Parse(s)
		return err == nil && loopback(r) && (r.Path == "" || r.Path == u.Path) && (r.RawQuery == "" || r.RawQuery == u.RawQuery)
	})
}

func loopback(u *url.URL) bool {
	if u.Scheme != "http" || u.User != nil || u.Opaque != "" {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && (a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a == netip.IPv6Loopback())
}
