package files

import (
	"testing"

	providerpb "github.com/cs3org/go-cs3apis/cs3/storage/provider/v1beta1"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
)

// Every set of rights that CS3 can say comes back as it went: no bit stands for another, and none appears.
func TestSets(t *testing.T) {
	named := fromSet(toSet(^permission.Set(0)))
	for bit := permission.Set(1); bit != 0; bit <<= 1 {
		if got := fromSet(toSet(bit)); got != bit&named {
			t.Errorf("%b came back as %b", bit, got)
		}
		if rest := named &^ bit; fromSet(toSet(rest)) != rest {
			t.Errorf("%b came back as %b", rest, fromSet(toSet(rest)))
		}
	}
	if fromSet(nil) != 0 {
		t.Error("no permissions are some")
	}
}

func FuzzReference(f *testing.F) {
	f.Add("11111111-1111-4111-8111-111111111111", "s", "n", "./a/b")
	f.Add("", "s", "", ".")
	f.Add("a", "b$c", "d!e", "/../x")
	f.Fuzz(func(t *testing.T, st, sp, node, path string) {
		ref, err := fromRef(&providerpb.Reference{ResourceId: &providerpb.ResourceId{StorageId: st, SpaceId: sp, OpaqueId: node}, Path: path})
		if err != nil {
			return
		}
		if again, err := fromID(toID(ref.ID)); err != nil || again != ref.ID {
			t.Errorf("%v came back as %v, %v", ref.ID, again, err)
		}
		if p, err := resource.ParseID(ref.ID.String()); err != nil || p != ref.ID {
			t.Errorf("%v is written %s and read %v, %v", ref.ID, ref.ID, p, err)
		}
	})
}
