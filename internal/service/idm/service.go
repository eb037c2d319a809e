// Package idm is the embedded directory: the people and groups of this server.
package idm

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"opencloud/internal/identity"
	"opencloud/internal/identity/directory"
	"opencloud/internal/identity/ldapview"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/platform/tlsutil"
)

// Directory is the opened directory.
type Directory struct {
	*directory.Directory
	db db.DB
}

// Open opens the directory, and fills a new one.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Directory, error) {
	passwords, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 4})
	if err != nil {
		return nil, err
	}
	dir, err := directory.New(ctx, d, directory.Options{Issuer: cfg.Issuer, LoginByMail: cfg.LoginByMail, Passwords: passwords})
	if err == nil {
		err = dir.Bootstrap(ctx, directory.Bootstrap{AdminID: cfg.AdminUserID, AdminPassword: cfg.ServiceUserPasswords.Admin, DemoUsers: cfg.DemoUsers})
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Directory{dir, d}, nil
}

// Database is where the directory lies, for what else is kept of its people.
func (d *Directory) Database() db.DB { return d.db }

// Close releases the database.
func (d *Directory) Close() error { return d.db.Close() }

// Deps are what the service speaks to.
type Deps struct {
	Directory *Directory
	// Login checks people's passwords at the LDAP listener.
	Login identity.Authenticator
	Log   *slog.Logger
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	ready := service.Check{Name: "directory", Run: func(ctx context.Context) error {
		return deps.Directory.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	view := ldapview.New(ldapview.Options{Directory: deps.Directory, Login: deps.Login, Service: cfg.servicePassword, Log: deps.Log})
	parts := service.Parts{Ready: []service.Check{ready}, Close: deps.Directory.Close}
	if cfg.LDAP.LDAPSAddr != "" {
		tc, err := tlsutil.Server(cfg.LDAP.Cert, cfg.LDAP.Key)
		if err != nil {
			return service.Parts{}, err
		}
		tc.NextProtos = nil
		parts.Loops = append(parts.Loops, service.Loop{Name: "ldaps", Run: listen(view, cfg.LDAP.LDAPSAddr, tc)})
	}
	if cfg.LDAP.Addr != "" {
		parts.Loops = append(parts.Loops, service.Loop{Name: "ldap", Run: listen(view, cfg.LDAP.Addr, nil)})
	}
	return parts, nil
}

func listen(view *ldapview.Server, addr string, tc *tls.Config) func(context.Context) error {
	return func(ctx context.Context) error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		return view.Serve(ctx, l, tc)
	}
}

// servicePassword tells whether this is the configured password of a service account; accounts without one are closed.
func (c Config) servicePassword(name, password string) bool {
	want := map[string]string{"libregraph": c.ServiceUserPasswords.Idm, "reva": c.ServiceUserPasswords.Reva, "idp": c.ServiceUserPasswords.Idp}[name]
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}
