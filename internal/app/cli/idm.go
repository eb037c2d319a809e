package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"opencloud/internal/app"
)

// resetPassword sets a password at the command line; the running server takes it at the next login.
func (t *tool) resetPassword() *cobra.Command {
	var user string
	c := &cobra.Command{Use: "resetpassword", Short: "Set somebody's password", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		in := bufio.NewReader(io.LimitReader(c.InOrStdin(), 4096))
		first, err := askPassword(c, in, "New password for "+user+": ")
		if err != nil {
			return err
		}
		second, err := askPassword(c, in, "Again: ")
		if err != nil {
			return err
		}
		if first != second {
			return errors.New("the two are not the same; nothing was changed")
		}
		if first == "" {
			return errors.New("a password cannot be empty")
		}
		if err := app.ResetPassword(c.Context(), t.options(), user, first); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout(), "The password of "+user+" is changed.")
		return nil
	}}
	c.Flags().StringVarP(&user, "user-name", "u", "admin", "whose password")
	return c
}

// askPassword reads a line, without showing it where the input is a terminal.
func askPassword(c *cobra.Command, in *bufio.Reader, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	if old, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil && c.InOrStdin() == os.Stdin {
		fmt.Fprint(c.ErrOrStderr(), prompt)
		quiet := *old
		quiet.Lflag &^= unix.ECHO
		if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err == nil {
			defer func() {
				_ = unix.IoctlSetTermios(fd, unix.TCSETS, old)
				fmt.Fprintln(c.ErrOrStderr())
			}()
		}
	}
	line, err := in.ReadString('\n')
	if err != nil && (err != io.EOF || line == "") {
		return "", errors.New("no password was given")
	}
	return strings.TrimRight(line, "\r\n"), nil
}
