package frontend

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBody   = 64 << 10 // bytes of the body of an OCS call
	maxParams = 100
)

// params are the parameters of an OCS call: those of its body, and of its address where the body has none of that name.
type params struct{ url.Values }

func badRequest(format string, args ...any) *ocsError {
	return &ocsError{400, fmt.Sprintf(format, args...)}
}

// parameters reads a form (as most clients send), a multipart form (curl -F) or a flat JSON object.
func parameters(r *http.Request) (params, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return params{}, badRequest("the parameters cannot be read")
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil {
			return params{}, badRequest("the body cannot be read")
		}
	}
	if len(body) > maxBody {
		return params{}, &ocsError{http.StatusRequestEntityTooLarge, "the body is too long"}
	}
	out, err := fromBody(r.Header.Get("Content-Type"), body)
	if err != nil {
		return params{}, badRequest("the body cannot be read")
	}
	for name, values := range query {
		if !out.Has(name) {
			out[name] = values
		}
	}
	if len(out) > maxParams {
		return params{}, badRequest("too many parameters")
	}
	for name, values := range out {
		for _, v := range append(values, name) {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return params{}, badRequest("a parameter is no text")
			}
		}
	}
	return params{out}, nil
}

func fromBody(contentType string, body []byte) (url.Values, error) {
	if len(body) == 0 {
		return url.Values{}, nil
	}
	kind, args, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		return nil, err
	}
	switch kind {
	case "", "application/x-www-form-urlencoded":
		return url.ParseQuery(string(body))
	case "application/json":
		return fromJSON(body)
	case "multipart/form-data":
		return fromMultipart(body, args["boundary"])
	}
	return nil, errors.New("unknown type of content")
}

// fromJSON reads one object. Lists and objects in it, which only the ignored `attributes` may be, stay JSON.
func fromJSON(body []byte) (url.Values, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return nil, err
	}
	out := url.Values{}
	for name, raw := range object {
		text := string(raw)
		switch {
		case text == "null":
			continue
		case strings.HasPrefix(text, `"`):
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, err
			}
		}
		out.Set(name, text)
	}
	return out, nil
}

func fromMultipart(body []byte, boundary string) (url.Values, error) {
	m := multipart.NewReader(strings.NewReader(string(body)), boundary)
	out := url.Values{}
	for n := 0; n <= maxParams; n++ {
		part, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		out.Add(part.FormName(), string(value))
	}
	return nil, errors.New("too many parts")
}

// is tells whether a flag is set.
func (p params) is(name string) bool {
	switch strings.ToLower(p.Get(name)) {
	case "true", "1", "yes", "on":
		return true
	}
	return false
}

// moment reads a date or a time; a date alone means the end of that day. Empty is the zero time. (spec/storage.md §10.3)
func (p params) moment(name string) (time.Time, error) {
	s := strings.TrimSpace(p.Get(name))
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.Add(24*time.Hour - time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, badRequest("%s is no date: YYYY-MM-DD", name)
}
