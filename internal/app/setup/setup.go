// Package setup writes the first configuration: opencloud.yaml with all secrets. (spec/identity.md §1.1)
package setup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"
)

// Options of Init.
type Options struct {
	Dir           string
	Insecure      bool
	AdminPassword string // empty: random
	Force, Diff   bool
}

// ErrExists tells that there is a configuration already; it was not touched.
var ErrExists = errors.New("the configuration exists")

// Init writes opencloud.yaml into the folder and tells the administrator's password.
func Init(o Options, out io.Writer) error {
	path := filepath.Join(o.Dir, "opencloud.yaml")
	old, err := os.ReadFile(path)
	exists := err == nil
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	switch {
	case exists && o.Diff:
		return diff(o, path, old, out)
	case exists && !o.Force:
		return fmt.Errorf("%w: %s; use --force-overwrite to replace it, or --diff to see what a new one would add", ErrExists, path)
	}
	if o.AdminPassword == "" {
		o.AdminPassword = secret()
	}
	text, err := yaml.Marshal(fresh(o))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if exists {
		backup := path + "." + time.Now().Format("2006-01-02-15-04-05") + ".backup"
		if err := os.WriteFile(backup, old, 0o600); err != nil {
			return err
		}
	}
	if err := replace(path, text); err != nil {
		return err
	}
	box(out, []string{"", "generated OpenCloud Config", "", "configpath : " + path, "user       : admin", "password   : " + o.AdminPassword, ""})
	return nil
}

// replace writes a file so that it is never half there.
func replace(path string, text []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func box(out io.Writer, lines []string) {
	width := 0
	for _, l := range lines {
		width = max(width, len(l))
	}
	rule := strings.Repeat("=", width+4)
	fmt.Fprintln(out, rule)
	for _, l := range lines {
		fmt.Fprintf(out, "  %s\n", l)
	}
	fmt.Fprintln(out, rule)
}

// secret returns 32 random characters (190 bits) that mean nothing to YAML or shells.
func secret() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, 0, 32)
	buf := make([]byte, 64)
	for len(out) < 32 {
		rand.Read(buf) // never fails (Go 1.24)
		for _, b := range buf {
			if int(b) < 4*len(alphabet) && len(out) < 32 {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

type m = yaml.MapSlice

func kv(k string, v any) yaml.MapItem { return yaml.MapItem{Key: k, Value: v} }

// fresh returns a new configuration, with the keys that the original writes too, so that either can read it.
func fresh(o Options) m {
	account := m{kv("service_account_id", uuid.NewString()), kv("service_account_secret", secret())}
	mount := uuid.NewString()
	idmPassword, revaPassword, idpPassword := secret(), secret(), secret()
	events := m{kv("tls_insecure", o.Insecure)}
	return m{
		kv("token_manager", m{kv("jwt_secret", secret())}),
		kv("machine_auth_api_key", secret()),
		kv("system_user_api_key", secret()),
		kv("transfer_secret", secret()),
		kv("url_signing_secret", secret()),
		kv("system_user_id", uuid.NewString()),
		kv("admin_user_id", uuid.NewString()),
		kv("graph", m{kv("application", m{kv("id", uuid.NewString())}), kv("events", events), kv("spaces", m{kv("insecure", o.Insecure)}),
			kv("identity", m{kv("ldap", m{kv("bind_password", idmPassword)})}), kv("service_account", account)}),
		kv("idp", m{kv("ldap", m{kv("bind_password", idpPassword)})}),
		kv("idm", m{kv("service_user_passwords", m{kv("admin_password", o.AdminPassword), kv("idm_password", idmPassword),
			kv("reva_password", revaPassword), kv("idp_password", idpPassword)})}),
		kv("collaboration", m{kv("wopi", m{kv("secret", secret())}), kv("app", m{kv("insecure", o.Insecure)})}),
		kv("proxy", m{kv("oidc", m{kv("insecure", o.Insecure)}), kv("insecure_backends", o.Insecure), kv("service_account", account)}),
		kv("frontend", m{kv("app_handler", m{kv("insecure", o.Insecure)}), kv("archiver", m{kv("insecure", o.Insecure)}), kv("service_account", account),
			kv("ocdav", m{kv("insecure", o.Insecure)})}),
		kv("auth_basic", m{kv("auth_providers", m{kv("ldap", m{kv("bind_password", revaPassword)})})}),
		kv("auth_bearer", m{kv("auth_providers", m{kv("oidc", m{kv("insecure", o.Insecure)})})}),
		kv("users", m{kv("drivers", m{kv("ldap", m{kv("bind_password", revaPassword)})})}),
		kv("groups", m{kv("drivers", m{kv("ldap", m{kv("bind_password", revaPassword)})})}),
		kv("ocm", m{kv("service_account", account)}),
		kv("search", m{kv("events", events), kv("service_account", account)}),
		kv("audit", m{kv("events", events)}),
		kv("settings", m{kv("service_account_ids", []string{account[0].Value.(string)})}),
		kv("sharing", m{kv("events", events), kv("service_account", account)}),
		kv("storage_users", m{kv("events", events), kv("mount_id", mount), kv("service_account", account)}),
		kv("notifications", m{kv("notifications", m{kv("events", events)}), kv("service_account", account)}),
		kv("nats", m{kv("nats", m{kv("tls_skip_verify_client_cert", o.Insecure)})}),
		kv("gateway", m{kv("storage_registry", m{kv("storage_users_mount_id", mount)})}),
		kv("userlog", m{kv("service_account", account)}),
		kv("auth_service", m{kv("service_account", account)}),
		kv("clientlog", m{kv("service_account", account)}),
		kv("activitylog", m{kv("service_account", account)}),
	}
}
