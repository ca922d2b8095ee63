package main

import (
	"sync"
	"time"
)

// throttle is a bucket of actions that fills at the rate of the SKU, up to one second's worth. What the
// real service does at its limit is not published: that calls are refused with RESOURCE_EXHAUSTED and
// work items come later is this stand-in's guess.
type throttle struct {
	lock   sync.Mutex
	rate   float64 // actions per second; 0 for no limit
	filled float64
	at     time.Time
}

func newThrottle(actionsPerSecond int) *throttle {
	rate := float64(actionsPerSecond)
	return &throttle{rate: rate, filled: rate, at: time.Now()}
}

func (t *throttle) fill() {
	now := time.Now()
	t.filled = min(t.filled+t.rate*now.Sub(t.at).Seconds(), max(t.rate, 1))
	t.at = now
}

// wait tells how long it takes until one more action fits.
func (t *throttle) wait() time.Duration {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.waitLocked()
}

func (t *throttle) waitLocked() time.Duration {
	if t.rate == 0 {
		return 0
	}
	t.fill()
	if t.filled >= 1 {
		return 0
	}
	return time.Duration((1-t.filled)/t.rate*float64(time.Second)) + time.Millisecond
}

// take counts actions that happen whether they fit or not; later ones wait for them.
func (t *throttle) take(actions int) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.filled -= float64(actions)
}

// try takes one action if it fits, and else tells when it will.
func (t *throttle) try() time.Duration {
	t.lock.Lock()
	defer t.lock.Unlock()
	if wait := t.waitLocked(); wait > 0 {
		return wait
	}
	t.filled--
	return 0
}
