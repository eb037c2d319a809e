package token

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

const (
	metadataToken     = "x-access-token"
	metadataInitiator = "initiator-id"
	// hopTTL is how long a token for one call between our processes is valid: long enough for slow clocks.
	hopTTL = 5 * time.Minute
)

// HTTP puts the actor of the token in the header X-Access-Token into the request's context. An actor that an in-process caller
// put there stays. A request without token goes on as a stranger; one with a wrong token is refused with 401.
func HTTP(m *Manager) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t := r.Header.Get(Header)
			if t == "" || identity.ActorFrom(r.Context()).Kind != identity.Anonymous {
				next.ServeHTTP(w, r)
				return
			}
			a, err := m.Parse(t)
			if err != nil {
				http.Error(w, ErrInvalid.Error(), http.StatusUnauthorized)
				return
			}
			a.Initiator = Initiator(r)
			next.ServeHTTP(w, r.WithContext(identity.WithActor(r.Context(), a)))
		})
	}
}

// Initiator returns the id of the browser tab that caused the request; empty if it is missing or too long to be one.
func Initiator(r *http.Request) string {
	if s := r.Header.Get(InitiatorHeader); len(s) <= maxInitiator {
		return s
	}
	return ""
}

// UnaryServer is the server's side of UnaryClient. A call without token is a stranger's; a wrong token is Unauthenticated.
func UnaryServer(m *Manager) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := m.receive(ctx)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// StreamServer does the same for streams.
func StreamServer(m *Manager) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := m.receive(ss.Context())
		if err != nil {
			return err
		}
		return handler(srv, &stream{ServerStream: ss, ctx: ctx})
	}
}

// UnaryClient sends the context's actor along with a call.
func UnaryClient(m *Manager) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		ctx, err := m.send(ctx)
		if err != nil {
			return err
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

// StreamClient does the same for streams.
func StreamClient(m *Manager) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		ctx, err := m.send(ctx)
		if err != nil {
			return nil, err
		}
		return open(ctx, desc, cc, method, opts...)
	}
}

type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }

func (m *Manager) receive(ctx context.Context) (context.Context, error) {
	md, ok := metadata.FromIncomingContext(ctx)
	if !ok {
		return ctx, nil
	}
	tokens := md[metadataToken]
	if len(tokens) == 0 {
		return ctx, nil
	}
	a, err := m.Parse(tokens[0])
	if err != nil || len(tokens) > 1 {
		return nil, status.Error(codes.Unauthenticated, ErrInvalid.Error())
	}
	if v := md[metadataInitiator]; len(v) == 1 && len(v[0]) <= maxInitiator {
		a.Initiator = v[0]
	}
	return identity.WithActor(ctx, a), nil
}

func (m *Manager) send(ctx context.Context) (context.Context, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind == identity.Anonymous {
		return ctx, nil
	}
	t, err := m.Mint(a, hopTTL)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	if md == nil {
		md = metadata.MD{}
	}
	md.Set(metadataToken, t)
	if a.Initiator != "" {
		md.Set(metadataInitiator, a.Initiator)
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}
