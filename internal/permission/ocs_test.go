package permission

import "testing"

func TestFromOCS(t *testing.T) {
	for _, c := range []struct {
		bits int
		on   Target
		want Set
		ok   bool
	}{
		{0, OnFile, None, true},
		{0, OnFolder, None, true},
		{1, OnFile, Viewer, true},
		{1, OnFolder, Viewer, true},
		{17, OnFolder, Viewer, true},
		{3, OnFile, FileEditor, true},
		{15, OnFile, FileEditor, true},
		{31, OnFile, FileEditor, true},
		{15, OnFolder, Editor, true},
		{31, OnFolder, Editor, true},
		{4, OnFolder, Uploader, true},
		{5, OnFolder, EditorLite, true},
		{7, OnFolder, Viewer | Upload | RestoreTrash | CreateContainer, true},
		{9, OnFolder, Viewer | Delete, true},
		{4, OnFile, None, false},
		{16, OnFile, None, false},
		{16, OnFolder, None, false},
		{32, OnFolder, None, false},
		{64, OnFolder, None, false},
		{-1, OnFolder, None, false},
		{1, OnRoot, SpaceViewer, true},
		{15, OnRoot, SpaceEditor, true},
		{31, OnRoot, Manager, true},
		{7, OnRoot, None, false},
	} {
		if got, ok := FromOCS(c.bits, c.on); got != c.want || ok != c.ok {
			t.Errorf("%d on %d: %b, %t, want %b, %t", c.bits, c.on, got, ok, c.want, c.ok)
		}
	}
}

// Whatever bits a client sends: it gets back what it asked for, without the right to share, and never more.
func TestFromOCSIsTheInverse(t *testing.T) {
	for bits := 1; bits < 32; bits++ {
		for _, on := range []Target{OnFile, OnFolder} {
			s, ok := FromOCS(bits, on)
			want := bits &^ 16
			if on == OnFile {
				want &= 3
			}
			if ok != (want != 0) || s.OCS(on == OnFolder) != want {
				t.Errorf("%d on %d: %b, %t", bits, on, s, ok)
			}
			if ok && !MayGive(Manager, s, on) {
				t.Errorf("%d on %d: %b can be given by nobody", bits, on, s)
			}
		}
	}
}
