package main

const schemaVersion = 1

// Times are nanoseconds since 1970. The tables are mostly durabletask-go's; what the columns add is what
// its own store loses: the run that a message is for, the order of messages, the parent, the tags.
// Locks are not stored: this process alone owns the file, so a lock ends with it.
const schema = `
BEGIN IMMEDIATE;
CREATE TABLE Instances (
	InstanceID        TEXT PRIMARY KEY NOT NULL,
	ExecutionID       TEXT NOT NULL,
	Name              TEXT NOT NULL,
	Version           TEXT NULL,
	Status            INTEGER NOT NULL,
	CreatedTime       INTEGER NOT NULL,
	LastUpdatedTime   INTEGER NOT NULL,
	CompletedTime     INTEGER NULL,
	ScheduledTime     INTEGER NULL,
	Output            TEXT NULL,
	CustomStatus      TEXT NULL,
	FailureDetails    BLOB NULL,
	ParentInstanceID  TEXT NULL,
	ParentExecutionID TEXT NULL,
	Tags              BLOB NULL,
	HistoryLength     INTEGER NOT NULL DEFAULT 0
);
-- Apart from Instances, whose rows are written anew in every turn: this one holds the input.
CREATE TABLE Starts (
	InstanceID TEXT PRIMARY KEY NOT NULL,
	StartEvent BLOB NOT NULL
);
CREATE INDEX IX_Instances_Created ON Instances(CreatedTime, InstanceID);
CREATE INDEX IX_Instances_Completed ON Instances(CompletedTime, InstanceID) WHERE CompletedTime IS NOT NULL;
CREATE INDEX IX_Instances_Parent ON Instances(ParentInstanceID) WHERE ParentInstanceID IS NOT NULL;

CREATE TABLE History (
	InstanceID     TEXT NOT NULL,
	SequenceNumber INTEGER NOT NULL,
	EventPayload   BLOB NOT NULL,
	PRIMARY KEY (InstanceID, SequenceNumber)
) WITHOUT ROWID;

CREATE TABLE NewEvents (
	SequenceNumber INTEGER PRIMARY KEY AUTOINCREMENT,
	InstanceID     TEXT NOT NULL,
	VisibleTime    INTEGER NOT NULL, -- 0: before all others, for what begins a run
	Kind           INTEGER NOT NULL,
	EventPayload   BLOB NOT NULL
);
CREATE INDEX IX_NewEvents_Instance ON NewEvents(InstanceID, VisibleTime, SequenceNumber);

-- Numbers are never used again: a late answer to a purged task must not match another's.
CREATE TABLE NewTasks (
	SequenceNumber INTEGER PRIMARY KEY AUTOINCREMENT,
	InstanceID     TEXT NOT NULL,
	ExecutionID    TEXT NOT NULL,
	Name           TEXT NOT NULL,
	Version        TEXT NULL,
	EventPayload   BLOB NOT NULL
);
CREATE INDEX IX_NewTasks_Instance ON NewTasks(InstanceID);
PRAGMA user_version = 1; -- schemaVersion
COMMIT;
`
