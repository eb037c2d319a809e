package graph

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"opencloud/internal/permission"
	"opencloud/internal/storage/mem"
)

// Who asks, in the order of the columns below.
var callers = []struct{ name, id string }{{"stranger", ""}, {"user light", lightID}, {"user", adaID}, {"space admin", spaceID}, {"admin", adminID}, {"disabled user", deadID}}

// call is a row: a call, and the status for the four who are signed in; strangers and disabled accounts always get 401.
type call struct {
	method, path, body          string
	light, user, spaces, admins int
}

func everyone(method, path, body string, status int) call {
	return call{method, path, body, status, status, status, status}
}
func admins(method, path, body string, status int) call {
	return call{method, path, body, 403, 403, 403, status}
}

// adasOwn is what only Ada sees; the others do not learn whether it is there.
func adasOwn(method, path, body string, status int) call {
	return call{method, path, body, 404, status, 404, 404}
}

// matrix has every call there is. Calls are made on a world of their own each, so that none depends on another.
func matrix() []call {
	const u, g, s, c, e = "/users/" + bjornID, "/groups/" + groupID, "/education/schools/" + schoolID, "/education/classes/" + classID, "/education/users/" + bjornID
	const bin = "/directory/deletedItems"
	ref := func(collection, id string) string {
		return `{"@odata.id":"https://cloud.test/graph/v1.0/` + collection + "/" + id + `"}`
	}
	return []call{
		everyone("GET", "/me", "", 200),
		everyone("PATCH", "/me", `{"preferredLanguage":"de"}`, 200),
		everyone("POST", "/me/changePassword", `{"currentPassword":"wrong","newPassword":"Another Secret 5"}`, 400),
		{"GET", "/me/photo/$value", "", 404, 200, 404, 404},
		everyone("PUT", "/me/photo/$value", string(png()), 204),
		everyone("PATCH", "/me/photo/$value", string(png()), 204),
		{"DELETE", "/me/photo/$value", "", 404, 204, 404, 404},
		everyone("GET", "/me/drive", "", 200),
		everyone("GET", "/me/drives", "", 200),
		everyone("GET", "/me/authentication/methods", "", 200),
		everyone("GET", "/me/sessions", "", 200),
		everyone("DELETE", "/me/sessions", "", 204),
		everyone("DELETE", "/me/sessions/nothing", "", 404),
		everyone("GET", "/drives", "", 200),
		{"GET", adas, "", 404, 200, 200, 200},
		{"GET", moon, "", 404, 404, 200, 200},
		{"POST", "/drives", `{"name":"New"}`, 403, 403, 201, 201},
		{"PATCH", moon, `{"name":"Sun"}`, 404, 404, 200, 200},
		{"DELETE", moon, "", 404, 404, 204, 204},
		everyone("GET", "/me/drive/root", "", 200),
		everyone("GET", "/me/drive/root/children", "", 200),
		adasOwn("POST", "/me/drive/items/{doc}/follow", "", 201),
		adasOwn("DELETE", "/me/drive/following/{doc}", "", 204),
		everyone("POST", "/me/drive/items/nonsense/follow", "", 400),
		everyone("POST", "/me/drive/items/{plan}/follow", "", 404),
		everyone("DELETE", "/me/drive/following/{plan}", "", 404),
		adasOwn("GET", adas+"/root", "", 200),
		adasOwn("GET", adas+"/root/children", "", 200),
		adasOwn("GET", adas+"/root/content", "", 404),
		adasOwn("GET", adas+"/root:/dir/in.txt", "", 200),
		adasOwn("GET", adas+"/items/{doc}", "", 200),
		adasOwn("GET", adas+"/items/{doc}/content", "", 302),
		adasOwn("GET", adas+"/items/{dir}/children", "", 200),
		adasOwn("GET", adas+"/items/{dir}:/in.txt:/content", "", 302),
		adasOwn("POST", adas+"/root/children", `{"name":"new","folder":{}}`, 201),
		adasOwn("POST", adas+"/items/{dir}/children", `{"name":"new","file":{}}`, 201),
		adasOwn("POST", adas+"/root:/dir:/children", `{"name":"new","file":{}}`, 201),
		adasOwn("POST", adas+"/items/{dir}:/x:/children?@libre.graph.missingParentsBehavior=create", `{"name":"new","file":{}}`, 201),
		adasOwn("POST", adas+"/root/createUploadSession", "", 400),
		adasOwn("POST", adas+"/items/{doc}/createUploadSession", "", 200),
		everyone("GET", "/extensions/org.libregraph/tags", "", 200),
		adasOwn("PUT", "/extensions/org.libregraph/tags", `{"resourceId":"{doc}","tags":["a"]}`, 200),
		adasOwn("DELETE", "/extensions/org.libregraph/tags", `{"resourceId":"{doc}","tags":["a"]}`, 200),
		adasOwn("DELETE", adas+"/items/{doc}", "", 204),
		adasOwn("DELETE", adas+"/root:/doc.txt", "", 204),
		adasOwn("DELETE", adas+"/items/{dir}:/in.txt", "", 204),
		adasOwn("POST", adas+"/items/{doc}/restore", "", 404), // it is not in the trash
		adasOwn("POST", adas+"/items/{doc}/permanentDelete", "", 204),
		everyone("GET", moon+"/items/{doc}", "", 404),
		everyone("GET", moon+"/items/{plan}", "", 404),
		everyone("GET", "/roleManagement/permissions/roleDefinitions", "", 200),
		everyone("GET", "/roleManagement/permissions/roleDefinitions/"+permission.ViewerID, "", 200),
		everyone("GET", "/roleManagement/permissions/roleDefinitions/"+permission.DeniedID, "", 404),
		admins("GET", "/users", "", 200),
		everyone("GET", "/users?$search=ada", "", 200),
		admins("POST", "/users", `{"displayName":"X","onPremisesSamAccountName":"x"}`, 201),
		everyone("GET", u, "", 200),
		admins("GET", u+"?$expand=memberOf", "", 200),
		admins("PATCH", u, `{"displayName":"X"}`, 200),
		admins("PATCH", "/users/nobody", `{"displayName":"X"}`, 404),
		admins("DELETE", u, "", 204),
		admins("DELETE", "/users/nobody", "", 404),
		{"GET", "/users/" + adaID + "/drive", "", 404, 200, 404, 200},
		everyone("GET", "/users/"+adaID+"/photo/$value", "", 200),
		{"POST", "/users/" + adaID + "/exportPersonalData", "{}", 400, 202, 400, 400},
		admins("GET", u+"/appRoleAssignments", "", 200),
		admins("POST", u+"/appRoleAssignments", `{"appRoleId":"71881883-1768-46bd-a24d-a356a2afdf7f","principalId":"`+bjornID+`","resourceId":"`+appID+`"}`, 201),
		admins("DELETE", u+"/appRoleAssignments/nothing", "", 404),
		admins("GET", u+"/authentication/methods", "", 200),
		admins("DELETE", u+"/authentication/methods", "", 204),
		admins("DELETE", u+"/authentication/methods/f1", "", 204),
		admins("GET", u+"/sessions", "", 200),
		admins("DELETE", u+"/sessions", "", 204),
		admins("DELETE", u+"/sessions/s-"+bjornID, "", 204),
		everyone("GET", "/applications", "", 200),
		everyone("GET", "/applications/"+appID, "", 200),
		admins("GET", bin, "", 200),
		admins("GET", bin+"/microsoft.graph.user", "", 200),
		admins("GET", bin+"/"+bjornID, "", 404),
		admins("POST", bin+"/"+bjornID+"/restore", "", 404),
		admins("DELETE", bin+"/"+bjornID, "", 404),
		admins("GET", "/groups", "", 200),
		everyone("GET", "/groups?$search=chess", "", 200),
		admins("POST", "/groups", `{"displayName":"sales"}`, 201),
		everyone("GET", g, "", 200),
		admins("GET", g+"?$expand=members", "", 200),
		admins("PATCH", g, `{"displayName":"sales"}`, 204),
		admins("DELETE", g, "", 204),
		admins("GET", g+"/members", "", 200),
		admins("POST", g+"/members/$ref", ref("users", bjornID), 204),
		admins("DELETE", g+"/members/"+adaID+"/$ref", "", 204),
		admins("GET", "/education/schools", "", 200),
		admins("POST", "/education/schools", `{"displayName":"New","schoolNumber":"1"}`, 201),
		admins("GET", s, "", 200),
		admins("GET", "/education/schools/42", "", 200),
		admins("PATCH", s, `{"displayName":"X"}`, 200),
		admins("DELETE", s, "", 405),
		admins("GET", s+"/users", "", 200),
		admins("POST", s+"/users/$ref", ref("education/users", bjornID), 204),
		admins("DELETE", s+"/users/"+bjornID+"/$ref", "", 204),
		admins("GET", s+"/classes", "", 200),
		admins("POST", s+"/classes/$ref", ref("education/classes", classID), 204),
		admins("DELETE", s+"/classes/"+classID+"/$ref", "", 204),
		admins("GET", "/education/users", "", 200),
		admins("POST", "/education/users", `{"displayName":"X","onPremisesSamAccountName":"x","primaryRole":"teacher","identities":[{"issuer":"i","issuerAssignedId":"x"}]}`, 201),
		admins("GET", e, "", 200),
		admins("PATCH", e, `{"displayName":"X"}`, 200),
		admins("DELETE", e, "", 204),
		admins("GET", "/education/users/"+adaID, "", 404),
		admins("GET", "/education/classes", "", 200),
		admins("POST", "/education/classes", `{"displayName":"New","classification":"class"}`, 201),
		admins("GET", c, "", 200),
		admins("PATCH", c, `{"displayName":"X"}`, 200),
		admins("DELETE", c, "", 204),
		admins("GET", c+"/members", "", 200),
		admins("POST", c+"/members/$ref", ref("education/users", bjornID), 204),
		admins("DELETE", c+"/members/"+bjornID+"/$ref", "", 204),
		admins("GET", c+"/teachers", "", 200),
		admins("POST", c+"/teachers/$ref", ref("education/users", bjornID), 204),
		admins("DELETE", c+"/teachers/"+bjornID+"/$ref", "", 404),
		everyone("GET", "/no/such/thing", "", 404),
		everyone("PUT", "/users", "", 405),
	}
}

func TestMatrix(t *testing.T) {
	for _, c := range matrix() {
		// Who may not do it may not spoil the world for the next one; who may gets a new one.
		w := newWorld(t, nil)
		for i, want := range []int{http.StatusUnauthorized, c.light, c.user, c.spaces, c.admins, http.StatusUnauthorized} {
			if c.method != "GET" && (i > 0 && want < 300) {
				w = newWorld(t, nil)
			}
			out := w.call(callers[i].id, c.method, "/v1.0"+c.path, c.body)
			if out.Code != want {
				t.Errorf("%s %s as %s: %d, want %d: %.200s", c.method, c.path, callers[i].name, out.Code, want, out.Body)
			}
			if want >= 400 && !strings.Contains(out.Body.String(), `"error":{"code":"`) {
				t.Errorf("%s %s as %s: no error in %.200s", c.method, c.path, callers[i].name, out.Body)
			}
		}
	}
}

// TestMatrixIsWhole finds calls that were forgotten in the table.
func TestMatrixIsWhole(t *testing.T) {
	fs := mem.New(mount)
	h := &handler{Deps: Deps{Spaces: fs, Reader: fs}}
	router := h.router()
	tested := map[string]bool{}
	all := matrix()
	for _, c := range sharingMatrix() {
		all = append(all, call{method: c.method, path: c.path})
	}
	for _, c := range all {
		path, _, _ := strings.Cut(c.path, "?")
		ctx := chi.NewRouteContext()
		if router.Match(ctx, c.method, "/graph/v1.0"+path) {
			tested[c.method+" "+ctx.RoutePattern()] = true
		}
	}
	n := 0
	err := chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/graph/v1.0/") {
			if n++; !tested[method+" "+route] {
				t.Errorf("%s %s is in no row of the matrix", method, route)
			}
		}
		return nil
	})
	if err != nil || n < 60 {
		t.Errorf("%d routes, %v", n, err)
	}
}

func TestEducationIsOffOrTokened(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Identity.LDAP.Education = false })
	w.want(501, adminID, "GET", "/v1.0/education/schools", "")
	w.want(403, adaID, "GET", "/v1.0/education/schools", "")
	w = newWorld(t, func(c *Config) { c.APIToken = "s3cret" })
	w.want(200, "", "GET", "/v1.0/education/schools", "", "Authorization", "Bearer s3cret")
	w.want(401, "", "GET", "/v1.0/education/schools", "", "Authorization", "Bearer other")
	w.want(401, "", "GET", "/v1.0/users", "", "Authorization", "Bearer s3cret")
	w = newWorld(t, nil)
	w.want(401, "", "GET", "/v1.0/education/schools", "", "Authorization", "Bearer ")
}
