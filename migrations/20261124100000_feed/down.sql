DROP FUNCTION kith_prune_changes(uuid, timestamptz, integer);
DROP TABLE change_log_floors;
ALTER TABLE instance DROP COLUMN identity;
