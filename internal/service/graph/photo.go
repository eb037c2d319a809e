package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"

	"opencloud/internal/identity"
)

const maxPhoto = 10 << 20 // bytes

// photo answers GET …/photo/$value. (spec/identity.md §14.2)
func (h *handler) photo(w http.ResponseWriter, r *http.Request) (any, error) {
	a, err := h.target(r)
	if err != nil {
		return nil, err
	}
	data, media, err := h.Accounts.Photo(r.Context(), a.ID)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	head := w.Header()
	head.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	head.Set("Cache-Control", "private, no-cache")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if strings.Contains(r.Header.Get("If-None-Match"), head.Get("ETag")) {
		w.WriteHeader(http.StatusNotModified)
		return written{}, nil
	}
	head.Set("Content-Type", media)
	head.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
	return written{}, nil
}

func (h *handler) setPhoto(_ http.ResponseWriter, r *http.Request) (any, error) {
	a := identity.ActorFrom(r.Context())
	if a.Kind != identity.Person {
		return nil, forbidden()
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxPhoto+1))
	if err != nil {
		return nil, badRequest("the body cannot be read")
	}
	if len(data) > maxPhoto {
		return nil, &graphError{http.StatusRequestEntityTooLarge, "invalidRequest", "a photo has at most 10 MiB"}
	}
	media := http.DetectContentType(data)
	switch media {
	case "image/jpeg", "image/png", "image/gif", "image/webp":
	default:
		return nil, badRequest("a photo is a JPEG, PNG, GIF or WebP image")
	}
	if err := h.Accounts.SetPhoto(r.Context(), a.User.ID, data, media); err != nil {
		return nil, err
	}
	return noContent()
}

func (h *handler) deletePhoto(_ http.ResponseWriter, r *http.Request) (any, error) {
	a := identity.ActorFrom(r.Context())
	if a.Kind != identity.Person {
		return nil, forbidden()
	}
	if err := h.Accounts.SetPhoto(r.Context(), a.User.ID, nil, ""); err != nil {
		return nil, err
	}
	return noContent()
}
