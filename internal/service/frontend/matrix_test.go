package frontend

import (
	"net/url"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// Who asks, in the order of the columns: nobody; who came by a link to the folder; who has nothing to do with it; who received it to
// view; who received it to edit; a member of the space; its manager; and somebody who may not share at all, but owns a space.
var callers = []string{"", "visitor", "eve", "alan", "ada", "member", "mary", "light"}

// row is a call, and its status for each of the callers.
type row struct {
	method, path, body string
	status             [8]int
}

// signedIn is a call that differs only for those who are signed in.
func signedIn(method, path, body string, status ...int) row {
	r := row{method, path, body, [8]int{401, 401}}
	for i := range 6 {
		r.status[i+2] = status[min(i, len(status)-1)]
	}
	return r
}

// matrix has every call of the API. {…} are filled in; no call depends on another.
func matrix() []row {
	const shares, pw = "/apps/files_sharing/api/v1/shares", "&password=Secret%20123%21"
	const n, f = 404, 403
	return []row{
		signedIn("GET", "/cloud/user", "", 200),
		signedIn("GET", "/cloud/users/mary", "", f, f, f, f, 200, f),
		signedIn("GET", "/cloud/users/mary/groups", "", f, f, f, f, 200, f),
		{"GET", "/cloud/capabilities", "", [8]int{200, 200, 200, 200, 200, 200, 200, 200}},
		{"GET", "/config", "", [8]int{200, 200, 200, 200, 200, 200, 200, 200}},

		signedIn("GET", shares, "", 200),
		signedIn("GET", shares+"?shared_with_me=true", "", 200),
		signedIn("GET", shares+"?space_ref={folder}", "", n, 200, 200, 200, 200, n),
		signedIn("GET", shares+"?space_ref={folder}&subfiles=true", "", n, 200, 200, 200, 200, n),
		signedIn("GET", shares+"?space_ref={space}", "", n, n, n, 200, 200, n),
		signedIn("POST", shares, "shareType=0&space_ref={folder}&shareWith=eve2", n, f, f, f, 200, n),
		signedIn("POST", shares, "shareType=1&space_ref={folder}&shareWith=Chess", n, f, f, f, 200, n),
		signedIn("POST", shares, "shareType=3&space_ref={folder}", n, f, f, f, 200, n),
		signedIn("POST", shares, "shareType=3&space_ref={folder}&permissions=15"+pw, n, f, f, f, 200, n),
		signedIn("POST", shares, "shareType=3&space_ref={folder}&permissions=0", n, 200, 200, 200, 200, n), // only an address
		signedIn("POST", shares, "shareType=3&space_ref={space}", n, n, n, f, 200, n),
		signedIn("POST", shares, "shareType=6&space_ref={folder}&shareWith=x@y", 400),
		signedIn("POST", shares, "shareType=7&space_ref={space}&shareWith=eve2&role=viewer", n, n, n, f, 200, n),
		signedIn("POST", shares, "shareType=8&space_ref={space}&shareWith=Chess&role=viewer", n, n, n, f, 200, n),

		// A viewer sees his share, a member who may list grants sees it, others do not.
		signedIn("GET", shares+"/{share}", "", n, 200, n, 200, 200, n),
		signedIn("PUT", shares+"/{share}", "permissions=15", n, n, n, f, 200, n),
		signedIn("DELETE", shares+"/{share}", "", n, n, n, f, 200, n),
		signedIn("GET", shares+"/{link}", "", n, n, n, n, 200, n),
		signedIn("PUT", shares+"/{link}", "name=x", n, n, n, n, 200, n),
		signedIn("DELETE", shares+"/{link}", "", n, n, n, n, 200, n),
		signedIn("GET", shares+"/{member}", "", n, n, n, 200, 200, n),
		signedIn("PUT", shares+"/{member}", "role=manager", n, n, n, f, 200, n),
		signedIn("DELETE", shares+"/{member}", "", n, n, n, 200, 200, n), // he leaves
		signedIn("PATCH", shares+"/{share}", "", n, n, n, n, n, n),

		signedIn("POST", shares+"/pending/{share}", "", n, 200, n, n, n, n),
		signedIn("DELETE", shares+"/pending/{share}", "", n, 200, n, n, n, n),
		signedIn("PUT", shares+"/pending/{share}?hidden=true", "", n, 200, n, n, n, n),
		signedIn("GET", shares+"/pending/{share}", "", n),

		signedIn("GET", "/apps/files_sharing/api/v1/sharees?search=alan", "", 200, 200, 200, 200, 200, f),
		{"GET", "/apps/files_sharing/api/v1/tokeninfo/unprotected/{token}", "", [8]int{200, 200, 200, 200, 200, 200, 200, 200}},
		{"GET", "/apps/files_sharing/api/v1/tokeninfo/unprotected/{nothing}", "", [8]int{n, n, n, n, n, n, n, n}},
		signedIn("GET", "/apps/files_sharing/api/v1/tokeninfo/protected/{token}", "", 200),
		signedIn("GET", "/apps/files_sharing/api/v1/remote_shares", "", n),
		signedIn("GET", "/apps/files_sharing/api/v1/", "", n),
	}
}

func TestMatrix(t *testing.T) {
	w, fill := sharedWorld(t)
	for _, r := range matrix() {
		for i, who := range callers {
			want := r.status[i]
			changes := r.method != "GET" && want == 200 // then the next call needs a world in which nothing happened yet
			a := w.ocs(who, r.method, fill.Replace(r.path), fill.Replace(r.body))
			if a.HTTP != want {
				t.Errorf("%q: %s %s %s: %d %q, want %d", who, r.method, r.path, r.body, a.HTTP, a.Message, want)
			}
			if changes || a.HTTP != want {
				w, fill = sharedWorld(t)
			}
			if changes {
				continue
			}
			// Version 1 is 200 whatever happened, but for strangers; and who is refused learns nothing.
			v1 := w.do(who, r.method, "/ocs/v1.php"+fill.Replace(r.path), fill.Replace(r.body))
			if status := map[bool]int{true: 401, false: 200}[want == 401]; v1.Code != status {
				t.Errorf("%q: version 1 of %s %s: %d, want %d", who, r.method, r.path, v1.Code, status)
			}
			if ok := strings.Contains(v1.Body.String(), "<statuscode>100</statuscode>"); ok != (want == 200) {
				t.Errorf("%q: version 1 of %s %s: %s", who, r.method, r.path, v1.Body)
			}
			if want != 200 && (strings.Contains(v1.Body.String(), "Secret Folder") || strings.Contains(v1.Body.String(), "example.org")) {
				t.Errorf("%q: %s %s tells: %s", who, r.method, r.path, v1.Body)
			}
		}
	}
}

// sharedWorld has a project of Mary's with a folder that Alan may view and Ada edit, with a link to it, and a member.
func sharedWorld(t *testing.T) (*world, *strings.Replacer) {
	t.Helper()
	w := newWorld(t, nil)
	for _, name := range []string{"member", "eve2"} {
		u := w.people.accounts[3]
		u.ID, u.Username, u.DisplayName = "u-"+name, name, name
		w.people.accounts = append(w.people.accounts, u)
		w.ctx[name] = w.as(u)
	}
	sp := w.project("P")
	_, err := w.fs.CreateFolder(w.ctx["mary"], storage.At(sp.ID, "Secret Folder"), storage.Conditions{})
	w.must(err)
	folder, err := w.fs.Stat(w.ctx["mary"], storage.At(sp.ID, "Secret Folder"), storage.View{})
	w.must(err)
	w.must(w.fs.SetGrant(w.ctx["mary"], storage.At(sp.ID, ""), space.Grant{Kind: space.UserGrantee, Grantee: "u-member", Permissions: permission.SpaceViewer}))
	ref := url.QueryEscape(folder.ID.String())
	viewer := w.share("shareType=0&shareWith=alan&permissions=1&space_ref=" + ref)
	w.share("shareType=0&shareWith=ada&permissions=15&space_ref=" + ref)
	l := w.wants(200, "mary", "POST", api+"shares", "shareType=3&space_ref="+ref).object(t)
	w.visitor(folder.ID, permission.Viewer)
	id, _ := l["id"].(string)
	token, _ := l["token"].(string)
	return w, strings.NewReplacer("{folder}", folder.ID.String(), "{space}", sp.ID.String(), "{share}", viewer, "{link}", id, "{token}", token,
		"{member}", mount+":"+sp.ID.Space+":u:u-member", "{nothing}", strings.Repeat("A", 15))
}
