// Generated from the migrated database: `make golden`.
