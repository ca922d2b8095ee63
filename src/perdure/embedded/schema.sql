-- The embedded engine's file as of the newest migration. A fresh file is made from this text in one
-- transaction; migrations/ brings an older file to the same shape (a test compares the two).
--
-- Instants are whole microseconds since 1970 UTC (_us). JSON is text. Foreign keys are not declared: the
-- engine deletes what belongs together in one transaction, and must not pay for a check on each step.
-- AUTOINCREMENT where a number must never come back: a fenced worker's id, a purged instance's pk.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per process that has the file open and takes part. It is alive for as long as it holds its lock.
-- Every commit checks that its own row is still there: the id, never used twice, is the fencing epoch.
CREATE TABLE workers (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    lock_name     TEXT    NOT NULL UNIQUE,               -- file in <database>.locks/
    pid           INTEGER NOT NULL,
    port          INTEGER NOT NULL,                      -- UDP on 127.0.0.1 for pokes; 0 is none
    role          TEXT    NOT NULL CHECK (role IN ('worker', 'client')),
    workflows     TEXT    NOT NULL DEFAULT '[]',         -- JSON list of the names it can run
    started_at_us INTEGER NOT NULL
) STRICT;

-- A workflow instance: its key, what is known of it without its journal, and who may advance it.
--   owner       NULL, or the worker that has it loaded
--   wake_at_us  NULL: only an inbox row can wake it; 0: ready now; else its earliest deadline
CREATE TABLE instances (
    pk                    INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id           TEXT    NOT NULL UNIQUE,
    run_id                TEXT    NOT NULL,
    run_number            INTEGER NOT NULL DEFAULT 1,
    workflow              TEXT    NOT NULL,
    status                TEXT    NOT NULL CHECK (status IN (
        'pending', 'running', 'suspended', 'stalled', 'completed', 'failed', 'terminated')),
    owner                 INTEGER,
    wake_at_us            INTEGER,
    created_at_us         INTEGER NOT NULL,
    updated_at_us         INTEGER NOT NULL,
    finished_at_us        INTEGER,
    start_at_us           INTEGER,
    execution_timeout_us  INTEGER,                       -- what a restart counts its deadline from
    execution_deadline_us INTEGER,
    seed                  TEXT    NOT NULL,              -- of the run's random numbers; a rerun keeps it
    parent_instance_id    TEXT,
    parent_run_id         TEXT,
    parent_command_id     INTEGER,
    on_parent_end         TEXT CHECK (on_parent_end IN ('terminate', 'abandon')),
    reason                TEXT,                          -- why it is stalled, suspended or terminated
    headers               TEXT    NOT NULL DEFAULT '{}',
    tags                  TEXT    NOT NULL DEFAULT '{}',
    custom_status         TEXT,
    failure               TEXT,
    carried               TEXT,                          -- events that continue-as-new hands to this run
    arguments             TEXT    NOT NULL,
    output                TEXT,
    -- What has ended has an end, no owner, and nothing that could wake it.
    CHECK ((status IN ('completed', 'failed', 'terminated')) = (finished_at_us IS NOT NULL)),
    CHECK (finished_at_us IS NULL OR (owner IS NULL AND wake_at_us IS NULL))
) STRICT;

-- What can be claimed, by workflow, so that those nobody here knows cost no scan.
CREATE INDEX instances_claimable ON instances (workflow, wake_at_us)
    WHERE owner IS NULL AND wake_at_us IS NOT NULL;
CREATE INDEX instances_owned ON instances (owner) WHERE owner IS NOT NULL;
CREATE INDEX instances_stalled ON instances (workflow) WHERE status = 'stalled';
CREATE INDEX instances_children ON instances (parent_instance_id, parent_run_id)
    WHERE parent_instance_id IS NOT NULL;
CREATE INDEX instances_finished ON instances (finished_at_us) WHERE finished_at_us IS NOT NULL;

-- Earlier runs of an instance whose journal is kept; the current run is in its instance's row.
CREATE TABLE past_runs (
    instance_pk INTEGER NOT NULL,
    run_number  INTEGER NOT NULL,
    run_id      TEXT    NOT NULL,
    PRIMARY KEY (instance_pk, run_number)
) STRICT, WITHOUT ROWID;

-- One row per step: its input and the commands that came of it, as JSON Lines. A conflict of seq means
-- that somebody else advanced the instance. Rows lie in the order of arrival, not by key: a group commit
-- of many instances then fills few pages (two to four times the rate of WITHOUT ROWID, measured).
CREATE TABLE journal (
    instance_pk INTEGER NOT NULL,
    run_number  INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    entries     TEXT    NOT NULL,
    PRIMARY KEY (instance_pk, run_number, seq)
) STRICT;

-- What waits for the owner of an instance, in the order of arrival over all processes. Deleted in the
-- transaction of the step that takes it in.
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_pk INTEGER NOT NULL,
    run_id      TEXT,                                    -- only for that run; NULL is for any
    kind        TEXT    NOT NULL,
    body        TEXT    NOT NULL
) STRICT;

CREATE INDEX inbox_by_instance ON inbox (instance_pk, id);
CREATE INDEX inbox_terminations ON inbox (id) WHERE kind = 'terminate';

-- At-most-once activities, written before they run.
CREATE TABLE started (
    instance_pk INTEGER NOT NULL,
    run_number  INTEGER NOT NULL,
    command_id  INTEGER NOT NULL,
    PRIMARY KEY (instance_pk, run_number, command_id)
) STRICT, WITHOUT ROWID;
