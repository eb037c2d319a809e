// Package pages renders the sign-in pages: HTML that works without scripts, in the reader's language, in light and dark.
//
// Nothing on a page comes from elsewhere, and no script runs but ours: each page has a policy of its own with a fresh
// nonce.
package pages

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"opencloud/internal/platform/catalog"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed assets
var assets embed.FS

//go:embed locale/*.po
var locales embed.FS

// AssetPath is where the pages' own files are served.
const AssetPath = "/signin/v1/static/"

// Brand is what an operator may change.
type Brand struct {
	Name       string // of the product, in titles
	LogoTarget string
	Background string // address of a picture
	Text       string
	ResetURI   string
}

// Page is one page to show.
type Page struct {
	Template string // name without .html
	Title    string // English; translated
	Status   int    // 0: 200
	Language string // the person's own, if known
	Data     any
}

// Set renders pages.
type Set struct {
	brand   Brand
	texts   *catalog.Catalog
	pages   map[language.Tag]*template.Template
	icon    template.URL
	version string // of the assets, so that browsers may keep them
	files   fs.FS
}

// New reads the templates and translations.
func New(b Brand) (*Set, error) {
	s := &Set{brand: b}
	if s.brand.Name == "" {
		s.brand.Name = "OpenCloud"
	}
	var err error
	if s.texts, err = catalog.Read(locales); err != nil {
		return nil, err
	}
	if s.files, err = fs.Sub(assets, "assets"); err != nil {
		return nil, err
	}
	icon, err := fs.ReadFile(s.files, "icon.svg")
	if err != nil {
		return nil, err
	}
	s.icon = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(icon)) //nolint:gosec // ours
	sum := sha256.New()
	err = fs.WalkDir(s.files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(s.files, p)
		sum.Write(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.version = hex.EncodeToString(sum.Sum(nil))[:10]
	s.pages = map[language.Tag]*template.Template{}
	for _, tag := range s.texts.Tags {
		if s.pages[tag], err = template.New("").Funcs(template.FuncMap{"t": s.texts.In(tag)}).ParseFS(templates, "templates/*.html"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Language returns the best of our languages: the page's ui_locales, then the person's own, then the browser's.
func (s *Set) Language(r *http.Request, own string) language.Tag {
	var want []language.Tag
	for _, l := range append(strings.Fields(r.URL.Query().Get("ui_locales")), own) {
		if t, err := language.Parse(l); l != "" && err == nil {
			want = append(want, t)
		}
	}
	if accepted := r.Header.Get("Accept-Language"); len(accepted) < 1000 {
		if tags, _, err := language.ParseAcceptLanguage(accepted); err == nil {
			want = append(want, tags...)
		}
	}
	_, i, confidence := s.texts.Matcher.Match(want...)
	if confidence == language.No {
		return language.English
	}
	return s.texts.Tags[i]
}

// Text returns a text in the language that a page for this request has.
func (s *Set) Text(r *http.Request, own, text string) string {
	return s.texts.In(s.Language(r, own))(text)
}

type view struct {
	Page
	Lang, Nonce, Version, Title string
	Icon                        template.URL // in the page, so that nothing waits for it
	Brand                       Brand
	Data                        any
}

// Render writes a page.
func (s *Set) Render(w http.ResponseWriter, r *http.Request, p Page) error {
	tag := s.Language(r, p.Language)
	t := s.texts.In(tag)
	v := view{Page: p, Lang: tag.String(), Nonce: rand.Text(), Version: s.version, Icon: s.icon, Title: t(p.Title) + " - " + s.brand.Name, Brand: s.brand, Data: p.Data}
	var b bytes.Buffer
	if err := s.pages[tag].ExecuteTemplate(&b, p.Template+".html", v); err != nil {
		return err
	}
	hd := w.Header()
	hd.Set("Content-Type", "text/html; charset=utf-8")
	hd.Set("Content-Language", v.Lang)
	hd.Set("Cache-Control", "no-store")
	hd.Set("Content-Security-Policy", s.policy(v.Nonce))
	hd.Set("X-Frame-Options", "DENY")
	hd.Set("Referrer-Policy", "same-origin") // with no-referrer browsers would not say where our own forms come from
	hd.Set("Content-Length", strconv.Itoa(b.Len()))
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	w.WriteHeader(p.Status)
	_, err := w.Write(b.Bytes())
	return err
}

func (s *Set) policy(nonce string) string {
	pictures := "'self' data:"
	if u, err := url.Parse(s.brand.Background); err == nil && u.Host != "" {
		pictures += " " + u.Scheme + "://" + u.Host
	}
	return "default-src 'none'; style-src 'self' 'nonce-" + nonce + "'; img-src " + pictures + "; font-src 'self'; script-src 'nonce-" + nonce +
		"'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// Assets serves the pages' own files.
func (s *Set) Assets() http.Handler {
	files := http.StripPrefix(AssetPath, http.FileServerFS(s.files))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		if r.URL.Query().Get("v") == s.version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}
