package graph

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/storage"
)

// router is every call there is, and who may make it.
func (h *handler) router() chi.Router {
	r := chi.NewRouter()
	for _, version := range []string{"/graph/v1.0", "/graph/v1beta1"} {
		r.Route(version, func(r chi.Router) {
			r.Get("/me", h.wrap(h.me))
			r.Get("/me/drive", h.wrap(h.myDrive))
			r.Get("/me/drives", h.wrap(h.myDrives))
			r.Get("/drives", h.wrap(h.allDrives))
			r.Post("/drives", h.guarded(role.DrivesCreate, h.Writer != nil, h.createDrive))
			r.Get("/drives/{drive}", h.wrap(h.drive))
			r.Patch("/drives/{drive}", h.wrap(h.patchDrive))
			r.Delete("/drives/{drive}", h.wrap(h.deleteDrive))
			h.items(r)
			h.sharing(r)
			h.people(r)
			h.groupRoutes(r)
			h.tagRoutes(r)
			r.Route("/education", h.education)
		})
	}
	r.NotFound(h.wrap(func(http.ResponseWriter, *http.Request) (any, error) { return nil, storage.ErrNotFound }))
	r.MethodNotAllowed(h.wrap(func(http.ResponseWriter, *http.Request) (any, error) {
		return nil, &graphError{http.StatusMethodNotAllowed, "notAllowed", "method not allowed"}
	}))
	return r
}

// routes is the router behind what tidies addresses: trailing slashes are tolerated.
func (h *handler) routes() http.Handler {
	r := h.router()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if p := req.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") {
			u := *req.URL
			u.Path, u.RawPath = strings.TrimRight(p, "/"), ""
			req = req.Clone(req.Context())
			req.URL = &u
		}
		r.ServeHTTP(w, req)
	})
}

func (h *handler) people(r chi.Router) {
	there := h.Accounts != nil
	r.Patch("/me", h.with(there, h.patchMe))
	r.Post("/me/changePassword", h.with(there && h.Login != nil, h.changePassword))
	r.Get("/me/photo/$value", h.with(there, h.photo))
	r.Put("/me/photo/$value", h.with(there, h.setPhoto))
	r.Patch("/me/photo/$value", h.with(there, h.setPhoto))
	r.Delete("/me/photo/$value", h.with(there, h.deletePhoto))
	h.security(r)

	r.Get("/users", h.with(there, h.users))
	r.Post("/users", h.admin(h.createUser))
	r.Get("/users/{user}", h.with(there, h.user))
	r.Patch("/users/{user}", h.admin(h.patchUser))
	r.Delete("/users/{user}", h.admin(h.deleteUser))
	r.Get("/users/{user}/drive", h.with(there, h.userDrive))
	r.Get("/users/{user}/photo/$value", h.with(there, h.photo))
	r.Post("/users/{user}/exportPersonalData", h.with(there && h.Jobs != nil && h.Writer != nil && h.Machine != nil, h.export))
	r.Get("/users/{user}/appRoleAssignments", h.admin(h.assignments))
	r.Post("/users/{user}/appRoleAssignments", h.admin(h.assign))
	r.Delete("/users/{user}/appRoleAssignments/{assignment}", h.admin(h.unassign))
	r.Get("/applications", h.wrap(h.applications))
	r.Get("/applications/{application}", h.wrap(h.application))

	r.Get("/directory/deletedItems", h.admin(h.deletedUsers))
	r.Get("/directory/deletedItems/microsoft.graph.user", h.admin(h.deletedUsers))
	r.Get("/directory/deletedItems/{user}", h.admin(h.deletedUser))
	r.Post("/directory/deletedItems/{user}/restore", h.admin(h.restoreUser))
	r.Delete("/directory/deletedItems/{user}", h.admin(h.purgeUser))
}

// items are files and folders: by id, or by a path between colons.
func (h *handler) items(r chi.Router) {
	writes, uploads := h.Writer != nil, h.uploads != nil
	r.Get("/me/drive/root", h.wrap(h.myRoot))
	r.Get("/me/drive/root/children", h.wrap(h.myChildren))
	r.Post("/me/drive/items/{item}/follow", h.with(h.Favorites != nil, h.follow))
	r.Delete("/me/drive/following/{item}", h.with(h.Favorites != nil, h.unfollow))
	for _, at := range []string{"/drives/{drive}/root", "/drives/{drive}/items/{item}"} {
		r.Get(at, h.wrap(h.inJail(h.jailItem, h.item)))
		r.Get(at+"/children", h.wrap(h.inJail(h.jailChildren, h.children)))
		r.Get(at+"/content", h.wrap(h.content))
		r.Post(at+"/children", h.with(writes, h.inJail(h.mount, h.createChild)))
		r.Post(at+"/createUploadSession", h.with(uploads, h.createUploadSession))
		r.Get(at+":/*", h.wrap(byPath(map[string]operation{"": h.item, "children": h.children, "content": h.content})))
		below := map[string]operation{}
		if writes {
			below["children"] = h.createChild
		}
		if uploads {
			below["createUploadSession"] = h.createUploadSession
		}
		r.Post(at+":/*", h.wrap(byPath(below)))
		r.Delete(at+":/*", h.with(writes, byPath(map[string]operation{"": h.deleteItem})))
	}
	const item = "/drives/{drive}/items/{item}"
	r.Delete(item, h.with(writes, h.inJail(h.unmount, h.deleteItem)))
	r.Patch(item, h.with(h.Shares != nil, h.inJail(h.patchReceived, noPatch)))
	r.Post(item+"/restore", h.with(h.Trash != nil, h.restoreItem))
	r.Post(item+"/permanentDelete", h.with(writes && h.Trash != nil, h.permanentDelete))
}

// sharing is what people give each other rights by.
func (h *handler) sharing(r chi.Router) {
	const definitions = "/roleManagement/permissions/roleDefinitions"
	r.Get(definitions, h.wrap(h.roleDefinitions))
	r.Get(definitions+"/{role}", h.wrap(h.roleDefinition))
	there := h.Shares != nil && h.Links != nil
	r.Get("/me/drive/sharedWithMe", h.with(there, h.sharedWithMe))
	r.Get("/me/drive/sharedByMe", h.with(there, h.sharedByMe))
	for at, as := range map[string]func(operation) operation{"/drives/{drive}/root": h.staffed, "/drives/{drive}/items/{item}": func(op operation) operation { return op }} {
		const one = "/permissions/{permission}"
		r.Get(at+"/permissions", h.with(there, as(h.permissions)))
		r.Get(at+one, h.with(there, as(h.permission)))
		r.Patch(at+one, h.with(there, as(h.patchPermission)))
		r.Delete(at+one, h.with(there, as(h.deletePermission)))
		r.Post(at+"/invite", h.with(there, as(h.invite)))
		r.Post(at+one+"/setPassword", h.with(there, h.setPassword))
		r.Post(at+"/createLink", h.with(there, h.createLink))
	}
}

func (h *handler) tagRoutes(r chi.Router) {
	const tags = "/extensions/org.libregraph/tags"
	there := h.Tagger != nil
	r.Get(tags, h.with(there, h.tags))
	r.Put(tags, h.with(there, h.tag(func(ctx context.Context, ref storage.Ref, tags []string) error {
		return h.Tagger.AddTags(ctx, ref, tags)
	})))
	r.Delete(tags, h.with(there, h.tag(func(ctx context.Context, ref storage.Ref, tags []string) error {
		return h.Tagger.RemoveTags(ctx, ref, tags)
	})))
}

// security is second factors and sessions: one's own, and those of others for administrators. Nobody removes their own factors
// here: for that the sign-in pages ask who it is once more.
func (h *handler) security(r chi.Router) {
	factors, sessions := h.Factors != nil, h.Sessions != nil
	r.Get("/me/authentication/methods", h.with(factors, h.methods))
	r.Get("/me/sessions", h.with(sessions, h.sessions))
	r.Delete("/me/sessions", h.with(sessions, h.deleteSessions))
	r.Delete("/me/sessions/{session}", h.with(sessions, h.deleteSession))
	r.Get("/users/{user}/authentication/methods", h.adminIf(factors, h.methods))
	r.Delete("/users/{user}/authentication/methods", h.adminIf(factors, h.deleteMethods))
	r.Delete("/users/{user}/authentication/methods/{method}", h.adminIf(factors, h.deleteMethod))
	r.Get("/users/{user}/sessions", h.adminIf(sessions, h.sessions))
	r.Delete("/users/{user}/sessions", h.adminIf(sessions, h.deleteSessions))
	r.Delete("/users/{user}/sessions/{session}", h.adminIf(sessions, h.deleteSession))
}

func (h *handler) groupRoutes(r chi.Router) {
	there := h.Records != nil && h.Accounts != nil
	r.Get("/groups", h.with(there, h.groups))
	r.Post("/groups", h.groupAdmin(h.createGroup))
	r.Get("/groups/{group}", h.with(there, h.group))
	r.Patch("/groups/{group}", h.groupAdmin(h.patchGroup))
	r.Delete("/groups/{group}", h.groupAdmin(h.deleteGroup))
	r.Get("/groups/{group}/members", h.groupAdmin(h.groupMembers))
	r.Post("/groups/{group}/members/$ref", h.groupAdmin(h.addMember))
	r.Delete("/groups/{group}/members/{member}/$ref", h.groupAdmin(h.removeMember))
}

// education is the API of schools; school administrations may use it with their own token.
func (h *handler) education(r chi.Router) {
	r.Use(h.connector)
	there := h.cfg.Identity.LDAP.Education && h.Records != nil
	guard := func(op operation) http.HandlerFunc { return h.adminIf(there, op) }
	r.Get("/schools", guard(h.schools))
	r.Post("/schools", guard(h.createSchool))
	r.Get("/schools/{school}", guard(h.school))
	r.Patch("/schools/{school}", guard(h.patchSchool))
	r.Delete("/schools/{school}", guard(h.deleteSchool))
	r.Get("/schools/{school}/users", guard(h.schoolUsers))
	r.Post("/schools/{school}/users/$ref", guard(h.addSchoolUser))
	r.Delete("/schools/{school}/users/{member}/$ref", guard(h.removeSchoolUser))
	r.Get("/schools/{school}/classes", guard(h.schoolClasses))
	r.Post("/schools/{school}/classes/$ref", guard(h.addSchoolClass))
	r.Delete("/schools/{school}/classes/{member}/$ref", guard(h.removeSchoolClass))
	r.Get("/users", guard(h.pupils))
	r.Post("/users", guard(h.createPupil))
	r.Get("/users/{user}", guard(h.pupil))
	r.Patch("/users/{user}", guard(h.patchPupil))
	r.Delete("/users/{user}", guard(h.deletePupil))
	r.Get("/classes", guard(h.classes))
	r.Post("/classes", guard(h.createClass))
	r.Get("/classes/{class}", guard(h.class))
	r.Patch("/classes/{class}", guard(h.patchClass))
	r.Delete("/classes/{class}", guard(h.deleteClass))
	for path, kind := range map[string]identity.MemberRole{"members": identity.MemberOf, "teachers": identity.TeacherOf} {
		r.Get("/classes/{class}/"+path, guard(h.classPeople(kind)))
		r.Post("/classes/{class}/"+path+"/$ref", guard(h.addToClass(kind)))
		r.Delete("/classes/{class}/"+path+"/{member}/$ref", guard(h.removeFromClass(kind)))
	}
}

// connector makes a service of whoever has the token of school administrations.
func (h *handler) connector(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + h.cfg.APIToken))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if h.cfg.APIToken != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			r = r.WithContext(identity.WithActor(r.Context(), identity.Actor{Kind: identity.Service}))
		}
		next.ServeHTTP(w, r)
	})
}
