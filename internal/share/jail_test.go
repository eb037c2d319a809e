package share

import (
	"slices"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

func etag(all []Received) string { i := JailRoot(all); return i.ETag }

func TestJailETag(t *testing.T) {
	entry := func(change func(*Received)) Received {
		r := Received{Item: storage.Info{ETag: "e", Permissions: permission.Viewer}, Entry: Entry{Share: "s:p:1", State: Accepted, Mount: "a"}}
		change(&r)
		return r
	}
	same := func(*Received) {}
	other := entry(func(r *Received) { r.Share, r.Mount = "s:p:2", "b" })
	base := etag([]Received{entry(same), other})
	for name, all := range map[string][]Received{
		"another share":   {entry(func(r *Received) { r.Share = "s:p:3" }), other},
		"renamed":         {entry(func(r *Received) { r.Mount = "c" }), other},
		"content":         {entry(func(r *Received) { r.Item.ETag = "f" }), other},
		"rights":          {entry(func(r *Received) { r.Item.Permissions = permission.Editor }), other},
		"no longer there": {other},
		"rejected":        {entry(func(r *Received) { r.State = Rejected }), other},
		"pending":         {entry(func(r *Received) { r.State = Pending }), other},
		"nothing":         nil,
	} {
		if etag(all) == base {
			t.Errorf("%s: the ETag is the same", name)
		}
	}
	unchanged := []Received{other, entry(func(r *Received) { r.Hidden, r.Item.Size = true, 5 }), entry(func(r *Received) { r.State, r.Share = Rejected, "s:p:9" })}
	if got := etag(unchanged); got != base {
		t.Errorf("hidden, in another order and with one that was rejected: %s, want %s", got, base)
	}
	if a, b := etag([]Received{entry(func(r *Received) { r.Mount = `a" "b` })}), etag([]Received{entry(func(r *Received) { r.Mount, r.Item.ETag = "a", `b" "e` })}); a == b {
		t.Error("names can be mixed up")
	}
	if one := etag(nil); one == "" || slices.Contains([]string{base}, one) {
		t.Errorf("empty jail: %q", one)
	}
}
