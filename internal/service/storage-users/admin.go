package storageusers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/platform/adminsock"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/maintain"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// Request is what an administrator asks of a storage. Which fields count depends on the command.
type Request struct {
	Space   string        `json:"space,omitempty"` // id; empty: all
	Content bool          `json:"content,omitempty"`
	Before  time.Duration `json:"before,omitempty"` // age
	ID      string        `json:"id,omitempty"`     // of a session or trash item
	Expired *bool         `json:"expired,omitempty"`
	Clean   bool          `json:"clean,omitempty"`
	Mode    string        `json:"mode,omitempty"` // restoring onto a name that is taken: skip, replace, keep-both
}

// Progress is told while a command runs.
type Progress struct {
	Space   string `json:"space"`
	Path    string `json:"path"`
	Folders int    `json:"folders"`
	Files   int    `json:"files"`
}

// message is one line of an answer.
type message struct {
	Progress *Progress       `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// Session is an unfinished upload, as administrators see it.
type Session struct {
	ID       string    `json:"id"`
	Space    string    `json:"space"`
	Filename string    `json:"filename"`
	Offset   int64     `json:"offset"`
	Size     int64     `json:"size"`
	Executor string    `json:"executant"`
	Expires  time.Time `json:"expires"`
}

// HeldSpace is a space in which nothing is dropped.
type HeldSpace struct {
	Space  string `json:"space"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// TrashItem is a deleted file or folder.
type TrashItem struct {
	ID      string    `json:"id"`
	Path    string    `json:"path"`
	Type    string    `json:"type"`
	Size    int64     `json:"size"`
	Deleted time.Time `json:"deleted"`
}

// command does what was asked; it may tell progress.
type command func(ctx context.Context, s *Storage, r Request, tell func(Progress)) (any, error)

// commands are those of the command line, by their paths.
func commands() map[string]command {
	return map[string]command{
		"/check": func(ctx context.Context, s *Storage, r Request, tell func(Progress)) (any, error) {
			return s.Maintainer().Check(ctx, options(r, tell))
		},
		"/repair": func(ctx context.Context, s *Storage, r Request, tell func(Progress)) (any, error) {
			return s.Maintainer().Repair(ctx, options(r, tell))
		},
		"/rebuild": func(ctx context.Context, s *Storage, r Request, tell func(Progress)) (any, error) {
			return s.Maintainer().Rebuild(ctx, options(r, tell))
		},
		"/scan": scanCommand,
		"/problems": func(_ context.Context, s *Storage, _ Request, _ func(Progress)) (any, error) {
			return s.Scanner().Problems(), nil
		},
		"/hold": listHeld,
		"/hold/confirm": func(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
			return nil, s.Scanner().Confirm(ctx, r.Space)
		},
		"/hold/release": func(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
			return nil, s.Scanner().Release(ctx, r.Space)
		},
		"/uploads":       listSessions,
		"/trash":         listTrash,
		"/trash/restore": restoreTrash,
		"/trash/purge":   purgeTrash,
		"/versions/purge": func(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
			return nil, s.PurgeVersions(ctx, time.Now().Add(-r.Before))
		},
	}
}

func options(r Request, tell func(Progress)) maintain.Options {
	return maintain.Options{Space: r.Space, Content: r.Content, Progress: func(space, path string, folders, files int) {
		tell(Progress{Space: space, Path: path, Folders: folders, Files: files})
	}}
}

func scanCommand(ctx context.Context, s *Storage, r Request, tell func(Progress)) (any, error) {
	folders := 0
	each := func(sp *tree.Space, path string) {
		folders++
		tell(Progress{Space: sp.ID, Path: path, Folders: folders})
	}
	for _, sp := range s.AllSpaces() {
		if sp.Disabled != 0 || r.Space != "" && sp.ID != r.Space {
			continue
		}
		var held *scan.HeldError
		if err := s.Scanner().Sweep(ctx, sp, each); err != nil && !errors.As(err, &held) {
			return nil, err
		}
	}
	return s.Scanner().Problems(), nil
}

func listHeld(ctx context.Context, s *Storage, _ Request, _ func(Progress)) (any, error) {
	held, err := s.Scanner().Held(ctx)
	out := make([]HeldSpace, 0, len(held))
	for _, sp := range held {
		out = append(out, HeldSpace{Space: sp.ID, Name: sp.Name, Reason: sp.Held})
	}
	return out, err
}

func listSessions(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
	all, err := s.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	out := []Session{}
	for _, u := range all {
		expired := time.Now().After(u.Expires)
		if r.ID != "" && u.ID != r.ID || r.Expired != nil && *r.Expired != expired || r.Space != "" && u.Space.Space != r.Space {
			continue
		}
		out = append(out, Session{ID: u.ID, Space: u.Space.Space, Filename: u.Filename, Offset: u.Offset, Size: u.Length, Executor: u.Owner, Expires: u.Expires})
		if !r.Clean {
			continue
		}
		if err := s.DropSession(ctx, u.ID); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Storage) spaceRoot(id string) resource.ID {
	if parsed, err := resource.ParseID(id); err == nil {
		return parsed.Root()
	}
	return resource.SpaceRoot(s.mount, id)
}

func listTrash(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
	items, err := s.ListTrash(ctx, s.spaceRoot(r.Space), "", "")
	if err != nil {
		return nil, err
	}
	out := []TrashItem{}
	for i, err := range items {
		if err != nil {
			return nil, err
		}
		out = append(out, TrashItem{ID: i.Key, Path: i.OriginalPath, Type: i.Kind.String(), Size: i.Size, Deleted: i.Deleted})
	}
	return out, nil
}

// restoreTrash restores one item, or all, and returns what came back.
func restoreTrash(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
	all, err := listTrash(ctx, s, r, nil)
	if err != nil {
		return nil, err
	}
	restored := []string{}
	for _, i := range all.([]TrashItem) {
		if r.ID != "" && i.ID != r.ID {
			continue
		}
		root := s.spaceRoot(r.Space)
		_, err := s.Restore(ctx, root, i.ID, "", storage.Ref{}, r.Mode == "replace", storage.Conditions{})
		for n := 1; errors.Is(err, storage.ErrExists) && r.Mode == "keep-both" && n < 100; n++ {
			ext := filepath.Ext(i.Path)
			to := fmt.Sprintf("%s (%d)%s", i.Path[:len(i.Path)-len(ext)], n, ext)
			_, err = s.Restore(ctx, root, i.ID, "", storage.At(root, to), false, storage.Conditions{})
		}
		switch {
		case errors.Is(err, storage.ErrExists) && (r.Mode == "skip" || r.ID == ""):
		case err != nil:
			return restored, fmt.Errorf("%s: %w", i.Path, err)
		default:
			restored = append(restored, i.Path)
		}
	}
	if r.ID != "" && len(restored) == 0 {
		return nil, fmt.Errorf("trash item %s: %w", r.ID, storage.ErrNotFound)
	}
	return restored, nil
}

func purgeTrash(ctx context.Context, s *Storage, r Request, _ func(Progress)) (any, error) {
	return s.PurgeTrashBefore(ctx, r.Space, time.Now().Add(-r.Before))
}

// AdminHandler serves an administrator's commands: POST with a Request, answered by lines of JSON, the last of which
// has the result or the error.
func AdminHandler(s *Storage) http.Handler {
	all := commands()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cmd, ok := all[r.URL.Path]
		if !ok || r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		var req Request
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		enc := json.NewEncoder(w)
		last := time.Now()
		tell := func(p Progress) {
			if time.Since(last) < 100*time.Millisecond {
				return
			}
			last = time.Now()
			_ = enc.Encode(message{Progress: &p})
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
		}
		ctx := identity.WithActor(r.Context(), identity.Actor{Kind: identity.Service})
		res, err := cmd(ctx, s, req, tell)
		if err != nil {
			_ = enc.Encode(message{Error: err.Error()})
			return
		}
		text, err := json.Marshal(res)
		if err != nil {
			_ = enc.Encode(message{Error: err.Error()})
			return
		}
		_ = enc.Encode(message{Result: text})
	})
}

// socket is the file in the storage's folder through which administrators reach a running server.
func socket(cfg Config) string { return filepath.Join(cfg.Drivers.Posix.Root, ".admin.sock") }

// Admin asks a running server, or opens the storage itself if there is none.
type Admin struct {
	client *http.Client
	close  func() error
}

// OpenAdmin connects to the server that uses the storage, or opens the storage.
func OpenAdmin(ctx context.Context, cfg Config, log *slog.Logger) (*Admin, error) {
	if c, err := adminsock.Dial(ctx, socket(cfg)); err == nil {
		return &Admin{client: &c.Client, close: c.Close}, nil
	}
	s, err := Open(ctx, cfg, log, nil)
	if err != nil {
		return nil, err
	}
	h := AdminHandler(s)
	return &Admin{client: &http.Client{Transport: direct{h}}, close: s.Close}, nil
}

// Close ends the connection.
func (a *Admin) Close() error { return a.close() }

// Do runs a command; out (if not nil) receives the result.
func (a *Admin) Do(ctx context.Context, command string, r Request, tell func(Progress), out any) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://storage"+command, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", command, resp.Status)
	}
	dec := json.NewDecoder(resp.Body)
	for {
		var m message
		if err := dec.Decode(&m); err != nil {
			return fmt.Errorf("the server broke off: %w", err)
		}
		switch {
		case m.Error != "":
			return errors.New(m.Error)
		case m.Progress != nil:
			if tell != nil {
				tell(*m.Progress)
			}
		default:
			if out == nil {
				return nil
			}
			return json.Unmarshal(m.Result, out)
		}
	}
}

// direct calls a handler of the same process.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	w := &pipeWriter{w: pw, header: http.Header{}, status: make(chan int, 1)}
	go func() {
		d.h.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		pw.Close()
	}()
	status := <-w.status
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: w.header, Body: pr, Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

type pipeWriter struct {
	w      *io.PipeWriter
	header http.Header
	status chan int
	sent   bool
}

func (p *pipeWriter) Header() http.Header { return p.header }
func (p *pipeWriter) WriteHeader(status int) {
	if !p.sent {
		p.sent = true
		p.status <- status
	}
}
func (p *pipeWriter) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.w.Write(b)
}
