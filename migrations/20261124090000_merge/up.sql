ALTER TABLE accounts ADD COLUMN merged_into_id uuid;
ALTER TABLE accounts ADD CONSTRAINT accounts_merged_into_id_fkey FOREIGN KEY (tenant_id, merged_into_id) REFERENCES accounts (tenant_id, id);
CREATE INDEX accounts_merged_into_id_idx ON accounts (tenant_id, merged_into_id, id);

ALTER TABLE contacts ADD COLUMN merged_into_id uuid;
ALTER TABLE contacts ADD CONSTRAINT contacts_merged_into_id_fkey FOREIGN KEY (tenant_id, merged_into_id) REFERENCES contacts (tenant_id, id);
CREATE INDEX contacts_merged_into_id_idx ON contacts (tenant_id, merged_into_id, id);
