package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// networks are those of the proxies before us that we believe who the client is.
type networks []netip.Prefix

func parseNetworks(list []string) (networks, error) {
	var n networks
	for _, s := range list {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil {
			n = append(n, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %q is neither an address nor a network", s)
		}
		n = append(n, p.Masked())
	}
	return n, nil
}

func (n networks) has(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// client is the address of who sent the request: the last one in X-Forwarded-For that is not a proxy we trust.
func (n networks) client(r *http.Request) string {
	address := peer(r)
	forwarded := r.Header["X-Forwarded-For"]
	if len(forwarded) == 0 || !n.has(address) {
		return address
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			return address
		}
		address = hop
		if !n.has(hop) {
			return hop
		}
	}
	return address
}
