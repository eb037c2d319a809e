package frontend

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestShareObjects(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *link.Options) { c.OCS.ShowEmail = true })
	w.put("mary", "docs/a.txt", "hello")
	folder, file := w.stat("mary", "docs"), w.stat("mary", "docs/a.txt")
	user := w.share("shareType=0&path=/docs&shareWith=alan&permissions=15&expireDate=2199-12-31")
	w.share("shareType=1&path=/docs/a.txt&shareWith=Chess&role=viewer")
	l := w.wants(200, "mary", "POST", api+"shares", "shareType=3&path=/docs&permissions=1&password="+url.QueryEscape("Secret 123!")+"&name=for+press").object(t)
	known := []string{folder.ID.Node, "FOLDER", file.ID.Node, "FILE", l["id"].(string), "LINK", l["token"].(string), "TOKEN"}
	for i, id := range w.wants(200, "mary", "GET", api+"shares", "").list() {
		known = append(known, fmt.Sprint(id["id"]), fmt.Sprintf("SHARE%d", i))
	}
	for name, c := range map[string][2]string{
		"shares":        {"mary", "/ocs/v1.php" + api + "shares"},
		"shares_with":   {"alan", "/ocs/v2.php" + api + "shares?shared_with_me=true"},
		"shares_single": {"mary", "/ocs/v2.php" + api + "shares/" + user},
	} {
		golden(t, name+".json", w.do(c[0], "GET", join(c[1], "format=json"), "").Body.Bytes(), known...)
		golden(t, name+".xml", w.do(c[0], "GET", c[1], "").Body.Bytes(), known...)
	}
	w = newWorld(t, nil)
	w.put("mary", "a.txt", "hello")
	w.share("shareType=0&path=/a.txt&shareWith=alan")
	if body := w.do("mary", "GET", "/ocs/v2.php"+api+"shares", "").Body.String(); strings.Contains(body, "@example.org") {
		t.Error("mail addresses show:", body)
	}
}

func join(path, more string) string {
	if strings.Contains(path, "?") {
		return path + "&" + more
	}
	return path + "?" + more
}

// Whom one can give what, and how it is refused.
func TestCreateShare(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	w.put("alan", "his.txt", "hello")
	sp := w.project("P")
	_, err := w.fs.CreateFolder(w.ctx["mary"], storage.At(sp.ID, "d"), storage.Conditions{})
	w.must(err)
	w.must(w.fs.SetGrant(w.ctx["mary"], storage.At(sp.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "u-alan", Permissions: permission.SpaceEditor}))
	ref := url.QueryEscape(sp.ID.String())
	docs := url.QueryEscape(w.stat("mary", "docs").ID.String())
	for _, c := range []struct {
		who, body string
		status    int
		has       string
	}{
		{"mary", "", 400, "shareType"},
		{"mary", "shareType=x&path=/docs", 400, "shareType"},
		{"mary", "shareType=6&path=/docs&shareWith=x@y", 400, "not supported"},
		{"mary", "shareType=4&path=/docs&shareWith=x@y", 400, "not supported"},
		{"mary", "shareType=0&shareWith=alan", 404, "wrong path"},
		{"mary", "shareType=0&path=/nothing&shareWith=alan", 404, "wrong path"},
		{"mary", "shareType=0&path=/../u-alan/his.txt&shareWith=ada", 400, ""},
		{"mary", "shareType=0&space_ref=nonsense&shareWith=alan", 404, "wrong path"},
		{"mary", "shareType=0&path=/docs", 400, "shareWith"},
		{"mary", "shareType=0&path=/docs&shareWith=nobody", 404, "no such user"},
		{"mary", "shareType=1&path=/docs&shareWith=nobody", 404, "no such user"},
		{"mary", "shareType=0&path=/docs&shareWith=mary", 400, "recipient"},
		{"mary", "shareType=0&path=/&shareWith=alan", 400, ""},
		{"mary", "shareType=3&path=/", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&permissions=0", 400, "denying"},
		{"mary", "shareType=0&path=/docs&shareWith=alan&role=denied", 400, "denying"},
		{"mary", "shareType=0&path=/docs&shareWith=alan&permissions=64", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&permissions=all", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&permissions=16", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&role=king", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&role=coowner", 400, ""},
		{"mary", "shareType=0&path=/docs/a.txt&shareWith=alan&role=uploader", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan&expireDate=2001-01-01", 400, "past"},
		{"mary", "shareType=0&path=/docs&shareWith=alan&expireDate=soon", 400, "date"},
		{"mary", "shareType=0&path=/docs&shareWith=alan&expireDate=9999-12-31", 400, ""},
		{"mary", "shareType=7&path=/docs&shareWith=alan", 400, "not possible here"},
		{"mary", "shareType=0&space_ref=" + ref + "&shareWith=ada", 400, "not possible here"},
		{"alan", "shareType=0&space_ref=" + docs + "&shareWith=ada", 404, "wrong path"},
		{"alan", "shareType=0&space_ref=" + ref + "%2Fd&shareWith=ada", 403, ""},
		{"alan", "shareType=0&space_ref=" + ref + "%2Fd&shareWith=nobody", 403, ""},
		{"alan", "shareType=7&space_ref=" + ref + "&shareWith=ada", 403, ""},
		{"alan", "shareType=3&space_ref=" + ref, 403, ""},
		{"eve", "shareType=7&space_ref=" + ref + "&shareWith=eve&role=manager", 404, "wrong path"},
		{"light", "shareType=0&path=/&shareWith=alan", 400, ""},
		{"mary", "shareType=0&path=/docs&shareWith=alan", 200, ""},
		{"mary", "shareType=0&path=/docs&shareWith=u-alan", 400, "already"},
		{"mary", `{"shareType":0,"path":"/docs/a.txt","shareWith":"u-alan","permissions":31}`, 200, ""},
		{"mary", "shareType=1&space=" + ref + "&path=d&shareWith=g-chess&role=editor", 200, ""},
		{"mary", "shareType=7&space_ref=" + ref + "&shareWith=ada&role=spaceeditor", 200, ""},
		{"mary", "shareType=8&space_ref=" + ref + "&shareWith=Chess", 200, ""},
	} {
		a := w.ocs(c.who, "POST", api+"shares", c.body)
		if a.HTTP != c.status || !strings.Contains(a.Message, c.has) {
			t.Errorf("%s %s: %d %q, want %d %q", c.who, c.body, a.HTTP, a.Message, c.status, c.has)
		}
		if a.HTTP != 200 && a.Code != a.HTTP {
			t.Errorf("%s: code %d, status %d", c.body, a.Code, a.HTTP)
		}
	}
	// Version 1 says it in the body only.
	if r := w.do("mary", "POST", "/ocs/v1.php"+api+"shares", "shareType=0&path=/nothing&shareWith=alan"); r.Code != 200 || !strings.Contains(r.Body.String(), "<statuscode>404</statuscode>") {
		t.Error(r.Code, r.Body)
	}
	given := map[string]permission.Set{}
	for _, p := range []struct{ who, path string }{{"alan", "docs"}, {"alan", "docs/a.txt"}} {
		i, err := w.fs.Stat(w.ctx[p.who], storage.At(w.stat("mary", p.path).ID, ""), storage.View{})
		w.must(err)
		given[p.path] = i.Permissions
	}
	if given["docs"] != permission.Editor || given["docs/a.txt"]|permission.Editor != permission.Editor {
		t.Errorf("rights that came of it: %v", given)
	}
}

func TestDenials(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *link.Options) { c.OCS.Denials = true })
	sp := w.project("P")
	_, err := w.fs.CreateFolder(w.ctx["mary"], storage.At(sp.ID, "secret"), storage.Conditions{})
	w.must(err)
	ref := url.QueryEscape(sp.ID.String())
	w.share("shareType=7&space_ref=" + ref + "&shareWith=alan&role=editor")
	w.wants(403, "alan", "POST", api+"shares", "shareType=0&space_ref="+ref+"/secret&shareWith=ada&permissions=0")
	id := w.share("shareType=0&space_ref=" + ref + "/secret&shareWith=alan&permissions=0")
	if _, err := w.fs.Stat(w.ctx["alan"], storage.At(sp.ID, "secret"), storage.View{}); err == nil {
		t.Error("who is denied sees the folder")
	}
	if o := w.wants(200, "mary", "GET", api+"shares/"+id, "").object(t); o["permissions"] != 0.0 {
		t.Error(o)
	}
	w.wants(404, "alan", "DELETE", api+"shares/"+id, "")
	w.wants(200, "mary", "DELETE", api+"shares/"+id, "")
	if _, err := w.fs.Stat(w.ctx["alan"], storage.At(sp.ID, "secret"), storage.View{}); err != nil {
		t.Error(err)
	}
}

func TestUpdateAndRemoveShare(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	id := w.share("shareType=0&path=/docs&shareWith=alan&permissions=1")
	put := func(status int, who, body string) answer {
		t.Helper()
		return w.wants(status, who, "PUT", api+"shares/"+id, body)
	}
	if o := put(200, "mary", "permissions=31").object(t); o["permissions"] != 15.0 || o["space_alias"] != "personal/mary" {
		t.Error(o)
	}
	if o := put(200, "mary", "expireDate=2199-12-31").object(t); o["permissions"] != 15.0 || o["expiration"] != "2199-12-31 23:59:59" {
		t.Error(o)
	}
	if o := put(200, "mary", `{"role":"viewer","expireDate":""}`).object(t); o["permissions"] != 1.0 || o["expiration"] != "" {
		t.Error(o)
	}
	put(400, "mary", "")
	put(400, "mary", "permissions=0")
	put(400, "mary", "expireDate=2001-01-01")
	put(404, "alan", "permissions=15")
	put(404, "eve", "permissions=15")
	w.wants(404, "alan", "DELETE", api+"shares/"+id, "")
	w.wants(404, "eve", "GET", api+"shares/"+id, "")
	w.wants(404, "mary", "POST", api+"shares/"+id, "")
	w.wants(200, "mary", "DELETE", api+"shares/"+id, "")
	w.wants(404, "mary", "DELETE", api+"shares/"+id, "")
	w.wants(404, "mary", "GET", api+"shares/"+id, "")
}

// Members of spaces, named by the id of the share or by the space and shareWith.
func TestMembers(t *testing.T) {
	w := newWorld(t, nil)
	sp := w.project("P")
	ref := url.QueryEscape(sp.ID.String())
	id := w.share("shareType=7&space_ref=" + ref + "&shareWith=alan")
	w.share("shareType=8&space_ref=" + ref + "&shareWith=Chess&permissions=15")
	var got []string
	for _, o := range w.wants(200, "alan", "GET", api+"shares?space_ref="+sp.ID.SpaceID(), "").list() {
		got = append(got, fmt.Sprint(o["share_type"], o["share_with"], o["permissions"]))
	}
	slices.Sort(got)
	if want := []string{"7u-alan1", "7u-mary31", "8g-chess15"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.wants(403, "alan", "PUT", api+"shares/"+id, "role=manager")
	if o := w.wants(200, "mary", "PUT", api+"shares/"+id, "role=spaceeditor").object(t); o["permissions"] != 15.0 || o["id"] != id {
		t.Error(o)
	}
	w.wants(404, "eve", "GET", api+"shares/"+id, "")
	w.wants(404, "eve", "DELETE", api+"shares/"+id, "")
	w.wants(200, "mary", "DELETE", api+"shares/"+sp.ID.SpaceID()+"?shareWith=Chess", "")
	w.wants(200, "alan", "DELETE", api+"shares/"+id, "") // to leave
	w.wants(403, "mary", "DELETE", api+"shares/"+sp.ID.SpaceID()+"?shareWith=mary", "")
	w.wants(404, "mary", "DELETE", api+"shares/"+sp.ID.SpaceID()+"?shareWith=ada", "")
}

func TestListShares(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	w.put("mary", "docs/sub/b.txt", "hello")
	w.put("ada", "hers.txt", "hello")
	w.share("shareType=0&path=/docs&shareWith=alan")
	w.share("shareType=1&path=/docs/a.txt&shareWith=Chess")
	w.share("shareType=3&path=/docs/a.txt")
	w.share("shareType=3&path=/docs/sub/b.txt&permissions=1")
	w.wants(200, "ada", "POST", api+"shares", "shareType=0&path=/hers.txt&shareWith=mary")
	docs := w.stat("mary", "docs")
	for _, c := range []struct{ who, query, want string }{
		{"mary", "", "0/docs 1/docs/a.txt 3/docs/a.txt 3/docs/sub/b.txt"},
		{"mary", "?reshares=true&share_types=3,6", "3/docs/a.txt 3/docs/sub/b.txt"},
		{"mary", "?share_types=0,1", "0/docs 1/docs/a.txt"},
		{"mary", "?path=/docs", "0/docs"},
		{"mary", "?path=docs/a.txt&reshares=true", "1/docs/a.txt 3/docs/a.txt"},
		{"mary", "?space_ref=" + docs.ID.String() + "/a.txt", "1/docs/a.txt 3/docs/a.txt"},
		{"mary", "?space=" + docs.ID.SpaceID() + "&path=/docs", "0/docs"},
		{"mary", "?path=/docs&subfiles=true", "1/docs/a.txt 3/docs/a.txt"},
		{"mary", "?path=/", ""},
		{"mary", "?path=/&subfiles=true", "0/docs"},
		{"mary", "?shared_with_me=true", "0/Shares/hers.txt"},
		{"alan", "", ""},
		{"alan", "?space_ref=" + docs.ID.String(), ""},
		{"alan", "?space_ref=" + docs.ID.String() + "&subfiles=true", ""},
		{"alan", "?shared_with_me=true", "0/Shares/docs"},
		{"alan", "?shared_with_me=true&share_types=1", ""},
		{"ada", "?shared_with_me=true", "1/Shares/a.txt"},
		{"eve", "", ""},
		{"eve", "?shared_with_me=true&state=all", ""},
	} {
		var got []string
		for _, o := range w.wants(200, c.who, "GET", api+"shares"+c.query, "").list() {
			got = append(got, fmt.Sprint(o["share_type"], o["path"]))
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %s", c.who, c.query, got, c.want)
		}
	}
	w.wants(404, "mary", "GET", api+"shares?path=/nothing", "")
	w.wants(400, "mary", "GET", api+"shares?path=/docs/a.txt&subfiles=true", "")
	w.wants(400, "mary", "GET", api+"shares?share_types=x", "")
	w.wants(404, "eve", "GET", api+"shares?space_ref="+docs.ID.String(), "")
}

// What a receiver does with shares; a file that comes by two ways is one.
func TestReceivedShares(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	first := w.share("shareType=0&path=/docs&shareWith=ada&permissions=1")
	time.Sleep(2 * time.Millisecond)
	second := w.share("shareType=1&path=/docs&shareWith=Chess&permissions=15")
	seen := func(query, want string) {
		t.Helper()
		var got []string
		for _, o := range w.wants(200, "ada", "GET", api+"shares?shared_with_me=true"+query, "").list() {
			got = append(got, fmt.Sprintf("%v%v%v%v", o["state"], o["file_target"], o["hidden"], o["permissions"]))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s, want %s", query, s, want)
		}
	}
	seen("", "0/Shares/docsfalse1 0/Shares/docsfalse15")
	seen("&state=1", "")
	if o := w.wants(200, "ada", "DELETE", api+"shares/pending/"+second, "").object(t); o["id"] != second || o["state"] != 2.0 || o["file_target"] != "/docs" {
		t.Error(o)
	}
	seen("", "")
	seen("&state=2", "2/docsfalse1 2/docsfalse15")
	seen("&state=all", "2/docsfalse1 2/docsfalse15")
	w.wants(200, "ada", "POST", api+"shares/pending/"+first, "")
	w.wants(200, "ada", "PUT", api+"shares/pending/"+first+"?hidden=true", "")
	seen("", "")
	seen("&show_hidden=true", "0/Shares/docstrue1 0/Shares/docstrue15")
	w.wants(400, "ada", "PUT", api+"shares/pending/"+first, "hidden=perhaps")
	w.wants(200, "ada", "PUT", api+"shares/pending/"+first, "hidden=false")
	seen("", "0/Shares/docsfalse1 0/Shares/docsfalse15")
	jail := "a0ca6a90-a365-4782-871e-d44447bbc668$a0ca6a90-a365-4782-871e-d44447bbc668!" + first
	if a := w.wants(200, "ada", "GET", api+"shares?space_ref="+jail, ""); len(a.list()) != 0 {
		t.Error(a)
	}
	for _, who := range []string{"mary", "alan", "eve"} {
		for _, method := range []string{"POST", "DELETE", "PUT"} {
			w.wants(404, who, method, api+"shares/pending/"+first, "hidden=true")
		}
	}
	w.wants(404, "ada", "GET", api+"shares/pending/"+first, "")
	if o := w.wants(200, "ada", "GET", api+"shares/"+first, "").object(t); o["path"] != "/Shares/docs" || o["file_parent"] == w.stat("mary", "").ID.String() {
		t.Error(o)
	}
}

// Names in an answer come from users: they cannot break out of it.
func TestNamesInXML(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "<b>&\"x\".txt", "hello")
	w.people.accounts[1].DisplayName = "</data><x>"
	w.ctx["alan"] = identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: w.people.accounts[1]})
	w.share("shareType=0&path=" + url.QueryEscape("/<b>&\"x\".txt") + "&shareWith=alan")
	body := w.do("mary", "GET", "/ocs/v1.php"+api+"shares", "").Body.String()
	if strings.Contains(body, "<b>") || strings.Contains(body, "</data><x>") || !strings.Contains(body, "&lt;b&gt;&amp;") {
		t.Error(body)
	}
}
