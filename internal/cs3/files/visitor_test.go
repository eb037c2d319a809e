package files_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

const address = "aaaaaaaaaaaaaaa"

// by is who comes by a link to something of alice's, with rights.
func (e *env) by(path string, rights permission.Set) context.Context {
	e.Helper()
	i, err := e.fs.Stat(e.alice, storage.At(e.root, path), storage.View{})
	if err != nil {
		e.Fatal(err)
	}
	return identity.WithActor(e.Context(), identity.Actor{Kind: identity.Visitor, User: identity.User{ID: link.UserPrefix + "x"}, Visit: &identity.Visit{Link: "x", Token: address,
		Storage: i.ID.Storage, Space: i.ID.Space, Node: i.ID.Node, File: !i.IsFolder(), Rights: uint32(rights), Creator: identity.ActorFrom(e.alice)}})
}

func public(token, path string) *providerpb.Reference {
	return &providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: link.PublicID, SpaceId: link.PublicID, OpaqueId: token}, Path: "./" + path}
}

// Whoever comes by a link reads what is linked under the link's id, and has no other way in: not by the ids of what he sees,
// and not to spaces.
func TestVisitors(t *testing.T) {
	e := open(t)
	for _, folder := range []string{"in", "out"} {
		r, err := e.CreateContainer(e.alice, &providerpb.CreateContainerRequest{Ref: e.at(folder)})
		e.is(r, err, rpcpb.Code_CODE_OK)
		e.put(folder+"/f", "hello")
	}
	in := e.by("in", permission.Editor)
	s, err := e.Stat(in, &providerpb.StatRequest{Ref: public(address, "f")})
	e.is(s, err, rpcpb.Code_CODE_OK)
	l, err := e.ListContainer(in, &providerpb.ListContainerRequest{Ref: public(address, "")})
	e.is(l, err, rpcpb.Code_CODE_OK)
	if len(l.GetInfos()) != 1 || l.GetInfos()[0].GetName() != "f" {
		t.Errorf("the link has %v", l)
	}
	d, err := e.InitiateFileDownload(in, &providerpb.InitiateFileDownloadRequest{Ref: public(address, "f")})
	e.is(d, err, rpcpb.Code_CODE_OK)
	resp, err := http.Get(d.GetProtocols()[0].GetDownloadEndpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "hello" {
		t.Errorf("read %q, %v", b, err)
	}
	for name, ref := range map[string]*providerpb.Reference{"the space": e.at("in/f"), "the id of what is linked": {ResourceId: s.GetInfo().GetId(), Path: "."}, "beside it": e.at("out/f"),
		"another link": public("bbbbbbbbbbbbbbb", "f"), "above it": public(address, "../out/f")} {
		s, err := e.Stat(in, &providerpb.StatRequest{Ref: ref})
		if err != nil || s.GetStatus().GetCode() == rpcpb.Code_CODE_OK || s.GetInfo() != nil {
			t.Errorf("by %s: %v, %v", name, s, err)
		}
		m, err := e.Move(in, &providerpb.MoveRequest{Source: public(address, "f"), Destination: ref})
		if err != nil || m.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
			t.Errorf("moved to %s: %v, %v", name, m, err)
		}
		d, err := e.Delete(in, &providerpb.DeleteRequest{Ref: ref})
		if err != nil || d.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
			t.Errorf("deleted %s: %v, %v", name, d, err)
		}
	}
	spaces, err := e.spaces.ListStorageSpaces(in, &providerpb.ListStorageSpacesRequest{})
	e.is(spaces, err, rpcpb.Code_CODE_NOT_FOUND)
	g, err := e.ListGrants(in, &providerpb.ListGrantsRequest{Ref: public(address, "")})
	if err != nil || g.GetStatus().GetCode() == rpcpb.Code_CODE_OK {
		t.Errorf("grants: %v, %v", g, err)
	}
	drop := e.by("in", permission.Uploader)
	for _, ref := range []*providerpb.Reference{public(address, "f"), e.at("in/f")} {
		s, err := e.Stat(drop, &providerpb.StatRequest{Ref: ref})
		e.is(s, err, rpcpb.Code_CODE_NOT_FOUND)
	}
}
