package provider

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"opencloud/internal/identity"
	"opencloud/internal/storage"
)

const serviceName = "opencloud.storage.v1.Provider"

// server offers a storage to other processes. Who asks is in the context, put there from the token by package token.
type server struct {
	fs       storage.FS
	calls    map[string]call
	listings map[string]listing
}

// Register adds the service of a storage.
func Register(r grpc.ServiceRegistrar, fs storage.FS) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: callHandler}},
		Streams:     []grpc.StreamDesc{{StreamName: "List", Handler: listHandler, ServerStreams: true}},
	}, &server{fs, calls(), listings()})
}

func callHandler(srv any, ctx context.Context, dec func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.BytesValue)
	if err := dec(in); err != nil {
		return nil, err
	}
	h := func(ctx context.Context, req any) (any, error) {
		return srv.(*server).call(ctx, req.(*wrapperspb.BytesValue))
	}
	if intercept == nil {
		return h(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + serviceName + "/Call"}, h)
}

func known(ctx context.Context) error {
	if identity.ActorFrom(ctx).Kind == identity.Anonymous {
		return storage.ErrNotFound // strangers learn nothing, not even which methods there are
	}
	return nil
}

func (s *server) call(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	if err := known(ctx); err != nil {
		return nil, toStatus(err)
	}
	r, err := decode(in.Value)
	if err != nil {
		return nil, toStatus(err)
	}
	f, ok := s.calls[r.Method]
	if !ok {
		return nil, toStatus(storage.ErrUnsupported)
	}
	v, err := f(ctx, s.fs, &r.Args)
	// An answer beside an error matters to nobody but upload sessions, which are written over HTTP.
	if err != nil {
		return nil, toStatus(err)
	}
	b, err := encode(v)
	if err != nil {
		return nil, toStatus(err)
	}
	return wrapperspb.Bytes(b), nil
}

func listHandler(srv any, stream grpc.ServerStream) error {
	in := new(wrapperspb.BytesValue)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	return srv.(*server).list(stream, in)
}

// portion is how many bytes of items are gathered into one message.
const portion = 64 << 10

// batch is one message of a listing.
type batch struct {
	First json.RawMessage   `json:"first,omitempty"`
	Items []json.RawMessage `json:"items,omitempty"`
	End   bool              `json:"end,omitempty"` // without it the listing is not whole
}

func (s *server) list(stream grpc.ServerStream, in *wrapperspb.BytesValue) error {
	ctx := stream.Context()
	if err := known(ctx); err != nil {
		return toStatus(err)
	}
	r, err := decode(in.Value)
	if err != nil {
		return toStatus(err)
	}
	f, ok := s.listings[r.Method]
	if !ok {
		return toStatus(storage.ErrUnsupported)
	}
	first, items, err := f(ctx, s.fs, &r.Args)
	if err != nil {
		return toStatus(err)
	}
	var b batch
	if b.First, err = encode(first); err != nil {
		return toStatus(err)
	}
	send := func() error {
		text, err := json.Marshal(b)
		if err != nil {
			return err
		}
		b = batch{}
		return stream.SendMsg(wrapperspb.Bytes(text))
	}
	size := 0
	for v, err := range items {
		if err != nil {
			return toStatus(err)
		}
		text, err := encode(v)
		if err != nil {
			return toStatus(err)
		}
		b.Items = append(b.Items, text)
		if size += len(text); size >= portion {
			size = 0
			if err := send(); err != nil {
				return err
			}
		}
	}
	b.End = true
	return send()
}

var errNotWhole = errors.New("the listing broke off")
