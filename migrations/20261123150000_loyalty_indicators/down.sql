DROP TABLE loyalty_assessments, loyalty_evidence, loyalty_indicators;
