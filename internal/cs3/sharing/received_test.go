package sharing_test

import (
	"context"
	"slices"
	"testing"

	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	sharepb "github.com/cs3org/go-cs3apis/cs3/sharing/collaboration/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"opencloud/internal/cs3/files"
	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Members of a project are shares of its root: they have ids, and can leave.
func TestMembers(t *testing.T) {
	e := open(t)
	s := e.share(e.project, "bob", permission.SpaceViewer)
	ref := byID(s.GetId().GetOpaqueId())
	for who, want := range map[context.Context]rpcpb.Code{e.alice: ok, e.bob: ok, e.carol: gone, e.stranger: login} {
		r, err := e.GetShare(who, &sharepb.GetShareRequest{Ref: ref})
		e.is(r, err, want)
	}
	u, err := e.UpdateShare(e.bob, &sharepb.UpdateShareRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"permissions"}},
		Share: &sharepb.Share{Id: s.GetId(), Permissions: &sharepb.SharePermissions{Permissions: files.ToSet(permission.Manager)}}})
	e.is(u, err, forbidden)
	for _, who := range []context.Context{e.carol, e.stranger, e.visitor} {
		if r, err := e.RemoveShare(who, &sharepb.RemoveShareRequest{Ref: ref}); err != nil || r.GetStatus().GetCode() == ok {
			t.Errorf("%v, %v", r, err)
		}
	}
	r, err := e.RemoveShare(e.bob, &sharepb.RemoveShareRequest{Ref: ref})
	e.is(r, err, ok)
	if _, err := e.fs.Stat(e.bob, storage.At(e.project, ""), storage.View{}); err == nil {
		t.Error("bob is still a member")
	}
}

func TestListShares(t *testing.T) {
	e := open(t)
	other, err := e.fs.CreateFolder(e.alice, storage.At(e.project, "other"), storage.Conditions{})
	e.must(err)
	toBob := e.share(e.dir, "bob", permission.Viewer)
	toCrew := e.share(e.dir, "crew", permission.Editor)
	inProject := e.share(other.ID, "bob", permission.Viewer)
	denied := e.share(e.dir, "carol", permission.None)
	on := func(id *providerpb.ResourceId) *sharepb.Filter {
		return &sharepb.Filter{Type: sharepb.Filter_TYPE_RESOURCE_ID, Term: &sharepb.Filter_ResourceId{ResourceId: id}}
	}
	in := func(id string) *sharepb.Filter {
		return &sharepb.Filter{Type: sharepb.Filter_TYPE_SPACE_ID, Term: &sharepb.Filter_SpaceId{SpaceId: id}}
	}
	kind := &sharepb.Filter{Type: sharepb.Filter_TYPE_GRANTEE_TYPE, Term: &sharepb.Filter_GranteeType{GranteeType: providerpb.GranteeType_GRANTEE_TYPE_USER}}
	noDenials := &sharepb.Filter{Type: sharepb.Filter_TYPE_EXCLUDE_DENIALS}
	creator := &sharepb.Filter{Type: sharepb.Filter_TYPE_CREATOR, Term: &sharepb.Filter_Creator{Creator: denied.GetOwner()}}
	for _, c := range []struct {
		name    string
		ctx     context.Context
		filters []*sharepb.Filter
		status  rpcpb.Code
		want    []*sharepb.Share
	}{
		{"all that alice gave", e.alice, nil, ok, []*sharepb.Share{toBob, toCrew, inProject, denied}},
		{"without denials", e.alice, []*sharepb.Filter{noDenials}, ok, []*sharepb.Share{toBob, toCrew, inProject}},
		{"on one", e.alice, []*sharepb.Filter{on(toBob.GetResourceId()), kind, noDenials}, ok, []*sharepb.Share{toBob}},
		{"on either", e.alice, []*sharepb.Filter{on(toBob.GetResourceId()), on(inProject.GetResourceId()), kind, noDenials, creator}, ok, []*sharepb.Share{toBob, inProject}},
		{"in a space", e.alice, []*sharepb.Filter{in(e.project.SpaceID())}, ok, []*sharepb.Share{inProject}},
		{"in a space by its bare id", e.alice, []*sharepb.Filter{in(e.home.Space), noDenials, kind}, ok, []*sharepb.Share{toBob}},
		{"a filter for receivers", e.alice, []*sharepb.Filter{{Type: sharepb.Filter_TYPE_STATE}}, invalid, nil},
		{"no filter", e.alice, []*sharepb.Filter{{}}, invalid, nil},
		{"bob gave nothing", e.bob, nil, ok, nil},
		{"bob may not see who else has it", e.bob, []*sharepb.Filter{on(toBob.GetResourceId())}, ok, nil},
		{"another, on one", e.carol, []*sharepb.Filter{on(toBob.GetResourceId())}, ok, nil},
		{"another, in a space", e.carol, []*sharepb.Filter{in(e.home.SpaceID())}, ok, nil},
		{"stranger", e.stranger, []*sharepb.Filter{on(toBob.GetResourceId())}, login, nil},
		{"visitor", e.visitor, nil, gone, nil},
	} {
		r, err := e.ListShares(c.ctx, &sharepb.ListSharesRequest{Filters: c.filters})
		e.is(r, err, c.status)
		var got, want []string
		for _, s := range r.GetShares() {
			got = append(got, s.GetId().GetOpaqueId())
		}
		for _, s := range c.want {
			want = append(want, s.GetId().GetOpaqueId())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

func TestReceived(t *testing.T) {
	e := open(t)
	s, viaGroup := e.share(e.dir, "bob", permission.Viewer), e.share(e.dir, "crew", permission.Editor)
	list := func(ctx context.Context, f ...*sharepb.Filter) []*sharepb.ReceivedShare {
		t.Helper()
		r, err := e.ListReceivedShares(ctx, &sharepb.ListReceivedSharesRequest{Filters: f})
		e.is(r, err, ok)
		return r.GetShares()
	}
	state := func(s sharepb.ShareState) *sharepb.Filter {
		return &sharepb.Filter{Type: sharepb.Filter_TYPE_STATE, Term: &sharepb.Filter_State{State: s}}
	}
	if got := list(e.bob); len(got) != 2 || got[0].GetShare().GetId().GetOpaqueId() != s.GetId().GetOpaqueId() || got[0].GetState() != sharepb.ShareState_SHARE_STATE_ACCEPTED ||
		got[0].GetMountPoint().GetPath() != "docs" || got[1].GetMountPoint().GetPath() != "docs" || got[1].GetShare().GetId().GetOpaqueId() != viaGroup.GetId().GetOpaqueId() {
		t.Fatalf("received %v", got)
	}
	if got := list(e.carol); len(got) != 0 {
		t.Errorf("carol received %v", got)
	}
	for who, want := range map[context.Context]rpcpb.Code{e.stranger: login, e.visitor: gone} {
		r, err := e.ListReceivedShares(who, &sharepb.ListReceivedSharesRequest{})
		e.is(r, err, want)
	}
	for who, want := range map[context.Context]rpcpb.Code{e.bob: ok, e.alice: gone, e.carol: gone, e.stranger: login} {
		for _, ref := range []*sharepb.ShareReference{byID(s.GetId().GetOpaqueId()),
			{Spec: &sharepb.ShareReference_Key{Key: &sharepb.ShareKey{ResourceId: s.GetResourceId(), Grantee: files.ToGrantee(space.UserGrantee, "bob")}}}} {
			r, err := e.GetReceivedShare(who, &sharepb.GetReceivedShareRequest{Ref: ref})
			e.is(r, err, want)
		}
	}
	change := func(ctx context.Context, want rpcpb.Code, x *sharepb.ReceivedShare, paths ...string) *sharepb.ReceivedShare {
		t.Helper()
		x.Share = &sharepb.Share{Id: s.GetId()}
		r, err := e.UpdateReceivedShare(ctx, &sharepb.UpdateReceivedShareRequest{Share: x, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		e.is(r, err, want)
		return r.GetShare()
	}
	rejected := sharepb.ShareState_SHARE_STATE_REJECTED
	if got := change(e.bob, ok, &sharepb.ReceivedShare{State: rejected, Hidden: true}, "state"); got.GetState() != rejected || got.GetHidden() {
		t.Errorf("rejected: %v", got)
	}
	if got := list(e.bob, state(rejected)); len(got) != 2 {
		t.Errorf("rejected are %v", got)
	}
	if got := list(e.bob, state(sharepb.ShareState_SHARE_STATE_ACCEPTED)); len(got) != 0 {
		t.Errorf("accepted are %v", got)
	}
	got := change(e.bob, ok, &sharepb.ReceivedShare{Hidden: true, MountPoint: &providerpb.Reference{Path: "./.papers"}}, "hidden", "mount_point")
	if !got.GetHidden() || got.GetMountPoint().GetPath() != ".papers" || got.GetState() != rejected {
		t.Errorf("changed: %v", got)
	}
	change(e.bob, invalid, &sharepb.ReceivedShare{}, "state")
	change(e.bob, invalid, &sharepb.ReceivedShare{State: rejected})
	change(e.bob, invalid, &sharepb.ReceivedShare{}, "share")
	change(e.bob, invalid, &sharepb.ReceivedShare{MountPoint: &providerpb.Reference{Path: "a/b"}}, "mount_point")
	change(e.alice, gone, &sharepb.ReceivedShare{Hidden: true}, "hidden")
	change(e.stranger, login, &sharepb.ReceivedShare{Hidden: true}, "hidden")
}
