-- What orders and their lines need so that value can be computed: cost, refunds, and amounts in the reporting currency.
ALTER TABLE orders
    ADD is_internal boolean NOT NULL DEFAULT false,
    ADD refunded_amount numeric(19,4) NOT NULL DEFAULT 0,
    ADD refunded_currency text,
    ADD base_net_amount numeric(19,4),
    ADD base_net_currency text,
    ADD base_rate numeric(24,12),
    ADD exchange_rate_id uuid,
    -- The version of the document in the system it came from, that an older one never overwrites.
    ADD source_version bigint,
    ADD CONSTRAINT orders_base_net_check CHECK ((base_net_amount IS NULL) = (base_net_currency IS NULL)),
    ADD CONSTRAINT orders_base_rate_check CHECK ((base_net_amount IS NULL) = (base_rate IS NULL) AND base_rate >= 0),
    ADD CONSTRAINT orders_refunded_check CHECK (refunded_amount BETWEEN 0 AND net_amount),
    ADD CONSTRAINT orders_exchange_rate_id_fkey FOREIGN KEY (tenant_id, exchange_rate_id) REFERENCES exchange_rates (tenant_id, id);
ALTER TABLE order_lines
    ADD source_key text,
    ADD unit_cost_amount numeric(19,4),
    ADD unit_cost_currency text,
    ADD discount_amount numeric(19,4) NOT NULL DEFAULT 0,
    ADD discount_currency text,
    ADD CONSTRAINT order_lines_unit_cost_check CHECK ((unit_cost_amount IS NULL) = (unit_cost_currency IS NULL)),
    ADD CONSTRAINT order_lines_unit_cost_amount_check CHECK (unit_cost_amount >= 0);
-- The rows of all tenants, for once.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE order_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
UPDATE orders SET refunded_currency = currency;
UPDATE orders o SET base_net_amount = o.net_amount, base_net_currency = o.currency, base_rate = 1
    FROM tenants n WHERE n.tenant_id = o.tenant_id AND n.reporting_currency = o.currency;
UPDATE order_lines SET discount_currency = unit_price_currency, discount_amount = greatest(round(quantity * unit_price_amount, 2) - net_amount, 0);
ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE order_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE orders ALTER refunded_currency SET NOT NULL;
ALTER TABLE order_lines ALTER discount_currency SET NOT NULL;
-- Of one customer in time: what customer_days are made of, and what a refund is looked up in.
CREATE INDEX orders_account_id_ordered_at_idx ON orders (tenant_id, account_id, ordered_at, id);
CREATE INDEX orders_exchange_rate_id_idx ON orders (tenant_id, exchange_rate_id, id);
CREATE INDEX orders_net_currency_idx ON orders (tenant_id, net_currency, id) WHERE base_rate IS NULL;

CREATE TABLE refunds (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    number text NOT NULL,
    account_id uuid NOT NULL,
    order_id uuid,
    order_line_id uuid,
    product_id uuid,
    net_amount numeric(19,4) NOT NULL,
    net_currency text NOT NULL,
    tax_amount numeric(19,4),
    tax_currency text,
    refunded_at timestamptz NOT NULL,
    reason text,
    assigned_order_id uuid,
    base_net_amount numeric(19,4),
    base_net_currency text,
    base_rate numeric(24,12),
    exchange_rate_id uuid,
    CONSTRAINT refunds_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refunds_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT refunds_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT refunds_order_line_id_fkey FOREIGN KEY (tenant_id, order_line_id) REFERENCES order_lines (tenant_id, id),
    CONSTRAINT refunds_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT refunds_assigned_order_id_fkey FOREIGN KEY (tenant_id, assigned_order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT refunds_exchange_rate_id_fkey FOREIGN KEY (tenant_id, exchange_rate_id) REFERENCES exchange_rates (tenant_id, id),
    CONSTRAINT refunds_net_amount_check CHECK (net_amount > 0),
    CONSTRAINT refunds_tax_check CHECK ((tax_amount IS NULL) = (tax_currency IS NULL)),
    CONSTRAINT refunds_base_net_check CHECK ((base_net_amount IS NULL) = (base_net_currency IS NULL)),
    CONSTRAINT refunds_base_rate_check CHECK ((base_net_amount IS NULL) = (base_rate IS NULL) AND base_rate >= 0),
    CONSTRAINT refunds_order_line_id_check CHECK (order_line_id IS NULL OR order_id IS NOT NULL)
);
CREATE UNIQUE INDEX refunds_number_key ON refunds (tenant_id, number) WHERE archived_at IS NULL;
CREATE INDEX refunds_account_id_refunded_at_idx ON refunds (tenant_id, account_id, refunded_at, id);
CREATE INDEX refunds_order_id_idx ON refunds (tenant_id, order_id, id);
CREATE INDEX refunds_order_line_id_idx ON refunds (tenant_id, order_line_id, id);
CREATE INDEX refunds_product_id_idx ON refunds (tenant_id, product_id, id);
CREATE INDEX refunds_assigned_order_id_idx ON refunds (tenant_id, assigned_order_id, id);
CREATE INDEX refunds_exchange_rate_id_idx ON refunds (tenant_id, exchange_rate_id, id);
CREATE INDEX refunds_net_currency_idx ON refunds (tenant_id, net_currency, id) WHERE base_rate IS NULL;
CREATE INDEX refunds_created_at_idx ON refunds (tenant_id, created_at, id);
CREATE INDEX refunds_updated_at_idx ON refunds (tenant_id, updated_at, id);
CREATE INDEX refunds_number_idx ON refunds (tenant_id, number, id);
CREATE INDEX refunds_refunded_at_idx ON refunds (tenant_id, refunded_at, id);
CREATE INDEX refunds_net_amount_idx ON refunds (tenant_id, net_amount, id);
COMMENT ON TABLE refunds IS 'What a customer got back';
SELECT kith_protect('refunds');
