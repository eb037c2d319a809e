package sharing_test

import (
	"context"
	"testing"
	"time"

	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	linkpb "github.com/cs3org/go-cs3apis/cs3/sharing/link/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"

	"opencloud/internal/cs3/files"
	"opencloud/internal/link"
	"opencloud/internal/permission"
)

func rightsOf(t *testing.T, kind link.Type) *linkpb.PublicSharePermissions {
	t.Helper()
	set, err := kind.Rights(true)
	if err != nil {
		t.Fatal(err)
	}
	return &linkpb.PublicSharePermissions{Permissions: files.ToSet(set)}
}

func (e *env) open(kind link.Type, password string) *linkpb.PublicShare {
	e.Helper()
	r, err := e.link.CreatePublicShare(e.alice, &linkpb.CreatePublicShareRequest{Description: "why", ResourceInfo: &providerpb.ResourceInfo{Id: files.ToID(e.dir),
		ArbitraryMetadata: &providerpb.ArbitraryMetadata{Metadata: map[string]string{"name": "a link"}}}, Grant: &linkpb.Grant{Permissions: rightsOf(e.T, kind), Password: password}})
	e.is(r, err, ok)
	return r.GetShare()
}

func TestCreatePublicShare(t *testing.T) {
	e := open(t)
	on := &providerpb.ResourceInfo{Id: files.ToID(e.dir)}
	view := &linkpb.Grant{Permissions: rightsOf(t, link.View)}
	for _, c := range []struct {
		name string
		ctx  context.Context
		r    *linkpb.CreatePublicShareRequest
		want rpcpb.Code
	}{
		{"stranger", e.stranger, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: view}, login},
		{"visitor", e.visitor, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: view}, gone},
		{"another", e.carol, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: view}, gone},
		{"too many rights", e.alice, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: &linkpb.Grant{Permissions: &linkpb.PublicSharePermissions{Permissions: files.ToSet(permission.Manager)}}}, invalid},
		{"expired", e.alice, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: &linkpb.Grant{Permissions: view.GetPermissions(), Expiration: files.ToTime(time.Unix(1, 0))}}, invalid},
		{"hidden", e.alice, &linkpb.CreatePublicShareRequest{ResourceInfo: on, Grant: view, Internal: true}, unknown},
		{"on nothing", e.alice, &linkpb.CreatePublicShareRequest{Grant: view}, invalid},
	} {
		r, err := e.link.CreatePublicShare(c.ctx, c.r)
		if err != nil || r.GetStatus().GetCode() != c.want || r.GetShare() != nil {
			t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
		}
	}
	l := e.open(link.Edit, "secret")
	if len(l.GetToken()) != 15 || l.GetId().GetOpaqueId() == "" || l.GetResourceId().GetOpaqueId() != e.dir.Node || !l.GetPasswordProtected() || l.GetDisplayName() != "a link" || l.GetDescription() != "why" ||
		l.GetOwner().GetOpaqueId() != "alice" || l.GetCreator().GetOpaqueId() != "alice" || l.GetCtime() == nil || l.GetQuicklink() || l.GetSignature() != nil {
		t.Errorf("link %v", l)
	}
	quick := &linkpb.CreatePublicShareRequest{ResourceInfo: &providerpb.ResourceInfo{Id: files.ToID(e.dir), ArbitraryMetadata: &providerpb.ArbitraryMetadata{Metadata: map[string]string{"quicklink": "true"}}}, Grant: view}
	a, err := e.link.CreatePublicShare(e.alice, quick)
	e.is(a, err, ok)
	b, err := e.link.CreatePublicShare(e.alice, quick)
	e.is(b, err, ok)
	if !a.GetShare().GetQuicklink() || a.GetShare().GetToken() != b.GetShare().GetToken() {
		t.Errorf("two quick links: %v, %v", a, b)
	}
}

func TestGetAndRemovePublicShare(t *testing.T) {
	e := open(t)
	l := e.open(link.View, "secret")
	e.share(e.dir, "bob", permission.Editor)
	refs := []*linkpb.PublicShareReference{{Spec: &linkpb.PublicShareReference_Id{Id: l.GetId()}}, {Spec: &linkpb.PublicShareReference_Token{Token: l.GetToken()}}}
	for _, ref := range refs {
		r, err := e.link.GetPublicShare(e.alice, &linkpb.GetPublicShareRequest{Ref: ref, Sign: true})
		e.is(r, err, ok)
		if r.GetShare().GetToken() != l.GetToken() || r.GetShare().GetSignature().GetSignature() == "" {
			t.Errorf("link %v", r)
		}
		for who, want := range map[context.Context]rpcpb.Code{e.bob: gone, e.carol: gone, e.visitor: gone, e.stranger: login} {
			r, err := e.link.GetPublicShare(who, &linkpb.GetPublicShareRequest{Ref: ref})
			e.is(r, err, want)
			u, err := e.link.UpdatePublicShare(who, &linkpb.UpdatePublicShareRequest{Ref: ref, Update: &linkpb.UpdatePublicShareRequest_Update{Type: linkpb.UpdatePublicShareRequest_Update_TYPE_PASSWORD, Grant: &linkpb.Grant{}}})
			e.is(u, err, want)
			d, err := e.link.RemovePublicShare(who, &linkpb.RemovePublicShareRequest{Ref: ref})
			e.is(d, err, want)
		}
	}
	r, err := e.link.GetPublicShare(e.alice, &linkpb.GetPublicShareRequest{})
	e.is(r, err, gone)
	d, err := e.link.RemovePublicShare(e.alice, &linkpb.RemovePublicShareRequest{Ref: refs[1]})
	e.is(d, err, ok)
	r, err = e.link.GetPublicShare(e.alice, &linkpb.GetPublicShareRequest{Ref: refs[0]})
	e.is(r, err, gone)
}

func TestGetPublicShareByToken(t *testing.T) {
	e := open(t)
	l, free, internal := e.open(link.View, "secret"), e.open(link.Upload, ""), e.open(link.Internal, "")
	pw := func(s string) *linkpb.PublicShareAuthentication {
		return &linkpb.PublicShareAuthentication{Spec: &linkpb.PublicShareAuthentication_Password{Password: s}}
	}
	got, err := e.link.GetPublicShare(e.alice, &linkpb.GetPublicShareRequest{Ref: &linkpb.PublicShareReference{Spec: &linkpb.PublicShareReference_Id{Id: l.GetId()}}, Sign: true})
	e.is(got, err, ok)
	sig := func(token string) *linkpb.PublicShareAuthentication {
		return &linkpb.PublicShareAuthentication{Spec: &linkpb.PublicShareAuthentication_Signature{Signature: &linkpb.ShareSignature{Signature: token, SignatureExpiration: got.GetShare().GetSignature().GetSignatureExpiration()}}}
	}
	for _, c := range []struct {
		name  string
		ctx   context.Context
		token string
		auth  *linkpb.PublicShareAuthentication
		want  rpcpb.Code
	}{
		{"password", e.carol, l.GetToken(), pw("secret"), ok},
		{"signature", e.carol, l.GetToken(), sig(got.GetShare().GetSignature().GetSignature()), ok},
		{"its creator", e.alice, l.GetToken(), nil, ok},
		{"needs none", e.carol, free.GetToken(), nil, ok},
		{"for those who are known", e.carol, internal.GetToken(), nil, ok},
		{"wrong password", e.carol, l.GetToken(), pw("guess"), login},
		{"no password", e.carol, l.GetToken(), nil, login},
		{"wrong signature", e.carol, l.GetToken(), sig("00"), login},
		{"unknown token", e.carol, "aaaaaaaaaaaaaaa", pw("secret"), gone},
		{"an id is no token", e.carol, l.GetId().GetOpaqueId(), pw("secret"), gone},
		{"stranger", e.stranger, l.GetToken(), pw("secret"), login},
		{"visitor", e.visitor, l.GetToken(), pw("secret"), gone},
	} {
		r, err := e.link.GetPublicShareByToken(c.ctx, &linkpb.GetPublicShareByTokenRequest{Token: c.token, Authentication: c.auth})
		if err != nil || r.GetStatus().GetCode() != c.want || (c.want == ok) != (r.GetShare().GetToken() == c.token) || r.GetPasswordHash() != "" {
			t.Errorf("%s: %v, %v, want %s", c.name, r, err, c.want)
		}
	}
}

func TestUpdatePublicShare(t *testing.T) {
	e := open(t)
	ref := &linkpb.PublicShareReference{Spec: &linkpb.PublicShareReference_Id{Id: e.open(link.View, "secret").GetId()}}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	update := func(want rpcpb.Code, u *linkpb.UpdatePublicShareRequest_Update) *linkpb.PublicShare {
		t.Helper()
		r, err := e.link.UpdatePublicShare(e.alice, &linkpb.UpdatePublicShareRequest{Ref: ref, Update: u})
		e.is(r, err, want)
		return r.GetShare()
	}
	const (
		perms  = linkpb.UpdatePublicShareRequest_Update_TYPE_PERMISSIONS
		pass   = linkpb.UpdatePublicShareRequest_Update_TYPE_PASSWORD
		expire = linkpb.UpdatePublicShareRequest_Update_TYPE_EXPIRATION
	)
	update(invalid, nil)
	update(invalid, &linkpb.UpdatePublicShareRequest_Update{Type: perms})
	update(invalid, &linkpb.UpdatePublicShareRequest_Update{Type: perms, Grant: &linkpb.Grant{}})
	update(invalid, &linkpb.UpdatePublicShareRequest_Update{Type: pass})
	update(invalid, &linkpb.UpdatePublicShareRequest_Update{Type: expire})
	update(unknown, &linkpb.UpdatePublicShareRequest_Update{Type: linkpb.UpdatePublicShareRequest_Update_TYPE_NOTIFYUPLOADS})
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: perms, Grant: &linkpb.Grant{Permissions: rightsOf(t, link.Edit)}}); files.FromSet(l.GetPermissions().GetPermissions()) != permission.Editor || !l.GetPasswordProtected() {
		t.Errorf("rights: %v", l)
	}
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: expire, Grant: &linkpb.Grant{Expiration: files.ToTime(until)}}); l.GetExpiration().GetSeconds() != uint64(until.Unix()) {
		t.Errorf("expiration: %v", l)
	}
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: expire, Grant: &linkpb.Grant{}}); l.GetExpiration() != nil {
		t.Errorf("no expiration: %v", l)
	}
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: linkpb.UpdatePublicShareRequest_Update_TYPE_DISPLAYNAME, DisplayName: "other"}); l.GetDisplayName() != "other" || l.GetDescription() != "why" {
		t.Errorf("name: %v", l)
	}
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: linkpb.UpdatePublicShareRequest_Update_TYPE_DESCRIPTION, Description: "because"}); l.GetDescription() != "because" || l.GetDisplayName() != "other" {
		t.Errorf("description: %v", l)
	}
	if l := update(ok, &linkpb.UpdatePublicShareRequest_Update{Type: pass, Grant: &linkpb.Grant{}}); l.GetPasswordProtected() {
		t.Errorf("no password: %v", l)
	}
}

func TestListPublicShares(t *testing.T) {
	e := open(t)
	a, b := e.open(link.View, "secret"), e.open(link.Upload, "")
	e.share(e.dir, "bob", permission.Editor)
	on := &linkpb.ListPublicSharesRequest_Filter{Type: linkpb.ListPublicSharesRequest_Filter_TYPE_RESOURCE_ID, Term: &linkpb.ListPublicSharesRequest_Filter_ResourceId{ResourceId: files.ToID(e.dir)}}
	root := &linkpb.ListPublicSharesRequest_Filter{Type: linkpb.ListPublicSharesRequest_Filter_TYPE_RESOURCE_ID, Term: &linkpb.ListPublicSharesRequest_Filter_ResourceId{ResourceId: files.ToID(e.home)}}
	by := func(id string) *linkpb.ListPublicSharesRequest_Filter {
		u := a.GetCreator()
		if id != "alice" {
			u = nil
		}
		return &linkpb.ListPublicSharesRequest_Filter{Type: linkpb.ListPublicSharesRequest_Filter_TYPE_CREATOR, Term: &linkpb.ListPublicSharesRequest_Filter_Creator{Creator: u}}
	}
	for _, c := range []struct {
		name    string
		ctx     context.Context
		filters []*linkpb.ListPublicSharesRequest_Filter
		status  rpcpb.Code
		want    int
	}{
		{"all", e.alice, nil, ok, 2},
		{"on a folder", e.alice, []*linkpb.ListPublicSharesRequest_Filter{on, by("alice")}, ok, 2},
		{"by nobody", e.alice, []*linkpb.ListPublicSharesRequest_Filter{on, by("")}, ok, 0},
		{"on another", e.alice, []*linkpb.ListPublicSharesRequest_Filter{root}, ok, 0},
		{"no filter", e.alice, []*linkpb.ListPublicSharesRequest_Filter{{}}, invalid, 0},
		{"an editor sees none", e.bob, []*linkpb.ListPublicSharesRequest_Filter{on}, ok, 0},
		{"another", e.carol, []*linkpb.ListPublicSharesRequest_Filter{on}, ok, 0},
		{"another, all", e.carol, nil, ok, 0},
		{"stranger", e.stranger, []*linkpb.ListPublicSharesRequest_Filter{on}, login, 0},
		{"visitor", e.visitor, []*linkpb.ListPublicSharesRequest_Filter{on}, gone, 0},
	} {
		r, err := e.link.ListPublicShares(c.ctx, &linkpb.ListPublicSharesRequest{Filters: c.filters, Sign: true})
		if err != nil || r.GetStatus().GetCode() != c.status || len(r.GetShare()) != c.want {
			t.Errorf("%s: %v, %v, want %s and %d", c.name, r, err, c.status, c.want)
		}
		for _, l := range r.GetShare() {
			if (l.GetSignature() != nil) != (l.GetToken() == a.GetToken()) || l.GetToken() != a.GetToken() && l.GetToken() != b.GetToken() {
				t.Errorf("%s: %v", c.name, l)
			}
		}
	}
}
