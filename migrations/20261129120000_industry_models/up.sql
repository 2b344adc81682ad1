-- Large industries have purchase models of their own, fitted beside that of all customers.
ALTER TABLE purchase_models
    ADD COLUMN industry text,
    ADD COLUMN part_of_id uuid,
    ADD CONSTRAINT purchase_models_part_of_id_fkey FOREIGN KEY (tenant_id, part_of_id) REFERENCES purchase_models (tenant_id, id),
    ADD CONSTRAINT purchase_models_part_check CHECK ((industry IS NULL) = (part_of_id IS NULL));
CREATE INDEX purchase_models_part_of_id_idx ON purchase_models (tenant_id, part_of_id, id) WHERE part_of_id IS NOT NULL;
