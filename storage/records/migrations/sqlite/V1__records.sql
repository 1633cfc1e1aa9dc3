CREATE TABLE collections (
    name TEXT NOT NULL PRIMARY KEY,
    keys TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    collection TEXT NOT NULL,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    unique1 TEXT, unique2 TEXT, unique3 TEXT, unique4 TEXT,
    key1 TEXT, key2 TEXT, key3 TEXT, key4 TEXT,
    key5 TEXT, key6 TEXT, key7 TEXT, key8 TEXT,
    due INTEGER,
    fence INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER,
    PRIMARY KEY (collection, tenant, id)
) STRICT;

CREATE INDEX documents_created ON documents (collection, tenant, created_at, id);
CREATE INDEX documents_due ON documents (collection, due) WHERE due IS NOT NULL;
CREATE UNIQUE INDEX documents_unique1 ON documents (collection, tenant, unique1) WHERE unique1 IS NOT NULL;
CREATE UNIQUE INDEX documents_unique2 ON documents (collection, tenant, unique2) WHERE unique2 IS NOT NULL;
CREATE UNIQUE INDEX documents_unique3 ON documents (collection, tenant, unique3) WHERE unique3 IS NOT NULL;
CREATE UNIQUE INDEX documents_unique4 ON documents (collection, tenant, unique4) WHERE unique4 IS NOT NULL;
CREATE INDEX documents_everywhere1 ON documents (collection, unique1) WHERE unique1 IS NOT NULL;
CREATE INDEX documents_everywhere2 ON documents (collection, unique2) WHERE unique2 IS NOT NULL;
CREATE INDEX documents_everywhere3 ON documents (collection, unique3) WHERE unique3 IS NOT NULL;
CREATE INDEX documents_everywhere4 ON documents (collection, unique4) WHERE unique4 IS NOT NULL;
CREATE INDEX documents_key1 ON documents (collection, tenant, key1, id) WHERE key1 IS NOT NULL;
CREATE INDEX documents_key2 ON documents (collection, tenant, key2, id) WHERE key2 IS NOT NULL;
CREATE INDEX documents_key3 ON documents (collection, tenant, key3, id) WHERE key3 IS NOT NULL;
CREATE INDEX documents_key4 ON documents (collection, tenant, key4, id) WHERE key4 IS NOT NULL;
CREATE INDEX documents_key5 ON documents (collection, tenant, key5, id) WHERE key5 IS NOT NULL;
CREATE INDEX documents_key6 ON documents (collection, tenant, key6, id) WHERE key6 IS NOT NULL;
CREATE INDEX documents_key7 ON documents (collection, tenant, key7, id) WHERE key7 IS NOT NULL;
CREATE INDEX documents_key8 ON documents (collection, tenant, key8, id) WHERE key8 IS NOT NULL;

CREATE TABLE entries (
    log TEXT NOT NULL,
    tenant TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (log, tenant, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    sequence INTEGER UNIQUE,
    id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    topic TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX outbox_new ON outbox (serial) WHERE sequence IS NULL;

CREATE TABLE consumers (
    name TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
