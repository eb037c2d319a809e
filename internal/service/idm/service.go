// Package idm is the embedded directory: the people and groups of this server.
package idm

import (
	"context"
	"errors"
	"log/slog"

	"opencloud/internal/identity/directory"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
)

// Directory is the opened directory.
type Directory struct {
	*directory.Directory
	db db.DB
}

// Open opens the directory, and fills a new one.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Directory, error) {
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 4})
	if err != nil {
		return nil, err
	}
	dir, err := directory.New(ctx, d, directory.Options{Issuer: cfg.Issuer, LoginByMail: cfg.LoginByMail})
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

// ResetPassword sets somebody's password, for the command line.
func ResetPassword(ctx context.Context, cfg Config, log *slog.Logger, user, password string) error {
	d, err := Open(ctx, cfg, log)
	if err != nil {
		return err
	}
	u, err := d.UserBy(ctx, "username", user)
	if err == nil {
		err = d.SetPassword(ctx, u.ID, password)
	}
	return errors.Join(err, d.Close())
}

// Deps are what the service speaks to.
type Deps struct{ Directory *Directory }

// New returns the service's parts.
func New(_ context.Context, _ Config, deps Deps) (service.Parts, error) {
	ready := service.Check{Name: "directory", Run: func(ctx context.Context) error {
		return deps.Directory.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	return service.Parts{Ready: []service.Check{ready}, Close: deps.Directory.Close}, nil
}
