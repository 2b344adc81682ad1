DROP TABLE idempotency_keys, change_log, audit_log, tenants, tenant_directory, instance;
DROP FUNCTION kith_protect(regclass, text);
