package files

import (
	"testing"

	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
)

// Every set of rights that CS3 can say comes back as it went: no bit stands for another, and none appears.
func TestSets(t *testing.T) {
	named := FromSet(ToSet(^permission.Set(0)))
	for bit := permission.Set(1); bit != 0; bit <<= 1 {
		if got := FromSet(ToSet(bit)); got != bit&named {
			t.Errorf("%b came back as %b", bit, got)
		}
		if rest := named &^ bit; FromSet(ToSet(rest)) != rest {
			t.Errorf("%b came back as %b", rest, FromSet(ToSet(rest)))
		}
	}
	if FromSet(nil) != 0 {
		t.Error("no permissions are some")
	}
}

func FuzzReference(f *testing.F) {
	f.Add("11111111-1111-4111-8111-111111111111", "s", "n", "./a/b")
	f.Add("", "s", "", ".")
	f.Add("a", "b$c", "d!e", "/../x")
	f.Fuzz(func(t *testing.T, st, sp, node, path string) {
		ref, err := FromRef(&providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: st, SpaceId: sp, OpaqueId: node}, Path: path})
		if err != nil {
			return
		}
		if again, err := FromID(ToID(ref.ID)); err != nil || again != ref.ID {
			t.Errorf("%v came back as %v, %v", ref.ID, again, err)
		}
		if p, err := resource.ParseID(ref.ID.String()); err != nil || p != ref.ID {
			t.Errorf("%v is written %s and read %v, %v", ref.ID, ref.ID, p, err)
		}
	})
}
