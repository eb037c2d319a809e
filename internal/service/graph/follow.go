package graph

import (
	"net/http"

	"opencloud/internal/identity"
	"opencloud/internal/storage"
)

// follow answers POST /me/drive/items/{item}/follow: the item, whose drive ever it is in, becomes a favourite of the caller.
// 404 if he does not see it. (LibreGraph API, FollowDriveItem)
func (h *handler) follow(_ http.ResponseWriter, r *http.Request) (any, error) {
	ref, err := h.mark(r, true)
	if err != nil {
		return nil, err
	}
	i, err := h.Reader.Stat(r.Context(), ref, storage.View{Path: true})
	if err != nil {
		return nil, err
	}
	return created(h.toItem(&i))
}

// unfollow answers DELETE /me/drive/following/{item}. (LibreGraph API, UnfollowDriveItem)
func (h *handler) unfollow(_ http.ResponseWriter, r *http.Request) (any, error) {
	if _, err := h.mark(r, false); err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) mark(r *http.Request, on bool) (storage.Ref, error) {
	if identity.ActorFrom(r.Context()).Kind != identity.Person {
		return storage.Ref{}, forbidden()
	}
	id, err := h.itemID(r)
	if err != nil {
		return storage.Ref{}, err
	}
	ref := storage.At(id, "")
	return ref, h.Favorites.SetFavorite(r.Context(), ref, on)
}
