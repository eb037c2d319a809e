package permission

// Bits of the OCS sharing API. (spec/storage.md §1.5)
const (
	ocsRead   = 1
	ocsUpdate = 2
	ocsCreate = 4
	ocsDelete = 8
	ocsShare  = 16
)

// OCS returns the bits of the OCS sharing API: 1 read, 2 update, 4 create, 8 delete, 16 share.
func (s Set) OCS(folder bool) int {
	n := 0
	if s.Has(Stat | ListContainer) {
		n |= ocsRead
	}
	if s.Has(Upload | RestoreTrash) {
		n |= ocsUpdate
	}
	if folder && s.Has(CreateContainer|Upload) {
		n |= ocsCreate
	}
	if folder && s.Has(Delete) {
		n |= ocsDelete
	}
	if s.Has(AddGrant) {
		n |= ocsShare
	}
	return n
}

// FromOCS is the inverse of OCS: the rights to give for such bits. They are those of a role where one has exactly these bits. What
// a file cannot have (create, delete) and what only members of a space can have (share) is left out, as clients send it without
// asking; false if nothing is left then, or there are other bits. 0 denies.
func FromOCS(bits int, on Target) (Set, bool) {
	if bits == 0 {
		return None, true
	}
	if bits < 0 || bits > ocsRead|ocsUpdate|ocsCreate|ocsDelete|ocsShare {
		return None, false
	}
	if on == OnRoot {
		return memberFromOCS(bits)
	}
	bits &^= ocsShare
	if on == OnFile {
		bits &^= ocsCreate | ocsDelete
	}
	switch bits {
	case 0:
		return None, false
	case ocsRead | ocsCreate:
		return EditorLite, true
	case ocsRead | ocsUpdate | ocsCreate | ocsDelete:
		return Editor, true
	}
	s := Stat | GetPath
	if bits&ocsRead != 0 {
		s |= Viewer
	}
	if bits&ocsUpdate != 0 {
		s |= Upload | RestoreTrash
	}
	if bits&ocsCreate != 0 {
		s |= CreateContainer | Upload
	}
	if bits&ocsDelete != 0 {
		s |= Delete
	}
	return s, true
}

func memberFromOCS(bits int) (Set, bool) {
	for _, s := range []Set{SpaceViewer, SpaceEditor, Manager} {
		if s.OCS(true) == bits {
			return s, true
		}
	}
	return None, false
}
