package setup

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// diff tells what a new configuration would add to an existing one: existing values stay, missing ones are made. The
// patch is written beside the configuration.
func diff(o Options, path string, old []byte, out io.Writer) error {
	var have m
	if err := yaml.UnmarshalWithOptions(old, &have, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.AdminPassword = secret()
	want := fresh(o)
	keep(have, want)
	missing := additions(have, want)
	if len(missing) == 0 {
		fmt.Fprintln(out, "no changes: the configuration has everything a new one would have")
		return nil
	}
	added, err := yaml.Marshal(missing)
	if err != nil {
		return err
	}
	patch := "--- " + path + "\n+++ " + path + " (additions; merge them under their keys)\n"
	for _, l := range splitLines(string(added)) {
		patch += "+" + l + "\n"
	}
	file := filepath.Join(o.Dir, "opencloud.config.patch")
	if err := os.WriteFile(file, []byte(patch), 0o600); err != nil {
		return err
	}
	fmt.Fprintln(out, patch+"\nwritten to "+file)
	return nil
}

// shared are the values that stand in several places and must agree: the first that exists counts for all.
func shared() [][]string {
	accounts := []string{"graph", "proxy", "frontend", "ocm", "search", "sharing", "storage_users", "notifications", "userlog", "auth_service", "clientlog", "activitylog"}
	var ids, secrets []string
	for _, a := range accounts {
		ids = append(ids, a+".service_account.service_account_id")
		secrets = append(secrets, a+".service_account.service_account_secret")
	}
	return [][]string{ids, secrets,
		{"storage_users.mount_id", "gateway.storage_registry.storage_users_mount_id"},
		{"idm.service_user_passwords.idm_password", "graph.identity.ldap.bind_password"},
		{"idm.service_user_passwords.idp_password", "idp.ldap.bind_password"},
		{"idm.service_user_passwords.reva_password", "auth_basic.auth_providers.ldap.bind_password", "users.drivers.ldap.bind_password", "groups.drivers.ldap.bind_password"},
	}
}

// keep puts existing values into a fresh configuration wherever another place holds the same value.
func keep(have, want m) {
	for _, places := range shared() {
		for _, from := range places {
			v, ok := at(have, from)
			if !ok {
				continue
			}
			for _, to := range places {
				set(want, to, v)
			}
			break
		}
	}
	if v, ok := at(have, "graph.service_account.service_account_id"); ok {
		set(want, "settings.service_account_ids", []any{v})
	}
}

func at(c m, path string) (any, bool) {
	key, rest, deep := strings.Cut(path, ".")
	v, ok := lookup(c, key)
	if !ok || !deep {
		return v, ok && v != nil
	}
	sub, ok := v.(m)
	if !ok {
		return nil, false
	}
	return at(sub, rest)
}

// set replaces a value that is there.
func set(c m, path string, v any) {
	key, rest, deep := strings.Cut(path, ".")
	for i := range c {
		if c[i].Key != key {
			continue
		}
		if sub, ok := c[i].Value.(m); ok && deep {
			set(sub, rest, v)
		} else if !deep {
			c[i].Value = v
		}
	}
}

func splitLines(s string) []string {
	var out []string
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] != '\n' {
			i++
		}
		out = append(out, s[:i])
		s = s[min(i+1, len(s)):]
	}
	return out
}

// additions returns what want has and have has not.
func additions(have, want m) m {
	var out m
	for _, w := range want {
		old, ok := lookup(have, w.Key)
		if !ok {
			out = append(out, w)
			continue
		}
		sub, isMap := w.Value.(m)
		oldMap, oldIsMap := old.(m)
		if isMap && oldIsMap {
			if a := additions(oldMap, sub); len(a) > 0 {
				out = append(out, kv(w.Key.(string), a))
			}
		}
	}
	return out
}

func lookup(have m, key any) (any, bool) {
	for _, h := range have {
		if h.Key == key {
			return h.Value, true
		}
	}
	return nil, false
}
