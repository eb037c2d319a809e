package graph

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"net/http"

	"golang.org/x/text/language"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

//go:embed template
var template embed.FS

// furnish puts a picture and a readme in the caller's language into a new space. If that fails the space is not left behind.
// (spec/storage.md §1.1)
func (h *handler) furnish(r *http.Request, id resource.ID) (space.Space, error) {
	s, err := h.putTemplate(r.Context(), id, templateLanguage(r))
	if err != nil {
		ctx := context.WithoutCancel(r.Context())
		undo := h.Spaces.DisableSpace(ctx, id)
		if undo == nil {
			undo = h.Spaces.PurgeSpace(ctx, id)
		}
		err = errors.Join(err, undo)
	}
	return s, err
}

func (h *handler) putTemplate(ctx context.Context, id resource.ID, lang string) (space.Space, error) {
	if _, err := h.Writer.CreateFolder(ctx, storage.At(id, ".space"), storage.Conditions{}); err != nil {
		return space.Space{}, err
	}
	put := func(file, name string) (string, error) {
		content, err := template.ReadFile("template/" + file)
		if err != nil {
			return "", err
		}
		res, err := h.Writer.Upload(ctx, storage.At(id, ".space/"+name), storage.UploadRequest{Length: int64(len(content))}, bytes.NewReader(content))
		return res.Info.ID.Node, err
	}
	readme, err := put("readme."+lang+".md", "readme.md")
	if err != nil {
		return space.Space{}, err
	}
	image, err := put("image.png", "image.png")
	if err != nil {
		return space.Space{}, err
	}
	return h.Spaces.UpdateSpace(ctx, id, storage.SpaceUpdate{ReadmeID: &readme, ImageID: &image})
}

// templateLanguage is the one the caller chose, else what the browser asks for, of those there are.
func templateLanguage(r *http.Request) string {
	tags := []language.Tag{language.English, language.German, language.French, language.Spanish}
	accepted := r.Header.Get("Accept-Language")
	if len(accepted) > 1000 { // matching takes time
		accepted = ""
	}
	_, i := language.MatchStrings(language.NewMatcher(tags), identity.ActorFrom(r.Context()).User.Language, accepted)
	base, _ := tags[i].Base()
	return base.String()
}
