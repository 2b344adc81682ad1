DROP TABLE notes, taggings, tags, external_ids, relationships, addresses, contact_points, contacts, account_roles, accounts;
