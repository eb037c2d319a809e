// Package grpcd runs gRPC listeners.
package grpcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// maxMessage bounds one message; content of files does not travel this way.
const maxMessage = 16 << 20

// stopTimeout is how long calls may go on after the server was told to stop.
const stopTimeout = 2 * time.Second

// Listen opens a TCP or (protocol unix) a unix listener.
func Listen(protocol, addr string) (net.Listener, error) {
	if protocol == "unix" {
		_ = os.Remove(addr) // left by a process that was killed
	}
	l, err := net.Listen(protocol, addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Serve serves what register adds until the context ends.
func Serve(ctx context.Context, l net.Listener, tlsConfig *tls.Config, log *slog.Logger, register func(grpc.ServiceRegistrar), o ...grpc.ServerOption) error {
	o = append(o, grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(1000),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 20 * time.Second, PermitWithoutStream: true}))
	if tlsConfig != nil {
		o = append(o, grpc.Creds(credentials.NewTLS(tlsConfig)))
	}
	s := grpc.NewServer(o...)
	register(s)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stopped := make(chan struct{})
	go func() { s.GracefulStop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(stopTimeout):
		s.Stop()
		<-stopped
	}
	<-ended
	return nil
}

// Dial returns a connection that is made when it is used. tlsConfig nil is plain text.
func Dial(addr string, tlsConfig *tls.Config, o ...grpc.DialOption) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if tlsConfig != nil {
		creds = credentials.NewTLS(tlsConfig)
	}
	if strings.HasPrefix(addr, "/") {
		addr = "unix://" + addr
	} else {
		addr = "passthrough:///" + addr
	}
	// A service that is being started again must be found soon.
	o = append(o, grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 5 * time.Second,
		Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}}))
	return grpc.NewClient(addr, append(o, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.WaitForReady(false)))...)
}
