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

CREATE TABLE price_books (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    description text,
    CONSTRAINT price_books_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX price_books_name_key ON price_books (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX price_books_name_idx ON price_books (tenant_id, name, id);
CREATE INDEX price_books_created_at_idx ON price_books (tenant_id, created_at, id);
CREATE INDEX price_books_updated_at_idx ON price_books (tenant_id, updated_at, id);
COMMENT ON TABLE price_books IS 'A list of prices';
SELECT kith_protect('price_books');

CREATE TABLE prices (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    price_book_id uuid NOT NULL,
    product_id uuid NOT NULL,
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    CONSTRAINT prices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT prices_price_book_id_fkey FOREIGN KEY (tenant_id, price_book_id) REFERENCES price_books (tenant_id, id),
    CONSTRAINT prices_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT prices_amount_check CHECK (amount_amount >= 0),
    CONSTRAINT prices_valid_to_check CHECK (valid_to >= valid_from)
);
CREATE INDEX prices_product_id_idx ON prices (tenant_id, product_id, id);
CREATE INDEX prices_price_book_id_idx ON prices (tenant_id, price_book_id, id);
CREATE INDEX prices_valid_from_idx ON prices (tenant_id, valid_from, id);
CREATE INDEX prices_valid_to_idx ON prices (tenant_id, valid_to, id);
CREATE INDEX prices_created_at_idx ON prices (tenant_id, created_at, id);
CREATE INDEX prices_updated_at_idx ON prices (tenant_id, updated_at, id);
COMMENT ON TABLE prices IS 'What a product costs in a price book from one day to another';
SELECT kith_protect('prices');

CREATE TABLE invoices (
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
    net_amount numeric(19,4) NOT NULL,
    net_currency text NOT NULL,
    tax_amount numeric(19,4),
    tax_currency text,
    gross_amount numeric(19,4) NOT NULL,
    gross_currency text NOT NULL,
    issued_on date NOT NULL,
    due_on date NOT NULL,
    is_void boolean NOT NULL,
    status text NOT NULL,
    paid_amount numeric(19,4) NOT NULL,
    paid_currency text NOT NULL,
    balance_amount numeric(19,4) NOT NULL,
    balance_currency text NOT NULL,
    paid_at timestamptz,
    reminded_at timestamptz,
    CONSTRAINT invoices_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT invoices_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT invoices_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT invoices_status_check CHECK (status IN ('OPEN', 'PAID', 'VOID')),
    CONSTRAINT invoices_gross_amount_check CHECK (gross_amount = net_amount + coalesce(tax_amount, 0)),
    CONSTRAINT invoices_tax_check CHECK ((tax_amount IS NULL) = (tax_currency IS NULL)),
    CONSTRAINT invoices_due_on_check CHECK (due_on >= issued_on)
);
CREATE UNIQUE INDEX invoices_number_key ON invoices (tenant_id, number) WHERE archived_at IS NULL;
CREATE INDEX invoices_account_id_idx ON invoices (tenant_id, account_id, id);
CREATE INDEX invoices_order_id_idx ON invoices (tenant_id, order_id, id);
CREATE INDEX invoices_number_idx ON invoices (tenant_id, number, id);
CREATE INDEX invoices_issued_on_idx ON invoices (tenant_id, issued_on, id);
CREATE INDEX invoices_due_on_idx ON invoices (tenant_id, due_on, id);
CREATE INDEX invoices_gross_amount_idx ON invoices (tenant_id, gross_amount, id);
CREATE INDEX invoices_balance_amount_idx ON invoices (tenant_id, balance_amount, id);
CREATE INDEX invoices_created_at_idx ON invoices (tenant_id, created_at, id);
CREATE INDEX invoices_updated_at_idx ON invoices (tenant_id, updated_at, id);
COMMENT ON TABLE invoices IS 'What a customer is asked to pay';
SELECT kith_protect('invoices');

CREATE TABLE payments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    account_id uuid NOT NULL,
    invoice_id uuid,
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    paid_at timestamptz NOT NULL,
    method text NOT NULL,
    status text NOT NULL,
    reference text,
    failure_reason text,
    CONSTRAINT payments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payments_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT payments_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT payments_amount_check CHECK (amount_amount > 0)
);
CREATE INDEX payments_account_id_idx ON payments (tenant_id, account_id, id);
CREATE INDEX payments_invoice_id_idx ON payments (tenant_id, invoice_id, id);
CREATE INDEX payments_paid_at_idx ON payments (tenant_id, paid_at, id);
CREATE INDEX payments_amount_amount_idx ON payments (tenant_id, amount_amount, id);
CREATE INDEX payments_created_at_idx ON payments (tenant_id, created_at, id);
CREATE INDEX payments_updated_at_idx ON payments (tenant_id, updated_at, id);
COMMENT ON TABLE payments IS 'What a customer paid, or tried to';
SELECT kith_protect('payments');

CREATE TABLE reminder_steps (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    after_days integer NOT NULL,
    channel text NOT NULL,
    text text,
    CONSTRAINT reminder_steps_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT reminder_steps_after_days_check CHECK (after_days >= 1)
);
CREATE UNIQUE INDEX reminder_steps_after_days_key ON reminder_steps (tenant_id, after_days) WHERE archived_at IS NULL;
CREATE INDEX reminder_steps_after_days_idx ON reminder_steps (tenant_id, after_days, id);
CREATE INDEX reminder_steps_created_at_idx ON reminder_steps (tenant_id, created_at, id);
CREATE INDEX reminder_steps_updated_at_idx ON reminder_steps (tenant_id, updated_at, id);
COMMENT ON TABLE reminder_steps IS 'How often, after how long and how a customer is reminded of an overdue invoice';
SELECT kith_protect('reminder_steps');

CREATE TABLE reminders (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    invoice_id uuid NOT NULL,
    reminder_step_id uuid NOT NULL,
    channel text NOT NULL,
    overdue_days integer NOT NULL,
    balance_amount numeric(19,4) NOT NULL,
    balance_currency text NOT NULL,
    sent_at timestamptz NOT NULL,
    CONSTRAINT reminders_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT reminders_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id),
    CONSTRAINT reminders_reminder_step_id_fkey FOREIGN KEY (tenant_id, reminder_step_id) REFERENCES reminder_steps (tenant_id, id)
);
CREATE UNIQUE INDEX reminders_invoice_id_reminder_step_id_key ON reminders (tenant_id, invoice_id, reminder_step_id) WHERE archived_at IS NULL;
CREATE INDEX reminders_invoice_id_idx ON reminders (tenant_id, invoice_id, id);
CREATE INDEX reminders_reminder_step_id_idx ON reminders (tenant_id, reminder_step_id, id);
CREATE INDEX reminders_sent_at_idx ON reminders (tenant_id, sent_at, id);
CREATE INDEX reminders_created_at_idx ON reminders (tenant_id, created_at, id);
CREATE INDEX reminders_updated_at_idx ON reminders (tenant_id, updated_at, id);
COMMENT ON TABLE reminders IS 'That a customer was reminded of an overdue invoice';
SELECT kith_protect('reminders');

CREATE TABLE shipments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    order_id uuid NOT NULL,
    status text NOT NULL,
    shipped_at timestamptz,
    delivered_at timestamptz,
    promised_at timestamptz,
    carrier text,
    tracking_number text,
    notes text,
    CONSTRAINT shipments_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT shipments_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT shipments_status_check CHECK (status IN ('PENDING', 'SHIPPED', 'DELIVERED', 'RETURNED', 'LOST')),
    CONSTRAINT shipments_delivered_at_check CHECK (delivered_at >= shipped_at)
);
CREATE INDEX shipments_order_id_idx ON shipments (tenant_id, order_id, id);
CREATE INDEX shipments_shipped_at_idx ON shipments (tenant_id, shipped_at, id);
CREATE INDEX shipments_delivered_at_idx ON shipments (tenant_id, delivered_at, id);
CREATE INDEX shipments_promised_at_idx ON shipments (tenant_id, promised_at, id);
CREATE INDEX shipments_created_at_idx ON shipments (tenant_id, created_at, id);
CREATE INDEX shipments_updated_at_idx ON shipments (tenant_id, updated_at, id);
COMMENT ON TABLE shipments IS 'What was sent of an order';
SELECT kith_protect('shipments');

CREATE TABLE subscriptions (
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
    product_id uuid,
    status text NOT NULL,
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    interval text NOT NULL,
    started_on date NOT NULL,
    current_period_end date NOT NULL,
    cancelled_at timestamptz,
    ended_on date,
    cancel_reason text,
    CONSTRAINT subscriptions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT subscriptions_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT subscriptions_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT subscriptions_status_check CHECK (status IN ('TRIAL', 'ACTIVE', 'PAST_DUE', 'CANCELLED', 'ENDED')),
    CONSTRAINT subscriptions_amount_check CHECK (amount_amount >= 0),
    CONSTRAINT subscriptions_ended_on_check CHECK ((status = 'ENDED') = (ended_on IS NOT NULL) AND ended_on >= started_on)
);
CREATE UNIQUE INDEX subscriptions_number_key ON subscriptions (tenant_id, number) WHERE archived_at IS NULL;
CREATE INDEX subscriptions_account_id_idx ON subscriptions (tenant_id, account_id, id);
CREATE INDEX subscriptions_product_id_idx ON subscriptions (tenant_id, product_id, id);
CREATE INDEX subscriptions_number_idx ON subscriptions (tenant_id, number, id);
CREATE INDEX subscriptions_started_on_idx ON subscriptions (tenant_id, started_on, id);
CREATE INDEX subscriptions_current_period_end_idx ON subscriptions (tenant_id, current_period_end, id);
CREATE INDEX subscriptions_ended_on_idx ON subscriptions (tenant_id, ended_on, id);
CREATE INDEX subscriptions_amount_amount_idx ON subscriptions (tenant_id, amount_amount, id);
CREATE INDEX subscriptions_created_at_idx ON subscriptions (tenant_id, created_at, id);
CREATE INDEX subscriptions_updated_at_idx ON subscriptions (tenant_id, updated_at, id);
COMMENT ON TABLE subscriptions IS 'What a customer pays again and again';
SELECT kith_protect('subscriptions');
