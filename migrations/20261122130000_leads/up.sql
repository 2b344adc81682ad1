CREATE TABLE lead_forms (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    public_key text NOT NULL,
    source text,
    campaign text,
    double_opt_in boolean NOT NULL,
    honeypot text,
    response_minutes integer,
    is_paused boolean NOT NULL,
    CONSTRAINT lead_forms_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lead_forms_response_minutes_check CHECK (response_minutes > 0)
);
CREATE UNIQUE INDEX lead_forms_name_key ON lead_forms (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX lead_forms_created_at_idx ON lead_forms (tenant_id, created_at, id);
CREATE INDEX lead_forms_updated_at_idx ON lead_forms (tenant_id, updated_at, id);
CREATE INDEX lead_forms_name_idx ON lead_forms (tenant_id, name, id);
COMMENT ON TABLE lead_forms IS 'A public form that captures leads';
SELECT kith_protect('lead_forms');

CREATE TABLE lead_scoring_rules (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    filter jsonb NOT NULL,
    points integer NOT NULL,
    is_paused boolean NOT NULL,
    CONSTRAINT lead_scoring_rules_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lead_scoring_rules_points_check CHECK (points BETWEEN -100 AND 100)
);
CREATE UNIQUE INDEX lead_scoring_rules_name_key ON lead_scoring_rules (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX lead_scoring_rules_created_at_idx ON lead_scoring_rules (tenant_id, created_at, id);
CREATE INDEX lead_scoring_rules_updated_at_idx ON lead_scoring_rules (tenant_id, updated_at, id);
CREATE INDEX lead_scoring_rules_name_idx ON lead_scoring_rules (tenant_id, name, id);
CREATE INDEX lead_scoring_rules_points_idx ON lead_scoring_rules (tenant_id, points, id);
COMMENT ON TABLE lead_scoring_rules IS 'Points for leads that meet a filter';
SELECT kith_protect('lead_scoring_rules');

CREATE TABLE lead_assignment_rules (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    position integer NOT NULL,
    filter jsonb,
    method text NOT NULL,
    user_id uuid,
    team_id uuid,
    is_paused boolean NOT NULL,
    CONSTRAINT lead_assignment_rules_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lead_assignment_rules_method_check CHECK (method IN ('USER', 'ROUND_ROBIN', 'LEAST_LOADED', 'ACCOUNT_OWNER')),
    CONSTRAINT lead_assignment_rules_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT lead_assignment_rules_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT lead_assignment_rules_position_check CHECK (position > 0)
);
CREATE UNIQUE INDEX lead_assignment_rules_name_key ON lead_assignment_rules (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX lead_assignment_rules_user_id_idx ON lead_assignment_rules (tenant_id, user_id, id);
CREATE INDEX lead_assignment_rules_team_id_idx ON lead_assignment_rules (tenant_id, team_id, id);
CREATE INDEX lead_assignment_rules_created_at_idx ON lead_assignment_rules (tenant_id, created_at, id);
CREATE INDEX lead_assignment_rules_updated_at_idx ON lead_assignment_rules (tenant_id, updated_at, id);
CREATE INDEX lead_assignment_rules_name_idx ON lead_assignment_rules (tenant_id, name, id);
CREATE INDEX lead_assignment_rules_position_idx ON lead_assignment_rules (tenant_id, position, id);
COMMENT ON TABLE lead_assignment_rules IS 'Who gets the leads that meet a filter';
SELECT kith_protect('lead_assignment_rules');

CREATE TABLE leads (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    given_name text,
    family_name text,
    locale text,
    organization text,
    job_title text,
    email text,
    phone text,
    normalized_phone text,
    country text,
    source text,
    campaign text,
    form_id uuid,
    attribution jsonb NOT NULL,
    interest text,
    need text,
    budget_amount numeric(19,4),
    budget_currency text,
    authority text,
    timing text,
    status text NOT NULL,
    status_since timestamptz NOT NULL,
    score integer NOT NULL,
    score_reasons jsonb NOT NULL,
    owner_id uuid,
    team_id uuid,
    assignment_rule_id uuid,
    assigned_at timestamptz,
    respond_by timestamptz,
    first_response_at timestamptz,
    nurture_until date,
    disqualify_reason text,
    disqualify_note text,
    opt_in text NOT NULL,
    confirmed_at timestamptz,
    confirmation_key text,
    account_id uuid,
    contact_id uuid,
    opportunity_id uuid,
    converted_at timestamptz,
    CONSTRAINT leads_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT leads_form_id_fkey FOREIGN KEY (tenant_id, form_id) REFERENCES lead_forms (tenant_id, id),
    CONSTRAINT leads_budget_check CHECK ((budget_amount IS NULL) = (budget_currency IS NULL)),
    CONSTRAINT leads_authority_check CHECK (authority IN ('DECISION_MAKER', 'EVALUATOR', 'INFLUENCER', 'USER', 'GATEKEEPER', 'CHAMPION')),
    CONSTRAINT leads_timing_check CHECK (timing IN ('IMMEDIATE', 'QUARTER', 'YEAR', 'LATER')),
    CONSTRAINT leads_status_check CHECK (status IN ('NEW', 'WORKING', 'NURTURING', 'QUALIFIED', 'DISQUALIFIED', 'CONVERTED')),
    CONSTRAINT leads_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT leads_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT leads_assignment_rule_id_fkey FOREIGN KEY (tenant_id, assignment_rule_id) REFERENCES lead_assignment_rules (tenant_id, id),
    CONSTRAINT leads_disqualify_reason_check CHECK (disqualify_reason IN ('NO_BUDGET', 'NO_NEED', 'NO_AUTHORITY', 'BAD_TIMING', 'COMPETITOR', 'UNREACHABLE', 'BAD_DATA', 'DUPLICATE', 'SPAM', 'OTHER')),
    CONSTRAINT leads_opt_in_check CHECK (opt_in IN ('NOT_NEEDED', 'PENDING', 'CONFIRMED')),
    CONSTRAINT leads_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT leads_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT leads_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT leads_converted_at_check CHECK ((converted_at IS NULL) = (status <> 'CONVERTED'))
);
CREATE INDEX leads_form_id_idx ON leads (tenant_id, form_id, id);
CREATE INDEX leads_owner_id_idx ON leads (tenant_id, owner_id, id);
CREATE INDEX leads_team_id_idx ON leads (tenant_id, team_id, id);
CREATE INDEX leads_assignment_rule_id_idx ON leads (tenant_id, assignment_rule_id, id);
CREATE INDEX leads_account_id_idx ON leads (tenant_id, account_id, id);
CREATE INDEX leads_contact_id_idx ON leads (tenant_id, contact_id, id);
CREATE INDEX leads_opportunity_id_idx ON leads (tenant_id, opportunity_id, id);
CREATE INDEX leads_created_at_idx ON leads (tenant_id, created_at, id);
CREATE INDEX leads_updated_at_idx ON leads (tenant_id, updated_at, id);
CREATE INDEX leads_name_idx ON leads (tenant_id, name, id);
CREATE INDEX leads_organization_idx ON leads (tenant_id, organization, id);
CREATE INDEX leads_budget_amount_idx ON leads (tenant_id, budget_amount, id);
CREATE INDEX leads_status_since_idx ON leads (tenant_id, status_since, id);
CREATE INDEX leads_score_idx ON leads (tenant_id, score, id);
CREATE INDEX leads_respond_by_idx ON leads (tenant_id, respond_by, id);
CREATE INDEX leads_first_response_at_idx ON leads (tenant_id, first_response_at, id);
CREATE INDEX leads_nurture_until_idx ON leads (tenant_id, nurture_until, id);
CREATE INDEX leads_converted_at_idx ON leads (tenant_id, converted_at, id);
-- What duplicates are looked for by, and the turns of an assignment rule.
CREATE INDEX leads_email_idx ON leads (tenant_id, email);
CREATE INDEX leads_normalized_phone_idx ON leads (tenant_id, normalized_phone);
CREATE INDEX leads_lower_organization_idx ON leads (tenant_id, lower(organization), lower(name));
CREATE INDEX accounts_lower_name_idx ON accounts (tenant_id, lower(name));
CREATE INDEX leads_assigned_at_idx ON leads (tenant_id, assignment_rule_id, assigned_at);
CREATE INDEX leads_turn_idx ON leads (tenant_id, assignment_rule_id, owner_id, assigned_at);
CREATE INDEX leads_load_idx ON leads (tenant_id, owner_id)
    WHERE archived_at IS NULL AND status IN ('NEW', 'WORKING', 'NURTURING', 'QUALIFIED');
COMMENT ON TABLE leads IS 'An expression of interest that nobody has qualified yet';
SELECT kith_protect('leads');

CREATE TABLE lead_duplicates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    lead_id uuid NOT NULL,
    kind text NOT NULL,
    other_lead_id uuid,
    contact_id uuid,
    account_id uuid,
    score integer NOT NULL,
    reasons jsonb NOT NULL,
    CONSTRAINT lead_duplicates_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lead_duplicates_lead_id_fkey FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    CONSTRAINT lead_duplicates_kind_check CHECK (kind IN ('LEAD', 'CONTACT', 'ACCOUNT')),
    CONSTRAINT lead_duplicates_other_lead_id_fkey FOREIGN KEY (tenant_id, other_lead_id) REFERENCES leads (tenant_id, id),
    CONSTRAINT lead_duplicates_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT lead_duplicates_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT lead_duplicates_score_check CHECK (score BETWEEN 0 AND 100)
);
CREATE INDEX lead_duplicates_lead_id_idx ON lead_duplicates (tenant_id, lead_id, id);
CREATE INDEX lead_duplicates_other_lead_id_idx ON lead_duplicates (tenant_id, other_lead_id, id);
CREATE INDEX lead_duplicates_contact_id_idx ON lead_duplicates (tenant_id, contact_id, id);
CREATE INDEX lead_duplicates_account_id_idx ON lead_duplicates (tenant_id, account_id, id);
CREATE INDEX lead_duplicates_created_at_idx ON lead_duplicates (tenant_id, created_at, id);
CREATE INDEX lead_duplicates_updated_at_idx ON lead_duplicates (tenant_id, updated_at, id);
CREATE INDEX lead_duplicates_score_idx ON lead_duplicates (tenant_id, score, id);
COMMENT ON TABLE lead_duplicates IS 'A record that may be the same person or company as a lead';
SELECT kith_protect('lead_duplicates');
