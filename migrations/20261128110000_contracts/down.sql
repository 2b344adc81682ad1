ALTER TABLE lifecycle_policies DROP COLUMN grace_days;
ALTER TABLE churn_risks NO FORCE ROW LEVEL SECURITY;
DELETE FROM churn_risks WHERE model = 'RENEWAL';
ALTER TABLE churn_risks FORCE ROW LEVEL SECURITY;
ALTER TABLE churn_risks DROP CONSTRAINT churn_risks_model_check,
    ADD CONSTRAINT churn_risks_model_check CHECK (model IN ('LOGISTIC', 'BG_NBD', 'GAP_RULE'));
