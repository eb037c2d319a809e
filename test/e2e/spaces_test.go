package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"opencloud/test/server"
)

// TestSpaces is the life of a project over Graph, with its files.
func TestSpaces(t *testing.T) {
	inBothWirings(t, spaces)
}

func spaces(t *testing.T, o server.Options) {
	s := server.Start(t, o)
	admin, mary, nobody := s.Admin(), s.As("mary", "demo"), s.As("", "")
	personal(t, admin)
	personal(t, mary)
	type item struct {
		ID, Name, WebDAVURL, UploadURL string
		Quota                          struct{ Total int64 }
		Special                        []item
		Value                          []item
	}
	read := func(a server.Answer) (i item) {
		t.Helper()
		if err := json.Unmarshal([]byte(a.Body), &i); err != nil {
			t.Fatal(err, a.Body)
		}
		return i
	}
	mary.Want("POST", "/graph/v1.0/drives", `{"name":"Hers"}`, nil, 403)
	moon := read(admin.Want("POST", "/graph/v1.0/drives?template=default", `{"name":"Moon","quota":{"total":5000000}}`, []string{"Accept-Language", "de"}, 201))
	if len(moon.Special) != 2 || moon.Quota.Total != 5000000 {
		t.Fatalf("%+v", moon)
	}
	for _, x := range moon.Special {
		u, _ := url.Parse(x.WebDAVURL)
		if a := admin.Want("GET", u.EscapedPath(), "", nil, 200); strings.HasSuffix(x.Name, ".md") && !strings.Contains(a.Body, "Willkommen") {
			t.Error(a.Body)
		}
	}
	drive := "/graph/v1.0/drives/" + url.PathEscape(moon.ID)
	for _, c := range []struct{ method, path, body string }{{"GET", "", ""}, {"PATCH", "", `{"name":"x"}`}, {"DELETE", "", ""}, {"GET", "/root", ""}, {"GET", "/root/children", ""},
		{"POST", "/root/children", `{"name":"x","folder":{}}`}, {"GET", "/items/" + url.PathEscape(moon.Special[0].ID), ""}, {"DELETE", "/items/" + url.PathEscape(moon.Special[0].ID), ""},
		{"GET", "/items/" + url.PathEscape(moon.Special[0].ID) + "/content", ""}, {"POST", "/root:/x:/createUploadSession", ""}} {
		mary.Want(c.method, drive+c.path, c.body, nil, 404)
		nobody.Want(c.method, drive+c.path, c.body, nil, 401)
	}
	// A folder, a file in it by an upload session, and its content without credentials.
	admin.Want("POST", drive+"/root:/a/b:/children?@libre.graph.missingParentsBehavior=create", `{"name":"c","folder":{}}`, nil, 201)
	session := read(admin.Want("POST", drive+"/root:/a/b/c/d.txt:/createUploadSession", `{"item":{"fileSize":5}}`, nil, 200))
	nobody.Want("PUT", session.UploadURL, "hello", nil, 201)
	file := read(admin.Want("GET", drive+"/root:/a/b/c/d.txt", "", nil, 200))
	at := drive + "/items/" + url.PathEscape(file.ID)
	to := admin.Want("GET", at+"/content", "", nil, 302).Header.Get("Location")
	if got := nobody.Want("GET", to, "", nil, 200).Body; got != "hello" {
		t.Errorf("content %q", got)
	}
	admin.Want("DELETE", at, "", nil, 204)
	nobody.Want("GET", to, "", nil, 404)
	admin.Want("POST", at+"/restore", "", nil, 200)
	admin.Want("POST", at+"/permanentDelete", "", nil, 204)
	admin.Want("POST", at+"/restore", "", nil, 404)
	if l := read(admin.Want("GET", drive+"/root:/a/b/c:/children", "", nil, 200)); len(l.Value) != 0 {
		t.Errorf("%+v", l)
	}
	// Renamed, disabled, enabled, and removed.
	admin.Want("PATCH", drive, `{"name":"Sun","description":"hot","special":[{"id":"","specialFolder":{"name":"image"}}]}`, nil, 200)
	admin.Want("DELETE", drive, "", []string{"Purge", "T"}, 400)
	admin.Want("DELETE", drive, "", nil, 204)
	admin.Want("GET", drive+"/root", "", nil, 404)
	admin.Want("PATCH", drive, `{}`, []string{"restore", "T"}, 200)
	admin.Want("GET", drive+"/root", "", nil, 200)
	admin.Want("DELETE", drive, "", nil, 204)
	admin.Want("DELETE", drive, "", []string{"Purge", "T"}, 204)
	admin.Want("GET", drive, "", nil, 404)
	// Somebody else's space, by a permission: the quota, and to disable it.
	hers := "/graph/v1.0/drives/" + url.PathEscape(personal(t, mary))
	mary.Want("PATCH", hers, `{"quota":{"total":1}}`, nil, 403)
	mary.Want("DELETE", hers, "", nil, 403)
	if d := read(admin.Want("PATCH", hers, `{"quota":{"total":123456}}`, nil, 200)); d.Quota.Total != 123456 {
		t.Errorf("%+v", d)
	}
	admin.Want("DELETE", hers, "", nil, 204)
	mary.Want("PATCH", hers, "{}", []string{"restore", "T"}, 403)
	admin.Want("PATCH", hers, "{}", []string{"restore", "T"}, 200)
}
