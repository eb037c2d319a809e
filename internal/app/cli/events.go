package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"opencloud/internal/service/sharing"
)

// events are the commands about what happened.
func (t *tool) events() *cobra.Command {
	c := &cobra.Command{Use: "events", Short: "What happened to shares, links and spaces"}
	c.AddCommand(t.eventsTail())
	return c
}

func (t *tool) eventsTail() *cobra.Command {
	var r sharing.TailRequest
	c := &cobra.Command{Use: "tail", Short: "Print events, the oldest first, as a line of JSON each", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetEscapeHTML(false)
		return t.sharing(c, func(a sharing.Admin) error {
			return a.Tail(c.Context(), r, func(l sharing.Line) error { return enc.Encode(l) })
		})
	}}
	c.Flags().BoolVarP(&r.Follow, "follow", "f", false, "go on with what happens")
	c.Flags().StringVar(&r.After, "after", "", `only what came after the event with this "cursor"; "now": only what happens from now on`)
	return c
}
