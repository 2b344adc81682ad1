CREATE TABLE pipelines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    description text,
    is_default boolean NOT NULL,
    requires_reason boolean NOT NULL,
    CONSTRAINT pipelines_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX pipelines_name_key ON pipelines (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX pipelines_is_default_key ON pipelines (tenant_id, is_default) WHERE archived_at IS NULL AND is_default;
CREATE INDEX pipelines_created_at_idx ON pipelines (tenant_id, created_at, id);
CREATE INDEX pipelines_updated_at_idx ON pipelines (tenant_id, updated_at, id);
CREATE INDEX pipelines_name_idx ON pipelines (tenant_id, name, id);
COMMENT ON TABLE pipelines IS 'A way in which business is won, as a row of stages';
SELECT kith_protect('pipelines');

CREATE TABLE stages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    pipeline_id uuid NOT NULL,
    name text NOT NULL,
    position integer NOT NULL,
    kind text NOT NULL,
    probability integer NOT NULL,
    forecast_category text NOT NULL,
    exit_criteria jsonb,
    rotting_days integer,
    CONSTRAINT stages_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stages_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT stages_kind_check CHECK (kind IN ('OPEN', 'WON', 'LOST')),
    CONSTRAINT stages_forecast_category_check CHECK (forecast_category IN ('OMITTED', 'PIPELINE', 'BEST_CASE', 'COMMIT', 'CLOSED')),
    CONSTRAINT stages_probability_check CHECK (probability BETWEEN 0 AND 100),
    CONSTRAINT stages_rotting_days_check CHECK (rotting_days > 0)
);
CREATE UNIQUE INDEX stages_pipeline_id_name_key ON stages (tenant_id, pipeline_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX stages_pipeline_id_idx ON stages (tenant_id, pipeline_id, id);
CREATE INDEX stages_created_at_idx ON stages (tenant_id, created_at, id);
CREATE INDEX stages_updated_at_idx ON stages (tenant_id, updated_at, id);
CREATE INDEX stages_name_idx ON stages (tenant_id, name, id);
CREATE INDEX stages_position_idx ON stages (tenant_id, position, id);
COMMENT ON TABLE stages IS 'A step of a pipeline';
SELECT kith_protect('stages');

CREATE TABLE competitors (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    account_id uuid,
    website text,
    strengths text,
    weaknesses text,
    opportunities text,
    threats text,
    CONSTRAINT competitors_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT competitors_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE UNIQUE INDEX competitors_name_key ON competitors (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX competitors_account_id_idx ON competitors (tenant_id, account_id, id);
CREATE INDEX competitors_created_at_idx ON competitors (tenant_id, created_at, id);
CREATE INDEX competitors_updated_at_idx ON competitors (tenant_id, updated_at, id);
CREATE INDEX competitors_name_idx ON competitors (tenant_id, name, id);
COMMENT ON TABLE competitors IS 'Whoever sells against us';
SELECT kith_protect('competitors');

CREATE TABLE price_observations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    competitor_id uuid NOT NULL,
    product_id uuid,
    product_name text,
    price_amount numeric(19,4) NOT NULL,
    price_currency text NOT NULL,
    observed_on date NOT NULL,
    source text,
    note text,
    CONSTRAINT price_observations_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_observations_competitor_id_fkey FOREIGN KEY (tenant_id, competitor_id) REFERENCES competitors (tenant_id, id),
    CONSTRAINT price_observations_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id)
);
CREATE INDEX price_observations_competitor_id_idx ON price_observations (tenant_id, competitor_id, id);
CREATE INDEX price_observations_product_id_idx ON price_observations (tenant_id, product_id, id);
CREATE INDEX price_observations_created_at_idx ON price_observations (tenant_id, created_at, id);
CREATE INDEX price_observations_updated_at_idx ON price_observations (tenant_id, updated_at, id);
CREATE INDEX price_observations_observed_on_idx ON price_observations (tenant_id, observed_on, id);
COMMENT ON TABLE price_observations IS 'A price of a competitor that somebody saw';
SELECT kith_protect('price_observations');

CREATE TABLE close_reasons (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    outcome text NOT NULL,
    CONSTRAINT close_reasons_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT close_reasons_outcome_check CHECK (outcome IN ('WON', 'LOST'))
);
CREATE UNIQUE INDEX close_reasons_outcome_name_key ON close_reasons (tenant_id, outcome, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX close_reasons_created_at_idx ON close_reasons (tenant_id, created_at, id);
CREATE INDEX close_reasons_updated_at_idx ON close_reasons (tenant_id, updated_at, id);
CREATE INDEX close_reasons_name_idx ON close_reasons (tenant_id, name, id);
COMMENT ON TABLE close_reasons IS 'Why an opportunity was won or lost, in the words of the tenant';
SELECT kith_protect('close_reasons');

CREATE TABLE opportunities (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    account_id uuid,
    contact_id uuid,
    pipeline_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    status text NOT NULL,
    amount_amount numeric(19,4),
    amount_currency text,
    amount_from_lines boolean NOT NULL,
    probability integer,
    forecast_category text,
    close_date date,
    opened_at timestamptz NOT NULL,
    stage_since timestamptz NOT NULL,
    closed_at timestamptz,
    close_reason_id uuid,
    close_note text,
    competitor_id uuid,
    source text,
    next_step text,
    next_step_on date,
    owner_id uuid,
    team_id uuid,
    custom jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT opportunities_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunities_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT opportunities_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT opportunities_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT opportunities_stage_id_fkey FOREIGN KEY (tenant_id, stage_id) REFERENCES stages (tenant_id, id),
    CONSTRAINT opportunities_status_check CHECK (status IN ('OPEN', 'WON', 'LOST')),
    CONSTRAINT opportunities_amount_check CHECK ((amount_amount IS NULL) = (amount_currency IS NULL)),
    CONSTRAINT opportunities_forecast_category_check CHECK (forecast_category IN ('OMITTED', 'PIPELINE', 'BEST_CASE', 'COMMIT', 'CLOSED')),
    CONSTRAINT opportunities_close_reason_id_fkey FOREIGN KEY (tenant_id, close_reason_id) REFERENCES close_reasons (tenant_id, id),
    CONSTRAINT opportunities_competitor_id_fkey FOREIGN KEY (tenant_id, competitor_id) REFERENCES competitors (tenant_id, id),
    CONSTRAINT opportunities_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT opportunities_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT opportunities_closed_at_check CHECK ((closed_at IS NULL) = (status = 'OPEN')),
    CONSTRAINT opportunities_probability_check CHECK (probability BETWEEN 0 AND 100)
);
CREATE INDEX opportunities_account_id_idx ON opportunities (tenant_id, account_id, id);
CREATE INDEX opportunities_contact_id_idx ON opportunities (tenant_id, contact_id, id);
CREATE INDEX opportunities_pipeline_id_idx ON opportunities (tenant_id, pipeline_id, id);
CREATE INDEX opportunities_stage_id_idx ON opportunities (tenant_id, stage_id, id);
CREATE INDEX opportunities_close_reason_id_idx ON opportunities (tenant_id, close_reason_id, id);
CREATE INDEX opportunities_competitor_id_idx ON opportunities (tenant_id, competitor_id, id);
CREATE INDEX opportunities_owner_id_idx ON opportunities (tenant_id, owner_id, id);
CREATE INDEX opportunities_team_id_idx ON opportunities (tenant_id, team_id, id);
CREATE INDEX opportunities_created_at_idx ON opportunities (tenant_id, created_at, id);
CREATE INDEX opportunities_updated_at_idx ON opportunities (tenant_id, updated_at, id);
CREATE INDEX opportunities_name_idx ON opportunities (tenant_id, name, id);
CREATE INDEX opportunities_amount_amount_idx ON opportunities (tenant_id, amount_amount, id);
CREATE INDEX opportunities_close_date_idx ON opportunities (tenant_id, close_date, id);
CREATE INDEX opportunities_opened_at_idx ON opportunities (tenant_id, opened_at, id);
CREATE INDEX opportunities_stage_since_idx ON opportunities (tenant_id, stage_since, id);
CREATE INDEX opportunities_closed_at_idx ON opportunities (tenant_id, closed_at, id);
COMMENT ON TABLE opportunities IS 'A chance to sell';
SELECT kith_protect('opportunities');

CREATE TABLE stage_changes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    opportunity_id uuid NOT NULL,
    pipeline_id uuid NOT NULL,
    from_stage_id uuid,
    to_stage_id uuid NOT NULL,
    changed_at timestamptz NOT NULL,
    seconds_before integer,
    amount_amount numeric(19,4),
    amount_currency text,
    note text,
    CONSTRAINT stage_changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stage_changes_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT stage_changes_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT stage_changes_from_stage_id_fkey FOREIGN KEY (tenant_id, from_stage_id) REFERENCES stages (tenant_id, id),
    CONSTRAINT stage_changes_to_stage_id_fkey FOREIGN KEY (tenant_id, to_stage_id) REFERENCES stages (tenant_id, id),
    CONSTRAINT stage_changes_amount_check CHECK ((amount_amount IS NULL) = (amount_currency IS NULL))
);
CREATE INDEX stage_changes_opportunity_id_idx ON stage_changes (tenant_id, opportunity_id, id);
CREATE INDEX stage_changes_pipeline_id_idx ON stage_changes (tenant_id, pipeline_id, id);
CREATE INDEX stage_changes_from_stage_id_idx ON stage_changes (tenant_id, from_stage_id, id);
CREATE INDEX stage_changes_to_stage_id_idx ON stage_changes (tenant_id, to_stage_id, id);
CREATE INDEX stage_changes_created_at_idx ON stage_changes (tenant_id, created_at, id);
CREATE INDEX stage_changes_updated_at_idx ON stage_changes (tenant_id, updated_at, id);
CREATE INDEX stage_changes_changed_at_idx ON stage_changes (tenant_id, changed_at, id);
COMMENT ON TABLE stage_changes IS 'An opportunity reached a stage';
SELECT kith_protect('stage_changes');

CREATE TABLE opportunity_lines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    opportunity_id uuid NOT NULL,
    product_id uuid,
    description text,
    position integer NOT NULL,
    quantity numeric(19,4) NOT NULL,
    unit_price_amount numeric(19,4) NOT NULL,
    unit_price_currency text NOT NULL,
    discount_percent numeric(19,4) NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    total_currency text NOT NULL,
    CONSTRAINT opportunity_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunity_lines_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT opportunity_lines_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT opportunity_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT opportunity_lines_discount_percent_check CHECK (discount_percent BETWEEN 0 AND 100)
);
CREATE INDEX opportunity_lines_opportunity_id_idx ON opportunity_lines (tenant_id, opportunity_id, id);
CREATE INDEX opportunity_lines_product_id_idx ON opportunity_lines (tenant_id, product_id, id);
CREATE INDEX opportunity_lines_created_at_idx ON opportunity_lines (tenant_id, created_at, id);
CREATE INDEX opportunity_lines_updated_at_idx ON opportunity_lines (tenant_id, updated_at, id);
CREATE INDEX opportunity_lines_position_idx ON opportunity_lines (tenant_id, position, id);
COMMENT ON TABLE opportunity_lines IS 'What an opportunity is about, line by line';
SELECT kith_protect('opportunity_lines');

CREATE TABLE opportunity_members (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    opportunity_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text,
    split_percent numeric(19,4) NOT NULL,
    CONSTRAINT opportunity_members_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunity_members_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT opportunity_members_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT opportunity_members_split_percent_check CHECK (split_percent BETWEEN 0 AND 100)
);
CREATE UNIQUE INDEX opportunity_members_opportunity_id_user_id_key ON opportunity_members (tenant_id, opportunity_id, user_id) WHERE archived_at IS NULL;
CREATE INDEX opportunity_members_opportunity_id_idx ON opportunity_members (tenant_id, opportunity_id, id);
CREATE INDEX opportunity_members_user_id_idx ON opportunity_members (tenant_id, user_id, id);
CREATE INDEX opportunity_members_created_at_idx ON opportunity_members (tenant_id, created_at, id);
CREATE INDEX opportunity_members_updated_at_idx ON opportunity_members (tenant_id, updated_at, id);
COMMENT ON TABLE opportunity_members IS 'Who works on an opportunity, and their share of it';
SELECT kith_protect('opportunity_members');

CREATE TABLE opportunity_contacts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    opportunity_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    buying_role text,
    note text,
    CONSTRAINT opportunity_contacts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunity_contacts_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT opportunity_contacts_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT opportunity_contacts_buying_role_check CHECK (buying_role IN ('DECISION_MAKER', 'EVALUATOR', 'INFLUENCER', 'USER', 'GATEKEEPER', 'CHAMPION'))
);
CREATE UNIQUE INDEX opportunity_contacts_opportunity_id_contact_id_key ON opportunity_contacts (tenant_id, opportunity_id, contact_id) WHERE archived_at IS NULL;
CREATE INDEX opportunity_contacts_opportunity_id_idx ON opportunity_contacts (tenant_id, opportunity_id, id);
CREATE INDEX opportunity_contacts_contact_id_idx ON opportunity_contacts (tenant_id, contact_id, id);
CREATE INDEX opportunity_contacts_created_at_idx ON opportunity_contacts (tenant_id, created_at, id);
CREATE INDEX opportunity_contacts_updated_at_idx ON opportunity_contacts (tenant_id, updated_at, id);
COMMENT ON TABLE opportunity_contacts IS 'A person who has a say in an opportunity';
SELECT kith_protect('opportunity_contacts');

CREATE TABLE opportunity_competitors (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    opportunity_id uuid NOT NULL,
    competitor_id uuid NOT NULL,
    position text NOT NULL,
    strengths text,
    weaknesses text,
    outcome text,
    CONSTRAINT opportunity_competitors_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT opportunity_competitors_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT opportunity_competitors_competitor_id_fkey FOREIGN KEY (tenant_id, competitor_id) REFERENCES competitors (tenant_id, id),
    CONSTRAINT opportunity_competitors_position_check CHECK (position IN ('AHEAD', 'LEVEL', 'BEHIND', 'UNKNOWN'))
);
CREATE UNIQUE INDEX opportunity_competitors_opportunity_id_competitor_id_key ON opportunity_competitors (tenant_id, opportunity_id, competitor_id) WHERE archived_at IS NULL;
CREATE INDEX opportunity_competitors_opportunity_id_idx ON opportunity_competitors (tenant_id, opportunity_id, id);
CREATE INDEX opportunity_competitors_competitor_id_idx ON opportunity_competitors (tenant_id, competitor_id, id);
CREATE INDEX opportunity_competitors_created_at_idx ON opportunity_competitors (tenant_id, created_at, id);
CREATE INDEX opportunity_competitors_updated_at_idx ON opportunity_competitors (tenant_id, updated_at, id);
COMMENT ON TABLE opportunity_competitors IS 'A competitor in an opportunity';
SELECT kith_protect('opportunity_competitors');
