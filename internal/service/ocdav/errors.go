package ocdav

import (
	"context"
	"errors"
	"net/http"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
	"opencloud/internal/webdav"
)

// davError is an error with its status; message is for people.
type davError struct {
	status  int
	message string
	header  string // the header that a precondition was about
	body    string // replaces the error body
	code    string // for clients
}

func (e *davError) Error() string { return e.message }

func fail(status int, message string) error { return &davError{status: status, message: message} }

// exception is the last part of the class name in error bodies. (spec/storage.md §7.3)
func exception(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "BadRequest"
	case http.StatusUnauthorized:
		return "NotAuthenticated"
	case http.StatusForbidden:
		return "Forbidden"
	case http.StatusNotFound:
		return "NotFound"
	case http.StatusMethodNotAllowed:
		return "MethodNotAllowed"
	case http.StatusConflict:
		return "Conflict"
	case http.StatusLengthRequired:
		return "LengthRequired"
	case http.StatusPreconditionFailed:
		return "PreconditionFailed"
	case http.StatusUnsupportedMediaType:
		return "UnsupportedMediaType"
	case http.StatusRequestedRangeNotSatisfiable:
		return "RequestedRangeNotSatisfiable"
	case http.StatusLocked:
		return "Locked"
	case http.StatusTooEarly:
		return "TooEarly"
	case http.StatusNotImplemented:
		return "NotImplemented"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusInsufficientStorage:
		return "InsufficientStorage"
	}
	return ""
}

// statusOf translates errors of the storage and of parsers; methods that differ do so themselves. (spec/storage.md §0.2)
func statusOf(err error) int {
	var de *davError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &de):
		return de.status
	case errors.Is(err, webdav.ErrSyntax), errors.Is(err, transfer.ErrHeader), errors.Is(err, resource.ErrInvalidName), errors.Is(err, resource.ErrInvalidID),
		errors.Is(err, storage.ErrInvalid), errors.Is(err, storage.ErrChecksum), errors.Is(err, storage.ErrLength):
		return http.StatusBadRequest
	case errors.Is(err, storage.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, storage.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, storage.ErrParentMissing), errors.Is(err, storage.ErrConflict):
		return http.StatusConflict
	case errors.Is(err, storage.ErrExists), errors.Is(err, storage.ErrPrecondition):
		return http.StatusPreconditionFailed
	case errors.Is(err, storage.ErrLocked):
		return http.StatusLocked
	case errors.Is(err, storage.ErrProcessing):
		return http.StatusTooEarly
	case errors.Is(err, storage.ErrQuota):
		return http.StatusInsufficientStorage
	case errors.Is(err, storage.ErrCrossSpace), errors.Is(err, webdav.ErrForeignHost):
		return http.StatusBadGateway
	case errors.Is(err, storage.ErrUnsupported):
		return http.StatusNotImplemented
	case errors.Is(err, storage.ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.Canceled):
		return 499
	}
	return http.StatusInternalServerError
}

// messageOf is what people read; errors of our own are not spread out.
func messageOf(status int, err error) string {
	var de *davError
	switch {
	case errors.As(err, &de):
		return de.message
	case status == http.StatusNotFound:
		return "Resource not found"
	case status >= 500 && status != http.StatusInsufficientStorage && status != http.StatusBadGateway:
		return http.StatusText(status)
	}
	return err.Error()
}

// writeError is the one place where errors become answers.
func (h *handler) writeError(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	status := statusOf(err)
	if status >= 500 && status != http.StatusInsufficientStorage && status != http.StatusBadGateway && status != http.StatusNotImplemented {
		h.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "err", err)
	}
	if a := identity.ActorFrom(r.Context()); status == http.StatusLocked && !a.Known() {
		err = storage.ErrLocked // by whom is not for those who come by a link
	}
	var de *davError
	x := webdav.NewXML(w)
	x.Raw(webdav.Header)
	if errors.As(err, &de) && de.body != "" {
		x.Raw(`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">` + de.body + `</d:error>`)
	} else {
		x.Raw(`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>`)
		if e := exception(status); e != "" {
			x.Raw(`Sabre\DAV\Exception\` + e)
		}
		x.Raw(`</s:exception><s:message>`)
		x.Text(messageOf(status, err))
		x.Raw(`</s:message><s:errorcode>`)
		if de != nil {
			x.Raw(de.code)
		}
		x.Raw(`</s:errorcode>`)
		if de != nil && de.header != "" {
			x.Raw(`<s:header>` + de.header + `</s:header>`)
		}
		x.Raw(`</d:error>`)
	}
	hd := w.Header()
	for _, k := range []string{"Content-Length", "Etag", "Last-Modified", "Content-Disposition", "Cache-Control", "OC-FileId", "OC-ETag", "OC-Perm"} {
		delete(hd, k)
	}
	hd.Set("Content-Type", webdav.ContentType)
	if status == 499 {
		status = http.StatusRequestTimeout
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = x.Flush()
	}
}
