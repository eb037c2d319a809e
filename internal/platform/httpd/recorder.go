package httpd

import (
	"io"
	"net/http"
)

// Recorder remembers what was answered through it.
type Recorder struct {
	http.ResponseWriter
	Status int   // of the final answer; 0: none was given explicitly
	Bytes  int64 // of the body
}

// Code returns the status that the client sees.
func (r *Recorder) Code() int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// WriteHeader implements http.ResponseWriter.
func (r *Recorder) WriteHeader(status int) {
	if r.Status < 200 {
		r.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *Recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.Bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files go out without being copied through us.
func (r *Recorder) ReadFrom(from io.Reader) (int64, error) {
	n, err := io.Copy(r.ResponseWriter, from)
	r.Bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (r *Recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap serves http.ResponseController.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
