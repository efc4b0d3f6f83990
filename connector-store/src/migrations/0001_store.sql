-- The document is the one truth: what is searched by is generated from it.
CREATE TABLE connectors (
    id        TEXT PRIMARY KEY NOT NULL,
    document  TEXT NOT NULL,
    name      TEXT GENERATED ALWAYS AS (document ->> '$.name') VIRTUAL NOT NULL,
    type      TEXT GENERATED ALWAYS AS (document ->> '$.type') VIRTUAL NOT NULL,
    owner     TEXT GENERATED ALWAYS AS (document ->> '$.owner') VIRTUAL NOT NULL,
    workspace TEXT GENERATED ALWAYS AS (document ->> '$.workspace') VIRTUAL NOT NULL
) STRICT;
CREATE UNIQUE INDEX connectors_by_name ON connectors (name);
CREATE INDEX connectors_by_type ON connectors (type, name);
CREATE INDEX connectors_by_owner ON connectors (owner, name);
CREATE INDEX connectors_by_workspace ON connectors (workspace, name);

-- The key that is in use, at most one. The key itself is elsewhere; `proof` tells whether a key is the one.
CREATE TABLE master_key (
    only_one INTEGER PRIMARY KEY NOT NULL DEFAULT 1 CHECK (only_one = 1),
    id       TEXT NOT NULL,
    source   TEXT NOT NULL,
    location TEXT,
    kdf      TEXT,
    proof    BLOB NOT NULL,
    retired  TEXT,
    created  INTEGER NOT NULL
) STRICT;

-- A data key per connector, wrapped by the master key and bound to all that belongs to the connector.
CREATE TABLE seals (
    connector_id TEXT PRIMARY KEY NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    key_id       TEXT NOT NULL,
    edition      INTEGER NOT NULL,
    wrapped      BLOB NOT NULL
) STRICT;

CREATE TABLE secrets (
    secret_id    TEXT NOT NULL,
    field        TEXT NOT NULL,
    connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    edition      INTEGER NOT NULL,
    sealed       BLOB NOT NULL,
    PRIMARY KEY (secret_id, field)
) STRICT;
CREATE INDEX secrets_by_connector ON secrets (connector_id);

-- What a method keeps between calls, such as the tokens of a device login.
CREATE TABLE kept (
    connector_id TEXT NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    edition      INTEGER NOT NULL,
    sealed       BLOB NOT NULL,
    PRIMARY KEY (connector_id, key)
) STRICT;

-- Outlives the connectors it speaks of. A number is never used twice, so that a gap is seen.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    action        TEXT NOT NULL,
    caller        TEXT NOT NULL,
    connector_id  TEXT,
    connector     TEXT,
    version       INTEGER,
    resource_type TEXT,
    resource_id   TEXT,
    within        TEXT,
    access        TEXT,
    narrowed      INTEGER,
    narrowing     TEXT,
    long_lived    INTEGER NOT NULL,
    expires_at    INTEGER,
    never         TEXT,
    process       INTEGER,
    host          TEXT,
    detail        TEXT
) STRICT;
CREATE INDEX audit_by_connector ON audit (connector, seq);
