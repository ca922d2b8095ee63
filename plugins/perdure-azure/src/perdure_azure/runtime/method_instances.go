package main

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func notFound(id string) error {
	return status.Errorf(codes.NotFound, "no orchestration instance with the ID '%s' was found", id)
}

func startInstance(c *call) (*writer, error) {
	start := startOf{
		name: c.request.text(2), instanceID: c.request.text(1), executionID: text(c.request.value(7)),
		version: c.request.value(3), input: c.request.value(4), scheduled: c.request.moment(5),
		tags: c.request.each(8),
	}
	if trace, found := c.request.last(9); found {
		start.trace = trace.bytes
	}
	if start.instanceID == "" {
		start.instanceID = uuid.NewString()
	}
	if start.executionID == "" {
		start.executionID = uuid.NewString()
	}
	if start.name == "" {
		return nil, invalid("the request names no orchestrator")
	}
	if err := checkInstanceID(start.instanceID); err != nil {
		return nil, err
	}
	if err := checkPayload("orchestrator input", start.input); err != nil {
		return nil, err
	}
	if err := checkTags(start.tags); err != nil {
		return nil, err
	}
	if err := c.pay(); err != nil {
		return nil, err
	}
	replaceable := c.request.message(6).numbers(1)
	err := c.hub.change(func(tx *transaction, now int64) error {
		found, is, err := tx.identify(start.instanceID)
		if err != nil {
			return err
		}
		if found && !slices.Contains(replaceable, is.status) {
			return status.Errorf(codes.AlreadyExists, "an orchestration instance with the ID '%s' exists already", start.instanceID)
		}
		return tx.begin(start, now, found)
	})
	return new(writer).text(1, start.instanceID), err
}

// begin starts an instance, in place of one that has its id if there is one.
func (tx *transaction) begin(start startOf, now int64, replaces bool) error {
	if replaces {
		if err := tx.deleteInstance(start.instanceID); err != nil {
			return err
		}
	}
	tx.count(orchestrationStarted, 1)
	return tx.insertInstance(start, now, parentRun{})
}

// restartInstance starts a finished instance again with what it was last started with.
func restartInstance(c *call) (*writer, error) {
	id, newID := c.request.text(1), c.request.text(1)
	if c.request.flag(2) {
		newID = uuid.NewString()
	}
	if err := c.pay(); err != nil {
		return nil, err
	}
	err := c.hub.change(func(tx *transaction, now int64) error {
		found, is, err := tx.identify(id)
		if err != nil {
			return err
		}
		if !found {
			return notFound(id)
		}
		if !isFinished(is.status) {
			return status.Errorf(codes.FailedPrecondition, "the orchestration instance '%s' has not finished, so it cannot be restarted", id)
		}
		var event []byte
		if err := tx.QueryRow("SELECT StartEvent FROM Starts WHERE InstanceID = ?", id).Scan(&event); err != nil {
			return err
		}
		start, err := readStart(event)
		if err != nil {
			return err
		}
		start.instanceID, start.executionID = newID, uuid.NewString()
		start.parent, start.scheduled = nil, nil
		return tx.begin(start, now, newID == id)
	})
	return new(writer).text(1, newID), err
}

// tell puts a client's message into an instance's mailbox. An instance that has finished drops it.
func tell(c *call, kind fieldNumber, what action, event func(now int64) []byte) (*writer, error) {
	id := c.request.text(1)
	if err := c.pay(); err != nil {
		return nil, err
	}
	return new(writer), c.hub.change(func(tx *transaction, now int64) error {
		found, _, err := tx.identify(id)
		if err != nil {
			return err
		}
		if !found {
			return notFound(id)
		}
		if kind == eventExecutionTerminated {
			return tx.terminate(id, event(now), now)
		}
		sent, err := tx.send(id, kind, now, event(now))
		if sent {
			tx.count(what, 1)
		}
		return err
	})
}

func raiseEvent(c *call) (*writer, error) {
	data := c.request.value(3)
	if c.request.text(2) == "" {
		return nil, invalid("the request names no event")
	}
	if err := checkPayload(fmt.Sprintf("data of event '%s'", c.request.text(2)), data); err != nil {
		return nil, err
	}
	return tell(c, eventRaised, eventsRaised, func(now int64) []byte {
		return raisedEvent(c.request.text(2), data, now)
	})
}

func suspendInstance(c *call) (*writer, error) {
	return tell(c, eventExecutionSuspended, suspended, func(now int64) []byte {
		return suspensionEvent(eventExecutionSuspended, c.request.value(2), now)
	})
}

func resumeInstance(c *call) (*writer, error) {
	return tell(c, eventExecutionResumed, resumed, func(now int64) []byte {
		return suspensionEvent(eventExecutionResumed, c.request.value(2), now)
	})
}

func terminateInstance(c *call) (*writer, error) {
	output := c.request.value(2)
	if err := checkPayload("terminate output", output); err != nil {
		return nil, err
	}
	return tell(c, eventExecutionTerminated, terminated, func(now int64) []byte {
		return terminatedEvent(output, c.request.flag(3), now)
	})
}
