package idm

import (
	"context"
	"errors"
	"log/slog"

	"opencloud/internal/identity/ldapdir"
	"opencloud/internal/identity/profile"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
)

// External is somebody else's directory, with what this server keeps of its people in a database of its own.
type External struct {
	*ldapdir.Directory
	db db.DB
}

// Connect opens an external directory. Its server need not be there yet.
func Connect(ctx context.Context, cfg Config, log *slog.Logger) (*External, error) {
	passwords, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 4})
	if err != nil {
		return nil, err
	}
	profiles, err := profile.New(ctx, d)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	o := cfg.Client.options()
	o.Issuer, o.Passwords, o.Profiles = cfg.Issuer, passwords, profiles
	dir, err := ldapdir.New(o)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &External{dir, d}, nil
}

// Database is where lies what is kept of the directory's people.
func (d *External) Database() db.DB { return d.db }

// Close ends the connections and releases the database.
func (d *External) Close() error { return errors.Join(d.Directory.Close(), d.db.Close()) }

// Parts are what the service consists of where the directory is somebody else's.
func (d *External) Parts() service.Parts {
	return service.Parts{Ready: []service.Check{{Name: "LDAP server", Run: d.Ready}}, Close: d.Close}
}
