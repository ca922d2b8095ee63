package main

import (
	"fmt"
	"strconv"
	"strings"
)

func getInstance(c *call) (*writer, error) {
	state, err := c.hub.store.readState(c.request.text(1), c.request.flag(2))
	return instanceResponse(state), err
}

func instanceResponse(state *instanceState) *writer {
	if state == nil {
		return new(writer)
	}
	return new(writer).flag(1, true).message(2, state.message())
}

func waitForStart(c *call) (*writer, error) {
	return waitFor(c, func(status int64) bool { return status != statusPending })
}

func waitForCompletion(c *call) (*writer, error) { return waitFor(c, isFinished) }

// waitFor answers as soon as the instance is so far, or at once if there is none; it waits as long as
// the client does.
func waitFor(c *call, reached func(status int64) bool) (*writer, error) {
	id := c.request.text(1)
	for {
		changed := c.hub.watch(id) // before looking, so that no change falls in between
		state, err := c.hub.store.readState(id, false)
		if err != nil {
			return nil, err
		}
		if state == nil || reached(state.status) {
			if state != nil && c.request.flag(2) {
				state, err = c.hub.store.readState(id, true)
			}
			return instanceResponse(state), err
		}
		select {
		case <-changed:
		case <-c.ctx.Done():
			return nil, c.ctx.Err()
		}
		if c.hub.isClosed() {
			return nil, errHubClosed
		}
	}
}

const (
	defaultPage = 100
	largestPage = 1000
	// maxPageBytes lets a page fit into the 4 MB that clients take by default, with a last one of three payloads.
	maxPageBytes = 1 << 19
)

// queryInstances pages through instances, the newest first. Its token is the place of the last one.
func queryInstances(c *call) (*writer, error) {
	asked := c.request.message(1)
	filter := instanceFilter{
		statuses: asked.numbers(1), createdFrom: asked.moment(2), createdTo: asked.moment(3),
		prefix: text(asked.value(7)),
	}
	page := pageSize(asked.number(5))
	after, err := readPlace(asked.value(6))
	if err != nil {
		return nil, err
	}
	states, err := c.hub.store.readStates(filter, after, page+1, asked.flag(8))
	if err != nil {
		return nil, err
	}
	answer := new(writer)
	for i, state := range states {
		if i > 0 && (i == page || len(answer.data) > maxPageBytes) {
			token := place{states[i-1].created, states[i-1].instanceID}.String()
			answer.value(2, &token)
			break
		}
		answer.message(1, state.message())
	}
	return answer, nil
}

// listInstanceIDs pages through finished instances, in the order in which they finished.
func listInstanceIDs(c *call) (*writer, error) {
	page := pageSize(c.request.number(4))
	after, err := readPlace(c.request.value(5))
	if err != nil {
		return nil, err
	}
	places, err := c.hub.store.readFinished(c.request.numbers(1), c.request.moment(2), c.request.moment(3), after, page+1)
	if err != nil {
		return nil, err
	}
	answer := new(writer)
	for _, one := range places[:min(page, len(places))] {
		answer.bytes(1, []byte(one.instanceID))
	}
	if len(places) > page {
		token := places[page-1].String()
		answer.value(2, &token)
	}
	return answer, nil
}

func pageSize(asked int64) int {
	if asked <= 0 {
		return defaultPage
	}
	return int(min(asked, largestPage))
}

// place is where a page ended: a time and an id.
type place struct {
	at         int64
	instanceID string
}

func (p place) String() string { return fmt.Sprintf("%d:%s", p.at, p.instanceID) }

func readPlace(token *string) (*place, error) {
	if token == nil || *token == "" {
		return nil, nil
	}
	at, id, found := strings.Cut(*token, ":")
	nanos, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil {
		return nil, invalid("the continuation token '%s' is not one of this server", *token)
	}
	return &place{nanos, id}, nil
}

const historyChunk = 100

// streamHistory sends what has happened to an instance in its present run.
func streamHistory(c *call, send func(*writer) error) error {
	id := c.request.text(1)
	events, executionID, err := c.hub.store.readHistoryOf(id)
	if err != nil {
		return err
	}
	if asked := text(c.request.value(2)); executionID == "" || asked != "" && asked != executionID {
		return notFound(id)
	}
	for len(events) > 0 {
		chunk, size := new(writer), 0
		for len(events) > 0 && size < historyChunk && len(chunk.data) < maxPayloadBytes {
			chunk.bytes(1, events[0])
			events = events[1:]
			size++
		}
		if err := send(chunk); err != nil {
			return err
		}
	}
	return nil
}
