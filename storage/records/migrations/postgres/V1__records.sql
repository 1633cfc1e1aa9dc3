CREATE TABLE collections (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    keys text COLLATE "C" NOT NULL
);

CREATE TABLE documents (
    collection text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body json NOT NULL,
    unique1 text COLLATE "C", unique2 text COLLATE "C", unique3 text COLLATE "C", unique4 text COLLATE "C",
    key1 text COLLATE "C", key2 text COLLATE "C", key3 text COLLATE "C", key4 text COLLATE "C",
    key5 text COLLATE "C", key6 text COLLATE "C", key7 text COLLATE "C", key8 text COLLATE "C",
    due bigint,
    fence bigint NOT NULL DEFAULT 0,
    leased_until bigint,
    PRIMARY KEY (collection, tenant, id)
) WITH (fillfactor = 85);

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
    log text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    at bigint NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (log, tenant, sequence)
);

-- The last sequence of each log; its row is the lock under which the next one is given out.
CREATE TABLE heads (
    log text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (log, tenant)
);

CREATE TABLE leases (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    fence bigint NOT NULL,
    until bigint NOT NULL
);

CREATE TABLE outbox (
    serial bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence bigint UNIQUE,
    id text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    body json NOT NULL
);

CREATE INDEX outbox_new ON outbox (serial) WHERE sequence IS NULL;

CREATE TABLE consumers (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    sequence bigint NOT NULL
);
