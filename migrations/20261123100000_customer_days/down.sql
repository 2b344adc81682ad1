DROP TABLE customer_touches, customer_days;
