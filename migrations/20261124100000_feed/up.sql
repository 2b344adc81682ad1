-- The feed: which database this is, so that a restored copy is told from its original; how far the change log was pruned;
-- and the one way to prune it.

ALTER TABLE instance ADD COLUMN identity text;
COMMENT ON COLUMN instance.identity IS 'Cluster, database and timeline that positions of the change log belong to; another one means a restored copy';

CREATE TABLE change_log_floors (
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    pruned_at timestamptz NOT NULL,
    CONSTRAINT change_log_floors_pkey PRIMARY KEY (tenant_id)
);
COMMENT ON TABLE change_log_floors IS 'The last change of a tenant that is no longer kept; cursors before it have expired';
SELECT kith_protect('change_log_floors', 'SELECT');

-- Forgets the oldest changes of one tenant, at most so many. The application cannot delete from the change log; this is
-- the one exception, and it refuses another tenant than the transaction's, and whatever is younger than a day. What it
-- takes is a beginning of the log: the first change that is young enough, or not below the horizon, ends it.
CREATE FUNCTION kith_prune_changes(of_tenant uuid, older_than timestamptz, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    last_xid xid8;
    last_seq bigint;
    gone integer;
BEGIN
    IF of_tenant IS DISTINCT FROM nullif(current_setting('app.tenant', true), '')::uuid THEN
        RAISE EXCEPTION 'only the changes of the tenant of the transaction can be pruned';
    END IF;
    IF older_than > now() - interval '1 day' THEN
        RAISE EXCEPTION 'changes are kept for a day at least';
    END IF;
    SELECT o.xid, o.seq INTO last_xid, last_seq
    FROM (
        SELECT c.xid, c.seq, bool_and(coalesce(a.at < older_than, true)) OVER (ORDER BY c.xid, c.seq) AS old
        FROM (
            SELECT l.xid, l.seq, l.audit_id FROM change_log l
            WHERE l.tenant_id = of_tenant AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY l.xid, l.seq LIMIT most
        ) c
        LEFT JOIN audit_log a ON a.tenant_id = of_tenant AND a.id = c.audit_id
    ) o
    WHERE o.old
    ORDER BY o.xid DESC, o.seq DESC LIMIT 1;
    IF last_xid IS NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO change_log_floors AS f (tenant_id, xid, seq, pruned_at) VALUES (of_tenant, last_xid, last_seq, now())
    ON CONFLICT (tenant_id) DO UPDATE SET xid = excluded.xid, seq = excluded.seq, pruned_at = excluded.pruned_at;
    DELETE FROM change_log c WHERE c.tenant_id = of_tenant AND (c.xid, c.seq) <= (last_xid, last_seq);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION kith_prune_changes(uuid, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kith_prune_changes(uuid, timestamptz, integer) TO kith_app;
