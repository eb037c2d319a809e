// Package ocs hands people the key with which browsers sign addresses. (spec/storage.md §9.2, §12)
//
// Keys are not kept: they are derived from the secret, the user and the day, and are good for signing that day and the next.
package ocs

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/platform/config"
	"opencloud/internal/platform/service"
	"opencloud/internal/signedurl"
	"opencloud/internal/webdav"
)

// Config of the service.
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9110"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9114"`
	Log   config.Log   `yaml:"log"`

	Secret string `yaml:"url_signing_secret" env:"OC_URL_SIGNING_SECRET" global:"url_signing_secret" secret:"true" required:"true" doc:"People's signing keys are derived from it."`
}

// New returns the service's parts.
func New(_ context.Context, cfg Config) (service.Parts, error) {
	signer, err := signedurl.New([]byte(cfg.Secret))
	if err != nil {
		return service.Parts{}, err
	}
	return service.Parts{HTTP: handler{signer}}, nil
}

type handler struct{ signer *signedurl.Signer }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	v2 := path == "/ocs/v2.php/cloud/user/signing-key"
	if !v2 && path != "/ocs/v1.php/cloud/user/signing-key" || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	a := identity.ActorFrom(r.Context())
	status, code, text, message := http.StatusOK, 100, "ok", "OK"
	if v2 {
		code = 200
	}
	var data map[string]string
	if a.Kind == identity.Person {
		data = map[string]string{"user": a.User.ID, "signing-key": h.signer.Key(a.User.ID)}
	} else {
		status, code, text, message = http.StatusUnauthorized, 997, "error", "Unauthorised"
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"ocs": map[string]any{"meta": map[string]any{"status": text, "statuscode": code, "message": message}, "data": data}})
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + "<ocs><meta><status>" + text + "</status><statuscode>" + itoa(code) + "</statuscode><message>" + message + "</message></meta><data>")
	if data != nil {
		x.Raw("<user>")
		x.Text(data["user"])
		x.Raw("</user><signing-key>" + data["signing-key"] + "</signing-key>")
	}
	x.Raw("</data></ocs>")
	_ = x.Flush()
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}
