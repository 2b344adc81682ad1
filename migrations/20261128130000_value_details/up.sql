-- Level and form of loyalty each say how much they can be relied on.
ALTER TABLE loyalty_assessments
    ADD COLUMN level_state text NOT NULL DEFAULT 'INSUFFICIENT_DATA',
    ADD COLUMN form_state text NOT NULL DEFAULT 'INSUFFICIENT_DATA',
    ADD CONSTRAINT loyalty_assessments_level_state_check CHECK (level_state IN ('OK', 'PARTIAL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'STALE')),
    ADD CONSTRAINT loyalty_assessments_form_state_check CHECK (form_state IN ('OK', 'PARTIAL', 'INSUFFICIENT_DATA', 'NOT_APPLICABLE', 'STALE'));
ALTER TABLE loyalty_assessments_drafts
    ADD COLUMN level_state text NOT NULL DEFAULT 'INSUFFICIENT_DATA',
    ADD COLUMN form_state text NOT NULL DEFAULT 'INSUFFICIENT_DATA';

-- Indicators may look back for days of their own, and may be about those who never bought.
ALTER TABLE value_indicators
    ADD COLUMN window_days integer,
    ADD COLUMN applies_to text NOT NULL DEFAULT 'CUSTOMERS',
    ADD CONSTRAINT value_indicators_applies_to_check CHECK (applies_to IN ('CUSTOMERS', 'PROSPECTS', 'ALL'));

-- What the scores of recency, frequency and money are called together.
ALTER TABLE value_models ADD COLUMN rfm_segments jsonb NOT NULL DEFAULT '[]';
