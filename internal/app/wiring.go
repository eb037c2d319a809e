package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/cs3/preferences"
	"opencloud/internal/cs3/provider"
	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/identity/login"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/platform/registry"
	authservice "opencloud/internal/service/auth-service"
	"opencloud/internal/service/gateway"
	"opencloud/internal/service/idm"
	"opencloud/internal/service/proxy"
	"opencloud/internal/service/settings"
	"opencloud/internal/service/sharing"
	storageusers "opencloud/internal/service/storage-users"
	"opencloud/internal/storage"
	"opencloud/internal/storage/entrance"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

// The two wirings. What runs in this process is handed over as it is; what does not is reached over the network, by a
// client that satisfies the same interface. No service can tell which one it got.

// storage returns the storage of people's spaces.
func (s *stack) storage() (storage.FS, error) {
	if s.fs != nil {
		return s.fs, nil
	}
	cfg, _, err := load[storageusers.Config](s, "storage-users")
	if err != nil {
		return nil, err
	}
	conn, err := s.dial("storage-users", cfg.GRPC)
	if err != nil {
		return nil, err
	}
	signer, err := transfer.NewSigner([]byte(cfg.TransferSecret))
	if err != nil {
		return nil, err
	}
	data := cfg.DataServerURL
	if n, err := s.registry.Lookup("storage-users"); err == nil && n.HTTP != "" {
		data = scheme(n.TLS) + n.HTTP + "/data"
	}
	find := s.finder("storage-users", "tcp", "", func(n registry.Node) string { return n.HTTP })
	s.fs = provider.NewClient(conn, data, signer, &http.Client{Transport: &http.Transport{DialContext: find, TLSClientConfig: s.verify(),
		MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}})
	return s.fs, nil
}

func scheme(tls bool) string {
	if tls {
		return "https://"
	}
	return "http://"
}

// people fills in the directory: its own where it runs, clients of the services else.
func (s *stack) people(ctx context.Context) error {
	if s.users != nil {
		return nil
	}
	self := people.Self("opencloud")
	conns := map[string]*grpc.ClientConn{}
	for name, port := range map[string]string{"users": "9144", "groups": "9160", "auth-basic": "9146", "auth-machine": "9166"} {
		cfg, err := listenerOf(s, name, port)
		if err != nil {
			return err
		}
		if conns[name], err = s.dial(name, cfg); err != nil {
			return err
		}
	}
	s.users, s.groups = people.NewUsers(conns["users"], self), people.NewGroups(conns["groups"], self)
	s.login = people.NewBasic(conns["auth-basic"], self)
	s.machine = people.NewMachine(conns["auth-machine"], self, s.rt.MachineKey)
	return s.programs()
}

// programs fills in who checks app tokens.
func (s *stack) programs() error {
	if s.appTokens != nil {
		return nil
	}
	cfg, err := listenerOf(s, "auth-app", "9246")
	if err != nil {
		return err
	}
	conn, err := s.dial("auth-app", cfg)
	if err != nil {
		return err
	}
	s.appTokens = people.NewBasic(conn, people.Self("opencloud"))
	return nil
}

// bearer recognises the access tokens that the proxy recognises.
func (s *stack) bearer(ctx context.Context, log *slog.Logger) (*proxy.Bearer, error) {
	front, _, err := load[proxy.Config](s, "proxy")
	if err == nil {
		err = s.people(ctx)
	}
	if err != nil {
		return nil, err
	}
	sessions, err := s.signIns(ctx)
	if err != nil {
		return nil, err
	}
	return proxy.NewBearer(front, proxy.Deps{Log: log, Machine: s.machine, Accounts: s.dir, Groups: s.dir, Sessions: sessions, Local: maps.Clone(s.handlers), Resolve: s.resolve})
}

// services returns who checks service accounts: by the configuration that auth-service has too.
func (s *stack) services() (people.ServiceAccounts, error) {
	cfg, _, err := load[authservice.Config](s, "auth-service")
	if err != nil {
		return nil, err
	}
	return authservice.NewAccounts(cfg.Account)
}

// listenerOf reads where a service's gRPC listener is configured to be.
func listenerOf(s *stack, name, port string) (config.GRPC, error) {
	var c struct {
		GRPC config.GRPC `yaml:"grpc"`
	}
	if _, err := s.source.Load(name, &c); err != nil {
		return c.GRPC, err
	}
	if c.GRPC.Addr == "" {
		c.GRPC.Addr = "127.0.0.1:" + port
	}
	return c.GRPC, nil
}

// dial connects to a service in another process; the actor of each call goes along as token.
func (s *stack) dial(name string, cfg config.GRPC) (*grpc.ClientConn, error) {
	tokens, err := token.New([]byte(s.rt.JWTSecret))
	if err != nil {
		return nil, fmt.Errorf("token_manager.jwt_secret: %w", err)
	}
	encrypted := cfg.TLS.Enabled
	if n, err := s.registry.Lookup(name); err == nil && n.GRPC != "" {
		encrypted = n.TLS
	}
	var tc *tls.Config
	if encrypted {
		tc = s.verify()
	}
	find := s.finder(name, cfg.Protocol, cfg.Addr, func(n registry.Node) string { return n.GRPC })
	where := func(ctx context.Context, _ string) (net.Conn, error) { return find(ctx, "", "") }
	conn, err := grpcd.Dial(cfg.Addr, tc, grpc.WithContextDialer(where), grpc.WithUnaryInterceptor(token.UnaryClient(tokens)), grpc.WithStreamInterceptor(token.StreamClient(tokens)))
	if err == nil {
		s.closers = append(s.closers, conn.Close)
	}
	return conn, err
}

// verify is how the certificates of other services are checked.
func (s *stack) verify() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.rt.Insecure} //nolint:gosec // OC_INSECURE says so
}

// finder returns a dialer that asks anew for every connection where a service is: it may have moved. Without a registered
// node it dials the fallback, or (when that is empty) what it was asked to.
func (s *stack) finder(name, network, fallback string, of func(registry.Node) string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, asked string) (net.Conn, error) {
		addr, kind := asked, network
		if fallback != "" {
			addr = fallback
		}
		if n, err := s.registry.Lookup(name); err == nil && of(n) != "" {
			addr, kind = of(n), "tcp"
		}
		if strings.HasPrefix(addr, "/") {
			kind = "unix"
		}
		var d net.Dialer
		return d.DialContext(ctx, kind, addr)
	}
}

// directory opens the directory of this installation in this process: services of the directory need it itself. Only idm
// fills a new one.
func (s *stack) directory(ctx context.Context) error {
	if err := s.opened(ctx); err != nil {
		return err
	}
	if s.users == nil {
		s.here(s.dir)
	}
	return nil
}

// opened opens the directory for what the clients of its services do not offer; they go on to be asked for the rest.
func (s *stack) opened(ctx context.Context) error {
	if s.dir != nil {
		return nil
	}
	cfg, log, err := load[idm.Config](s, "idm")
	if err != nil {
		return err
	}
	d, err := openDirectory(ctx, cfg, s.rt, log)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, d.Close)
	s.dir = d
	return nil
}

// chosen returns what people have set.
func (s *stack) chosen(ctx context.Context) (*settings.Store, error) {
	if s.settings != nil {
		return s.settings, nil
	}
	cfg, log, err := load[settings.Config](s, "settings")
	if err == nil {
		err = s.opened(ctx)
	}
	if err != nil {
		return nil, err
	}
	if s.settings, err = settings.Open(ctx, cfg, s.dir, log); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.settings.Close)
	return s.settings, nil
}

// sharing returns the shares and links.
func (s *stack) sharing(ctx context.Context) (*sharing.Domain, error) {
	if s.shared != nil {
		return s.shared, nil
	}
	cfg, log, err := load[sharing.Config](s, "sharing")
	if err != nil {
		return nil, err
	}
	fs, err := s.storage()
	if err == nil {
		err = s.people(ctx)
	}
	if err != nil {
		return nil, err
	}
	chosen, err := s.chosen(ctx)
	if err != nil {
		return nil, err
	}
	d, err := sharing.Open(ctx, cfg, fs, sharing.People{Users: s.users, Groups: s.groups, Machine: s.machine, AutoAccept: chosen.AutoAccept}, log)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, d.Close)
	s.loops = append(s.loops, d.Counting())
	if s.dir != nil {
		s.dir.OnLeave(d.Bequeath)
		s.dir.OnPurge(d.Forget)
	}
	s.shared = d
	return d, nil
}

// events returns the feed of what happens in this installation: in the storage's index, and in the database of shares and links.
func (s *stack) events(ctx context.Context) (*event.Feed, error) {
	shared, err := s.sharing(ctx)
	if err != nil {
		return nil, err
	}
	if s.index == nil {
		cfg, log, err := load[storageusers.Config](s, "storage-users")
		if err != nil {
			return nil, err
		}
		if s.index, err = db.Open(ctx, cfg.Database, db.Options{Log: log, Readers: 1}); err != nil {
			return nil, err
		}
		s.closers = append(s.closers, s.index.Close)
	}
	index, err := event.Open(ctx, s.index)
	if err != nil {
		return nil, err
	}
	others, err := event.Open(ctx, shared.Database())
	if err != nil {
		return nil, err
	}
	return event.NewFeed(s.log, index, others), nil
}

// preferences returns who answers for permissions and preferences.
func (s *stack) preferences() (gateway.Settings, error) {
	if s.prefs != nil {
		return s.prefs, nil
	}
	cfg, err := listenerOf(s, "settings", "9191")
	if err != nil {
		return nil, err
	}
	conn, err := s.dial("settings", cfg)
	if err != nil {
		return nil, err
	}
	s.prefs = preferences.NewClient(conn)
	return s.prefs, nil
}

// entered returns the storage with the ways into it: what people received, and links.
func (s *stack) entered(ctx context.Context) (storage.FS, *sharing.Domain, error) {
	fs, err := s.storage()
	if err != nil {
		return nil, nil, err
	}
	d, err := s.sharing(ctx)
	if err != nil {
		return nil, nil, err
	}
	return entrance.New(fs, d.Shares, d.Links), d, nil
}

// groupsOf asks the directory, which is opened after the storage.
func (s *stack) groupsOf(ctx context.Context, userID string) ([]string, error) {
	if s.users == nil {
		return nil, fmt.Errorf("%w: the directory is not there", storage.ErrUnavailable)
	}
	ctx = identity.WithActor(ctx, identity.Actor{Kind: identity.Service})
	groups, err := s.users.GroupsOf(ctx, userID)
	if errors.Is(err, identity.ErrNotFound) {
		err = nil
	}
	return groups, err
}

// signIns returns the sign-ins at our own provider; they lie beside the directory.
func (s *stack) signIns(ctx context.Context) (*oidc.Store, error) {
	if s.sessions == nil {
		if err := s.opened(ctx); err != nil {
			return nil, err
		}
		var err error
		if s.sessions, err = oidc.NewStore(ctx, s.dir.Database()); err != nil {
			return nil, err
		}
		s.dir.OnPurge(s.sessions.Forget)
	}
	return s.sessions, nil
}

// here makes a directory of this process the one that all its services use.
func (s *stack) here(d directory) {
	s.dir = d
	s.users, s.groups, s.machine, s.login = d, d, d, login.New(d)
}

// resolve finds the web listener of a service in another process.
func (s *stack) resolve(_ context.Context, name string) (*url.URL, error) {
	n, err := s.registry.Lookup(name)
	if errors.Is(err, registry.ErrNone) || err == nil && n.HTTP == "" {
		return nil, proxy.ErrNoService
	}
	if err != nil {
		return nil, err
	}
	return url.Parse(scheme(n.TLS) + n.HTTP)
}

// reachable turns the address of a listener into one that others can call.
func reachable(addr string) string {
	for _, any := range []string{"0.0.0.0:", "[::]:", ":"} {
		if rest, ok := strings.CutPrefix(addr, any); ok {
			return "127.0.0.1:" + rest
		}
	}
	return addr
}

var _ identity.Users = (*people.Users)(nil)
