package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	maxPayloadBytes = 1 << 20
	maxIDLength     = 100
	maxTagsBytes    = 1000
	reservedTag     = "durabletask."
	maxBatch        = 500
)

func invalid(format string, arguments ...any) error {
	return status.Errorf(codes.InvalidArgument, format, arguments...)
}

// instanceIDProblem tells what is wrong with an id, or nothing.
func instanceIDProblem(id string) string {
	if length := utf8.RuneCountInString(id); length < 1 || length > maxIDLength {
		return fmt.Sprintf("Instance IDs must be between 1 and 100 characters; actual length is %d.", length)
	}
	for _, one := range id {
		if one < 0x20 || one > 0x7e {
			return fmt.Sprintf("Instance IDs must be printable ASCII; '%s' has the character %q.", id, one)
		}
	}
	if id[0] == '@' {
		return fmt.Sprintf("Instance IDs must not start with '@', which marks entities: '%s'.", id)
	}
	if at := strings.IndexAny(id, `/\#?`); at >= 0 {
		return fmt.Sprintf("Instance IDs must not contain any of / \\ # ?; '%s' has %q.", id, id[at])
	}
	return ""
}

func checkInstanceID(id string) error {
	if problem := instanceIDProblem(id); problem != "" {
		return invalid("%s", problem)
	}
	return nil
}

// checkPayload refuses what is over the service's limit for every single payload.
func checkPayload(kind string, payload *string) error {
	if payload != nil && len(*payload) > maxPayloadBytes {
		return invalid("the %s has %d bytes; the limit for each payload is %d bytes (1 MB)", kind, len(*payload), maxPayloadBytes)
	}
	return nil
}

// checkTags reads the entries of a map<string, string>.
func checkTags(entries [][]byte) error {
	tags := map[string]string{}
	for _, entry := range entries {
		fields, err := parse(entry)
		if err != nil {
			return invalid("malformed tags")
		}
		key := fields.text(1)
		if strings.HasPrefix(key, reservedTag) {
			return invalid("the tag '%s' has the reserved prefix '%s'", key, reservedTag)
		}
		tags[key] = fields.text(2)
	}
	if len(tags) == 0 {
		return nil
	}
	encoded, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	if len(encoded) > maxTagsBytes {
		return invalid("the tags have %d bytes as JSON; the limit is %d", len(encoded), maxTagsBytes)
	}
	return nil
}

// checkAnswer applies the rules to all that a workflow asks for in one turn.
func checkAnswer(answer record) error {
	if err := checkPayload("custom status", answer.value(3)); err != nil {
		return err
	}
	for _, data := range answer.each(2) {
		action, err := parse(data)
		if err != nil {
			return invalid("malformed orchestrator action")
		}
		if err := checkAction(action); err != nil {
			return err
		}
	}
	return nil
}

func checkAction(action record) error {
	if action.has(actionEntityMessage) || action.has(actionRewind) {
		return status.Error(codes.Unimplemented,
			"perdure's local stand-in for Durable Task Scheduler does not model entities and rewind")
	}
	if action.has(actionSendEvent) && !action.message(actionSendEvent).has(1) {
		return invalid("an event is sent to no instance")
	}
	task, child := action.message(actionScheduleTask), action.message(actionCreateChild)
	complete := action.message(actionComplete)
	terminate := action.message(actionTerminateOther)
	output := "orchestrator output"
	if complete.number(1) == statusContinuedAsNew {
		output = "orchestrator input"
	}
	for _, payload := range []struct {
		kind  string
		value *string
	}{
		{"activity input", task.value(3)},
		{"sub-orchestration input", child.value(4)},
		{"external event data", action.message(actionSendEvent).value(3)},
		{output, complete.value(2)},
		{"terminate output", terminate.value(2)},
	} {
		if err := checkPayload(payload.kind, payload.value); err != nil {
			return err
		}
	}
	for _, data := range complete.each(5) {
		event, err := parse(data)
		if err != nil {
			return invalid("malformed carry-over event")
		}
		if err := checkPayload("carry-over event data", event.message(eventRaised).value(2)); err != nil {
			return err
		}
	}
	for _, tags := range [][][]byte{task.each(4), child.each(6), complete.each(7)} {
		if err := checkTags(tags); err != nil {
			return err
		}
	}
	return nil
}
