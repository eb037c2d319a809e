// Package adminsock lets commands on the machine of a server speak to it over HTTP, by a socket that only those can open who may
// write into its folder.
package adminsock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"opencloud/internal/platform/service"
)

// Loop serves a handler at a socket, in the place of one of a process that died. Where that is not possible, or another server
// listens there, it warns: the server does without.
func Loop(path string, h http.Handler, log *slog.Logger) service.Loop {
	return service.Loop{Name: "admin socket", Run: func(ctx context.Context) error {
		l, err := listen(ctx, path)
		if err != nil {
			log.WarnContext(ctx, "the command line cannot reach this server", "err", err)
			<-ctx.Done()
			return nil
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}}
}

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

// Client speaks to a server by its socket.
type Client struct {
	http.Client
	dir *os.File
}

// Dial connects to the server at a socket. fs.ErrNotExist or a net.Error if there is none.
func Dial(ctx context.Context, path string) (*Client, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", shortened(dir, path))
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &Client{http.Client{Transport: &http.Transport{DialContext: dial}}, dir}, conn.Close()
}

// Close ends what Dial began.
func (c *Client) Close() error {
	c.CloseIdleConnections()
	return c.dir.Close()
}
