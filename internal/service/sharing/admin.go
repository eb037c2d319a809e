package sharing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"opencloud/internal/event"
	"opencloud/internal/platform/adminsock"
)

// Request is what an administrator asks.
type Request struct {
	Grants bool `json:"grants,omitempty"` // clean up what is shared with users and groups that are no more, too
}

// Admin is what administrators may ask on the machine of the server. Local does it; DialAdmin asks a running server.
type Admin interface {
	Check(ctx context.Context) (Report, error)
	Clean(ctx context.Context, r Request) (Cleaned, error)
	// Tail calls each for what happened, and with Follow for what happens until the context ends.
	Tail(ctx context.Context, r TailRequest, each func(Line) error) error
	Close() error
}

var (
	_ Admin = Local{}
	_ Admin = client{}
)

// Local is the sharing of this process, and the events of the installation.
type Local struct {
	*Domain
	Events *event.Feed
}

// Clean is Cleanup and, where asked for, CleanupGrants.
func (d *Domain) Clean(ctx context.Context, r Request) (out Cleaned, err error) {
	grants := 0
	if r.Grants { // first: what was received by them is no longer shared then
		if grants, err = d.CleanupGrants(ctx); err != nil {
			return Cleaned{Grants: grants}, err
		}
	}
	out, err = d.Cleanup(ctx)
	out.Grants = grants
	return out, err
}

// answer is what comes back.
type answer struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

// adminHandler answers POST /check, /cleanup and /events.
func adminHandler(d Local) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" && r.Method == http.MethodPost {
			d.serveTail(w, r)
			return
		}
		var req Request
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&req); err != nil || r.Method != http.MethodPost {
			http.Error(w, "a request in JSON is expected", http.StatusBadRequest)
			return
		}
		var a answer
		var err error
		switch r.URL.Path {
		case "/check":
			a.Result, err = d.Check(r.Context())
		case "/cleanup":
			a.Result, err = d.Clean(r.Context(), req)
		default:
			http.NotFound(w, r)
			return
		}
		if err != nil {
			a.Error = err.Error()
		}
		_ = json.NewEncoder(w).Encode(a)
	})
}

// client asks a running server.
type client struct{ *adminsock.Client }

// DialAdmin connects to the server that runs with a configuration. fs.ErrNotExist or a net.Error if there is none.
func DialAdmin(ctx context.Context, cfg Config) (Admin, error) {
	c, err := adminsock.Dial(ctx, cfg.AdminSocket)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

func (c client) Check(ctx context.Context) (rep Report, err error) {
	err = c.do(ctx, "/check", Request{}, &rep)
	return rep, err
}

func (c client) Clean(ctx context.Context, r Request) (out Cleaned, err error) {
	err = c.do(ctx, "/cleanup", r, &out)
	return out, err
}

func (c client) do(ctx context.Context, path string, r, out any) error {
	body, err := c.post(ctx, path, r)
	if err != nil {
		return err
	}
	defer body.Close()
	a := answer{Result: out}
	if err := json.NewDecoder(body).Decode(&a); err != nil {
		return fmt.Errorf("the server broke off: %w", err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

// post sends a request; the caller closes the answer.
func (c client) post(ctx context.Context, path string, r any) (io.ReadCloser, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sharing"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", path, resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}
