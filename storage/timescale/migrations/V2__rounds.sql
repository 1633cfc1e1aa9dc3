-- Sums of spans are added up in rounds. A round of a tenant is one transaction: it says of some rows of a rollup that they count no longer,
-- and adds the rows that they sum up to. A query is as of a round: it counts rows from that round or before, to a later one or to none.
-- docs/adr/0012-rollups.md.

-- Indexes are made of what is there already, however much that is.
SET LOCAL statement_timeout = 0;

-- A round's number is its time in microseconds since 1970, or the next number where that is not greater.
CREATE TABLE rounds (
    tenant text COLLATE "C" PRIMARY KEY,
    latest bigint NOT NULL DEFAULT 0,
    -- Rows that counted before this round are deleted.
    deleted bigint NOT NULL DEFAULT 0
);

-- True when all rows are there that a query as of this round counts; an error when some are deleted.
CREATE FUNCTION has_round(of_tenant text, round bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $$
BEGIN
    IF EXISTS (SELECT FROM rounds WHERE tenant = of_tenant AND deleted > round) THEN
        RAISE EXCEPTION 'rows of round % of tenant % are deleted', round, of_tenant USING ERRCODE = 'OBS01';
    END IF;
    RETURN true;
END $$;

-- `from_round` is 0 in rows that came with their segment, and NULL in `to_round` is for rows that count.
ALTER TABLE service_minutes ADD COLUMN from_round bigint NOT NULL DEFAULT 0, ADD COLUMN to_round bigint;
ALTER TABLE service_hours ADD COLUMN from_round bigint NOT NULL DEFAULT 0, ADD COLUMN to_round bigint;
ALTER TABLE service_edges ADD COLUMN from_round bigint NOT NULL DEFAULT 0, ADD COLUMN to_round bigint;

-- What is to be added up. Halves of calls are, whoever wrote them.
CREATE INDEX service_minutes_to_add ON service_minutes (tenant, minute) WHERE to_round IS NULL AND from_round = 0;
CREATE INDEX service_hours_to_add ON service_hours (tenant, hour) WHERE to_round IS NULL AND from_round = 0;
CREATE INDEX service_edges_to_add ON service_edges (tenant, minute)
    WHERE to_round IS NULL AND (from_round = 0 OR half IS NOT NULL);
-- The other side of a call.
CREATE INDEX service_edges_halves ON service_edges (trace_id, span_id) WHERE to_round IS NULL AND half IS NOT NULL;

-- What is to be deleted.
CREATE INDEX service_minutes_to_delete ON service_minutes (to_round) WHERE to_round IS NOT NULL;
CREATE INDEX service_hours_to_delete ON service_hours (to_round) WHERE to_round IS NOT NULL;
CREATE INDEX service_edges_to_delete ON service_edges (to_round) WHERE to_round IS NOT NULL;
