package graph

import (
	"context"
	"testing"

	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
)

func TestCreateLink(t *testing.T) {
	w := newShared(t, nil)
	m := w.want(200, adaID, "POST", docItem+"/createLink", `{"type":"view","password":"Qw3rty!xyz","expirationDateTime":"`+future+`","displayName":"for press","@libre.graph.quickLink":false}`)
	id, _ := m["id"].(string)
	url, _ := dig(m, "link", "webUrl").(string)
	if len(id) != 15 || m["hasPassword"] != true || m["expirationDateTime"] != future || dig(m, "link", "type") != "view" || dig(m, "link", "@libre.graph.displayName") != "for press" ||
		dig(m, "link", "preventsDownload") != false || dig(m, "link", "@libre.graph.quickLink") != false || len(url) != len("https://cloud.test/s/")+15 || m["roles"] != nil || m["grantedToV2"] != nil {
		t.Error(m)
	}
	if url == "https://cloud.test/s/"+id {
		t.Error("the id is the secret address")
	}
	for _, c := range []struct {
		name, as, path, body string
		want                 int
	}{
		{"no type", adaID, docItem, `{}`, 400},
		{"unknown type", adaID, docItem, `{"type":"everything"}`, 400},
		{"secure view", adaID, docItem, `{"type":"blocksDownload"}`, 400},
		{"unknown member", adaID, docItem, `{"type":"view","scope":"users"}`, 400},
		{"bad password", adaID, docItem, `{"type":"view","password":"short"}`, 400},
		{"writing without password", adaID, docItem, `{"type":"edit"}`, 400},
		{"writing", adaID, docItem, `{"type":"edit","password":"long enough"}`, 200},
		{"drop on a file", adaID, docItem, `{"type":"createOnly","password":"long enough"}`, 400},
		{"drop", adaID, dirItem, `{"type":"createOnly","password":"long enough"}`, 200},
		{"internal", adaID, docItem, `{"type":"internal"}`, 200},
		{"internal with password", adaID, docItem, `{"type":"internal","password":"long enough"}`, 400},
		{"the past", adaID, docItem, `{"type":"view","expirationDateTime":"2001-01-01"}`, 400},
		{"personal root", adaID, "/v1beta1" + adas + "/root", `{"type":"view"}`, 400},
		{"jail", adaID, "/v1beta1" + jailDrive + "/root", `{"type":"view"}`, 400},
		{"project root", mgrID, moonRoot, `{"type":"view"}`, 200},
		{"project root by an editor", editID, moonRoot, `{"type":"view"}`, 403},
		{"receiver", recvID, dirItem, `{"type":"view"}`, 403},
		{"receiver, internal", recvID, dirItem, `{"type":"internal"}`, 200},
		{"stranger", evaID, docItem, `{"type":"view"}`, 404},
		{"stranger, internal", evaID, docItem, `{"type":"internal"}`, 404},
	} {
		if out := w.call(c.as, "POST", c.path+"/createLink", c.body); out.Code != c.want {
			t.Errorf("%s: %d, want %d: %.200s", c.name, out.Code, c.want, out.Body)
		}
	}
	quick := `{"type":"view","@libre.graph.quickLink":true}`
	if a, b := w.want(200, adaID, "POST", docItem+"/createLink", quick), w.want(200, adaID, "POST", docItem+"/createLink", quick); a["id"] != b["id"] {
		t.Error("two quick links")
	}
}

func TestChangeLink(t *testing.T) {
	w := newShared(t, nil)
	const path = dirItem + "/permissions/{link}"
	if m := w.want(200, adaID, "PATCH", path, `{"link":{"@libre.graph.displayName":"renamed"},"expirationDateTime":"`+future+`"}`); dig(m, "link", "@libre.graph.displayName") != "renamed" || m["expirationDateTime"] != future {
		t.Error(m)
	}
	w.want(400, adaID, "PATCH", path, `{"link":{"type":"edit"}}`) // would need a password
	if m := w.want(200, adaID, "POST", path+"/setPassword", `{"password":"long enough"}`); m["hasPassword"] != true {
		t.Error(m)
	}
	if m := w.want(200, adaID, "PATCH", path, `{"link":{"type":"edit"},"expirationDateTime":null}`); dig(m, "link", "type") != "edit" || m["expirationDateTime"] != nil {
		t.Error(m)
	}
	w.want(400, adaID, "POST", path+"/setPassword", `{"password":""}`)
	if m := w.want(200, adaID, "PATCH", path, `{"link":{"type":"internal"}}`); m["hasPassword"] != false {
		t.Error(m)
	}
	for _, body := range []string{`{"roles":["` + permission.ViewerID + `"]}`, `{"link":{"type":"fly"}}`, `{"link":{"token":"x"}}`, `{"link":{"type":"view","@libre.graph.displayName":"a\nb"}}`} {
		w.want(400, adaID, "PATCH", path, body)
	}
	if m := w.want(200, adaID, "GET", path, ""); dig(m, "link", "type") != "internal" || dig(m, "link", "@libre.graph.displayName") != "renamed" {
		t.Error("a change that was refused was made:", m)
	}
	w.want(400, adaID, "POST", path+"/setPassword", `{}`)
	w.want(400, adaID, "POST", path+"/setPassword", `{"password":"long enough","hint":"x"}`)
	w.want(400, adaID, "POST", dirItem+"/permissions/{share}/setPassword", `{"password":"long enough"}`)
	for _, who := range []string{recvID, evaID} {
		w.want(404, who, "GET", path, "")
		w.want(404, who, "PATCH", path, `{"link":{"type":"view"}}`)
		w.want(404, who, "POST", path+"/setPassword", `{"password":"long enough"}`)
	}
	w.want(404, adaID, "POST", docItem+"/permissions/{link}/setPassword", `{"password":"long enough"}`)
}

// How often a link was used is told to those who may change it, who are those who see it at all.
func TestLinkCounters(t *testing.T) {
	w := newShared(t, nil)
	id := w.id(w.want(200, adaID, "GET", dirItem+"/permissions?$filter=grantedToV2 ne ''", ""))
	if id == "" {
		t.Fatal("no share")
	}
	link, _ := dig(w.want(200, adaID, "GET", dirItem+"/permissions", ""), "value", 1, "id").(string)
	w.deps.Links.Viewed(link)
	w.deps.Links.Viewed(link)
	w.deps.Links.Downloaded(link)
	check(t, w.links.Flush(context.Background()))
	if m := w.want(200, adaID, "GET", dirItem+"/permissions/{link}", ""); m["@opencloud.link.views"] != 2.0 || m["@opencloud.link.downloads"] != 1.0 {
		t.Error(m)
	}
	if m := w.want(200, adaID, "GET", dirItem+"/permissions/{share}", ""); m["@opencloud.link.views"] != nil {
		t.Error(m)
	}
}

// Who may not make links has none, however much of the space is his.
func TestLinksNeedThePermission(t *testing.T) {
	w := newShared(t, nil)
	w.put("{mine}", lightID, lightID, "mine.txt")
	mine := "/v1beta1/drives/" + mount + "$" + lightID + "/items/{mine}"
	w.want(403, lightID, "POST", mine+"/createLink", `{"type":"view"}`)
	w.want(200, lightID, "POST", mine+"/createLink", `{"type":"internal"}`)
	w.want(403, lightID, "POST", mine+"/invite", to(evaID, permission.ViewerID))
	if role.Allows([]string{role.UserLight}, role.SharesWrite) != role.None {
		t.Error("this test is about somebody who may not share")
	}
}
