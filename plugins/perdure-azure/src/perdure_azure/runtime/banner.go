package main

import (
	"fmt"
	"strings"
)

// banner says plainly what this is, and what it is not.
func banner(s *server, at ports) string {
	var out strings.Builder
	fmt.Fprintf(&out, "dts-stand-in: perdure's local stand-in for Azure Durable Task Scheduler. This is not DTS.\n")
	fmt.Fprintf(&out, "  Workflow semantics from Microsoft's durabletask-go v0.6.0; front, store and limits are perdure's own.\n")
	fmt.Fprintf(&out, "  gRPC 127.0.0.1:%d, admin http://127.0.0.1:%d, task hubs: %s\n",
		at.GRPC, at.Admin, strings.Join(s.options.hubs, ", "))
	limit := "no limit of actions per second"
	if s.options.limits.actionsPerSecond > 0 {
		limit = fmt.Sprintf("%d actions per second", s.options.limits.actionsPerSecond)
	}
	fmt.Fprintf(&out, "  SKU %s, %s, round trip %s\n", s.options.sku, limit, s.options.roundTrip)
	fmt.Fprintf(&out, "  Not modelled: %s.\n", strings.Join(notModelledParts, "; "))
	return out.String()
}
