ALTER TABLE value_models DROP COLUMN rfm_segments;
ALTER TABLE value_indicators NO FORCE ROW LEVEL SECURITY;
DELETE FROM value_indicators WHERE source IN ('MARGIN', 'PIPELINE', 'ENGAGEMENT') OR applies_to = 'PROSPECTS' OR window_days IS NOT NULL;
ALTER TABLE value_indicators FORCE ROW LEVEL SECURITY;
ALTER TABLE value_indicators DROP COLUMN window_days, DROP COLUMN applies_to;
ALTER TABLE loyalty_assessments_drafts DROP COLUMN level_state, DROP COLUMN form_state;
ALTER TABLE loyalty_assessments DROP COLUMN level_state, DROP COLUMN form_state;
