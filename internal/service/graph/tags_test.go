package graph

import (
	"fmt"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const tagsPath = "/v1.0/extensions/org.libregraph/tags"

// all is what somebody sees when they ask for all tags.
func (w *world) allTags(as string) string {
	w.t.Helper()
	return fmt.Sprint(w.want(200, as, "GET", tagsPath, "")["value"])
}

func TestTags(t *testing.T) {
	w := newWorld(t, nil)
	w.want(200, adaID, "PUT", tagsPath, `{"resourceId":"{doc}","tags":[" red ","été"]}`)
	w.want(200, adaID, "PUT", tagsPath, `{"resourceId":"{in}","tags":["red","blue"]}`)
	w.want(200, adaID, "PUT", tagsPath, `{"resourceId":"{dir}","tags":["folder"]}`)
	if got := w.allTags(adaID); got != "[blue folder red été]" {
		t.Error(got)
	}
	w.want(200, adaID, "DELETE", tagsPath, `{"resourceId":"{doc}","tags":["été","never"]}`)
	if got := w.allTags(adaID); got != "[blue folder red]" {
		t.Error(got)
	}
	if got := w.allTags(bjornID) + w.allTags(lightID) + w.allTags(adminID); got != "[][][]" {
		t.Error("others see", got)
	}
}

func TestTagsOfWhatIsShared(t *testing.T) {
	w := newWorld(t, nil)
	w.want(200, adaID, "PUT", tagsPath, `{"resourceId":"{in}","tags":["inside"]}`)
	w.want(200, adaID, "PUT", tagsPath, `{"resourceId":"{doc}","tags":["outside"]}`)
	named := strings.NewReplacer(w.names...)
	dir, err := resource.ParseID(named.Replace("{dir}"))
	check(t, err)
	check(t, w.fs.SetGrant(w.as(adaID), storage.At(dir, ""), space.Grant{Kind: space.UserGrantee, Grantee: bjornID, Permissions: permission.Viewer}))
	if got := w.allTags(bjornID); got != "[inside]" {
		t.Error(got)
	}
	w.want(403, bjornID, "PUT", tagsPath, `{"resourceId":"{in}","tags":["mine"]}`)
	w.want(403, bjornID, "DELETE", tagsPath, `{"resourceId":"{in}","tags":["inside"]}`)
	w.want(404, bjornID, "PUT", tagsPath, `{"resourceId":"{doc}","tags":["mine"]}`)
	if got := w.allTags(adaID); got != "[inside outside]" {
		t.Error(got)
	}
}

func TestTagsThatAreNone(t *testing.T) {
	w := newWorld(t, nil)
	for _, body := range []string{
		"", "{}", "nothing", `{"resourceId":"{doc}"}`, `{"resourceId":"{doc}","tags":[]}`, `{"resourceId":"{doc}","tags":["a,b"]}`, `{"resourceId":"{doc}","tags":["  "]}`,
		`{"resourceId":"{doc}","tags":["a\nb"]}`, `{"resourceId":"{doc}","tags":["` + strings.Repeat("x", 101) + `"]}`, `{"resourceId":"..","tags":["a"]}`,
	} {
		w.want(400, adaID, "PUT", tagsPath, body)
		w.want(400, adaID, "DELETE", tagsPath, body)
	}
	if got := w.allTags(adaID); got != "[]" {
		t.Error(got)
	}
	w.want(401, "", "PUT", tagsPath, `{"resourceId":"{doc}","tags":["a"]}`)
	w.want(401, "", "GET", tagsPath, "")
}
