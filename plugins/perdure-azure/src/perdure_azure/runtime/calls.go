package main

import "sync"

// callMeter counts what crosses the wire of a hub since the process began: calls by method when they are
// let in, answered well or not, and what was sent to workers over their streams. A call travels one round
// trip, what is sent to a worker half of one.
type callMeter struct {
	lock  sync.Mutex
	calls map[string]int64
	items [workKinds]int64
	pings int64
}

func (m *callMeter) called(method string) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.calls == nil {
		m.calls = map[string]int64{}
	}
	m.calls[method]++
}

func (m *callMeter) sentItem(kind workKind) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.items[kind]++
}

func (m *callMeter) sentPing() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.pings++
}

func (m *callMeter) report() map[string]any {
	m.lock.Lock()
	defer m.lock.Unlock()
	calls := map[string]int64{}
	for method, count := range m.calls {
		calls[method] = count
	}
	return map[string]any{
		"calls": calls,
		"sent": map[string]int64{
			"orchestrations": m.items[orchestrations],
			"activities":     m.items[activities],
			"pings":          m.pings,
		},
		"since": "start of the process",
	}
}
