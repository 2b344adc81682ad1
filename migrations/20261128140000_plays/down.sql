ALTER TABLE churn_events DROP COLUMN play;
