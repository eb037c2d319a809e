package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	"opencloud/internal/identity/factor"
	"opencloud/internal/oidc"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/debug"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/platform/limits"
	"opencloud/internal/platform/log"
	"opencloud/internal/platform/registry"
	"opencloud/internal/platform/service"
	"opencloud/internal/platform/supervise"
	"opencloud/internal/platform/telemetry"
	"opencloud/internal/platform/tlsutil"
	"opencloud/internal/service/gateway"
	"opencloud/internal/service/settings"
	"opencloud/internal/service/sharing"
	"opencloud/internal/storage"
	"opencloud/internal/token"
)

// stopTimeout is how long everything together may take to stop.
const stopTimeout = 4 * time.Second

// Options of a run.
type Options struct {
	Version  string
	Lookup   func(string) (string, bool) // the environment
	Services []string                    // to run; nil: the configured set
}

// stack is what services offer each other while they are being built, and what is needed to run them.
type stack struct {
	opts    Options
	source  *config.Source
	log     *slog.Logger
	metrics *prometheus.Registry

	rt       runtime
	registry *registry.Folder
	closers  []func() error
	tracer   *telemetry.Tracer

	fs        storage.FS
	users     identity.Users
	groups    identity.Groups
	machine   identity.Machine
	login     identity.Authenticator
	appTokens identity.Authenticator
	bearers   people.Bearers
	sessions  *oidc.Store
	factors   *factor.Store
	shared    *sharing.Domain
	loops     []service.Loop // of what services of this process share
	settings  *settings.Store
	prefs     gateway.Settings
	index     db.DB                   // of the storage, where it is opened in this process
	jobsIn    db.DB                   // where the table of jobs is
	dir       directory               // opened in this process: by idm, or by a service that needs more than the clients of others give
	handlers  map[string]http.Handler // web services of this process
}

// runtime is what concerns the process and no service.
type runtime struct {
	Tracing    telemetry.Config `yaml:"tracing"`
	Log        config.Log       `yaml:"log"`
	JWTSecret  string           `yaml:"jwt_secret" env:"OC_JWT_SECRET" global:"token_manager.jwt_secret" secret:"true"`
	MachineKey string           `yaml:"machine_auth_api_key" env:"OC_MACHINE_AUTH_API_KEY" global:"machine_auth_api_key" secret:"true"`
	Insecure   bool             `yaml:"insecure" env:"OC_INSECURE" doc:"Do not check certificates of other services."`
	Host       string           `yaml:"host" env:"OC_RUNTIME_HOST" global:"runtime.host" default:"localhost" doc:"Where this process answers opencloud list."`
	Port       string           `yaml:"port" env:"OC_RUNTIME_PORT" global:"runtime.port" default:"9250" doc:"Port for opencloud list."`
	Run        []string         `yaml:"services" env:"OC_RUN_EXTENSIONS;OC_RUN_SERVICES" global:"runtime.services" doc:"Run exactly these services."`
	Add        []string         `yaml:"add_services" env:"OC_ADD_RUN_SERVICES" global:"runtime.add_services" doc:"Run these beside the usual ones."`
	Exclude    []string         `yaml:"disabled_services" env:"OC_EXCLUDE_RUN_EXTENSIONS;OC_EXCLUDE_RUN_SERVICES" global:"runtime.disabled_services" doc:"Do not run these."`
}

// load reads a service's configuration and makes its logger; warnings are logged.
func load[C any](s *stack, name string) (C, *slog.Logger, error) {
	var c C
	warnings, err := s.source.Load(name, &c)
	for _, w := range warnings {
		s.log.Warn(w)
	}
	if err != nil {
		return c, nil, err
	}
	var own struct {
		Log config.Log `yaml:"log"`
	}
	if _, err := s.source.Load(name, &own); err != nil {
		return c, nil, err
	}
	l, err := log.New(own.Log, name)
	return c, l, err
}

// Run builds and runs services until the context ends.
func Run(ctx context.Context, o Options) error {
	limits.Memory(o.Lookup)
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return err
	}
	var rt runtime
	if _, err := source.Load("opencloud-runtime", &rt); err != nil {
		return err
	}
	logger, err := log.New(warnAtLeast(rt.Log), "opencloud")
	if err != nil {
		return err
	}
	slog.SetDefault(logger) // where libraries write
	for _, w := range source.Unused(sections(), globalKeys) {
		logger.Warn(w)
	}
	s := &stack{opts: o, source: source, log: logger, metrics: prometheus.NewRegistry(), handlers: map[string]http.Handler{}, rt: rt}
	if s.registry, err = registry.Open(filepath.Join(data, "registry")); err != nil {
		return err
	}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo(o.Version))
	if s.tracer, err = telemetry.New(ctx, rt.Tracing, o.Lookup, o.Version); err != nil {
		return err
	}
	s.closers = append(s.closers, s.tracer.Close)
	return s.run(ctx, rt)
}

// warnAtLeast lets configuration warnings through whatever the level of services.
func warnAtLeast(c config.Log) config.Log {
	if strings.EqualFold(c.Level, "error") || c.Level == "" || strings.EqualFold(c.Level, "fatal") || strings.EqualFold(c.Level, "panic") {
		c.Level = "warn"
	}
	return c
}

func buildInfo(version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "opencloud_proxy_build_info", Help: "Always 1; the version is in the label.",
		ConstLabels: prometheus.Labels{"version": version}})
	g.Set(1)
	return g
}

// selection returns which services run, in the order of the table.
func (s *stack) selection(rt runtime) []row {
	var want []string
	switch {
	case s.opts.Services != nil:
		want = s.opts.Services
	case len(rt.Run) > 0:
		want = rt.Run
	default:
		want = append(defaults(), rt.Add...)
		want = slices.DeleteFunc(want, func(n string) bool { return slices.Contains(rt.Exclude, n) })
	}
	var out []row
	for _, r := range table() {
		if slices.Contains(want, r.name) {
			out = append(out, r)
		}
	}
	for _, n := range want {
		if !slices.ContainsFunc(out, func(r row) bool { return r.name == n }) && !slices.Contains(foreign, n) {
			s.log.Warn("there is no service of this name", "service", n)
		}
	}
	return out
}

func (s *stack) run(ctx context.Context, rt runtime) (err error) {
	var units []supervise.Unit
	defer func() {
		for _, c := range slices.Backward(s.closers) {
			err = errors.Join(err, c())
		}
	}()
	group := supervise.New(s.log)
	var errs []error
	for _, r := range s.selection(rt) {
		b, err := r.build(ctx, s)
		if b.parts.Close != nil {
			s.closers = append(s.closers, b.parts.Close)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, err))
			continue
		}
		if len(errs) > 0 {
			continue
		}
		if b.parts.HTTP != nil {
			s.handlers[r.name] = b.parts.HTTP
		}
		u, err := s.units(r.name, &b, rt)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.name, err))
		}
		units = append(units, u...)
	}
	if s.fs != nil && len(errs) == 0 {
		errs = append(errs, s.people(ctx)) // who shared something is looked up by the storage
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if len(units) == 0 {
		return errors.New("no service to run")
	}
	for _, l := range s.loops {
		units = append(units, supervise.Unit{Name: l.Name, Run: l.Run})
	}
	units = append(units, supervise.Unit{Name: "memory", Run: limits.Settle})
	if control := s.control(group, rt); control != nil {
		units = append(units, *control)
	}
	return group.Run(ctx, units, stopTimeout)
}

// units are the listeners and loops of a service.
func (s *stack) units(name string, b *built, rt runtime) (out []supervise.Unit, err error) {
	logger := s.log.With("service", name)
	serve := func(what, addr string, h http.Handler, tc *tls.Config) error {
		l, err := httpd.Listen(addr)
		if err != nil {
			return err
		}
		out = append(out, listener(name+what, l, addr, h, tc, logger))
		return nil
	}
	for _, loop := range b.parts.Loops {
		out = append(out, supervise.Unit{Name: name + ": " + loop.Name, Run: loop.Run})
	}
	if b.debug.Addr != "" {
		h := debug.Handler(debug.Options{Service: name, Version: s.opts.Version, Config: b.config, Debug: b.debug, Ready: b.parts.Ready, Metrics: s.metrics})
		if err := serve(" debug", b.debug.Addr, h, nil); err != nil {
			return nil, err
		}
	}
	if b.parts.GRPC != nil && b.grpc.Addr != "" {
		u, err := s.grpcUnit(name, b, logger)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	if s.opts.Services != nil && b.public == nil {
		n := registry.Node{Service: name, Version: s.opts.Version, TLS: b.http.TLS.Enabled || b.grpc.TLS.Enabled}
		if b.parts.HTTP != nil {
			n.HTTP = reachable(b.http.Addr)
		}
		if b.parts.GRPC != nil {
			n.GRPC = reachable(b.grpc.Addr)
		}
		out = append(out, supervise.Unit{Name: name + " registration", Run: func(ctx context.Context) error { return s.registry.Keep(ctx, n) }})
	}
	if p := b.public; p != nil {
		var tc *tls.Config
		if p.TLS {
			if tc, err = tlsutil.Server(p.TLSCert, p.TLSKey); err != nil {
				return nil, err
			}
		}
		err = serve("", p.Addr, s.tracer.HTTP(name, b.parts.HTTP), tc)
		return out, err
	}
	if b.parts.HTTP == nil || b.http.Addr == "" {
		return out, nil
	}
	tokens, err := token.New([]byte(rt.JWTSecret))
	if err != nil {
		return nil, err
	}
	var tc *tls.Config
	if b.http.TLS.Enabled {
		if tc, err = tlsutil.Server(b.http.TLS.Cert, b.http.TLS.Key); err != nil {
			return nil, err
		}
	}
	// Who comes over the network must prove who he is; in the same process the proxy has done that.
	err = serve(" web", b.http.Addr, s.tracer.HTTP(name, token.HTTP(tokens)(b.parts.HTTP)), tc)
	return out, err
}

// grpcUnit is the gRPC listener of a service: who calls must prove who he is.
func (s *stack) grpcUnit(name string, b *built, logger *slog.Logger) (supervise.Unit, error) {
	tokens, err := token.New([]byte(s.rt.JWTSecret))
	if err != nil {
		return supervise.Unit{}, fmt.Errorf("token_manager.jwt_secret: %w", err)
	}
	var tc *tls.Config
	if b.grpc.TLS.Enabled {
		if tc, err = tlsutil.Server(b.grpc.TLS.Cert, b.grpc.TLS.Key); err != nil {
			return supervise.Unit{}, err
		}
	}
	l, err := grpcd.Listen(b.grpc.Protocol, b.grpc.Addr)
	if err != nil {
		return supervise.Unit{}, err
	}
	return supervise.Unit{Name: name + " api", Run: func(ctx context.Context) error {
		if l == nil {
			if l, err = grpcd.Listen(b.grpc.Protocol, b.grpc.Addr); err != nil {
				return err
			}
		}
		here := l
		l = nil
		return grpcd.Serve(ctx, here, tc, logger, b.parts.GRPC, grpc.UnaryInterceptor(token.UnaryServer(tokens)), grpc.StreamInterceptor(token.StreamServer(tokens)))
	}}, nil
}

// listener serves on l at first, and opens the address anew when it was started again.
func listener(name string, l net.Listener, addr string, h http.Handler, tc *tls.Config, logger *slog.Logger) supervise.Unit {
	return supervise.Unit{Name: name, Run: func(ctx context.Context) error {
		if l == nil {
			var err error
			if l, err = httpd.Listen(addr); err != nil {
				return err
			}
		}
		here := l
		l = nil
		return httpd.ServeListener(ctx, here, h, tc, logger)
	}}
}
