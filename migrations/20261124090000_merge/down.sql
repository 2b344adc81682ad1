ALTER TABLE contacts DROP COLUMN merged_into_id;
ALTER TABLE accounts DROP COLUMN merged_into_id;
