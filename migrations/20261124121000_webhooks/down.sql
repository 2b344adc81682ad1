DROP TABLE webhook_attempts, webhook_deliveries, webhook_secrets, webhook_endpoints;
