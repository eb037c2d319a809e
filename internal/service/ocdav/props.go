package ocdav

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/webdav"
)

// prop is a property the server itself knows.
type prop uint8

const (
	unknown prop = iota
	displayName
	name
	resourceType
	getETag
	contentLength
	contentType
	lastModified
	quotaUsed
	quotaAvailable
	lockDiscovery
	supportedLock
	ocID
	fileID
	fileParent
	spaceID
	size
	permissions
	sharePermissions
	ownerID
	ownerName
	favorite
	checksums
	tags
	hasPreview
	privateLink
	metaPath
	syncToken
	supportedReports
	shareTypes
	downloadURL
	shareID
	linkPermission
	linkItemType
	linkDateTime
	linkOwner
	linkExpiration
	signatureAuth
)

var known = map[webdav.Name]prop{
	{Space: webdav.DAV, Local: "displayname"}: displayName, {Space: webdav.OC, Local: "name"}: name,
	{Space: webdav.DAV, Local: "resourcetype"}: resourceType, {Space: webdav.DAV, Local: "getetag"}: getETag,
	{Space: webdav.DAV, Local: "getcontentlength"}: contentLength, {Space: webdav.DAV, Local: "getcontenttype"}: contentType,
	{Space: webdav.DAV, Local: "getlastmodified"}: lastModified, {Space: webdav.DAV, Local: "quota-used-bytes"}: quotaUsed,
	{Space: webdav.DAV, Local: "quota-available-bytes"}: quotaAvailable, {Space: webdav.DAV, Local: "lockdiscovery"}: lockDiscovery,
	{Space: webdav.DAV, Local: "supportedlock"}: supportedLock, {Space: webdav.OC, Local: "id"}: ocID, {Space: webdav.OC, Local: "fileid"}: fileID,
	{Space: webdav.OC, Local: "file-parent"}: fileParent, {Space: webdav.OC, Local: "spaceid"}: spaceID, {Space: webdav.OC, Local: "size"}: size,
	{Space: webdav.OC, Local: "permissions"}: permissions, {Space: webdav.OCS, Local: "share-permissions"}: sharePermissions,
	{Space: webdav.OC, Local: "owner-id"}: ownerID, {Space: webdav.OC, Local: "owner-display-name"}: ownerName,
	{Space: webdav.OC, Local: "favorite"}: favorite, {Space: webdav.OC, Local: "checksums"}: checksums, {Space: webdav.OC, Local: "tags"}: tags,
	{Space: webdav.OC, Local: "has-preview"}: hasPreview, {Space: webdav.OC, Local: "privatelink"}: privateLink,
	{Space: webdav.OC, Local: "meta-path-for-user"}: metaPath, {Space: webdav.DAV, Local: "sync-token"}: syncToken,
	{Space: webdav.DAV, Local: "supported-report-set"}: supportedReports, {Space: webdav.OC, Local: "share-types"}: shareTypes,
	{Space: webdav.OC, Local: "downloadURL"}: downloadURL, {Space: webdav.OC, Local: "shareid"}: shareID,
	{Space: webdav.OC, Local: "public-link-permission"}: linkPermission, {Space: webdav.OC, Local: "public-link-item-type"}: linkItemType,
	{Space: webdav.OC, Local: "public-link-share-datetime"}: linkDateTime, {Space: webdav.OC, Local: "public-link-share-owner"}: linkOwner,
	{Space: webdav.OC, Local: "public-link-expiration"}: linkExpiration, {Space: webdav.OC, Local: "signature-auth"}: signatureAuth,
}

// allProps are those of allprop, in their order. (spec/storage.md §7.6)
var allProps = []webdav.Name{
	{Space: webdav.OC, Local: "id"}, {Space: webdav.OC, Local: "fileid"}, {Space: webdav.OC, Local: "spaceid"}, {Space: webdav.OC, Local: "file-parent"}, {Space: webdav.OC, Local: "shareid"},
	{Space: webdav.OC, Local: "name"}, {Space: webdav.DAV, Local: "displayname"}, {Space: webdav.DAV, Local: "getetag"}, {Space: webdav.OC, Local: "permissions"},
	{Space: webdav.DAV, Local: "resourcetype"}, {Space: webdav.OC, Local: "size"}, {Space: webdav.DAV, Local: "getcontentlength"},
	{Space: webdav.DAV, Local: "getcontenttype"}, {Space: webdav.DAV, Local: "getlastmodified"}, {Space: webdav.OC, Local: "checksums"},
	{Space: webdav.OC, Local: "tags"}, {Space: webdav.OC, Local: "has-preview"}, {Space: webdav.OC, Local: "favorite"}, {Space: webdav.DAV, Local: "lockdiscovery"},
}

// wanted is one property that is asked for.
type wanted struct {
	name webdav.Name
	prop prop
}

// question is what a PROPFIND asks, prepared for many resources.
type question struct {
	props     []wanted
	all       bool // allprop: what does not apply is left out, and stored properties are added
	names     bool // propname: no values
	stored    bool // stored properties are needed
	quota     *space.Quota
	path      bool
	minimal   bool // Prefer: return=minimal
	syncRoot  string
	link      *link.Link // by which the caller came, if it is asked about
	linkOwner identity.User
	linked    func(*storage.Info) bool // whether something has links, if that is asked
	reader    string                   // id of the user that addresses of downloads are signed for
}

func newQuestion(ctx context.Context, p webdav.Propfind, minimal bool) *question {
	q := &question{all: p.AllProp || p.PropName, names: p.PropName, minimal: minimal, reader: identity.ActorFrom(ctx).User.ID}
	ask := p.Props
	if q.all {
		ask = append(append([]webdav.Name{}, allProps...), p.Props...)
		q.stored = true
	}
	seen := make(map[webdav.Name]bool, len(ask))
	for _, n := range ask {
		if seen[n] {
			continue
		}
		seen[n] = true
		k := known[n]
		q.props = append(q.props, wanted{n, k})
		q.stored = q.stored || k == unknown
		q.path = q.path || k == metaPath
	}
	return q
}

func (q *question) asks(p ...prop) bool {
	for _, w := range q.props {
		for _, x := range p {
			if w.prop == x {
				return true
			}
		}
	}
	return false
}

// shareTypes writes whom something is shared with: users (0), groups (1), everybody by a link (3). (spec/storage.md §7.6)
func (q *question) shareTypes(x *webdav.XML, i *storage.Info) bool {
	types := make([]int64, 0, 3)
	for _, k := range i.Grantees {
		switch k {
		case space.UserGrantee:
			types = append(types, 0)
		case space.GroupGrantee:
			types = append(types, 1)
		}
	}
	if q.linked != nil && q.linked(i) {
		types = append(types, 3)
	}
	if len(types) == 0 {
		return false
	}
	x.Raw("<oc:share-types>")
	for _, t := range types {
		number(x, "<oc:share-type>", t, "</oc:share-type>")
	}
	x.Raw("</oc:share-types>")
	return true
}

func (q *question) view() storage.View {
	return storage.View{Props: q.stored, Path: q.path, Grantees: q.asks(shareTypes)}
}

// response writes one response element.
func (h *handler) response(x *webdav.XML, q *question, t *target, i *storage.Info) {
	x.Raw("<d:response><d:href>")
	x.Raw(t.prefix)
	if t.ref.Path != "" {
		x.Raw("/")
		x.Append(func(b []byte) []byte { return webdav.AppendHref(b, t.ref.Path) })
	}
	if i.IsFolder() {
		x.Raw("/")
	}
	x.Raw("</d:href>")
	h.propstats(x, q, t, i)
	x.Raw("</d:response>")
}

func (h *handler) propstats(x *webdav.XML, q *question, t *target, i *storage.Info) {
	var missing []webdav.Name
	const begin = "<d:propstat><d:prop>"
	from := x.Len()
	x.Raw(begin)
	empty := x.Len()
	for _, w := range q.props {
		before := x.Len()
		if !h.property(x, q, w, t, i) {
			x.Cut(before)
			if !q.all || w.prop == unknown {
				missing = append(missing, w.name)
			}
		} else if q.names {
			x.Cut(before)
			x.Empty(w.name)
		}
	}
	if q.all {
		h.storedProps(x, q, i)
	}
	switch {
	case x.Len() == empty && len(missing) > 0 && !q.minimal:
		x.Cut(from)
	case i.Status == storage.Processing:
		x.Raw("</d:prop><d:status>HTTP/1.1 425 TOO EARLY</d:status></d:propstat>")
	default:
		x.Raw("</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>")
	}
	if len(missing) == 0 || q.minimal {
		return
	}
	x.Raw("<d:propstat><d:prop>")
	for _, n := range missing {
		x.Empty(n)
	}
	x.Raw("</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>")
}

func (h *handler) storedProps(x *webdav.XML, q *question, i *storage.Info) {
	for _, p := range i.Props {
		n := webdav.Name{Space: p.Namespace, Local: p.Name}
		if q.names {
			x.Empty(n)
		} else {
			x.Element(n, p.Attrs, p.Value)
		}
	}
}

func text(x *webdav.XML, open, value, end string) bool {
	x.Raw(open)
	x.Text(value)
	x.Raw(end)
	return true
}

func number(x *webdav.XML, open string, n int64, end string) bool {
	x.Raw(open)
	x.Append(func(b []byte) []byte { return strconv.AppendInt(b, n, 10) })
	x.Raw(end)
	return true
}

// property writes one property; false if the resource does not have it.
func (h *handler) property(x *webdav.XML, q *question, w wanted, t *target, i *storage.Info) bool {
	folder := i.IsFolder()
	switch w.prop {
	case unknown:
		for _, p := range i.Props {
			if p.Namespace == w.name.Space && p.Name == w.name.Local {
				if !q.all { // allprop writes them itself
					x.Element(w.name, p.Attrs, p.Value)
				}
				return true
			}
		}
		return false
	case displayName:
		return text(x, "<d:displayname>", i.Name, "</d:displayname>")
	case name:
		return text(x, "<oc:name>", i.Name, "</oc:name>")
	case resourceType:
		if folder {
			x.Raw("<d:resourcetype><d:collection/></d:resourcetype>")
		} else {
			x.Raw("<d:resourcetype></d:resourcetype>")
		}
		return true
	case getETag:
		x.Raw(`<d:getetag>&#34;`)
		x.Raw(i.ETag)
		x.Raw(`&#34;</d:getetag>`)
		return true
	case contentLength:
		return !folder && number(x, "<d:getcontentlength>", i.Size, "</d:getcontentlength>")
	case contentType:
		return !folder && text(x, "<d:getcontenttype>", i.MIME, "</d:getcontenttype>")
	case lastModified:
		x.Raw("<d:getlastmodified>")
		x.Append(func(b []byte) []byte { return webdav.AppendTime(b, i.MTime) })
		x.Raw("</d:getlastmodified>")
		return true
	case ocID:
		return idElement(x, "<oc:id>", i.ID, "</oc:id>")
	case fileID:
		return idElement(x, "<oc:fileid>", i.ID, "</oc:fileid>")
	case fileParent:
		return !i.Parent.IsZero() && idElement(x, "<oc:file-parent>", i.Parent, "</oc:file-parent>")
	case spaceID:
		return text(x, "<oc:spaceid>", i.ID.SpaceID(), "</oc:spaceid>")
	case size:
		return number(x, "<oc:size>", i.Size, "</oc:size>")
	case permissions:
		return text(x, "<oc:permissions>", i.Permissions.Letters(folder, i.Received), "</oc:permissions>")
	case favorite:
		n := int64(0)
		if i.Favorite {
			n = 1
		}
		return number(x, "<oc:favorite>", n, "</oc:favorite>")
	case checksums:
		return checksumElement(x, i)
	}
	return h.rareProperty(x, q, w, t, i)
}

// rareProperty writes the properties that listings seldom ask for.
func (h *handler) rareProperty(x *webdav.XML, q *question, w wanted, t *target, i *storage.Info) bool {
	folder := i.IsFolder()
	switch w.prop {
	case quotaUsed:
		return folder && q.quota != nil && number(x, "<d:quota-used-bytes>", q.quota.Used, "</d:quota-used-bytes>")
	case quotaAvailable:
		return folder && q.quota != nil && number(x, "<d:quota-available-bytes>", available(q.quota), "</d:quota-available-bytes>")
	case lockDiscovery:
		if len(i.Locks) == 0 {
			if q.all {
				return false
			}
			x.Raw("<d:lockdiscovery></d:lockdiscovery>")
			return true
		}
		x.Raw("<d:lockdiscovery>")
		for n := range i.Locks {
			h.activeLock(x, t, &i.Locks[n], i)
		}
		x.Raw("</d:lockdiscovery>")
		return true
	case supportedLock:
		x.Raw("<d:supportedlock><d:lockentry><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>" +
			"<d:lockentry><d:lockscope><d:shared/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry></d:supportedlock>")
		return true
	case sharePermissions:
		return number(x, "<ocs:share-permissions>", int64(i.Permissions.OCS(folder)), "</ocs:share-permissions>")
	case ownerID:
		return i.SpaceType == space.Personal && text(x, "<oc:owner-id>", i.SpaceOwner, "</oc:owner-id>")
	case tags:
		return len(i.Tags) > 0 && text(x, "<oc:tags>", strings.Join(i.Tags, ","), "</oc:tags>")
	case hasPreview:
		return !folder && number(x, "<oc:has-preview>", 0, "</oc:has-preview>")
	case privateLink:
		return text(x, "<oc:privatelink>", h.public.String()+"/f/"+i.ID.String(), "</oc:privatelink>")
	case metaPath:
		return text(x, "<oc:meta-path-for-user>", "/"+i.Path, "</oc:meta-path-for-user>")
	case downloadURL:
		if q.link != nil {
			return !folder && i.Permissions.Has(permission.Download) && h.linkDownload(x, q, t)
		}
		return !folder && h.downloads != nil && q.reader != "" && i.Permissions.Has(permission.Download) && h.downloadElement(x, q, t)
	case shareTypes:
		return q.shareTypes(x, i)
	case shareID:
		return i.ID.Storage == share.JailID && i.ID != share.Jail() && text(x, "<oc:shareid>", i.ID.Node, "</oc:shareid>")
	case linkPermission, linkItemType, linkDateTime, linkOwner, ownerName, linkExpiration, signatureAuth:
		return h.linkProperty(x, q, w, t)
	case syncToken:
		return folder && q.syncRoot != "" && text(x, "<d:sync-token>", q.syncRoot, "</d:sync-token>")
	case supportedReports:
		x.Raw("<d:supported-report-set><d:supported-report><d:report><d:sync-collection/></d:report></d:supported-report>" +
			"<d:supported-report><d:report><oc:filter-files/></d:report></d:supported-report></d:supported-report-set>")
		return true
	}
	return false
}

// downloadTTL is how long the address of a download is valid. (spec/storage.md §9.2)
const downloadTTL = 30 * time.Minute

// downloadElement writes an address by which a browser can fetch the file by itself.
func (h *handler) downloadElement(x *webdav.XML, q *question, t *target) bool {
	u, err := url.Parse(h.public.String() + t.href(false))
	if err != nil {
		return false
	}
	signed, err := h.downloads.Sign(u, q.reader, downloadTTL)
	return err == nil && text(x, "<oc:downloadURL>", signed, "</oc:downloadURL>")
}

func available(q *space.Quota) int64 {
	if q.Max <= 0 {
		return -3 // unlimited, as clients know it
	}
	return max(q.Remaining, 0)
}

func idElement(x *webdav.XML, open string, id resource.ID, end string) bool {
	x.Raw(open)
	if id.Storage != "" {
		x.Raw(id.Storage)
		x.Raw("$")
	}
	x.Raw(id.Space)
	x.Raw("!")
	x.Raw(id.Node)
	x.Raw(end)
	return true
}

func checksumElement(x *webdav.XML, i *storage.Info) bool {
	c := &i.Checksums
	if i.IsFolder() || c.SHA1 == nil {
		return false
	}
	x.Raw("<oc:checksums><oc:checksum>SHA1:")
	x.Append(func(b []byte) []byte {
		b = hex.AppendEncode(b, c.SHA1)
		b = hex.AppendEncode(append(b, " MD5:"...), c.MD5)
		return hex.AppendEncode(append(b, " ADLER32:"...), c.Adler32)
	})
	x.Raw("</oc:checksum></oc:checksums>")
	return true
}

// activeLock writes one lock. (RFC 4918 §14.1)
func (h *handler) activeLock(x *webdav.XML, t *target, l *storage.Lock, i *storage.Info) {
	x.Raw("<d:activelock><d:locktype><d:write/></d:locktype><d:lockscope>")
	if l.Shared {
		x.Raw("<d:shared/>")
	} else {
		x.Raw("<d:exclusive/>")
	}
	x.Raw("</d:lockscope><d:depth>")
	if l.Infinite {
		x.Raw("infinity")
	} else {
		x.Raw("0")
	}
	x.Raw("</d:depth><d:owner>" + l.Owner + "</d:owner><d:timeout>")
	if l.Expires.IsZero() {
		x.Raw("Infinite")
	} else {
		x.Raw("Second-" + strconv.FormatInt(max(1, int64(time.Until(l.Expires).Round(time.Second)/time.Second)), 10))
	}
	x.Raw("</d:timeout>")
	if i.Permissions.Has(permission.Upload) { // to others it is of no use (RFC 4918 §15.8)
		text(x, "<d:locktoken><d:href>", l.Token, "</d:href></d:locktoken>")
	}
	x.Raw("<d:lockroot><d:href>")
	if l.Root == i.ID {
		x.Raw(t.href(i.IsFolder()))
	} else {
		x.Raw("/dav/spaces/" + l.Root.String() + "/")
	}
	x.Raw("</d:href></d:lockroot>")
	if l.UserName != "" {
		text(x, "<oc:ownername>", l.UserName, "</oc:ownername>")
	}
	if !l.Created.IsZero() {
		text(x, "<oc:locktime>", l.Created.UTC().Format(time.RFC3339), "</oc:locktime>")
	}
	x.Raw("</d:activelock>")
}

// resourceHeaders describes a resource in the headers of an answer.
func resourceHeaders(hd http.Header, i *storage.Info) {
	q := `"` + i.ETag + `"`
	hd["Etag"] = []string{q}
	hd["OC-ETag"] = []string{q}
	hd["OC-FileId"] = []string{i.ID.String()}
	hd["OC-Perm"] = []string{i.Permissions.Letters(i.IsFolder(), i.Received)}
	hd["Last-Modified"] = []string{i.MTime.UTC().Format(http.TimeFormat)}
}
