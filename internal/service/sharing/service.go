// Package sharing offers shares and links to CS3 programs, and keeps what there is of them beside the storage's index.
package sharing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	cs3 "opencloud/internal/cs3/sharing"
	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/platform/adminsock"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/service"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Domain is what sharing means in this process.
type Domain struct {
	Shares *share.Service
	Links  *link.Service

	db       db.DB
	fs       storage.FS
	people   People
	received *share.Store
	links    *link.Store
}

// People are who shares, and with whom.
type People struct {
	Users   identity.Users
	Groups  identity.Groups
	Machine identity.Machine
	// AutoAccept tells what the actor chose about taking shares without being asked; nil: nobody chooses.
	AutoAccept func(ctx context.Context) (yes, set bool, err error)
}

// Open opens the database of shares and links.
func Open(ctx context.Context, cfg Config, fs storage.FS, p People, log *slog.Logger) (*Domain, error) {
	policy, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, cfg.Database, db.Options{Log: log})
	if err != nil {
		return nil, err
	}
	out := &Domain{db: d, fs: fs, people: p}
	if out.received, err = share.NewStore(ctx, d); err == nil {
		out.links, err = link.NewStore(ctx, d)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	out.Shares = share.New(share.Options{FS: fs, Users: p.Users, Groups: p.Groups, Store: out.received,
		AutoAccept: func(ctx context.Context, _ string) bool {
			if p.AutoAccept != nil {
				if yes, set, err := p.AutoAccept(ctx); err == nil && set {
					return yes
				}
			}
			return cfg.AutoAccept
		}})
	out.Links = link.New(link.Options{FS: fs, Machine: p.Machine, Store: out.links, Rules: link.Rules{Policy: policy, MustHave: cfg.MustHave, WriteMustHave: cfg.WriteMustHave}})
	return out, nil
}

// Bequeath keeps what somebody shared in projects when his account is about to be removed for good.
func (d *Domain) Bequeath(ctx context.Context, userID string) error {
	return d.fs.Bequeath(asService(ctx), userID)
}

// Forget removes all that was shared with somebody whose account is removed for good, and his links.
func (d *Domain) Forget(ctx context.Context, userID string) error {
	return errors.Join(d.fs.DropGrantee(asService(ctx), space.UserGrantee, userID), d.received.ForgetUser(ctx, userID), d.links.ForgetUser(ctx, userID))
}

// ForgetGroup removes all that was shared with a group that is no more.
func (d *Domain) ForgetGroup(ctx context.Context, groupID string) error {
	return d.fs.DropGrantee(asService(ctx), space.GroupGrantee, groupID)
}

func asService(ctx context.Context) context.Context {
	return identity.WithActor(ctx, identity.Actor{Kind: identity.Service})
}

// Close releases the database.
func (d *Domain) Close() error {
	return errors.Join(d.links.Flush(context.Background()), d.db.Close())
}

// Server offers the shares and links to CS3 programs.
func (d *Domain) Server() *cs3.Server { return cs3.NewServer(d.Shares, d.Links) }

// Counting writes down how often links are used; it runs in every process that opens links.
func (d *Domain) Counting() service.Loop { return service.Loop{Name: "use of links", Run: d.links.Run} }

// Database is where shares and links are, and an outbox of events.
func (d *Domain) Database() db.DB { return d.db }

// Deps are what the service speaks to.
type Deps struct {
	Domain *Domain
	Events *event.Feed // of this installation
	Log    *slog.Logger
}

// New returns the service's parts.
func New(_ context.Context, cfg Config, deps Deps) (service.Parts, error) {
	d := deps.Domain
	ready := service.Check{Name: "database", Run: func(ctx context.Context) error {
		return d.db.Read(ctx, func(db.Reader) error { return nil })
	}}
	return service.Parts{GRPC: func(r grpc.ServiceRegistrar) { d.Server().Register(r) }, Ready: []service.Check{ready}, Loops: []service.Loop{
		service.Periodically("cleaning up shares and links", firstClean, cleanEvery, deps.Log, func(ctx context.Context) error { _, err := d.Cleanup(ctx); return err }),
		service.Periodically("expired links", expireEvery, expireEvery, deps.Log, func(ctx context.Context) error { _, err := d.links.ForgetExpired(ctx, time.Now()); return err }),
		service.Periodically("old events", firstClean, cleanEvery, deps.Log, func(ctx context.Context) error {
			return deps.Events.Prune(ctx, cfg.Events.Age, cfg.Events.Count)
		}),
		adminsock.Loop(cfg.AdminSocket, adminHandler(Local{d, deps.Events}), deps.Log)}}, nil
}
