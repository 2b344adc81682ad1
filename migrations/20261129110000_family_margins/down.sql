ALTER TABLE product_families DROP COLUMN default_margin;
