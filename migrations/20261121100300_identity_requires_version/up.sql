-- With a default, so that the release before this one can go on making tenants.
ALTER TABLE tenants ADD COLUMN requires_version boolean NOT NULL DEFAULT false;
