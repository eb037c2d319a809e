package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const maxJSON = 1 << 20 // bytes, of a file of settings

// ui is config.json, but for the announcement. (spec/identity.md §12.2)
type ui struct {
	config map[string]any
	plain  []byte // without announcement
}

// newUI makes it of the configuration and the extensions that were found, or takes the operator's file as it is.
// Errors: a file that cannot be read or is no JSON object.
func newUI(cfg Config, found []ExternalApp) (*ui, error) {
	var raw []byte
	var err error
	if cfg.File != "" {
		raw, err = readSmall(cfg.File)
	} else {
		c := cfg.Web.Config
		if c.Theme == "" {
			c.Theme = strings.TrimRight(cfg.Web.ThemeServer, "/") + "/" + strings.TrimLeft(cfg.Web.ThemePath, "/")
		}
		if c.OIDC.MetadataURL == "" {
			c.OIDC.MetadataURL = strings.TrimRight(c.OIDC.Authority, "/") + "/.well-known/openid-configuration"
		}
		c.OIDC.Scope = strings.Join(strings.FieldsFunc(c.OIDC.Scope, func(r rune) bool { return r == ' ' || r == ',' }), " ")
		c.ExternalApps = append(c.ExternalApps[:len(c.ExternalApps):len(c.ExternalApps)], found...)
		raw, err = json.Marshal(c)
	}
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	u := &ui{}
	if err := json.Unmarshal(raw, &u.config); err != nil {
		return nil, fmt.Errorf("config.json: %s: %w", cfg.File, err)
	}
	if u.config == nil {
		return nil, fmt.Errorf("config.json: %s holds no JSON object", cfg.File)
	}
	if _, ok := u.config["options"].(map[string]any); !ok {
		u.config["options"] = map[string]any{} // clients insist
	}
	u.plain, err = json.Marshal(u.config)
	return u, err
}

func readSmall(path string) ([]byte, error) {
	i, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !i.Mode().IsRegular() || i.Size() > maxJSON {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, maxJSON)
	}
	return os.ReadFile(path)
}

// with returns config.json with an announcement.
func (u *ui) with(a announcement) ([]byte, error) {
	if !a.shown() {
		return u.plain, nil
	}
	options := map[string]any{}
	for k, v := range u.config["options"].(map[string]any) {
		options[k] = v
	}
	options["announcement"] = map[string]string{"bannerText": a.BannerText, "infoText": a.InfoText}
	all := map[string]any{}
	for k, v := range u.config {
		all[k] = v
	}
	all["options"] = options
	return json.Marshal(all)
}

// scriptOrigins are the origins that the configuration has scripts from, as sources of a content security policy.
func (u *ui) scriptOrigins() string {
	var out strings.Builder
	for _, list := range []struct{ name, key string }{{"scripts", "src"}, {"external_apps", "path"}} {
		entries, _ := u.config[list.name].([]any)
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			address, _ := entry[list.key].(string)
			p, err := url.Parse(address)
			if err != nil || p.Host == "" || p.Scheme != "https" && p.Scheme != "http" || strings.ContainsAny(p.Host, " ;,'") {
				continue
			}
			if o := " " + p.Scheme + "://" + p.Host; !strings.Contains(out.String()+" ", o+" ") {
				out.WriteString(o)
			}
		}
	}
	return out.String()
}

// config answers with config.json, the same for strangers and for those who are signed in.
func (h *handler) config(w http.ResponseWriter, r *http.Request) {
	b, err := h.configJSON(r.Context())
	if err != nil {
		h.log.ErrorContext(r.Context(), "config.json", "err", err)
		http.Error(w, "The configuration cannot be shown.", http.StatusUnprocessableEntity)
		return
	}
	answer(w, r, b)
}

func (h *handler) configJSON(ctx context.Context) ([]byte, error) {
	a, err := h.notice.read()
	if err != nil {
		h.log.WarnContext(ctx, "announcement cannot be read", "err", err)
	}
	return h.ui.with(a)
}

// data is config.json and the theme as blocks of data in our own page, which so starts with two requests less. What cannot be
// read is left out: the page asks for it, and is told.
func (h *handler) data(ctx context.Context) []byte {
	var out bytes.Buffer
	block := func(id string, b []byte, err error) {
		if err != nil {
			h.log.WarnContext(ctx, "page goes without its data", "id", id, "err", err)
			return
		}
		var safe bytes.Buffer
		json.HTMLEscape(&safe, b) // nothing in it ends the element
		fmt.Fprintf(&out, `<script type="application/json" id="%s">%s</script>`, id, safe.Bytes())
	}
	b, err := h.configJSON(ctx)
	block("oc-config", b, err)
	if id, ok := h.ui.themeID(); ok {
		b, err = h.themes.withPicture(id)
		block("oc-theme", b, err)
	}
	return out.Bytes()
}

// themeID is the id of the theme that clients take from this server.
func (u *ui) themeID() (string, bool) {
	address, _ := u.config["theme"].(string)
	p, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	dir, isTheme := strings.CutSuffix(p.Path, "/"+themeFile)
	id, ok := strings.CutPrefix(dir, "/themes/")
	return id, ok && isTheme && validTheme(id)
}

// answer sends JSON that browsers ask for anew each time.
func answer(w http.ResponseWriter, r *http.Request, b []byte) {
	sum := sha256.Sum256(b)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}
