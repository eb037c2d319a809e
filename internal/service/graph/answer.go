package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"opencloud/internal/odata"
)

const maxBody = 1 << 20 // bytes of a JSON request

// reply is an answer with another status than 200. A nil value is an empty body.
type reply struct {
	status int
	value  any
}

// written tells that the operation has written its answer itself.
type written struct{}

func noContent() (any, error)      { return reply{status: http.StatusNoContent}, nil }
func created(v any) (any, error)   { return reply{http.StatusCreated, v}, nil }
func forbidden() error             { return &graphError{http.StatusForbidden, "accessDenied", "Forbidden"} }
func notAllowed(what string) error { return &graphError{http.StatusForbidden, "notAllowed", what} }
func nameExists(what string) error {
	return &graphError{http.StatusConflict, "nameAlreadyExists", what}
}
func missing(what string) error {
	return &graphError{http.StatusNotFound, "itemNotFound", "no such " + what}
}
func absent(v json.RawMessage) bool { return len(v) == 0 }

// decode reads a JSON object strictly: what is not known is refused.
func decode(r *http.Request, into any) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return badRequest("the body cannot be read")
	}
	if len(b) > maxBody {
		return &graphError{http.StatusRequestEntityTooLarge, "invalidRequest", "the body is too long"}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var typed *json.UnmarshalTypeError
		if errors.As(err, &typed) {
			return badRequest("the body is no valid JSON: " + typed.Field + " has another type")
		}
		return badRequest("the body is no valid JSON, or has an unknown member")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("there is more than one value in the body")
	}
	return nil
}

// options reads the query options; only those named may be there.
func options(r *http.Request, allowed ...string) (odata.Query, error) {
	q, err := odata.Parse(r.URL.Query())
	if err != nil {
		return q, err
	}
	for name := range q.Given {
		ok := false
		for _, a := range allowed {
			ok = ok || a == name
		}
		if !ok {
			return q, notSupported(name + " here")
		}
	}
	return q, nil
}

// list is a collection, with what the client needs to go on.
type list struct {
	Count *int   `json:"@odata.count,omitempty"`
	Next  string `json:"@odata.nextLink,omitempty"`
	Value any    `json:"value"`
}

// page cuts what $skip and $top ask for out of all there is.
func page[T any](h *handler, r *http.Request, q *odata.Query, all []T) ([]T, list) {
	var l list
	n := len(all)
	if q.Count {
		l.Count = &n
	}
	from := min(q.Skip, n)
	to := n
	if q.Top >= 0 && from+q.Top < n {
		to = from + q.Top
	}
	if to < n && to > from {
		v := r.URL.Query()
		v.Del("$skiptoken")
		v.Set("$skip", strconv.Itoa(to))
		u := url.URL{Path: r.URL.Path, RawQuery: v.Encode()}
		l.Next = h.url + u.String()
	}
	return all[from:to], l
}
