package bearer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	maxAnswer   = 1 << 20 // bytes
	maxKeys     = 100
	failureFor  = 2 * time.Second // a failure is remembered, so that a dead issuer does not hold every request up
	askedAtMost = 10 * time.Second
	maxCalls    = 32   // questions to the issuer at a time
	minRSA      = 2048 // bits
	maxRSA      = 8192 // bits: a check with a larger key costs too much
)

// remote is the issuer, as far as it was asked.
type remote struct {
	issuer string
	http   *http.Client
	opts   KeyOptions
	flight singleflight.Group
	calls  chan struct{}
	now    func() time.Time

	mu     sync.Mutex
	about  document
	set    []jose.JSONWebKey
	at     time.Time // when the keys were fetched
	looked time.Time // when that was because of a key that was not there
	failed time.Time
	err    error
}

// document is what we need of the discovery document.
type document struct {
	Issuer        string `json:"issuer"`
	JWKS          string `json:"jwks_uri"`
	Userinfo      string `json:"userinfo_endpoint"`
	Introspection string `json:"introspection_endpoint"`
}

func newRemote(issuer string, client *http.Client, o KeyOptions, now func() time.Time) *remote {
	if o.Refresh <= 0 {
		o.Refresh = time.Hour
	}
	if o.Timeout <= 0 {
		o.Timeout = askedAtMost
	}
	if o.Between <= 0 {
		o.Between = time.Minute
	}
	c := *client
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		// A token or our secret goes to no other place than the document named, and nothing leaves encryption.
		if len(via) > 3 || via[0].Header.Get("Authorization") != "" || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &remote{issuer: issuer, http: &c, opts: o, calls: make(chan struct{}, maxCalls), now: now}
}

// keys returns the issuer's keys, fetched anew when one of this id is not among them.
func (r *remote) keys(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	r.mu.Lock()
	set, age := r.set, r.now().Sub(r.at)
	r.mu.Unlock()
	has := id == ""
	for _, k := range set {
		has = has || k.KeyID == id
	}
	if set != nil && age < r.opts.Refresh && (has || r.opts.KnownOnly || !r.mayLook()) {
		return set, nil
	}
	fresh, err := r.fetch(ctx)
	if err != nil && set != nil && has {
		return set, nil // the keys we know go on to be good while the issuer is away
	}
	return fresh, err
}

// mayLook tells whether it is time to look for an unknown key, and notes that it is done.
func (r *remote) mayLook() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.looked.IsZero() && now.Sub(r.looked) < r.opts.Between {
		return false
	}
	r.looked = now
	return true
}

// fetch asks the issuer, once for all who wait.
func (r *remote) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	r.mu.Lock()
	if r.err != nil && r.now().Sub(r.failed) < failureFor {
		defer r.mu.Unlock()
		return nil, r.err
	}
	r.mu.Unlock()
	done := r.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.Timeout)
		defer cancel()
		about, set, err := r.ask(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.err, r.failed = fmt.Errorf("identity provider %s: %w", r.issuer, err), r.now()
			return nil, r.err
		}
		r.about, r.set, r.at, r.err = about, set, r.now(), nil
		return nil, nil
	})
	select {
	case res := <-done:
		if res.Err != nil {
			return nil, res.Err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set, nil
}

func (r *remote) ask(ctx context.Context) (document, []jose.JSONWebKey, error) {
	var about document
	if err := r.get(ctx, strings.TrimRight(r.issuer, "/")+"/.well-known/openid-configuration", "", &about); err != nil {
		return about, nil, err
	}
	if about.Issuer != r.issuer {
		return about, nil, fmt.Errorf("it calls itself %q", about.Issuer)
	}
	for _, address := range []string{about.JWKS, about.Userinfo, about.Introspection} {
		if strings.HasPrefix(r.issuer, "https://") && address != "" && !strings.HasPrefix(address, "https://") {
			return about, nil, errors.New("it names an address without encryption")
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := r.get(ctx, about.JWKS, "", &set); err != nil {
		return about, nil, err
	}
	if len(set.Keys) > maxKeys {
		return about, nil, fmt.Errorf("it has %d keys", len(set.Keys))
	}
	keys := []jose.JSONWebKey{}
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && k.Valid() && usable(k) { // keys of kinds we do not know are not for us
			keys = append(keys, k)
		}
	}
	return about, keys, nil
}

// usable tells whether signatures are checked with a key.
func usable(k jose.JSONWebKey) bool {
	if key, ok := k.Key.(*rsa.PublicKey); ok && (key.N.BitLen() < minRSA || key.N.BitLen() > maxRSA) {
		return false
	}
	return k.IsPublic() && (k.Use == "" || k.Use == "sig")
}

func (r *remote) discovered(ctx context.Context) (document, error) {
	r.mu.Lock()
	about := r.about
	r.mu.Unlock()
	if about.Issuer != "" {
		return about, nil
	}
	if _, err := r.fetch(ctx); err != nil {
		return about, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.about, nil
}

// errRefused is an answer that says no.
var errRefused = errors.New("refused")

func (r *remote) get(ctx context.Context, address, token string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return r.do(req, out)
}

func (r *remote) do(req *http.Request, out any) error {
	select {
	case r.calls <- struct{}{}:
		defer func() { <-r.calls }()
	case <-req.Context().Done():
		return req.Context().Err()
	}
	req.Header.Set("Accept", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %s", errRefused, resp.Status)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", req.URL.Path, resp.Status)
	case len(raw) > maxAnswer:
		return fmt.Errorf("%s answers too much", req.URL.Path)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if err := d.Decode(out); err != nil {
		return fmt.Errorf("%s: %w", req.URL.Path, err)
	}
	return nil
}

// userinfo asks what the issuer knows of the person of a token.
func (r *remote) userinfo(ctx context.Context, token string) (map[string]any, error) {
	about, err := r.discovered(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askedAtMost)
	defer cancel()
	var out map[string]any
	err = r.get(ctx, about.Userinfo, token, &out)
	if errors.Is(err, errRefused) {
		return nil, refused("userinfo refuses it")
	}
	return out, err
}

// introspect asks the issuer about a token. (RFC 7662)
func (r *remote) introspect(ctx context.Context, token, id, secret string) (map[string]any, error) {
	about, err := r.discovered(ctx)
	if err != nil {
		return nil, err
	}
	if about.Introspection == "" {
		return nil, fmt.Errorf("identity provider %s has no introspection", r.issuer)
	}
	ctx, cancel := context.WithTimeout(ctx, askedAtMost)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, about.Introspection, strings.NewReader(url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	var out map[string]any
	if err := r.do(req, &out); err != nil {
		return nil, fmt.Errorf("introspection: %w", err)
	}
	if exp, ok := moment(out["exp"]); ok && !r.now().Before(exp) {
		return nil, refused("expired")
	}
	if iss, ok := out["iss"]; ok && iss != r.issuer {
		return nil, refused("another issuer")
	}
	if out["active"] != true {
		return nil, refused("the issuer says it is not active")
	}
	return out, nil
}
