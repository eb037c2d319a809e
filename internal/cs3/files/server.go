package files

import (
	"context"
	"strconv"
	"strings"
	"time"

	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Server implements ProviderAPI and SpacesAPI.
type Server struct {
	providerpb.UnimplementedProviderAPIServer
	providerpb.UnimplementedSpacesAPIServer
	fs     storage.FS
	signer *transfer.Signer
	data   string        // URL of the data listener
	life   time.Duration // of transfer tokens
}

// NewServer returns a server of a storage whose content is moved through a data listener.
func NewServer(fs storage.FS, signer *transfer.Signer, dataURL string, life time.Duration) *Server {
	return &Server{fs: fs, signer: signer, data: dataURL, life: life}
}

// Register adds both services.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	providerpb.RegisterProviderAPIServer(r, s)
	providerpb.RegisterSpacesAPIServer(r, s)
}

// Known refuses strangers, with an error that Status knows.
func Known(ctx context.Context) error {
	if identity.ActorFrom(ctx).Kind == identity.Anonymous {
		return errAnonymous
	}
	return nil
}

// account refuses strangers, and those who came by a link: they have no spaces.
func account(ctx context.Context) error {
	if err := Known(ctx); err != nil {
		return err
	}
	if a := identity.ActorFrom(ctx); !a.Known() {
		return storage.ErrNotFound
	}
	return nil
}

// on reads a reference of a caller who may ask. Who came by a link has no other way in.
func on(ctx context.Context, r *providerpb.Reference) (storage.Ref, error) {
	if err := Known(ctx); err != nil {
		return storage.Ref{}, err
	}
	ref, err := FromRef(r)
	if err == nil && visitor(ctx) && ref.ID.Storage != link.PublicID {
		err = storage.ErrNotFound
	}
	return ref, err
}

func visitor(ctx context.Context) bool { return identity.ActorFrom(ctx).Kind == identity.Visitor }

// visitLife bounds the life of addresses that were given to visitors: the link may be removed.
const visitLife = time.Minute

func (s *Server) lifeFor(ctx context.Context) time.Duration {
	if visitor(ctx) {
		return min(s.life, visitLife)
	}
	return s.life
}

func (s *Server) Stat(ctx context.Context, r *providerpb.StatRequest) (*providerpb.StatResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var i storage.Info
	if err == nil {
		i, err = s.fs.Stat(ctx, ref, storage.View{Path: true, Props: len(r.GetArbitraryMetadataKeys()) > 0})
	}
	if err != nil {
		return &providerpb.StatResponse{Status: Status(err)}, nil
	}
	return &providerpb.StatResponse{Status: Status(nil), Info: ToInfo(&i)}, nil
}

// each calls f for the children of a folder.
func (s *Server) each(ctx context.Context, r *providerpb.Reference, f func(*providerpb.ResourceInfo) error) error {
	ref, err := on(ctx, r)
	if err != nil {
		return err
	}
	_, children, err := s.fs.List(ctx, ref, storage.View{Path: true})
	if err != nil {
		return err
	}
	for i, err := range children {
		if err != nil {
			return err
		}
		if err := f(ToInfo(&i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) ListContainer(ctx context.Context, r *providerpb.ListContainerRequest) (*providerpb.ListContainerResponse, error) {
	var infos []*providerpb.ResourceInfo
	err := s.each(ctx, r.GetRef(), func(i *providerpb.ResourceInfo) error { infos = append(infos, i); return nil })
	if err != nil {
		return &providerpb.ListContainerResponse{Status: Status(err)}, nil // a listing is whole or an error
	}
	return &providerpb.ListContainerResponse{Status: Status(nil), Infos: infos}, nil
}

func (s *Server) ListContainerStream(r *providerpb.ListContainerStreamRequest, stream providerpb.ProviderAPI_ListContainerStreamServer) error {
	err := s.each(stream.Context(), r.GetRef(), func(i *providerpb.ResourceInfo) error {
		return stream.Send(&providerpb.ListContainerStreamResponse{Status: Status(nil), Info: i})
	})
	if err != nil {
		return status.Error(grpcCode(err), "the listing is not whole")
	}
	return nil
}

func grpcCode(err error) codes.Code {
	switch Status(err).GetCode() {
	case rpcpb.Code_CODE_UNAUTHENTICATED:
		return codes.Unauthenticated
	case rpcpb.Code_CODE_NOT_FOUND:
		return codes.NotFound
	case rpcpb.Code_CODE_PERMISSION_DENIED:
		return codes.PermissionDenied
	case rpcpb.Code_CODE_UNAVAILABLE:
		return codes.Unavailable
	}
	return codes.Internal
}

func (s *Server) CreateContainer(ctx context.Context, r *providerpb.CreateContainerRequest) (*providerpb.CreateContainerResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		_, err = s.fs.CreateFolder(ctx, ref, storage.Conditions{})
	}
	return &providerpb.CreateContainerResponse{Status: Status(err)}, nil
}

func (s *Server) TouchFile(ctx context.Context, r *providerpb.TouchFileRequest) (*providerpb.TouchFileResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		_, err = s.fs.Upload(ctx, ref, storage.UploadRequest{Conditions: storage.Conditions{IfNoneMatch: []string{"*"}}}, emptyBody{})
	}
	return &providerpb.TouchFileResponse{Status: Status(err)}, nil
}

func (s *Server) Delete(ctx context.Context, r *providerpb.DeleteRequest) (*providerpb.DeleteResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		err = s.fs.Delete(ctx, ref, storage.Conditions{LockTokens: tokens(r.GetLockId())})
	}
	return &providerpb.DeleteResponse{Status: Status(err)}, nil
}

func tokens(id string) []string {
	if id == "" {
		return nil
	}
	return []string{id}
}

func (s *Server) Move(ctx context.Context, r *providerpb.MoveRequest) (*providerpb.MoveResponse, error) {
	src, err := on(ctx, r.GetSource())
	var dst storage.Ref
	if err == nil {
		dst, err = on(ctx, r.GetDestination())
	}
	if err == nil {
		_, err = s.fs.Move(ctx, src, dst, false, storage.Conditions{LockTokens: tokens(r.GetLockId())})
	}
	return &providerpb.MoveResponse{Status: Status(err)}, nil
}

func (s *Server) GetPath(ctx context.Context, r *providerpb.GetPathRequest) (*providerpb.GetPathResponse, error) {
	ref, err := on(ctx, &providerpb.Reference{ResourceId: r.GetResourceId()})
	var i storage.Info
	if err == nil {
		i, err = s.fs.Stat(ctx, ref, storage.View{Path: true})
	}
	if err != nil {
		return &providerpb.GetPathResponse{Status: Status(err)}, nil
	}
	return &providerpb.GetPathResponse{Status: Status(nil), Path: "/" + i.Path}, nil
}

func (s *Server) GetQuota(ctx context.Context, r *providerpb.GetQuotaRequest) (*providerpb.GetQuotaResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var q space.Quota
	if err == nil {
		q, err = s.fs.Quota(ctx, ref.ID)
	}
	if err != nil {
		return &providerpb.GetQuotaResponse{Status: Status(err)}, nil
	}
	remaining := strconv.FormatInt(q.Remaining, 10)
	return &providerpb.GetQuotaResponse{Status: Status(nil), TotalBytes: uint64(q.Used + q.Remaining), UsedBytes: uint64(q.Used),
		Opaque: &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{"remaining": {Decoder: "plain", Value: []byte(remaining)}}}}, nil
}

// InitiateFileDownload checks that the file can be read, and returns where.
func (s *Server) InitiateFileDownload(ctx context.Context, r *providerpb.InitiateFileDownloadRequest) (*providerpb.InitiateFileDownloadResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err != nil {
		return &providerpb.InitiateFileDownloadResponse{Status: Status(err)}, nil
	}
	c, err := s.fs.Open(ctx, ref)
	if err != nil {
		return &providerpb.InitiateFileDownloadResponse{Status: Status(err)}, nil
	}
	claims := transfer.Claims{Op: transfer.Read, Resource: c.Info.ID.String(), Actor: identity.ActorFrom(ctx)}
	if visitor(ctx) {
		claims.Resource, claims.Path = ref.ID.String(), ref.Path
	}
	_ = c.Close()
	token, err := s.signer.Sign(claims, s.lifeFor(ctx))
	if err != nil {
		return &providerpb.InitiateFileDownloadResponse{Status: Status(err)}, nil
	}
	return &providerpb.InitiateFileDownloadResponse{Status: Status(nil), Protocols: []*providerpb.FileDownloadProtocol{
		{Protocol: "simple", DownloadEndpoint: s.data + "/" + token, Expose: true}}}, nil
}

// InitiateFileUpload returns where content can be sent: in one PUT, or by TUS when the length is told.
func (s *Server) InitiateFileUpload(ctx context.Context, r *providerpb.InitiateFileUploadRequest) (*providerpb.InitiateFileUploadResponse, error) {
	fail := func(err error) (*providerpb.InitiateFileUploadResponse, error) {
		return &providerpb.InitiateFileUploadResponse{Status: Status(err)}, nil
	}
	ref, err := on(ctx, r.GetRef())
	if err != nil {
		return fail(err)
	}
	req := storage.UploadRequest{Length: -1, Conditions: storage.Conditions{LockTokens: tokens(r.GetLockId())}}
	if tag := r.GetIfMatch(); tag != "" {
		req.Conditions.IfMatch = []string{trimQuotes(tag)}
	}
	if r.GetIfNotExist() {
		req.Conditions.IfNoneMatch = []string{"*"}
	}
	o := r.GetOpaque().GetMap()
	if e := o["Upload-Length"]; e != nil {
		if req.Length, err = strconv.ParseInt(string(e.GetValue()), 10, 64); err != nil || req.Length < 0 {
			return fail(storage.ErrInvalid)
		}
	}
	if e := o["X-OC-Mtime"]; e != nil {
		if req.MTime, err = transfer.ParseMTime(string(e.GetValue())); err != nil {
			return fail(storage.ErrInvalid)
		}
	}
	a := identity.ActorFrom(ctx)
	claims := transfer.Claims{Op: transfer.Write, Resource: ref.ID.String(), Path: ref.Path, Actor: a}
	if err := claims.SetRequest(req); err != nil {
		return fail(err)
	}
	token, err := s.signer.Sign(claims, s.lifeFor(ctx))
	if err != nil {
		return fail(err)
	}
	out := &providerpb.InitiateFileUploadResponse{Status: Status(nil), Protocols: []*providerpb.FileUploadProtocol{
		{Protocol: "simple", UploadEndpoint: s.data + "/" + token, Expose: true}}}
	if req.Length > 0 {
		session, err := s.fs.CreateUpload(ctx, ref, req)
		if err != nil {
			return fail(err)
		}
		if token, err = s.signer.Sign(transfer.Claims{Op: transfer.Session, Session: session.ID, Actor: a}, s.life); err != nil {
			return fail(err)
		}
		out.Protocols = append(out.Protocols, &providerpb.FileUploadProtocol{Protocol: "tus", UploadEndpoint: s.data + "/" + token, Expose: true})
	}
	return out, nil
}

func trimQuotes(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// emptyBody is no content.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, errEOF }

func (s *Server) ListFileVersions(ctx context.Context, r *providerpb.ListFileVersionsRequest) (*providerpb.ListFileVersionsResponse, error) {
	id, err := s.nodeOf(ctx, r.GetRef())
	var versions []storage.Version
	if err == nil {
		versions, err = s.fs.ListVersions(ctx, id)
	}
	out := &providerpb.ListFileVersionsResponse{Status: Status(err)}
	for _, v := range versions {
		out.Versions = append(out.Versions, &providerpb.FileVersion{Key: v.Key, Size: uint64(v.Size), Mtime: uint64(max(0, v.MTime.Unix())), Etag: `"` + v.ETag + `"`})
	}
	return out, nil
}

// nodeOf resolves a reference to an id.
func (s *Server) nodeOf(ctx context.Context, r *providerpb.Reference) (resource.ID, error) {
	ref, err := on(ctx, r)
	if err != nil || ref.Path == "" {
		return ref.ID, err
	}
	i, err := s.fs.Stat(ctx, ref, storage.View{})
	return i.ID, err
}

func (s *Server) RestoreFileVersion(ctx context.Context, r *providerpb.RestoreFileVersionRequest) (*providerpb.RestoreFileVersionResponse, error) {
	id, err := s.nodeOf(ctx, r.GetRef())
	if err == nil {
		_, err = s.fs.RestoreVersion(ctx, id, r.GetKey(), storage.Conditions{LockTokens: tokens(r.GetLockId())})
	}
	return &providerpb.RestoreFileVersionResponse{Status: Status(err)}, nil
}

// eachTrashed calls f for what is in the trash.
func (s *Server) eachTrashed(ctx context.Context, r *providerpb.Reference, key string, f func(*providerpb.RecycleItem) error) error {
	ref, err := on(ctx, r)
	if err != nil {
		return err
	}
	key, path, _ := strings.Cut(key, "/")
	items, err := s.fs.ListTrash(ctx, ref.ID, key, path)
	if err != nil {
		return err
	}
	for i, err := range items {
		if err == nil {
			err = f(toItem(&i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) ListRecycle(ctx context.Context, r *providerpb.ListRecycleRequest) (*providerpb.ListRecycleResponse, error) {
	var items []*providerpb.RecycleItem
	err := s.eachTrashed(ctx, r.GetRef(), r.GetKey(), func(i *providerpb.RecycleItem) error { items = append(items, i); return nil })
	if err != nil {
		return &providerpb.ListRecycleResponse{Status: Status(err)}, nil
	}
	return &providerpb.ListRecycleResponse{Status: Status(nil), RecycleItems: items}, nil
}

func (s *Server) ListRecycleStream(r *providerpb.ListRecycleStreamRequest, stream providerpb.ProviderAPI_ListRecycleStreamServer) error {
	err := s.eachTrashed(stream.Context(), r.GetRef(), r.GetKey(), func(i *providerpb.RecycleItem) error {
		return stream.Send(&providerpb.ListRecycleStreamResponse{Status: Status(nil), RecycleItem: i})
	})
	if err != nil {
		return status.Error(grpcCode(err), "the listing is not whole")
	}
	return nil
}

func toItem(i *storage.TrashItem) *providerpb.RecycleItem {
	kind := providerpb.ResourceType_RESOURCE_TYPE_FILE
	if i.Kind == resource.Folder {
		kind = providerpb.ResourceType_RESOURCE_TYPE_CONTAINER
	}
	return &providerpb.RecycleItem{Type: kind, Key: keyOf(i), Ref: &providerpb.Reference{Path: "./" + i.OriginalPath}, Size: uint64(i.Size), DeletionTime: ToTime(i.Deleted)}
}

// keyOf names an item: the key of what was deleted, and the path in it.
func keyOf(i *storage.TrashItem) string {
	if i.Path == "" {
		return i.Key
	}
	return i.Key + "/" + i.Path
}

func (s *Server) RestoreRecycleItem(ctx context.Context, r *providerpb.RestoreRecycleItemRequest) (*providerpb.RestoreRecycleItemResponse, error) {
	ref, err := on(ctx, r.GetRef())
	var dst storage.Ref
	if err == nil && r.GetRestoreRef() != nil {
		dst, err = on(ctx, r.GetRestoreRef())
	}
	if err == nil {
		key, path, _ := strings.Cut(r.GetKey(), "/")
		_, err = s.fs.Restore(ctx, ref.ID, key, path, dst, false, storage.Conditions{})
	}
	return &providerpb.RestoreRecycleItemResponse{Status: Status(err)}, nil
}

func (s *Server) PurgeRecycle(ctx context.Context, r *providerpb.PurgeRecycleRequest) (*providerpb.PurgeRecycleResponse, error) {
	ref, err := on(ctx, r.GetRef())
	if err == nil {
		key, path, _ := strings.Cut(r.GetKey(), "/")
		err = s.fs.Purge(ctx, ref.ID, key, path)
	}
	return &providerpb.PurgeRecycleResponse{Status: Status(err)}, nil
}
