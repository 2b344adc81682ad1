CREATE TABLE users (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    email text NOT NULL,
    name text NOT NULL,
    locale text,
    time_zone text,
    status text NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT users_status_check CHECK (status IN ('ACTIVE', 'DISABLED'))
);
CREATE UNIQUE INDEX users_email_key ON users (tenant_id, lower(email)) WHERE archived_at IS NULL;
CREATE INDEX users_created_at_idx ON users (tenant_id, created_at, id);
CREATE INDEX users_updated_at_idx ON users (tenant_id, updated_at, id);
CREATE INDEX users_name_idx ON users (tenant_id, name, id);
CREATE INDEX users_email_idx ON users (tenant_id, email, id);
COMMENT ON TABLE users IS 'A person who works with the tenant';
SELECT kith_protect('users');

CREATE TABLE teams (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    parent_id uuid,
    CONSTRAINT teams_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT teams_parent_id_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES teams (tenant_id, id)
);
CREATE UNIQUE INDEX teams_name_key ON teams (tenant_id, name) WHERE archived_at IS NULL;
CREATE INDEX teams_parent_id_idx ON teams (tenant_id, parent_id, id);
CREATE INDEX teams_created_at_idx ON teams (tenant_id, created_at, id);
CREATE INDEX teams_updated_at_idx ON teams (tenant_id, updated_at, id);
CREATE INDEX teams_name_idx ON teams (tenant_id, name, id);
COMMENT ON TABLE teams IS 'A team of users, in a tree';
SELECT kith_protect('teams');

CREATE TABLE memberships (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    user_id uuid NOT NULL,
    team_id uuid NOT NULL,
    role text NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT memberships_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT memberships_role_check CHECK (role IN ('LEAD', 'MEMBER'))
);
CREATE UNIQUE INDEX memberships_team_id_user_id_key ON memberships (tenant_id, team_id, user_id) WHERE archived_at IS NULL;
CREATE INDEX memberships_user_id_idx ON memberships (tenant_id, user_id, id);
CREATE INDEX memberships_team_id_idx ON memberships (tenant_id, team_id, id);
CREATE INDEX memberships_created_at_idx ON memberships (tenant_id, created_at, id);
CREATE INDEX memberships_updated_at_idx ON memberships (tenant_id, updated_at, id);
COMMENT ON TABLE memberships IS 'A user in a team';
SELECT kith_protect('memberships');

CREATE TABLE roles (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    description text,
    is_built_in boolean NOT NULL,
    grants jsonb NOT NULL,
    CONSTRAINT roles_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX roles_name_key ON roles (tenant_id, name) WHERE archived_at IS NULL;
CREATE INDEX roles_created_at_idx ON roles (tenant_id, created_at, id);
CREATE INDEX roles_updated_at_idx ON roles (tenant_id, updated_at, id);
CREATE INDEX roles_name_idx ON roles (tenant_id, name, id);
COMMENT ON TABLE roles IS 'A named set of grants';
SELECT kith_protect('roles');

CREATE TABLE role_assignments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    CONSTRAINT role_assignments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_assignments_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT role_assignments_role_id_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id)
);
CREATE UNIQUE INDEX role_assignments_user_id_role_id_key ON role_assignments (tenant_id, user_id, role_id) WHERE archived_at IS NULL;
CREATE INDEX role_assignments_user_id_idx ON role_assignments (tenant_id, user_id, id);
CREATE INDEX role_assignments_role_id_idx ON role_assignments (tenant_id, role_id, id);
CREATE INDEX role_assignments_created_at_idx ON role_assignments (tenant_id, created_at, id);
CREATE INDEX role_assignments_updated_at_idx ON role_assignments (tenant_id, updated_at, id);
COMMENT ON TABLE role_assignments IS 'A role given to a user';
SELECT kith_protect('role_assignments');

CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    role_id uuid NOT NULL,
    prefix text NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_role_id_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id)
);
CREATE INDEX api_keys_role_id_idx ON api_keys (tenant_id, role_id, id);
CREATE INDEX api_keys_created_at_idx ON api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_updated_at_idx ON api_keys (tenant_id, updated_at, id);
CREATE INDEX api_keys_name_idx ON api_keys (tenant_id, name, id);
COMMENT ON TABLE api_keys IS 'A key for an integration; its secret is kept apart, hashed';
SELECT kith_protect('api_keys');

CREATE TABLE api_key_secrets (
    tenant_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    secret_hash bytea NOT NULL,
    CONSTRAINT api_key_secrets_pkey PRIMARY KEY (tenant_id, api_key_id),
    CONSTRAINT api_key_secrets_api_key_id_fkey FOREIGN KEY (tenant_id, api_key_id) REFERENCES api_keys (tenant_id, id)
);
COMMENT ON TABLE api_key_secrets IS 'SHA-256 of the secret of an API key';
SELECT kith_protect('api_key_secrets');

CREATE TABLE credentials (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT credentials_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
COMMENT ON TABLE credentials IS 'Argon2id hash of the password of a user';
SELECT kith_protect('credentials', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE refresh_tokens (
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX refresh_tokens_family_id_idx ON refresh_tokens (tenant_id, family_id);
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (tenant_id, user_id);
COMMENT ON TABLE refresh_tokens IS 'Refresh tokens by their SHA-256; each is good once, and using an old one ends its whole family';
SELECT kith_protect('refresh_tokens', 'SELECT, INSERT, UPDATE, DELETE');
