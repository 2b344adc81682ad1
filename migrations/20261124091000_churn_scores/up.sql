CREATE TABLE churn_scores (
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
    probability numeric(19,4) NOT NULL,
    baseline numeric(19,4) NOT NULL,
    horizon_days integer NOT NULL,
    churn_model_id uuid,
    CONSTRAINT churn_scores_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT churn_scores_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT churn_scores_churn_model_id_fkey FOREIGN KEY (tenant_id, churn_model_id) REFERENCES churn_models (tenant_id, id),
    CONSTRAINT churn_scores_horizon_days_check CHECK (horizon_days > 0)
);
CREATE UNIQUE INDEX churn_scores_account_id_as_of_key ON churn_scores (tenant_id, account_id, as_of);
CREATE INDEX churn_scores_account_id_idx ON churn_scores (tenant_id, account_id, id);
CREATE INDEX churn_scores_churn_model_id_idx ON churn_scores (tenant_id, churn_model_id, id);
CREATE INDEX churn_scores_as_of_idx ON churn_scores (tenant_id, as_of, id);
CREATE INDEX churn_scores_created_at_idx ON churn_scores (tenant_id, created_at, id);
CREATE INDEX churn_scores_updated_at_idx ON churn_scores (tenant_id, updated_at, id);
COMMENT ON TABLE churn_scores IS 'How likely an account was to leave, as it was told on a day';
SELECT kith_protect('churn_scores', 'SELECT, INSERT, UPDATE, DELETE');
