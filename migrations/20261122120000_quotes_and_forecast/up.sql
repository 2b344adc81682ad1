CREATE TABLE numbers (
    tenant_id uuid NOT NULL,
    resource text NOT NULL,
    last integer NOT NULL,
    CONSTRAINT numbers_pkey PRIMARY KEY (tenant_id, resource)
);
COMMENT ON TABLE numbers IS 'The last number that was given to a record of each kind';
SELECT kith_protect('numbers');

CREATE TABLE quotes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    number text NOT NULL,
    revision integer NOT NULL,
    replaces_id uuid,
    opportunity_id uuid NOT NULL,
    account_id uuid,
    contact_id uuid,
    currency text NOT NULL,
    status text NOT NULL,
    valid_until date,
    sent_at timestamptz,
    decided_at timestamptz,
    subtotal_amount numeric(19,4) NOT NULL,
    subtotal_currency text NOT NULL,
    discount_amount numeric(19,4) NOT NULL,
    discount_currency text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tax_currency text NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    total_currency text NOT NULL,
    terms text,
    notes text,
    CONSTRAINT quotes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT quotes_replaces_id_fkey FOREIGN KEY (tenant_id, replaces_id) REFERENCES quotes (tenant_id, id),
    CONSTRAINT quotes_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT quotes_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT quotes_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT quotes_status_check CHECK (status IN ('DRAFT', 'SENT', 'ACCEPTED', 'REJECTED', 'EXPIRED', 'SUPERSEDED')),
    CONSTRAINT quotes_revision_check CHECK (revision >= 1),
    CONSTRAINT quotes_total_amount_check CHECK (total_amount = subtotal_amount - discount_amount + tax_amount)
);
CREATE UNIQUE INDEX quotes_revision_number_key ON quotes (tenant_id, revision, number) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX quotes_replaces_id_key ON quotes (tenant_id, replaces_id) WHERE archived_at IS NULL;
CREATE INDEX quotes_replaces_id_idx ON quotes (tenant_id, replaces_id, id);
CREATE INDEX quotes_opportunity_id_idx ON quotes (tenant_id, opportunity_id, id);
CREATE INDEX quotes_account_id_idx ON quotes (tenant_id, account_id, id);
CREATE INDEX quotes_contact_id_idx ON quotes (tenant_id, contact_id, id);
CREATE INDEX quotes_created_at_idx ON quotes (tenant_id, created_at, id);
CREATE INDEX quotes_updated_at_idx ON quotes (tenant_id, updated_at, id);
CREATE INDEX quotes_number_idx ON quotes (tenant_id, number, id);
CREATE INDEX quotes_valid_until_idx ON quotes (tenant_id, valid_until, id);
CREATE INDEX quotes_total_amount_idx ON quotes (tenant_id, total_amount, id);
COMMENT ON TABLE quotes IS 'An offer to sell, with its price';
SELECT kith_protect('quotes');

CREATE TABLE quote_lines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    quote_id uuid NOT NULL,
    product_id uuid,
    description text,
    position integer NOT NULL,
    quantity numeric(19,4) NOT NULL,
    unit_price_amount numeric(19,4) NOT NULL,
    unit_price_currency text NOT NULL,
    discount_percent numeric(19,4) NOT NULL,
    tax_rate numeric(19,4) NOT NULL,
    subtotal_amount numeric(19,4) NOT NULL,
    subtotal_currency text NOT NULL,
    discount_amount numeric(19,4) NOT NULL,
    discount_currency text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tax_currency text NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    total_currency text NOT NULL,
    CONSTRAINT quote_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT quote_lines_quote_id_fkey FOREIGN KEY (tenant_id, quote_id) REFERENCES quotes (tenant_id, id),
    CONSTRAINT quote_lines_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT quote_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT quote_lines_discount_percent_check CHECK (discount_percent BETWEEN 0 AND 100),
    CONSTRAINT quote_lines_tax_rate_check CHECK (tax_rate BETWEEN 0 AND 100)
);
CREATE INDEX quote_lines_quote_id_idx ON quote_lines (tenant_id, quote_id, id);
CREATE INDEX quote_lines_product_id_idx ON quote_lines (tenant_id, product_id, id);
CREATE INDEX quote_lines_created_at_idx ON quote_lines (tenant_id, created_at, id);
CREATE INDEX quote_lines_updated_at_idx ON quote_lines (tenant_id, updated_at, id);
CREATE INDEX quote_lines_position_idx ON quote_lines (tenant_id, position, id);
COMMENT ON TABLE quote_lines IS 'What a quote offers, line by line';
SELECT kith_protect('quote_lines');

CREATE TABLE orders (
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
    quote_id uuid,
    currency text NOT NULL,
    status text NOT NULL,
    ordered_at timestamptz NOT NULL,
    net_amount numeric(19,4) NOT NULL,
    net_currency text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tax_currency text NOT NULL,
    gross_amount numeric(19,4) NOT NULL,
    gross_currency text NOT NULL,
    stated_gross_amount numeric(19,4),
    stated_gross_currency text,
    notes text,
    CONSTRAINT orders_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT orders_quote_id_fkey FOREIGN KEY (tenant_id, quote_id) REFERENCES quotes (tenant_id, id),
    CONSTRAINT orders_status_check CHECK (status IN ('DRAFT', 'CONFIRMED', 'FULFILLED', 'CANCELLED', 'RETURNED')),
    CONSTRAINT orders_stated_gross_check CHECK ((stated_gross_amount IS NULL) = (stated_gross_currency IS NULL)),
    CONSTRAINT orders_gross_amount_check CHECK (gross_amount = net_amount + tax_amount)
);
CREATE UNIQUE INDEX orders_number_key ON orders (tenant_id, number) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX orders_quote_id_key ON orders (tenant_id, quote_id) WHERE archived_at IS NULL;
CREATE INDEX orders_account_id_idx ON orders (tenant_id, account_id, id);
CREATE INDEX orders_quote_id_idx ON orders (tenant_id, quote_id, id);
CREATE INDEX orders_created_at_idx ON orders (tenant_id, created_at, id);
CREATE INDEX orders_updated_at_idx ON orders (tenant_id, updated_at, id);
CREATE INDEX orders_number_idx ON orders (tenant_id, number, id);
CREATE INDEX orders_ordered_at_idx ON orders (tenant_id, ordered_at, id);
CREATE INDEX orders_gross_amount_idx ON orders (tenant_id, gross_amount, id);
COMMENT ON TABLE orders IS 'What a customer ordered';
SELECT kith_protect('orders');

CREATE TABLE order_lines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    order_id uuid NOT NULL,
    product_id uuid,
    description text,
    position integer NOT NULL,
    quantity numeric(19,4) NOT NULL,
    unit_price_amount numeric(19,4) NOT NULL,
    unit_price_currency text NOT NULL,
    discount_percent numeric(19,4) NOT NULL,
    tax_rate numeric(19,4) NOT NULL,
    net_amount numeric(19,4) NOT NULL,
    net_currency text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tax_currency text NOT NULL,
    gross_amount numeric(19,4) NOT NULL,
    gross_currency text NOT NULL,
    CONSTRAINT order_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT order_lines_product_id_fkey FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT order_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT order_lines_discount_percent_check CHECK (discount_percent BETWEEN 0 AND 100),
    CONSTRAINT order_lines_tax_rate_check CHECK (tax_rate BETWEEN 0 AND 100)
);
CREATE INDEX order_lines_order_id_idx ON order_lines (tenant_id, order_id, id);
CREATE INDEX order_lines_product_id_idx ON order_lines (tenant_id, product_id, id);
CREATE INDEX order_lines_created_at_idx ON order_lines (tenant_id, created_at, id);
CREATE INDEX order_lines_updated_at_idx ON order_lines (tenant_id, updated_at, id);
CREATE INDEX order_lines_position_idx ON order_lines (tenant_id, position, id);
COMMENT ON TABLE order_lines IS 'What was ordered, line by line';
SELECT kith_protect('order_lines');

CREATE TABLE targets (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    user_id uuid,
    team_id uuid,
    pipeline_id uuid,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    amount_amount numeric(19,4) NOT NULL,
    amount_currency text NOT NULL,
    note text,
    CONSTRAINT targets_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT targets_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT targets_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    CONSTRAINT targets_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT targets_user_id_check CHECK (user_id IS NULL OR team_id IS NULL),
    CONSTRAINT targets_ends_on_check CHECK (ends_on >= starts_on)
);
CREATE INDEX targets_user_id_idx ON targets (tenant_id, user_id, id);
CREATE INDEX targets_team_id_idx ON targets (tenant_id, team_id, id);
CREATE INDEX targets_pipeline_id_idx ON targets (tenant_id, pipeline_id, id);
CREATE INDEX targets_created_at_idx ON targets (tenant_id, created_at, id);
CREATE INDEX targets_updated_at_idx ON targets (tenant_id, updated_at, id);
CREATE INDEX targets_starts_on_idx ON targets (tenant_id, starts_on, id);
CREATE INDEX targets_ends_on_idx ON targets (tenant_id, ends_on, id);
COMMENT ON TABLE targets IS 'What shall be won in a period';
SELECT kith_protect('targets');

-- Null is a value here: the tenant as a whole, all pipelines.
CREATE UNIQUE INDEX targets_user_id_team_id_pipeline_id_ends_on_starts_on_key ON targets (tenant_id, user_id, team_id, pipeline_id, ends_on, starts_on) NULLS NOT DISTINCT WHERE archived_at IS NULL;

CREATE TABLE forecast_snapshots (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    pipeline_id uuid,
    taken_at timestamptz NOT NULL,
    line_count integer NOT NULL,
    CONSTRAINT forecast_snapshots_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT forecast_snapshots_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT forecast_snapshots_ends_on_check CHECK (ends_on >= starts_on)
);
CREATE INDEX forecast_snapshots_pipeline_id_idx ON forecast_snapshots (tenant_id, pipeline_id, id);
CREATE INDEX forecast_snapshots_created_at_idx ON forecast_snapshots (tenant_id, created_at, id);
CREATE INDEX forecast_snapshots_updated_at_idx ON forecast_snapshots (tenant_id, updated_at, id);
CREATE INDEX forecast_snapshots_starts_on_idx ON forecast_snapshots (tenant_id, starts_on, id);
CREATE INDEX forecast_snapshots_ends_on_idx ON forecast_snapshots (tenant_id, ends_on, id);
CREATE INDEX forecast_snapshots_taken_at_idx ON forecast_snapshots (tenant_id, taken_at, id);
COMMENT ON TABLE forecast_snapshots IS 'What was expected of a period at a moment';
SELECT kith_protect('forecast_snapshots');

CREATE TABLE forecast_snapshot_lines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    snapshot_id uuid NOT NULL,
    opportunity_id uuid NOT NULL,
    status text NOT NULL,
    amount_amount numeric(19,4),
    amount_currency text,
    weighted_amount numeric(19,4),
    weighted_currency text,
    probability integer NOT NULL,
    forecast_category text NOT NULL,
    close_date date,
    pipeline_id uuid NOT NULL,
    stage_id uuid NOT NULL,
    owner_id uuid,
    team_id uuid,
    CONSTRAINT forecast_snapshot_lines_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_snapshot_id_fkey FOREIGN KEY (tenant_id, snapshot_id) REFERENCES forecast_snapshots (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_opportunity_id_fkey FOREIGN KEY (tenant_id, opportunity_id) REFERENCES opportunities (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_status_check CHECK (status IN ('OPEN', 'WON')),
    CONSTRAINT forecast_snapshot_lines_amount_check CHECK ((amount_amount IS NULL) = (amount_currency IS NULL)),
    CONSTRAINT forecast_snapshot_lines_weighted_check CHECK ((weighted_amount IS NULL) = (weighted_currency IS NULL)),
    CONSTRAINT forecast_snapshot_lines_forecast_category_check CHECK (forecast_category IN ('OMITTED', 'PIPELINE', 'BEST_CASE', 'COMMIT', 'CLOSED')),
    CONSTRAINT forecast_snapshot_lines_pipeline_id_fkey FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_stage_id_fkey FOREIGN KEY (tenant_id, stage_id) REFERENCES stages (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_owner_id_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id),
    CONSTRAINT forecast_snapshot_lines_team_id_fkey FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id)
);
CREATE UNIQUE INDEX forecast_snapshot_lines_snapshot_id_opportunity_id_key ON forecast_snapshot_lines (tenant_id, snapshot_id, opportunity_id) WHERE archived_at IS NULL;
CREATE INDEX forecast_snapshot_lines_snapshot_id_idx ON forecast_snapshot_lines (tenant_id, snapshot_id, id);
CREATE INDEX forecast_snapshot_lines_opportunity_id_idx ON forecast_snapshot_lines (tenant_id, opportunity_id, id);
CREATE INDEX forecast_snapshot_lines_pipeline_id_idx ON forecast_snapshot_lines (tenant_id, pipeline_id, id);
CREATE INDEX forecast_snapshot_lines_stage_id_idx ON forecast_snapshot_lines (tenant_id, stage_id, id);
CREATE INDEX forecast_snapshot_lines_owner_id_idx ON forecast_snapshot_lines (tenant_id, owner_id, id);
CREATE INDEX forecast_snapshot_lines_team_id_idx ON forecast_snapshot_lines (tenant_id, team_id, id);
CREATE INDEX forecast_snapshot_lines_created_at_idx ON forecast_snapshot_lines (tenant_id, created_at, id);
CREATE INDEX forecast_snapshot_lines_updated_at_idx ON forecast_snapshot_lines (tenant_id, updated_at, id);
CREATE INDEX forecast_snapshot_lines_close_date_idx ON forecast_snapshot_lines (tenant_id, close_date, id);
COMMENT ON TABLE forecast_snapshot_lines IS 'An opportunity as a forecast saw it';
SELECT kith_protect('forecast_snapshot_lines');
