package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"opencloud/internal/app"
)

// createAppToken makes an app token at the command line; the running server takes it at once.
func (t *tool) createAppToken() *cobra.Command {
	var user, expiration string
	c := &cobra.Command{Use: "create", Short: "Make an app token for somebody, and show it", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		life, err := time.ParseDuration(expiration)
		if err != nil {
			return fmt.Errorf("--expiration must be a duration such as 72h, not %q", expiration)
		}
		token, err := app.CreateAppToken(c.Context(), t.options(), user, life)
		if err != nil {
			return fmt.Errorf("no app token was made for %q: %w", user, err)
		}
		fmt.Fprintf(c.OutOrStdout(), "App token created for %s\n token: %s\n", user, token)
		return nil
	}}
	c.Flags().StringVar(&user, "user-name", "", "whose token")
	c.Flags().StringVar(&expiration, "expiration", "72h", "how long it is valid")
	_ = c.MarkFlagRequired("user-name") // the flag is there
	return c
}
