DROP TABLE exchange_rates, products, product_families;
