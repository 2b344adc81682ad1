DROP TABLE connector_changes;
DROP TABLE connector_fields;
DROP TABLE connectors;
