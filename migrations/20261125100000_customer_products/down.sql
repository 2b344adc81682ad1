DROP TABLE customer_products;
