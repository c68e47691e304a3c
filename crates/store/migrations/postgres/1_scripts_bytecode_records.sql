-- The number of the last change to any script. It is written by every change, so changes have one order.
CREATE TABLE isolet_change (number BIGINT NOT NULL);
INSERT INTO isolet_change (number) VALUES (0);

-- What a script was at some time: never changed. The text is bytes, for it may hold any character.
CREATE TABLE isolet_revisions (
    tenant TEXT COLLATE "C" NOT NULL,
    revision TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    text BYTEA NOT NULL,
    limits TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C",
    policy TEXT COLLATE "C",
    PRIMARY KEY (tenant, revision)
);

-- What each script is now; one that was deleted has no revision.
CREATE TABLE isolet_scripts (
    tenant TEXT COLLATE "C" NOT NULL,
    script TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    revision TEXT COLLATE "C",
    change BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant, script)
);

-- Every change there was.
CREATE TABLE isolet_history (
    change BIGINT PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    script TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    revision TEXT COLLATE "C",
    at_ms BIGINT NOT NULL,
    UNIQUE (tenant, script, version)
);

CREATE TABLE isolet_bytecode (
    key BYTEA PRIMARY KEY,
    sealed BYTEA NOT NULL,
    compile_us BIGINT NOT NULL,
    saved_ms BIGINT NOT NULL
);
CREATE INDEX isolet_bytecode_by_age ON isolet_bytecode (saved_ms);

CREATE TABLE isolet_records (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    script TEXT COLLATE "C" NOT NULL,
    revision TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    run_us BIGINT NOT NULL,
    report TEXT COLLATE "C" NOT NULL,
    input TEXT COLLATE "C"
);
CREATE INDEX isolet_records_by_id ON isolet_records (tenant, id);
CREATE INDEX isolet_records_by_time ON isolet_records (tenant, at_ms, number);
CREATE INDEX isolet_records_by_script ON isolet_records (tenant, script, at_ms, number);
CREATE INDEX isolet_records_by_status ON isolet_records (tenant, status, at_ms, number);
CREATE INDEX isolet_records_by_age ON isolet_records (at_ms);
