CREATE TABLE connectors (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    system text NOT NULL,
    description text,
    default_authority text NOT NULL,
    is_paused boolean NOT NULL,
    last_seen_at timestamptz,
    CONSTRAINT connectors_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT connectors_default_authority_check CHECK (default_authority IN ('EXTERNAL', 'CRM', 'NEWEST'))
);
CREATE UNIQUE INDEX connectors_system_key ON connectors (tenant_id, system) WHERE archived_at IS NULL;
CREATE INDEX connectors_created_at_idx ON connectors (tenant_id, created_at, id);
CREATE INDEX connectors_updated_at_idx ON connectors (tenant_id, updated_at, id);
CREATE INDEX connectors_name_idx ON connectors (tenant_id, name, id);
COMMENT ON TABLE connectors IS 'Another system that sends its records under agreed rules';
SELECT kith_protect('connectors');

CREATE TABLE connector_fields (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    connector_id uuid NOT NULL,
    resource text NOT NULL,
    field text NOT NULL,
    authority text NOT NULL,
    CONSTRAINT connector_fields_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT connector_fields_connector_id_fkey FOREIGN KEY (tenant_id, connector_id) REFERENCES connectors (tenant_id, id),
    CONSTRAINT connector_fields_authority_check CHECK (authority IN ('EXTERNAL', 'CRM', 'NEWEST'))
);
CREATE UNIQUE INDEX connector_fields_connector_id_resource_field_key ON connector_fields (tenant_id, connector_id, resource, field) WHERE archived_at IS NULL;
CREATE INDEX connector_fields_connector_id_idx ON connector_fields (tenant_id, connector_id, id);
CREATE INDEX connector_fields_created_at_idx ON connector_fields (tenant_id, created_at, id);
CREATE INDEX connector_fields_updated_at_idx ON connector_fields (tenant_id, updated_at, id);
COMMENT ON TABLE connector_fields IS 'Who decides a field of a resource: the other system, this one, or whoever changed it last';
SELECT kith_protect('connector_fields');

-- When the other system changed what it sent, by its own account: what comes later than that is newer, however late it was sent.
CREATE TABLE connector_changes (
    tenant_id uuid NOT NULL,
    connector_id uuid NOT NULL,
    resource text NOT NULL,
    record_id uuid NOT NULL,
    field text NOT NULL,
    changed_at timestamptz NOT NULL,
    taken_at timestamptz NOT NULL,
    CONSTRAINT connector_changes_pkey PRIMARY KEY (tenant_id, connector_id, resource, record_id, field),
    CONSTRAINT connector_changes_connector_id_fkey FOREIGN KEY (tenant_id, connector_id) REFERENCES connectors (tenant_id, id)
);
COMMENT ON TABLE connector_changes IS 'When a connector''s system changed a field whose newest change wins, and when that was taken';
SELECT kith_protect('connector_changes', 'SELECT, INSERT, UPDATE');
