-- Programs that caches held when it was noted last, for an engine and an environment; place 0 was used last.
CREATE TABLE isolet_bytecode_uses (
    key BLOB PRIMARY KEY REFERENCES isolet_bytecode (key) ON DELETE CASCADE,
    target BLOB NOT NULL,
    noted_ms INTEGER NOT NULL,
    place INTEGER NOT NULL
) STRICT;
CREATE INDEX isolet_bytecode_uses_by_time ON isolet_bytecode_uses (target, noted_ms DESC, place);
