ALTER TABLE tenants DROP COLUMN requires_version;
