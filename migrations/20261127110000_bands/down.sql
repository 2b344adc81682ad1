UPDATE value_indicators SET scale = 'ANCHORS' WHERE scale = 'BANDS';
ALTER TABLE value_indicators DROP CONSTRAINT value_indicators_scale_check,
    ADD CONSTRAINT value_indicators_scale_check CHECK (scale IN ('PERCENTILE', 'ANCHORS'));
