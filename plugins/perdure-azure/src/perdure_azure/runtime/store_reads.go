package main

import (
	"database/sql"
	"errors"
	"strings"
)

// instanceState is what is told about an instance.
type instanceState struct {
	instanceID, executionID, name   string
	version, output, custom, parent *string
	status, created, updated        int64
	scheduled, completed            *int64
	failure, tags                   []byte
	input                           *string
	payloads                        bool
}

const stateColumns = `I.InstanceID, I.ExecutionID, I.Name, I.Version, I.Status, I.CreatedTime, I.LastUpdatedTime,
	I.ScheduledTime, I.CompletedTime, I.Output, I.CustomStatus, I.FailureDetails, I.ParentInstanceID, I.Tags, S.StartEvent`

// statesFrom reads the start, which holds the input, only where payloads are asked for.
func statesFrom(payloads bool) string {
	if payloads {
		return "SELECT " + stateColumns + " FROM Instances I JOIN Starts S USING (InstanceID)"
	}
	return "SELECT " + stateColumns + " FROM Instances I LEFT JOIN Starts S ON FALSE"
}

func scanState(scan func(...any) error, payloads bool) (*instanceState, error) {
	one := &instanceState{payloads: payloads}
	var start []byte
	err := scan(&one.instanceID, &one.executionID, &one.name, &one.version, &one.status, &one.created, &one.updated,
		&one.scheduled, &one.completed, &one.output, &one.custom, &one.failure, &one.parent, &one.tags, &start)
	if err != nil || !payloads {
		return one, err
	}
	from, err := readStart(start)
	one.input = from.input
	return one, err
}

// message is the OrchestrationState; what is not there is left out, as null and "" differ.
func (s *instanceState) message() *writer {
	out := new(writer).text(1, s.instanceID).text(2, s.name).value(3, s.version).number(4, s.status).
		moment(5, s.scheduled).moment(6, &s.created).moment(7, &s.updated)
	if s.payloads {
		out.value(8, s.input).value(9, s.output).value(10, s.custom)
	}
	if s.failure != nil {
		out.bytes(11, s.failure)
	}
	out.value(12, &s.executionID).moment(13, s.completed).value(14, s.parent)
	out.data = append(out.data, s.tags...)
	return out
}

// readState returns nil if there is no such instance.
func (s *store) readState(instanceID string, payloads bool) (*instanceState, error) {
	row := s.reads.QueryRow(statesFrom(payloads)+" WHERE I.InstanceID = ?", instanceID)
	state, err := scanState(row.Scan, payloads)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, err
}

type instanceFilter struct {
	statuses               []int64
	createdFrom, createdTo *int64
	prefix                 string
}

// where builds a condition and its arguments.
type where struct {
	conditions []string
	arguments  []any
}

func (w *where) and(condition string, arguments ...any) {
	w.conditions = append(w.conditions, condition)
	w.arguments = append(w.arguments, arguments...)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

func (w *where) among(column string, values []int64) {
	if len(values) == 0 {
		return
	}
	arguments := make([]any, len(values))
	for i, value := range values {
		arguments[i] = value
	}
	w.and(column+" IN ("+strings.Repeat(", ?", len(values))[2:]+")", arguments...)
}

func (f instanceFilter) where() *where {
	var w where
	w.among("I.Status", f.statuses)
	if f.createdFrom != nil {
		w.and("I.CreatedTime >= ?", *f.createdFrom)
	}
	if f.createdTo != nil {
		w.and("I.CreatedTime < ?", *f.createdTo)
	}
	if f.prefix != "" {
		w.and("substr(I.InstanceID, 1, ?) = ?", len(f.prefix), f.prefix)
	}
	return &w
}

func (s *store) readStates(filter instanceFilter, after *place, count int, payloads bool) ([]*instanceState, error) {
	w := filter.where()
	if after != nil {
		w.and("(I.CreatedTime, I.InstanceID) < (?, ?)", after.at, after.instanceID)
	}
	var states []*instanceState
	err := query(s.reads, func(rows *sql.Rows) error {
		state, err := scanState(rows.Scan, payloads)
		states = append(states, state)
		return err
	}, statesFrom(payloads)+w.String()+
		" ORDER BY I.CreatedTime DESC, I.InstanceID DESC LIMIT ?", append(w.arguments, count)...)
	return states, err
}

func (s *store) readFinished(statuses []int64, from, to *int64, after *place, count int) ([]place, error) {
	var w where
	w.and("I.CompletedTime IS NOT NULL")
	w.among("I.Status", statuses)
	if from != nil {
		w.and("I.CompletedTime >= ?", *from)
	}
	if to != nil {
		w.and("I.CompletedTime < ?", *to)
	}
	if after != nil {
		w.and("(I.CompletedTime, I.InstanceID) > (?, ?)", after.at, after.instanceID)
	}
	var places []place
	err := query(s.reads, func(rows *sql.Rows) error {
		var one place
		err := rows.Scan(&one.at, &one.instanceID)
		places = append(places, one)
		return err
	}, "SELECT I.CompletedTime, I.InstanceID FROM Instances I"+w.String()+
		" ORDER BY I.CompletedTime, I.InstanceID LIMIT ?", append(w.arguments, count)...)
	return places, err
}

func readHistory(from *sql.Tx, instanceID string, length int64) ([][]byte, error) {
	events := make([][]byte, 0, length)
	err := query(from, func(rows *sql.Rows) error {
		var event []byte
		err := rows.Scan(&event)
		events = append(events, event)
		return err
	}, "SELECT EventPayload FROM History WHERE InstanceID = ? ORDER BY SequenceNumber", instanceID)
	return events, err
}

// readHistoryOf returns an empty execution id if there is no such instance.
func (s *store) readHistoryOf(instanceID string) (events [][]byte, executionID string, err error) {
	tx, err := s.reads.Begin()
	if err != nil {
		return nil, "", err
	}
	defer tx.Rollback()
	var length int64
	err = tx.QueryRow("SELECT ExecutionID, HistoryLength FROM Instances WHERE InstanceID = ?", instanceID).
		Scan(&executionID, &length)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	events, err = readHistory(tx, instanceID, length)
	return events, executionID, err
}
