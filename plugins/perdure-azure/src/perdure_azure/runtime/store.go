package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite"
)

// store is the file of one hub. All state changes go through the hub, one at a time, each in one
// transaction; reads run beside them.
type store struct {
	path          string
	writes, reads *sql.DB
}

// openStore opens or creates a file. Write-ahead logging with synchronous=NORMAL: what is committed
// outlives this process however it ends; a power failure may cost the last transactions, never the
// file's consistency. FULL would cost a flush to disk for every step of every workflow.
func openStore(path string) (*store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	options := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-16000)",
	}}
	address := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
	writes, err := sql.Open("sqlite", address+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	if err := prepareSchema(writes); err != nil {
		writes.Close()
		return nil, fmt.Errorf("cannot open %s: %w", path, err)
	}
	reads, err := sql.Open("sqlite", address)
	if err != nil {
		writes.Close()
		return nil, err
	}
	reads.SetMaxOpenConns(2 * runtime.NumCPU())
	reads.SetMaxIdleConns(2 * runtime.NumCPU())
	return &store{path: path, writes: writes, reads: reads}, nil
}

// prepareSchema creates the tables in a new file, and refuses one of another version.
func prepareSchema(db *sql.DB) error {
	var version, tables int
	err := db.QueryRow("SELECT user_version, (SELECT COUNT(*) FROM sqlite_master) FROM pragma_user_version").
		Scan(&version, &tables)
	if err != nil {
		return err
	}
	if version == schemaVersion {
		return nil
	}
	if tables > 0 {
		return fmt.Errorf("it was made by another version (%d, want %d); move it away", version, schemaVersion)
	}
	_, err = db.Exec(schema)
	return err
}

func (s *store) close() {
	s.reads.Close()
	s.writes.Close()
}

func (s *store) delete() error {
	s.close()
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(s.path + suffix); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// change runs one state change in one transaction.
func (s *store) change(do func(*transaction) error) (effects, error) {
	begun, err := s.writes.Begin()
	if err != nil {
		return effects{}, err
	}
	defer begun.Rollback()
	tx := &transaction{Tx: begun}
	if err := do(tx); err != nil {
		return effects{}, err
	}
	if err := begun.Commit(); err != nil {
		// database/sql thinks the transaction over; if SQLite does not, no later one could begin.
		_, _ = s.writes.Exec("ROLLBACK")
		return effects{}, err
	}
	return tx.effects, nil
}

// transaction is a state change under way, and what the hub must do once it is committed.
type transaction struct {
	*sql.Tx
	effects effects
}

// effects are the traces that a committed change leaves in memory.
type effects struct {
	born    []liveInstance
	renamed []liveInstance // continued as new
	gone    []string       // finished, purged or replaced: nothing of it runs any more
	changed []string       // whose status somebody may wait for
	tasks   []taskEntry
	visible []visibility
	actions []action
}

// visibility says when a message of an instance may be delivered.
type visibility struct {
	instanceID string
	at         int64
}

type liveInstance struct {
	instanceID, executionID, name, version string
	// scheduled is when a run that has not begun may begin; 0 once it has.
	scheduled int64
}

type taskEntry struct {
	number                    int64
	instanceID, name, version string
}

// query reads rows, and closes them whatever happens.
func query(from interface {
	Query(string, ...any) (*sql.Rows, error)
}, each func(*sql.Rows) error, text string, arguments ...any) error {
	rows, err := from.Query(text, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pending is what a hub must know of a file that an earlier process left.
type pending struct {
	live    []liveInstance
	tasks   []taskEntry
	visible []visibility
	newest  int64
}

func (s *store) pending() (pending, error) {
	var found pending
	err := query(s.reads, func(rows *sql.Rows) error {
		var one liveInstance
		var status int64
		var scheduled sql.NullInt64
		var version sql.NullString
		if err := rows.Scan(&one.instanceID, &one.executionID, &one.name, &version, &status, &scheduled); err != nil {
			return err
		}
		one.version = version.String
		if status == statusPending {
			one.scheduled = scheduled.Int64
		}
		found.live = append(found.live, one)
		return nil
	}, "SELECT InstanceID, ExecutionID, Name, Version, Status, ScheduledTime FROM Instances WHERE CompletedTime IS NULL")
	if err != nil {
		return found, err
	}
	err = query(s.reads, func(rows *sql.Rows) error {
		var one taskEntry
		var version sql.NullString
		err := rows.Scan(&one.number, &one.instanceID, &one.name, &version)
		one.version = version.String
		found.tasks = append(found.tasks, one)
		return err
	}, "SELECT SequenceNumber, InstanceID, Name, Version FROM NewTasks ORDER BY SequenceNumber")
	if err != nil {
		return found, err
	}
	err = query(s.reads, func(rows *sql.Rows) error {
		var one visibility
		err := rows.Scan(&one.instanceID, &one.at)
		found.visible = append(found.visible, one)
		return err
	}, "SELECT InstanceID, VisibleTime FROM NewEvents ORDER BY SequenceNumber")
	if err != nil {
		return found, err
	}
	err = s.reads.QueryRow(
		"SELECT MAX(COALESCE((SELECT MAX(LastUpdatedTime) FROM Instances), 0), " +
			"COALESCE((SELECT MAX(CreatedTime) FROM Instances), 0))").Scan(&found.newest)
	return found, err
}
