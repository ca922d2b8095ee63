package main

import (
	"database/sql"
	"errors"
)

const maxMessagesInTurn = 1000

// orchestrationItem is one turn of a workflow to be taken: its history, and what is new.
type orchestrationItem struct {
	instanceID, executionID string
	start                   startOf
	startEvent              []byte
	status, historyLength   int64
	past, events            [][]byte
	kinds                   []fieldNumber
	numbers                 []int64
	more                    bool
}

// loadTurn reads what a worker needs for an instance's next turn; nil if there is nothing to do.
func (s *store) loadTurn(instanceID string, now int64) (*orchestrationItem, error) {
	tx, err := s.reads.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	item := &orchestrationItem{instanceID: instanceID}
	var completed sql.NullInt64
	err = tx.QueryRow(`SELECT I.ExecutionID, I.Status, I.HistoryLength, I.CompletedTime, S.StartEvent
		FROM Instances I JOIN Starts S USING (InstanceID) WHERE InstanceID = ?`, instanceID).
		Scan(&item.executionID, &item.status, &item.historyLength, &completed, &item.startEvent)
	if errors.Is(err, sql.ErrNoRows) || completed.Valid {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if item.start, err = readStart(item.startEvent); err != nil {
		return nil, err
	}
	// Sorted here: rows that an UPDATE returns come in no promised order, and events must be FIFO.
	err = query(tx, item.addMessage, `SELECT SequenceNumber, Kind, EventPayload FROM NewEvents
		WHERE InstanceID = ? AND VisibleTime <= ? ORDER BY VisibleTime, SequenceNumber LIMIT ?`,
		instanceID, now, maxMessagesInTurn+1)
	if err != nil || len(item.events) == 0 {
		return nil, err
	}
	if item.more = len(item.events) > maxMessagesInTurn; item.more {
		item.events, item.kinds, item.numbers = item.events[:maxMessagesInTurn],
			item.kinds[:maxMessagesInTurn], item.numbers[:maxMessagesInTurn]
	}
	began := newEvent(eventOrchestratorStarted, now, new(writer))
	item.events = append([][]byte{began}, item.events...)
	item.past, err = readHistory(tx, instanceID, item.historyLength)
	return item, err
}

func (item *orchestrationItem) addMessage(rows *sql.Rows) error {
	var number, kind int64
	var event []byte
	if err := rows.Scan(&number, &kind, &event); err != nil {
		return err
	}
	item.numbers = append(item.numbers, number)
	item.kinds = append(item.kinds, fieldNumber(kind))
	item.events = append(item.events, event)
	return nil
}

// commitTurn stores what a workflow has answered. Whoever holds the turn has made sure that the
// instance is still the one that was dispatched.
func (tx *transaction) commitTurn(item *orchestrationItem, turn *turn, now int64) error {
	tx.countDelivered(item)
	if err := tx.deleteMessages(item.numbers); err != nil {
		return err
	}
	if turn.completion != nil || statusAfter(item) != item.status {
		tx.effects.changed = append(tx.effects.changed, item.instanceID)
	}
	for _, one := range turn.messages {
		if err := tx.deliver(item, one, now); err != nil {
			return err
		}
	}
	for _, one := range turn.children {
		if err := tx.startChild(item, one, now); err != nil {
			return err
		}
	}
	if turn.customStatus != nil {
		if _, err := tx.Exec("UPDATE Instances SET CustomStatus = ? WHERE InstanceID = ?", turn.customStatus, item.instanceID); err != nil {
			return err
		}
	}
	if turn.continuation != nil && turn.completion == nil {
		return tx.continueAsNew(item, turn.continuation, now)
	}
	if err := tx.appendHistory(item.instanceID, item.historyLength, turn.history); err != nil {
		return err
	}
	for _, task := range turn.tasks {
		if err := tx.insertTask(item.instanceID, item.executionID, task.name, task.version, task.event); err != nil {
			return err
		}
		tx.count(activityScheduled, 1)
	}
	length := item.historyLength + int64(len(turn.history))
	if turn.completion != nil {
		return tx.finish(item.instanceID, length, turn.completion, now)
	}
	for _, timer := range turn.timers {
		if err := tx.insertMessage(item.instanceID, eventTimerFired, max(timer.fireAt, 1), timer.event); err != nil {
			return err
		}
		tx.count(timerScheduled, 1)
	}
	_, err := tx.Exec("UPDATE Instances SET Status = ?, LastUpdatedTime = ?, HistoryLength = ? WHERE InstanceID = ?",
		statusAfter(item), now, length, item.instanceID)
	return err
}

// statusAfter is the status of an instance that goes on.
func statusAfter(item *orchestrationItem) int64 {
	status := item.status
	if status == statusPending {
		status = statusRunning
	}
	for _, kind := range item.kinds {
		switch kind {
		case eventExecutionSuspended:
			status = statusSuspended
		case eventExecutionResumed:
			status = statusRunning
		}
	}
	return status
}

func (tx *transaction) finish(instanceID string, historyLength int64, done *completion, now int64) error {
	_, err := tx.Exec(`UPDATE Instances SET Status = ?, LastUpdatedTime = ?, CompletedTime = ?, HistoryLength = ?,
		Output = ?, FailureDetails = ? WHERE InstanceID = ?`,
		done.status, now, now, historyLength, done.output, done.failure, instanceID)
	if err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM NewEvents WHERE InstanceID = ?", instanceID); err != nil {
		return err
	}
	tx.effects.gone = append(tx.effects.gone, instanceID)
	if done.endsDescendants == nil {
		return nil
	}
	var children []string
	err = query(tx, func(rows *sql.Rows) error {
		var one string
		err := rows.Scan(&one)
		children = append(children, one)
		return err
	}, "SELECT InstanceID FROM Instances WHERE ParentInstanceID = ? AND CompletedTime IS NULL", instanceID)
	if err != nil {
		return err
	}
	for _, one := range children {
		if err := tx.terminate(one, done.endsDescendants.event, now); err != nil {
			return err
		}
	}
	return nil
}

// terminate asks an instance to end. One that may not begin yet ends at once: no worker has heard of it.
func (tx *transaction) terminate(instanceID string, event []byte, now int64) error {
	found, is, err := tx.identify(instanceID)
	if err != nil || !found || isFinished(is.status) {
		return err
	}
	tx.count(terminated, 1)
	if is.status != statusPending || is.scheduled <= now {
		return tx.insertMessage(instanceID, eventExecutionTerminated, now, event)
	}
	var start []byte
	if err := tx.QueryRow("SELECT StartEvent FROM Starts WHERE InstanceID = ?", instanceID).Scan(&start); err != nil {
		return err
	}
	fields, err := parse(event)
	if err != nil {
		return err
	}
	output := fields.message(eventExecutionTerminated).value(1)
	ended := new(writer).number(1, statusTerminated).value(2, output)
	history := [][]byte{
		newEvent(eventOrchestratorStarted, now, new(writer)), start, event,
		newEvent(eventExecutionCompleted, now, ended),
	}
	if err := tx.appendHistory(instanceID, 0, history); err != nil {
		return err
	}
	tx.effects.changed = append(tx.effects.changed, instanceID)
	return tx.finish(instanceID, int64(len(history)), &completion{status: statusTerminated, output: output}, now)
}

// continueAsNew ends a run and begins the next one, as a work item of its own. What had not been
// delivered yet stays in the mailbox, behind what the run carries over itself.
func (tx *transaction) continueAsNew(item *orchestrationItem, next *continuation, now int64) error {
	id := item.instanceID
	if err := tx.forgetAnswers(id); err != nil {
		return err
	}
	if _, err := tx.Exec("DELETE FROM History WHERE InstanceID = ?", id); err != nil {
		return err
	}
	event := next.start.event(now)
	if err := tx.putStart(id, event); err != nil {
		return err
	}
	if err := tx.insertMessage(id, eventExecutionStarted, 0, event); err != nil {
		return err
	}
	if statusAfter(item) == statusSuspended {
		// The suspension came too late for the run that ends, so it holds for the next one.
		if err := tx.insertMessage(id, eventExecutionSuspended, 0, suspensionEvent(eventExecutionSuspended, nil, now)); err != nil {
			return err
		}
	}
	for _, carried := range next.carryover {
		kind, err := eventKind(carried)
		if err != nil {
			return err
		}
		if err := tx.insertMessage(id, kind, 0, carried); err != nil {
			return err
		}
	}
	tx.count(continuedAsNew, 1)
	_, err := tx.Exec(`UPDATE Instances SET ExecutionID = ?, Version = ?, Status = ?, LastUpdatedTime = ?,
		ScheduledTime = NULL, HistoryLength = 0, Tags = ? WHERE InstanceID = ?`,
		next.start.executionID, next.start.version, statusAfter(item), now, next.start.tagFields(), id)
	tx.effects.renamed = append(tx.effects.renamed, liveInstance{
		instanceID: id, executionID: next.start.executionID, name: next.start.name, version: text(next.start.version),
	})
	return err
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
