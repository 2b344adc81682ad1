CREATE TABLE accounts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    kind text NOT NULL,
    name text NOT NULL,
    legal_name text,
    registration_number text,
    industry text,
    size_band text,
    annual_revenue_amount numeric(19,4),
    annual_revenue_currency text,
    website text,
    owner_id uuid,
    team_id uuid,
    parent_id uuid,
    preferred_channel text,
    preferred_language text,
    importance_class text NOT NULL,
    importance_source text NOT NULL,
    importance_reason text,
    status text NOT NULL,
    custom jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT accounts_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT accounts_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT accounts_parent_id_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT accounts_kind_check CHECK (kind IN ('ORGANIZATION', 'PERSON', 'HOUSEHOLD')),
    CONSTRAINT accounts_size_band_check CHECK (size_band IN ('MICRO', 'SMALL', 'MEDIUM', 'LARGE', 'ENTERPRISE')),
    CONSTRAINT accounts_preferred_channel_check CHECK (preferred_channel IN ('PHONE', 'MOBILE', 'FAX', 'EMAIL', 'SMS', 'CHAT', 'SOCIAL', 'WEB', 'POST')),
    CONSTRAINT accounts_importance_class_check CHECK (importance_class IN ('VIP', 'KEY', 'ORDINARY')),
    CONSTRAINT accounts_importance_source_check CHECK (importance_source IN ('RULE', 'MANUAL')),
    CONSTRAINT accounts_status_check CHECK (status IN ('ACTIVE', 'INACTIVE', 'MERGED')),
    CONSTRAINT accounts_annual_revenue_check CHECK ((annual_revenue_amount IS NULL) = (annual_revenue_currency IS NULL)),
    CONSTRAINT accounts_parent_id_check CHECK (parent_id <> id)
);
CREATE UNIQUE INDEX accounts_registration_number_key ON accounts (tenant_id, registration_number) WHERE archived_at IS NULL;
CREATE INDEX accounts_owner_id_idx ON accounts (tenant_id, owner_id, id);
CREATE INDEX accounts_team_id_idx ON accounts (tenant_id, team_id, id);
CREATE INDEX accounts_parent_id_idx ON accounts (tenant_id, parent_id, id);
CREATE INDEX accounts_created_at_idx ON accounts (tenant_id, created_at, id);
CREATE INDEX accounts_updated_at_idx ON accounts (tenant_id, updated_at, id);
CREATE INDEX accounts_name_idx ON accounts (tenant_id, name, id);
CREATE INDEX accounts_annual_revenue_amount_idx ON accounts (tenant_id, annual_revenue_amount, id);
CREATE INDEX accounts_importance_class_idx ON accounts (tenant_id, importance_class, id);
CREATE INDEX accounts_status_idx ON accounts (tenant_id, status, id);
COMMENT ON TABLE accounts IS 'Whoever we trade with or want to: an organisation, a person or a household';
SELECT kith_protect('accounts');

CREATE TABLE account_roles (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    role text NOT NULL,
    valid_from date,
    valid_to date,
    CONSTRAINT account_roles_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT account_roles_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT account_roles_role_check CHECK (role IN ('PROSPECT', 'CUSTOMER', 'DISTRIBUTOR', 'RESELLER', 'SUPPLIER', 'PARTNER', 'COMPETITOR', 'INFLUENCER', 'FORMER_CUSTOMER')),
    CONSTRAINT account_roles_valid_to_check CHECK (valid_to >= valid_from)
);
CREATE UNIQUE INDEX account_roles_account_id_role_valid_from_key ON account_roles (tenant_id, account_id, role, coalesce(valid_from, DATE '0001-01-01')) WHERE archived_at IS NULL;
CREATE INDEX account_roles_account_id_idx ON account_roles (tenant_id, account_id, id);
CREATE INDEX account_roles_created_at_idx ON account_roles (tenant_id, created_at, id);
CREATE INDEX account_roles_updated_at_idx ON account_roles (tenant_id, updated_at, id);
CREATE INDEX account_roles_role_idx ON account_roles (tenant_id, role, id);
COMMENT ON TABLE account_roles IS 'A role that an account plays for the tenant, for a time';
SELECT kith_protect('account_roles');

CREATE TABLE contacts (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid,
    given_name text,
    family_name text,
    name text NOT NULL,
    salutation text,
    locale text,
    job_title text,
    department text,
    buying_role text,
    birthday date,
    reports_to_id uuid,
    owner_id uuid,
    custom jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT contacts_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT contacts_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT contacts_reports_to_id_fkey FOREIGN KEY (tenant_id, reports_to_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT contacts_buying_role_check CHECK (buying_role IN ('DECISION_MAKER', 'EVALUATOR', 'INFLUENCER', 'USER', 'GATEKEEPER', 'CHAMPION')),
    CONSTRAINT contacts_reports_to_id_check CHECK (reports_to_id <> id)
);
CREATE INDEX contacts_account_id_idx ON contacts (tenant_id, account_id, id);
CREATE INDEX contacts_reports_to_id_idx ON contacts (tenant_id, reports_to_id, id);
CREATE INDEX contacts_owner_id_idx ON contacts (tenant_id, owner_id, id);
CREATE INDEX contacts_created_at_idx ON contacts (tenant_id, created_at, id);
CREATE INDEX contacts_updated_at_idx ON contacts (tenant_id, updated_at, id);
CREATE INDEX contacts_name_idx ON contacts (tenant_id, name, id);
CREATE INDEX contacts_family_name_idx ON contacts (tenant_id, family_name, id);
COMMENT ON TABLE contacts IS 'A person at an account';
SELECT kith_protect('contacts');

CREATE TABLE contact_points (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid,
    contact_id uuid,
    channel text NOT NULL,
    value text NOT NULL,
    normalized_value text NOT NULL,
    label text,
    is_primary boolean NOT NULL,
    verified_at timestamptz,
    do_not_contact boolean NOT NULL,
    CONSTRAINT contact_points_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT contact_points_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT contact_points_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT contact_points_channel_check CHECK (channel IN ('PHONE', 'MOBILE', 'FAX', 'EMAIL', 'SMS', 'CHAT', 'SOCIAL', 'WEB', 'POST')),
    CONSTRAINT contact_points_subject_check CHECK (num_nonnulls(account_id, contact_id) = 1)
);
CREATE INDEX contact_points_account_id_idx ON contact_points (tenant_id, account_id, id);
CREATE INDEX contact_points_contact_id_idx ON contact_points (tenant_id, contact_id, id);
CREATE INDEX contact_points_created_at_idx ON contact_points (tenant_id, created_at, id);
CREATE INDEX contact_points_updated_at_idx ON contact_points (tenant_id, updated_at, id);
CREATE INDEX contact_points_normalized_value_idx ON contact_points (tenant_id, normalized_value, id);
COMMENT ON TABLE contact_points IS 'A way to reach an account or a contact';
SELECT kith_protect('contact_points');

CREATE TABLE addresses (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid,
    contact_id uuid,
    kind text NOT NULL,
    street text,
    city text,
    region text,
    postal_code text,
    country text,
    is_primary boolean NOT NULL,
    CONSTRAINT addresses_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT addresses_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT addresses_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT addresses_kind_check CHECK (kind IN ('BILLING', 'SHIPPING', 'VISITING', 'HOME', 'OTHER')),
    CONSTRAINT addresses_subject_check CHECK (num_nonnulls(account_id, contact_id) = 1)
);
CREATE INDEX addresses_account_id_idx ON addresses (tenant_id, account_id, id);
CREATE INDEX addresses_contact_id_idx ON addresses (tenant_id, contact_id, id);
CREATE INDEX addresses_created_at_idx ON addresses (tenant_id, created_at, id);
CREATE INDEX addresses_updated_at_idx ON addresses (tenant_id, updated_at, id);
CREATE INDEX addresses_city_idx ON addresses (tenant_id, city, id);
CREATE INDEX addresses_country_idx ON addresses (tenant_id, country, id);
COMMENT ON TABLE addresses IS 'A postal address of an account or a contact';
SELECT kith_protect('addresses');

CREATE TABLE relationships (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    from_account_id uuid,
    from_contact_id uuid,
    to_account_id uuid,
    to_contact_id uuid,
    kind text NOT NULL,
    label text,
    valid_from date,
    valid_to date,
    CONSTRAINT relationships_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT relationships_from_account_id_fkey FOREIGN KEY (tenant_id, from_account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT relationships_from_contact_id_fkey FOREIGN KEY (tenant_id, from_contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT relationships_to_account_id_fkey FOREIGN KEY (tenant_id, to_account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT relationships_to_contact_id_fkey FOREIGN KEY (tenant_id, to_contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT relationships_kind_check CHECK (kind IN ('PARENT', 'REFERRAL', 'COMPETITOR', 'COLLEAGUE', 'PARTNER', 'FAMILY', 'CUSTOM')),
    CONSTRAINT relationships_from_check CHECK (num_nonnulls(from_account_id, from_contact_id) = 1),
    CONSTRAINT relationships_to_check CHECK (num_nonnulls(to_account_id, to_contact_id) = 1),
    CONSTRAINT relationships_valid_to_check CHECK (valid_to >= valid_from)
);
CREATE INDEX relationships_from_account_id_idx ON relationships (tenant_id, from_account_id, id);
CREATE INDEX relationships_from_contact_id_idx ON relationships (tenant_id, from_contact_id, id);
CREATE INDEX relationships_to_account_id_idx ON relationships (tenant_id, to_account_id, id);
CREATE INDEX relationships_to_contact_id_idx ON relationships (tenant_id, to_contact_id, id);
CREATE INDEX relationships_created_at_idx ON relationships (tenant_id, created_at, id);
CREATE INDEX relationships_updated_at_idx ON relationships (tenant_id, updated_at, id);
COMMENT ON TABLE relationships IS 'How two accounts or contacts are related';
SELECT kith_protect('relationships');

CREATE TABLE external_ids (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    subject_type text NOT NULL,
    subject_id uuid NOT NULL,
    system text NOT NULL,
    external_id text NOT NULL,
    CONSTRAINT external_ids_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX external_ids_subject_type_system_external_id_key ON external_ids (tenant_id, subject_type, system, external_id) WHERE archived_at IS NULL;
CREATE INDEX external_ids_created_at_idx ON external_ids (tenant_id, created_at, id);
CREATE INDEX external_ids_updated_at_idx ON external_ids (tenant_id, updated_at, id);
CREATE INDEX external_ids_subject_id_idx ON external_ids (tenant_id, subject_id, id);
CREATE INDEX external_ids_external_id_idx ON external_ids (tenant_id, external_id, id);
COMMENT ON TABLE external_ids IS 'The key of a record in another system';
SELECT kith_protect('external_ids');

CREATE TABLE tags (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    color text,
    CONSTRAINT tags_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX tags_name_key ON tags (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX tags_created_at_idx ON tags (tenant_id, created_at, id);
CREATE INDEX tags_updated_at_idx ON tags (tenant_id, updated_at, id);
CREATE INDEX tags_name_idx ON tags (tenant_id, name, id);
COMMENT ON TABLE tags IS 'A label for records';
SELECT kith_protect('tags');

CREATE TABLE taggings (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    tag_id uuid NOT NULL,
    subject_type text NOT NULL,
    subject_id uuid NOT NULL,
    CONSTRAINT taggings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT taggings_tag_id_fkey FOREIGN KEY (tenant_id, tag_id) REFERENCES tags (tenant_id, id)
);
CREATE UNIQUE INDEX taggings_tag_id_subject_id_key ON taggings (tenant_id, tag_id, subject_id, subject_type) WHERE archived_at IS NULL;
CREATE INDEX taggings_tag_id_idx ON taggings (tenant_id, tag_id, id);
CREATE INDEX taggings_created_at_idx ON taggings (tenant_id, created_at, id);
CREATE INDEX taggings_updated_at_idx ON taggings (tenant_id, updated_at, id);
CREATE INDEX taggings_subject_id_idx ON taggings (tenant_id, subject_id, id);
COMMENT ON TABLE taggings IS 'A tag on a record';
SELECT kith_protect('taggings');

CREATE TABLE notes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    subject_type text NOT NULL,
    subject_id uuid NOT NULL,
    body text NOT NULL,
    is_pinned boolean NOT NULL,
    CONSTRAINT notes_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX notes_created_at_idx ON notes (tenant_id, created_at, id);
CREATE INDEX notes_updated_at_idx ON notes (tenant_id, updated_at, id);
CREATE INDEX notes_subject_id_idx ON notes (tenant_id, subject_id, id);
COMMENT ON TABLE notes IS 'A note about a record';
SELECT kith_protect('notes');
