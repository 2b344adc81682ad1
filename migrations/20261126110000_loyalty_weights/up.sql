-- How much the signs of loyalty count is the tenant's to say, as the weights of its indicators are.
ALTER TABLE value_models
    ADD COLUMN attitude_weight numeric(19, 4),
    ADD COLUMN sign_weights jsonb NOT NULL DEFAULT '{}';
