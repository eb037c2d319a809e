package frontend

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

func TestLinksByOCS(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	pw := url.QueryEscape("Secret 123!")
	for _, c := range []struct {
		body   string
		status int
		want   string // permissions, share_with, name, expiration
	}{
		{"path=/docs", 200, "1   "},
		{"path=/docs&permissions=0", 200, "0   "},
		{"path=/docs&permissions=1&name=for+press&expireDate=2199-12-31", 200, "1  for press 2199-12-31 23:59:59"},
		{"path=/docs&permissions=1&password=" + pw, 200, "1 ***redacted***  "},
		{"path=/docs&permissions=15&password=" + pw, 200, "15 ***redacted***  "},
		{"path=/docs&permissions=31&password=" + pw, 200, "15 ***redacted***  "},
		{"path=/docs&permissions=5&password=" + pw, 200, "5 ***redacted***  "},
		{"path=/docs&permissions=4&password=" + pw, 200, "4 ***redacted***  "},
		{"path=/docs&publicUpload=true&password=" + pw, 200, "15 ***redacted***  "},
		{"path=/docs&publicUpload=false", 200, "1   "},
		{"path=/docs&role=uploader&password=" + pw, 200, "4 ***redacted***  "},
		{"path=/docs/a.txt&permissions=3&password=" + pw, 200, "3 ***redacted***  "},
		{"path=/docs/a.txt&permissions=15&password=" + pw, 200, "3 ***redacted***  "},
		{"path=/docs/a.txt&permissions=4&password=" + pw, 400, ""},
		{"path=/docs&permissions=7&password=" + pw, 400, ""},
		{"path=/docs&permissions=x", 400, ""},
		{"path=/docs&role=king", 400, ""},
		{"path=/docs&permissions=15", 400, "needs a password"},
		{"path=/docs&permissions=1&password=short", 400, "password policy"},
		{"path=/docs&permissions=0&password=" + pw, 400, "password policy"},
		{"path=/docs&expireDate=2001-01-01", 400, "past"},
		{"path=/docs&name=a%0db", 400, ""},
		{"path=/nothing", 404, "wrong path"},
	} {
		a := w.ocs("mary", "POST", api+"shares", "shareType=3&"+c.body)
		if a.HTTP != c.status {
			t.Errorf("%s: %d %q, want %d", c.body, a.HTTP, a.Message, c.status)
			continue
		}
		if a.HTTP != 200 {
			if !strings.Contains(a.Message, c.want) {
				t.Errorf("%s: %q, want %q", c.body, a.Message, c.want)
			}
			continue
		}
		o := a.object(t)
		if got := fmt.Sprintf("%v %v %v %v", o["permissions"], o["share_with"], o["name"], o["expiration"]); got != c.want || o["url"] != "https://cloud.test/s/"+fmt.Sprint(o["token"]) {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
	one := w.share("shareType=3&path=/docs&quicklink=true")
	if two := w.share("shareType=3&path=/docs&quicklink=true"); one != two {
		t.Error("two quick links of one folder")
	}
}

func TestChangeLinks(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	id := w.share("shareType=3&path=/docs&name=old")
	pw := url.QueryEscape("Secret 123!")
	for _, c := range []struct {
		who, body string
		status    int
		want      string
	}{
		{"mary", "", 400, ""},
		{"mary", "permissions=15", 400, ""},
		{"mary", "permissions=15&password=" + pw, 200, "15 ***redacted*** old "},
		{"mary", "password=", 400, ""},
		{"mary", "permissions=1", 200, "1 ***redacted*** old "},
		{"mary", "password=", 200, "1  old "},
		{"mary", `{"name":"new","expireDate":"2199-12-31T10:00:00Z"}`, 200, "1  new 2199-12-31 10:00:00"},
		{"mary", "expireDate=", 200, "1  new "},
		{"mary", "password=short", 400, ""},
		{"mary", "password=" + pw, 200, "1 ***redacted*** new "},
		{"mary", "permissions=0", 200, "0  new "},
		{"alan", "name=his", 404, ""},
		{"light", "name=his", 404, ""},
	} {
		a := w.ocs(c.who, "PUT", api+"shares/"+id, c.body)
		if a.HTTP != c.status {
			t.Fatalf("%s %s: %d %q, want %d", c.who, c.body, a.HTTP, a.Message, c.status)
		}
		if a.HTTP == 200 {
			o := a.object(t)
			if got := fmt.Sprintf("%v %v %v %v", o["permissions"], o["share_with"], o["name"], o["expiration"]); got != c.want {
				t.Errorf("%s: %q, want %q", c.body, got, c.want)
			}
		}
	}
	for _, method := range []string{"GET", "DELETE"} {
		w.wants(404, "alan", method, api+"shares/"+id, "")
	}
	if o := w.wants(200, "mary", "GET", api+"shares/"+id, "").object(t); o["name"] != "new" || o["path"] != "/docs" {
		t.Error(o)
	}
	w.wants(200, "mary", "DELETE", api+"shares/"+id, "")
	w.wants(404, "mary", "GET", api+"shares/"+id, "")
	w.wants(404, "mary", "GET", api+"shares/nothing", "")
}

// What is told of a link to whom. Strangers: nothing of what lies behind a password or a login.
func TestTokenInfo(t *testing.T) {
	w := newWorld(t, nil)
	w.put("mary", "docs/a.txt", "hello")
	folder := w.stat("mary", "docs")
	w.must(w.fs.SetGrant(w.ctx["mary"], storage.At(folder.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "u-alan", Permissions: permission.Viewer}))
	token := func(form string) string {
		o := w.wants(200, "mary", "POST", api+"shares", "shareType=3&path=/docs&name=secret+name&"+form).object(t)
		return fmt.Sprint(o["token"])
	}
	open, locked, internal := token(""), token("password="+url.QueryEscape("Secret 123!")), token("permissions=0")
	w.visitor(folder.ID, permission.Viewer)
	const bare, ids, all = "alias_link is_internal link_url password_protected token", "alias_link id is_internal link_url opaque_id password_protected space_id storage_id token",
		"alias_link id is_internal link_url opaque_id password_protected path space_id storage_id token"
	for _, c := range []struct{ who, call, token, want string }{
		{"", "unprotected", open, ids},
		{"", "unprotected", locked, bare},
		{"", "unprotected", internal, bare},
		{"", "unprotected", "AAAAAAAAAAAAAAA", "404"},
		{"", "unprotected", "x", "404"},
		{"", "protected", open, "401"},
		{"", "protected", internal, "401"},
		{"visitor", "unprotected", locked, bare},
		{"visitor", "protected", locked, "401"},
		{"mary", "unprotected", locked, bare},
		{"mary", "protected", open, all},
		{"mary", "protected", locked, all},
		{"mary", "protected", internal, all},
		{"alan", "protected", locked, all},
		{"eve", "protected", open, ids},
		{"eve", "protected", locked, bare},
		{"eve", "protected", internal, "404"},
		{"eve", "protected", "AAAAAAAAAAAAAAA", "404"},
	} {
		a := w.ocs(c.who, "GET", api+"tokeninfo/"+c.call+"/"+c.token, "")
		got := fmt.Sprint(a.HTTP)
		if o, ok := a.Data.(map[string]any); ok {
			got = strings.Join(keys(o), " ")
			if o["token"] != c.token || o["link_url"] != "https://cloud.test/s/"+c.token || o["is_internal"] != (c.token == internal) || o["password_protected"] != (c.token == locked) {
				t.Errorf("%s %s: %v", c.who, c.call, o)
			}
			if id, ok := o["id"]; ok && id != folder.ID.String() {
				t.Errorf("%s %s: %v", c.who, c.call, o)
			}
		}
		if got != c.want {
			t.Errorf("%q %s: %s, want %s", c.who, c.call, got, c.want)
		}
	}
	if r := w.do("", "GET", "/ocs/v1.php"+api+"tokeninfo/unprotected/"+locked, ""); strings.Contains(r.Body.String(), "secret name") || strings.Contains(r.Body.String(), folder.ID.Node) {
		t.Error(r.Body)
	}
	w.wants(401, "", "POST", api+"tokeninfo/unprotected/"+open, "")
	// What is gone is not there, whoever asks.
	w.must(w.fs.Delete(w.ctx["mary"], storage.At(resource.SpaceRoot(mount, "u-mary"), "docs"), storage.Conditions{}))
	for _, tok := range []string{open, locked, internal} {
		w.wants(404, "", "GET", api+"tokeninfo/unprotected/"+tok, "")
		w.wants(404, "mary", "GET", api+"tokeninfo/protected/"+tok, "")
	}
}

func TestSharees(t *testing.T) {
	named := func(a answer, list string) string {
		o, _ := a.Data.(map[string]any)
		if list == "exact" {
			o, _ = o["exact"].(map[string]any)
		}
		var out []string
		for _, kind := range []string{"users", "groups", "remotes"} {
			all, ok := o[kind].([]any)
			if !ok {
				t.Fatalf("no list of %s: %v", kind, o)
			}
			for _, x := range all {
				m, _ := x.(map[string]any)
				v, _ := m["value"].(map[string]any)
				out = append(out, fmt.Sprintf("%v/%v/%v", m["label"], v["shareType"], v["shareWith"]))
			}
		}
		return strings.Join(out, " ")
	}
	const alan, ada, light, chess, chests = "Alan Turing/0/u-alan", "Ada Lovelace/0/u-ada", "Light/0/u-light", "Chess/1/g-chess", "Chests/1/g-chests"
	none := func(*Config) {}
	members := func(c *Config) { c.OCS.GroupMembersOnly = true }
	exactly := func(c *Config) { c.OCS.Enumeration = false }
	mail := func(c *Config) { c.OCS.ShowEmail = true }
	for _, c := range []struct {
		change      func(*Config)
		who, query  string
		exact, rest string
	}{
		{none, "mary", "search=turing", "", alan},
		{none, "mary", "search=ALAN", alan, ""},
		{none, "mary", "search=Ada%20Lovelace", ada, ""},
		{none, "mary", "search=che", "", chess + " " + chests},
		{none, "mary", "search=chess", chess, ""},
		{none, "mary", "search=lovelace&itemType=folder", "", ada},
		{none, "mary", "search=gone", "", ""},
		{none, "mary", "search=mary", "", ""},
		{none, "mary", "search=al", "", ""},
		{none, "mary", "search=%20%20%20%20", "", ""},
		{none, "mary", "search=%25%25%25", "", ""},
		{none, "mary", "search=", "", ""},
		{none, "mary", "search=" + strings.Repeat("a", 300), "", ""},
		{none, "mary", "search=example", "", ""},
		{none, "mary", "search=alan@exampl", "", ""},
		{none, "mary", "search=alan@example.org", alan, ""},
		{mail, "mary", "search=alan@exampl", "", alan},
		{none, "mary", "search=che&perPage=1", "", chess},
		{none, "mary", "search=che&perPage=1&page=2", "", chests},
		{none, "mary", "search=che&perPage=1&page=3", "", ""},
		{none, "mary", "search=light", light, ""},
		{members, "mary", "search=turing", "", ""},
		{members, "mary", "search=alan", alan, ""},
		{members, "mary", "search=lovelace", "", ada},
		{members, "mary", "search=che", "", chess},
		{members, "alan", "search=lovelace", "", ""},
		{exactly, "mary", "search=lovelace", "", ""},
		{exactly, "mary", "search=ada", ada, ""},
		{exactly, "mary", "search=che", "", ""},
		{exactly, "mary", "search=chests", chests, ""},
	} {
		w := newWorld(t, func(cfg *Config, _ *link.Options) { c.change(cfg) })
		a := w.wants(200, c.who, "GET", api+"sharees?"+c.query, "")
		if e, r := named(a, "exact"), named(a, ""); e != c.exact || r != c.rest {
			t.Errorf("%s %s: exact %q, others %q, want %q, %q", c.who, c.query, e, r, c.exact, c.rest)
		}
	}
	w := newWorld(t, nil)
	w.wants(400, "mary", "GET", api+"sharees", "")
	w.wants(400, "mary", "GET", api+"sharees?search=alan&page=0", "")
	w.wants(400, "mary", "GET", api+"sharees?search=alan&perPage=x", "")
	w.wants(403, "light", "GET", api+"sharees?search=alan", "")
	w.wants(401, "", "GET", api+"sharees?search=alan", "")
	body := w.do("mary", "GET", "/ocs/v1.php"+api+"sharees?format=json&search=turing", "").Body.Bytes()
	if strings.Contains(string(body), "@example.org") {
		t.Error("mail addresses show")
	}
	golden(t, "sharees.json", body)
	golden(t, "sharees.xml", w.do("mary", "GET", "/ocs/v1.php"+api+"sharees?search=turing", "").Body.Bytes())
}

// keys are the sorted names of what is in an object.
func keys(o map[string]any) []string {
	return slices.Sorted(maps.Keys(o))
}
