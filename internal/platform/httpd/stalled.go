package httpd

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A transfer may take hours, but not without a byte moving: a peer that neither sends nor takes anything for patience is
// cut off. Deadlines are renewed when a quarter of it has passed, so that a fast transfer pays nothing.
const patience = 2 * time.Minute

// moving gives requests with a body a deadline that every piece of it renews.
func moving(h http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &body{ReadCloser: r.Body, control: http.NewResponseController(w), patience: patience}
		}
		h.ServeHTTP(w, r)
	})
}

type body struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
	renewed  time.Time
}

func (b *body) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.renewed) > b.patience/4 {
		b.renewed = now
		_ = b.control.SetReadDeadline(now.Add(b.patience))
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{}) // the answer may take its time
	}
	return n, err
}

// takers is a listener whose connections end when the peer does not take what it is sent.
type takers struct {
	net.Listener
	patience time.Duration
}

func (l takers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &taker{Conn: c, patience: l.patience}, nil
}

type taker struct {
	net.Conn
	patience time.Duration
	renewed  atomic.Int64 // Unix nanoseconds
	foreign  atomic.Bool  // somebody else set a deadline; it stands
}

func (c *taker) Write(p []byte) (int, error) {
	now := time.Now()
	if last := c.renewed.Load(); !c.foreign.Load() && now.UnixNano()-last > int64(c.patience/4) {
		c.renewed.Store(now.UnixNano())
		_ = c.Conn.SetWriteDeadline(now.Add(c.patience))
	}
	return c.Conn.Write(p)
}

func (c *taker) SetWriteDeadline(t time.Time) error {
	c.foreign.Store(!t.IsZero())
	c.renewed.Store(0)
	return c.Conn.SetWriteDeadline(t)
}

func (c *taker) SetDeadline(t time.Time) error {
	c.foreign.Store(!t.IsZero())
	c.renewed.Store(0)
	return c.Conn.SetDeadline(t)
}
