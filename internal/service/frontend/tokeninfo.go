package frontend

import (
	"context"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// tokenInfo tells what a client must know to open a link. Strangers are told of what a link opens only if it opens without a
// password, and its path only who has rights of his own. (spec/storage.md §12)
func (h *handler) tokenInfo(ctx context.Context, token string, known bool) (any, error) {
	l, err := h.Links.Peek(ctx, token)
	if err != nil {
		return nil, err
	}
	item, err := h.Links.Target(ctx, &l)
	if err != nil {
		return nil, err
	}
	internal := l.Rights == permission.None
	out := object{"token": l.Token, "link_url": h.linkURL(&l), "password_protected": l.HasPassword, "alias_link": internal, "is_internal": internal}
	open := !internal && !l.HasPassword
	if known && identity.ActorFrom(ctx).Kind == identity.Person {
		own, err := h.FS.Stat(ctx, storage.At(l.Item, ""), storage.View{Path: true})
		if err == nil {
			out["path"], open = "/"+own.Path, true
		} else if internal {
			return nil, err
		}
	}
	if open {
		out["id"], out["storage_id"], out["space_id"], out["opaque_id"] = item.ID.String(), item.ID.Storage, item.ID.Space, item.ID.Node
	}
	return out, nil
}

func (h *handler) linkURL(l *link.Link) string {
	return strings.TrimRight(h.cfg.PublicURL, "/") + "/s/" + l.Token
}
