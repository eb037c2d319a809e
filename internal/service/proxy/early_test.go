package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// behind returns a proxy in front of a backend.
func behind(t *testing.T, backend http.HandlerFunc) *httptest.Server {
	t.Helper()
	b := httptest.NewServer(backend)
	t.Cleanup(b.Close)
	to, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := setup(t, func(_ *Config, d *Deps) {
		d.Local = map[string]http.Handler{}
		d.Resolve = func(context.Context, string) (*url.URL, error) { return to, nil }
	})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &lagging{ReadCloser: r.Body}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front
}

// lagging is a body whose reader comes late to see its end, as happens on a busy machine.
type lagging struct {
	io.ReadCloser
	begun bool
}

func (l *lagging) Read(p []byte) (int, error) {
	if l.begun {
		time.Sleep(2 * time.Millisecond)
	}
	n, err := l.ReadCloser.Read(p)
	l.begun = true
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// A backend may answer as soon as it has the body, while the transport still looks for more of that: the answer stays whole.
func TestAnswersBeforeTheBodyHasEnded(t *testing.T) {
	answer := strings.Repeat("x", 30<<10)
	front := behind(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, r.ContentLength))
		w.WriteHeader(http.StatusMultiStatus)
		for part := 0; part < len(answer); part += 4 << 10 {
			_, _ = io.WriteString(w, answer[part:min(len(answer), part+4<<10)])
		}
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				r, _ := http.NewRequest("PROPFIND", front.URL+"/dav/files/ada/", strings.NewReader(strings.Repeat("b", 400)))
				r.SetBasicAuth("ada", "secret")
				res, err := front.Client().Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(body) != answer {
					t.Errorf("%d: %d of %d bytes, %v", res.StatusCode, len(body), len(answer), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A backend may refuse an upload without reading it: the client sees that.
func TestBackendsRefuseEarly(t *testing.T) {
	front := behind(t, func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	})
	for range 5 {
		r, _ := http.NewRequest("PUT", front.URL+"/dav/files/ada/x", bytes.NewReader(make([]byte, 4<<20)))
		r.SetBasicAuth("ada", "secret")
		res, err := front.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status %d", res.StatusCode)
		}
	}
}
