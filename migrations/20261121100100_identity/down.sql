DROP TABLE refresh_tokens, credentials, api_key_secrets, api_keys, role_assignments, roles, memberships, teams, users;
