-- One row an account, under the account's own id: written by rules for many accounts at once, or by hand.
CREATE TABLE lifecycles (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    stage text NOT NULL,
    since date NOT NULL,
    previous_stage text,
    rule text NOT NULL,
    confidence numeric(19,4) NOT NULL,
    evidence jsonb NOT NULL,
    source text NOT NULL,
    manual_reason text,
    manual_until date,
    loyalty_stage text NOT NULL,
    activity text NOT NULL,
    churned_on date,
    lifetimes integer NOT NULL,
    as_of date NOT NULL,
    next_review date NOT NULL,
    CONSTRAINT lifecycles_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lifecycles_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT lifecycles_id_check CHECK (id = account_id),
    CONSTRAINT lifecycles_stage_check CHECK (stage IN ('PROSPECT', 'EXPLORATION', 'FORMATION', 'STABILITY', 'DEGENERATION', 'ENDED')),
    CONSTRAINT lifecycles_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT lifecycles_source_check CHECK (source IN ('RULE', 'MANUAL', 'IMPORT'))
);
CREATE INDEX lifecycles_account_id_idx ON lifecycles (tenant_id, account_id, id);
CREATE INDEX lifecycles_created_at_idx ON lifecycles (tenant_id, created_at, id);
CREATE INDEX lifecycles_updated_at_idx ON lifecycles (tenant_id, updated_at, id);
CREATE INDEX lifecycles_stage_idx ON lifecycles (tenant_id, stage, id);
CREATE INDEX lifecycles_since_idx ON lifecycles (tenant_id, since, id);
CREATE INDEX lifecycles_loyalty_stage_idx ON lifecycles (tenant_id, loyalty_stage, id);
CREATE INDEX lifecycles_activity_idx ON lifecycles (tenant_id, activity, id);
CREATE INDEX lifecycles_next_review_idx ON lifecycles (tenant_id, next_review, id);
COMMENT ON TABLE lifecycles IS 'Where the relationship with each account stands';
SELECT kith_protect('lifecycles');

CREATE TABLE churn_events (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    status text NOT NULL,
    occurred_on date NOT NULL,
    initiative text,
    kind text NOT NULL,
    source text NOT NULL,
    reason text,
    competitor_id uuid,
    root_cause text,
    value_lost_amount numeric(19,4),
    value_lost_currency text,
    evidence jsonb NOT NULL,
    decided_at timestamptz,
    CONSTRAINT churn_events_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT churn_events_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT churn_events_competitor_id_fkey FOREIGN KEY (tenant_id, competitor_id) REFERENCES competitors (tenant_id, id),
    CONSTRAINT churn_events_status_check CHECK (status IN ('SUSPECTED', 'CONFIRMED', 'REVERSED')),
    CONSTRAINT churn_events_kind_check CHECK (kind IN ('NATURAL', 'COMPETITIVE', 'FAULT', 'RETALIATORY', 'MALICIOUS', 'NON_MALICIOUS_NONPAYMENT', 'OTHER')),
    CONSTRAINT churn_events_initiative_check CHECK (initiative IS NULL OR initiative IN ('VOLUNTARY', 'INVOLUNTARY')),
    CONSTRAINT churn_events_kind_initiative_check CHECK ((kind = 'OTHER' OR (initiative IS NOT NULL AND (initiative = 'VOLUNTARY') = (kind IN ('NATURAL', 'COMPETITIVE', 'FAULT'))))),
    CONSTRAINT churn_events_source_check CHECK (source IN ('RULE', 'MANUAL'))
);
CREATE INDEX churn_events_account_id_idx ON churn_events (tenant_id, account_id, id);
CREATE INDEX churn_events_competitor_id_idx ON churn_events (tenant_id, competitor_id, id);
CREATE INDEX churn_events_created_at_idx ON churn_events (tenant_id, created_at, id);
CREATE INDEX churn_events_updated_at_idx ON churn_events (tenant_id, updated_at, id);
CREATE INDEX churn_events_status_idx ON churn_events (tenant_id, status, id);
CREATE INDEX churn_events_occurred_on_idx ON churn_events (tenant_id, occurred_on, id);
COMMENT ON TABLE churn_events IS 'A customer who was or may have been lost, and why';
SELECT kith_protect('churn_events');

-- History: added to, never changed.
CREATE TABLE lifecycle_transitions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    from_stage text,
    to_stage text NOT NULL,
    trigger text NOT NULL,
    rule text NOT NULL,
    reason text,
    evidence jsonb NOT NULL,
    moved_on date NOT NULL,
    churn_event_id uuid,
    CONSTRAINT lifecycle_transitions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lifecycle_transitions_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT lifecycle_transitions_churn_event_id_fkey FOREIGN KEY (tenant_id, churn_event_id) REFERENCES churn_events (tenant_id, id),
    CONSTRAINT lifecycle_transitions_from_stage_check CHECK (from_stage IN ('PROSPECT', 'EXPLORATION', 'FORMATION', 'STABILITY', 'DEGENERATION', 'ENDED')),
    CONSTRAINT lifecycle_transitions_to_stage_check CHECK (to_stage IN ('PROSPECT', 'EXPLORATION', 'FORMATION', 'STABILITY', 'DEGENERATION', 'ENDED') AND to_stage IS DISTINCT FROM from_stage),
    CONSTRAINT lifecycle_transitions_trigger_check CHECK (trigger IN ('RULE', 'MANUAL', 'IMPORT'))
);
CREATE INDEX lifecycle_transitions_account_moved_idx ON lifecycle_transitions (tenant_id, account_id, moved_on, id);
CREATE INDEX lifecycle_transitions_account_id_idx ON lifecycle_transitions (tenant_id, account_id, id);
CREATE INDEX lifecycle_transitions_churn_event_id_idx ON lifecycle_transitions (tenant_id, churn_event_id, id);
CREATE INDEX lifecycle_transitions_created_at_idx ON lifecycle_transitions (tenant_id, created_at, id);
CREATE INDEX lifecycle_transitions_updated_at_idx ON lifecycle_transitions (tenant_id, updated_at, id);
CREATE INDEX lifecycle_transitions_to_stage_idx ON lifecycle_transitions (tenant_id, to_stage, id);
CREATE INDEX lifecycle_transitions_moved_on_idx ON lifecycle_transitions (tenant_id, moved_on, id);
COMMENT ON TABLE lifecycle_transitions IS 'Each move of a relationship from stage to stage';
SELECT kith_protect('lifecycle_transitions', 'SELECT, INSERT');

CREATE TABLE lifecycle_policies (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    number integer NOT NULL,
    status text NOT NULL,
    published_at timestamptz,
    note text,
    silence_limit numeric(19,4),
    fall_to numeric(19,4),
    fall_occasions integer,
    case_days integer,
    growth numeric(19,4),
    rises integer,
    growth_periods integer,
    level_periods integer,
    exploration_occasions integer,
    exploration_periods numeric(19,4),
    keep_periods integer,
    least_period_months integer,
    winsor numeric(19,4),
    is_seasonal boolean NOT NULL,
    regular_occasions integer,
    long_standing_occasions integer,
    long_standing_gaps numeric(19,4),
    loyal_index numeric(19,4),
    CONSTRAINT lifecycle_policies_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lifecycle_policies_status_check CHECK (status IN ('DRAFT', 'PUBLISHED', 'RETIRED')),
    CONSTRAINT lifecycle_policies_number_check CHECK (number >= 1)
);
CREATE UNIQUE INDEX lifecycle_policies_status_key ON lifecycle_policies (tenant_id, status) WHERE status = 'PUBLISHED';
CREATE UNIQUE INDEX lifecycle_policies_number_key ON lifecycle_policies (tenant_id, number);
CREATE INDEX lifecycle_policies_created_at_idx ON lifecycle_policies (tenant_id, created_at, id);
CREATE INDEX lifecycle_policies_updated_at_idx ON lifecycle_policies (tenant_id, updated_at, id);
CREATE INDEX lifecycle_policies_name_idx ON lifecycle_policies (tenant_id, name, id);
CREATE INDEX lifecycle_policies_number_idx ON lifecycle_policies (tenant_id, number, id);
COMMENT ON TABLE lifecycle_policies IS 'The numbers of the rules for stages, by version';
SELECT kith_protect('lifecycle_policies');

CREATE TABLE churn_models (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    kind text NOT NULL,
    is_shipped boolean NOT NULL,
    reason text NOT NULL,
    coefficients jsonb NOT NULL,
    trained_from date NOT NULL,
    cut_off date NOT NULL,
    later_cut_off date NOT NULL,
    horizon_days integer NOT NULL,
    customers integer NOT NULL,
    base_rate numeric(19,4) NOT NULL,
    later_customers integer NOT NULL,
    later_base_rate numeric(19,4) NOT NULL,
    auc numeric(19,4),
    brier numeric(19,4),
    baseline_auc numeric(19,4),
    baseline_brier numeric(19,4),
    calibration_error numeric(19,4),
    CONSTRAINT churn_models_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT churn_models_kind_check CHECK (kind IN ('LOGISTIC', 'BG_NBD', 'GAP_RULE'))
);
CREATE INDEX churn_models_created_at_idx ON churn_models (tenant_id, created_at, id);
CREATE INDEX churn_models_updated_at_idx ON churn_models (tenant_id, updated_at, id);
CREATE INDEX churn_models_cut_off_idx ON churn_models (tenant_id, cut_off, id);
COMMENT ON TABLE churn_models IS 'What was fitted to tell who will leave, and how well it does';
SELECT kith_protect('churn_models', 'SELECT, INSERT');

-- One row an account, under the account's own id.
CREATE TABLE churn_risks (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    probability numeric(19,4),
    horizon_days integer NOT NULL,
    baseline numeric(19,4),
    model text,
    churn_model_id uuid,
    drivers jsonb NOT NULL,
    state text NOT NULL,
    reason text,
    value_at_risk_amount numeric(19,4),
    value_at_risk_currency text,
    as_of date NOT NULL,
    CONSTRAINT churn_risks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT churn_risks_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT churn_risks_churn_model_id_fkey FOREIGN KEY (tenant_id, churn_model_id) REFERENCES churn_models (tenant_id, id),
    CONSTRAINT churn_risks_id_check CHECK (id = account_id),
    CONSTRAINT churn_risks_probability_check CHECK (probability BETWEEN 0 AND 1),
    CONSTRAINT churn_risks_baseline_check CHECK (baseline BETWEEN 0 AND 1),
    CONSTRAINT churn_risks_model_check CHECK (model IN ('LOGISTIC', 'BG_NBD', 'GAP_RULE')),
    CONSTRAINT churn_risks_state_check CHECK (state IN ('OK', 'PARTIAL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'STALE'))
);
CREATE INDEX churn_risks_account_id_idx ON churn_risks (tenant_id, account_id, id);
CREATE INDEX churn_risks_churn_model_id_idx ON churn_risks (tenant_id, churn_model_id, id);
CREATE INDEX churn_risks_created_at_idx ON churn_risks (tenant_id, created_at, id);
CREATE INDEX churn_risks_updated_at_idx ON churn_risks (tenant_id, updated_at, id);
CREATE INDEX churn_risks_probability_idx ON churn_risks (tenant_id, probability, id);
CREATE INDEX churn_risks_value_at_risk_amount_idx ON churn_risks (tenant_id, value_at_risk_amount, id);
CREATE INDEX churn_risks_state_idx ON churn_risks (tenant_id, state, id);
COMMENT ON TABLE churn_risks IS 'How likely each customer is to leave';
SELECT kith_protect('churn_risks');

-- History: added to, never changed.
CREATE TABLE churn_event_corrections (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    churn_event_id uuid NOT NULL,
    from_status text NOT NULL,
    to_status text NOT NULL,
    from_initiative text,
    to_initiative text,
    from_kind text NOT NULL,
    to_kind text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT churn_event_corrections_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT churn_event_corrections_churn_event_id_fkey FOREIGN KEY (tenant_id, churn_event_id) REFERENCES churn_events (tenant_id, id),
    CONSTRAINT churn_event_corrections_from_status_check CHECK (from_status IN ('SUSPECTED', 'CONFIRMED', 'REVERSED')),
    CONSTRAINT churn_event_corrections_to_status_check CHECK (to_status IN ('SUSPECTED', 'CONFIRMED', 'REVERSED')),
    CONSTRAINT churn_event_corrections_from_kind_check CHECK (from_kind IN ('NATURAL', 'COMPETITIVE', 'FAULT', 'RETALIATORY', 'MALICIOUS', 'NON_MALICIOUS_NONPAYMENT', 'OTHER')),
    CONSTRAINT churn_event_corrections_to_kind_check CHECK (to_kind IN ('NATURAL', 'COMPETITIVE', 'FAULT', 'RETALIATORY', 'MALICIOUS', 'NON_MALICIOUS_NONPAYMENT', 'OTHER'))
);
CREATE INDEX churn_event_corrections_churn_event_id_idx ON churn_event_corrections (tenant_id, churn_event_id, id);
CREATE INDEX churn_event_corrections_created_at_idx ON churn_event_corrections (tenant_id, created_at, id);
CREATE INDEX churn_event_corrections_updated_at_idx ON churn_event_corrections (tenant_id, updated_at, id);
COMMENT ON TABLE churn_event_corrections IS 'What was put right about a loss';
SELECT kith_protect('churn_event_corrections', 'SELECT, INSERT');

CREATE TABLE retention_plans (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    campaign text NOT NULL,
    account_id uuid NOT NULL,
    churn_event_id uuid,
    lever text NOT NULL,
    goal text,
    owner_id uuid,
    team_id uuid,
    status text NOT NULL,
    budget_amount numeric(19,4),
    budget_currency text,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    is_control boolean NOT NULL,
    closed_at timestamptz,
    CONSTRAINT retention_plans_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT retention_plans_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT retention_plans_churn_event_id_fkey FOREIGN KEY (tenant_id, churn_event_id) REFERENCES churn_events (tenant_id, id),
    CONSTRAINT retention_plans_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT retention_plans_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT retention_plans_lever_check CHECK (lever IN ('QUALITY', 'SERVICE', 'BRAND', 'PRICE', 'EMOTIONAL_BOND')),
    CONSTRAINT retention_plans_status_check CHECK (status IN ('PLANNED', 'ACTIVE', 'DONE', 'ABANDONED')),
    CONSTRAINT retention_plans_ends_on_check CHECK (ends_on >= starts_on)
);
CREATE INDEX retention_plans_account_id_idx ON retention_plans (tenant_id, account_id, id);
CREATE INDEX retention_plans_churn_event_id_idx ON retention_plans (tenant_id, churn_event_id, id);
CREATE INDEX retention_plans_owner_id_idx ON retention_plans (tenant_id, owner_id, id);
CREATE INDEX retention_plans_team_id_idx ON retention_plans (tenant_id, team_id, id);
CREATE INDEX retention_plans_created_at_idx ON retention_plans (tenant_id, created_at, id);
CREATE INDEX retention_plans_updated_at_idx ON retention_plans (tenant_id, updated_at, id);
CREATE INDEX retention_plans_name_idx ON retention_plans (tenant_id, name, id);
CREATE INDEX retention_plans_campaign_idx ON retention_plans (tenant_id, campaign, id);
CREATE INDEX retention_plans_starts_on_idx ON retention_plans (tenant_id, starts_on, id);
CREATE INDEX retention_plans_ends_on_idx ON retention_plans (tenant_id, ends_on, id);
COMMENT ON TABLE retention_plans IS 'What is planned to keep a customer';
SELECT kith_protect('retention_plans');

CREATE TABLE retention_actions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    retention_plan_id uuid NOT NULL,
    name text NOT NULL,
    lever text,
    due_on date,
    done_at timestamptz,
    cost_amount numeric(19,4),
    cost_currency text,
    outcome text,
    note text,
    CONSTRAINT retention_actions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT retention_actions_retention_plan_id_fkey FOREIGN KEY (tenant_id, retention_plan_id) REFERENCES retention_plans (tenant_id, id),
    CONSTRAINT retention_actions_lever_check CHECK (lever IN ('QUALITY', 'SERVICE', 'BRAND', 'PRICE', 'EMOTIONAL_BOND')),
    CONSTRAINT retention_actions_outcome_check CHECK (outcome IS NULL OR (outcome IN ('WORKED', 'DID_NOT_WORK', 'UNKNOWN') AND done_at IS NOT NULL))
);
CREATE INDEX retention_actions_retention_plan_id_idx ON retention_actions (tenant_id, retention_plan_id, id);
CREATE INDEX retention_actions_created_at_idx ON retention_actions (tenant_id, created_at, id);
CREATE INDEX retention_actions_updated_at_idx ON retention_actions (tenant_id, updated_at, id);
CREATE INDEX retention_actions_due_on_idx ON retention_actions (tenant_id, due_on, id);
CREATE INDEX retention_actions_done_at_idx ON retention_actions (tenant_id, done_at, id);
COMMENT ON TABLE retention_actions IS 'What is done to keep a customer';
SELECT kith_protect('retention_actions');

CREATE TABLE win_back_cases (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    churn_event_id uuid NOT NULL,
    status text NOT NULL,
    target_value_amount numeric(19,4),
    target_value_currency text,
    offer text,
    owner_id uuid,
    team_id uuid,
    deadline date,
    cost_amount numeric(19,4),
    cost_currency text,
    score numeric(19,4),
    score_parts jsonb NOT NULL,
    offered_at timestamptz,
    order_id uuid,
    decided_at timestamptz,
    outcome_reason text,
    CONSTRAINT win_back_cases_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT win_back_cases_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT win_back_cases_churn_event_id_fkey FOREIGN KEY (tenant_id, churn_event_id) REFERENCES churn_events (tenant_id, id),
    CONSTRAINT win_back_cases_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT win_back_cases_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT win_back_cases_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT win_back_cases_status_check CHECK (status IN ('OPEN', 'OFFERED', 'SAVED', 'LOST', 'ABANDONED'))
);
CREATE UNIQUE INDEX win_back_cases_churn_event_id_key ON win_back_cases (tenant_id, churn_event_id) WHERE status IN ('OPEN', 'OFFERED') AND archived_at IS NULL;
CREATE INDEX win_back_cases_account_id_idx ON win_back_cases (tenant_id, account_id, id);
CREATE INDEX win_back_cases_churn_event_id_idx ON win_back_cases (tenant_id, churn_event_id, id);
CREATE INDEX win_back_cases_owner_id_idx ON win_back_cases (tenant_id, owner_id, id);
CREATE INDEX win_back_cases_team_id_idx ON win_back_cases (tenant_id, team_id, id);
CREATE INDEX win_back_cases_order_id_idx ON win_back_cases (tenant_id, order_id, id);
CREATE INDEX win_back_cases_created_at_idx ON win_back_cases (tenant_id, created_at, id);
CREATE INDEX win_back_cases_updated_at_idx ON win_back_cases (tenant_id, updated_at, id);
CREATE INDEX win_back_cases_deadline_idx ON win_back_cases (tenant_id, deadline, id);
CREATE INDEX win_back_cases_score_idx ON win_back_cases (tenant_id, score, id);
COMMENT ON TABLE win_back_cases IS 'An attempt to win a lost customer back';
SELECT kith_protect('win_back_cases');
