package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"opencloud/internal/app"
	storageusers "opencloud/internal/service/storage-users"
	"opencloud/internal/storage/posix/maintain"
	"opencloud/internal/storage/posix/scan"
)

// storageCommands are the commands of storage-users beside server, health and version. (spec/storage.md §19)
func (t *tool) storageCommands() []*cobra.Command {
	return []*cobra.Command{t.maintain("check", "Compare the index with the disk; changes nothing"),
		t.maintain("repair", "Make the index follow the disk; removes no file"),
		t.maintain("rebuild", "Make the index anew from the disk, for a database that was lost"),
		t.uploads(), t.trashBin(), t.versions(), t.hold()}
}

// posixfs is the command of the original for taking in changes.
func (t *tool) posixfs() *cobra.Command {
	c := &cobra.Command{Use: "posixfs", Short: "Commands of the storage of plain files"}
	var space string
	scanCmd := &cobra.Command{Use: "scan", Short: "Take in what other programs changed on disk", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var problems []scan.Problem
		if err := t.ask(c, "/scan", storageusers.Request{Space: space}, &problems); err != nil {
			return err
		}
		for _, p := range problems {
			fmt.Fprintf(c.OutOrStdout(), "%s: %s (since %s, %d tries)\n", p.Path, p.Reason, p.Since.Format(time.DateTime), p.Tries)
		}
		return nil
	}}
	scanCmd.Flags().StringVar(&space, "space", "", "only this space")
	c.AddCommand(scanCmd)
	return c
}

// ask runs a command in the server, or on the storage itself if no server runs, with a progress line on a terminal.
func (t *tool) ask(c *cobra.Command, command string, r storageusers.Request, out any) error {
	admin, err := app.StorageAdmin(c.Context(), t.options())
	if err != nil {
		return err
	}
	tell := func(storageusers.Progress) {}
	if f, ok := c.ErrOrStderr().(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		tell = func(p storageusers.Progress) {
			path := p.Path
			if r := []rune(path); len(r) > 40 {
				path = "…" + string(r[len(r)-39:])
			}
			fmt.Fprintf(f, "\r\x1b[K%d folders, %d files  %q", p.Folders, p.Files, path)
		}
		defer fmt.Fprint(f, "\r\x1b[K")
	}
	return errors.Join(admin.Do(c.Context(), command, r, tell, out), admin.Close())
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (t *tool) maintain(name, short string) *cobra.Command {
	var r storageusers.Request
	var asJSON bool
	c := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var rep maintain.Report
		if err := t.ask(c, "/"+name, r, &rep); err != nil {
			return err
		}
		w := c.OutOrStdout()
		if asJSON {
			if err := printJSON(w, &rep); err != nil {
				return err
			}
		} else {
			for _, f := range rep.Findings {
				fmt.Fprintf(w, "%-13s %s %q %s\n", f.Kind, f.Space, f.Path, f.Detail)
			}
			if rep.More > 0 {
				fmt.Fprintf(w, "and %d more\n", rep.More)
			}
			fmt.Fprintf(w, "%d spaces, %d folders, %d files, %d bytes\n", rep.Spaces, rep.Folders, rep.Files, rep.Bytes)
		}
		if !rep.Clean() {
			return errors.New("index and disk do not agree")
		}
		return nil
	}}
	c.Flags().StringVar(&r.Space, "space", "", "only this space")
	c.Flags().BoolVar(&r.Content, "content", false, "read every file and compare its checksums")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (t *tool) uploads() *cobra.Command {
	c := &cobra.Command{Use: "uploads", Short: "Unfinished uploads"}
	var r storageusers.Request
	var asJSON, expired, processing bool
	list := &cobra.Command{Use: "sessions", Short: "List or remove unfinished uploads", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("expired") {
			r.Expired = &expired
		}
		if processing {
			return printSessions(c.OutOrStdout(), nil, asJSON) // nothing waits for processing in this storage
		}
		var all []storageusers.Session
		if err := t.ask(c, "/uploads", r, &all); err != nil {
			return err
		}
		return printSessions(c.OutOrStdout(), all, asJSON)
	}}
	list.Flags().StringVar(&r.ID, "id", "", "only this session")
	list.Flags().StringVar(&r.Space, "space", "", "only this space")
	list.Flags().BoolVar(&expired, "expired", true, "only those that have (not) expired")
	list.Flags().BoolVar(&processing, "processing", false, "only those that are being processed")
	list.Flags().BoolVar(&r.Clean, "clean", false, "remove what is listed")
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(list)
	return c
}

func printSessions(w io.Writer, all []storageusers.Session, asJSON bool) error {
	if asJSON {
		if all == nil {
			all = []storageusers.Session{}
		}
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SPACE\tUPLOAD\tNAME\tOFFSET\tSIZE\tBY\tEXPIRES")
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%q\t%d\t%d\t%s\t%s\n", s.Space, s.ID, s.Filename, s.Offset, s.Size, s.Executor, s.Expires.Format(time.DateTime))
	}
	return t.Flush()
}

func (t *tool) trashBin() *cobra.Command {
	c := &cobra.Command{Use: "trash-bin", Short: "Deleted files"}
	var before time.Duration
	purge := &cobra.Command{Use: "purge-expired", Short: "Remove for good what was deleted long ago", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var n int64
		if err := t.ask(c, "/trash/purge", storageusers.Request{Before: before}, &n); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "%d items removed\n", n)
		return nil
	}}
	purge.Flags().DurationVar(&before, "delete-before", 30*24*time.Hour, "age of what is removed")
	list := &cobra.Command{Use: "list <space>", Short: "List what was deleted from a space", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		var items []storageusers.TrashItem
		if err := t.ask(c, "/trash", storageusers.Request{Space: args[0]}, &items); err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ITEM\tPATH\tTYPE\tSIZE\tDELETED")
		for _, i := range items {
			fmt.Fprintf(w, "%s\t%q\t%s\t%d\t%s\n", i.ID, i.Path, i.Type, i.Size, i.Deleted.Format(time.DateTime))
		}
		return w.Flush()
	}}
	c.AddCommand(purge, list, t.restore("restore <space> <item>", "Bring one item back", 2), t.restore("restore-all <space>", "Bring everything back", 1))
	return c
}

func (t *tool) restore(use, short string, args int) *cobra.Command {
	var mode string
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: func(c *cobra.Command, args []string) error {
		r := storageusers.Request{Space: args[0], Mode: mode}
		if len(args) > 1 {
			r.ID = args[1]
		}
		var restored []string
		if err := t.ask(c, "/trash/restore", r, &restored); err != nil {
			return err
		}
		for _, p := range restored {
			fmt.Fprintf(c.OutOrStdout(), "%q\n", p)
		}
		return nil
	}}
	c.Flags().StringVar(&mode, "option", "skip", "when the name is taken: skip, replace or keep-both")
	c.Flags().BoolP("yes", "y", false, "do not ask")
	return c
}

func (t *tool) versions() *cobra.Command {
	c := &cobra.Command{Use: "versions", Short: "Former contents of files"}
	var before time.Duration
	purge := &cobra.Command{Use: "purge", Short: "Remove former contents", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return t.ask(c, "/versions/purge", storageusers.Request{Before: before}, nil)
	}}
	purge.Flags().DurationVar(&before, "older-than", 30*24*time.Hour, "age of what is removed")
	c.AddCommand(purge)
	return c
}

func (t *tool) hold() *cobra.Command {
	c := &cobra.Command{Use: "hold", Short: "Spaces from which much vanished at once"}
	one := func(use, short string) *cobra.Command {
		return &cobra.Command{Use: use + " <space>", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return t.ask(c, "/hold/"+use, storageusers.Request{Space: args[0]}, nil)
		}}
	}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List them", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var held []storageusers.HeldSpace
		if err := t.ask(c, "/hold", storageusers.Request{}, &held); err != nil {
			return err
		}
		for _, h := range held {
			fmt.Fprintf(c.OutOrStdout(), "%s %q: %s\n", h.Space, h.Name, h.Reason)
		}
		return nil
	}}, one("confirm", "What vanished is meant to be gone"), one("release", "Look again; what is still missing holds the space again"))
	return c
}
