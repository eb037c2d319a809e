// Package catalog holds translations of what the server says to people. The texts themselves are English.
package catalog

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/leonelquinteros/gotext"
	"golang.org/x/text/language"
)

// Catalog is what there is in each language.
type Catalog struct {
	Tags    []language.Tag // English first
	Matcher language.Matcher
	texts   map[language.Tag]*gotext.Po
}

// Read reads the files locale/<language>.po.
func Read(files fs.FS) (*Catalog, error) {
	c := &Catalog{Tags: []language.Tag{language.English}, texts: map[language.Tag]*gotext.Po{}}
	names, err := fs.Glob(files, "locale/*.po")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		tag, err := language.Parse(strings.TrimSuffix(strings.TrimPrefix(name, "locale/"), ".po"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		po := gotext.NewPo()
		po.Parse(raw)
		c.Tags = append(c.Tags, tag)
		c.texts[tag] = po
	}
	c.Matcher = language.NewMatcher(c.Tags)
	return c, nil
}

// In returns what says texts in a language of Tags; arguments are filled in as by fmt.Sprintf.
func (c *Catalog) In(tag language.Tag) func(text string, args ...any) string {
	po := c.texts[tag]
	return func(text string, args ...any) string {
		switch {
		case po != nil:
			return po.Get(text, args...)
		case len(args) == 0:
			return text
		}
		return fmt.Sprintf(text, args...)
	}
}

// Has tells whether a text is translated into a language; English needs none.
func (c *Catalog) Has(tag language.Tag, text string) bool {
	po := c.texts[tag]
	return po == nil && tag == language.English || po != nil && po.IsTranslated(text)
}
