package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"opencloud/internal/platform/config"
	"opencloud/internal/platform/log"
	authapp "opencloud/internal/service/auth-app"
	"opencloud/internal/service/idm"
)

// createAppToken makes an app token at the command line; the running server takes it at once.
func (t *tool) createAppToken() *cobra.Command {
	var user, expiration string
	c := &cobra.Command{Use: "create", Short: "Make an app token for somebody, and show it", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		life, err := time.ParseDuration(expiration)
		if err != nil {
			return fmt.Errorf("--expiration must be a duration such as 72h, not %q", expiration)
		}
		token, err := t.appToken(c, user, life)
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

func (t *tool) appToken(c *cobra.Command, user string, life time.Duration) (token string, err error) {
	dir, data := config.Dirs(t.lookup)
	source, err := config.Open(dir, data, t.lookup)
	if err != nil {
		return "", err
	}
	var people idm.Config
	var tokens authapp.Config
	if _, err := source.Load("idm", &people); err != nil {
		return "", err
	}
	if _, err := source.Load("auth-app", &tokens); err != nil {
		return "", err
	}
	l, err := log.New(tokens.Log, "auth-app")
	if err != nil {
		return "", err
	}
	d, err := idm.Open(c.Context(), people, l)
	if err != nil {
		return "", err
	}
	token, err = authapp.Create(c.Context(), tokens, d, d, l, user, life)
	return token, errors.Join(err, d.Close())
}
