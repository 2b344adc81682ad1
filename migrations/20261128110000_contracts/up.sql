-- Who is a customer by contract is at the risk that it is not renewed.
ALTER TABLE churn_risks DROP CONSTRAINT churn_risks_model_check,
    ADD CONSTRAINT churn_risks_model_check CHECK (model IN ('LOGISTIC', 'BG_NBD', 'GAP_RULE', 'RENEWAL'));
ALTER TABLE lifecycle_policies ADD COLUMN grace_days integer;
