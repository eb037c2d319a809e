package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/goccy/go-yaml"
)

const maxApps = 1000

// appSettings is what the operator says of an extension.
type appSettings struct {
	Disabled bool           `json:"disabled" yaml:"disabled"`
	Config   map[string]any `json:"config" yaml:"config"`
}

// findApps looks for extensions: a folder each, with a manifest. What is set beside it counts more than what apps.yaml says,
// and that more than the manifest. One that is broken is left out with a warning. (spec/identity.md §12.4)
// Errors: apps.yaml is there and cannot be read.
func findApps(root *os.Root, global string, log *slog.Logger) ([]ExternalApp, error) {
	settings := map[string]appSettings{}
	b, err := readSmall(global)
	if err == nil {
		err = yaml.Unmarshal(b, &settings)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("apps.yaml: %w", err)
	}
	if root == nil {
		return nil, nil
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("asset.apps_path: %w", err)
	}
	var out []ExternalApp
	for _, e := range entries {
		i, err := root.Stat(e.Name()) // a link within the folder counts
		if err != nil || !i.IsDir() || strings.HasPrefix(e.Name(), ".") || len(out) >= maxApps {
			continue
		}
		app, ok, err := readApp(root, e.Name(), settings[e.Name()])
		if err != nil {
			log.Warn("extension of the browser client is left out", "app", e.Name(), "err", err)
		} else if ok {
			out = append(out, app)
		}
	}
	return out, nil
}

// readApp reads one extension; false if it is turned off.
func readApp(apps *os.Root, id string, global appSettings) (ExternalApp, bool, error) {
	root, err := apps.OpenRoot(id)
	if err != nil {
		return ExternalApp{}, false, err
	}
	defer root.Close()
	var manifest struct {
		Entrypoint string         `json:"entrypoint"`
		Config     map[string]any `json:"config"`
	}
	if err := readJSON(root.FS(), "manifest.json", &manifest); err != nil {
		return ExternalApp{}, false, err
	}
	var local appSettings
	if err := readJSON(root.FS(), "config.json", &local); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ExternalApp{}, false, err
	}
	if global.Disabled || local.Disabled {
		return ExternalApp{}, false, nil
	}
	entry := path.Clean(manifest.Entrypoint)
	if !valid(entry) {
		return ExternalApp{}, false, fmt.Errorf("entry point %q is not within the folder", manifest.Entrypoint)
	}
	if i, err := root.Stat(entry); err != nil {
		return ExternalApp{}, false, fmt.Errorf("entry point: %w", err)
	} else if !i.Mode().IsRegular() {
		return ExternalApp{}, false, fmt.Errorf("entry point %q is no file", manifest.Entrypoint)
	}
	app := ExternalApp{ID: id, Path: (&url.URL{Path: path.Join("/assets/apps", id, entry)}).EscapedPath()}
	if c := merge(merge(manifest.Config, global.Config), local.Config); len(c) > 0 {
		app.Config = c
	}
	return app, true, nil
}

// readJSON reads a small file.
func readJSON(dir fs.FS, name string, into any) error {
	i, err := fs.Stat(dir, name)
	if err != nil {
		return err
	}
	if !i.Mode().IsRegular() || i.Size() > maxJSON {
		return fmt.Errorf("%s is no file of at most %d bytes", name, maxJSON)
	}
	b, err := fs.ReadFile(dir, name)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// merge returns base with what more says: objects are merged, all else is replaced. Neither argument is changed.
func merge(base, more map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(more))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range more {
		below, isMap := v.(map[string]any)
		had, wasMap := out[k].(map[string]any)
		if isMap && wasMap {
			v = merge(had, below)
		}
		out[k] = v
	}
	return out
}
