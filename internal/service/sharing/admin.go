package sharing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"opencloud/internal/platform/service"
)

// Request is what an administrator asks.
type Request struct {
	Grants bool `json:"grants,omitempty"` // clean up what is shared with users and groups that are no more, too
}

// Admin is what administrators may ask on the machine of the server. Domain does it; DialAdmin asks a running server.
type Admin interface {
	Check(ctx context.Context) (Report, error)
	Clean(ctx context.Context, r Request) (Cleaned, error)
	Close() error
}

var (
	_ Admin = (*Domain)(nil)
	_ Admin = (*client)(nil)
)

// Clean is Cleanup and, where asked for, CleanupGrants.
func (d *Domain) Clean(ctx context.Context, r Request) (out Cleaned, err error) {
	grants := 0
	if r.Grants { // first: what was received by them is no longer shared then
		if grants, err = d.CleanupGrants(ctx); err != nil {
			return Cleaned{Grants: grants}, err
		}
	}
	out, err = d.Cleanup(ctx)
	out.Grants = grants
	return out, err
}

// answer is what comes back.
type answer struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// adminHandler answers POST /check and /cleanup.
func adminHandler(d *Domain) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req Request
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&req); err != nil || r.Method != http.MethodPost {
			http.Error(w, "a request in JSON is expected", http.StatusBadRequest)
			return
		}
		var a answer
		var err error
		switch r.URL.Path {
		case "/check":
			a.Result, err = d.Check(r.Context())
		case "/cleanup":
			a.Result, err = d.Clean(r.Context(), req)
		default:
			http.NotFound(w, r)
			return
		}
		if err != nil {
			a.Error = err.Error()
		}
		_ = json.NewEncoder(w).Encode(a)
	})
}

// admin serves administrators on this machine who may open the socket.
func (d *Domain) admin(path string, log *slog.Logger) service.Loop {
	return service.Loop{Name: "admin socket", Run: func(ctx context.Context) error {
		l, err := listen(ctx, path)
		if err != nil {
			log.WarnContext(ctx, "the command line cannot reach this server", "err", err)
			<-ctx.Done()
			return nil
		}
		srv := &http.Server{Handler: adminHandler(d), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}}
}

// listen opens the socket in the place of one of a process that died.
func listen(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	short := shortened(dir, path)
	if conn, err := (&net.Dialer{}).DialContext(ctx, "unix", short); err == nil {
		return nil, errors.Join(fmt.Errorf("another server listens at %s", path), conn.Close())
	}
	_ = os.Remove(path)
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// shortened names a socket by a short path, as its length is bounded.
func shortened(dir *os.File, path string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
}

// client asks a running server.
type client struct {
	http *http.Client
	dir  *os.File
}

// DialAdmin connects to the server that runs with a configuration. fs.ErrNotExist or a net.Error if there is none.
func DialAdmin(ctx context.Context, cfg Config) (Admin, error) {
	dir, err := os.Open(filepath.Dir(cfg.AdminSocket))
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", shortened(dir, cfg.AdminSocket))
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &client{&http.Client{Transport: &http.Transport{DialContext: dial}}, dir}, conn.Close()
}

func (c *client) Check(ctx context.Context) (rep Report, err error) {
	err = c.do(ctx, "/check", Request{}, &rep)
	return rep, err
}

func (c *client) Clean(ctx context.Context, r Request) (out Cleaned, err error) {
	err = c.do(ctx, "/cleanup", r, &out)
	return out, err
}

func (c *client) Close() error { return c.dir.Close() }

func (c *client) do(ctx context.Context, path string, r Request, out any) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sharing"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	a := answer{Result: out}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return fmt.Errorf("the server broke off: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}
