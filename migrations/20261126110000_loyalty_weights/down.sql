ALTER TABLE value_models DROP COLUMN attitude_weight, DROP COLUMN sign_weights;
