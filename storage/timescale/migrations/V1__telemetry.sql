-- Telemetry as rows: one table a signal, with the columns of `model::Table`. docs/timescale.md tells what is in them.
--
-- A row carries its log (`writer`) and the last position of the segment it came in (`through`). The ledger says up to which position
-- segments are kept; a reader leaves out rows beyond what the ledger said when it looked.

CREATE TABLE writers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log uuid NOT NULL UNIQUE
);

CREATE TABLE ledger (
    writer integer NOT NULL REFERENCES writers,
    tenant text COLLATE "C" NOT NULL,
    signal text COLLATE "C" NOT NULL,
    through bigint NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    earliest timestamptz,
    latest timestamptz,
    kept_at timestamptz NOT NULL,
    folded text,
    PRIMARY KEY (writer, tenant, signal)
) WITH (fillfactor = 50);

CREATE TABLE spans_columns (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    start_time timestamptz NOT NULL,
    start_time_rest_ns smallint NOT NULL,
    end_time timestamptz NOT NULL,
    end_time_rest_ns smallint NOT NULL,
    duration_ns bigint NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    parent_span_id bytea,
    trace_state text COLLATE "C",
    flags bigint NOT NULL DEFAULT 0,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    status_code text COLLATE "C" NOT NULL,
    status_message text COLLATE "C",
    events json,
    dropped_events_count bigint NOT NULL DEFAULT 0,
    links json,
    dropped_links_count bigint NOT NULL DEFAULT 0,
    observed_time timestamptz,
    observed_time_rest_ns smallint,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    service_instance_id text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    host_name text COLLATE "C",
    k8s_cluster_name text COLLATE "C",
    k8s_namespace_name text COLLATE "C",
    k8s_deployment_name text COLLATE "C",
    k8s_pod_name text COLLATE "C",
    k8s_node_name text COLLATE "C",
    http_request_method text COLLATE "C",
    http_route text COLLATE "C",
    http_response_status_code bigint,
    url_scheme text COLLATE "C",
    url_path text COLLATE "C",
    url_full text COLLATE "C",
    server_address text COLLATE "C",
    server_port bigint,
    client_address text COLLATE "C",
    user_agent_original text COLLATE "C",
    rpc_system_name text COLLATE "C",
    rpc_service text COLLATE "C",
    rpc_method text COLLATE "C",
    rpc_response_status_code text COLLATE "C",
    db_system_name text COLLATE "C",
    db_namespace text COLLATE "C",
    db_collection_name text COLLATE "C",
    db_operation_name text COLLATE "C",
    db_query_text text COLLATE "C",
    messaging_system text COLLATE "C",
    messaging_destination_name text COLLATE "C",
    messaging_operation_type text COLLATE "C",
    peer_service text COLLATE "C",
    error_type text COLLATE "C",
    exception_type text COLLATE "C",
    exception_message text COLLATE "C",
    user_id text COLLATE "C",
    session_id text COLLATE "C",
    attributes json,
    dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    scope_attributes json,
    scope_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_schema_url text COLLATE "C",
    resource_attributes json,
    resource_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    resource_schema_url text COLLATE "C",
    otlp_residue json
);

CREATE TABLE logs_columns (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    time timestamptz NOT NULL,
    time_rest_ns smallint NOT NULL,
    observed_time timestamptz,
    observed_time_rest_ns smallint,
    severity_number integer NOT NULL DEFAULT 0,
    severity_text text COLLATE "C",
    body text COLLATE "C",
    body_type text COLLATE "C",
    event_name text COLLATE "C",
    trace_id bytea,
    span_id bytea,
    flags bigint NOT NULL DEFAULT 0,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    service_instance_id text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    host_name text COLLATE "C",
    k8s_cluster_name text COLLATE "C",
    k8s_namespace_name text COLLATE "C",
    k8s_deployment_name text COLLATE "C",
    k8s_pod_name text COLLATE "C",
    k8s_node_name text COLLATE "C",
    error_type text COLLATE "C",
    exception_type text COLLATE "C",
    exception_message text COLLATE "C",
    exception_stacktrace text COLLATE "C",
    http_request_method text COLLATE "C",
    http_route text COLLATE "C",
    http_response_status_code bigint,
    url_path text COLLATE "C",
    user_id text COLLATE "C",
    session_id text COLLATE "C",
    attributes json,
    dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    scope_attributes json,
    scope_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_schema_url text COLLATE "C",
    resource_attributes json,
    resource_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    resource_schema_url text COLLATE "C",
    otlp_residue json
);

CREATE TABLE metrics_columns (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    time timestamptz NOT NULL,
    time_rest_ns smallint NOT NULL,
    start_time timestamptz,
    start_time_rest_ns smallint,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    unit text COLLATE "C",
    type text COLLATE "C" NOT NULL,
    temporality text COLLATE "C",
    series_id bigint NOT NULL,
    flags bigint NOT NULL DEFAULT 0,
    exemplars json,
    metadata json,
    observed_time timestamptz,
    observed_time_rest_ns smallint,
    monotonic boolean,
    value double precision,
    value_int bigint,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    service_instance_id text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    host_name text COLLATE "C",
    k8s_cluster_name text COLLATE "C",
    k8s_namespace_name text COLLATE "C",
    k8s_deployment_name text COLLATE "C",
    k8s_pod_name text COLLATE "C",
    k8s_node_name text COLLATE "C",
    http_request_method text COLLATE "C",
    http_route text COLLATE "C",
    http_response_status_code bigint,
    url_scheme text COLLATE "C",
    server_address text COLLATE "C",
    server_port bigint,
    rpc_system_name text COLLATE "C",
    rpc_service text COLLATE "C",
    rpc_method text COLLATE "C",
    db_system_name text COLLATE "C",
    db_namespace text COLLATE "C",
    db_collection_name text COLLATE "C",
    db_operation_name text COLLATE "C",
    messaging_system text COLLATE "C",
    messaging_destination_name text COLLATE "C",
    error_type text COLLATE "C",
    attributes json,
    dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    scope_attributes json,
    scope_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_schema_url text COLLATE "C",
    resource_attributes json,
    resource_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    resource_schema_url text COLLATE "C",
    otlp_residue json
);

CREATE TABLE histograms_columns (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    time timestamptz NOT NULL,
    time_rest_ns smallint NOT NULL,
    start_time timestamptz,
    start_time_rest_ns smallint,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    unit text COLLATE "C",
    type text COLLATE "C" NOT NULL,
    temporality text COLLATE "C",
    series_id bigint NOT NULL,
    flags bigint NOT NULL DEFAULT 0,
    exemplars json,
    metadata json,
    observed_time timestamptz,
    observed_time_rest_ns smallint,
    count numeric(20) NOT NULL,
    sum double precision,
    min double precision,
    max double precision,
    bucket_counts numeric(20)[],
    explicit_bounds double precision[],
    scale integer,
    zero_count numeric(20),
    zero_threshold double precision,
    positive_offset integer,
    positive_counts numeric(20)[],
    negative_offset integer,
    negative_counts numeric(20)[],
    quantiles json,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    service_instance_id text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    host_name text COLLATE "C",
    k8s_cluster_name text COLLATE "C",
    k8s_namespace_name text COLLATE "C",
    k8s_deployment_name text COLLATE "C",
    k8s_pod_name text COLLATE "C",
    k8s_node_name text COLLATE "C",
    http_request_method text COLLATE "C",
    http_route text COLLATE "C",
    http_response_status_code bigint,
    url_scheme text COLLATE "C",
    server_address text COLLATE "C",
    server_port bigint,
    rpc_system_name text COLLATE "C",
    rpc_service text COLLATE "C",
    rpc_method text COLLATE "C",
    db_system_name text COLLATE "C",
    db_namespace text COLLATE "C",
    db_collection_name text COLLATE "C",
    db_operation_name text COLLATE "C",
    messaging_system text COLLATE "C",
    messaging_destination_name text COLLATE "C",
    error_type text COLLATE "C",
    attributes json,
    dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    scope_attributes json,
    scope_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    scope_schema_url text COLLATE "C",
    resource_attributes json,
    resource_dropped_attributes_count bigint NOT NULL DEFAULT 0,
    resource_schema_url text COLLATE "C",
    otlp_residue json
);

-- TimescaleDB makes hypertables of plain tables; PostgreSQL's partitioned tables are born as such. Rows whose time lies far from
-- when they came are strays: in a table of their own, so that no clock makes partitions without end.
DO $$
DECLARE
    extension text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                       WHERE e.extname = 'timescaledb');
    signal text;
    time_column text;
BEGIN
    FOR signal, time_column IN
        VALUES ('spans', 'start_time'), ('logs', 'time'), ('metrics', 'time'), ('histograms', 'time')
    LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', signal || '_strays', signal || '_columns');
        EXECUTE format('CREATE INDEX ON %I (tenant, %I)', signal || '_strays', time_column);
        IF extension IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (%I)',
                           signal, signal || '_columns', time_column);
            EXECUTE format('DROP TABLE %I', signal || '_columns');
        ELSE
            EXECUTE format('ALTER TABLE %I RENAME TO %I', signal || '_columns', signal);
            EXECUTE format('SELECT %I.create_hypertable(%L::regclass, %L::name, create_default_indexes => false, '
                           'chunk_time_interval => interval ''1 hour'')', extension, signal, time_column);
        END IF;
        EXECUTE format('CREATE INDEX ON %I USING brin (%I) WITH (autosummarize)', signal, time_column);
    END LOOP;
END $$;

CREATE INDEX ON spans (trace_id);
CREATE INDEX ON logs (trace_id) WHERE trace_id IS NOT NULL;

-- Up to when rows were deleted for their age: before, sums and spans do not say the same.
CREATE TABLE expired (
    tenant text COLLATE "C" NOT NULL,
    dataset text COLLATE "C" NOT NULL,
    through_ns bigint NOT NULL,
    PRIMARY KEY (tenant, dataset)
);

-- Sums of spans, written in the transaction of their segment. Several rows may have the same key: add them up.
CREATE TABLE service_minutes (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    minute timestamptz NOT NULL,
    minute_rest_ns smallint NOT NULL,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    status_code text COLLATE "C" NOT NULL,
    http_response_status_code bigint,
    requests bigint NOT NULL,
    errors bigint NOT NULL,
    duration_sum_ns numeric(38,0) NOT NULL,
    duration_min_ns bigint,
    duration_max_ns bigint,
    duration_sketch bytea NOT NULL
);
CREATE INDEX ON service_minutes (tenant, minute);

CREATE TABLE service_hours (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    hour timestamptz NOT NULL,
    hour_rest_ns smallint NOT NULL,
    service_name text COLLATE "C",
    service_namespace text COLLATE "C",
    service_version text COLLATE "C",
    deployment_environment_name text COLLATE "C",
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    status_code text COLLATE "C" NOT NULL,
    http_response_status_code bigint,
    requests bigint NOT NULL,
    errors bigint NOT NULL,
    duration_sum_ns numeric(38,0) NOT NULL,
    duration_min_ns bigint,
    duration_max_ns bigint,
    duration_sketch bytea NOT NULL
);
CREATE INDEX ON service_hours (tenant, hour);

CREATE TABLE service_edges (
    tenant text COLLATE "C" NOT NULL,
    writer integer NOT NULL,
    through bigint NOT NULL,
    minute timestamptz NOT NULL,
    minute_rest_ns smallint NOT NULL,
    source text COLLATE "C",
    target text COLLATE "C",
    target_kind text COLLATE "C" NOT NULL,
    system text COLLATE "C",
    kind text COLLATE "C" NOT NULL,
    deployment_environment_name text COLLATE "C",
    half text COLLATE "C",
    trace_id bytea,
    span_id bytea,
    calls bigint NOT NULL,
    errors bigint NOT NULL,
    duration_sum_ns numeric(38,0) NOT NULL,
    duration_min_ns bigint,
    duration_max_ns bigint,
    duration_sketch bytea NOT NULL
);
CREATE INDEX ON service_edges (tenant, minute);
