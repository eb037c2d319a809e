package proxy

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what dashboards for the original look at.
type metrics struct {
	requests prometheus.Counter
	errors   prometheus.Counter
	duration prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounter(prometheus.CounterOpts{Name: "opencloud_proxy_requests_total", Help: "Requests."}),
		errors:   prometheus.NewCounter(prometheus.CounterOpts{Name: "opencloud_proxy_errors_total", Help: "Requests that were answered with 500 or more."}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "opencloud_proxy_duration_seconds", Help: "Time until the answer was sent.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.errors, m.duration} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(status int, took time.Duration) {
	m.requests.Inc()
	if status >= 500 {
		m.errors.Inc()
	}
	m.duration.Observe(took.Seconds())
}
