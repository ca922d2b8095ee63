package main

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pingInterval keeps a stream alive that has no work: clients rebuild one that is silent for long.
const pingInterval = 25 * time.Second

// getWorkItems sends a worker its work until one of the two hangs up.
func getWorkItems(c *call, send func(*writer) error) error {
	stream := newWorkStream(c.request)
	if err := c.hub.connect(stream); err != nil {
		return err
	}
	defer c.hub.disconnect(stream)
	var expired <-chan time.Time
	if c.grant != nil {
		timer := time.NewTimer(time.Until(c.grant.expires))
		defer timer.Stop()
		expired = timer.C
	}
	ping := time.NewTimer(pingInterval)
	defer ping.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-stream.closed:
			return status.Errorf(codes.Unavailable, "task hub '%s' is closed", c.hubName)
		case <-expired:
			return status.Error(codes.Unauthenticated, "the token of this stream has expired")
		case <-ping.C:
			if err := send(healthPing()); err != nil {
				return err
			}
			c.hub.calls.sentPing()
		case <-stream.filled:
			if err := sendWork(c, stream, send); err != nil {
				return err
			}
		}
		ping.Reset(pingInterval)
	}
}

func sendWork(c *call, stream *workStream, send func(*writer) error) error {
	for _, one := range c.hub.takeOutbox(stream) {
		// Each item travels for itself, so many are on their way at once, in order.
		if wait := c.server.options.roundTrip/2 - time.Since(one.since); c.server.options.roundTrip > 0 && wait > 0 {
			select {
			case <-time.After(wait):
			case <-c.ctx.Done():
				return c.ctx.Err()
			}
		}
		item, err := c.hub.load(one.dispatch)
		if err != nil {
			return err
		}
		if item == nil {
			continue
		}
		// Before it is sent, so that who has its answer finds it counted.
		c.hub.calls.sentItem(one.dispatch.entry.kind)
		if err := send(item); err != nil {
			return err
		}
	}
	return nil
}
