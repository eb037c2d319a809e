package authapp

import (
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"opencloud/internal/cs3/people"
	"opencloud/internal/identity"
	actortoken "opencloud/internal/token"
)

// TestOverTheWire: other processes check app tokens through the gRPC listener, and see them revoked.
func TestOverTheWire(t *testing.T) {
	w := open(t, false)
	tokens, err := actortoken.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(actortoken.UnaryServer(tokens)))
	w.parts.GRPC(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-served })
	dial := func(o ...grpc.DialOption) *grpc.ClientConn {
		c, err := grpc.NewClient(l.Addr().String(), append(o, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	conn := dial(grpc.WithUnaryInterceptor(actortoken.UnaryClient(tokens)))
	secret, made, err := w.store.Store.Create(t.Context(), w.actors["bob"].User.ID, time.Hour, "")
	if err != nil {
		t.Fatal(err)
	}
	c := people.NewBasic(conn, people.Self("proxy"))
	try := func(c *people.Basic, name, pw string) (identity.Actor, error) {
		return c.Authenticate(t.Context(), identity.Login{Name: name, Password: pw, Address: "192.0.2.1"})
	}
	if a, err := try(c, "bob", secret); err != nil || a.Kind != identity.Person || a.User.ID != w.actors["bob"].User.ID {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := try(c, "ada", secret); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("somebody else's: %v", err)
	}
	for name, c := range map[string]*people.Basic{"stranger": people.NewBasic(dial(), people.Self("x")), "person": people.NewBasic(conn, w.actors["bob"])} {
		if _, err := try(c, "bob", secret); status.Code(err) != codes.PermissionDenied && status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.store.Delete(t.Context(), w.actors["bob"].User.ID, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := try(c, "bob", secret); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("revoked: %v", err)
	}
}
