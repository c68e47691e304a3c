-- The number of the last change to any script. It is written by every change, so changes have one order.
CREATE TABLE isolet_change (number INTEGER NOT NULL);
INSERT INTO isolet_change (number) VALUES (0);

-- What a script was at some time: never changed. The text is bytes, for it may hold any character.
CREATE TABLE isolet_revisions (
    tenant TEXT NOT NULL,
    revision TEXT NOT NULL,
    kind TEXT NOT NULL,
    text BLOB NOT NULL,
    limits TEXT NOT NULL,
    permissions TEXT,
    policy TEXT,
    PRIMARY KEY (tenant, revision)
) STRICT;

-- What each script is now; one that was deleted has no revision.
CREATE TABLE isolet_scripts (
    tenant TEXT NOT NULL,
    script TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision TEXT,
    change INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, script)
) STRICT;

-- Every change there was.
CREATE TABLE isolet_history (
    change INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    script TEXT NOT NULL,
    version INTEGER NOT NULL,
    action TEXT NOT NULL,
    revision TEXT,
    at_ms INTEGER NOT NULL,
    UNIQUE (tenant, script, version)
) STRICT;

CREATE TABLE isolet_bytecode (
    key BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,
    compile_us INTEGER NOT NULL,
    saved_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX isolet_bytecode_by_age ON isolet_bytecode (saved_ms);

CREATE TABLE isolet_records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    id TEXT NOT NULL,
    script TEXT NOT NULL,
    revision TEXT,
    status TEXT NOT NULL,
    run_us INTEGER NOT NULL,
    report TEXT NOT NULL,
    input TEXT
) STRICT;
CREATE INDEX isolet_records_by_id ON isolet_records (tenant, id);
CREATE INDEX isolet_records_by_time ON isolet_records (tenant, at_ms, number);
CREATE INDEX isolet_records_by_script ON isolet_records (tenant, script, at_ms, number);
CREATE INDEX isolet_records_by_status ON isolet_records (tenant, status, at_ms, number);
CREATE INDEX isolet_records_by_age ON isolet_records (at_ms);
