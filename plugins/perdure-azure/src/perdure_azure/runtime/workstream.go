package main

import (
	"math"
	"time"
)

// workStream is one worker's open GetWorkItems call.
type workStream struct {
	limits, busy [workKinds]int
	filters      *workFilters
	held         map[string]*dispatch
	outbox       []outgoingItem // guarded by the hub's lock, as all of this
	filled       chan struct{}
	closed       chan struct{} // by the hub: it was deleted, or the process ends
}

type outgoingItem struct {
	dispatch *dispatch
	since    time.Time
}

// workFilters list what a worker takes: versions by name, none of them meaning all. A worker that sends
// filters without a name for a kind takes nothing of that kind.
type workFilters [workKinds]map[string][]string

func newWorkStream(request record) *workStream {
	stream := &workStream{held: map[string]*dispatch{}, filled: make(chan struct{}, 1), closed: make(chan struct{})}
	for kind := range workKinds {
		if stream.limits[kind] = int(request.number(1 + fieldNumber(kind))); stream.limits[kind] <= 0 {
			stream.limits[kind] = math.MaxInt32
		}
	}
	if request.has(11) {
		stream.filters = readFilters(request.message(11))
	}
	return stream
}

func readFilters(sent record) *workFilters {
	filters := &workFilters{}
	for kind := range workKinds {
		filters[kind] = map[string][]string{}
		for _, one := range sent.each(1 + fieldNumber(kind)) {
			listed, err := parse(one)
			if err != nil {
				continue
			}
			versions := filters[kind][listed.text(1)]
			for _, version := range listed.each(2) {
				versions = append(versions, string(version))
			}
			filters[kind][listed.text(1)] = versions
		}
	}
	return filters
}

func (s *workStream) accepts(name queueName) bool {
	if s.filters == nil {
		return true
	}
	versions, listed := s.filters[name.kind][name.name]
	if !listed || len(versions) == 0 {
		return listed
	}
	for _, version := range versions {
		if version == name.version {
			return true
		}
	}
	return false
}

func (s *workStream) put(one *dispatch) {
	s.outbox = append(s.outbox, outgoingItem{one, time.Now()})
	notify(s.filled)
}

func notify(waiting chan struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}
