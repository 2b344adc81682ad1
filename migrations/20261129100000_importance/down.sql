DROP INDEX accounts_importance_until_idx;
ALTER TABLE accounts DROP COLUMN importance_until;
