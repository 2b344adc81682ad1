CREATE TABLE bulk_loads (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    resource text NOT NULL,
    mode text NOT NULL,
    format text NOT NULL,
    system text,
    status text NOT NULL,
    is_job boolean NOT NULL,
    job_id uuid,
    is_dry_run boolean NOT NULL,
    lines integer NOT NULL,
    created integer NOT NULL,
    updated integer NOT NULL,
    unchanged integer NOT NULL,
    failed integer NOT NULL,
    problem jsonb,
    finished_at timestamptz,
    key text NOT NULL,
    request text NOT NULL,
    holder uuid,
    seen_at timestamptz NOT NULL,
    received integer NOT NULL,
    received_digest text NOT NULL,
    done integer NOT NULL,
    done_digest text NOT NULL,
    CONSTRAINT bulk_loads_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bulk_loads_mode_check CHECK (mode IN ('UPSERT', 'INSERT')),
    CONSTRAINT bulk_loads_format_check CHECK (format IN ('NDJSON', 'CSV')),
    CONSTRAINT bulk_loads_status_check CHECK (status IN ('RECEIVING', 'WAITING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'))
);
CREATE UNIQUE INDEX bulk_loads_created_by_key_key ON bulk_loads (tenant_id, created_by, key) WHERE archived_at IS NULL;
CREATE INDEX bulk_loads_created_at_idx ON bulk_loads (tenant_id, created_at, id);
CREATE INDEX bulk_loads_updated_at_idx ON bulk_loads (tenant_id, updated_at, id);
COMMENT ON TABLE bulk_loads IS 'Files of records that were loaded, and how far each is';
SELECT kith_protect('bulk_loads');

CREATE TABLE bulk_parts (
    tenant_id uuid NOT NULL,
    load_id uuid NOT NULL,
    number integer NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT bulk_parts_pkey PRIMARY KEY (tenant_id, load_id, number),
    CONSTRAINT bulk_parts_load_id_fkey FOREIGN KEY (tenant_id, load_id) REFERENCES bulk_loads (tenant_id, id)
);
COMMENT ON TABLE bulk_parts IS 'What a job has received and not written yet';
SELECT kith_protect('bulk_parts', 'SELECT, INSERT, DELETE');

CREATE TABLE bulk_results (
    tenant_id uuid NOT NULL,
    load_id uuid NOT NULL,
    number integer NOT NULL,
    created_at timestamptz NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT bulk_results_pkey PRIMARY KEY (tenant_id, load_id, number),
    CONSTRAINT bulk_results_load_id_fkey FOREIGN KEY (tenant_id, load_id) REFERENCES bulk_loads (tenant_id, id)
);
CREATE INDEX bulk_results_created_at_idx ON bulk_results (tenant_id, created_at);
COMMENT ON TABLE bulk_results IS 'What came of each line of a load, committed with its records, kept for 48 hours';
SELECT kith_protect('bulk_results', 'SELECT, INSERT, DELETE');
