package graph

import (
	"encoding/hex"
	"net/url"
	"path"
	"slices"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// driveItem is a LibreGraph driveItem: a file or folder. (spec/identity.md §14.7)
type driveItem struct {
	ID           string            `json:"id,omitempty"`
	Name         string            `json:"name,omitempty"`
	ETag         string            `json:"eTag,omitempty"`
	CTag         string            `json:"cTag,omitempty"`
	Size         *int64            `json:"size,omitempty"`
	LastModified string            `json:"lastModifiedDateTime,omitempty"`
	CreatedBy    *identities       `json:"createdBy,omitempty"`
	Parent       *itemReference    `json:"parentReference,omitempty"`
	File         *fileFacet        `json:"file,omitempty"`
	Folder       *struct{}         `json:"folder,omitempty"`
	Root         *struct{}         `json:"root,omitempty"`
	Deleted      *deleted          `json:"deleted,omitempty"`
	Special      *specialFolder    `json:"specialFolder,omitempty"`
	Permissions  []drivePermission `json:"permissions,omitempty"`
	Remote       *remoteItem       `json:"remoteItem,omitempty"`
	Synchronize  *bool             `json:"@client.synchronize,omitempty"`
	Hidden       *bool             `json:"@UI.Hidden,omitempty"`
	WebDAVURL    string            `json:"webDavUrl,omitempty"`
	WebURL       string            `json:"webUrl,omitempty"`
	Tags         []string          `json:"@libre.graph.tags,omitempty"`
	Following    bool              `json:"@libre.graph.me.following,omitempty"`
	DownloadURL  string            `json:"@microsoft.graph.downloadUrl,omitempty"`
	Actions      []string          `json:"@libre.graph.permissions.actions.allowedValues,omitempty"`
}

// stamp is a time to the nanosecond; empty if it is not known.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

type itemReference struct {
	DriveID   string `json:"driveId"`
	DriveType string `json:"driveType,omitempty"`
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Path      string `json:"path,omitempty"`
}

type fileFacet struct {
	MimeType string  `json:"mimeType"`
	Hashes   *hashes `json:"hashes,omitempty"`
}

type hashes struct {
	SHA1 string `json:"sha1Hash"`
}

type specialFolder struct {
	Name string `json:"name"`
}

type deleted struct {
	State string `json:"state"`
}

// What $select adds to an item.
const (
	selectDownload = "@microsoft.graph.downloadUrl"
	selectActions  = "@libre.graph.permissions.actions.allowedValues"
)

// downloadTTL is how long the address of a download is valid. (spec/storage.md §9.2)
const downloadTTL = 30 * time.Minute

// toItem describes a file or folder. Where it lies is told if i.Path is set: who sees a part of a space does not learn what is
// above it.
func (h *handler) toItem(i *storage.Info) driveItem {
	size := i.Size
	d := driveItem{ID: i.ID.String(), Name: i.Name, ETag: `"` + i.ETag + `"`, Size: &size, LastModified: stamp(i.MTime),
		WebDAVURL: h.webDAV(i), WebURL: h.url + "/f/" + i.ID.String(), Tags: i.Tags, Following: i.Favorite,
		Parent: &itemReference{DriveID: i.ID.SpaceID(), DriveType: string(i.SpaceType)}}
	switch {
	case i.ID.IsRoot():
		d.Root = &struct{}{}
	case i.Path != "":
		above := path.Dir("/" + i.Path)
		d.Parent.ID, d.Parent.Path = i.Parent.String(), above
		if above != "/" {
			d.Parent.Name = path.Base(above)
		}
	}
	if i.IsFolder() {
		d.Folder = &struct{}{}
		return d
	}
	d.File = &fileFacet{MimeType: i.MIME}
	if sum := hex.EncodeToString(i.Checksums.SHA1); sum != "" {
		d.File.Hashes, d.CTag = &hashes{sum}, `"`+sum+`"`
	}
	return d
}

// webDAV is the address of an item: by its path in the space, or by its id if the path is not known.
func (h *handler) webDAV(i *storage.Info) string {
	if i.ID.IsRoot() {
		return h.dav + i.ID.SpaceID()
	}
	if i.Path == "" {
		return h.dav + i.ID.String()
	}
	return h.dav + i.ID.SpaceID() + resource.EscapePath("/"+i.Path)
}

// selected adds what $select asks for.
func (h *handler) selected(d *driveItem, i *storage.Info, names []string, who *identity.Actor) error {
	if slices.Contains(names, selectActions) {
		d.Actions = i.Permissions.Actions()
	}
	if h.downloads == nil || i.IsFolder() || who.Kind != identity.Person || !i.Permissions.Has(permission.Download) || !slices.Contains(names, selectDownload) {
		return nil
	}
	var err error
	d.DownloadURL, err = h.downloadURL(i, who)
	return err
}

// downloadURL is an address by which a browser can fetch a file by itself, as the caller, for a while.
func (h *handler) downloadURL(i *storage.Info, who *identity.Actor) (string, error) {
	u, err := url.Parse(h.url + "/dav/spaces/" + i.ID.String())
	if err != nil {
		return "", err
	}
	return h.downloads.Sign(u, who.User.ID, downloadTTL)
}
