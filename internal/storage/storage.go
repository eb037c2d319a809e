// Package storage is what every storage of files offers: a posix tree, an object store, a storage in another process,
// the shares somebody received. Protocols speak to these interfaces and to nothing below them.
//
// Rules for every implementation (storagetest checks them):
//   - The actor comes from the context (identity.ActorFrom); without the right to Stat a node, it does not exist: ErrNotFound.
//     With it, but without the right needed, ErrForbidden. A refused call changes nothing.
//   - A change is durable and visible to every later call when the method returns without error.
//   - A listing is a snapshot. It is whole or it ends in an error; it never leaves entries out.
//   - Every change below a folder changes the ETag of all its ancestors up to the root of the space, and of nothing else.
//   - Preconditions are checked in the same transaction as the change.
package storage

import (
	"context"
	"io"
	"iter"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
)

// Ref names a resource by its id, or by a path relative to an id ("" is the id itself; no leading slash).
type Ref struct {
	ID   resource.ID
	Path string
}

// At returns a Ref to a path below an id.
func At(id resource.ID, path string) Ref { return Ref{ID: id, Path: path} }

// Status tells whether a file can be read yet.
type Status uint8

const (
	Ready Status = iota
	Processing
)

// Checksums of a file's content; nil where not known (yet).
type Checksums struct {
	SHA1    []byte // 20 bytes
	MD5     []byte // 16 bytes
	Adler32 []byte // 4 bytes, big endian
}

// Checksum is one checksum as a client gives it.
type Checksum struct {
	Algorithm string // sha1, md5 or adler32, in lower case
	Sum       []byte
}

// Prop is a property set by clients: XML name and literal inner XML.
type Prop struct {
	Namespace, Name string
	Value           string // well-formed XML content, namespace declarations included
	Attrs           string // e.g. ` xml:lang="en"`, may be empty
}

// PropPatch sets or removes one property.
type PropPatch struct {
	Prop   Prop
	Remove bool
}

// Lock is a lock on a node. (RFC 4918 §6)
type Lock struct {
	Token    string // opaquelocktoken:… or what an application chose
	Shared   bool
	Infinite bool          // guards all below
	Owner    string        // inner XML as the client gave it
	User     string        // user id of the holder
	UserName string        // display name of the holder
	App      string        // application that holds it, if any
	Timeout  time.Duration // as granted; 0: never ends
	Created  time.Time
	Expires  time.Time // zero: never
	// Root is the node that was locked; differs from the resource for locks inherited from a folder.
	Root     resource.ID
	RootPath string // relative to the root of the space
}

// Info describes a file or folder as the actor may see it.
type Info struct {
	ID          resource.ID
	Parent      resource.ID // zero for roots
	Name        string      // bytes as stored; the space's name for roots
	Path        string      // relative to the root of the space; only if View.Path
	Kind        resource.Kind
	Size        int64     // bytes; of a folder, all files below
	MTime       time.Time // of a folder, of the last change below
	ETag        string    // without quotes; no '"' inside
	MIME        string
	Checksums   Checksums
	Permissions permission.Set // the actor's
	Status      Status
	Favorite    bool // marked by the actor
	Tags        []string
	Locks       []Lock // that apply, inherited ones included
	Props       []Prop // only if View.Props
	SpaceType   space.Type
	SpaceOwner  string              // user id
	Shared      bool                // the node itself has grants, and is no root
	Grantees    []space.GranteeKind // of whom it is shared with; only if View.Grantees, and for those who may list grants
	Received    bool                // the actor came to it by a share
}

// IsFolder tells whether it is a folder.
func (i *Info) IsFolder() bool { return i.Kind == resource.Folder }

// View says what a caller needs beyond the fields that are always there.
type View struct {
	Props    bool
	Path     bool
	Grantees bool
	// Tokens are lock tokens that the client named. Who came by a link sees those of his own locks only: others came by it too.
	Tokens []string
}

// Conditions must hold in the transaction that makes the change, else ErrPrecondition (or ErrLocked).
type Conditions struct {
	IfMatch           []string  // ETags without quotes, one of which must be the target's; "*": it must exist
	IfNoneMatch       []string  // ETags the target must not have; "*": it must not exist
	IfUnmodifiedSince time.Time // zero: no condition
	LockTokens        []string  // tokens the client submitted; must cover every lock in the way
}

// Content is an open file and what it is. Reads see the content that belongs to Info even if the file is replaced.
type Content struct {
	Info Info
	io.ReadSeekCloser
}

// UploadRequest announces content for a file.
type UploadRequest struct {
	Length     int64 // -1: not known
	MTime      time.Time
	Checksum   *Checksum // of the whole content
	Conditions Conditions
	// AutoRename gives the new file a free name ("name (2).ext") when the name is taken: for file drops.
	AutoRename bool
	// MakeParents creates missing parent folders of the target.
	MakeParents bool
	Metadata    map[string]string // the client's TUS metadata, given back by the session
}

// Result is what a change made.
type Result struct {
	Info    Info
	Created bool // the target did not exist before
}

// UploadSession is a resumable upload.
type UploadSession struct {
	ID       string
	Target   Ref
	Space    resource.ID
	Filename string
	Length   int64 // -1: not known yet
	Offset   int64
	Owner    string // user id
	Created  time.Time
	Expires  time.Time
	Metadata map[string]string
	Status   Status  // Processing: complete, being finished
	Result   *Result // set when the last byte has arrived and the file is in place
}

// Reader looks at the tree.
type Reader interface {
	Stat(ctx context.Context, ref Ref, v View) (Info, error)
	// List returns a folder and its children in the order of their names' bytes. The sequence can be used once; it ends
	// early only with an error. A caller that stops early must still let the loop end (break is fine).
	List(ctx context.Context, ref Ref, v View) (Info, iter.Seq2[Info, error], error)
	// Open opens a file for reading. Needs Download. ErrProcessing while it is not ready.
	Open(ctx context.Context, ref Ref) (*Content, error)
}

// Writer changes the tree.
type Writer interface {
	CreateFolder(ctx context.Context, ref Ref, c Conditions) (Info, error)
	// Upload stores a file from a stream. Fewer or more bytes than announced, or a wrong checksum, change nothing.
	Upload(ctx context.Context, ref Ref, r UploadRequest, body io.Reader) (Result, error)
	// Move renames or moves, within one space; between spaces it is ErrCrossSpace. A target in the way goes to the trash
	// if overwrite, else ErrExists (its Conditions: IfNoneMatch etc. apply to the source).
	Move(ctx context.Context, src, dst Ref, overwrite bool, c Conditions) (Result, error)
	// Copy copies a file, or a folder with (deep) or without what is in it; also between spaces of one storage.
	Copy(ctx context.Context, src, dst Ref, overwrite, deep bool, c Conditions) (Result, error)
	// Delete moves to the trash.
	Delete(ctx context.Context, ref Ref, c Conditions) error
}

// Uploads are uploads in several requests (TUS). A session belongs to its actor; whoever has the id may go on with it
// (transfer tokens guard it on the wire).
type Uploads interface {
	CreateUpload(ctx context.Context, ref Ref, r UploadRequest) (UploadSession, error)
	// WriteUpload appends at the offset; ErrOffset if it is not the session's. What arrived before a broken stream is
	// kept, unless chunk is given and does not match (ErrChecksum). The last byte finishes the upload.
	WriteUpload(ctx context.Context, id string, offset int64, chunk *Checksum, body io.Reader) (UploadSession, error)
	// SetUploadLength announces the length of a session that was created without.
	SetUploadLength(ctx context.Context, id string, length int64) error
	UploadSession(ctx context.Context, id string) (UploadSession, error)
	CancelUpload(ctx context.Context, id string) error
}

// TrashItem is something deleted: a trashed node, or (Path not empty) something inside a trashed folder.
type TrashItem struct {
	Key          string // node id of the trashed root
	Path         string // inside the trashed folder
	Name         string
	OriginalPath string // relative to the root of the space
	Kind         resource.Kind
	Size         int64
	Deleted      time.Time
	ID           resource.ID
}

// Trash is the deleted files of a space. space is the id of any node in it.
type Trash interface {
	// ListTrash lists the trash (key and path empty), newest first, or what is inside a trashed folder. Needs ListTrash.
	ListTrash(ctx context.Context, space resource.ID, key, path string) (iter.Seq2[TrashItem, error], error)
	// Restore brings an item back to dst; a zero dst is the original place. Needs RestoreTrash, and the rights to create at dst.
	Restore(ctx context.Context, space resource.ID, key, path string, dst Ref, overwrite bool, c Conditions) (Result, error)
	// Purge removes an item for good, key empty: everything. Needs PurgeTrash.
	Purge(ctx context.Context, space resource.ID, key, path string) error
}

// Version is former content of a file.
type Version struct {
	Key   string
	Size  int64
	MTime time.Time
	ETag  string
	MIME  string
}

// Versions are the former contents of a file.
type Versions interface {
	// ListVersions returns the newest first. Needs ListVersions.
	ListVersions(ctx context.Context, id resource.ID) ([]Version, error)
	OpenVersion(ctx context.Context, id resource.ID, key string) (*Content, error)
	// RestoreVersion makes a version current again; what was current becomes a version.
	RestoreVersion(ctx context.Context, id resource.ID, key string, c Conditions) (Info, error)
}

// LockRequest asks for a lock.
type LockRequest struct {
	Token    string // empty: made by the storage
	Shared   bool
	Infinite bool
	Owner    string
	App      string
	Timeout  time.Duration // 0: for ever
}

// Locks guard nodes against changes by others. Needs Upload.
type Locks interface {
	// Lock locks; on a name that is free it creates an empty file (created is true).
	Lock(ctx context.Context, ref Ref, r LockRequest, c Conditions) (l Lock, created bool, err error)
	// RefreshLock sets a new time-out. ErrPrecondition if the token is not that of a lock on the node.
	RefreshLock(ctx context.Context, ref Ref, token string, timeout time.Duration) (Lock, error)
	// Unlock removes a lock. ErrConflict if there is no such lock, ErrForbidden if it is another user's.
	Unlock(ctx context.Context, ref Ref, token string) error
}

// Metadata is what people attach to files.
type Metadata interface {
	// PatchProps sets and removes properties, all or none. Needs Upload.
	PatchProps(ctx context.Context, ref Ref, patches []PropPatch, c Conditions) error
	// SetMTime sets the time of last modification of a file. Needs Upload.
	SetMTime(ctx context.Context, ref Ref, t time.Time, c Conditions) error
	// SetFavorite marks for the actor only. Needs Stat.
	SetFavorite(ctx context.Context, ref Ref, on bool) error
	Favorites(ctx context.Context, ref Ref) (iter.Seq2[Info, error], error)
	// AddTags and RemoveTags change the tags all see. Needs Upload.
	AddTags(ctx context.Context, ref Ref, tags []string) error
	RemoveTags(ctx context.Context, ref Ref, tags []string) error
	// Tagged returns what has a tag, or with "" any, below a folder and itself.
	Tagged(ctx context.Context, ref Ref, tag string) (iter.Seq2[Info, error], error)
}

// Grants are rights given on nodes.
type Grants interface {
	ListGrants(ctx context.Context, ref Ref) ([]space.Grant, error) // needs ListGrants
	// SetGrant adds or replaces the grant of a grantee. Needs AddGrant or UpdateGrant; never gives more than the actor has.
	SetGrant(ctx context.Context, ref Ref, g space.Grant) error
	RemoveGrant(ctx context.Context, ref Ref, kind space.GranteeKind, grantee string) error
	// FindGrants returns grants below the roots of spaces that count now, the oldest first, with what they are on. What is in
	// the trash, in a disabled space or not visible to the actor is left out. It takes a few queries, whatever their number.
	FindGrants(ctx context.Context, q GrantQuery) ([]Granted, error)
	// Bequeath makes the shares that a user made in projects the spaces' own, with what he can still give. It is asked while the
	// directory still knows who he is: what he has by a group is not known afterwards. For services.
	Bequeath(ctx context.Context, creator string) error
	// DropGrantee removes all grants to a user or group that is no more, memberships and what is in the trash included. The
	// shares that such a user made in projects stay, as by Bequeath. For services.
	DropGrantee(ctx context.Context, kind space.GranteeKind, grantee string) error
	// Gone returns which of the nodes are no more: neither there nor in the trash, nor in a disabled space. For services.
	Gone(ctx context.Context, ids []resource.ID) ([]resource.ID, error)
}

// GrantQuery says which grants to find: exactly one field is set.
type GrantQuery struct {
	// Received: those that give the actor or one of his groups something, but for his own personal space.
	Received bool
	// Given: those that the actor made, and all in his personal space.
	Given bool
	// Space: all in a space of which the actor may list the grants.
	Space resource.ID
	// All: all there are; for services.
	All bool
}

// Granted is a grant and the node it is on, with its path.
type Granted struct {
	Grant      space.Grant
	Info       Info
	SpaceAlias string
}

// Change is one entry of the answer to Changes.
type Change struct {
	Path string // relative to the asked folder, where it is now or (Removed) was
	Info Info   // not set if Removed
	// Removed tells that nothing is at the path any more.
	Removed bool
}

// TokenNow asks Changes for the current token only.
const TokenNow = "now"

// Journal tells what changed.
type Journal interface {
	// Changes returns what changed below a folder after the token, at most limit entries, and the token to go on with.
	// An empty token returns everything there is. ErrSyncToken if the token is not (or no longer) known: start anew.
	Changes(ctx context.Context, ref Ref, token string, limit int) (changes []Change, next string, more bool, err error)
}

// SpaceFilter narrows a listing of spaces; empty fields do not.
type SpaceFilter struct {
	ID    resource.ID // of the root
	Type  space.Type
	Owner string // user id
	User  string // user id: spaces this user is a member of
	// All lists spaces the actor is no member of as well; needs Actor.MayListAllSpaces or a service.
	All bool
}

// SpaceRequest describes a space to create.
type SpaceRequest struct {
	Type        space.Type
	ID          string // empty: made by the storage; personal spaces have the user's id
	Name        string
	Alias       string
	Description string
	Owner       string // user id, personal only
	Quota       int64
}

// SpaceUpdate changes a space; nil fields stay. Needs the manager's rights; Quota needs a service or an actor with
// the permission, which the caller checks.
type SpaceUpdate struct {
	Name, Alias, Description, ImageID, ReadmeID *string
	Quota                                       *int64
	Restore                                     bool // enable a disabled space
}

// Spaces are the trees of a storage.
type Spaces interface {
	ListSpaces(ctx context.Context, f SpaceFilter) ([]space.Space, error)
	// CreateSpace makes the actor its manager (project) or owner (personal). An existing personal space is ErrExists.
	CreateSpace(ctx context.Context, r SpaceRequest) (space.Space, error)
	UpdateSpace(ctx context.Context, id resource.ID, u SpaceUpdate) (space.Space, error)
	// DisableSpace hides the space and all in it; PurgeSpace removes a disabled one for good.
	DisableSpace(ctx context.Context, id resource.ID) error
	PurgeSpace(ctx context.Context, id resource.ID) error
	// Quota returns that of the space of a node. Needs GetQuota on the node.
	Quota(ctx context.Context, id resource.ID) (space.Quota, error)
}

// FS is a whole storage.
type FS interface {
	Reader
	Writer
	Uploads
	Trash
	Versions
	Locks
	Metadata
	Grants
	Journal
	Spaces
}
