-- A client that was cut off sends its changes again; what came of them is told again, and nothing is done twice.
CREATE TABLE pushed_changes (
    tenant_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    client_id uuid NOT NULL,
    change_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    result jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pushed_changes_pkey PRIMARY KEY (tenant_id, principal_id, client_id, change_id)
);
CREATE INDEX pushed_changes_created_at_idx ON pushed_changes (tenant_id, created_at);
COMMENT ON TABLE pushed_changes IS 'What came of changes that clients made offline, kept so that sending them again does nothing';
SELECT kith_protect('pushed_changes', 'SELECT, INSERT, DELETE');
