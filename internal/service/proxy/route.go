package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Policy is a named set of routes.
type Policy struct {
	Name   string  `yaml:"name"`
	Routes []Route `yaml:"routes"`
}

// Route sends requests to a service or to a program outside. (spec/identity.md §5.1)
type Route struct {
	Type     string `yaml:"type" doc:"prefix (default), regex (anchored at the start of the path) or query."`
	Method   string `yaml:"method" doc:"HTTP method; empty: all."`
	Endpoint string `yaml:"endpoint"`
	Backend  string `yaml:"backend" doc:"URL of a program outside."`
	Service  string `yaml:"service" doc:"Name of one of our services, in place of backend."`
	// Unprotected requests are passed on without looking at who sends them.
	Unprotected       bool                `yaml:"unprotected"`
	ApacheVHost       bool                `yaml:"apache_vhost" doc:"Send the backend's own name as Host, not the one the client used."`
	SkipXAccessToken  bool                `yaml:"skip_x_access_token" doc:"Do not send our internal token to the backend."`
	AdditionalHeaders []map[string]string `yaml:"additional_headers" doc:"Headers to send to the backend."`
	RemoteUserHeader  string              `yaml:"remote_user_header" doc:"Header that tells the backend the user name."`

	// optional requests may come without credentials, but not with wrong ones.
	optional bool
	// maxBody bounds what is sent to a service that takes no files, in bytes; 0: nothing does.
	maxBody int64
	// absent is the status when the service does not run; 0: 503.
	absent int
}

// target is a route ready for use.
type target struct {
	Route
	backend *url.URL
	pattern *regexp.Regexp
	path    string // of a query route
	query   url.Values
}

// rules are the routes for one method, or for all.
type rules struct{ query, regex, prefix []*target }

// table finds the route of a request.
type table struct {
	byMethod map[string]*rules
	all      rules
}

// newTable compiles the routes of a policy. Of prefixes the longest wins, whatever the order; else the first.
func newTable(routes []Route) (*table, error) {
	t := &table{byMethod: make(map[string]*rules)}
	for i, r := range routes {
		tg, err := compile(r)
		if err != nil {
			return nil, fmt.Errorf("route %d (%s): %w", i+1, r.Endpoint, err)
		}
		set := &t.all
		if r.Method != "" {
			m := strings.ToUpper(r.Method)
			if t.byMethod[m] == nil {
				t.byMethod[m] = &rules{}
			}
			set = t.byMethod[m]
		}
		switch {
		case tg.pattern != nil:
			set.regex = append(set.regex, tg)
		case tg.query != nil:
			set.query = append(set.query, tg)
		default:
			set.prefix = append(set.prefix, tg)
		}
	}
	for _, set := range t.byMethod {
		sortPrefixes(set.prefix)
	}
	sortPrefixes(t.all.prefix)
	return t, nil
}

func sortPrefixes(targets []*target) {
	slices.SortStableFunc(targets, func(a, b *target) int { return len(b.Endpoint) - len(a.Endpoint) })
}

func compile(r Route) (*target, error) {
	t := &target{Route: r}
	if r.Backend == "" && takesNoFiles(r.Service) {
		t.maxBody = maxBody
	}
	switch {
	case r.Backend == "" && r.Service == "":
		return nil, fmt.Errorf("it names neither backend nor service")
	case r.Backend != "":
		u, err := url.Parse(r.Backend)
		if err != nil {
			return nil, err
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("backend %q is no http or https URL", r.Backend)
		}
		t.backend = u
	}
	switch r.Type {
	case "", "prefix":
		if !strings.HasPrefix(r.Endpoint, "/") {
			return nil, fmt.Errorf("endpoint must begin with a slash")
		}
	case "regex":
		p, err := regexp.Compile("^(?:" + r.Endpoint + ")")
		if err != nil {
			return nil, err
		}
		t.pattern = p
	case "query":
		u, err := url.Parse(r.Endpoint)
		if err != nil {
			return nil, err
		}
		t.path, t.query = u.Path, u.Query()
		if len(t.query) == 0 {
			return nil, fmt.Errorf("a query route has a query in its endpoint")
		}
	default:
		return nil, fmt.Errorf("unknown type %q: use prefix, regex or query", r.Type)
	}
	return t, nil
}

// maxBody is for requests that carry no files; the largest is a profile photo.
const maxBody = 32 << 20

func takesNoFiles(service string) bool {
	switch service {
	case "graph", "settings", "ocs", "idp", "webfinger", "auth-app", "userlog", "sse", "activitylog", "invitations", "web", "webdav":
		return true
	}
	return false
}

// find returns the route of a request; nil if there is none.
func (t *table) find(method string, u *url.URL) *target {
	if set := t.byMethod[method]; set != nil {
		if tg := set.find(u); tg != nil {
			return tg
		}
	}
	return t.all.find(u)
}

func (s *rules) find(u *url.URL) *target {
	if u.RawQuery != "" && len(s.query) > 0 {
		if tg := s.findQuery(u); tg != nil {
			return tg
		}
	}
	for _, t := range s.regex {
		if t.pattern.MatchString(u.Path) {
			return t
		}
	}
	for _, t := range s.prefix {
		if strings.HasPrefix(u.Path, t.Endpoint) {
			return t
		}
	}
	return nil
}

func (s *rules) findQuery(u *url.URL) *target {
	var query url.Values
	for _, t := range s.query {
		if !strings.HasPrefix(u.Path, t.path) {
			continue
		}
		if query == nil {
			query = u.Query()
		}
		matches := true
		for k, want := range t.query {
			matches = matches && slices.Contains(query[k], want[0])
		}
		if matches {
			return t
		}
	}
	return nil
}

// defaultRoutes are those of a server whose operator configured none. (spec/identity.md §5.1)
func defaultRoutes() []Route {
	open := func(endpoint, service string) Route {
		return Route{Endpoint: endpoint, Service: service, Unprotected: true}
	}
	closed := func(endpoint, service string) Route { return Route{Endpoint: endpoint, Service: service} }
	preview := func(path string) Route {
		return Route{Type: "query", Endpoint: path + "?preview=1", Service: "webdav", absent: http.StatusNotFound}
	}
	web := open("/", "web")
	web.absent = http.StatusNotFound
	capabilities := closed("/ocs/v1.php/cloud/capabilities", "frontend")
	capabilities.optional = true
	wopi := open("/wopi", "collaboration")
	wopi.SkipXAccessToken = true
	return []Route{
		web,
		open("/.well-known/ocm", "ocm"),
		open("/.well-known/webfinger", "webfinger"),
		open("/.well-known/openid-configuration", "idp"),
		closed("/branding/logo", "web"),
		closed("/announcement", "web"),
		open("/konnect/", "idp"),
		open("/signin/", "idp"),
		closed("/archiver", "frontend"),
		closed("/ocs/v2.php/apps/notifications/api/v1/notifications/sse", "sse"),
		closed("/ocs/v2.php/apps/notifications/api/v1/notifications", "userlog"),
		{Type: "regex", Endpoint: `/ocs/v[12]\.php/cloud/user/signing-key`, Service: "ocs"},
		{Type: "regex", Endpoint: `/ocs/v[12]\.php/config`, Service: "frontend", Unprotected: true},
		capabilities,
		open("/sciencemesh/federations", "ocm"),
		open("/sciencemesh/discover", "ocm"),
		closed("/sciencemesh/", "ocm"),
		closed("/ocm/", "ocm"),
		closed("/ocs/", "frontend"),
		preview("/remote.php/"), preview("/dav/"), preview("/webdav/"),
		closed("/remote.php/", "ocdav"),
		closed("/dav/", "ocdav"),
		closed("/webdav/", "ocdav"),
		open("/status", "frontend"),
		open("/status.php", "frontend"),
		closed("/index.php/", "frontend"),
		closed("/apps/", "frontend"),
		open("/data", "frontend"),
		open("/app/list", "frontend"),
		closed("/app/", "frontend"),
		closed("/graph/v1beta1/extensions/org.libregraph/activities", "activitylog"),
		closed("/graph/v1.0/invitations", "invitations"),
		closed("/graph/", "graph"),
		closed("/api/v0/settings", "settings"),
		closed("/auth-app/tokens", "auth-app"),
		wopi,
		closed("/collaboration/fonts/manage", "collaboration"),
		closed("/collaboration/notify", "collaboration"),
		open("/collaboration", "collaboration"),
	}
}

// newTables compiles the configured policies.
func newTables(cfg Config) (map[string]*table, error) {
	policies := cfg.Policies
	if len(policies) == 0 {
		policies = []Policy{{Name: defaultPolicy, Routes: defaultRoutes()}}
	}
	routes := make(map[string][]Route)
	for _, p := range policies {
		routes[p.Name] = append(routes[p.Name], p.Routes...)
	}
	// The operator's come first, so that they win over ours with the same endpoint.
	for _, p := range slices.Backward(cfg.AdditionalPolicies) {
		routes[p.Name] = append(slices.Clone(p.Routes), routes[p.Name]...)
	}
	tables := make(map[string]*table)
	for name, rs := range routes {
		t, err := newTable(rs)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		tables[name] = t
	}
	return tables, nil
}
