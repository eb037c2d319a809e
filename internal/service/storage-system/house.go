package storagesystem

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

// house registers services that answer nobody but services.
type house struct{ grpc.ServiceRegistrar }

// RegisterService implements grpc.ServiceRegistrar.
func (h house) RegisterService(d *grpc.ServiceDesc, impl any) {
	guarded := *d
	guarded.Methods, guarded.Streams = slices.Clone(d.Methods), slices.Clone(d.Streams)
	for i, m := range d.Methods {
		guarded.Methods[i].Handler = func(srv any, ctx context.Context, dec func(any) error, outer grpc.UnaryServerInterceptor) (any, error) {
			return m.Handler(srv, ctx, dec, func(ctx context.Context, req any, info *grpc.UnaryServerInfo, call grpc.UnaryHandler) (any, error) {
				inner := func(ctx context.Context, req any) (any, error) {
					if err := isService(ctx); err != nil {
						return nil, err
					}
					return call(ctx, req)
				}
				if outer == nil {
					return inner(ctx, req)
				}
				return outer(ctx, req, info, inner) // who calls is known only then
			})
		}
	}
	for i, s := range d.Streams {
		guarded.Streams[i].Handler = func(srv any, stream grpc.ServerStream) error {
			if err := isService(stream.Context()); err != nil {
				return err
			}
			return s.Handler(srv, stream)
		}
	}
	h.ServiceRegistrar.RegisterService(&guarded, impl)
}

func isService(ctx context.Context) error {
	switch identity.ActorFrom(ctx).Kind {
	case identity.Service:
		return nil
	case identity.Anonymous:
		return status.Error(codes.Unauthenticated, "log in first")
	}
	return status.Error(codes.PermissionDenied, "this storage is for services")
}
