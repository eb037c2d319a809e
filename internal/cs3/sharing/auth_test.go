package sharing_test

import (
	"context"
	"testing"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/cs3/people"
	"opencloud/internal/cs3/sharing"
	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/storage"
)

// Services check the passwords of links for others; nobody else may guess here.
func TestAuthenticate(t *testing.T) {
	e := open(t)
	l, free, internal := e.open(link.Edit, "secret"), e.open(link.View, ""), e.open(link.Internal, "")
	service := identity.WithActor(t.Context(), people.Self("test"))
	for _, c := range []struct {
		token, secret string
		want          rpcpb.Code
		role          authpb.Role
	}{
		{l.GetToken(), "password|secret", ok, authpb.Role_ROLE_EDITOR},
		{l.GetToken(), "password|wrong", login, 0},
		{l.GetToken(), "password|", login, 0},
		{l.GetToken(), "signature|x|2030-01-01T00:00:00Z", login, 0},
		{l.GetToken(), "secret", login, 0},
		{free.GetToken(), "", ok, authpb.Role_ROLE_VIEWER},
		{free.GetToken(), "password|", ok, authpb.Role_ROLE_VIEWER},
		{internal.GetToken(), "", login, 0},
		{"aaaaaaaaaaaaaaa", "password|secret", gone, 0},
		{"", "", gone, 0},
	} {
		r, err := e.auth.Authenticate(service, &authpb.AuthenticateRequest{ClientId: c.token, ClientSecret: c.secret})
		e.is(r, err, c.want)
		if c.want != ok {
			if r.GetUser() != nil || r.GetTokenScope() != nil {
				t.Errorf("%s: told %v", c.secret, r)
			}
			continue
		}
		if r.GetUser().GetId().GetType() != userpb.UserType_USER_TYPE_GUEST || len(r.GetTokenScope()) != 1 {
			t.Errorf("%s: %v", c.secret, r)
		}
		for _, s := range r.GetTokenScope() {
			if s.GetRole() != c.role || string(s.GetResource().GetValue()) != e.dir.String() {
				t.Errorf("%s: scope %v", c.secret, s)
			}
		}
	}
	for _, who := range []context.Context{e.alice, e.carol, e.stranger, e.visitor} {
		if r, err := e.auth.Authenticate(who, &authpb.AuthenticateRequest{ClientId: free.GetToken()}); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// Whoever is let in sees what is linked and nothing else, until the link is removed.
func TestVisit(t *testing.T) {
	e := open(t)
	l := e.open(link.View, "secret")
	_, a, err := sharing.Visit(t.Context(), e.links, l.GetToken(), "password|secret", "192.0.2.1")
	e.must(err)
	visitor := identity.WithActor(t.Context(), a)
	if !e.read(visitor) {
		t.Error("the visitor does not see what is linked")
	}
	for _, ref := range []storage.Ref{storage.At(e.home, ""), storage.At(e.project, "")} {
		if _, err := e.fs.Stat(visitor, ref, storage.View{}); err == nil {
			t.Errorf("the visitor sees %v", ref)
		}
	}
	r, err := e.link.RemovePublicShare(e.alice, &linkpb.RemovePublicShareRequest{Ref: &linkpb.PublicShareReference{Spec: &linkpb.PublicShareReference_Id{Id: l.GetId()}}})
	e.is(r, err, ok)
	if _, _, err := sharing.Visit(t.Context(), e.links, l.GetToken(), "password|secret", "192.0.2.1"); err == nil {
		t.Error("the removed link is opened")
	}
}
