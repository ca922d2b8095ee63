package main

// orchestratorRequest is the WorkItem for one turn.
func orchestratorRequest(item *orchestrationItem, token string) *writer {
	request := new(writer).text(1, item.instanceID).value(2, &item.executionID)
	for _, event := range item.past {
		request.bytes(3, event)
	}
	for _, event := range item.events {
		request.bytes(4, event)
	}
	return new(writer).message(1, request).text(10, token)
}

// activityRequest is the WorkItem for one activity.
func activityRequest(task *activityItem, token string) *writer {
	event, _ := parse(task.event)
	scheduled := event.message(eventTaskScheduled)
	instance := new(writer).text(1, task.instanceID).value(2, &task.executionID)
	request := new(writer).text(1, scheduled.text(1)).value(2, scheduled.value(2)).value(3, scheduled.value(3)).
		message(4, instance).number(5, int64(int32(event.number(1))))
	scheduled.copyTo(request, 4, 6)
	scheduled.copyTo(request, 5, 7)
	return new(writer).message(2, request).text(10, token)
}

func healthPing() *writer { return new(writer).message(4, new(writer)) }

// answers counts the messages of an item that no client's call has paid for.
func (item *orchestrationItem) answers() int {
	count := 0
	for _, kind := range item.kinds {
		if isOfOneRun(kind) {
			count++
		}
	}
	return max(count, 1)
}
