// Package cli is the command line: opencloud init, server, list and the rest.
package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"opencloud/internal/app"
	"opencloud/internal/job"
	"opencloud/internal/job/jobcli"
)

// tool is what all commands share.
type tool struct {
	version string
	lookup  func(string) (string, bool) // the environment
}

func (t *tool) options() app.Options { return app.Options{Version: t.version, Lookup: t.lookup} }

// New returns the command tree. lookup is os.LookupEnv.
func New(version string, lookup func(string) (string, bool)) *cobra.Command {
	t := &tool{version: version, lookup: lookup}
	root := &cobra.Command{Use: "opencloud", Short: "OpenCloud: file sync and sharing on your own server", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(t.init(), t.server(), t.list(), t.versionCommand(), t.posixfs(), t.shares(), t.events(), jobcli.Command(t.jobs))
	for _, name := range app.Names() {
		root.AddCommand(t.service(name))
	}
	return root
}

func (t *tool) jobs(ctx context.Context) (*job.Store, func() error, error) {
	return app.OpenJobs(ctx, t.options())
}

func (t *tool) server() *cobra.Command {
	return &cobra.Command{Use: "server", Short: "Run all services in one process", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return app.Run(c.Context(), t.options())
	}}
}

func (t *tool) list() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "Show the services that run on this machine", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return app.List(c.Context(), t.options(), c.OutOrStdout())
	}}
}

func (t *tool) versionCommand() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Show the version", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		fmt.Fprintln(c.OutOrStdout(), "Version:", t.version)
		if skip, _ := c.Flags().GetBool("skip-services"); !skip {
			if err := app.List(c.Context(), t.options(), c.OutOrStdout()); err != nil {
				fmt.Fprintln(c.OutOrStdout(), "No running services found.")
			}
		}
		return nil
	}}
	c.Flags().Bool("skip-services", false, "do not ask for running services")
	return c
}

// service are the commands of one service.
func (t *tool) service(name string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: "Commands of the service " + name}
	c.AddCommand(&cobra.Command{Use: "server", Short: "Run only this service", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		o := t.options()
		o.Services = []string{name}
		return app.Run(c.Context(), o)
	}}, &cobra.Command{Use: "health", Short: "Ask the running service for its health", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return t.health(c, name)
	}}, &cobra.Command{Use: "version", Short: "Show the version", Args: cobra.NoArgs, Run: func(c *cobra.Command, _ []string) {
		fmt.Fprintln(c.OutOrStdout(), "Version:", t.version)
	}})
	if name == "storage-users" {
		c.AddCommand(t.storageCommands()...)
	}
	if name == "auth-app" {
		c.AddCommand(t.createAppToken())
	}
	if name == "idp" {
		c.AddCommand(t.keys())
	}
	if name == "idm" {
		c.AddCommand(t.resetPassword())
	}
	return c
}

func (t *tool) health(c *cobra.Command, name string) error {
	addr, err := app.DebugAddr(t.options(), name)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", name, err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not well: %s: %s", name, resp.Status, text)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", name, text)
	return nil
}
