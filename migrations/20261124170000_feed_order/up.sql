-- A change stands behind all that was committed before it was written, even if its transaction wrote something else
-- before that and so has the smaller id: it may have waited for the transaction that made the version before. Without
-- this, two versions of a record could be told in the wrong order. It is never before its own transaction's id, so that
-- readers below the snapshot horizon miss nothing, and never above the last one that has ended, so that nothing more
-- than what runs anyway holds it back.
ALTER TABLE change_log ALTER COLUMN xid SET DEFAULT
    greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8);
