-- When the next purchase is expected, and how far that may be off.
ALTER TABLE clv_estimates ADD COLUMN next_purchase_from date, ADD COLUMN next_purchase_to date;
ALTER TABLE clv_estimates_drafts ADD COLUMN next_purchase_from date, ADD COLUMN next_purchase_to date;
