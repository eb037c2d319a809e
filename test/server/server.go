// Package server starts the real program for tests: own folders, own ports, one process.
package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Password of admin and of the people that tests use.
const Password = "Test-password-1"

// Options of a server.
type Options struct {
	Env      []string // NAME=value
	Database string   // URL; empty: SQLite
	Dir      string   // keep the data of an earlier server; empty: new folders
	Init     []string // how to make the configuration in Dir; nil: as for new folders, if Dir is empty
	Split    bool     // every service in a process of its own
}

// Server is a running server.
type Server struct {
	URL  string
	Dir  string      // data below Dir/data, configuration in Dir/config
	cmds []*exec.Cmd // one, or one per service
	addr []string    // listeners of a split server
	log  *safeBuffer
	port int
	opts Options
	t    testing.TB
}

// Gateway is the address of the CS3 gateway of a split server.
func (s *Server) Gateway() string {
	for _, e := range s.addr {
		if a, ok := strings.CutPrefix(e, "GATEWAY_GRPC_ADDR="); ok {
			return a
		}
	}
	return ""
}

// Root is the folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Binary is the program under test; it is built by make, unless OPENCLOUD_BINARY names another.
func Binary(t testing.TB) string {
	t.Helper()
	if b := os.Getenv("OPENCLOUD_BINARY"); b != "" {
		return b
	}
	b := filepath.Join(Root(t), "bin", "opencloud")
	if _, err := os.Stat(b); err != nil {
		t.Skip("bin/opencloud is not built; run `make build`")
	}
	return b
}

// Client speaks to the server as a person.
type Client struct {
	*Server
	User, Password string
	http           *http.Client
}

// As returns a client for a user. An empty name sends no credentials.
func (s *Server) As(user, password string) *Client {
	return &Client{Server: s, User: user, Password: password, http: &http.Client{Timeout: 2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 32}}}
}

// Admin is the administrator.
func (s *Server) Admin() *Client { return s.As("admin", Password) }

// Answer is what a request gave.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a request. Headers are name, value, name, value…
func (c *Client) Do(method, path, body string, headers ...string) Answer {
	c.t.Helper()
	a, err := c.Try(method, path, strings.NewReader(body), headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// Try sends a request and tells when it failed on the way.
func (c *Client) Try(method, path string, body io.Reader, headers ...string) (Answer, error) {
	target := path
	if strings.HasPrefix(path, "/") {
		target = c.URL + path
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		return Answer{}, err
	}
	if c.User != "" {
		req.SetBasicAuth(c.User, c.Password)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, string(b)}, err
}

// Want fails the test unless the request gives one of the statuses.
func (c *Client) Want(method, path, body string, headers []string, statuses ...int) Answer {
	c.t.Helper()
	a := c.Do(method, path, body, headers...)
	for _, s := range statuses {
		if a.Status == s {
			return a
		}
	}
	c.t.Fatalf("%s %s: %d, want %v\n%s", method, path, a.Status, statuses, a.Body)
	return a
}

// Start starts a server and waits until it answers; it is stopped at the end of the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Dir: o.Dir, log: &safeBuffer{}, opts: o, t: t}
	if s.Dir == "" {
		s.Dir = t.TempDir()
		o.Init = []string{"init", "--insecure", "yes", "--admin-password", Password}
	}
	if o.Init != nil {
		out, err := s.Command(o.Init...).CombinedOutput()
		if err != nil {
			t.Fatalf("init: %v\n%s", err, out)
		}
	}
	s.port = freePort(t)
	s.URL = fmt.Sprintf("https://localhost:%d", s.port)
	t.Cleanup(func() { // before it starts: one that does not come up must not stay either
		s.Stop()
		if strings.Contains(s.log.String(), "DATA RACE") {
			t.Error("the race detector found something")
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.String())
		}
	})
	s.Launch()
	return s
}

// Launch starts the process (again) and waits for it.
func (s *Server) Launch() {
	s.t.Helper()
	s.cmds = nil
	if s.opts.Split {
		if s.addr == nil {
			s.addr = s.listeners()
		}
		for _, name := range services {
			s.cmds = append(s.cmds, s.Command(name, "server"))
		}
	} else {
		s.cmds = append(s.cmds, s.Command("server"))
	}
	for _, cmd := range s.cmds {
		cmd.Stdout, cmd.Stderr = s.log, s.log
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
	}
	c := s.As("", "")
	for deadline := time.Now().Add(s.patience()); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if a, err := c.Try("GET", "/status.php", nil); err == nil && a.Status == http.StatusOK {
			if a, err = s.Admin().Try("GET", "/graph/v1.0/me", nil); err == nil && a.Status == http.StatusOK && s.complete() {
				return
			}
		}
	}
	s.t.Fatalf("the server does not answer\n%s", s.log.String())
}

// patience is how long a server may take to come up: many processes do on a machine that others use too.
func (s *Server) patience() time.Duration {
	if s.opts.Split {
		return 2 * time.Minute
	}
	return 20 * time.Second
}

// complete tells whether every service of a split server has registered.
func (s *Server) complete() bool {
	if !s.opts.Split {
		return true
	}
	files, err := os.ReadDir(filepath.Join(s.Dir, "data", "registry"))
	return err == nil && len(files) >= len(services)-1 // all but the proxy
}

// Kill ends the process at once, as a power cut would.
func (s *Server) Kill() {
	for _, cmd := range s.cmds {
		_ = cmd.Process.Kill()
	}
	for _, cmd := range s.cmds {
		_ = cmd.Wait()
	}
	s.cmds = nil
}

// Stop ends the process as an operator would; it must obey within 5 s.
func (s *Server) Stop() {
	for _, cmd := range s.cmds {
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}
	deadline := time.After(5 * time.Second)
	for _, cmd := range s.cmds {
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-deadline:
			s.t.Errorf("%v did not stop within 5 s", cmd.Args)
			s.Kill()
			return
		}
	}
	s.cmds = nil
}

// Pid is the (first) process.
func (s *Server) Pid() int { return s.cmds[0].Process.Pid }

// services in the order in which a split server starts them.
var services = []string{"idm", "storage-users", "users", "groups", "auth-basic", "auth-machine", "auth-app", "auth-service", "settings", "idp",
	"auth-bearer", "webfinger", "sharing", "storage-shares", "storage-publiclink", "storage-system", "gateway", "ocdav", "frontend", "ocs", "graph", "web", "proxy"}

// listeners gives every service of a split server ports of its own.
func (s *Server) listeners() []string {
	var env []string
	for _, l := range []string{"STORAGE_USERS_GRPC", "USERS_GRPC", "GROUPS_GRPC", "AUTH_BASIC_GRPC", "AUTH_MACHINE_GRPC", "GATEWAY_GRPC", "STORAGE_USERS_HTTP", "OCDAV_HTTP", "FRONTEND_HTTP", "GRAPH_HTTP", "OCS_HTTP",
		"AUTH_APP_GRPC", "AUTH_APP_HTTP", "AUTH_SERVICE_GRPC", "AUTH_BEARER_GRPC", "SETTINGS_HTTP", "SETTINGS_GRPC", "IDP_HTTP", "WEBFINGER_HTTP", "SHARING_GRPC", "STORAGE_SHARES_GRPC", "STORAGE_PUBLICLINK_GRPC", "STORAGE_SYSTEM_GRPC", "STORAGE_SYSTEM_HTTP", "WEB_HTTP"} {
		port := freePort(s.t)
		env = append(env, fmt.Sprintf("%s_ADDR=127.0.0.1:%d", l, port))
		if name, ok := strings.CutSuffix(l, "_HTTP"); ok && strings.HasPrefix(l, "STORAGE_") {
			env = append(env, fmt.Sprintf("%s_DATA_SERVER_URL=http://127.0.0.1:%d/data", name, port))
		}
	}
	return env
}

// safeBuffer gathers what several processes write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Command prepares a run of the program with this server's environment.
func (s *Server) Command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), Binary(s.t), args...)
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "OC_BASE_DATA_PATH="+filepath.Join(s.Dir, "data"), "OC_CONFIG_DIR="+filepath.Join(s.Dir, "config"),
		"OC_URL="+s.URL, fmt.Sprintf("PROXY_HTTP_ADDR=127.0.0.1:%d", s.port), "IDM_CREATE_DEMO_USERS=true", "PROXY_ENABLE_BASIC_AUTH=true", "OC_LOG_LEVEL=warn", "OC_RUNTIME_PORT=", "IDM_LDAPS_ADDR=")
	if s.opts.Database != "" {
		cmd.Env = append(cmd.Env, "OC_DATABASE_URL="+s.opts.Database)
	}
	for _, name := range []string{"IDM", "STORAGE_USERS", "OCDAV", "FRONTEND", "GRAPH", "PROXY", "GATEWAY", "USERS", "GROUPS", "AUTH_BASIC", "AUTH_MACHINE", "OCS", "AUTH_APP", "AUTH_SERVICE",
		"AUTH_BEARER", "SETTINGS", "IDP", "WEBFINGER", "SHARING", "STORAGE_SHARES", "STORAGE_PUBLICLINK", "STORAGE_SYSTEM", "WEB"} {
		for _, kind := range []string{"HTTP", "GRPC", "DEBUG"} {
			if name == "PROXY" && kind == "HTTP" {
				continue
			}
			cmd.Env = append(cmd.Env, name+"_"+kind+"_ADDR=")
		}
	}
	cmd.Env = append(append(cmd.Env, s.addr...), s.opts.Env...)
	return cmd
}

// taken are the ports that this test process has given away.
var taken sync.Map

// freePort returns a port below those that the system gives to outgoing connections, or one of these could take it before
// the server does.
func freePort(t testing.TB) int {
	t.Helper()
	for range 200 {
		port := 20000 + rand.IntN(12000)
		if _, given := taken.LoadOrStore(port, true); given {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatal("no free port")
	return 0
}
