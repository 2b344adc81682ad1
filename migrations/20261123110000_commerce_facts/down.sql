DROP TABLE subscriptions, shipments, reminders, reminder_steps, payments, invoices, prices, price_books;
DROP TABLE refunds;
DROP INDEX orders_account_id_ordered_at_idx, orders_exchange_rate_id_idx, orders_net_currency_idx;
ALTER TABLE order_lines DROP source_key, DROP unit_cost_amount, DROP unit_cost_currency, DROP discount_amount, DROP discount_currency;
ALTER TABLE orders DROP is_internal, DROP refunded_amount, DROP refunded_currency, DROP base_net_amount, DROP base_net_currency,
    DROP base_rate, DROP exchange_rate_id, DROP source_version;
