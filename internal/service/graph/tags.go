package graph

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

const (
	maxTag  = 100  // characters of one
	maxTags = 1000 // that are listed
)

// Tagger keeps the tags of files and folders; part of storage.Metadata.
type Tagger interface {
	AddTags(ctx context.Context, ref storage.Ref, tags []string) error
	RemoveTags(ctx context.Context, ref storage.Ref, tags []string) error
	Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error)
}

type tagsBody struct {
	ResourceID string   `json:"resourceId"`
	Tags       []string `json:"tags"`
}

// tags answers GET /extensions/org.libregraph/tags: those of all that the caller sees, in order; at most 1,000. (spec/identity.md §14.10)
func (h *handler) tags(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx := r.Context()
	if identity.ActorFrom(ctx).Kind != identity.Person {
		return nil, forbidden()
	}
	spaces, err := h.Spaces.ListSpaces(ctx, storage.SpaceFilter{})
	if err != nil {
		return nil, err
	}
	var below []resource.ID
	for i := range spaces {
		if spaces[i].Disabled.IsZero() {
			below = append(below, spaces[i].ID)
		}
	}
	if h.Shares != nil {
		received, err := h.Shares.Received(ctx)
		if err != nil {
			return nil, err
		}
		for i := range received {
			below = append(below, received[i].Item.ID)
		}
	}
	seen := map[string]bool{}
	for _, id := range below {
		if err := h.gather(ctx, id, seen); err != nil {
			return nil, err
		}
	}
	out := slices.AppendSeq(make([]string, 0, len(seen)), maps.Keys(seen)) // [] where there are none
	slices.Sort(out)
	return list{Value: out[:min(len(out), maxTags)]}, nil
}

// gather adds the tags of what lies below; what went away meanwhile has none.
func (h *handler) gather(ctx context.Context, below resource.ID, into map[string]bool) error {
	found, err := h.Tagger.Tagged(ctx, storage.At(below, ""), "")
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrForbidden) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, err := range found {
		if err != nil {
			return err
		}
		for _, t := range i.Tags {
			into[t] = true
		}
	}
	return nil
}

// tag answers PUT and DELETE /extensions/org.libregraph/tags. Errors: 403 without the right to write, 404 if it is not to be seen, 423 if it is locked.
func (h *handler) tag(do func(ctx context.Context, ref storage.Ref, tags []string) error) operation {
	return func(_ http.ResponseWriter, r *http.Request) (any, error) {
		var b tagsBody
		if err := decode(r, &b); err != nil {
			return nil, err
		}
		id, err := resource.ParseID(b.ResourceID)
		if err != nil {
			return nil, err
		}
		if len(b.Tags) == 0 {
			return nil, badRequest("tags is empty")
		}
		for i, t := range b.Tags {
			t = strings.TrimSpace(t)
			if t == "" || strings.ContainsRune(t, ',') || strings.ContainsFunc(t, isControl) || len([]rune(t)) > maxTag {
				return nil, badRequest("a tag has 1 to 100 characters and no comma")
			}
			b.Tags[i] = t
		}
		return reply{status: http.StatusOK}, do(r.Context(), storage.At(id, ""), b.Tags)
	}
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }
