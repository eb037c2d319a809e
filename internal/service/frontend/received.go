package frontend

import (
	"net/http"
	"strconv"

	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// ocsState is the number under which the OCS API knows what a receiver made of a share. (spec/storage.md §12.1)
func ocsState(s share.State) int {
	switch s {
	case share.Accepted:
		return 0
	case share.Rejected:
		return 2
	}
	return 1
}

// received lists what the caller received: all of it, or of one item; accepted unless `state` says otherwise, and without what he
// hides unless `show_hidden`.
func (c *call) received(ref storage.Ref, one bool) ([]object, error) {
	all, err := c.h.Shares.Received(c.ctx)
	if err != nil {
		return nil, err
	}
	var item storage.Info
	if one {
		if item, err = c.h.FS.Stat(c.ctx, ref, storage.View{}); err != nil {
			return nil, err
		}
	}
	state := c.params.Get("state")
	if state == "" {
		state = "0"
	}
	var out []object
	for i := range all {
		r := &all[i]
		if one && r.Item.ID != item.ID || r.Hidden && !c.params.is("show_hidden") || state != "all" && state != strconv.Itoa(ocsState(r.State)) {
			continue
		}
		for k := range r.Shares {
			out = append(out, c.receivedShare(r, &r.Shares[k]))
		}
	}
	return out, nil
}

// answer answers the calls on /shares/pending/{id}: POST accepts, DELETE rejects, PUT hides and shows. All shares of an item
// change together.
func (c *call) answer(method, id string) (any, error) {
	var change share.ReceivedChange
	switch method {
	case http.MethodPost:
		state := share.Accepted
		change.State = &state
	case http.MethodDelete:
		state := share.Rejected
		change.State = &state
	case http.MethodPut:
		hidden, err := strconv.ParseBool(c.params.Get("hidden"))
		if err != nil {
			return nil, badRequest("hidden=true or hidden=false is needed")
		}
		change.Hidden = &hidden
	default:
		return nil, errUnknown
	}
	r, err := c.h.Shares.SetReceived(c.ctx, share.Jail().WithNode(id), change)
	if err != nil {
		return nil, err
	}
	sh := &r.Shares[0]
	for i := range r.Shares {
		if r.Shares[i].ID() == id {
			sh = &r.Shares[i]
		}
	}
	return []any{c.receivedShare(&r, sh)}, nil
}
