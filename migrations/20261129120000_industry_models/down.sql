ALTER TABLE purchase_models NO FORCE ROW LEVEL SECURITY;
DELETE FROM purchase_models WHERE part_of_id IS NOT NULL;
ALTER TABLE purchase_models FORCE ROW LEVEL SECURITY;
ALTER TABLE purchase_models DROP COLUMN part_of_id, DROP COLUMN industry;
