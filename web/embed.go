// Package web is the browser client as it is built into the server. Its sources, and how to work on them, are beside this file;
// `make build` puts the built client into dist. (spec/identity.md §12.1)
//
// What the server expects of the built client:
//   - dist/index.html serves every address of the application; addresses in it are relative, the server adds <base href="/">.
//   - __CSP_NONCE__ in index.html is replaced in every answer by the nonce that inline scripts need.
//   - <!-- __DATA__ --> in index.html is replaced by <script type="application/json"> elements: oc-config is config.json, oc-theme the theme.
//   - Names that change with the content (name-HASH.ext, name.HASH.ext) are kept by browsers for ever.
//   - name.br and name.gz beside a file are sent to those who take them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist returns the built client. Without index.html the server was built without one.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is valid
	}
	return sub
}
