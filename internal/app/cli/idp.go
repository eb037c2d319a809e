package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"opencloud/internal/app"
)

// keys shows and changes the signing keys of the identity provider; a running server takes notice within seconds.
func (t *tool) keys() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Keys that sign the tokens of the identity provider"}
	c.AddCommand(&cobra.Command{Use: "list", Short: "Show the keys", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		keys, err := app.SigningKeys(t.options())
		if err != nil {
			return err
		}
		all, err := keys.Get()
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tMETHOD\tSIGNS\tFILE")
		for _, k := range all {
			signs := "no, accepted"
			if k.Signs {
				signs = "yes"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.KeyID, k.Alg, signs, k.File)
		}
		return w.Flush()
	}}, &cobra.Command{Use: "rotate", Short: "Make a new key that signs from now on; those before go on to be accepted", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		keys, err := app.SigningKeys(t.options())
		if err != nil {
			return err
		}
		file, err := keys.Rotate()
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "The key in %s signs from now on. Remove the one before when its tokens have expired (an hour is enough).\n", file)
		}
		return err
	}}, &cobra.Command{Use: "remove KEY", Short: "Delete a key that signs no more: what it has signed is refused", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		keys, err := app.SigningKeys(t.options())
		if err != nil {
			return err
		}
		if err := keys.Remove(args[0]); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "The key %s is removed.\n", args[0])
		return nil
	}})
	return c
}
