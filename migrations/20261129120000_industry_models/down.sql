DELETE FROM purchase_models WHERE part_of_id IS NOT NULL;
ALTER TABLE purchase_models DROP COLUMN part_of_id, DROP COLUMN industry;
