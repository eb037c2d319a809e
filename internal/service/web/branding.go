package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"opencloud/internal/identity/role"
)

const (
	maxLogo   = 5 << 20 // bytes
	maxPixels = 50 << 20
)

var (
	errNoLogo   = errors.New("a logo is a JPEG, PNG or GIF picture with the extension of its kind, in the field logo")
	errTooLarge = errors.New("a logo has at most 5 MiB")
)

// logo answers POST and DELETE /branding/logo. (spec/identity.md §12.5)
func (h *handler) logo(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodDelete {
		notAllowed(w, "POST, DELETE")
		return
	}
	if !permit(w, r, role.LogoWrite) {
		return
	}
	var err error
	if r.Method == http.MethodDelete {
		err = h.themes.setLogo("", nil)
	} else {
		var b []byte
		var ext string
		if b, ext, err = readLogo(w, r); err == nil {
			sum := sha256.Sum256(b)
			err = h.themes.setLogo("logo-"+hex.EncodeToString(sum[:8])+ext, b)
		}
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case errors.Is(err, errTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
	case errors.Is(err, errNoLogo):
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		h.log.ErrorContext(r.Context(), "logo cannot be kept", "err", err)
		http.Error(w, "The logo cannot be kept.", http.StatusInternalServerError)
	}
}

// readLogo returns the picture of a form and the extension for its kind. Errors: errNoLogo, errTooLarge.
func readLogo(w http.ResponseWriter, r *http.Request) ([]byte, string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogo+64<<10)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, "", errNoLogo
	}
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, "", tooLargeOr(err)
		}
		if part.FormName() != "logo" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, maxLogo+1))
		if err != nil {
			return nil, "", tooLargeOr(err)
		}
		if len(b) > maxLogo {
			return nil, "", errTooLarge
		}
		ext := strings.ToLower(path.Ext(part.FileName()))
		if ext == ".jpg" {
			ext = ".jpeg"
		}
		if !isPicture(b, ext) {
			return nil, "", errNoLogo
		}
		return b, ext, nil
	}
}

// isPicture tells whether the content is what the extension says.
func isPicture(b []byte, ext string) bool {
	decode, ok := map[string]func(io.Reader) (image.Config, error){".png": png.DecodeConfig, ".jpeg": jpeg.DecodeConfig, ".gif": gif.DecodeConfig}[ext]
	if !ok || http.DetectContentType(b) != "image/"+ext[1:] {
		return false
	}
	c, err := decode(bytes.NewReader(b))
	return err == nil && c.Width*c.Height <= maxPixels
}

func tooLargeOr(err error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return errTooLarge
	}
	return errNoLogo
}

// setLogo keeps a picture and names it in the theme; without one, ours is back. Whatever is cut short, the theme never
// names a picture that is not there.
func (t *themes) setLogo(name string, b []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := filepath.Join(t.dir, brandingDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var had map[string]any
	if err := readJSON(root.FS(), themeFile, &had); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if name != "" {
		if err := writeFile(root, name, b); err != nil {
			return err
		}
	}
	theme, err := json.MarshalIndent(withLogo(had, name), "", "  ")
	if err == nil {
		err = writeFile(root, themeFile, theme)
	}
	if err != nil {
		return err
	}
	old, err := fs.Glob(root.FS(), "logo-*")
	for _, o := range old {
		if o != name {
			err = errors.Join(err, root.Remove(o))
		}
	}
	if err != nil {
		return fmt.Errorf("old logos: %w", err)
	}
	return nil
}

// withLogo returns a theme with the entries of the logo set, or taken out, and all others as they were.
func withLogo(theme map[string]any, name string) map[string]any {
	out := merge(theme, nil)
	for _, branch := range [][]string{{"common"}, {"clients", "web", "defaults"}} {
		at := out
		for _, key := range branch {
			below, _ := at[key].(map[string]any)
			below = merge(below, nil)
			at[key] = below
			at = below
		}
		if name == "" {
			delete(at, "logo")
		} else {
			at["logo"] = "themes/" + brandingDir + "/" + name
		}
	}
	return out
}
