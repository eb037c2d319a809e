package share

import (
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestTarget(t *testing.T) {
	root := resource.SpaceRoot("s", "p")
	for name, c := range map[string]struct {
		item storage.Info
		want permission.Target
	}{
		"file":     {storage.Info{ID: root.WithNode("n"), Kind: resource.File, SpaceType: space.Personal}, permission.OnFile},
		"folder":   {storage.Info{ID: root.WithNode("n"), Kind: resource.Folder, SpaceType: space.Personal}, permission.OnFolder},
		"project":  {storage.Info{ID: root, Kind: resource.Folder, SpaceType: space.Project}, permission.OnRoot},
		"personal": {storage.Info{ID: root, Kind: resource.Folder, SpaceType: space.Personal}, 0},
		"jail":     {storage.Info{ID: Jail(), Kind: resource.Folder, SpaceType: space.Virtual}, 0},
	} {
		if got := Target(&c.item); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		offer := permission.Offer{Own: permission.Manager, On: Target(&c.item)}
		if (len(offer.Roles()) > 0) != (c.want != 0) {
			t.Errorf("%s: %v can be given", name, offer.Roles())
		}
	}
}
