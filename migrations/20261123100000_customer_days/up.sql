-- What a customer bought on a day, in the tenant's reporting currency and time zone: the only reading of the orders that
-- anything about value rests on. It is written in the transaction of whatever changed an order, and follows from the
-- orders alone, so that it can be made anew at any time.
CREATE TABLE customer_days (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    day date NOT NULL,
    -- Valid orders of which something is left after refunds: with one or more, the day is one occasion.
    orders integer NOT NULL,
    -- What is left of the day's valid orders, without tax, refunds booked against the order they belong to (restated).
    net numeric(19,4) NOT NULL,
    -- What that cost us, as far as the lines know their cost.
    cost numeric(19,4) NOT NULL,
    -- The part of net whose cost nobody knows.
    uncosted numeric(19,4) NOT NULL,
    -- Discounts given on those orders, before refunds.
    discount numeric(19,4) NOT NULL,
    -- The part of booked that was bought at a discount.
    discounted numeric(19,4) NOT NULL,
    -- Lines of those orders.
    lines integer NOT NULL,
    -- The day's valid orders before refunds.
    booked numeric(19,4) NOT NULL,
    -- Refunds paid on this day, whatever order they belong to (booked).
    refunded numeric(19,4) NOT NULL,
    -- Orders and refunds of the day left out because no exchange rate was known.
    unconverted integer NOT NULL,
    CONSTRAINT customer_days_pkey PRIMARY KEY (tenant_id, account_id, day),
    CONSTRAINT customer_days_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
COMMENT ON TABLE customer_days IS 'What a customer bought on a day, in the reporting currency';
SELECT kith_protect('customer_days', 'SELECT, INSERT, UPDATE, DELETE');

-- Accounts whose facts changed since their values were computed. Rows are only added by writers, so that nobody waits
-- for anybody, and taken away by whoever computed the values.
CREATE TABLE customer_touches (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    touched_at timestamptz NOT NULL,
    CONSTRAINT customer_touches_pkey PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE customer_touches IS 'Accounts whose facts changed since their values were computed';
SELECT kith_protect('customer_touches', 'SELECT, INSERT, DELETE');
