// Package permission holds the rights one can have on a resource, the roles that bundle them, and their two old short
// forms: the WebDAV letters and the OCS numbers. (spec/storage.md §1.4, §1.5)
package permission

import "strings"

// Set is a set of rights, one bit each; they are those of the CS3 APIs.
type Set uint32

const (
	Stat Set = 1 << iota
	ListContainer
	Download // CS3: InitiateFileDownload
	Upload   // CS3: InitiateFileUpload
	CreateContainer
	Move
	Delete
	GetPath
	GetQuota
	ListVersions
	RestoreVersion
	ListTrash
	RestoreTrash
	PurgeTrash
	AddGrant
	ListGrants
	UpdateGrant
	RemoveGrant
	DenyGrant
)

// None is the empty set; as a grant it denies.
const None Set = 0

// Roles by their internal names; see RoleSet.
const (
	Viewer           = GetPath | GetQuota | Download | ListContainer | ListTrash | Stat
	SpaceViewer      = Viewer | ListGrants
	Editor           = Viewer | CreateContainer | Delete | Upload | Move | RestoreTrash
	SpaceEditor      = Editor | ListGrants | ListVersions | RestoreVersion
	FileEditor       = Viewer | Upload | RestoreTrash
	EditorLite       = Stat | GetPath | CreateContainer | Upload | Download | ListContainer | Move
	Uploader         = Stat | GetPath | CreateContainer | Upload
	SecureViewer     = GetPath | ListContainer | Stat
	Manager      Set = 1<<19 - 1
)

// Has tells whether all of want are in the set.
func (s Set) Has(want Set) bool { return s&want == want }

// Letters returns the value of oc:permissions for a file or folder. shared marks an item that the caller received
// by a share. (spec/storage.md §1.5: the order is fixed)
func (s Set) Letters(folder, shared bool) string {
	var b strings.Builder
	add := func(on bool, letters string) {
		if on {
			b.WriteString(letters)
		}
	}
	write := s.Has(Upload | RestoreTrash)
	add(shared, "S")
	add(s.Has(AddGrant), "R")
	add(s.Has(Delete), "D")
	add(write, "NV")
	add(!folder && write, "W")
	add(folder && s.Has(Stat|CreateContainer|Upload), "CK")
	add(s.Has(DenyGrant), "Z")
	add(s.Has(PurgeTrash), "P")
	add(s.Has(Stat) && !s.Has(Download) && s.Has(ListContainer), "X")
	return b.String()
}
