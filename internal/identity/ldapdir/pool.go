package ldapdir

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
)

const (
	connections = 8
	dialTime    = 5 * time.Second
	answerTime  = 10 * time.Second
)

// pool keeps connections that are bound as ourselves.
type pool struct {
	opts  Options
	tls   *tls.Config
	idle  chan *ldap.Conn
	slots chan struct{} // bounds all connections
}

func newPool(o Options) (*pool, error) {
	u, err := url.Parse(o.URI)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, fmt.Errorf("LDAP: %q is no ldap:// or ldaps:// address", o.URI)
	}
	p := &pool{opts: o, idle: make(chan *ldap.Conn, connections), slots: make(chan struct{}, connections),
		tls: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname(), InsecureSkipVerify: o.Insecure}} //nolint:gosec // the operator says so
	if o.CACert != "" {
		pem, err := os.ReadFile(o.CACert)
		if err != nil {
			return nil, fmt.Errorf("LDAP: certificates: %w", err)
		}
		p.tls.RootCAs = x509.NewCertPool()
		if !p.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("LDAP: %s holds no certificates", o.CACert)
		}
	}
	return p, nil
}

func (p *pool) close() error {
	for {
		select {
		case c := <-p.idle:
			_ = c.Close()
		default:
			return nil
		}
	}
}

func (p *pool) dial() (*ldap.Conn, error) {
	c, err := ldap.DialURL(p.opts.URI, ldap.DialWithDialer(&net.Dialer{Timeout: dialTime}), ldap.DialWithTLSConfig(p.tls))
	if err != nil {
		return nil, fmt.Errorf("LDAP server: %w", err)
	}
	c.SetTimeout(answerTime)
	return c, nil
}

// with runs f with a connection that is bound as ourselves; where one turns out to be broken, once more with a new one.
func (p *pool) with(ctx context.Context, f func(c *ldap.Conn) error) error {
	return p.run(ctx, true, f)
}

// once runs f a single time, for what must not be done twice.
func (p *pool) once(ctx context.Context, f func(c *ldap.Conn) error) error {
	return p.run(ctx, false, f)
}

func (p *pool) run(ctx context.Context, again bool, f func(c *ldap.Conn) error) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		c, old, err := p.take()
		if err != nil {
			return err
		}
		err = f(c)
		if !broken(err) {
			p.idle <- c // there is room: there are no more connections than slots
			return err
		}
		_ = c.Close()
		if !old || !again {
			return fmt.Errorf("LDAP server: %w", err)
		}
	}
}

func (p *pool) take() (c *ldap.Conn, old bool, err error) {
	for range cap(p.idle) {
		select {
		case c := <-p.idle:
			if !c.IsClosing() { // else the server has ended it meanwhile
				return c, true, nil
			}
			_ = c.Close()
		default:
		}
	}
	if c, err = p.dial(); err != nil {
		return nil, false, err
	}
	if p.opts.BindDN != "" {
		if err := c.Bind(p.opts.BindDN, p.opts.BindPassword); err != nil {
			_ = c.Close()
			return nil, false, fmt.Errorf("LDAP server: bind as %s: %w", p.opts.BindDN, err)
		}
	}
	return c, false, nil
}

// broken tells whether a connection is of no more use.
func broken(err error) bool {
	var e *ldap.Error
	if err == nil || !errors.As(err, &e) {
		return err != nil
	}
	return e.ResultCode == ldap.ErrorNetwork || e.ResultCode >= 200 || e.ResultCode == ldap.LDAPResultUnavailable || e.ResultCode == ldap.LDAPResultBusy
}

// search returns what a filter finds, at most limit entries. A base that is not there holds nothing.
func (p *pool) search(ctx context.Context, base string, scope int, filter string, attrs []string, limit int) (out []*ldap.Entry, err error) {
	err = p.with(ctx, func(c *ldap.Conn) error {
		out = nil
		paging := ldap.NewControlPaging(uint32(min(pageSize, limit)))
		for {
			r, err := c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, int(answerTime/time.Second), false, filter, attrs, []ldap.Control{paging}))
			if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
				return nil
			}
			if err != nil {
				return err
			}
			out = append(out, r.Entries...)
			next, ok := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
			if !ok || len(next.Cookie) == 0 {
				return nil
			}
			paging.SetCookie(next.Cookie)
			if len(out) >= limit {
				paging.PagingSize = 0 // we want no more: the server need not remember where we were
				_, _ = c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attrs, []ldap.Control{paging}))
				return nil
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("LDAP search: %w", err)
	}
	return out, nil
}

// check tells whether a password is right, on a connection of its own. identity.ErrCredentials if it is not.
func (p *pool) check(ctx context.Context, dn, password string) error {
	if password == "" {
		return identity.ErrCredentials // a bind without password succeeds for anybody (RFC 4513 §5.1.2)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := p.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	err = c.Bind(dn, password)
	for _, code := range []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultInappropriateAuthentication} {
		if ldap.IsErrorWithCode(err, code) {
			return identity.ErrCredentials
		}
	}
	if err != nil {
		return fmt.Errorf("LDAP server: bind: %w", err)
	}
	return nil
}
