// Package httpd runs web listeners: limits, panics, graceful stop.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// stopTimeout is how long requests may go on after the server was told to stop.
const stopTimeout = 3 * time.Second

// Serve listens until the context ends. tlsConfig nil is plain HTTP.
func Serve(ctx context.Context, addr string, h http.Handler, tlsConfig *tls.Config, log *slog.Logger) error {
	l, err := Listen(addr)
	if err != nil {
		return err
	}
	return ServeListener(ctx, l, h, tlsConfig, log)
}

// Listen opens a TCP listener.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// ServeListener serves on a listener until the context ends.
func ServeListener(ctx context.Context, l net.Listener, h http.Handler, tlsConfig *tls.Config, log *slog.Logger) error {
	s := &http.Server{
		Handler:           moving(recovered(h, log), patience),
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    128 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // handshakes that fail are the clients' affair
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250, MaxReceiveBufferPerConnection: 4 << 20, MaxReceiveBufferPerStream: 1 << 20},
	}
	ended := make(chan error, 1)
	go func() {
		if tlsConfig != nil {
			ended <- s.ServeTLS(takers{l, patience}, "", "") // plain connections stay bare: files are sent by the kernel
		} else {
			ended <- s.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		_ = s.Close()
	}
	<-ended
	return nil
}

// recovered turns a panic of a handler into a logged 500 (or a broken connection when the answer has begun).
func recovered(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			log.ErrorContext(r.Context(), "panic in a handler", "method", r.Method, "panic", p, "stack", string(debug.Stack()))
			panic(http.ErrAbortHandler)
		}()
		h.ServeHTTP(w, r)
	})
}
