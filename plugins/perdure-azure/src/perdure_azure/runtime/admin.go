package main

import (
	"encoding/json"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// notModelled is what a program must not expect of the stand-in.
var notModelledParts = []string{
	"entities (durable entities, signals, locks)",
	"rewind",
	"skipping graceful terminations",
	"history streaming to workers, partial orchestrator responses",
	"the service's latency, throughput and behaviour at its limits",
	"Microsoft Entra ID, role assignments, private endpoints, the dashboard, metrics in Azure Monitor",
	"high availability and geo-failover",
}

func adminHandler(s *server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		if !s.serving.Load() {
			http.Error(w, "not serving", http.StatusServiceUnavailable)
			return
		}
		reply(w, map[string]any{"healthy": true})
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.status()) })
	mux.HandleFunc("GET /actions", s.withHub(func(w http.ResponseWriter, h *hub) { reply(w, h.meter.report()) }))
	mux.HandleFunc("POST /actions/reset", s.withHub(func(w http.ResponseWriter, h *hub) {
		h.meter.reset()
		reply(w, h.meter.report())
	}))
	mux.HandleFunc("GET /calls", s.withHub(func(w http.ResponseWriter, h *hub) { reply(w, h.calls.report()) }))
	return onlyLocal(mux)
}

// onlyLocal refuses what a page in a browser could send after its name was pointed at this machine.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		switch host {
		case "127.0.0.1", "localhost", "::1", "[::1]":
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "the Host header must name this machine's loopback address", http.StatusForbidden)
		}
	})
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the client may be gone
}

func (s *server) withHub(do func(http.ResponseWriter, *hub)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("hub")
		for _, one := range s.hubs.all() {
			if one.name == name {
				do(w, one)
				return
			}
		}
		http.Error(w, "Task hub not found: "+name, http.StatusNotFound)
	}
}

func (s *server) status() map[string]any {
	found := map[string]any{}
	for _, one := range s.hubs.all() {
		found[one.name] = one.report()
	}
	units := s.options.units
	if s.options.sku == consumption {
		units = 0
	}
	return map[string]any{
		"what":               "perdure's local stand-in for Azure Durable Task Scheduler (DTS); it is not DTS",
		"versions":           versions(),
		"sku":                s.options.sku,
		"units":              units,
		"actions_per_second": s.options.limits.actionsPerSecond,
		"retention_seconds":  int64(s.options.limits.retention / time.Second),
		"payload_bytes":      maxPayloadBytes,
		"round_trip_ms":      float64(s.options.roundTrip) / float64(time.Millisecond),
		"tls":                s.options.tlsCert != "",
		"tokens":             s.tokens != nil,
		"hubs":               found,
		"dynamic_hubs":       s.options.dynamicHubs,
		"not_modelled":       notModelledParts,
	}
}

// report counts what a hub has at this moment.
func (h *hub) report() map[string]any {
	h.lock.Lock()
	defer h.lock.Unlock()
	return map[string]any{
		"workers":    len(h.dispatcher.streams),
		"instances":  len(h.live),
		"dispatched": len(h.dispatcher.dispatches),
	}
}

func versions() map[string]string {
	found := map[string]string{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			switch module.Path {
			case "github.com/microsoft/durabletask-go", "google.golang.org/grpc", "modernc.org/sqlite":
				found[module.Path] = module.Version
			}
		}
	}
	return found
}
