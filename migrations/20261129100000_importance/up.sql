-- What a person says of an account's importance holds for a year, unless another day was named.
ALTER TABLE accounts ADD COLUMN importance_until date;

ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
UPDATE accounts SET importance_until = (updated_at::date + interval '1 year')::date
WHERE importance_source = 'MANUAL' AND importance_class <> 'ORDINARY';
UPDATE accounts SET importance_source = 'RULE' WHERE importance_source = 'MANUAL' AND importance_class = 'ORDINARY';
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;

ALTER TABLE accounts ADD CONSTRAINT accounts_importance_until_check CHECK ((importance_until IS NOT NULL) = (importance_source = 'MANUAL'));
CREATE INDEX accounts_importance_until_idx ON accounts (tenant_id, importance_until) WHERE importance_until IS NOT NULL;
