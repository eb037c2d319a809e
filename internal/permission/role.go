package permission

import (
	"fmt"
	"slices"
	"strings"
)

// Target is what a role can be given on.
type Target uint8

const (
	OnFile Target = 1 << iota
	OnFolder
	OnRoot // of a project space: membership
)

// Role is a named set of rights that people are given, under the ids that clients know. (spec/identity.md §14.9,
// spec/storage.md §11.6)
type Role struct {
	ID          string
	Name        string // internal, as in events and the OCS API
	DisplayName string // English; translated at the edge
	Description string
	Rights      Set
	On          Target
	Federated   bool // may be given to people of other servers
	Default     bool // may be given unless the administrator chose others
	Weight      int  // orders roles: weaker first among those of one target
}

// Ids of the roles.
const (
	ViewerID                     = "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5"
	ViewerWithVersionsID         = "d1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5"
	SecureViewerID               = "aa97fe03-7980-45ac-9e50-b325749fd7e6"
	ViewerListGrantsID           = "d5041006-ebb3-4b4a-b6a4-7c180ecfb17d"
	SpaceViewerID                = "a8d5fe5e-96e3-418d-825b-534dbdf22b99"
	SpaceViewerWithVersionsID    = "3de465fc-6e17-4839-8b8a-a77cc497878b"
	EditorLiteID                 = "1c996275-f1c9-4e71-abdf-a42f6495e960"
	EditorID                     = "fb6c3e19-e378-47e5-b277-9732f9de6e21"
	EditorListGrantsID           = "e8ea8b21-abd4-45d2-b893-8d1546378e9e"
	EditorWithVersionsID         = "b8c6e1c9-5d2a-4f0e-9c3b-1a2b3c4d5e6f"
	SpaceEditorWithoutVersionsID = "3284f2d5-0070-4ad8-ac40-c247f7c1fb27"
	SpaceEditorID                = "58c63c02-1d89-4572-916a-870abc5a1b7d"
	FileEditorID                 = "2d00ce52-1fc2-4dbc-8b95-a73b73395f5a"
	FileEditorListGrantsID       = "c1235aea-d106-42db-8458-7d5610fb0a67"
	FileEditorWithVersionsID     = "3d00ce52-1fc2-4dbc-8b95-a73b73395f5a"
	ManagerID                    = "312c0871-5ef7-4b3a-85b6-0e4074c64049"
	DeniedID                     = "63e64e19-8d43-42ec-a738-2b6af2610efa"
)

const (
	spaceEditorWithoutVersions = Editor | ListGrants
	versions                   = ListVersions | RestoreVersion
)

// Roles returns all roles, ordered by weight.
func Roles() []Role {
	return []Role{
		{ViewerID, "viewer", "Can view", "View and download.", Viewer, OnFile | OnFolder, true, true, 10},
		{ViewerWithVersionsID, "viewer-with-versions", "Can view", "View, download and see old versions.", Viewer | ListVersions, OnFile | OnFolder, false, false, 11},
		{SecureViewerID, "secure-viewer", "Can view (secure)", "View only documents, images and PDFs. Watermarks will be applied.", SecureViewer, OnFile | OnFolder, false, false, 20},
		{ViewerListGrantsID, "viewer-list-grants", "Can view", "View, download and see all invited people.", Viewer | ListGrants, OnFile | OnFolder, false, false, 30},
		{SpaceViewerID, "space-viewer", "Can view", "View and download.", SpaceViewer, OnRoot, false, true, 40},
		{SpaceViewerWithVersionsID, "space-viewer-with-versions", "Can view", "View, download and see old versions.", SpaceViewer | ListVersions, OnRoot, false, false, 41},
		{EditorLiteID, "editor-lite", "Can upload", "View, download and upload.", EditorLite, OnFolder, false, true, 50},
		{EditorID, "editor", "Can edit", "View, download, upload, edit, add and delete.", Editor, OnFolder, true, true, 60},
		{EditorListGrantsID, "editor-list-grants", "Can edit", "View, download, upload, edit, add, delete and see all invited people.", Editor | ListGrants, OnFolder, false, false, 70},
		{EditorWithVersionsID, "editor-with-versions", "Can edit", "View, download, upload, edit, add, delete and use old versions.", Editor | versions, OnFolder, false, false, 71},
		{SpaceEditorWithoutVersionsID, "space-editor-without-versions", "Can edit without versions", "View, download, upload, edit, add and delete.", spaceEditorWithoutVersions, OnRoot, false, false, 80},
		{SpaceEditorID, "space-editor", "Can edit", "View, download, upload, edit, add, delete and use old versions.", SpaceEditor, OnRoot, false, true, 90},
		{FileEditorID, "file-editor", "Can edit", "View, download and edit.", FileEditor, OnFile, true, true, 100},
		{FileEditorWithVersionsID, "file-editor-with-versions", "Can edit", "View, download, edit and use old versions.", FileEditor | versions, OnFile, false, false, 101},
		{FileEditorListGrantsID, "file-editor-list-grants", "Can edit", "View, download, edit and see all invited people.", FileEditor | ListGrants, OnFile, false, false, 110},
		{ManagerID, "manager", "Can manage", "View, download, upload, edit, add, delete, use old versions and manage members.", Manager, OnRoot, false, true, 120},
		{DeniedID, "denied", "Cannot access", "Deny all access.", None, OnFolder, false, false, 200},
	}
}

// RoleByID finds a role.
func RoleByID(id string) (Role, bool) {
	for _, r := range Roles() {
		if r.ID == id {
			return r, true
		}
	}
	return Role{}, false
}

// RoleOf names a set of rights given on a target: the lightest role that is exactly this set. False if there is none;
// then its actions say what it is.
func RoleOf(s Set, on Target) (Role, bool) {
	for _, r := range Roles() {
		if r.Rights == s && r.On&on != 0 {
			return r, true
		}
	}
	return Role{}, false
}

// Offer is which roles somebody may give away.
type Offer struct {
	Enabled []string // ids the administrator allows; nil: the default ones
	Own     Set      // what the giver may do
	On      Target
	// Federated: to somebody of another server.
	Federated bool
}

// EnabledRoles returns the roles with the ids that the administrator allows, ordered by weight; nil ids: the default ones.
func EnabledRoles(ids []string) []Role {
	return slices.DeleteFunc(Roles(), func(r Role) bool { return ids == nil && !r.Default || ids != nil && !slices.Contains(ids, r.ID) })
}

// Roles returns what may be given, weaker first: never more than the giver has, and nothing that lets others give away
// again, but on the root of a space. (spec/storage.md §11.4)
func (o Offer) Roles() []Role {
	return slices.DeleteFunc(EnabledRoles(o.Enabled), func(r Role) bool { return !o.fits(r) || !MayGive(o.Own, r.Rights, o.On) })
}

// Role finds a role that can be given on the target, whatever the giver may do; false if it is unknown or not allowed, or cannot be
// given on this. (spec/storage.md §11.1)
func (o Offer) Role(id string) (Role, bool) {
	all := EnabledRoles(o.Enabled)
	i := slices.IndexFunc(all, func(r Role) bool { return r.ID == id && o.fits(r) })
	if i < 0 {
		return Role{}, false
	}
	return all[i], true
}

func (o Offer) fits(r Role) bool { return r.On&o.On != 0 && (!o.Federated || r.Federated) }

// MayGive tells whether somebody with the rights own may give the rights s on a target. To deny needs the right to.
func MayGive(own, s Set, on Target) bool {
	if s == None {
		return own.Has(DenyGrant) && on == OnFolder
	}
	if !own.Has(AddGrant|s) || !s.Has(Stat) {
		return false
	}
	const again = AddGrant | UpdateGrant | RemoveGrant | DenyGrant
	if on != OnRoot && s&again != 0 {
		return false
	}
	return on != OnFile || s&(CreateContainer|Move|Delete) == 0
}

// Conditions is the form in which clients are told what a role can be given on.
func (r Role) Conditions() []string {
	var out []string
	for _, t := range []struct {
		on   Target
		name string
	}{{OnFile, "exists @Resource.File"}, {OnFolder, "exists @Resource.Folder"}, {OnRoot, "exists @Resource.Root"}} {
		if r.On&t.on == 0 {
			continue
		}
		out = append(out, t.name)
		if r.Federated {
			out = append(out, t.name+` && @Subject.UserType=="Federated"`)
		}
	}
	return out
}

const actionPrefix = "libre.graph/driveItem/"

// action is the name of a right in the LibreGraph API.
type action struct {
	right Set
	name  string
}

// actions in the order in which clients are told of them.
func actions() []action {
	return []action{
		{AddGrant, "permissions/create"}, {CreateContainer, "children/create"}, {Delete, "standard/delete"}, {GetPath, "path/read"}, {GetQuota, "quota/read"},
		{Download, "content/read"}, {Upload, "upload/create"}, {ListGrants, "permissions/read"}, {ListContainer, "children/read"}, {ListVersions, "versions/read"},
		{ListTrash, "deleted/read"}, {Move, "path/update"}, {RemoveGrant, "permissions/delete"}, {PurgeTrash, "deleted/delete"}, {RestoreVersion, "versions/update"},
		{RestoreTrash, "deleted/update"}, {Stat, "basic/read"}, {UpdateGrant, "permissions/update"}, {DenyGrant, "permissions/deny"},
	}
}

// Actions returns the names of the rights in the LibreGraph API.
func (s Set) Actions() []string {
	out := []string{}
	for _, a := range actions() {
		if s.Has(a.right) {
			out = append(out, actionPrefix+a.name)
		}
	}
	return out
}

// FromActions reads names of rights; an unknown one is an error.
func FromActions(names []string) (Set, error) {
	known := actions()
	var s Set
	for _, n := range names {
		i := slices.IndexFunc(known, func(a action) bool { return actionPrefix+a.name == n })
		if i < 0 {
			return 0, fmt.Errorf("unknown action %q", strings.ToValidUTF8(n[:min(len(n), 100)], "?"))
		}
		s |= known[i].right
	}
	return s, nil
}
