// Package jobcli is the command "jobs": what the server has to do in the background, for people and scripts.
package jobcli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"opencloud/internal/job"
)

// Open opens the table of jobs; close is called when the command has ended.
type Open func(ctx context.Context) (s *job.Store, close func() error, err error)

// Command returns "jobs" with its sub-commands.
func Command(open Open) *cobra.Command {
	c := &cli{open: open}
	jobs := &cobra.Command{
		Use:   "jobs",
		Short: "List, show, retry and cancel background jobs",
		Long: "Scans, clean-ups and everything else that the server does in the background are jobs in one table. " +
			"These commands work whether the server runs or not.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	jobs.AddCommand(c.list(), c.show(), c.each("retry", "Queue jobs again that failed or were cancelled", "queued", (*job.Store).Retry),
		c.each("cancel", "Cancel jobs that are queued or running", "cancelling", (*job.Store).Cancel))
	return jobs
}

type cli struct{ open Open }

// with runs f on the opened table.
func (c *cli) with(cmd *cobra.Command, f func(ctx context.Context, s *job.Store) error) error {
	cmd.SilenceUsage = true
	s, end, err := c.open(cmd.Context())
	if err != nil {
		return err
	}
	return errors.Join(f(cmd.Context(), s), end())
}

func (c *cli) list() *cobra.Command {
	var f job.Filter
	var states []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List jobs, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.States = nil
			for _, st := range states {
				if !slices.Contains(job.States(), job.State(st)) {
					return fmt.Errorf("there is no state %q; the states are %s", st, stateNames())
				}
				f.States = append(f.States, job.State(st))
			}
			return c.with(cmd, func(ctx context.Context, s *job.Store) error {
				jobs, err := s.List(ctx, f)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), views(jobs))
				}
				return writeTable(cmd.OutOrStdout(), jobs)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Kind, "kind", "", "only jobs of this kind")
	flags.StringSliceVar(&states, "state", nil, "only jobs in these states: "+stateNames())
	flags.IntVar(&f.Limit, "limit", 100, "how many at the most, up to 1000")
	flags.StringVar(&f.Before, "before", "", "only jobs older than the one of this id: the next page")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(strings.Split(stateNames(), ", "), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) show() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything about one job",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, func(ctx context.Context, s *job.Store) error {
				j, err := s.Show(ctx, args[0])
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), newView(*j))
				}
				return writeOne(cmd.OutOrStdout(), *j)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// each is a command that does one thing to every job it is given. What can be done is done; the others are reported.
func (c *cli) each(name, short, done string, do func(*job.Store, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " ID...",
		Short: short,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return c.with(cmd, func(ctx context.Context, s *job.Store) error {
				var failed []error
				for _, id := range ids {
					if err := do(s, ctx, id); err != nil {
						failed = append(failed, fmt.Errorf("%s: %w", id, err))
						continue
					}
					fmt.Fprintln(cmd.OutOrStdout(), id, done)
				}
				return errors.Join(failed...)
			})
		},
	}
}

func stateNames() string {
	var names []string
	for _, s := range job.States() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// view is a job as scripts see it. Times that are not set are left out.
type view struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Key         string          `json:"key"`
	State       job.State       `json:"state"`
	Attempts    int             `json:"attempts"`
	MaxAttempts int             `json:"maxAttempts"`
	Done        int64           `json:"done"`
	Total       int64           `json:"total"`
	Message     string          `json:"message"`
	CancelAsked bool            `json:"cancelAsked"`
	NotBefore   time.Time       `json:"notBefore,omitzero"`
	LeasedUntil time.Time       `json:"leasedUntil,omitzero"`
	Created     time.Time       `json:"created"`
	Updated     time.Time       `json:"updated"`
	Finished    time.Time       `json:"finished,omitzero"`
	Payload     json.RawMessage `json:"payload,omitempty"` // as it is, if it is JSON; else as a string in base64
}

func newView(j job.Job) view {
	v := view{ID: j.ID, Kind: j.Kind, Key: j.Key, State: j.State, Attempts: j.Attempts, MaxAttempts: j.MaxAttempts, Done: j.Done, Total: j.Total,
		Message: j.Message, CancelAsked: j.CancelAsked, NotBefore: j.NotBefore, LeasedUntil: j.LeasedUntil, Created: j.Created, Updated: j.Updated, Finished: j.Finished}
	switch {
	case len(j.Payload) == 0:
	case json.Valid(j.Payload):
		v.Payload = j.Payload
	default:
		v.Payload, _ = json.Marshal(j.Payload) // bytes always can be
	}
	return v
}

func views(jobs []job.Job) []view {
	out := make([]view, 0, len(jobs))
	for _, j := range jobs {
		out = append(out, newView(j))
	}
	return out
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func writeTable(out io.Writer, jobs []job.Job) error {
	if len(jobs) == 0 {
		_, err := fmt.Fprintln(out, "no jobs")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tKEY\tSTATE\tTRIES\tPROGRESS\tCHANGED\tMESSAGE")
	for _, j := range jobs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\t%s\n", j.ID, line(j.Kind, 24), line(j.Key, 40), state(j), j.Attempts, j.MaxAttempts,
			progress(j), stamp(j.Updated), line(j.Message, 60))
	}
	return w.Flush()
}

func writeOne(out io.Writer, j job.Job) error {
	buffer := bufio.NewWriter(out)
	w := tabwriter.NewWriter(buffer, 0, 0, 2, ' ', 0)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s:\t%s\n", name, value)
		}
	}
	field("ID", j.ID)
	field("Kind", line(j.Kind, 0))
	field("Key", line(j.Key, 0))
	field("State", state(j))
	field("Tries", fmt.Sprintf("%d of %d", j.Attempts, j.MaxAttempts))
	field("Progress", progress(j))
	field("Message", line(j.Message, 0))
	field("Created", stamp(j.Created))
	field("Changed", stamp(j.Updated))
	if j.State == job.Queued {
		field("Not before", stamp(j.NotBefore))
	}
	field("Leased until", stamp(j.LeasedUntil))
	field("Finished", stamp(j.Finished))
	field("Payload", line(string(j.Payload), 1000))
	if err := w.Flush(); err != nil {
		return err
	}
	return buffer.Flush()
}

func state(j job.Job) string {
	if j.CancelAsked {
		return "cancelling"
	}
	return string(j.State)
}

func progress(j job.Job) string {
	switch {
	case j.Total > 0:
		return fmt.Sprintf("%d/%d (%d%%)", j.Done, j.Total, int64(100*float64(j.Done)/float64(j.Total)))
	case j.Done > 0:
		return fmt.Sprint(j.Done)
	}
	return ""
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// line makes text of strangers fit for a terminal: one line, no control characters, at most so many characters (0: all).
func line(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); most > 0 && len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
