package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/httpd"
	"opencloud/internal/platform/supervise"
)

// control is the listener that `opencloud list` asks. It is only for this machine, and tells nothing secret.
func (s *stack) control(g *supervise.Group, rt runtime) *supervise.Unit {
	if s.opts.Services != nil || rt.Port == "" {
		return nil
	}
	addr := net.JoinHostPort(rt.Host, rt.Port)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services" || r.Method != http.MethodGet {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(g.States())
	})
	l, err := httpd.Listen(addr)
	if err != nil {
		s.log.Warn("opencloud list will not work", "err", err)
		return nil
	}
	u := listener("runtime", l, addr, h, nil, s.log)
	return &u
}

// List writes a table of what runs on this machine.
func List(ctx context.Context, o Options, w io.Writer) error {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return err
	}
	var rt runtime
	if _, err := source.Load("opencloud-runtime", &rt); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(rt.Host, rt.Port)+"/services", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers on this machine (is `opencloud server` running?): %w", err)
	}
	defer resp.Body.Close()
	var states []supervise.State
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&states); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tSTATE\tRESTARTS")
	for _, s := range states {
		state := "running"
		if !s.Running {
			state = "stopped"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\n", s.Name, state, s.Restarts)
	}
	return t.Flush()
}
