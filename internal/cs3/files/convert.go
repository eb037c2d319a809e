// Package files serves a storage to CS3 programs: ProviderAPI and SpacesAPI over storage.FS. Our own services speak
// package provider, which leaves nothing of storage.FS out.
//
// Whoever calls without a valid token gets nothing but CODE_UNAUTHENTICATED.
package files

import (
	"encoding/hex"
	"errors"
	"strings"
	"time"

	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Status translates an error. (spec/storage.md §0.2)
func Status(err error) *rpcpb.Status {
	code := rpcpb.Code_CODE_INTERNAL
	text := "internal error"
	if err == nil {
		return &rpcpb.Status{Code: rpcpb.Code_CODE_OK}
	}
	for _, c := range []struct {
		err  error
		code rpcpb.Code
	}{
		{errAnonymous, rpcpb.Code_CODE_UNAUTHENTICATED}, {storage.ErrParentMissing, rpcpb.Code_CODE_NOT_FOUND}, {storage.ErrNotFound, rpcpb.Code_CODE_NOT_FOUND},
		{storage.ErrForbidden, rpcpb.Code_CODE_PERMISSION_DENIED}, {storage.ErrExists, rpcpb.Code_CODE_ALREADY_EXISTS},
		{storage.ErrPrecondition, rpcpb.Code_CODE_ABORTED}, {storage.ErrConflict, rpcpb.Code_CODE_FAILED_PRECONDITION},
		{storage.ErrLocked, rpcpb.Code_CODE_LOCKED}, {storage.ErrProcessing, rpcpb.Code_CODE_TOO_EARLY},
		{storage.ErrQuota, rpcpb.Code_CODE_INSUFFICIENT_STORAGE}, {storage.ErrCrossSpace, rpcpb.Code_CODE_UNIMPLEMENTED},
		{storage.ErrUnsupported, rpcpb.Code_CODE_UNIMPLEMENTED}, {storage.ErrUnavailable, rpcpb.Code_CODE_UNAVAILABLE},
		{storage.ErrInvalid, rpcpb.Code_CODE_INVALID_ARGUMENT}, {resource.ErrInvalidID, rpcpb.Code_CODE_INVALID_ARGUMENT},
		{resource.ErrInvalidName, rpcpb.Code_CODE_INVALID_ARGUMENT}, {storage.ErrChecksum, rpcpb.Code_CODE_INVALID_ARGUMENT},
		{storage.ErrLength, rpcpb.Code_CODE_INVALID_ARGUMENT}, {storage.ErrOffset, rpcpb.Code_CODE_OUT_OF_RANGE}, {storage.ErrSyncToken, rpcpb.Code_CODE_INVALID_ARGUMENT},
	} {
		if errors.Is(err, c.err) {
			code, text = c.code, err.Error()
			break
		}
	}
	return &rpcpb.Status{Code: code, Message: text}
}

var errAnonymous = errors.New("log in first")

// FromRef reads a reference: an id with a path relative to it ("./a/b", "." or "").
func FromRef(r *providerpb.Reference) (storage.Ref, error) {
	id, err := FromID(r.GetResourceId())
	if err != nil {
		return storage.Ref{}, err
	}
	p := strings.Trim(strings.TrimPrefix(r.GetPath(), "."), "/")
	return storage.At(id, p), nil
}

// FromID reads the id of a resource; without the last part it is the root of the space. resource.ErrInvalidID if it is none.
func FromID(id *providerpb.ResourceId) (resource.ID, error) {
	out := resource.ID{Storage: id.GetStorageId(), Space: id.GetSpaceId(), Node: id.GetOpaqueId()}
	if out.Node == "" {
		out.Node = out.Space
	}
	return resource.ParseID(out.String()) // checks the parts
}

// ToID is the id of a resource as CS3 has it; nil for none.
func ToID(id resource.ID) *providerpb.ResourceId {
	if id.IsZero() {
		return nil
	}
	return &providerpb.ResourceId{StorageId: id.Storage, SpaceId: id.Space, OpaqueId: id.Node}
}

// ToTime is a moment as CS3 has it; nil for the zero one.
func ToTime(t time.Time) *typespb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return &typespb.Timestamp{Seconds: uint64(max(0, t.Unix())), Nanos: uint32(t.Nanosecond())}
}

// ToSet is a set of rights as CS3 has it. (spec/storage.md §1.4)
func ToSet(s permission.Set) *providerpb.ResourcePermissions {
	return &providerpb.ResourcePermissions{
		Stat: s.Has(permission.Stat), ListContainer: s.Has(permission.ListContainer), InitiateFileDownload: s.Has(permission.Download),
		InitiateFileUpload: s.Has(permission.Upload), CreateContainer: s.Has(permission.CreateContainer), Move: s.Has(permission.Move),
		Delete: s.Has(permission.Delete), GetPath: s.Has(permission.GetPath), GetQuota: s.Has(permission.GetQuota),
		ListFileVersions: s.Has(permission.ListVersions), RestoreFileVersion: s.Has(permission.RestoreVersion), ListRecycle: s.Has(permission.ListTrash),
		RestoreRecycleItem: s.Has(permission.RestoreTrash), PurgeRecycle: s.Has(permission.PurgeTrash), AddGrant: s.Has(permission.AddGrant),
		ListGrants: s.Has(permission.ListGrants), UpdateGrant: s.Has(permission.UpdateGrant), RemoveGrant: s.Has(permission.RemoveGrant),
		DenyGrant: s.Has(permission.DenyGrant)}
}

// FromSet is the reverse of ToSet.
func FromSet(p *providerpb.ResourcePermissions) (s permission.Set) {
	for _, f := range []struct {
		on  bool
		bit permission.Set
	}{
		{p.GetStat(), permission.Stat}, {p.GetListContainer(), permission.ListContainer}, {p.GetInitiateFileDownload(), permission.Download},
		{p.GetInitiateFileUpload(), permission.Upload}, {p.GetCreateContainer(), permission.CreateContainer}, {p.GetMove(), permission.Move},
		{p.GetDelete(), permission.Delete}, {p.GetGetPath(), permission.GetPath}, {p.GetGetQuota(), permission.GetQuota},
		{p.GetListFileVersions(), permission.ListVersions}, {p.GetRestoreFileVersion(), permission.RestoreVersion},
		{p.GetListRecycle(), permission.ListTrash}, {p.GetRestoreRecycleItem(), permission.RestoreTrash}, {p.GetPurgeRecycle(), permission.PurgeTrash},
		{p.GetAddGrant(), permission.AddGrant}, {p.GetListGrants(), permission.ListGrants}, {p.GetUpdateGrant(), permission.UpdateGrant},
		{p.GetRemoveGrant(), permission.RemoveGrant}, {p.GetDenyGrant(), permission.DenyGrant},
	} {
		if f.on {
			s |= f.bit
		}
	}
	return s
}

// ToInfo is a file or folder as CS3 has it.
func ToInfo(i *storage.Info) *providerpb.ResourceInfo {
	out := &providerpb.ResourceInfo{Type: providerpb.ResourceType_RESOURCE_TYPE_FILE, Id: ToID(i.ID), ParentId: ToID(i.Parent), Name: i.Name, Path: "./" + i.Path,
		Etag: `"` + i.ETag + `"`, MimeType: i.MIME, Mtime: ToTime(i.MTime), Size: uint64(max(0, i.Size)), PermissionSet: ToSet(i.Permissions),
		Owner: &userpb.UserId{OpaqueId: i.SpaceOwner}}
	if i.IsFolder() {
		out.Type = providerpb.ResourceType_RESOURCE_TYPE_CONTAINER
	}
	sums(out, &i.Checksums)
	for k := range i.Locks {
		if i.Locks[k].Root == i.ID {
			out.Lock = toLock(&i.Locks[k])
			break
		}
	}
	if i.Status == storage.Processing {
		setEntry(&out.Opaque, "status", "processing")
	}
	if i.SpaceType != "" {
		out.Space = &providerpb.StorageSpace{SpaceType: string(i.SpaceType)}
	}
	meta := map[string]string{}
	if len(i.Tags) > 0 {
		meta[keyTags] = strings.Join(i.Tags, ",")
	}
	if i.Favorite {
		meta[keyFavorite] = "1"
	}
	for _, p := range i.Props {
		meta[p.Namespace+"/"+p.Name] = plain(p.Value)
	}
	out.ArbitraryMetadata = &providerpb.ArbitraryMetadata{Metadata: meta}
	return out
}

// sums sets SHA1 as the checksum, the others as opaque entries.
func sums(out *providerpb.ResourceInfo, c *storage.Checksums) {
	if c.SHA1 != nil {
		out.Checksum = &providerpb.ResourceChecksum{Type: providerpb.ResourceChecksumType_RESOURCE_CHECKSUM_TYPE_SHA1, Sum: hex.EncodeToString(c.SHA1)}
	}
	if c.MD5 != nil {
		setEntry(&out.Opaque, "md5", hex.EncodeToString(c.MD5))
	}
	if c.Adler32 != nil {
		setEntry(&out.Opaque, "adler32", hex.EncodeToString(c.Adler32))
	}
}

func setEntry(o **typespb.Opaque, key, value string) {
	if *o == nil {
		*o = &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{}}
	}
	(*o).Map[key] = &typespb.OpaqueEntry{Decoder: "plain", Value: []byte(value)}
}

func toSpace(s *space.Space) *providerpb.StorageSpace {
	out := &providerpb.StorageSpace{Id: &providerpb.StorageSpaceId{OpaqueId: s.ID.SpaceID()}, Root: ToID(s.ID), Name: s.Name, SpaceType: string(s.Type),
		Mtime: ToTime(s.MTime), Quota: &providerpb.Quota{QuotaMaxBytes: uint64(max(0, s.Quota.Max))},
		RootInfo: &providerpb.ResourceInfo{Type: providerpb.ResourceType_RESOURCE_TYPE_CONTAINER, Id: ToID(s.ID), Path: ".", Etag: `"` + s.ETag + `"`,
			Size: uint64(max(0, s.Quota.Used)), Mtime: ToTime(s.MTime), PermissionSet: ToSet(s.Permissions)}}
	if s.Owner != "" {
		out.Owner = &userpb.User{Id: &userpb.UserId{OpaqueId: s.Owner}}
	}
	out.Opaque = &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{"spaceAlias": {Decoder: "plain", Value: []byte(s.Alias)},
		"description": {Decoder: "plain", Value: []byte(s.Description)}}}
	if !s.Disabled.IsZero() {
		out.Opaque.Map["trashed"] = &typespb.OpaqueEntry{Decoder: "plain", Value: []byte("trashed")}
	}
	return out
}

// FromTime is the reverse of ToTime.
func FromTime(t *typespb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return time.Unix(int64(t.GetSeconds()), int64(t.GetNanos()))
}
