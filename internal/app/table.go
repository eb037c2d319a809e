// Package app puts the services together: which there are, who needs whom, and whether they speak to each other by Go calls
// (one process) or over the network.
package app

import (
	"context"
	"net/http"
	"time"

	"opencloud/internal/cs3/preferences"
	"opencloud/internal/job"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
	authapp "opencloud/internal/service/auth-app"
	authbasic "opencloud/internal/service/auth-basic"
	authbearer "opencloud/internal/service/auth-bearer"
	authmachine "opencloud/internal/service/auth-machine"
	authservice "opencloud/internal/service/auth-service"
	"opencloud/internal/service/frontend"
	"opencloud/internal/service/gateway"
	"opencloud/internal/service/graph"
	"opencloud/internal/service/groups"
	"opencloud/internal/service/idp"
	"opencloud/internal/service/ocdav"
	"opencloud/internal/service/ocs"
	"opencloud/internal/service/proxy"
	"opencloud/internal/service/settings"
	"opencloud/internal/service/sharing"
	storagepubliclink "opencloud/internal/service/storage-publiclink"
	storageshares "opencloud/internal/service/storage-shares"
	storagesystem "opencloud/internal/service/storage-system"
	storageusers "opencloud/internal/service/storage-users"
	"opencloud/internal/service/users"
	"opencloud/internal/service/web"
	"opencloud/internal/service/webfinger"
	"opencloud/internal/token"
	client "opencloud/web"
)

// row is one service: its name, and how it is built from its configuration and what others offer.
type row struct {
	name  string
	build func(ctx context.Context, s *stack) (built, error)
}

// built is a service ready to be started.
type built struct {
	parts  service.Parts
	config any
	http   config.HTTP
	grpc   config.GRPC
	debug  config.Debug
	// public is set for the listener that clients see: nobody has authenticated them yet.
	public *proxy.Listener
}

// table lists the services in the order in which they are started: each after those it needs.
func table() []row {
	return []row{
		{"idm", buildIdm},
		{"storage-users", buildStorageUsers},
		{"users", buildUsers},
		{"groups", buildGroups},
		{"auth-basic", buildAuthBasic},
		{"auth-machine", buildAuthMachine},
		{"auth-app", buildAuthApp},
		{"auth-service", buildAuthService},
		{"settings", buildSettings},
		{"idp", buildIdp},
		{"auth-bearer", buildAuthBearer},
		{"webfinger", buildWebfinger},
		{"sharing", buildSharing},
		{"ocdav", buildOcdav},
		{"storage-shares", buildStorageShares},
		{"storage-publiclink", buildStoragePublicLink},
		{"storage-system", buildStorageSystem},
		{"gateway", buildGateway},
		{"frontend", buildFrontend},
		{"ocs", buildOcs},
		{"graph", buildGraph},
		{"web", buildWeb},
		{"proxy", buildProxy},
	}
}

func buildStorageUsers(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[storageusers.Config](s, "storage-users")
	if err != nil {
		return built{}, err
	}
	st, err := storageusers.Open(ctx, cfg, log, s.groupsOf)
	if err != nil {
		return built{}, err
	}
	s.fs, s.index, s.jobsIn = st.View(cfg), st.Database(), st.Database()
	parts, err := storageusers.New(ctx, cfg, storageusers.Deps{Storage: st, Log: log, Metrics: s.metrics})
	return built{parts: parts, config: cfg, http: cfg.HTTP, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildOcdav(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[ocdav.Config](s, "ocdav")
	if err != nil {
		return built{}, err
	}
	fs, shared, err := s.entered(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := ocdav.New(ctx, cfg, ocdav.Deps{FS: fs, Log: log, Links: shared.Links})
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildUsers(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[users.Config](s, "users")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	parts, err := users.New(ctx, cfg, users.Deps{Users: s.users})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildGroups(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[groups.Config](s, "groups")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	parts, err := groups.New(ctx, cfg, groups.Deps{Groups: s.groups})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildAuthBasic(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[authbasic.Config](s, "auth-basic")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	parts, err := authbasic.New(ctx, cfg, authbasic.Deps{Login: s.login})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildAuthMachine(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[authmachine.Config](s, "auth-machine")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	parts, err := authmachine.New(ctx, cfg, authmachine.Deps{Machine: s.machine})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildAuthApp(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[authapp.Config](s, "auth-app")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	store, err := authapp.Open(ctx, cfg, s.machine, log)
	if err != nil {
		return built{}, err
	}
	s.appTokens = store
	s.dir.OnPurge(store.DeleteAll)
	parts, err := authapp.New(ctx, cfg, authapp.Deps{Store: store, Users: s.users, Log: log})
	return built{parts: parts, config: cfg, http: cfg.HTTP, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildAuthService(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[authservice.Config](s, "auth-service")
	if err != nil {
		return built{}, err
	}
	parts, err := authservice.New(ctx, cfg)
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildSettings(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[settings.Config](s, "settings")
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	store, err := s.chosen(ctx)
	if err != nil {
		return built{}, err
	}
	s.dir.OnPurge(store.DeleteValues)
	s.prefs = preferences.NewServer(store.Settings)
	parts, err := settings.New(ctx, cfg, settings.Deps{Store: store, Log: log})
	return built{parts: parts, config: cfg, http: cfg.HTTP, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildIdp(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[idp.Config](s, "idp")
	if err == nil {
		err = cfg.ReadSecret()
	}
	if err == nil {
		err = s.directory(ctx)
	}
	if err != nil {
		return built{}, err
	}
	keys, err := signingKeys(cfg)
	if err != nil {
		return built{}, err
	}
	store, err := s.signIns(ctx)
	if err != nil {
		return built{}, err
	}
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	provider, err := oidc.New(oidc.Options{Issuer: cfg.Issuer, Clients: cfg.Clients, Keys: keys, Store: store, Accounts: s.dir, AccessTTL: seconds(cfg.AccessTokenSeconds),
		IDTTL: seconds(cfg.IDTokenSeconds), RefreshTTL: seconds(cfg.RefreshTokenSeconds), Secret: idp.Seal(cfg.EncryptionSecret, "engine")})
	if err != nil {
		return built{}, err
	}
	factors, err := s.secondFactors(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := idp.New(ctx, cfg, idp.Deps{Provider: provider, Login: s.login, Accounts: s.dir, Factors: factors, Log: log})
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildSharing(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[sharing.Config](s, "sharing")
	if err != nil {
		return built{}, err
	}
	d, err := s.sharing(ctx)
	if err != nil {
		return built{}, err
	}
	events, err := s.events(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := sharing.New(ctx, cfg, sharing.Deps{Domain: d, Events: events, Log: log})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildStorageShares(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[storageshares.Config](s, "storage-shares")
	if err != nil {
		return built{}, err
	}
	fs, _, err := s.entered(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := storageshares.New(ctx, cfg, storageshares.Deps{FS: fs})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildStoragePublicLink(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[storagepubliclink.Config](s, "storage-publiclink")
	if err != nil {
		return built{}, err
	}
	fs, shared, err := s.entered(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := storagepubliclink.New(ctx, cfg, storagepubliclink.Deps{FS: fs, Links: shared.Links})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildStorageSystem(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[storagesystem.Config](s, "storage-system")
	if err != nil {
		return built{}, err
	}
	parts, err := storagesystem.New(ctx, cfg, storagesystem.Deps{Log: log})
	return built{parts: parts, config: cfg, http: cfg.HTTP, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildGateway(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[gateway.Config](s, "gateway")
	if err != nil {
		return built{}, err
	}
	front, _, err := load[proxy.Config](s, "proxy")
	if err != nil {
		return built{}, err
	}
	tokens, err := token.New([]byte(s.rt.JWTSecret))
	if err != nil {
		return built{}, err
	}
	fs, shared, err := s.entered(ctx)
	if err != nil {
		return built{}, err
	}
	services, err := s.services()
	if err != nil {
		return built{}, err
	}
	prefs, err := s.preferences()
	if err != nil {
		return built{}, err
	}
	parts, err := gateway.New(ctx, cfg, gateway.Deps{FS: fs, Users: s.users, Groups: s.groups, Login: s.login, Machine: s.machine, Tokens: tokens, AppTokens: s.appTokens, Services: services, Bearers: s.bearers,
		Sharing: shared.Server(), Links: shared.Links, Settings: prefs, Home: proxy.Homes(front, fs)})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildOcs(ctx context.Context, s *stack) (built, error) {
	cfg, _, err := load[ocs.Config](s, "ocs")
	if err != nil {
		return built{}, err
	}
	parts, err := ocs.New(ctx, cfg)
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildFrontend(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[frontend.Config](s, "frontend")
	if err != nil {
		return built{}, err
	}
	fs, shared, err := s.entered(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := frontend.New(ctx, cfg, frontend.Deps{FS: fs, Users: s.users, Groups: s.groups, Log: log, Shares: shared.Shares, Links: shared.Links, Machine: s.machine})
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildGraph(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[graph.Config](s, "graph")
	if err != nil {
		return built{}, err
	}
	fs, err := s.storage()
	if err == nil {
		err = s.people(ctx)
	}
	if err != nil {
		return built{}, err
	}
	sessions, err := s.signIns(ctx) // opens the directory
	if err != nil {
		return built{}, err
	}
	if s.jobsIn == nil {
		s.jobsIn = s.dir.Database()
	}
	jobs, err := job.NewStore(ctx, s.jobsIn)
	if err != nil {
		return built{}, err
	}
	factors, err := s.secondFactors(ctx)
	if err != nil {
		return built{}, err
	}
	shared, err := s.sharing(ctx)
	if err != nil {
		return built{}, err
	}
	parts, err := graph.New(ctx, cfg, graph.Deps{Factors: factorAdmin{factors}, Spaces: fs, Reader: fs, Writer: fs, Trash: fs, Favorites: fs, Tagger: fs, Users: s.users, Groups: s.groups, Log: log, Accounts: s.dir, Records: s.dir,
		Login: s.login, Machine: s.machine, Jobs: jobs, Sessions: sessions, Shares: shared.Shares, Links: shared.Links, OnGroupDeleted: shared.ForgetGroup})
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildProxy(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[proxy.Config](s, "proxy")
	if err != nil {
		return built{}, err
	}
	tokens, err := token.New([]byte(cfg.JWTSecret))
	if err != nil {
		return built{}, err
	}
	local := map[string]http.Handler{}
	for name, h := range s.handlers {
		local[name] = h
	}
	fs, err := s.storage()
	if err == nil {
		err = s.people(ctx)
	}
	if err != nil {
		return built{}, err
	}
	sessions, err := s.signIns(ctx)
	if err != nil {
		return built{}, err
	}
	factors, err := s.secondFactors(ctx)
	if err != nil {
		return built{}, err
	}
	shared, err := s.sharing(ctx)
	if err != nil {
		return built{}, err
	}
	deps := proxy.Deps{Links: shared.Links, Factors: factors, Log: log, Metrics: s.metrics, Login: s.login, AppTokens: s.appTokens, Machine: s.machine, Accounts: s.dir, Groups: s.dir, Sessions: sessions,
		Spaces: fs, Local: local, Resolve: s.resolve, Tokens: tokens}
	parts, err := proxy.New(ctx, cfg, deps)
	return built{parts: parts, config: cfg, debug: cfg.Debug, public: &cfg.HTTP}, err
}

// buildAuthBearer accepts the access tokens that the proxy accepts.
func buildAuthBearer(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[authbearer.Config](s, "auth-bearer")
	if err != nil {
		return built{}, err
	}
	b, err := s.bearer(ctx, log)
	if err != nil {
		return built{}, err
	}
	s.bearers = b
	parts, err := authbearer.New(ctx, cfg, authbearer.Deps{Bearer: b})
	return built{parts: parts, config: cfg, grpc: cfg.GRPC, debug: cfg.Debug}, err
}

func buildWebfinger(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[webfinger.Config](s, "webfinger")
	if err != nil {
		return built{}, err
	}
	b, err := s.bearer(ctx, log)
	if err != nil {
		return built{}, err
	}
	parts, err := webfinger.New(ctx, cfg, webfinger.Deps{Log: log, Bearer: b})
	return built{parts: parts, config: cfg, http: cfg.HTTP, debug: cfg.Debug}, err
}

func buildWeb(ctx context.Context, s *stack) (built, error) {
	cfg, log, err := load[web.Config](s, "web")
	if err != nil {
		return built{}, err
	}
	parts, err := web.New(ctx, cfg, web.Deps{Client: client.Dist(), ConfigDir: s.source.Dir, Log: log})
	return built{parts: parts, config: cfg, http: cfg.HTTP.HTTP, debug: cfg.Debug}, err
}
