package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/token"
)

// tokenTTL is how long a service in another process may act on a request: some of them take hours.
const tokenTTL = 24 * time.Hour

// ErrNoService tells that a service does not run anywhere.
var ErrNoService = errors.New("service is not running")

// forward hands a request to the service of its route: by a call in the same process, else over HTTP.
func (p *proxy) forward(w http.ResponseWriter, r *http.Request, t *target, a identity.Actor) {
	known := a.Kind != identity.Anonymous
	removeHeader(r.Header, token.Header) // nobody but us says who somebody is
	if t.RemoteUserHeader != "" {
		removeHeader(r.Header, t.RemoteUserHeader)
	}
	for _, more := range t.AdditionalHeaders {
		for k := range more {
			removeHeader(r.Header, k)
		}
	}
	if n := t.maxBody; n > 0 {
		if r.ContentLength > n {
			drain(w, r)
			plain(w, http.StatusRequestEntityTooLarge, "The request is too large.\n")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, n)
	}
	if !t.Unprotected {
		r.Header.Del("Authorization")
	}
	if t.backend == nil {
		if h := p.local[t.Service]; h != nil {
			for _, more := range t.AdditionalHeaders {
				for k, v := range more {
					r.Header.Set(k, v)
				}
			}
			if known {
				r = r.WithContext(identity.WithActor(r.Context(), a))
			}
			h.ServeHTTP(w, r)
			return
		}
	}
	p.remote(w, r, t, a)
}

// removeHeader takes a header out, also where an underscore stands for a hyphen: many programs take both for the same.
func removeHeader(h http.Header, name string) {
	h.Del(name)
	for k := range h {
		if len(k) == len(name) && strings.EqualFold(strings.ReplaceAll(k, "_", "-"), strings.ReplaceAll(name, "_", "-")) {
			delete(h, k)
		}
	}
}

// remote passes a request on over HTTP, streaming both ways.
func (p *proxy) remote(w http.ResponseWriter, r *http.Request, t *target, a identity.Actor) {
	to := t.backend
	if to == nil {
		var err error
		if to, err = p.locate(r.Context(), t.Service); err != nil {
			p.unavailable(w, r, t, err)
			return
		}
	}
	access := ""
	if a.Kind != identity.Anonymous && !t.SkipXAccessToken {
		var err error
		if access, err = p.tokens.Mint(a, tokenTTL); err != nil {
			p.log.ErrorContext(r.Context(), "no access token", "err", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
	}
	// Without this the server closes the request's body when the answer begins. A backend answers as soon as it has the whole
	// body, and a transport that still looks whether there is more of it would break the connection, and the answer with it.
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 has it anyway
	rp := httputil.ReverseProxy{
		Transport:     p.transport,
		FlushInterval: -1, // pass everything on at once
		BufferPool:    p.buffers,
		ErrorLog:      p.quiet,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL.RawQuery = pr.In.URL.RawQuery // as the client wrote it
			pr.SetURL(to)
			if !t.ApacheVHost {
				pr.Out.Host = pr.In.Host
			}
			p.forwardedHeaders(pr)
			// Set here, where the client's Connection header can no longer have them taken out.
			for _, more := range t.AdditionalHeaders {
				for k, v := range more {
					pr.Out.Header.Set(k, v)
				}
			}
			for _, name := range []string{"X-Real-Ip", "X-Request-Id"} {
				if v := r.Header.Get(name); v != "" {
					pr.Out.Header.Set(name, v)
				}
			}
			if access != "" {
				pr.Out.Header.Set(token.Header, access)
			}
			if t.RemoteUserHeader != "" && a.Kind != identity.Anonymous {
				pr.Out.Header.Set(t.RemoteUserHeader, a.User.Username)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				p.log.WarnContext(r.Context(), "backend does not answer", "service", t.Service, "backend", to.Host, "err", withoutURL(err))
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	rp.ServeHTTP(w, r)
}

// forwardedHeaders tells the backend where the request came from. What the client says about that counts only if it is a
// proxy we trust.
func (p *proxy) forwardedHeaders(pr *httputil.ProxyRequest) {
	if p.trusted.has(peer(pr.In)) {
		pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	}
	pr.SetXForwarded()
	if pr.In.Header.Get("X-Forwarded-Proto") == "https" && p.trusted.has(peer(pr.In)) {
		pr.Out.Header.Set("X-Forwarded-Proto", "https")
	}
}

func (p *proxy) locate(ctx context.Context, service string) (*url.URL, error) {
	if p.resolve == nil {
		return nil, ErrNoService
	}
	return p.resolve(ctx, service)
}

// unavailable answers for a service that does not run. Never with 404 for files: a client could take them for deleted.
func (p *proxy) unavailable(w http.ResponseWriter, r *http.Request, t *target, err error) {
	if t.absent != 0 && errors.Is(err, ErrNoService) {
		p.notFound(w, r)
		return
	}
	p.log.WarnContext(r.Context(), "no backend for a request", "service", t.Service, "err", err)
	w.Header().Set("Retry-After", "10")
	plain(w, http.StatusServiceUnavailable, "The service "+t.Service+" is not running.\n")
}

func (p *proxy) notFound(w http.ResponseWriter, r *http.Request) {
	text := "There is nothing at this address.\n"
	if r.URL.Path == "/" {
		text = "This OpenCloud server is running, without a web client.\n\n" +
			"WebDAV clients connect to " + p.cfg.PublicURL + "/dav/files/<user name>\nState of the server: " + p.cfg.PublicURL + "/status.php\n"
	}
	plain(w, http.StatusNotFound, text)
}

// withoutURL leaves the address out of a transport's error: it may hold signatures.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// newTransport returns the client side of the proxy.
func newTransport(cfg Config) (*http.Transport, error) {
	tc := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.InsecureBackends}
	if cfg.BackendCACert != "" {
		tc.RootCAs = x509.NewCertPool()
		if err := addCertificates(tc.RootCAs, cfg.BackendCACert); err != nil {
			return nil, fmt.Errorf("certificates of backends: %w", err)
		}
	}
	d := &net.Dialer{Timeout: cfg.Transport.DialTimeout, KeepAlive: cfg.Transport.DialKeepAlive}
	return &http.Transport{
		DialContext: d.DialContext, TLSClientConfig: tc, ForceAttemptHTTP2: cfg.Transport.ForceAttemptHTTP2,
		MaxIdleConns: cfg.Transport.MaxIdleConns, MaxIdleConnsPerHost: cfg.Transport.MaxIdleConnsPerHost,
		IdleConnTimeout: cfg.Transport.IdleConnTimeout, TLSHandshakeTimeout: cfg.Transport.TLSHandshakeTimeout,
		ExpectContinueTimeout: cfg.Transport.ExpectContinueTimeout, DisableCompression: true,
	}, nil
}

func addCertificates(pool *x509.CertPool, file string) error {
	pem, err := os.ReadFile(file)
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = fmt.Errorf("no certificate in %s", file)
	}
	return err
}

// buffers lends the memory for copying bodies.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}}
}

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// discard is a log for what is reported elsewhere.
func discard() *log.Logger { return log.New(nowhere{}, "", 0) }

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
