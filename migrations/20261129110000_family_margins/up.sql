-- What is earned of products whose cost nobody knows, by the family that they belong to.
ALTER TABLE product_families ADD COLUMN default_margin numeric(19,4);
