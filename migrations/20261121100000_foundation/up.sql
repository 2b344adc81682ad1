-- What every later migration stands on. The role kith_app, as which the server works, is made by the server before
-- migrations run, because roles belong to the whole cluster and not to one database.

-- Protects a tenant table: row-level security for everyone, its owner included, and plain rights for the server.
-- The sub-select is evaluated once a statement, and the primary key stays usable.
CREATE FUNCTION kith_protect(protected regclass, rights text DEFAULT 'SELECT, INSERT, UPDATE') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = (SELECT nullif(current_setting(''app.tenant'', true), '''')::uuid))', protected);
    EXECUTE format('GRANT %s ON %s TO kith_app', rights, protected);
END $$;

-- One row about this installation. Not a tenant table: it is read before any tenant is known.
CREATE TABLE instance (
    singleton boolean NOT NULL DEFAULT true,
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    cursor_secret bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
    CONSTRAINT instance_pkey PRIMARY KEY (singleton),
    CONSTRAINT instance_singleton_check CHECK (singleton)
);
COMMENT ON TABLE instance IS 'This installation: the epoch changes when a dump is restored, the secret signs cursors';
INSERT INTO instance DEFAULT VALUES;
GRANT SELECT ON instance TO kith_app;

-- Finds a tenant by its short name at login, before a tenant is known; a reference table when sharded.
CREATE TABLE tenant_directory (
    slug text NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT tenant_directory_pkey PRIMARY KEY (slug)
);
COMMENT ON TABLE tenant_directory IS 'Short names of tenants, readable before a tenant is known';
GRANT SELECT, INSERT ON tenant_directory TO kith_app;

CREATE TABLE tenants (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    slug text NOT NULL,
    locale text NOT NULL,
    time_zone text NOT NULL,
    reporting_currency text NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tenants_tenant_id_check CHECK (tenant_id = id)
);
CREATE INDEX tenants_created_at_idx ON tenants (tenant_id, created_at, id);
CREATE INDEX tenants_updated_at_idx ON tenants (tenant_id, updated_at, id);
COMMENT ON TABLE tenants IS 'An organisation that uses Kith; everything else belongs to one';
SELECT kith_protect('tenants');

CREATE TABLE audit_log (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    request_id uuid,
    channel text NOT NULL,
    address text,
    resource text NOT NULL,
    record_id uuid NOT NULL,
    version integer NOT NULL,
    operation text NOT NULL,
    changed_fields text[] NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT audit_log_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_record_id_idx ON audit_log (tenant_id, record_id, version);
COMMENT ON TABLE audit_log IS 'Who did what to which record, when and from where, with before and after; the server can only add to it';
SELECT kith_protect('audit_log', 'SELECT, INSERT');

-- The position is (xid, seq): readers take what lies below the snapshot horizon, so that a late commit is never missed.
CREATE TABLE change_log (
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq bigint GENERATED ALWAYS AS IDENTITY,
    resource text NOT NULL,
    record_id uuid NOT NULL,
    version integer NOT NULL,
    operation text NOT NULL,
    changed_fields text[] NOT NULL,
    audit_id uuid NOT NULL,
    CONSTRAINT change_log_pkey PRIMARY KEY (tenant_id, xid, seq)
);
COMMENT ON TABLE change_log IS 'Every committed change in commit order; before and after stand in the audit row it names';
SELECT kith_protect('change_log', 'SELECT, INSERT');

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL,
    principal_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, principal_id, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (tenant_id, created_at);
COMMENT ON TABLE idempotency_keys IS 'Answers to writes that carried an idempotency key, committed with the write, kept for 48 hours';
SELECT kith_protect('idempotency_keys', 'SELECT, INSERT, DELETE');
