package e2e

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"opencloud/internal/permission"
	"opencloud/test/server"
)

// call is one thing that somebody can ask for, and the rights it needs. {…} are filled in, see tree.fill.
type call struct {
	name, method, path, body string
	headers                  []string
	need                     permission.Set // on what it is about
	root                     permission.Set // and on the root of the space
	hides                    permission.Set // who lacks one of these is told that there is nothing
	drop                     bool           // a file drop takes it
	never                    bool           // nobody can do it
	changes                  bool           // the next call needs a tree in which nothing happened yet
	ok                       []int
}

func on(name, method, path string, need permission.Set, ok ...int) call {
	return call{name: name, method: method, path: path, need: need, ok: ok}
}

func (c call) with(headers ...string) call  { c.headers = append(c.headers, headers...); return c }
func (c call) send(body string) call        { c.body = body; return c }
func (c call) change() call                 { c.changes = true; return c }
func (c call) onRoot(s permission.Set) call { c.root = s; return c }
func (c call) hidden(s permission.Set) call { c.hides = s; return c }
func (c call) taken() call                  { c.drop = true; return c }
func (c call) nobody() call                 { c.never = true; return c }
func (c call) to(destination string) call   { return c.with("Destination", destination) }
func (c call) refuses(p *party) bool        { return c.never || !p.may.Has(c.need) || !p.root.Has(c.root) }
func (c call) byLink() bool {
	return strings.Contains(c.path, "{base}") || strings.Contains(c.path, "{token}")
}
func (c call) fill(r *strings.Replacer) (h []string) {
	for _, s := range c.headers {
		h = append(h, r.Replace(s))
	}
	return h
}

// calls is the table of what can be asked for.
func calls() []call {
	const (
		stat, list, down, up, mk = permission.Stat, permission.ListContainer, permission.Download, permission.Upload, permission.CreateContainer
		move, del                = permission.Move, permission.Delete
		file, sub, fresh         = "{base}/f.txt", "{base}/sub", "{base}/new{n}"
		trash, meta              = "/dav/spaces/trash-bin/{drive}", "/dav/meta/{file}/v"
		graph                    = "/graph/v1.0/drives/{drive}"
		item, perm               = graph + "/items/{item}", "/graph/v1beta1/drives/{drive}/items/{item}"
		ocs                      = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
		lock                     = `<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>`
		patch                    = `<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x:y xmlns:x="urn:x">z</x:y></d:prop></d:set></d:propertyupdate>`
		favourite                = `<d:propertyupdate xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:set><d:prop><oc:favorite>1</oc:favorite></d:prop></d:set></d:propertyupdate>`
		sync                     = `<d:sync-collection xmlns:d="DAV:"><d:sync-token/><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>`
		favourites               = `<oc:filter-files xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><oc:filter-rules><oc:favorite>1</oc:favorite></oc:filter-rules></oc:filter-files>`
		noLock                   = "opaquelocktoken:6d7f5a90-b3f9-4d7c-a0ec-6b2dc7a9a0b1"
		give, invite             = "shareType=0&space_ref={item}&shareWith=margaret", `{"recipients":[{"objectId":"{margaret}"}],"roles":["` + viewerRole + `"]}`
	)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	tus := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "3"}
	return []call{
		on("look at a file", "PROPFIND", file, stat, 207).with("Depth", "0"),
		on("look at a folder", "PROPFIND", sub, stat, 207).with("Depth", "0"),
		on("list a folder", "PROPFIND", sub, list, 207).with("Depth", "1"),
		on("list a tree", "PROPFIND", "{base}", list, 207).with("Depth", "infinity"),
		on("read", "GET", file, down, 200),
		on("read a part", "GET", file, down, 206).with("Range", "bytes=0-1"),
		on("read the head", "HEAD", file, down, 200),
		on("read a folder", "GET", sub, stat, 405),
		on("write", "PUT", fresh, up, 201).send("new").change().taken(),
		on("write below a folder", "PUT", sub+"/new{n}", up, 201).send("new").change().taken(),
		on("overwrite", "PUT", file, up, 204).send("other").change().taken(),
		on("overwrite if there", "PUT", file, up, 204).send("other").with("If-Match", "*").change(),
		on("make a folder", "MKCOL", fresh, mk, 201).change().taken(),
		on("rename a file", "MOVE", file, move, 201).to(fresh).change(),
		on("rename a folder", "MOVE", sub, move, 201).to(fresh).change(),
		on("move a file", "MOVE", file, move|up, 201).to(sub + "/new{n}").change(),
		on("move onto another", "MOVE", file, move|up|del, 204).to(sub + "/g.txt").change(),
		on("move out", "MOVE", file, move, 201).to("/dav/spaces/{drive}/out{n}").onRoot(up).change(),
		on("move home", "MOVE", file, 0).to("/dav/spaces/{own}/moved{n}").nobody(),
		on("move in from home", "MOVE", "/dav/spaces/{own}/mine.txt", 0).to(fresh).nobody(),
		on("copy a file", "COPY", file, down|up, 201).to(fresh).change(),
		on("copy a folder", "COPY", sub, down|mk|up, 201).to(fresh).change(),
		on("copy onto another", "COPY", file, down|up, 204).to(sub + "/g.txt").change(),
		on("copy out", "COPY", file, down, 201).to("/dav/spaces/{drive}/out{n}").onRoot(up).change(),
		on("copy home", "COPY", file, down, 201).to("/dav/spaces/{own}/copy{n}").change(),
		on("copy in from home", "COPY", "/dav/spaces/{own}/mine.txt", up, 201).to(fresh).change(),
		on("delete a file", "DELETE", file, del, 204).change(),
		on("delete a folder", "DELETE", sub, del, 204).change(),
		on("set a property", "PROPPATCH", file, up, 207).send(patch).change(),
		on("mark", "PROPPATCH", file, stat, 207).send(favourite).change(),
		on("lock", "LOCK", file, up, 200).send(lock).change(),
		on("lock a name", "LOCK", fresh, up, 201).send(lock).change(),
		on("unlock", "UNLOCK", file, up, 409).with("Lock-Token", "<"+noLock+">"),
		on("refresh a lock", "LOCK", file, up, 412).with("If", "(<"+noLock+">)"),
		on("ask for changes", "REPORT", "{base}", list, 207).send(sync),
		on("ask for favourites", "REPORT", "{base}", stat, 207).send(favourites),
		on("begin an upload", "POST", "{base}", up, 201).with(tus...).with("Upload-Metadata", "filename bmV3").change().taken(),
		on("begin to overwrite", "POST", "{base}", up, 201).with(tus...).with("Upload-Metadata", "filename Zi50eHQ=").change().taken(),

		on("path of an id", "PROPFIND", "/dav/meta/{file}", stat, 207),
		on("list versions", "PROPFIND", meta, permission.ListVersions, 207),
		on("read a version", "GET", meta+"/{version}", permission.ListVersions|down, 200),
		on("restore a version", "COPY", meta+"/{version}", permission.RestoreVersion, 204).change(),
		on("list the trash", "PROPFIND", trash, 0, 207).onRoot(permission.ListTrash),
		on("list in the trash", "PROPFIND", trash+"/{trash}", 0, 207).onRoot(permission.ListTrash),
		on("restore", "MOVE", trash+"/{trash}", 0, 201).to("/dav/spaces/{drive}/back{n}").onRoot(permission.RestoreTrash | up | mk).change(),
		on("purge", "DELETE", trash+"/{trash}", 0, 204).onRoot(permission.PurgeTrash).change(),
		on("empty the trash", "DELETE", trash, 0, 204).onRoot(permission.PurgeTrash).change(),

		on("graph: item", "GET", item, stat, 200),
		on("graph: children", "GET", item+"/children", list, 200),
		on("graph: content", "GET", graph+"/items/{file}/content", down, 302),
		on("graph: make a folder", "POST", item+"/children", mk, 201).send(`{"name":"new{n}","folder":{}}`).change(),
		on("graph: make a file", "POST", item+"/children", up, 201).send(`{"name":"new{n}","file":{}}`).change(),
		on("graph: by path", "GET", item+":/sub/g.txt", stat, 200),
		on("graph: upload session", "POST", item+":/new{n}:/createUploadSession", up, 200).send(`{"item":{"fileSize":3}}`).change(),
		on("graph: delete", "DELETE", item, del, 204).change(),
		on("graph: restore", "POST", graph+"/items/{gone}/restore", 0, 200).onRoot(permission.RestoreTrash | up).change(),
		on("graph: delete for good", "POST", item+"/permanentDelete", del, 204).onRoot(permission.PurgeTrash).change(),
		on("graph: permissions", "GET", perm+"/permissions", stat, 200),
		on("graph: a share", "GET", perm+"/permissions/{share}", permission.ListGrants, 200).hidden(permission.ListGrants),
		on("graph: change a share", "PATCH", perm+"/permissions/{share}", permission.UpdateGrant, 200).send(`{"roles":["` + editorRole + `"]}`).hidden(permission.ListGrants).change(),
		on("graph: take a share back", "DELETE", perm+"/permissions/{share}", permission.RemoveGrant, 204).hidden(permission.ListGrants).change(),
		on("graph: a link", "GET", perm+"/permissions/{link}", permission.RemoveGrant, 200).hidden(permission.RemoveGrant),
		on("graph: change a link", "PATCH", perm+"/permissions/{link}", permission.RemoveGrant, 200).send(`{"link":{"type":"edit"}}`).hidden(permission.RemoveGrant).change(),
		on("graph: password of a link", "POST", perm+"/permissions/{link}/setPassword", permission.RemoveGrant, 200).send(`{"password":"` + linkPassword + `"}`).hidden(permission.RemoveGrant).change(),
		on("graph: take a link back", "DELETE", perm+"/permissions/{link}", permission.RemoveGrant, 204).hidden(permission.RemoveGrant).change(),
		on("graph: invite", "POST", perm+"/invite", permission.AddGrant, 200).send(invite).change(),
		on("graph: link", "POST", perm+"/createLink", permission.AddGrant, 200).send(`{"type":"view"}`).change(),
		on("graph: space", "GET", graph, 0, 200).onRoot(stat),
		on("graph: rename the space", "PATCH", graph, 0, 200).send(`{"description":"x{n}"}`).onRoot(permission.RemoveGrant).hidden(permission.RemoveGrant).change(),

		on("ocs: shares", "GET", ocs+"?space_ref={item}", stat, 200),
		on("ocs: share", "POST", ocs, permission.AddGrant, 200).send(give).with(form...).change(),
		on("ocs: link", "POST", ocs, permission.AddGrant, 200).send("shareType=3&space_ref={item}").with(form...).change(),
		on("ocs: a share", "GET", ocs+"/{share}", 0, 200).onRoot(permission.ListGrants).hidden(permission.ListGrants),
		on("ocs: change a share", "PUT", ocs+"/{share}", permission.UpdateGrant, 200).send("permissions=15").with(form...).onRoot(permission.ListGrants).hidden(permission.ListGrants).change(),
		on("ocs: take a share back", "DELETE", ocs+"/{share}", permission.RemoveGrant, 200).onRoot(permission.ListGrants).hidden(permission.ListGrants).change(),
		on("ocs: change a link", "PUT", ocs+"/{link}", permission.RemoveGrant, 200).send("name=x").with(form...).hidden(permission.RemoveGrant).change(),
		on("ocs: take a link back", "DELETE", ocs+"/{link}", permission.RemoveGrant, 200).hidden(permission.RemoveGrant).change(),
		on("archive", "GET", "/archiver?id={item}{token}", down, 200),
		on("archive two", "GET", "/archiver?id={file}&id={item}&output-format=tar{token}", down, 200),
	}
}

// expect is the statuses that a call may have for somebody.
func (c *call) expect(p *party, way string) []int {
	byLink := p.token != ""
	switch {
	case p.refused != 0:
		return []int{p.refused, 429} // whose sign-ins fail must wait at times
	case byLink && !c.byLink():
		return []int{401} // a link opens nothing but itself
	case byLink && p.may == permission.Uploader && strings.Contains(c.path, "{token}"):
		return []int{403, 404}
	case byLink && p.may == permission.Uploader && strings.Contains(c.path, "{base}"):
		if c.drop {
			return []int{201}
		}
		return []int{403, 404, 405, 412}
	case byLink && (c.method == "PROPPATCH" || c.method == "REPORT"):
		return []int{403}
	}
	if byLink && (strings.Contains(strings.Join(c.headers, " "), "{own}") || strings.Contains(c.path, "{own}")) {
		return []int{401, 403, 404, 409} // visitors have no home
	}
	visible := p.may.Has(permission.Stat)
	if c.root != 0 && c.need == 0 && !c.never && !strings.Contains(c.path, "{item}") {
		visible = p.root.Has(permission.Stat)
	}
	switch {
	case p.name == "denied" && strings.HasPrefix(c.name, "begin") && way != "id":
		return []int{201} // beside what he does not see; when it comes to its end, he is told
	case !visible:
		return []int{404, 409}
	case c.never:
		return []int{400, 403, 404, 409, 502}
	case !c.refuses(p):
		return c.ok
	case !p.may.Has(c.hides) && c.root == 0 || !p.root.Has(c.hides) && c.root != 0:
		return []int{404}
	case !p.root.Has(c.root) && !p.root.Has(permission.Stat):
		return []int{403, 404, 409}
	}
	return []int{403}
}

// TestMatrix: what everybody may do on everything, by every way. Who may not changes nothing, and strangers do not learn what exists.
func TestMatrix(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); matrix(t, server.Options{}, false, true) })
	t.Run("split", func(t *testing.T) { t.Parallel(); matrix(t, server.Options{Split: true}, true) })
}

func matrix(t *testing.T, o server.Options, projects ...bool) {
	s := server.Start(t, matrixOptions(o))
	ids := people(t, s)
	for _, project := range projects {
		w := newWorld(t, s, ids, project)
		t.Run(map[bool]string{false: "personal", true: "project"}[project], func(t *testing.T) { t.Parallel(); w.matrix(t) })
	}
}

func (w *world) matrix(t *testing.T) {
	common := w.plant(nil)
	for i := range w.parties {
		p := &w.parties[i]
		t.Run(p.name, func(t *testing.T) {
			w.t = t
			refused, allowed := 0, 0
			for before, again := w.digest(common), false; ; again = true {
				refused = 0
				w.eachCell(p, func(at way, c *call, _ bool) {
					if want := c.expect(p, at.name); want[0] >= 400 {
						refused++
						w.refused(p, at, c, common, want)
					}
				})
				after := w.digest(common)
				if after == before {
					break
				}
				if again { // once, the server may have taken away the grant that has expired
					t.Errorf("who was refused changed something: %s", difference(before, after))
					break
				}
				before = after
			}
			w.eachCell(p, func(at way, c *call, turn bool) {
				want := c.expect(p, at.name)
				if want[0] >= 400 || c.changes && !turn { // trees are dear: each call has one, and the ways take turns
					return
				}
				tree := common
				if allowed++; c.changes {
					tree = w.plant(c)
				}
				w.ask(p, at, c, tree, want)
			})
			if p.root.Has(permission.PurgeTrash) {
				common = w.plant(nil) // the trash was emptied
			}
			t.Logf("%d calls refused, %d allowed", refused, allowed)
		})
	}
}

// eachCell visits every call by every way that the party has. What is not below the way does not depend on it. turn is true for
// one way of each call.
func (w *world) eachCell(p *party, f func(at way, c *call, turn bool)) {
	ways := p.ways(w)
	for n, c := range calls() {
		below := strings.Contains(c.path, "{base}")
		for i, at := range ways {
			if i == 0 || below {
				f(at, &c, !below || i == n%len(ways))
			}
		}
	}
}

// ask makes one call and compares the status.
func (w *world) ask(p *party, by way, c *call, at *tree, want []int) server.Answer {
	w.t.Helper()
	fill := at.fill(w, p, by.base)
	a := p.c.Do(c.method, fill.Replace(c.path), fill.Replace(c.body), c.fill(fill)...)
	if !slices.Contains(want, a.Status) {
		w.t.Errorf("%s by %s (%s %s): %d, want %v: %.300s", c.name, by.name, c.method, fill.Replace(c.path), a.Status, want, a.Body)
	}
	return a
}

// refused makes a call that is not allowed. Who sees nothing is told the same if there is nothing.
func (w *world) refused(p *party, by way, c *call, at *tree, want []int) {
	w.t.Helper()
	there := w.ask(p, by, c, at, want)
	if p.token != "" || p.name == "disabled" || p.refused == 0 && p.may.Has(permission.Stat) {
		return // that there is a link, its visitors may know; whose sign-in fails is told how long to wait
	}
	for _, space := range []bool{true, false} {
		if !space && p.name == "denied" {
			continue // he sees a part of this one
		}
		gone := at.without(space)
		nowhere := way{by.name, strings.NewReplacer(w.folder, gone.v["item"], w.drive, gone.v["drive"], w.mount, "Nothing").Replace(by.base)}
		not := w.ask(p, nowhere, c, gone, want)
		if a, b := told(there, at, by.base), told(not, gone, nowhere.base); a != b {
			w.t.Errorf("%s by %s: told\n%s\nbut if it does not exist\n%s", c.name, by.name, a, b)
		}
	}
}

var (
	moment  = regexp.MustCompile(`"(date|request-id)":"[^"]*"`)
	newName = regexp.MustCompile(`new(Mine|Ours)[0-9]+`)
)

// told is what an answer says but for the names that were asked about.
func told(a server.Answer, t *tree, base string) string {
	pairs := []string{base, "{base}", url.PathEscape(base), "{base}"}
	keys := slices.SortedFunc(maps.Keys(t.v), func(a, b string) int { return len(t.v[b]) - len(t.v[a]) })
	for _, k := range keys {
		pairs = append(pairs, t.v[k], "{"+k+"}")
	}
	var b strings.Builder
	fmt.Fprintln(&b, a.Status)
	for _, k := range slices.Sorted(maps.Keys(a.Header)) {
		if k != "Date" && k != "X-Request-Id" && k != "Content-Length" {
			fmt.Fprintln(&b, k, a.Header[k])
		}
	}
	b.WriteString(moment.ReplaceAllString(a.Body, "$1"))
	return newName.ReplaceAllString(strings.NewReplacer(pairs...).Replace(b.String()), "new")
}

// difference shows where two texts part.
func difference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, i-300):min(len(s), i+300)] }
	return "\n…" + cut(a) + "…\n…" + cut(b) + "…"
}
