-- Work that is done later: a queue in the tenant's own rows, and a list over all tenants of when to look at which.

CREATE TABLE jobs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    kind text NOT NULL,
    state text NOT NULL,
    payload jsonb NOT NULL,
    progress jsonb NOT NULL,
    result jsonb,
    error text,
    attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    run_after timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    unique_key text,
    lease uuid,
    lease_until timestamptz,
    CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT jobs_unique_key_key UNIQUE (tenant_id, kind, unique_key),
    CONSTRAINT jobs_state_check CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT jobs_attempts_check CHECK (attempts >= 0 AND max_attempts >= 1),
    CONSTRAINT jobs_lease_check CHECK ((state = 'RUNNING') = (lease IS NOT NULL) AND (lease IS NULL) = (lease_until IS NULL))
);
CREATE INDEX jobs_created_at_idx ON jobs (tenant_id, created_at, id);
CREATE INDEX jobs_updated_at_idx ON jobs (tenant_id, updated_at, id);
CREATE INDEX jobs_kind_idx ON jobs (tenant_id, kind, id);
CREATE INDEX jobs_run_after_idx ON jobs (tenant_id, run_after, id) WHERE state IN ('QUEUED', 'RUNNING');
CREATE INDEX jobs_finished_at_idx ON jobs (tenant_id, finished_at, id) WHERE finished_at IS NOT NULL;
COMMENT ON TABLE jobs IS 'Work that is done later, by whichever worker claims it; what has ended is kept for a while';
SELECT kith_protect('jobs', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE schedules (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    kind text NOT NULL,
    cadence text NOT NULL,
    is_enabled boolean NOT NULL,
    next_run_at timestamptz NOT NULL,
    last_run_at timestamptz,
    last_job_id uuid,
    CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT schedules_kind_key UNIQUE (tenant_id, kind)
);
CREATE INDEX schedules_created_at_idx ON schedules (tenant_id, created_at, id);
CREATE INDEX schedules_updated_at_idx ON schedules (tenant_id, updated_at, id);
CREATE INDEX schedules_next_run_at_idx ON schedules (tenant_id, next_run_at, id);
COMMENT ON TABLE schedules IS 'Work that comes again and again: when it runs next, and when it ran last';
SELECT kith_protect('schedules');

-- Only added to and deleted from, never updated, so that no two writers wait for each other here. Not a tenant table:
-- it is read to find out which tenants there is work for.
CREATE TABLE job_wakes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    CONSTRAINT job_wakes_pkey PRIMARY KEY (id)
);
CREATE INDEX job_wakes_due_at_idx ON job_wakes (due_at);
COMMENT ON TABLE job_wakes IS 'When to look whether a tenant has work to do; a tenant that is not in it has none';
GRANT SELECT, INSERT, DELETE ON job_wakes TO kith_app;
INSERT INTO job_wakes (tenant_id, due_at) SELECT tenant_id, now() FROM tenant_directory;
