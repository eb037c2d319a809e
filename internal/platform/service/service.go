// Package service is the shape of every service: its configuration goes in, its parts come out; platform serves them.
package service

import (
	"context"
	"net/http"

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

// Check tells whether something the service needs is there.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}
