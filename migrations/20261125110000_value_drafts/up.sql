-- A run keeps what it finds out in drafts, page by page, and publishes all of it at once. A draft has the columns of its
-- table; it refers to nothing and is checked by nobody but the table it goes to.
CREATE TABLE value_profiles_drafts (LIKE value_profiles, CONSTRAINT value_profiles_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE value_profiles_drafts IS 'What a run will say of what accounts are worth, not published yet';
SELECT kith_protect('value_profiles_drafts', 'SELECT, INSERT, DELETE');

CREATE TABLE clv_estimates_drafts (LIKE clv_estimates, CONSTRAINT clv_estimates_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE clv_estimates_drafts IS 'What a run will say of lifetime values, not published yet';
SELECT kith_protect('clv_estimates_drafts', 'SELECT, INSERT, DELETE');

CREATE TABLE loyalty_assessments_drafts (LIKE loyalty_assessments, CONSTRAINT loyalty_assessments_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE loyalty_assessments_drafts IS 'What a run will say of loyalty, not published yet';
SELECT kith_protect('loyalty_assessments_drafts', 'SELECT, INSERT, DELETE');

CREATE TABLE churn_risks_drafts (LIKE churn_risks, CONSTRAINT churn_risks_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE churn_risks_drafts IS 'What a run will say of the risk that accounts leave, not published yet';
SELECT kith_protect('churn_risks_drafts', 'SELECT, INSERT, DELETE');

CREATE TABLE value_scores_drafts (LIKE value_scores, CONSTRAINT value_scores_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE value_scores_drafts IS 'What a run will add to the history of scores, not published yet';
SELECT kith_protect('value_scores_drafts', 'SELECT, INSERT, DELETE');

CREATE TABLE churn_scores_drafts (LIKE churn_scores, CONSTRAINT churn_scores_drafts_pkey PRIMARY KEY (tenant_id, id));
COMMENT ON TABLE churn_scores_drafts IS 'What a run will add to the history of risks, not published yet';
SELECT kith_protect('churn_scores_drafts', 'SELECT, INSERT, DELETE');

-- Who computes a run, when it was last heard of, and behind which account it goes on.
ALTER TABLE value_runs
    ADD COLUMN claimed_by uuid,
    ADD COLUMN alive_at timestamptz,
    ADD COLUMN resume_after uuid,
    ADD COLUMN drafted integer NOT NULL DEFAULT 0;

-- NEW: not computed yet. DRAFTED: what the run that is going on will publish says it. AGAIN: computed, and to be computed
-- once more when the run is published.
ALTER TABLE customer_touches
    ADD COLUMN status text NOT NULL DEFAULT 'NEW',
    ADD CONSTRAINT customer_touches_status_check CHECK (status IN ('NEW', 'DRAFTED', 'AGAIN'));
CREATE INDEX customer_touches_status_idx ON customer_touches (tenant_id, id) WHERE status = 'NEW';
CREATE INDEX customer_touches_account_id_idx ON customer_touches (tenant_id, account_id);
GRANT UPDATE (status) ON customer_touches TO kith_app;
