package main

import "sync"

// action is something that the service bills.
type action int

const (
	orchestrationStarted action = iota
	childStarted
	childResult
	activityScheduled
	activityResult
	timerScheduled
	timerFired
	eventsRaised
	suspended
	resumed
	terminated
	continuedAsNew
	kindsOfActions
)

var actionNames = [kindsOfActions]string{
	"orchestration_starts", "sub_orchestration_starts", "sub_orchestration_results", "activity_schedules",
	"activity_results", "timers_scheduled", "timers_fired", "events", "suspends", "resumes", "terminates",
	"continue_as_new",
}

// meter counts actions since the process began or the last reset, when they are committed or accepted,
// so that what is delivered again counts once. Two definitions are published and differ for timers: the
// billing page lists a timer's completion, the metrics page adds 1 for its scheduling. Whether
// continue-as-new counts is not published; each run is started by a message, so it does here.
type meter struct {
	lock   sync.Mutex
	counts [kindsOfActions]int64
}

func (m *meter) add(actions []action) {
	m.lock.Lock()
	defer m.lock.Unlock()
	for _, one := range actions {
		m.counts[one]++
	}
}

func (m *meter) reset() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.counts = [kindsOfActions]int64{}
}

func (m *meter) report() map[string]any {
	m.lock.Lock()
	defer m.lock.Unlock()
	kinds := map[string]int64{}
	var all int64
	for kind, count := range m.counts {
		kinds[actionNames[kind]] = count
		all += count
	}
	return map[string]any{
		"published": all - m.counts[timerScheduled],
		"metrics":   all,
		"kinds":     kinds,
		"since":     "start of the process or the last reset",
	}
}
