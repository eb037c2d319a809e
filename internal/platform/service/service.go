// Package service is the shape of every service: its configuration goes in, its parts come out; platform serves them.
package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc"
)

// Parts is what a service consists of. Zero fields are parts it does not have.
type Parts struct {
	// HTTP serves the service's routes, under the paths that clients use.
	HTTP http.Handler
	// GRPC registers its CS3 (or own) servers.
	GRPC func(grpc.ServiceRegistrar)
	// Loops run beside the listeners until their context ends; one that returns an error is started again.
	Loops []Loop
	// Ready are checks of what the service depends on, for /readyz.
	Ready []Check
	// Close releases what New acquired, after listeners and loops have ended.
	Close func() error
}

// Loop is background work with a name.
type Loop struct {
	Name string
	Run  func(ctx context.Context) error
}

// Periodically is a loop that does something from time to time, the first time after a while. Errors are logged under its name.
func Periodically(name string, first, every time.Duration, log *slog.Logger, do func(context.Context) error) Loop {
	return Loop{Name: name, Run: func(ctx context.Context) error {
		for wait := first; ; wait = every {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
			if err := do(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, name, "err", err)
			}
		}
	}}
}

// Check tells whether something the service needs is there.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}
