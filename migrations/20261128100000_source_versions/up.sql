-- Which state of a record a message told last is known by the key that the message used, whatever the record is.
ALTER TABLE external_ids ADD COLUMN source_version bigint;
-- The rows of all tenants, for once.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE external_ids NO FORCE ROW LEVEL SECURITY;
UPDATE external_ids x SET source_version = o.source_version FROM orders o
    WHERE o.tenant_id = x.tenant_id AND o.id = x.subject_id AND x.subject_type = 'ORDER' AND o.source_version IS NOT NULL
    -- Of an order with several keys nobody knows whose version it was.
    AND NOT EXISTS (SELECT FROM external_ids y WHERE y.tenant_id = x.tenant_id AND y.subject_type = 'ORDER' AND y.subject_id = x.subject_id AND y.id <> x.id);
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE external_ids FORCE ROW LEVEL SECURITY;
ALTER TABLE orders DROP COLUMN source_version;
