ALTER TABLE clv_estimates_drafts DROP COLUMN next_purchase_from, DROP COLUMN next_purchase_to;
ALTER TABLE clv_estimates DROP COLUMN next_purchase_from, DROP COLUMN next_purchase_to;
