package setup

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	missing := additions(have, fresh(o))
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
