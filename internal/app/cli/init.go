package cli

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"opencloud/internal/app/setup"
	"opencloud/internal/platform/config"
)

func (t *tool) init() *cobra.Command {
	var insecure, path, password string
	var force, diff bool
	c := &cobra.Command{Use: "init", Short: "Create the configuration with all secrets", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		o := setup.Options{Dir: path, AdminPassword: password, Force: force, Diff: diff}
		if diff && (force || c.Flags().Changed("admin-password") || c.Flags().Changed("ap")) {
			return fmt.Errorf("--diff cannot be used together with --force-overwrite or --admin-password")
		}
		var err error
		if o.Insecure, err = t.insecure(c, insecure); err != nil {
			return err
		}
		if o.Dir == "" {
			o.Dir, _ = config.Dirs(t.lookup)
		}
		return setup.Init(o, c.OutOrStdout())
	}}
	f := c.Flags()
	f.StringVar(&insecure, "insecure", t.env("ask", "OC_INSECURE"), "yes: do not check certificates (for tests); no; ask")
	f.StringVar(&path, "config-path", t.env("", "OC_CONFIG_DIR"), "folder of the configuration")
	f.StringVar(&password, "admin-password", t.env("", "ADMIN_PASSWORD", "IDM_ADMIN_PASSWORD"), "password of the first administrator; a random one if left out")
	f.StringVar(&password, "ap", password, "the same")
	f.BoolVarP(&force, "force-overwrite", "f", t.env("", "OC_FORCE_CONFIG_OVERWRITE") == "true", "replace an existing configuration, keeping a copy")
	f.BoolVarP(&diff, "diff", "d", false, "show what a new configuration would add, and change nothing")
	_ = f.MarkHidden("ap")
	// A secret must not be shown as the default of a flag.
	f.Lookup("admin-password").DefValue, f.Lookup("ap").DefValue = "", ""
	return c
}

// env returns the last of the variables that is set.
func (t *tool) env(none string, names ...string) string {
	for _, n := range names {
		if v, ok := t.lookup(n); ok {
			none = v
		}
	}
	return none
}

func (t *tool) insecure(c *cobra.Command, answer string) (bool, error) {
	switch strings.ToLower(answer) {
	case "true", "yes", "y", "1":
		return true, nil
	case "false", "no", "n", "0":
		return false, nil
	case "ask", "":
	default:
		return false, fmt.Errorf("--insecure must be yes, no or ask")
	}
	if st, err := os.Stdin.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false, nil
	}
	fmt.Fprint(c.ErrOrStderr(), "Do you want to configure OpenCloud with certificate checking disabled? This is not recommended for public instances! [yes | no = default] ")
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "yes", "y":
		return true, nil
	}
	return false, nil
}
