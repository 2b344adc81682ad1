-- A transaction that has written holds the feed back until it ends, as it may still add changes. One that says that it
-- will add none need not: it is quiet. Publishing what a run computed is, and takes minutes where there are a million
-- accounts.

-- Whether a transaction is quiet is told to others by a lock that names its id, and ends with it. Ids of transactions that
-- run at the same time are less than 2^31 apart.
CREATE FUNCTION kith_be_quiet() RETURNS void LANGUAGE sql AS $$
    SELECT set_config('app.quiet', 'on', true),
        pg_advisory_xact_lock(1265194088, (pg_current_xact_id()::text::bigint % 2147483648)::integer)
$$;

-- Ids of quiet transactions, modulo 2^31. They are those of the cluster, whatever the database.
CREATE FUNCTION kith_quiet_transactions() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT l.objid::bigint FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid = 1265194088 AND l.objsubid = 2 AND l.granted
$$;

-- The end of what can be told of the feed: all changes before it are committed, or never will be. It is asked of the
-- snapshot of the statement that calls it, and must be (hence STABLE): what that statement reads has to be as old.
CREATE FUNCTION kith_horizon() RETURNS xid8 LANGUAGE sql STABLE AS $$
    SELECT least(pg_current_xact_id_if_assigned(), coalesce(
        (SELECT x FROM pg_snapshot_xip(pg_current_snapshot()) x
         WHERE x::text::bigint % 2147483648 NOT IN (SELECT kith_quiet_transactions()) ORDER BY x LIMIT 1),
        pg_snapshot_xmax(pg_current_snapshot())))
$$;

-- A quiet transaction that adds a change after all fails: nobody would wait for it.
ALTER TABLE change_log ALTER COLUMN xid SET DEFAULT CASE WHEN current_setting('app.quiet', true) = 'on' THEN NULL
    ELSE greatest(pg_current_xact_id(), (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text::xid8) END;

-- How many rows changed when a run was published, once it was; what is left then is to say so.
ALTER TABLE value_runs ADD COLUMN published integer;
