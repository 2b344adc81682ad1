ALTER TABLE value_runs DROP COLUMN published;
ALTER TABLE change_log ALTER COLUMN xid SET DEFAULT
    greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8);
DROP FUNCTION kith_horizon();
DROP FUNCTION kith_quiet_transactions();
DROP FUNCTION kith_be_quiet();
