package graph

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	maxAlias       = 512  // bytes
	maxDescription = 4096 // bytes
)

// driveBody is what can be said about a space that is made or changed.
type driveBody struct {
	Name        *string       `json:"name"`
	Type        *string       `json:"driveType"`
	Alias       *string       `json:"driveAlias"`
	Description *string       `json:"description"`
	Quota       *quotaBody    `json:"quota"`
	Special     []specialBody `json:"special"`
}

type quotaBody struct {
	Total *int64 `json:"total"`
	// Clients send back what they were told; it is not theirs to change.
	Used      any `json:"used"`
	Remaining any `json:"remaining"`
	State     any `json:"state"`
	Deleted   any `json:"deleted"`
}

type specialBody struct {
	ID     string        `json:"id"`
	Folder specialFolder `json:"specialFolder"`
}

// check validates what does not depend on the space. (spec/identity.md §14.6)
func (b *driveBody) check(maxQuota int64) error {
	if b.Name != nil {
		if err := space.ValidateName(*b.Name); err != nil {
			return fmt.Errorf("%w: %w", storage.ErrInvalid, err)
		}
	}
	if b.Description != nil && (len(*b.Description) > maxDescription || !utf8.ValidString(*b.Description) || strings.ContainsRune(*b.Description, 0)) {
		return badRequest(fmt.Sprintf("the description is a text of at most %d bytes", maxDescription))
	}
	if t := b.total(); t != nil && (*t < 0 || maxQuota > 0 && (*t == 0 || *t > maxQuota)) {
		return badRequest("the quota is not in the range that is allowed")
	}
	return nil
}

func (b *driveBody) total() *int64 {
	if b.Quota == nil {
		return nil
	}
	return b.Quota.Total
}

// checkAlias keeps the aliases of one type from looking like those of another. Personal ones do not change.
func checkAlias(t space.Type, alias, old string) error {
	rest, ok := strings.CutPrefix(alias, string(t)+"/")
	if alias == old || t == space.Project && ok && rest != "" && len(alias) <= maxAlias && utf8.ValidString(alias) && !strings.ContainsFunc(alias, unicode.IsControl) {
		return nil
	}
	return badRequest(fmt.Sprintf("driveAlias begins with %q", string(space.Project)+"/"))
}

// change is a kind of change of a space.
type change uint8

const (
	editing   change = iota // name, description, alias, special items
	enabling                // to disable and enable
	purging                 // to remove for good
	budgeting               // the quota
)

// permissionTo is the application permission for changes of spaces that one does not manage: none for editing other people's.
func permissionTo(c change, t space.Type) (role.Permission, bool) {
	if t == space.Personal {
		switch c {
		case enabling, purging:
			return role.DrivesDeletePersonal, true
		case budgeting:
			return role.DrivesReadWritePersonalQuota, true
		}
		return "", false
	}
	switch c {
	case editing:
		return role.DrivesReadWrite, true
	case enabling:
		return role.DrivesReadWriteEnabled, true
	case purging:
		return role.DrivesDeleteProject, true
	}
	return role.DrivesReadWriteProjectQuota, true
}

// steward returns the context in which the caller changes a space: their own if they manage it, else that of a service if an
// application permission allows the change. Managers edit, disable and purge projects; their personal space they only edit; the
// quota is nobody's without the permission. Who may not gets ErrNotFound, or 403 if they manage the space, or see all spaces and
// ask for another quota. (spec/identity.md §14.6)
func steward(ctx context.Context, s *space.Space, c change) (context.Context, error) {
	if s.Type != space.Personal && s.Type != space.Project {
		return nil, storage.ErrNotFound
	}
	a := identity.ActorFrom(ctx)
	manager := s.Permissions.Has(permission.RemoveGrant) // what the storage asks for
	p, ok := permissionTo(c, s.Type)
	allowed := ok && may(ctx, p) || manager && (c == editing || s.Type == space.Project && c != budgeting)
	switch {
	case allowed && manager:
		return ctx, nil
	case allowed:
		return asService(ctx), nil
	case manager, c == budgeting && a.MayListAllSpaces:
		return nil, notAllowed("you may not change this of the space")
	}
	return nil, storage.ErrNotFound
}

// spaceOf finds the space of the path as the caller sees it.
func (h *handler) spaceOf(r *http.Request) (*space.Space, error) {
	id, err := h.driveID(r)
	if err != nil {
		return nil, err
	}
	all, err := h.Spaces.ListSpaces(r.Context(), storage.SpaceFilter{ID: id, All: identity.ActorFrom(r.Context()).MayListAllSpaces})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, storage.ErrNotFound
	}
	return &all[0], nil
}

// createDrive answers POST /drives: a project, of which the caller becomes the manager.
func (h *handler) createDrive(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b driveBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	template := r.URL.Query().Get("template")
	switch {
	case b.Name == nil:
		return nil, badRequest("name is missing")
	case b.Type != nil && *b.Type != string(space.Project):
		return nil, badRequest("only spaces of the driveType project can be made")
	case b.Special != nil:
		return nil, badRequest("special items are set when the space is there")
	case template != "" && template != "default":
		return nil, badRequest("there is no such template")
	}
	if err := b.check(h.maxQuota); err != nil {
		return nil, err
	}
	q := storage.SpaceRequest{Type: space.Project, Name: *b.Name, Quota: h.defaultQuota}
	if b.Alias != nil {
		if err := checkAlias(space.Project, *b.Alias, ""); err != nil {
			return nil, err
		}
		q.Alias = *b.Alias
	}
	if b.Description != nil {
		q.Description = *b.Description
	}
	if t := b.total(); t != nil && *t != q.Quota {
		if !may(r.Context(), role.DrivesReadWriteProjectQuota) {
			return nil, notAllowed("you may not set the quota")
		}
		q.Quota = *t
	}
	s, err := h.Spaces.CreateSpace(r.Context(), q)
	if err == nil && template != "" {
		s, err = h.furnish(r, s.ID)
	}
	if err != nil {
		return nil, err
	}
	return created(h.described(r, &s))
}

// described is a space after a change.
func (h *handler) described(r *http.Request, s *space.Space) drive {
	return h.fullDrive(r.Context(), s, &driveQuery{legacy: isLegacy(r)})
}

// patchDrive answers PATCH /drives/{drive}. The whole body is applied, or nothing.
func (h *handler) patchDrive(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b driveBody
	restore, err := flag(r, "Restore")
	if err == nil && (!restore || r.ContentLength != 0) {
		err = decode(r, &b)
	}
	if err != nil {
		return nil, err
	}
	s, err := h.spaceOf(r)
	if err != nil {
		return nil, err
	}
	var needs []change
	if restore {
		needs = append(needs, enabling)
	}
	if b.total() != nil {
		needs = append(needs, budgeting)
	}
	if b.Name != nil || b.Alias != nil || b.Description != nil || b.Special != nil || needs == nil {
		needs = append(needs, editing)
	}
	ctx := r.Context()
	for _, c := range needs {
		if ctx, err = steward(r.Context(), s, c); err != nil {
			return nil, err
		}
	}
	u, err := h.toUpdate(ctx, &b, s)
	if err != nil {
		return nil, err
	}
	u.Restore = restore
	if u == (storage.SpaceUpdate{}) {
		return h.described(r, s), nil
	}
	changed, err := h.Spaces.UpdateSpace(ctx, s.ID, u)
	if err != nil {
		return nil, err
	}
	return h.described(r, &changed), nil
}

func (h *handler) toUpdate(ctx context.Context, b *driveBody, s *space.Space) (storage.SpaceUpdate, error) {
	u := storage.SpaceUpdate{Name: b.Name, Alias: b.Alias, Description: b.Description, Quota: b.total()}
	if err := b.check(h.maxQuota); err != nil {
		return u, err
	}
	if b.Type != nil && *b.Type != string(s.Type) {
		return u, badRequest("driveType does not change")
	}
	if b.Alias != nil {
		if err := checkAlias(s.Type, *b.Alias, s.Alias); err != nil {
			return u, err
		}
	}
	for _, x := range b.Special {
		node, err := h.specialNode(ctx, x.ID, s.ID)
		if err != nil {
			return u, err
		}
		switch x.Folder.Name {
		case "image":
			u.ImageID = &node
		case "readme":
			u.ReadmeID = &node
		default:
			return u, badRequest("special items are image and readme")
		}
	}
	return u, nil
}

// specialNode finds the file of the space that is to be its picture or readme; an empty id is none.
func (h *handler) specialNode(ctx context.Context, text string, root resource.ID) (string, error) {
	if text == "" {
		return "", nil
	}
	id, err := resource.ParseID(text)
	if err != nil {
		return "", badRequest("the id of the special item cannot be read")
	}
	if id = id.WithStorage(h.cfg.MountID); id.Root() != root {
		return "", missing("item in this drive")
	}
	i, err := h.Reader.Stat(ctx, storage.At(id, ""), storage.View{})
	if err == nil && i.IsFolder() {
		err = badRequest("the special item is no file")
	}
	return id.Node, err
}

// deleteDrive answers DELETE /drives/{drive}: it disables the space or, if that has been done and Purge says so, removes it for good.
func (h *handler) deleteDrive(_ http.ResponseWriter, r *http.Request) (any, error) {
	purge, err := flag(r, "Purge")
	if err != nil {
		return nil, err
	}
	s, err := h.spaceOf(r)
	if err != nil {
		return nil, err
	}
	c, op := enabling, h.Spaces.DisableSpace
	if purge {
		c, op = purging, h.Spaces.PurgeSpace
	}
	ctx, err := steward(r.Context(), s, c)
	if err == nil {
		err = op(ctx, s.ID)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

// flag reads a header that is on or off, in the syntax of Go.
func flag(r *http.Request, name string) (bool, error) {
	v := r.Header.Get(name)
	if v == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(v)
	if err != nil {
		return false, badRequest("the header " + name + " is true or false")
	}
	return on, nil
}
