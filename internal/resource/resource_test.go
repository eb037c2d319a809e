package resource_test

import (
	"strings"
	"testing"

	"opencloud/internal/resource"
)

func TestParseID(t *testing.T) {
	for in, want := range map[string]resource.ID{"s$p!n": {"s", "p", "n"}, "s$p": {"s", "p", "p"}, "p!n": {"", "p", "n"}} {
		if got, err := resource.ParseID(in); err != nil || got != want {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "$p", "s$", "s$p!", "a/b$c", "s$..!n", "s$p!a b", strings.Repeat("x", 600) + "$y", "s$p!n!m", "s$p$q"} {
		if id, err := resource.ParseID(in); err == nil {
			t.Errorf("%q was accepted: %v", in, id)
		}
	}
}

func TestValidateName(t *testing.T) {
	for _, ok := range []string{"a", "a b", "ü", strings.Repeat("x", 255), ".hidden", "a%b"} {
		if err := resource.ValidateName(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", " ", ".", "..", "a/b", `a\b`, "a\x00", "a\r", "a\n", "a\f", strings.Repeat("x", 256), "\xff"} {
		if err := resource.ValidateName(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzIDAndPath(f *testing.F) {
	f.Add("s$p!n")
	f.Add("a/../b")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := resource.ParseID(s); err == nil {
			again, err := resource.ParseID(id.String())
			if err != nil || again != id {
				t.Fatalf("%q: %v, then %v %v", s, id, again, err)
			}
		}
		segments, err := resource.SplitPath(s)
		for _, x := range segments {
			if err == nil && (x == "" || x == "." || x == ".." || strings.ContainsAny(x, "/\x00")) {
				t.Fatalf("segment %q of %q", x, s)
			}
		}
	})
}
