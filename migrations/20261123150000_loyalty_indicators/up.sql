-- Signs of loyalty as other systems measure them: one value an account, sign and system, the latest.
CREATE TABLE loyalty_indicators (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    system text NOT NULL,
    raw numeric(19,4),
    normalized numeric(19,4),
    window_days integer NOT NULL,
    observed_on date NOT NULL,
    evidence text,
    state text NOT NULL,
    CONSTRAINT loyalty_indicators_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_indicators_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT loyalty_indicators_kind_check CHECK (kind IN ('REPEAT_PURCHASE', 'SHARE_OF_NEED', 'BRAND_CONCERN', 'TIME_TO_CHOOSE', 'PRICE_SENSITIVITY', 'COMPETITOR_STANCE', 'FAILURE_TOLERANCE', 'PRODUCT_APPROVAL')),
    CONSTRAINT loyalty_indicators_normalized_check CHECK (normalized BETWEEN 0 AND 100),
    CONSTRAINT loyalty_indicators_window_days_check CHECK (window_days > 0),
    CONSTRAINT loyalty_indicators_state_check CHECK (state IN ('OK', 'PARTIAL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'STALE'))
);
CREATE UNIQUE INDEX loyalty_indicators_account_id_kind_system_key ON loyalty_indicators (tenant_id, account_id, kind, system) WHERE archived_at IS NULL;
CREATE INDEX loyalty_indicators_account_id_idx ON loyalty_indicators (tenant_id, account_id, id);
CREATE INDEX loyalty_indicators_normalized_idx ON loyalty_indicators (tenant_id, normalized, id);
CREATE INDEX loyalty_indicators_observed_on_idx ON loyalty_indicators (tenant_id, observed_on, id);
CREATE INDEX loyalty_indicators_created_at_idx ON loyalty_indicators (tenant_id, created_at, id);
CREATE INDEX loyalty_indicators_updated_at_idx ON loyalty_indicators (tenant_id, updated_at, id);
COMMENT ON TABLE loyalty_indicators IS 'A sign of loyalty as another system measures it';
SELECT kith_protect('loyalty_indicators');

CREATE TABLE loyalty_evidence (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    value numeric(19,4) NOT NULL,
    answered_on date NOT NULL,
    system text,
    note text,
    CONSTRAINT loyalty_evidence_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_evidence_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT loyalty_evidence_kind_check CHECK (kind IN ('QUALITY_ANSWER', 'PRICE_ANSWER', 'SATISFACTION', 'SENTIMENT', 'INTENTION', 'RECOMMENDATION', 'RENEWAL_PROMISED', 'COMPETITOR_COMPARISON'))
);
CREATE INDEX loyalty_evidence_account_id_idx ON loyalty_evidence (tenant_id, account_id, id);
CREATE INDEX loyalty_evidence_answered_on_idx ON loyalty_evidence (tenant_id, answered_on, id);
CREATE INDEX loyalty_evidence_created_at_idx ON loyalty_evidence (tenant_id, created_at, id);
CREATE INDEX loyalty_evidence_updated_at_idx ON loyalty_evidence (tenant_id, updated_at, id);
COMMENT ON TABLE loyalty_evidence IS 'An answer of a customer that tells of loyalty';
SELECT kith_protect('loyalty_evidence');

CREATE TABLE loyalty_assessments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    as_of date NOT NULL,
    state text NOT NULL,
    reasons jsonb NOT NULL,
    level text,
    is_inferred boolean NOT NULL,
    is_conflicted boolean NOT NULL,
    layers jsonb NOT NULL,
    form text NOT NULL,
    attitude numeric(19,4),
    behaviour numeric(19,4),
    index numeric(19,4),
    index_reference numeric(19,4),
    signs jsonb NOT NULL,
    driver_index numeric(19,4),
    drivers jsonb NOT NULL,
    CONSTRAINT loyalty_assessments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_assessments_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT loyalty_assessments_state_check CHECK (state IN ('OK', 'PARTIAL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'STALE')),
    CONSTRAINT loyalty_assessments_level_check CHECK (level IN ('NONE', 'COGNITIVE', 'AFFECTIVE', 'CONATIVE', 'ACTION')),
    CONSTRAINT loyalty_assessments_form_check CHECK (form IN ('TRUE', 'LATENT', 'SPURIOUS', 'NONE', 'UNKNOWN'))
);
CREATE INDEX loyalty_assessments_account_id_idx ON loyalty_assessments (tenant_id, account_id, id);
CREATE INDEX loyalty_assessments_attitude_idx ON loyalty_assessments (tenant_id, attitude, id);
CREATE INDEX loyalty_assessments_behaviour_idx ON loyalty_assessments (tenant_id, behaviour, id);
CREATE INDEX loyalty_assessments_index_idx ON loyalty_assessments (tenant_id, index, id);
CREATE INDEX loyalty_assessments_level_idx ON loyalty_assessments (tenant_id, level, id);
CREATE INDEX loyalty_assessments_form_idx ON loyalty_assessments (tenant_id, form, id);
CREATE INDEX loyalty_assessments_created_at_idx ON loyalty_assessments (tenant_id, created_at, id);
CREATE INDEX loyalty_assessments_updated_at_idx ON loyalty_assessments (tenant_id, updated_at, id);
COMMENT ON TABLE loyalty_assessments IS 'How loyal an account is, one row an account under its id';
SELECT kith_protect('loyalty_assessments');
