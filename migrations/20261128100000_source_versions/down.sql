ALTER TABLE orders ADD COLUMN source_version bigint;
-- The rows of all tenants, for once.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE external_ids NO FORCE ROW LEVEL SECURITY;
UPDATE orders o SET source_version = x.version FROM (
    SELECT tenant_id, subject_id, max(source_version) AS version FROM external_ids
    WHERE subject_type = 'ORDER' AND archived_at IS NULL GROUP BY tenant_id, subject_id
) AS x WHERE o.tenant_id = x.tenant_id AND o.id = x.subject_id AND x.version IS NOT NULL;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE external_ids FORCE ROW LEVEL SECURITY;
ALTER TABLE external_ids DROP COLUMN source_version;
