-- What a customer ever bought of a product, in the tenant's reporting currency and time zone. Like customer_days it is
-- written in the transaction of whatever changed an order, and follows from the orders alone.
CREATE TABLE customer_products (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    product_id uuid NOT NULL,
    -- The first and the last day of a valid order with it of which something is left after refunds.
    first_on date NOT NULL,
    last_on date NOT NULL,
    -- How many such orders.
    orders integer NOT NULL,
    -- What is left of its lines in them, without tax; refunds reduce all lines of an order in proportion.
    net numeric(19,4) NOT NULL,
    -- What that cost us, as far as the lines know their cost.
    cost numeric(19,4) NOT NULL,
    -- The part of net whose cost nobody knows.
    uncosted numeric(19,4) NOT NULL,
    CONSTRAINT customer_products_pkey PRIMARY KEY (tenant_id, account_id, product_id),
    CONSTRAINT customer_products_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT customer_products_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id)
);
COMMENT ON TABLE customer_products IS 'What a customer ever bought of a product, in the reporting currency';

-- Of the orders that are there already, of all tenants, for once.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE order_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds NO FORCE ROW LEVEL SECURITY;
INSERT INTO customer_products (tenant_id, account_id, product_id, first_on, last_on, orders, net, cost, uncosted)
WITH n AS (
    SELECT tenant_id, time_zone, reporting_currency AS code,
        CASE WHEN reporting_currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND',
            'VUV', 'XAF', 'XOF', 'XPF') THEN 0
            WHEN reporting_currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3 ELSE 2 END AS places
    FROM tenants WHERE id = tenant_id
), back AS (
    SELECT tenant_id, assigned_order_id, sum(net_amount) AS refunded FROM refunds
    WHERE archived_at IS NULL AND assigned_order_id IS NOT NULL GROUP BY 1, 2
), b AS (
    SELECT o.tenant_id, o.id, o.account_id, (o.ordered_at AT TIME ZONE n.time_zone)::date AS day, o.net_amount AS net,
        o.net_amount - coalesce(r.refunded, 0) AS rest, o.base_rate AS rate, n.places
    FROM orders o JOIN n ON n.tenant_id = o.tenant_id AND n.code = o.base_net_currency
    LEFT JOIN back r ON r.tenant_id = o.tenant_id AND r.assigned_order_id = o.id
    WHERE o.archived_at IS NULL AND NOT o.is_internal AND o.status IN ('CONFIRMED', 'FULFILLED') AND o.net_amount > 0
), l AS (
    SELECT tenant_id, order_id, product_id, sum(net_amount) AS net, coalesce(sum(round(quantity * unit_cost_amount, 4)), 0) AS cost,
        coalesce(sum(net_amount) FILTER (WHERE unit_cost_amount IS NULL), 0) AS uncosted
    FROM order_lines WHERE archived_at IS NULL AND product_id IS NOT NULL GROUP BY 1, 2, 3
)
SELECT b.tenant_id, b.account_id, l.product_id, min(b.day), max(b.day), count(*),
    sum(round(l.net * b.rest * b.rate / b.net, b.places)), sum(round(l.cost * b.rest * b.rate / b.net, b.places)),
    sum(round(l.uncosted * b.rest * b.rate / b.net, b.places))
FROM b JOIN l ON l.tenant_id = b.tenant_id AND l.order_id = b.id WHERE b.rest > 0 GROUP BY 1, 2, 3;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE order_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;
SELECT kith_protect('customer_products', 'SELECT, INSERT, UPDATE, DELETE');
