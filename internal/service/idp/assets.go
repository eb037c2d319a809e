package idp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"opencloud/internal/service/idp/pages"
)

const (
	maxIndex = 1 << 20  // bytes
	maxAsset = 32 << 20 // bytes
)

// errNoAssets tells that a folder holds no sign-in pages.
var errNoAssets = errors.New("it has neither identifier/index.html nor index.html")

// assets are sign-in pages that an operator brings along: an application in the browser that speaks to the logon API.
// (spec/identity.md §6.4) They take the place of the pages the original has; second factors and the account stay ours.
type assets struct {
	files      *os.Root
	index      string
	background string
	reset      string
}

// openAssets reads the page of a folder. Nothing outside of the folder is ever served, also not by way of links.
func openAssets(cfg Config) (*assets, error) {
	root, err := os.OpenRoot(cfg.AssetPath)
	if err != nil {
		return nil, err
	}
	a := &assets{background: cssURL(cfg.BackgroundURL), reset: cfg.PasswordResetURI}
	if sub, err := root.OpenRoot("identifier"); err == nil {
		if a.index, err = readIndex(sub); err == nil {
			a.files = sub
			return a, root.Close()
		}
		_ = sub.Close()
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, root.Close())
		}
	}
	if a.index, err = readIndex(root); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errNoAssets
		}
		return nil, errors.Join(err, root.Close())
	}
	a.files = root
	return a, nil
}

func readIndex(root *os.Root) (string, error) {
	f, err := root.Open("index.html")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if i, err := f.Stat(); err != nil || !i.Mode().IsRegular() {
		return "", errors.Join(errNoAssets, err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err == nil && len(b) > maxIndex {
		err = fmt.Errorf("index.html is larger than %d bytes", maxIndex)
	}
	return string(b), err
}

// cssURL makes an address safe between url( and ), however it is quoted there.
func cssURL(address string) string {
	return strings.NewReplacer("'", "%27", `"`, "%22", "(", "%28", ")", "%29", `\`, "%5C", " ", "%20", "\n", "").Replace(address)
}

// page answers with the application's page, whichever of its routes this is.
func (a *assets) page(w http.ResponseWriter, _ *http.Request) {
	nonce := rand.Text()
	b := strings.NewReplacer("__PATH_PREFIX__", strings.TrimSuffix(pagePath, "/"), "__CSP_NONCE__", nonce, "__BG_IMG_URL__", html.EscapeString(a.background),
		"__PASSWORD_RESET_LINK__", html.EscapeString(a.reset)).Replace(a.index)
	pictures := "'self' data:"
	if u, err := url.Parse(a.background); err == nil && u.Host != "" {
		pictures += " " + u.Scheme + "://" + u.Host
	}
	hd := w.Header()
	hd.Set("Content-Type", "text/html; charset=utf-8")
	hd.Set("Cache-Control", "no-store")
	hd.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'nonce-"+nonce+"'; style-src 'self' 'nonce-"+nonce+"'; style-src-attr 'unsafe-inline'; img-src "+
		pictures+"; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'")
	hd.Set("X-Frame-Options", "DENY")
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("Referrer-Policy", "same-origin") // by the page's address we know for which request somebody signed in
	hd.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = io.WriteString(w, b)
}

// hashed are names that change with what is in the file.
var hashed = regexp.MustCompile(`[.-][0-9a-zA-Z_]{8,}\.[a-z0-9]+(\.map)?$`)

// file answers with a file of the folder, and tells whether there is one.
func (a *assets) file(w http.ResponseWriter, r *http.Request) bool {
	name := strings.TrimPrefix(r.URL.Path, pagePath)
	if !fs.ValidPath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || path.Base(name) == "index.html" {
		return false
	}
	// Before it is opened: opening a pipe would wait for whoever writes to it.
	if i, err := a.files.Stat(name); err != nil || !i.Mode().IsRegular() || i.Size() > maxAsset {
		return false
	}
	f, err := a.files.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil || !i.Mode().IsRegular() || i.Size() > maxAsset {
		return false
	}
	hd := w.Header()
	hd.Set("Content-Type", mediaType(name))
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // for files that are opened by themselves
	hd.Set("Cache-Control", "public, max-age=300")
	if hashed.MatchString(name) {
		hd.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", i.ModTime(), f)
	return true
}

// mediaType goes by the name only, and knows what the machine's own tables may lack.
func mediaType(name string) string {
	ext := path.Ext(name)
	if t, ok := map[string]string{".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
		".webmanifest": "application/manifest+json", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8"}[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// assetRoutes puts an operator's pages in the place of ours. Whoever comes to sign in anew for the account page, which is
// ours, does so on ours; whoever still owes a second factor is led to where it is asked.
func (h *handler) assetRoutes(mux *http.ServeMux) {
	for _, name := range []string{"identifier", "chooseaccount", "consent", "welcome", "goodbye", "index.html"} {
		mux.HandleFunc("GET "+pagePath+name, func(w http.ResponseWriter, r *http.Request) {
			if name == "identifier" && r.URL.Query().Get("return") == "account" {
				h.showIdentifier(w, r)
				return
			}
			if s, _, err := h.current(r); name == "welcome" && err == nil && s.Pending {
				http.Redirect(w, r, pagePath+"factor", http.StatusFound)
				return
			}
			h.assets.page(w, r)
		})
	}
	ours := h.pages.Assets()
	mux.HandleFunc("GET "+pages.AssetPath, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("v") || !h.assets.file(w, r) { // ours are asked for by version
			ours.ServeHTTP(w, r)
		}
	})
}
