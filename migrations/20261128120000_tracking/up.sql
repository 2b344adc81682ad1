-- How well the purchase model in use keeps track of what is bought.
ALTER TABLE value_runs ADD COLUMN tracking_error numeric(19, 4);
