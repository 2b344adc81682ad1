ALTER TABLE value_runs DROP COLUMN tracking_error;
