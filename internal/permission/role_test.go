package permission

import (
	"slices"
	"testing"
)

// Every role says of itself what the wire expects, and can be read back from its rights and its actions.
func TestRoles(t *testing.T) {
	seen := map[string]bool{}
	weight := 0
	for _, r := range Roles() {
		if seen[r.ID] || seen[r.Name] || r.Weight <= weight || r.On == 0 || r.DisplayName == "" || r.Description == "" {
			t.Errorf("%+v", r)
		}
		seen[r.ID], seen[r.Name], weight = true, true, r.Weight
		if s, err := FromActions(r.Rights.Actions()); err != nil || s != r.Rights {
			t.Errorf("%s: its actions are %b, %v, want %b", r.Name, s, err, r.Rights)
		}
		for _, on := range []Target{OnFile, OnFolder, OnRoot} {
			if r.On&on == 0 {
				continue
			}
			if back, ok := RoleOf(r.Rights, on); !ok || back.Rights != r.Rights || back.On&on == 0 {
				t.Errorf("%s on %d: %+v, %t", r.Name, on, back, ok)
			}
		}
		if got, ok := RoleByID(r.ID); !ok || got.Name != r.Name {
			t.Errorf("%s by id: %+v", r.Name, got)
		}
	}
	if _, ok := RoleByID(""); ok {
		t.Error("a role without id")
	}
	if _, ok := RoleOf(Stat, OnFile); ok {
		t.Error("Stat alone is a role")
	}
	if _, err := FromActions([]string{"libre.graph/driveItem/everything"}); err == nil {
		t.Error("an unknown action was read")
	}
}

func TestOffer(t *testing.T) {
	for _, c := range []struct {
		name  string
		offer Offer
		want  []string
	}{
		{"owner, file", Offer{Own: Manager, On: OnFile}, []string{ViewerID, FileEditorID}},
		{"owner, folder", Offer{Own: Manager, On: OnFolder}, []string{ViewerID, EditorLiteID, EditorID}},
		{"manager, root", Offer{Own: Manager, On: OnRoot}, []string{SpaceViewerID, SpaceEditorID, ManagerID}},
		{"owner, to another server", Offer{Own: Manager, On: OnFolder, Federated: true}, []string{ViewerID, EditorID}},
		{"editor may give nothing", Offer{Own: Editor, On: OnFolder}, nil},
		{"viewer who may share", Offer{Own: Viewer | AddGrant, On: OnFolder}, []string{ViewerID}},
		{"what the administrator allows", Offer{Own: Manager, On: OnFolder, Enabled: []string{SecureViewerID, DeniedID, SpaceEditorID}}, []string{SecureViewerID, DeniedID}},
		{"nothing is allowed", Offer{Own: Manager, On: OnFolder, Enabled: []string{}}, nil},
		{"to deny needs the right", Offer{Own: Manager &^ DenyGrant, On: OnFolder, Enabled: []string{DeniedID}}, nil},
	} {
		var got []string
		for _, r := range c.offer.Roles() {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOfferedRole(t *testing.T) {
	for _, c := range []struct {
		name  string
		offer Offer
		id    string
		want  bool
	}{
		{"fits", Offer{On: OnFolder}, EditorID, true}, // whoever gives it
		{"not on a file", Offer{On: OnFile}, EditorID, false},
		{"not on an item", Offer{On: OnFolder}, SpaceEditorID, false},
		{"not to others' people", Offer{On: OnRoot, Federated: true}, ManagerID, false},
		{"no default role", Offer{On: OnFile}, SecureViewerID, false},
		{"allowed", Offer{On: OnFile, Enabled: []string{SecureViewerID}}, SecureViewerID, true},
		{"default, but not allowed", Offer{On: OnFile, Enabled: []string{SecureViewerID}}, ViewerID, false},
		{"unknown", Offer{On: OnFile, Enabled: []string{"x"}}, "x", false},
	} {
		if r, ok := c.offer.Role(c.id); ok != c.want || ok && r.ID != c.id {
			t.Errorf("%s: %+v, %t", c.name, r, ok)
		}
	}
}

// Whatever somebody gives away, it is no more than he has, and it lets nobody but members of a space give again.
func TestMayGiveNeverMoreThanOwn(t *testing.T) {
	for own := Set(0); own <= Manager; own += 37 { // a stride that visits every bit in many combinations
		for _, r := range Roles() {
			for _, on := range []Target{OnFile, OnFolder, OnRoot} {
				if !MayGive(own, r.Rights, on) {
					continue
				}
				if r.Rights&^own != 0 {
					t.Fatalf("with %b somebody may give %b", own, r.Rights)
				}
				if r.Rights != None && !own.Has(AddGrant) {
					t.Fatalf("%b may give without the right to", own)
				}
				if on != OnRoot && r.Rights.Has(AddGrant) {
					t.Fatalf("%s may be given on %d", r.Name, on)
				}
			}
		}
	}
}
