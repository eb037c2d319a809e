package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"opencloud/internal/link"
	"opencloud/internal/storage"
)

// sharingLink is the facet of a permission that is a link. (spec/identity.md §14.8)
type sharingLink struct {
	Type             string `json:"type,omitempty"` // absent: none of the types allows just this
	WebURL           string `json:"webUrl"`
	PreventsDownload bool   `json:"preventsDownload"`
	Name             string `json:"@libre.graph.displayName"`
	Quick            bool   `json:"@libre.graph.quickLink"`
}

// toLink describes a link to somebody who may change it: how often it was used is for them alone.
func (h *handler) toLink(l *link.Link) drivePermission {
	return drivePermission{ID: l.ID, HasPassword: &l.HasPassword, Created: moment(l.Created), Expires: moment(l.Expires), Views: &l.Views, Downloads: &l.Downloads,
		Link: &sharingLink{Type: string(l.Type()), WebURL: h.url + "/s/" + l.Token, Name: l.Name, Quick: l.Quick}}
}

type createLinkBody struct {
	Type     link.Type       `json:"type"`
	Password string          `json:"password"`
	Expires  json.RawMessage `json:"expirationDateTime"`
	Name     string          `json:"displayName"`
	Quick    bool            `json:"@libre.graph.quickLink"`
}

// createLink answers POST …/createLink.
func (h *handler) createLink(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b createLinkBody
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	until, err := expiration(b.Expires)
	if err != nil {
		return nil, err
	}
	ref, err := h.shared(r)
	if err != nil {
		return nil, err
	}
	item, err := h.Reader.Stat(r.Context(), ref, storage.View{})
	if err != nil {
		return nil, err
	}
	q := link.Request{Password: b.Password, Name: b.Name, Quick: b.Quick}
	if until != nil {
		q.Expires = *until
	}
	if q.Rights, err = b.Type.Rights(item.IsFolder()); err != nil {
		return nil, err
	}
	l, err := h.Links.Create(r.Context(), storage.At(item.ID, ""), q)
	if err != nil {
		return nil, err
	}
	return h.toLink(&l), nil
}

type linkPatch struct {
	Type *link.Type `json:"type"`
	Name *string    `json:"@libre.graph.displayName"`
}

func (h *handler) changeLink(ctx context.Context, l *link.Link, b *linkPatch, until *time.Time) (any, error) {
	c := link.Change{Expires: until}
	if b != nil {
		c.Name = b.Name
		if b.Type != nil {
			set, err := b.Type.Rights(l.Folder)
			if err != nil {
				return nil, err
			}
			c.Rights = &set
		}
	}
	changed, err := h.Links.Update(ctx, l.ID, c)
	if err != nil {
		return nil, err
	}
	return h.toLink(&changed), nil
}

// setPassword answers POST …/permissions/{permission}/setPassword; an empty password takes it off.
func (h *handler) setPassword(_ http.ResponseWriter, r *http.Request) (any, error) {
	var b struct {
		Password *string `json:"password"`
	}
	if err := decode(r, &b); err != nil {
		return nil, err
	}
	if b.Password == nil {
		return nil, badRequest("password is missing")
	}
	_, g, err := h.one(r)
	if err != nil {
		return nil, err
	}
	if g.link == nil {
		return nil, badRequest("it is no link")
	}
	l, err := h.Links.Update(r.Context(), g.link.ID, link.Change{Password: b.Password})
	if err != nil {
		return nil, err
	}
	return h.toLink(&l), nil
}
