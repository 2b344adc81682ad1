CREATE TABLE value_models (
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
    window_days integer,
    pyramid text NOT NULL,
    top_border numeric(19,4),
    large_border numeric(19,4),
    medium_border numeric(19,4),
    quadrant text NOT NULL,
    value_cut numeric(19,4),
    potential_cut numeric(19,4),
    default_margin numeric(19,4),
    purchase_model text NOT NULL,
    horizon_months integer,
    monthly_discount numeric(19,4),
    notes text,
    CONSTRAINT value_models_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT value_models_status_check CHECK (status IN ('DRAFT', 'PUBLISHED', 'RETIRED')),
    CONSTRAINT value_models_pyramid_check CHECK (pyramid IN ('QUOTA', 'THRESHOLDS', 'CONTRIBUTION')),
    CONSTRAINT value_models_quadrant_check CHECK (quadrant IN ('PROFIT', 'SCORE')),
    CONSTRAINT value_models_purchase_model_check CHECK (purchase_model IN ('BG_NBD', 'MBG_NBD', 'PARETO_NBD'))
);
CREATE UNIQUE INDEX value_models_number_key ON value_models (tenant_id, number);
CREATE UNIQUE INDEX value_models_status_key ON value_models (tenant_id, status) WHERE status = 'PUBLISHED';
CREATE INDEX value_models_name_idx ON value_models (tenant_id, name, id);
CREATE INDEX value_models_number_idx ON value_models (tenant_id, number, id);
CREATE INDEX value_models_created_at_idx ON value_models (tenant_id, created_at, id);
CREATE INDEX value_models_updated_at_idx ON value_models (tenant_id, updated_at, id);
COMMENT ON TABLE value_models IS 'How customers are valued, in versions';
SELECT kith_protect('value_models');

CREATE TABLE value_indicators (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    model_id uuid NOT NULL,
    code text NOT NULL,
    position integer NOT NULL,
    source text NOT NULL,
    direction text NOT NULL,
    scale text NOT NULL,
    anchors jsonb NOT NULL,
    weight numeric(19,4) NOT NULL,
    missing text NOT NULL,
    CONSTRAINT value_indicators_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT value_indicators_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES value_models (tenant_id, id),
    CONSTRAINT value_indicators_direction_check CHECK (direction IN ('HIGHER', 'LOWER')),
    CONSTRAINT value_indicators_scale_check CHECK (scale IN ('PERCENTILE', 'ANCHORS')),
    CONSTRAINT value_indicators_missing_check CHECK (missing IN ('DROP', 'NEUTRAL', 'BLOCK')),
    CONSTRAINT value_indicators_weight_check CHECK (weight >= 0)
);
CREATE UNIQUE INDEX value_indicators_model_id_code_key ON value_indicators (tenant_id, model_id, code) WHERE archived_at IS NULL;
CREATE INDEX value_indicators_model_id_idx ON value_indicators (tenant_id, model_id, id);
CREATE INDEX value_indicators_position_idx ON value_indicators (tenant_id, position, id);
CREATE INDEX value_indicators_created_at_idx ON value_indicators (tenant_id, created_at, id);
CREATE INDEX value_indicators_updated_at_idx ON value_indicators (tenant_id, updated_at, id);
COMMENT ON TABLE value_indicators IS 'One measure of a value model';
SELECT kith_protect('value_indicators');

CREATE TABLE purchase_models (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    kind text NOT NULL,
    fitted_on date NOT NULL,
    customers integer NOT NULL,
    repeaters integer NOT NULL,
    parameters jsonb NOT NULL,
    log_likelihood numeric(19,4),
    spend_parameters jsonb NOT NULL,
    findings jsonb NOT NULL,
    validation jsonb NOT NULL,
    CONSTRAINT purchase_models_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX purchase_models_fitted_on_idx ON purchase_models (tenant_id, fitted_on, id);
CREATE INDEX purchase_models_created_at_idx ON purchase_models (tenant_id, created_at, id);
CREATE INDEX purchase_models_updated_at_idx ON purchase_models (tenant_id, updated_at, id);
COMMENT ON TABLE purchase_models IS 'What a purchase and a spend model learned from the customers';
SELECT kith_protect('purchase_models');

CREATE TABLE value_runs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    as_of date,
    status text NOT NULL,
    is_history boolean NOT NULL,
    model_id uuid,
    purchase_model_id uuid,
    started_at timestamptz,
    finished_at timestamptz,
    accounts integer NOT NULL,
    changed integer NOT NULL,
    borders jsonb NOT NULL,
    summary jsonb NOT NULL,
    problem text,
    CONSTRAINT value_runs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT value_runs_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES value_models (tenant_id, id),
    CONSTRAINT value_runs_purchase_model_id_fkey FOREIGN KEY (tenant_id, purchase_model_id) REFERENCES purchase_models (tenant_id, id),
    CONSTRAINT value_runs_status_check CHECK (status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED'))
);
CREATE UNIQUE INDEX value_runs_status_key ON value_runs (tenant_id, status) WHERE status = 'RUNNING';
CREATE INDEX value_runs_as_of_idx ON value_runs (tenant_id, as_of, id);
CREATE INDEX value_runs_model_id_idx ON value_runs (tenant_id, model_id, id);
CREATE INDEX value_runs_finished_at_idx ON value_runs (tenant_id, finished_at, id);
CREATE INDEX value_runs_created_at_idx ON value_runs (tenant_id, created_at, id);
CREATE INDEX value_runs_updated_at_idx ON value_runs (tenant_id, updated_at, id);
COMMENT ON TABLE value_runs IS 'A computation of the values of all customers';
SELECT kith_protect('value_runs');

CREATE TABLE value_profiles (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    model_id uuid,
    as_of date NOT NULL,
    state text NOT NULL,
    reasons jsonb NOT NULL,
    first_on date,
    last_on date,
    occasions integer NOT NULL,
    window_occasions integer NOT NULL,
    typical_gap numeric(19,4),
    regularity numeric(19,4),
    frequency numeric(19,4),
    revenue_amount numeric(19,4) NOT NULL,
    revenue_currency text NOT NULL,
    profit_amount numeric(19,4) NOT NULL,
    profit_currency text NOT NULL,
    profit_rate numeric(19,4),
    cost_to_serve_amount numeric(19,4) NOT NULL,
    cost_to_serve_currency text NOT NULL,
    lifetime_revenue_amount numeric(19,4) NOT NULL,
    lifetime_revenue_currency text NOT NULL,
    lifetime_profit_amount numeric(19,4) NOT NULL,
    lifetime_profit_currency text NOT NULL,
    acquisition_cost_amount numeric(19,4) NOT NULL,
    acquisition_cost_currency text NOT NULL,
    rfm_recency integer,
    rfm_frequency integer,
    rfm_monetary integer,
    rfm_segment text,
    abc text,
    wallet_amount numeric(19,4),
    wallet_currency text,
    wallet_source text,
    share_of_wallet numeric(19,4),
    potential numeric(19,4),
    potential_parts jsonb NOT NULL,
    score numeric(19,4),
    score_reference numeric(19,4),
    score_coverage numeric(19,4),
    contributions jsonb NOT NULL,
    layer text NOT NULL,
    layer_proposed text,
    value_class text NOT NULL,
    class_proposed text,
    importance text NOT NULL,
    CONSTRAINT value_profiles_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT value_profiles_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT value_profiles_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES value_models (tenant_id, id)
);
CREATE INDEX value_profiles_account_id_idx ON value_profiles (tenant_id, account_id, id);
CREATE INDEX value_profiles_last_on_idx ON value_profiles (tenant_id, last_on, id);
CREATE INDEX value_profiles_revenue_amount_idx ON value_profiles (tenant_id, revenue_amount, id);
CREATE INDEX value_profiles_profit_amount_idx ON value_profiles (tenant_id, profit_amount, id);
CREATE INDEX value_profiles_potential_idx ON value_profiles (tenant_id, potential, id);
CREATE INDEX value_profiles_score_idx ON value_profiles (tenant_id, score, id);
CREATE INDEX value_profiles_layer_idx ON value_profiles (tenant_id, layer, id);
CREATE INDEX value_profiles_value_class_idx ON value_profiles (tenant_id, value_class, id);
CREATE INDEX value_profiles_created_at_idx ON value_profiles (tenant_id, created_at, id);
CREATE INDEX value_profiles_updated_at_idx ON value_profiles (tenant_id, updated_at, id);
COMMENT ON TABLE value_profiles IS 'What an account is worth now, one row an account under its id';
SELECT kith_protect('value_profiles');

CREATE TABLE clv_estimates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    purchase_model_id uuid,
    as_of date NOT NULL,
    state text NOT NULL,
    reasons jsonb NOT NULL,
    method text NOT NULL,
    horizon_months integer NOT NULL,
    monthly_discount numeric(19,4) NOT NULL,
    margin numeric(19,4),
    value_amount numeric(19,4),
    value_currency text,
    probability_alive numeric(19,4),
    probability_buy30 numeric(19,4),
    probability_buy90 numeric(19,4),
    probability_buy365 numeric(19,4),
    expected_purchases numeric(19,4),
    expected_spend_amount numeric(19,4),
    expected_spend_currency text,
    spend_basis text,
    next_purchase_on date,
    next_purchase_rule text,
    factors jsonb NOT NULL,
    CONSTRAINT clv_estimates_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT clv_estimates_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT clv_estimates_purchase_model_id_fkey FOREIGN KEY (tenant_id, purchase_model_id) REFERENCES purchase_models (tenant_id, id)
);
CREATE INDEX clv_estimates_account_id_idx ON clv_estimates (tenant_id, account_id, id);
CREATE INDEX clv_estimates_value_amount_idx ON clv_estimates (tenant_id, value_amount, id);
CREATE INDEX clv_estimates_next_purchase_on_idx ON clv_estimates (tenant_id, next_purchase_on, id);
CREATE INDEX clv_estimates_probability_alive_idx ON clv_estimates (tenant_id, probability_alive, id);
CREATE INDEX clv_estimates_purchase_model_id_idx ON clv_estimates (tenant_id, purchase_model_id, id);
CREATE INDEX clv_estimates_created_at_idx ON clv_estimates (tenant_id, created_at, id);
CREATE INDEX clv_estimates_updated_at_idx ON clv_estimates (tenant_id, updated_at, id);
COMMENT ON TABLE clv_estimates IS 'What an account is expected to bring, one row an account under its id';
SELECT kith_protect('clv_estimates');

CREATE TABLE value_scores (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    model_id uuid,
    as_of date NOT NULL,
    score numeric(19,4),
    layer text NOT NULL,
    value_class text NOT NULL,
    potential numeric(19,4),
    revenue_amount numeric(19,4) NOT NULL,
    revenue_currency text NOT NULL,
    profit_amount numeric(19,4) NOT NULL,
    profit_currency text NOT NULL,
    clv_amount numeric(19,4),
    clv_currency text,
    CONSTRAINT value_scores_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT value_scores_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT value_scores_model_id_fkey FOREIGN KEY (tenant_id, model_id) REFERENCES value_models (tenant_id, id)
);
CREATE UNIQUE INDEX value_scores_account_id_as_of_key ON value_scores (tenant_id, account_id, as_of);
CREATE INDEX value_scores_account_id_idx ON value_scores (tenant_id, account_id, id);
CREATE INDEX value_scores_as_of_idx ON value_scores (tenant_id, as_of, id);
CREATE INDEX value_scores_created_at_idx ON value_scores (tenant_id, created_at, id);
CREATE INDEX value_scores_updated_at_idx ON value_scores (tenant_id, updated_at, id);
COMMENT ON TABLE value_scores IS 'What an account was worth on a day';
SELECT kith_protect('value_scores', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE cost_entries (
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
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    incurred_on date NOT NULL,
    description text,
    CONSTRAINT cost_entries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT cost_entries_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT cost_entries_kind_check CHECK (kind IN ('ACQUIRE', 'SERVE', 'RETAIN'))
);
CREATE INDEX cost_entries_account_id_idx ON cost_entries (tenant_id, account_id, incurred_on);
CREATE INDEX cost_entries_incurred_on_idx ON cost_entries (tenant_id, incurred_on, id);
CREATE INDEX cost_entries_amount_amount_idx ON cost_entries (tenant_id, amount_amount, id);
CREATE INDEX cost_entries_created_at_idx ON cost_entries (tenant_id, created_at, id);
CREATE INDEX cost_entries_updated_at_idx ON cost_entries (tenant_id, updated_at, id);
COMMENT ON TABLE cost_entries IS 'What a customer cost besides the goods';
SELECT kith_protect('cost_entries');

CREATE TABLE cost_rates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    channel text NOT NULL,
    per_touch_amount numeric(19,4) NOT NULL,
    per_touch_currency text NOT NULL,
    per_minute_amount numeric(19,4) NOT NULL,
    per_minute_currency text NOT NULL,
    CONSTRAINT cost_rates_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX cost_rates_channel_key ON cost_rates (tenant_id, channel) WHERE archived_at IS NULL;
CREATE INDEX cost_rates_created_at_idx ON cost_rates (tenant_id, created_at, id);
CREATE INDEX cost_rates_updated_at_idx ON cost_rates (tenant_id, updated_at, id);
COMMENT ON TABLE cost_rates IS 'What a touch over a channel costs';
SELECT kith_protect('cost_rates');

CREATE TABLE wallet_estimates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    source text NOT NULL,
    estimated_on date NOT NULL,
    note text,
    CONSTRAINT wallet_estimates_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT wallet_estimates_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT wallet_estimates_source_check CHECK (source IN ('STATED', 'EXPERT', 'SURVEY')),
    CONSTRAINT wallet_estimates_amount_amount_check CHECK (amount_amount > 0)
);
CREATE INDEX wallet_estimates_account_id_idx ON wallet_estimates (tenant_id, account_id, estimated_on);
CREATE INDEX wallet_estimates_estimated_on_idx ON wallet_estimates (tenant_id, estimated_on, id);
CREATE INDEX wallet_estimates_created_at_idx ON wallet_estimates (tenant_id, created_at, id);
CREATE INDEX wallet_estimates_updated_at_idx ON wallet_estimates (tenant_id, updated_at, id);
COMMENT ON TABLE wallet_estimates IS 'What a customer buys a year, from whomever';
SELECT kith_protect('wallet_estimates');

CREATE TABLE resource_policies (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    value_class text NOT NULL,
    strategy text NOT NULL,
    service_level text,
    discount_ceiling numeric(19,4),
    care_every_days integer,
    response_hours integer,
    benefits text,
    CONSTRAINT resource_policies_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT resource_policies_value_class_check CHECK (value_class IN ('LEAD', 'IRON', 'GOLD', 'PLATINUM')),
    CONSTRAINT resource_policies_strategy_check CHECK (strategy IN ('DIVEST', 'RE_ENGINEER', 'MAINTAIN', 'INVEST'))
);
CREATE UNIQUE INDEX resource_policies_value_class_key ON resource_policies (tenant_id, value_class) WHERE archived_at IS NULL;
CREATE INDEX resource_policies_created_at_idx ON resource_policies (tenant_id, created_at, id);
CREATE INDEX resource_policies_updated_at_idx ON resource_policies (tenant_id, updated_at, id);
COMMENT ON TABLE resource_policies IS 'What a class of customers is given';
SELECT kith_protect('resource_policies');

