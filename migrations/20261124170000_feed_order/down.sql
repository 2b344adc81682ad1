ALTER TABLE change_log ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
