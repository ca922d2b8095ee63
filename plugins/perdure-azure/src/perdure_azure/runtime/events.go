package main

import (
	"errors"
)

// Statuses of an instance, as the protocol numbers them.
const (
	statusRunning = iota
	statusCompleted
	statusContinuedAsNew
	statusFailed
	statusCanceled
	statusTerminated
	statusPending
	statusSuspended
)

func isFinished(status int64) bool {
	switch status {
	case statusCompleted, statusFailed, statusCanceled, statusTerminated:
		return true
	}
	return false
}

// Kinds of history events: their numbers in the oneof of HistoryEvent.
const (
	eventExecutionStarted    = 3
	eventExecutionCompleted  = 4
	eventExecutionTerminated = 5
	eventTaskScheduled       = 6
	eventTaskCompleted       = 7
	eventTaskFailed          = 8
	eventChildCompleted      = 10
	eventChildFailed         = 11
	eventTimerFired          = 13
	eventOrchestratorStarted = 14
	eventRaised              = 17
	eventExecutionSuspended  = 21
	eventExecutionResumed    = 22
)

// isOfOneRun reports whether an event answers what one run of an instance asked for, and so means
// nothing to the run that follows a continue-as-new.
func isOfOneRun(kind fieldNumber) bool {
	switch kind {
	case eventTaskCompleted, eventTaskFailed, eventChildCompleted, eventChildFailed, eventTimerFired:
		return true
	}
	return false
}

// eventKind finds which event a HistoryEvent is.
func eventKind(event []byte) (fieldNumber, error) {
	fields, err := parse(event)
	if err != nil {
		return 0, err
	}
	for _, one := range fields {
		if one.number > 2 {
			return one.number, nil
		}
	}
	return 0, errors.New("a history event without a kind")
}

func newEvent(kind fieldNumber, now int64, body *writer) []byte {
	const noID = -1
	return new(writer).number(1, noID).moment(2, &now).message(kind, body).data
}

// startOf describes a run that begins.
type startOf struct {
	name, instanceID, executionID string
	version, input                *string
	scheduled                     *int64
	parent                        []byte // ParentInstanceInfo
	trace                         []byte // TraceContext
	tags                          [][]byte
}

func (s startOf) event(now int64) []byte {
	instance := new(writer).text(1, s.instanceID).value(2, &s.executionID)
	body := new(writer).text(1, s.name).value(2, s.version).value(3, s.input).message(4, instance)
	if s.parent != nil {
		body.bytes(5, s.parent)
	}
	body.moment(6, s.scheduled)
	if s.trace != nil {
		body.bytes(7, s.trace)
	}
	for _, tag := range s.tags {
		body.bytes(9, tag)
	}
	return newEvent(eventExecutionStarted, now, body)
}

// tagFields are the tags as the fields of an OrchestrationState.
func (s startOf) tagFields() []byte {
	fields := new(writer)
	for _, tag := range s.tags {
		fields.bytes(15, tag)
	}
	return fields.data
}

// readStart is the inverse of event.
func readStart(event []byte) (startOf, error) {
	fields, err := parse(event)
	if err != nil {
		return startOf{}, err
	}
	body := fields.message(eventExecutionStarted)
	instance := body.message(4)
	start := startOf{
		name:       body.text(1),
		instanceID: instance.text(1),
		version:    body.value(2),
		input:      body.value(3),
		scheduled:  body.moment(6),
		tags:       body.each(9),
	}
	if executionID := instance.value(2); executionID != nil {
		start.executionID = *executionID
	}
	if parent, found := body.last(5); found {
		start.parent = parent.bytes
	}
	if trace, found := body.last(7); found {
		start.trace = trace.bytes
	}
	return start, nil
}

func raisedEvent(name string, data *string, now int64) []byte {
	return newEvent(eventRaised, now, new(writer).text(1, name).value(2, data))
}

func terminatedEvent(output *string, recurse bool, now int64) []byte {
	return newEvent(eventExecutionTerminated, now, new(writer).value(1, output).flag(2, recurse))
}

// suspensionEvent suspends or resumes, as kind says.
func suspensionEvent(kind fieldNumber, reason *string, now int64) []byte {
	return newEvent(kind, now, new(writer).value(1, reason))
}

func childFailedEvent(taskID int64, kind, text string, now int64) []byte {
	failure := new(writer).text(1, kind).text(2, text)
	return newEvent(eventChildFailed, now, new(writer).number(1, taskID).message(2, failure))
}
