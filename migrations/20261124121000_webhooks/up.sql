-- Webhooks: who is told what, what has to be told, and how that went. The change log is the outbox: an endpoint reads it
-- from its cursor, and its deliveries are made in the transaction that moves the cursor on.

CREATE TABLE webhook_endpoints (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    url text NOT NULL,
    description text,
    event_types jsonb NOT NULL,
    filters jsonb,
    changed_fields jsonb,
    payload_fields jsonb,
    state text NOT NULL,
    disabled_reason text,
    disabled_at timestamptz,
    cursor text,
    secret text,
    rotated_at timestamptz,
    acts_for uuid,
    failures integer NOT NULL,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_endpoints_state_check CHECK (state IN ('ENABLED', 'DISABLED')),
    CONSTRAINT webhook_endpoints_secret_check CHECK (secret IS NULL)
);
CREATE INDEX webhook_endpoints_created_at_idx ON webhook_endpoints (tenant_id, created_at, id);
CREATE INDEX webhook_endpoints_updated_at_idx ON webhook_endpoints (tenant_id, updated_at, id);
COMMENT ON TABLE webhook_endpoints IS 'Where changes are sent, which, and how far the change feed was read for it';
COMMENT ON COLUMN webhook_endpoints.secret IS 'Always null: the member of the answer in which a new secret is shown once';
SELECT kith_protect('webhook_endpoints');

CREATE TABLE webhook_secrets (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_secrets_endpoint_id_fkey FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id)
);
CREATE INDEX webhook_secrets_endpoint_id_idx ON webhook_secrets (tenant_id, endpoint_id, id);
COMMENT ON TABLE webhook_secrets IS 'Secrets that webhooks are signed with, sealed; two while they are being changed';
SELECT kith_protect('webhook_secrets', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    resource text NOT NULL,
    record_id uuid NOT NULL,
    record_version integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamptz,
    finished_at timestamptz,
    last_status integer,
    last_error text,
    cursor text,
    lease uuid,
    lease_until timestamptz,
    change_xid xid8 NOT NULL DEFAULT '0',
    change_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_deliveries_endpoint_id_fkey FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id),
    CONSTRAINT webhook_deliveries_event_id_key UNIQUE (tenant_id, endpoint_id, event_id),
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
    CONSTRAINT webhook_deliveries_next_attempt_at_check CHECK ((state = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_lease_check CHECK ((lease IS NULL) = (lease_until IS NULL) AND (lease IS NULL OR state = 'PENDING'))
);
CREATE INDEX webhook_deliveries_created_at_idx ON webhook_deliveries (tenant_id, created_at, id);
CREATE INDEX webhook_deliveries_updated_at_idx ON webhook_deliveries (tenant_id, updated_at, id);
CREATE INDEX webhook_deliveries_state_idx ON webhook_deliveries (tenant_id, state, id);
CREATE INDEX webhook_deliveries_record_id_idx ON webhook_deliveries (tenant_id, record_id, id);
CREATE INDEX webhook_deliveries_finished_at_idx ON webhook_deliveries (tenant_id, finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (tenant_id, endpoint_id, next_attempt_at) WHERE state = 'PENDING';
CREATE INDEX webhook_deliveries_order_idx ON webhook_deliveries (tenant_id, endpoint_id, record_id, change_xid, change_seq) WHERE state = 'PENDING';
COMMENT ON TABLE webhook_deliveries IS 'What has to be told to an endpoint, one row a change; what it says stands in the audit log';
SELECT kith_protect('webhook_deliveries', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE webhook_attempts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    delivery_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    number integer NOT NULL,
    status integer,
    error text,
    duration_ms integer NOT NULL,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_attempts_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id) REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_attempts_endpoint_id_fkey FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id)
);
CREATE INDEX webhook_attempts_created_at_idx ON webhook_attempts (tenant_id, created_at, id);
CREATE INDEX webhook_attempts_updated_at_idx ON webhook_attempts (tenant_id, updated_at, id);
CREATE INDEX webhook_attempts_delivery_id_idx ON webhook_attempts (tenant_id, delivery_id, id);
CREATE INDEX webhook_attempts_endpoint_id_idx ON webhook_attempts (tenant_id, endpoint_id, id);
COMMENT ON TABLE webhook_attempts IS 'How each attempt to deliver a webhook went: when, with what status, how long it took';
SELECT kith_protect('webhook_attempts');
