package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const retentionInterval = time.Minute

// hubs are the open task hubs, each in a file of its own.
type hubs struct {
	folder  string
	dynamic bool
	limits  limits
	log     *slog.Logger

	lock sync.Mutex
	open map[string]*hub
}

// openHubs opens the named hubs, and those that earlier runs have left in the folder.
func openHubs(o options, log *slog.Logger) (*hubs, error) {
	h := &hubs{folder: o.data, dynamic: o.dynamicHubs, limits: o.limits, log: log, open: map[string]*hub{}}
	left, err := filepath.Glob(filepath.Join(o.data, "*.db"))
	if err != nil {
		return nil, err
	}
	names := o.hubs
	for _, path := range left {
		if name := strings.TrimSuffix(filepath.Base(path), ".db"); hubName.MatchString(name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if err := h.create(name, false); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *hubs) path(name string) string { return filepath.Join(h.folder, name+".db") }

func (h *hubs) find(name string) (*hub, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	if found := h.open[name]; found != nil {
		return found, nil
	}
	if !h.dynamic {
		return nil, status.Errorf(codes.NotFound, "Task hub not found: %s", name)
	}
	if err := h.createLocked(name); err != nil {
		return nil, err
	}
	return h.open[name], nil
}

// create opens a hub; one that exists is kept unless it is to be made anew.
func (h *hubs) create(name string, anew bool) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	if h.open[name] != nil {
		if !anew {
			return nil
		}
		if err := h.deleteLocked(name); err != nil {
			return err
		}
	}
	return h.createLocked(name)
}

func (h *hubs) createLocked(name string) error {
	if !hubName.MatchString(name) {
		return invalid("'%s' is no task hub name: 3 to 64 letters, digits or hyphens", name)
	}
	opened, err := openHub(name, h.path(name), h.limits)
	if err != nil {
		return err
	}
	h.open[name] = opened
	return nil
}

func (h *hubs) delete(name string) error {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.deleteLocked(name)
}

func (h *hubs) deleteLocked(name string) error {
	one := h.open[name]
	if one == nil {
		return status.Errorf(codes.NotFound, "Task hub not found: %s", name)
	}
	one.close()
	delete(h.open, name)
	return one.store.delete()
}

func (h *hubs) all() []*hub {
	h.lock.Lock()
	defer h.lock.Unlock()
	var list []*hub
	for _, one := range h.open {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b *hub) int { return strings.Compare(a.name, b.name) })
	return list
}

// purgeRegularly deletes what is kept too long, until the process ends.
func (h *hubs) purgeRegularly(ended <-chan os.Signal) {
	for {
		for _, one := range h.all() {
			if err := one.purgeOld(); err != nil {
				h.log.Error("cannot purge old instances", "hub", one.name, "error", err)
			}
		}
		select {
		case <-ended:
			return
		case <-time.After(retentionInterval):
		}
	}
}

func (h *hubs) close() {
	for _, one := range h.all() {
		one.close()
	}
}
