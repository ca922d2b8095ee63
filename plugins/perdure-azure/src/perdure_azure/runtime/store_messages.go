package main

import "fmt"

// deliver hands over what a turn sends to others. What nobody waits for any more is dropped, not kept.
func (tx *transaction) deliver(item *orchestrationItem, one message, now int64) error {
	target := one.instanceID
	if one.kind == eventExecutionTerminated {
		return tx.terminate(target, one.event, now)
	}
	if one.answersParent {
		return tx.answerParent(item.instanceID, one, now)
	}
	sent, err := tx.send(target, one.kind, now, one.event)
	if sent {
		tx.count(eventsRaised, 1)
	}
	return err
}

// answerParent hands a child's result to the run that asked for it, and to no later one.
func (tx *transaction) answerParent(childID string, one message, now int64) error {
	found, child, err := tx.identify(childID)
	if err != nil || !found {
		return err
	}
	found, parent, err := tx.identify(one.instanceID)
	if err != nil || !found || isFinished(parent.status) || parent.executionID != child.parentRunID {
		return err
	}
	return tx.insertMessage(one.instanceID, one.kind, now, one.event)
}

// startChild begins a sub-orchestration. If its id is taken the parent is told so, as a failure of the
// child; the library's store fails to commit the parent's turn instead, again and again. A finished
// child is replaced if it was the same parent's (ids that SDKs make up begin anew after a
// continue-as-new) or if it failed (a retry keeps its id).
func (tx *transaction) startChild(item *orchestrationItem, one child, now int64) error {
	id := one.start.instanceID
	if problem := instanceIDProblem(id); problem != "" {
		return tx.refuseChild(item, one, "InvalidInstanceId", problem, now)
	}
	found, is, err := tx.identify(id)
	if err != nil {
		return err
	}
	if found {
		sameParent := is.parent == item.instanceID
		if !isFinished(is.status) || !(sameParent || is.status == statusFailed) {
			text := fmt.Sprintf("an orchestration instance with the ID '%s' exists already", id)
			return tx.refuseChild(item, one, "OrchestrationAlreadyExists", text, now)
		}
		if err := tx.deleteInstance(id); err != nil {
			return err
		}
	}
	tx.count(childStarted, 1)
	return tx.insertInstance(one.start, now, parentRun{&item.instanceID, &item.executionID})
}

func (tx *transaction) refuseChild(item *orchestrationItem, one child, kind, text string, now int64) error {
	return tx.insertMessage(item.instanceID, eventChildFailed, now, childFailedEvent(one.taskID, kind, text, now))
}

// countDelivered counts the answers that a turn has taken in. Starts, events and the like are counted
// when they are accepted.
func (tx *transaction) countDelivered(item *orchestrationItem) {
	for _, kind := range item.kinds {
		switch kind {
		case eventTaskCompleted, eventTaskFailed:
			tx.count(activityResult, 1)
		case eventChildCompleted, eventChildFailed:
			tx.count(childResult, 1)
		case eventTimerFired:
			tx.count(timerFired, 1)
		}
	}
}

func (tx *transaction) count(what action, times int) {
	for range times {
		tx.effects.actions = append(tx.effects.actions, what)
	}
}
