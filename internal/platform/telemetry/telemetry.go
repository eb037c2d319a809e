// Package telemetry sends traces to an OpenTelemetry collector, when one is configured. Without, nothing of it runs.
package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"opencloud/internal/platform/httpd"
)

// Config of tracing.
type Config struct {
	Enabled  bool   `yaml:"enabled" env:"OC_TRACING_ENABLED" global:"tracing.enabled" default:"false" doc:"Send traces by OTLP over HTTP."`
	Endpoint string `yaml:"endpoint" env:"OC_TRACING_ENDPOINT;OTEL_EXPORTER_OTLP_ENDPOINT;OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" global:"tracing.endpoint" doc:"Collector, e.g. http://localhost:4318. The OTEL_ variables alone switch tracing on."`
}

// Tracer makes spans; nil makes none.
type Tracer struct {
	provider *trace.TracerProvider
	tracer   oteltrace.Tracer
	wire     propagation.TraceContext
}

// New returns a tracer, or nil when tracing is not configured.
func New(ctx context.Context, c Config, lookup func(string) (string, bool), version string) (*Tracer, error) {
	_, otel := lookup("OTEL_EXPORTER_OTLP_ENDPOINT")
	_, traces := lookup("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if !c.Enabled && !otel && !traces || c.Endpoint == "" {
		return nil, nil
	}
	endpoint := c.Endpoint
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	if !traces && !strings.HasSuffix(endpoint, "/v1/traces") {
		endpoint = strings.TrimRight(endpoint, "/") + "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	p := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "opencloud"), attribute.String("service.version", version))))
	return &Tracer{provider: p, tracer: p.Tracer("opencloud")}, nil
}

// Close sends what has been gathered.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// HTTP gives every request of a service a span. Paths are not recorded: they hold people's file names.
func (t *Tracer) HTTP(service string, h http.Handler) http.Handler {
	if t == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.wire.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, service+" "+r.Method, oteltrace.WithSpanKind(oteltrace.SpanKindServer),
			oteltrace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("service", service)))
		defer span.End()
		t.wire.Inject(ctx, propagation.HeaderCarrier(r.Header))
		rec := &httpd.Recorder{ResponseWriter: w}
		h.ServeHTTP(rec, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", rec.Code()))
		if rec.Code() >= 500 {
			span.SetStatus(codes.Error, http.StatusText(rec.Code()))
		}
	})
}
