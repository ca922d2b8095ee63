package main

import (
	"math"
	"slices"
)

// A dispatcher decides which stream gets which work item. It is plain state: the hub guards it with its
// lock, and tells it of every change. What no connected stream accepts just waits in its own queue, so
// it holds up nothing else and takes no slot.

type workKind int

const (
	orchestrations workKind = iota
	activities
	workKinds
)

// workEntry is an instance with new messages, or an activity to be run.
type workEntry struct {
	kind          workKind
	order         int64 // entries keep their place when they are offered again
	instanceID    string
	task          int64
	live          *liveState // of an instance
	name, version string
	abandoned     int
}

type queueName struct {
	kind          workKind
	name, version string
}

// dispatch is one work item in a worker's hands; its token is new each time.
type dispatch struct {
	token  string
	entry  workEntry
	stream *workStream
	item   *orchestrationItem // once it was loaded
	task   *activityItem
	done   bool // returned, answered, or overtaken by a purge
}

type dispatcher struct {
	queues     map[queueName][]workEntry
	streams    []*workStream
	dispatches map[string]*dispatch
	nextOrder  int64
	newToken   func() string
}

func newDispatcher(newToken func() string) *dispatcher {
	return &dispatcher{
		queues: map[queueName][]workEntry{}, dispatches: map[string]*dispatch{}, newToken: newToken,
	}
}

func (d *dispatcher) enqueue(entry workEntry) {
	d.nextOrder++
	entry.order = d.nextOrder
	name := queueName{entry.kind, entry.name, entry.version}
	d.queues[name] = append(d.queues[name], entry)
}

// offerAgain puts an entry back where it was.
func (d *dispatcher) offerAgain(entry workEntry) {
	name := queueName{entry.kind, entry.name, entry.version}
	queue := d.queues[name]
	at, _ := slices.BinarySearchFunc(queue, entry.order, func(one workEntry, order int64) int {
		return int(one.order - order)
	})
	d.queues[name] = slices.Insert(queue, at, entry)
}

// next takes the oldest entry that some stream accepts and has room for, with the least busy such
// stream; nil if there is none.
func (d *dispatcher) next() *dispatch {
	var best queueName
	var receiver *workStream
	oldest := int64(math.MaxInt64)
	for name, queue := range d.queues {
		if queue[0].order >= oldest {
			continue
		}
		if stream := d.leastBusy(name); stream != nil {
			best, receiver, oldest = name, stream, queue[0].order
		}
	}
	if receiver == nil {
		return nil
	}
	entry := d.queues[best][0]
	if d.queues[best] = d.queues[best][1:]; len(d.queues[best]) == 0 {
		delete(d.queues, best)
	}
	one := &dispatch{token: d.newToken(), entry: entry, stream: receiver}
	d.dispatches[one.token] = one
	receiver.held[one.token] = one
	receiver.busy[entry.kind]++
	return one
}

func (d *dispatcher) leastBusy(name queueName) *workStream {
	var best *workStream
	for _, stream := range d.streams {
		if stream.busy[name.kind] >= stream.limits[name.kind] || !stream.accepts(name) {
			continue
		}
		if best == nil || stream.busy[name.kind] < best.busy[name.kind] {
			best = stream
		}
	}
	return best
}

// release takes a work item out of a worker's hands.
func (d *dispatcher) release(one *dispatch) {
	if one.done {
		return
	}
	one.done = true
	delete(d.dispatches, one.token)
	delete(one.stream.held, one.token)
	one.stream.busy[one.entry.kind]--
}

func (d *dispatcher) connect(stream *workStream) {
	d.streams = append(d.streams, stream)
}

// disconnect forgets a stream and returns what it held, oldest first.
func (d *dispatcher) disconnect(stream *workStream) []*dispatch {
	d.streams = slices.DeleteFunc(d.streams, func(one *workStream) bool { return one == stream })
	var held []*dispatch
	for _, one := range stream.held {
		held = append(held, one)
	}
	slices.SortFunc(held, func(a, b *dispatch) int { return int(a.entry.order - b.entry.order) })
	for _, one := range held {
		d.release(one)
	}
	return held
}
