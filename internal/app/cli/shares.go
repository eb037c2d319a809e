package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"opencloud/internal/app"
	"opencloud/internal/service/sharing"
)

// shares are the commands about what people share. (spec/storage.md §19)
func (t *tool) shares() *cobra.Command {
	c := &cobra.Command{Use: "shares", Short: "Shares and public links"}
	c.AddCommand(t.sharesCheck(), t.sharesCleanup())
	return c
}

// sharing asks the running server, or the databases themselves if none runs.
func (t *tool) sharing(c *cobra.Command, do func(sharing.Admin) error) error {
	admin, err := app.SharingAdmin(c.Context(), t.options())
	if err != nil {
		return err
	}
	return errors.Join(do(admin), admin.Close())
}

func (t *tool) sharesCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "check", Short: "Look for shares, links and mounts that lead nowhere; changes nothing", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var rep sharing.Report
		err := t.sharing(c, func(a sharing.Admin) (err error) { rep, err = a.Check(c.Context()); return err })
		if err != nil {
			return err
		}
		w := c.OutOrStdout()
		if asJSON {
			if err := printJSON(w, &rep); err != nil {
				return err
			}
		} else {
			for _, f := range rep.Findings {
				fmt.Fprintf(w, "%-5s %s on %s, %q: %s\n", f.Kind, f.ID, f.Item, f.Who, f.Why)
			}
			fmt.Fprintf(w, "%d shares, %d links, %d mounts\n", rep.Grants, rep.Links, rep.Mounts)
		}
		if n := len(rep.Findings); n > 0 {
			return fmt.Errorf("%d lead nowhere; opencloud shares cleanup --grants removes them", n)
		}
		return nil
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (t *tool) sharesCleanup() *cobra.Command {
	var r sharing.Request
	var asJSON bool
	c := &cobra.Command{Use: "cleanup", Short: "Remove links and mounts of what is no more, and expired links", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var done sharing.Cleaned
		err := t.sharing(c, func(a sharing.Admin) (err error) { done, err = a.Clean(c.Context(), r); return err })
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c.OutOrStdout(), &done)
		}
		fmt.Fprintf(c.OutOrStdout(), "removed: %d links, %d mounts, what was shared with %d users and groups that are no more\n", done.Links, done.Received, done.Grants)
		return nil
	}}
	c.Flags().BoolVar(&r.Grants, "grants", false, "also what is shared with users and groups that the directory does not know")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	// Of the original; who may open the databases or the socket needs no account.
	c.Flags().String("service-account-id", "", "not needed")
	c.Flags().String("service-account-secret", "", "not needed")
	return c
}
