package web

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"opencloud/internal/permission"
)

// base is our own look, and what is shown in place of a client.
//
//go:embed base
var base embed.FS

const (
	brandingDir = "_branding"
	themeFile   = "theme.json"
	maxThemeID  = 100     // bytes
	maxInPage   = 4 << 10 // bytes, of a logo that a page carries
)

// themes are our own look with the operator's above it. (spec/identity.md §12.3)
type themes struct {
	dir   string // of the operator; it may be made while we run
	cache string
	own   fs.FS
	log   *slog.Logger

	mu    sync.Mutex // of those who change the logo
	files *files
}

// newThemes opens the look. Errors: a folder that cannot be opened.
func newThemes(dir, cache string, log *slog.Logger) (*themes, error) {
	own, err := fs.Sub(base, "base")
	if err != nil {
		return nil, err
	}
	t := &themes{dir: dir, cache: cache, own: own, log: log, files: newFiles(cache, folder(dir), own)}
	if i, err := os.Stat(dir); err == nil && !i.IsDir() {
		return nil, fmt.Errorf("asset.themes_path: %s is no folder", dir)
	}
	return t, nil
}

// folder is a folder that may come later. Links do not lead out of it.
type folder string

// Open implements fs.FS.
func (d folder) Open(name string) (fs.File, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close() // files stay open
	return root.Open(name)
}

// Stat implements fs.StatFS.
func (d folder) Stat(name string) (fs.FileInfo, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(name)
}

func validTheme(id string) bool { return valid(id) && len(id) <= maxThemeID }

// serve answers below /themes/.
func (t *themes) serve(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Access-Control-Allow-Origin", "*") // other clients take a server's look too
	id, file, _ := strings.Cut(name, "/")
	if file == themeFile && validTheme(id) {
		b, err := t.theme(id)
		if err != nil {
			t.log.ErrorContext(r.Context(), "theme", "theme", id, "err", err)
			http.Error(w, "The theme cannot be shown.", http.StatusInternalServerError)
			return
		}
		answer(w, r, b)
		return
	}
	// Pictures that are opened by themselves run no scripts.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	if !valid(id) || strings.HasSuffix(name, ".html") || !t.files.serve(w, r, name) {
		http.NotFound(w, r)
	}
}

// theme returns our theme with what the operator's says of an id, and the uploaded logo. A file that cannot be read is left
// out: without a theme clients do not start.
func (t *themes) theme(id string) ([]byte, error) {
	var all map[string]any
	if err := readJSON(t.own, "opencloud/"+themeFile, &all); err != nil {
		return nil, err
	}
	all = merge(all, map[string]any{"common": map[string]any{"shareRoles": shareRoles()}})
	for _, name := range []string{id, brandingDir} {
		var more map[string]any
		if err := readJSON(folder(t.dir), name+"/"+themeFile, &more); err == nil {
			all = merge(all, more)
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.log.Warn("theme is left out", "theme", name, "err", err)
		}
	}
	return json.Marshal(all)
}

// withPicture returns a theme as theme does, but with a small logo in it instead of its address.
func (t *themes) withPicture(id string) ([]byte, error) {
	b, err := t.theme(id)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	for _, branch := range [][]string{{"common"}, {"clients", "web", "defaults"}} {
		at := all
		for _, key := range branch {
			at, _ = at[key].(map[string]any)
		}
		address, _ := at["logo"].(string)
		name, ours := strings.CutPrefix(strings.TrimPrefix(address, "/"), "themes/")
		if !ours || !strings.HasPrefix(mediaType(name), "image/") {
			continue
		}
		if picture, _, ok := t.files.read(name, maxInPage); ok {
			at["logo"] = "data:" + mediaType(name) + ";base64," + base64.StdEncoding.EncodeToString(picture)
		}
	}
	return json.Marshal(all)
}

// shareRoles are the pictures of all roles, by their names in clients' icon sets. (spec/identity.md §12.3, §14.9)
func shareRoles() map[string]any {
	out := map[string]any{}
	for _, r := range permission.Roles() {
		name := "UnifiedRole"
		for part := range strings.SplitSeq(r.Name, "-") {
			name += strings.ToUpper(part[:1]) + part[1:]
		}
		out[r.ID] = map[string]any{"name": name, "iconName": roleIcon(r)}
	}
	return out
}

func roleIcon(r permission.Role) string {
	switch {
	case r.ID == permission.DeniedID:
		return "stop-circle"
	case r.ID == permission.EditorLiteID:
		return "upload"
	case r.ID == permission.SecureViewerID:
		return "shield"
	case r.Rights.Has(permission.AddGrant):
		return "user-star"
	case r.Rights.Has(permission.Upload):
		return "pencil"
	}
	return "eye"
}
