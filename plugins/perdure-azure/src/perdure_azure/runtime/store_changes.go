package main

import (
	"database/sql"
	"errors"
	"strings"
)

// insertInstance writes a new instance and the message that begins it.
func (tx *transaction) insertInstance(start startOf, now int64, parent parentRun) error {
	event := start.event(now)
	_, err := tx.Exec(`INSERT INTO Instances (InstanceID, ExecutionID, Name, Version, Status, CreatedTime,
			LastUpdatedTime, ScheduledTime, ParentInstanceID, ParentExecutionID, Tags)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		start.instanceID, start.executionID, start.name, start.version, statusPending, now, now,
		start.scheduled, parent.instanceID, parent.executionID, start.tagFields())
	if err != nil {
		return err
	}
	if err := tx.putStart(start.instanceID, event); err != nil {
		return err
	}
	born := liveInstance{instanceID: start.instanceID, executionID: start.executionID, name: start.name}
	if start.version != nil {
		born.version = *start.version
	}
	visible := now
	if start.scheduled != nil && *start.scheduled > now {
		visible, born.scheduled = *start.scheduled, *start.scheduled
	}
	tx.effects.born = append(tx.effects.born, born)
	tx.effects.changed = append(tx.effects.changed, start.instanceID)
	return tx.insertMessage(start.instanceID, eventExecutionStarted, visible, event)
}

// parentRun is the run that asked for a child; empty for other instances.
type parentRun struct{ instanceID, executionID *string }

func (tx *transaction) putStart(instanceID string, event []byte) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO Starts (InstanceID, StartEvent) VALUES (?, ?)", instanceID, event)
	return err
}

func (tx *transaction) insertMessage(instanceID string, kind fieldNumber, visible int64, event []byte) error {
	_, err := tx.Exec("INSERT INTO NewEvents (InstanceID, VisibleTime, Kind, EventPayload) VALUES (?, ?, ?, ?)",
		instanceID, visible, int64(kind), event)
	tx.effects.visible = append(tx.effects.visible, visibility{instanceID, visible})
	return err
}

func (tx *transaction) insertTask(instanceID, executionID, name string, version *string, event []byte) error {
	result, err := tx.Exec(`INSERT INTO NewTasks (InstanceID, ExecutionID, Name, Version, EventPayload)
		VALUES (?, ?, ?, ?, ?)`, instanceID, executionID, name, version, event)
	if err != nil {
		return err
	}
	number, err := result.LastInsertId()
	entry := taskEntry{number: number, instanceID: instanceID, name: name}
	if version != nil {
		entry.version = *version
	}
	tx.effects.tasks = append(tx.effects.tasks, entry)
	return err
}

func (tx *transaction) appendHistory(instanceID string, length int64, events [][]byte) error {
	const rowsAtOnce = 200
	for len(events) > 0 {
		batch := events[:min(rowsAtOnce, len(events))]
		events = events[len(batch):]
		arguments := make([]any, 0, 3*len(batch))
		for _, event := range batch {
			arguments = append(arguments, instanceID, length, event)
			length++
		}
		rows := strings.Repeat(", (?, ?, ?)", len(batch))[2:]
		if _, err := tx.Exec("INSERT INTO History (InstanceID, SequenceNumber, EventPayload) VALUES "+rows, arguments...); err != nil {
			return err
		}
	}
	return nil
}

// deleteMessages removes what a turn has consumed.
func (tx *transaction) deleteMessages(numbers []int64) error {
	const rowsAtOnce = 500
	for len(numbers) > 0 {
		batch := numbers[:min(rowsAtOnce, len(numbers))]
		numbers = numbers[len(batch):]
		arguments := make([]any, len(batch))
		for i, number := range batch {
			arguments[i] = number
		}
		places := strings.Repeat(", ?", len(batch))[2:]
		if _, err := tx.Exec("DELETE FROM NewEvents WHERE SequenceNumber IN ("+places+")", arguments...); err != nil {
			return err
		}
	}
	return nil
}

// forgetAnswers removes what only the run that ends was waiting for. Its activities stay: what is
// scheduled is run, as the service does it, though nobody is left to take the result.
func (tx *transaction) forgetAnswers(instanceID string) error {
	_, err := tx.Exec("DELETE FROM NewEvents WHERE InstanceID = ? AND Kind IN (?, ?, ?, ?, ?)", instanceID,
		eventTaskCompleted, eventTaskFailed, eventChildCompleted, eventChildFailed, eventTimerFired)
	return err
}

// deleteInstance removes every trace of an instance, in whatever state it is.
func (tx *transaction) deleteInstance(instanceID string) error {
	for _, table := range []string{"Instances", "Starts", "History", "NewEvents", "NewTasks"} {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE InstanceID = ?", instanceID); err != nil {
			return err
		}
	}
	tx.effects.gone = append(tx.effects.gone, instanceID)
	tx.effects.changed = append(tx.effects.changed, instanceID)
	return nil
}

// identity is what decides whether a message or a completion may reach an instance.
type identity struct {
	executionID         string
	status              int64
	scheduled           int64
	historyLength       int64
	parent, parentRunID string
}

// identify looks an instance up; found is false if there is none.
func (tx *transaction) identify(instanceID string) (found bool, is identity, err error) {
	var scheduled sql.NullInt64
	var parent, parentRunID sql.NullString
	err = tx.QueryRow(`SELECT ExecutionID, Status, ScheduledTime, HistoryLength, ParentInstanceID, ParentExecutionID
		FROM Instances WHERE InstanceID = ?`, instanceID).
		Scan(&is.executionID, &is.status, &scheduled, &is.historyLength, &parent, &parentRunID)
	is.scheduled, is.parent, is.parentRunID = scheduled.Int64, parent.String, parentRunID.String
	if errors.Is(err, sql.ErrNoRows) {
		return false, is, nil
	}
	return err == nil, is, err
}

// send puts a message into the mailbox of an instance that still runs, and drops it otherwise. To an
// instance that may not begin yet it is shown together with its start.
func (tx *transaction) send(instanceID string, kind fieldNumber, now int64, event []byte) (sent bool, err error) {
	found, is, err := tx.identify(instanceID)
	if err != nil || !found || isFinished(is.status) {
		return false, err
	}
	visible := now
	if is.status == statusPending {
		visible = max(now, is.scheduled)
	}
	return true, tx.insertMessage(instanceID, kind, visible, event)
}
