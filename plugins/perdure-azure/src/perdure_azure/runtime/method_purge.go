package main

import (
	"database/sql"
	"errors"
	"time"
)

const maxDuration = time.Duration(1<<63 - 1)

// purgeInstances deletes finished instances: one, a batch, or those that a filter finds.
func purgeInstances(c *call) (*writer, error) {
	recursive := c.request.flag(3)
	if batch, named := c.request.last(4); named {
		listed, err := parse(batch.bytes)
		if err != nil {
			return nil, invalid("malformed batch")
		}
		ids := listed.each(1)
		if len(ids) > maxBatch {
			return nil, invalid("a batch of %d instances; the limit is %d", len(ids), maxBatch)
		}
		return purgeListed(c, ids, recursive)
	}
	if !c.request.has(2) {
		return purgeListed(c, [][]byte{[]byte(c.request.text(1))}, recursive)
	}
	asked := c.request.message(2)
	filter := instanceFilter{statuses: asked.numbers(3), createdFrom: asked.moment(1), createdTo: asked.moment(2)}
	limit := maxDuration
	if wait := asked.moment(4); wait != nil { // a Duration has the fields of a Timestamp
		limit = time.Duration(*wait)
	}
	deleted, complete, err := c.hub.purge(filter.where(), recursive, time.Now(), limit)
	return purged(deleted, complete), err
}

func purged(deleted int, complete bool) *writer {
	answer := new(writer).number(1, int64(deleted))
	return answer.message(2, new(writer).flag(1, complete))
}

func purgeListed(c *call, ids [][]byte, recursive bool) (*writer, error) {
	deleted := 0
	err := c.hub.change(func(tx *transaction, _ int64) error {
		for _, id := range ids {
			count, err := tx.purge(string(id), recursive)
			if err != nil {
				return err
			}
			deleted += count
		}
		return nil
	})
	return purged(deleted, true), err
}

// purge deletes a finished instance and, if asked, what it had started and has finished.
func (tx *transaction) purge(instanceID string, recursive bool) (int, error) {
	found, is, err := tx.identify(instanceID)
	if err != nil || !found || !isFinished(is.status) {
		return 0, err
	}
	deleted := 1
	var children []string
	if recursive {
		err := query(tx, func(rows *sql.Rows) error {
			var one string
			err := rows.Scan(&one)
			children = append(children, one)
			return err
		}, "SELECT InstanceID FROM Instances WHERE ParentInstanceID = ?", instanceID)
		if err != nil {
			return 0, err
		}
	}
	// Before its children: ids that are used again can make a circle of parents.
	if err := tx.deleteInstance(instanceID); err != nil {
		return 0, err
	}
	for _, one := range children {
		count, err := tx.purge(one, true)
		if err != nil {
			return 0, err
		}
		deleted += count
	}
	return deleted, nil
}

// purge deletes what a condition finds, a batch at a time so that others get their turn, for as long as
// it may take.
func (h *hub) purge(which *where, recursive bool, since time.Time, limit time.Duration) (deleted int, complete bool, err error) {
	which.and("I.CompletedTime IS NOT NULL")
	for {
		if time.Since(since) > limit {
			return deleted, false, nil
		}
		seen := 0
		err := h.change(func(tx *transaction, _ int64) error {
			var ids []string
			err := query(tx, func(rows *sql.Rows) error {
				var one string
				err := rows.Scan(&one)
				ids = append(ids, one)
				return err
			}, "SELECT I.InstanceID FROM Instances I"+which.String()+" LIMIT ?", append(which.arguments, maxBatch)...)
			for _, id := range ids {
				if err != nil {
					return err
				}
				var count int
				count, err = tx.purge(id, recursive)
				deleted += count
			}
			seen = len(ids)
			return err
		})
		if err != nil || seen == 0 {
			return deleted, err == nil, err
		}
	}
}

// purgeOld deletes what has been finished for longer than it is kept.
func (h *hub) purgeOld() error {
	if h.retention == 0 {
		return nil
	}
	var which where
	which.and("I.CompletedTime < ?", time.Now().Add(-h.retention).UnixNano())
	_, _, err := h.purge(&which, false, time.Now(), maxDuration)
	if errors.Is(err, errHubClosed) {
		return nil
	}
	return err
}
