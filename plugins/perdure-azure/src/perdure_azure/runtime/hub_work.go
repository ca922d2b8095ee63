package main

import (
	"database/sql"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	abandonDelay    = 200 * time.Millisecond
	maxAbandonDelay = 5 * time.Second
)

var errHubClosed = status.Error(codes.Unavailable, "the task hub is closed")

// activityItem is one activity to be run.
type activityItem struct {
	number                  int64
	instanceID, executionID string
	event                   []byte
}

func (h *hub) connect(stream *workStream) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return errHubClosed
	}
	h.dispatcher.connect(stream)
	h.match()
	return nil
}

// disconnect offers what a broken stream held to others, at once.
func (h *hub) disconnect(stream *workStream) {
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, one := range h.dispatcher.disconnect(stream) {
		h.putBack(one)
	}
	h.match()
}

func (h *hub) putBack(one *dispatch) {
	if state := one.entry.live; state != nil {
		if h.live[state.instanceID] != state {
			return
		}
		state.held, state.queued = nil, true
		// A run that continued as new may have another version than when it was queued.
		one.entry.version = state.version
	}
	h.dispatcher.offerAgain(one.entry)
}

// takeOutbox returns what the stream has to send.
func (h *hub) takeOutbox(stream *workStream) []outgoingItem {
	h.lock.Lock()
	defer h.lock.Unlock()
	items := stream.outbox
	stream.outbox = nil
	return items
}

// load reads a dispatched item into a WorkItem; nil if there is nothing to do for it any more.
func (h *hub) load(one *dispatch) (*writer, error) {
	if one.entry.kind == activities {
		return h.loadActivity(one)
	}
	h.lock.Lock()
	now := h.now()
	h.lock.Unlock()
	item, err := h.store.loadTurn(one.entry.instanceID, now)
	if err != nil {
		return nil, err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if one.done {
		return nil, nil
	}
	if item == nil {
		h.settle(one)
		h.match()
		return nil, nil
	}
	one.item = item
	one.entry.live.again = one.entry.live.again || item.more
	h.throttle.take(item.answers() - 1)
	return orchestratorRequest(item, one.token), nil
}

func (h *hub) loadActivity(one *dispatch) (*writer, error) {
	task := &activityItem{number: one.entry.task, instanceID: one.entry.instanceID}
	err := h.store.reads.QueryRow("SELECT ExecutionID, EventPayload FROM NewTasks WHERE SequenceNumber = ?", task.number).
		Scan(&task.executionID, &task.event)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if one.done {
		return nil, nil
	}
	if err != nil { // its instance was purged
		h.dispatcher.release(one)
		h.match()
		return nil, nil
	}
	one.task = task
	return activityRequest(task, one.token), nil
}

// settle ends a dispatch; what came for its instance meanwhile makes it ready again.
func (h *hub) settle(one *dispatch) {
	h.dispatcher.release(one)
	if state := one.entry.live; state != nil && h.live[state.instanceID] == state {
		state.held = nil
		if state.again {
			h.markReady(state)
		}
	}
}

// held returns the dispatch that a token is for.
func (h *hub) held(token string, kind workKind) (*dispatch, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	one := h.dispatcher.dispatches[token]
	if one == nil || one.entry.kind != kind || (one.item == nil && one.task == nil) {
		return nil, errStaleToken
	}
	return one, nil
}

var errStaleToken = status.Error(codes.NotFound,
	"the completion token is unknown: the work item was completed, abandoned or given to another worker")

func (h *hub) completeTurn(token string, answer record, data []byte) error {
	one, err := h.held(token, orchestrations)
	if err != nil {
		return err
	}
	if err := checkAnswer(answer); err != nil {
		return err
	}
	turn, err := takeTurn(one.item, answer, data, time.Now().UnixNano())
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if one.done {
		return errStaleToken
	}
	return h.commitWork(one, func(tx *transaction, now int64) error {
		return tx.commitTurn(one.item, turn, now)
	})
}

func (h *hub) completeActivity(token string, answer record) error {
	one, err := h.held(token, activities)
	if err != nil {
		return err
	}
	if err := checkPayload("activity output", answer.value(3)); err != nil {
		return err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if one.done {
		return errStaleToken
	}
	return h.commitWork(one, func(tx *transaction, now int64) error {
		return tx.commitActivity(one.task, answer, now)
	})
}

// commitWork stores a worker's answer. If the store fails, the item is offered again after a while: the
// worker has done with it, and would hold it for as long as its stream lasts.
func (h *hub) commitWork(one *dispatch, do func(*transaction, int64) error) error {
	err := h.changeLocked(do, func() { h.settle(one) })
	if _, isStatus := status.FromError(err); !isStatus {
		h.offerLater(one)
	}
	return err
}

// commitActivity hands a result to the run that asked for it; if that has ended, nobody wants it.
func (tx *transaction) commitActivity(task *activityItem, answer record, now int64) error {
	result, err := tx.Exec("DELETE FROM NewTasks WHERE SequenceNumber = ?", task.number)
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows == 0 {
		return err
	}
	found, is, err := tx.identify(task.instanceID)
	if err != nil || !found || isFinished(is.status) || is.executionID != task.executionID {
		return err
	}
	fields, err := parse(task.event)
	if err != nil {
		return err
	}
	kind, body := eventTaskCompleted, new(writer).number(1, int64(int32(fields.number(1))))
	if failure, failed := answer.last(4); failed {
		kind = eventTaskFailed
		body.bytes(2, failure.bytes)
	} else {
		body.value(2, answer.value(3))
	}
	return tx.insertMessage(task.instanceID, fieldNumber(kind), now, newEvent(fieldNumber(kind), now, body))
}

// abandon offers an item again after a while that grows, so that a worker that wants none of it does
// not keep the two of them busy.
func (h *hub) abandon(token string, kind workKind) error {
	one, err := h.held(token, kind)
	if err != nil {
		return err
	}
	h.lock.Lock()
	defer h.lock.Unlock()
	if one.done {
		return errStaleToken
	}
	h.offerLater(one)
	h.match()
	return nil
}

func (h *hub) offerLater(one *dispatch) {
	h.dispatcher.release(one)
	one.entry.abandoned++
	delay := min(abandonDelay<<min(one.entry.abandoned-1, 10), maxAbandonDelay)
	time.AfterFunc(delay, func() {
		h.lock.Lock()
		defer h.lock.Unlock()
		h.putBack(one)
		h.match()
	})
}
