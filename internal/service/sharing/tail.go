package sharing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"opencloud/internal/event"
)

// TailNow is a TailRequest's After that leaves out all there is.
const TailNow = "now"

// TailRequest says which events to tell.
type TailRequest struct {
	After  string `json:"after,omitempty"`  // cursor of a Line, TailNow, or empty: all that are kept
	Follow bool   `json:"follow,omitempty"` // go on with what happens
}

// Line is an event, and how to go on behind it.
type Line struct {
	event.Event
	Cursor string `json:"cursor"`
}

// Tail implements Admin.
func (l Local) Tail(ctx context.Context, r TailRequest, each func(Line) error) error {
	var after event.Cursor
	var err error
	if r.After == TailNow {
		after, err = l.Events.Now(ctx)
	} else {
		after, err = event.ParseCursor(r.After)
	}
	if err != nil {
		return err
	}
	return l.Events.Follow(ctx, after, r.Follow, func(e event.Event, next event.Cursor) error { return each(Line{e, next.String()}) })
}

// tailed is one line of the answer to a TailRequest.
type tailed struct {
	Line  *Line  `json:"line,omitempty"`
	Error string `json:"error,omitempty"`
}

func (l Local) serveTail(w http.ResponseWriter, r *http.Request) {
	var req TailRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&req); err != nil {
		http.Error(w, "a request in JSON is expected", http.StatusBadRequest)
		return
	}
	enc, out := json.NewEncoder(w), http.NewResponseController(w)
	_ = out.Flush()
	send := func(t tailed) error { return errors.Join(enc.Encode(t), out.Flush()) }
	if err := l.Tail(r.Context(), req, func(line Line) error { return send(tailed{Line: &line}) }); err != nil {
		_ = send(tailed{Error: err.Error()})
	}
}

// Tail implements Admin.
func (c client) Tail(ctx context.Context, r TailRequest, each func(Line) error) error {
	body, err := c.post(ctx, "/events", r)
	if err != nil {
		return err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	for {
		var t tailed
		err := dec.Decode(&t)
		switch {
		case r.Follow && ctx.Err() != nil, !r.Follow && errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the server broke off: %w", err)
		case t.Line == nil:
			return errors.New(t.Error)
		}
		if err := each(*t.Line); err != nil {
			return err
		}
	}
}
