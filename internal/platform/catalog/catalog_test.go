package catalog_test

import (
	"testing"
	"testing/fstest"

	"golang.org/x/text/language"

	"opencloud/internal/platform/catalog"
)

func TestCatalog(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	c, err := catalog.Read(fstest.MapFS{"locale/de.po": file("msgid \"Hello %s\"\nmsgstr \"Hallo %s\"\n"), "locale/notes.txt": file("x")})
	if err != nil || len(c.Tags) != 2 || c.Tags[0] != language.English {
		t.Fatalf("%+v %v", c, err)
	}
	for tag, want := range map[language.Tag]string{language.German: "Hallo Ada", language.English: "Hello Ada", language.French: "Hello Ada"} {
		if got := c.In(tag)("Hello %s", "Ada"); got != want {
			t.Errorf("%s: %s", tag, got)
		}
	}
	if got := c.In(language.English)("100%"); got != "100%" {
		t.Errorf("%s", got)
	}
	if _, err := catalog.Read(fstest.MapFS{"locale/??.po": file("")}); err == nil {
		t.Error("a file of no language was read")
	}
}
