package main

import (
	"container/heap"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// hub is one task hub: its file, and in memory what of it is ready, dispatched or due. Every change is
// committed under the lock and then applied to that memory, so the two never differ; after a crash the
// memory is read from the file again.
type hub struct {
	name      string
	store     *store
	meter     meter
	calls     callMeter
	throttle  *throttle
	retention time.Duration

	lock       sync.Mutex
	live       map[string]*liveState
	dispatcher *dispatcher
	due        dueHeap
	alarm      *time.Timer
	paced      bool
	watched    map[string]chan struct{}
	lastTime   int64
	closed     bool
}

// liveState is an instance that has not finished.
type liveState struct {
	liveInstance
	queued bool
	held   *dispatch
	again  bool // messages came while a worker had it
}

func openHub(name, path string, limits limits) (*hub, error) {
	store, err := openStore(path)
	if err != nil {
		return nil, err
	}
	h := &hub{
		name: name, store: store, throttle: newThrottle(limits.actionsPerSecond), retention: limits.retention,
		live: map[string]*liveState{}, dispatcher: newDispatcher(randomToken), watched: map[string]chan struct{}{},
	}
	left, err := store.pending()
	if err != nil {
		store.close()
		return nil, err
	}
	h.lastTime = left.newest
	h.alarm = time.AfterFunc(time.Hour, h.ring)
	h.lock.Lock()
	defer h.lock.Unlock()
	h.apply(effects{born: left.live, tasks: left.tasks, visible: left.visible})
	return h, nil
}

func randomToken() string {
	var bytes [16]byte
	rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}

// close ends all streams; the file keeps everything.
func (h *hub) close() {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.alarm.Stop()
	for _, stream := range h.dispatcher.streams {
		close(stream.closed)
	}
	for id := range h.watched {
		h.wakeWatchers(id)
	}
}

// now never runs backwards, so that the order of messages is the order in which they came.
func (h *hub) now() int64 {
	h.lastTime = max(h.lastTime, time.Now().UnixNano())
	return h.lastTime
}

// change commits one state change and lets its effects be seen.
func (h *hub) change(do func(tx *transaction, now int64) error) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.changeLocked(do, nil)
}

func (h *hub) changeLocked(do func(tx *transaction, now int64) error, committed func()) error {
	if h.closed {
		return errHubClosed
	}
	now := h.now()
	done, err := h.store.change(func(tx *transaction) error { return do(tx, now) })
	if err != nil {
		return err
	}
	h.apply(done)
	if committed != nil {
		committed()
	}
	h.match()
	return nil
}

// apply brings memory up to what was committed.
func (h *hub) apply(done effects) {
	h.meter.add(done.actions)
	for _, id := range done.gone {
		if state := h.live[id]; state != nil {
			if state.held != nil {
				h.dispatcher.release(state.held)
			}
			delete(h.live, id)
		}
	}
	for _, one := range done.born {
		h.live[one.instanceID] = &liveState{liveInstance: one}
	}
	for _, one := range done.renamed {
		if state := h.live[one.instanceID]; state != nil {
			state.liveInstance = one
		}
	}
	for _, task := range done.tasks {
		h.dispatcher.enqueue(workEntry{
			kind: activities, instanceID: task.instanceID, task: task.number, name: task.name, version: task.version,
		})
	}
	for _, one := range done.visible {
		h.becomeVisible(one)
	}
	for _, id := range done.changed {
		h.wakeWatchers(id)
	}
}

func (h *hub) becomeVisible(one visibility) {
	if one.at <= h.now() {
		h.markReady(h.live[one.instanceID])
		return
	}
	heap.Push(&h.due, one)
	if h.due[0] == one {
		h.setAlarm()
	}
}

// markReady queues an instance that has messages, once.
func (h *hub) markReady(state *liveState) {
	switch {
	case state == nil || state.queued:
	case state.held != nil:
		state.again = true
	default:
		state.queued, state.again = true, false
		h.dispatcher.enqueue(workEntry{
			kind: orchestrations, instanceID: state.instanceID, live: state, name: state.name, version: state.version,
		})
	}
}

// match hands out what can be handed out, as fast as the throttle lets it.
func (h *hub) match() {
	for !h.closed {
		if wait := h.throttle.wait(); wait > 0 {
			h.resumeAfter(wait)
			return
		}
		one := h.dispatcher.next()
		if one == nil {
			return
		}
		if state := one.entry.live; state != nil {
			if h.live[state.instanceID] != state || !state.queued {
				h.dispatcher.release(one) // finished or replaced since it was queued
				continue
			}
			state.queued, state.again, state.held = false, false, one
		}
		h.throttle.take(1)
		one.stream.put(one)
	}
}

func (h *hub) resumeAfter(wait time.Duration) {
	if h.paced {
		return
	}
	h.paced = true
	time.AfterFunc(wait, func() {
		h.lock.Lock()
		defer h.lock.Unlock()
		h.paced = false
		h.match()
	})
}

// ring delivers what has become due.
func (h *hub) ring() {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.closed {
		return
	}
	now := h.now()
	for len(h.due) > 0 && h.due[0].at <= now {
		one := heap.Pop(&h.due).(visibility)
		h.markReady(h.live[one.instanceID])
	}
	h.setAlarm()
	h.match()
}

func (h *hub) setAlarm() {
	if len(h.due) > 0 {
		h.alarm.Reset(time.Until(time.Unix(0, h.due[0].at)))
	}
}

// watch returns a channel that is closed at the next change of an instance's state.
func (h *hub) watch(instanceID string) <-chan struct{} {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.watched[instanceID] == nil {
		h.watched[instanceID] = make(chan struct{})
	}
	return h.watched[instanceID]
}

func (h *hub) wakeWatchers(instanceID string) {
	if waiting := h.watched[instanceID]; waiting != nil {
		close(waiting)
		delete(h.watched, instanceID)
	}
}

// dueHeap orders what becomes visible later.
type dueHeap []visibility

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dueHeap) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueHeap) Push(one any)      { *d = append(*d, one.(visibility)) }
func (d *dueHeap) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

func (h *hub) isClosed() bool {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.closed
}
