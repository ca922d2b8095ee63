// A server for the durable task protocol, to test the bridge against: durabletask-go v0.6.0, durable
// in SQLite, without its polling and with as much work at once as the tests want.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/microsoft/durabletask-go/api"
	"github.com/microsoft/durabletask-go/backend"
	"github.com/microsoft/durabletask-go/backend/sqlite"
	"google.golang.org/grpc"
)

const (
	maxMessageBytes  = 64 << 20
	maxParallelItems = 256
	// Timers and locks that run out have no writer to wake anybody.
	pollInterval = 25 * time.Millisecond
	// A dead worker's items come back as soon as its stream breaks; a short lock would only hand a
	// long activity to a second worker.
	lockTimeout = 24 * time.Hour
)

// waking lets every write that can create work wake whoever waits for some.
type waking struct {
	backend.Backend
	orchestrations, activities chan struct{}
}

func wake(waiting chan struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

func (w *waking) CreateOrchestrationInstance(c context.Context, e *backend.HistoryEvent, o ...backend.OrchestrationIdReusePolicyOptions) error {
	defer wake(w.orchestrations)
	return w.Backend.CreateOrchestrationInstance(c, e, o...)
}

func (w *waking) AddNewOrchestrationEvent(c context.Context, id api.InstanceID, e *backend.HistoryEvent) error {
	defer wake(w.orchestrations)
	return w.Backend.AddNewOrchestrationEvent(c, id, e)
}

func (w *waking) CompleteOrchestrationWorkItem(c context.Context, item *backend.OrchestrationWorkItem) error {
	defer wake(w.orchestrations)
	defer wake(w.activities)
	return w.Backend.CompleteOrchestrationWorkItem(c, item)
}

func (w *waking) AbandonOrchestrationWorkItem(c context.Context, item *backend.OrchestrationWorkItem) error {
	defer wake(w.orchestrations)
	return w.Backend.AbandonOrchestrationWorkItem(c, item)
}

func (w *waking) CompleteActivityWorkItem(c context.Context, item *backend.ActivityWorkItem) error {
	defer wake(w.orchestrations)
	return w.Backend.CompleteActivityWorkItem(c, item)
}

func (w *waking) AbandonActivityWorkItem(c context.Context, item *backend.ActivityWorkItem) error {
	defer wake(w.activities)
	return w.Backend.AbandonActivityWorkItem(c, item)
}

func (w *waking) GetOrchestrationWorkItem(c context.Context) (*backend.OrchestrationWorkItem, error) {
	return next(c, w.orchestrations, w.Backend.GetOrchestrationWorkItem)
}

func (w *waking) GetActivityWorkItem(c context.Context) (*backend.ActivityWorkItem, error) {
	return next(c, w.activities, w.Backend.GetActivityWorkItem)
}

func next[T any](c context.Context, waiting chan struct{}, get func(context.Context) (T, error)) (T, error) {
	for {
		item, err := get(c)
		if !errors.Is(err, backend.ErrNoWorkItems) {
			return item, err
		}
		timer := time.NewTimer(pollInterval)
		select {
		case <-waiting:
		case <-timer.C:
		case <-c.Done():
			return item, c.Err()
		}
		timer.Stop()
	}
}

type quiet struct{ backend.Logger }

func (quiet) Debug(...any)          {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Info(...any)           {}
func (quiet) Infof(string, ...any)  {}

// clearLocks frees what a killed server held: this one is the only owner of the file.
func clearLocks(path string) error {
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, table := range []string{"Instances", "NewEvents", "NewTasks"} {
		if _, err := db.Exec("UPDATE " + table + " SET LockedBy = NULL"); err != nil {
			return err
		}
	}
	_, err = db.Exec("UPDATE Instances SET LockExpiration = NULL; UPDATE NewTasks SET LockExpiration = NULL")
	return err
}

func main() {
	path := flag.String("db", "", "the SQLite file")
	port := flag.Int("port", 0, "the port on 127.0.0.1; 0 takes a free one")
	flag.Parse()
	if err := clearLocks(*path); err != nil {
		log.Fatal(err)
	}
	options := sqlite.NewSqliteOptions(*path)
	options.OrchestrationLockTimeout, options.ActivityLockTimeout = lockTimeout, lockTimeout
	logger := quiet{backend.DefaultLogger()}
	store := &waking{sqlite.NewSqliteBackend(options, logger), make(chan struct{}, 1), make(chan struct{}, 1)}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessageBytes))
	executor, register := backend.NewGrpcExecutor(store, logger)
	register(server)
	parallel := backend.WithMaxParallelism(maxParallelItems)
	hub := backend.NewTaskHubWorker(
		store,
		backend.NewOrchestrationWorker(store, executor, logger, parallel),
		backend.NewActivityTaskWorker(store, executor, logger, parallel),
		logger,
	)
	if err := hub.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
