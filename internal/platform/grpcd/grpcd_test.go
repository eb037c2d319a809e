package grpcd_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"opencloud/internal/platform/grpcd"
	"opencloud/internal/platform/tlsutil"

	"crypto/tls"
)

// TestServeDialStop: over TCP, a unix socket and TLS; a call that hangs does not hold the stop for long.
func TestServeDialStop(t *testing.T) {
	dir := t.TempDir()
	server, err := tlsutil.Server(filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		protocol, addr string
		server, client *tls.Config
	}{
		"tcp":  {"tcp", "127.0.0.1:0", nil, nil},
		"unix": {"unix", filepath.Join(dir, "s"), nil, nil},
		"tls":  {"tcp", "127.0.0.1:0", server, &tls.Config{InsecureSkipVerify: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := grpcd.Listen(tc.protocol, tc.addr)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- grpcd.Serve(ctx, l, tc.server, slog.New(slog.DiscardHandler), func(r grpc.ServiceRegistrar) { healthpb.RegisterHealthServer(r, health.NewServer()) })
			}()
			conn, err := grpcd.Dial(l.Addr().String(), tc.client)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			c := healthpb.NewHealthClient(conn)
			if _, err := c.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
				t.Fatal(err)
			}
			watch, err := c.Watch(t.Context(), &healthpb.HealthCheckRequest{}) // never ends by itself
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watch.Recv(); err != nil {
				t.Fatal(err)
			}
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(5 * time.Second):
				t.Error("it does not stop")
			}
		})
	}
}
