package main

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/microsoft/durabletask-go/api"
	"github.com/microsoft/durabletask-go/backend"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Numbers of the actions in the oneof of OrchestratorAction.
const (
	actionScheduleTask   = 2
	actionCreateChild    = 3
	actionCreateTimer    = 4
	actionSendEvent      = 5
	actionComplete       = 6
	actionTerminateOther = 7
	actionEntityMessage  = 8
	actionRewind         = 9
)

// turn is what a workflow has answered to the events of one work item.
type turn struct {
	history      [][]byte
	tasks        []newTask
	timers       []newTimer
	messages     []message
	children     []child
	completion   *completion
	continuation *continuation
	customStatus *string
}

type newTask struct {
	name    string
	version *string
	event   []byte
}

type newTimer struct {
	fireAt int64
	event  []byte
}

// message goes to another instance, or to the parent if answersParent.
type message struct {
	instanceID    string
	kind          fieldNumber
	event         []byte
	answersParent bool
}

type child struct {
	taskID int64
	start  startOf
}

type completion struct {
	status          int64
	output          *string
	failure         []byte
	endsDescendants *message // the termination that is passed on to children
}

type continuation struct {
	start     startOf
	carryover [][]byte
}

// responseOf reads a worker's answer into the library's own message. Its package is internal, so the
// type is found by its name, and its field is reached through the one public struct that holds it.
func responseOf(data []byte) (backend.ExecutionResults, error) {
	var results backend.ExecutionResults
	kind, err := protoregistry.GlobalTypes.FindMessageByName("OrchestratorResponse")
	if err != nil {
		return results, err
	}
	response := kind.New().Interface()
	if err := proto.Unmarshal(data, response); err != nil {
		return results, err
	}
	assign(&results.Response, response)
	return results, nil
}

func assign[T any](place *T, value any) { *place = value.(T) }

// takeTurn has durabletask-go's state machine turn a workflow's actions into history and messages.
// What it loses on the way (tags, versions, which run a child belongs to) is put back here, and
// continue-as-new is ours altogether: the library runs the next run within the same work item, which
// fails for ever after 20 of them, and drops what was sent in the turn that continues.
func takeTurn(item *orchestrationItem, answer record, data []byte, now int64) (result *turn, err error) {
	defer func() {
		// The library takes fields for granted that a worker can leave out.
		if problem := recover(); problem != nil {
			result, err = nil, fmt.Errorf("malformed orchestrator response: %v", problem)
		}
	}()
	results, err := responseOf(data)
	if err != nil {
		return nil, err
	}
	state, err := stateBefore(item)
	if err != nil {
		return nil, err
	}
	actions := answer.each(2)
	result = &turn{customStatus: answer.value(3)}
	parsed := make([]record, len(actions))
	kept := results.Response.Actions[:0]
	for i, action := range actions {
		if parsed[i], err = parse(action); err != nil {
			return nil, err
		}
		if complete := parsed[i].message(actionComplete); parsed[i].has(actionComplete) &&
			complete.number(1) == statusContinuedAsNew {
			result.continuation = continueFrom(item.start, complete)
			continue
		}
		kept = append(kept, results.Response.Actions[i])
	}
	if _, err := state.ApplyActions(kept, nil); err != nil {
		return nil, errors.New("the response has an action of an unknown type") // err holds its payload
	}
	if err := result.collect(item, state, parsed, now); err != nil {
		return nil, err
	}
	return result, nil
}

// stateBefore rebuilds what the state machine needs of the past: the start, not the whole history.
func stateBefore(item *orchestrationItem) (*backend.OrchestrationRuntimeState, error) {
	var past []*backend.HistoryEvent
	if item.historyLength > 0 {
		event, err := backend.UnmarshalHistoryEvent(item.startEvent)
		if err != nil {
			return nil, err
		}
		past = append(past, event)
	}
	state := backend.NewOrchestrationRuntimeState(api.InstanceID(item.instanceID), past)
	for _, one := range item.events {
		event, err := backend.UnmarshalHistoryEvent(one)
		if err != nil {
			return nil, err
		}
		if err := state.AddEvent(event); err != nil {
			return nil, err
		}
	}
	return state, nil
}

func continueFrom(start startOf, complete record) *continuation {
	next := start
	next.executionID = uuid.NewString()
	next.input, next.scheduled = complete.value(2), nil
	if version := complete.value(4); version != nil {
		next.version = version
	}
	if complete.has(7) {
		next.tags = complete.each(7)
	}
	return &continuation{start: next, carryover: complete.each(5)}
}

// collect reads the state machine's outcome.
func (t *turn) collect(item *orchestrationItem, state *backend.OrchestrationRuntimeState, actions []record, now int64) error {
	byID := make(map[int64]record, len(actions))
	for _, action := range actions {
		byID[int64(int32(action.number(1)))] = action
	}
	for _, event := range state.NewEvents() {
		action := byID[int64(event.EventId)]
		extra := new(writer)
		if scheduled := event.GetTaskScheduled(); scheduled != nil {
			schedule := action.message(actionScheduleTask)
			schedule.copyTo(extra, 5, 4)
			schedule.copyTo(extra, 4, 5)
			if err := amend(scheduled.ProtoReflect(), extra); err != nil {
				return err
			}
		} else if created := event.GetSubOrchestrationInstanceCreated(); created != nil {
			create := action.message(actionCreateChild)
			create.copyTo(extra, 5, 5)
			create.copyTo(extra, 6, 6)
			if err := amend(created.ProtoReflect(), extra); err != nil {
				return err
			}
			t.children = append(t.children, childOf(item, int64(event.EventId), create, created.InstanceId))
		} else if completed := event.GetExecutionCompleted(); completed != nil {
			t.completion = &completion{status: int64(completed.OrchestrationStatus)}
			if completed.Result != nil {
				t.completion.output = &completed.Result.Value
			}
			if complete := action.message(actionComplete); complete.has(6) {
				failure, _ := complete.last(6)
				t.completion.failure = failure.bytes
			}
		}
		stored, err := backend.MarshalHistoryEvent(event)
		if err != nil {
			return err
		}
		t.history = append(t.history, stored)
	}
	return t.collectMessages(item, state, now)
}

// amend adds fields to a message, known to its type or not.
func amend(message protoreflect.Message, extra *writer) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(extra.data, message.Interface())
}

func childOf(item *orchestrationItem, taskID int64, create record, instanceID string) child {
	start := startOf{
		name: create.text(2), instanceID: instanceID, executionID: uuid.NewString(),
		version: create.value(3), input: create.value(4), tags: create.each(6),
	}
	parent := new(writer).text(1, item.instanceID).value(2, &item.executionID)
	start.parent = new(writer).number(1, taskID).value(2, &item.start.name).value(3, item.start.version).
		message(4, parent).data
	if trace, found := create.last(5); found {
		start.trace = trace.bytes
	}
	return child{taskID: taskID, start: start}
}

func (t *turn) collectMessages(item *orchestrationItem, state *backend.OrchestrationRuntimeState, now int64) error {
	for _, event := range state.PendingTasks() {
		stored, err := backend.MarshalHistoryEvent(event)
		if err != nil {
			return err
		}
		task := newTask{name: event.GetTaskScheduled().Name, event: stored}
		if version := event.GetTaskScheduled().Version; version != nil {
			task.version = &version.Value
		}
		t.tasks = append(t.tasks, task)
	}
	for _, event := range state.PendingTimers() {
		stored, err := backend.MarshalHistoryEvent(event)
		if err != nil {
			return err
		}
		t.timers = append(t.timers, newTimer{event.GetTimerFired().GetFireAt().AsTime().UnixNano(), stored})
	}
	for _, pending := range state.PendingMessages() {
		if pending.HistoryEvent.GetExecutionStarted() != nil {
			continue // a child: childOf made its start
		}
		one, err := outgoing(pending, now)
		if err != nil {
			return err
		}
		t.messages = append(t.messages, one)
	}
	for _, event := range item.events {
		if kind, _ := eventKind(event); kind == eventExecutionTerminated && t.completion != nil {
			if fields, _ := parse(event); fields.message(eventExecutionTerminated).flag(2) {
				t.completion.endsDescendants = &message{kind: kind, event: event}
			}
		}
	}
	return nil
}

// outgoing mends what the library sends: it hands a sent event over as the sender's own record of it.
// The parent of a terminated child is answered without a reason, as by Microsoft's other engines.
func outgoing(pending backend.OrchestratorMessage, now int64) (message, error) {
	if sent := pending.HistoryEvent.GetEventSent(); sent != nil {
		var data *string
		if sent.Input != nil {
			data = &sent.Input.Value
		}
		event := raisedEvent(sent.Name, data, now)
		return message{instanceID: pending.TargetInstanceID, kind: eventRaised, event: event}, nil
	}
	event, err := backend.MarshalHistoryEvent(pending.HistoryEvent)
	if err != nil {
		return message{}, err
	}
	kind, err := eventKind(event)
	answers := kind == eventChildCompleted || kind == eventChildFailed
	return message{pending.TargetInstanceID, kind, event, answers}, err
}
