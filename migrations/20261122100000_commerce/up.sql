CREATE TABLE product_families (
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
    CONSTRAINT product_families_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX product_families_name_key ON product_families (tenant_id, lower(name)) WHERE archived_at IS NULL;
CREATE INDEX product_families_created_at_idx ON product_families (tenant_id, created_at, id);
CREATE INDEX product_families_updated_at_idx ON product_families (tenant_id, updated_at, id);
CREATE INDEX product_families_name_idx ON product_families (tenant_id, name, id);
COMMENT ON TABLE product_families IS 'A group of products that belong together';
SELECT kith_protect('product_families');

CREATE TABLE products (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    sku text NOT NULL,
    name text NOT NULL,
    family_id uuid,
    description text,
    unit text,
    cost_amount numeric(19,4),
    cost_currency text,
    list_price_amount numeric(19,4),
    list_price_currency text,
    is_discontinued boolean NOT NULL,
    custom jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT products_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT products_family_id_fkey FOREIGN KEY (tenant_id, family_id) REFERENCES product_families (tenant_id, id),
    CONSTRAINT products_cost_check CHECK ((cost_amount IS NULL) = (cost_currency IS NULL)),
    CONSTRAINT products_list_price_check CHECK ((list_price_amount IS NULL) = (list_price_currency IS NULL))
);
CREATE UNIQUE INDEX products_sku_key ON products (tenant_id, sku) WHERE archived_at IS NULL;
CREATE INDEX products_family_id_idx ON products (tenant_id, family_id, id);
CREATE INDEX products_created_at_idx ON products (tenant_id, created_at, id);
CREATE INDEX products_updated_at_idx ON products (tenant_id, updated_at, id);
CREATE INDEX products_sku_idx ON products (tenant_id, sku, id);
CREATE INDEX products_name_idx ON products (tenant_id, name, id);
COMMENT ON TABLE products IS 'Something that is sold';
SELECT kith_protect('products');

CREATE TABLE exchange_rates (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    base_currency text NOT NULL,
    quote_currency text NOT NULL,
    rate numeric(24,12) NOT NULL,
    valid_on date NOT NULL,
    source text,
    CONSTRAINT exchange_rates_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT exchange_rates_rate_check CHECK (rate > 0),
    CONSTRAINT exchange_rates_quote_currency_check CHECK (quote_currency <> base_currency)
);
CREATE UNIQUE INDEX exchange_rates_base_currency_quote_currency_valid_on_key ON exchange_rates (tenant_id, base_currency, quote_currency, valid_on) WHERE archived_at IS NULL;
CREATE INDEX exchange_rates_created_at_idx ON exchange_rates (tenant_id, created_at, id);
CREATE INDEX exchange_rates_updated_at_idx ON exchange_rates (tenant_id, updated_at, id);
CREATE INDEX exchange_rates_valid_on_idx ON exchange_rates (tenant_id, valid_on, id);
COMMENT ON TABLE exchange_rates IS 'What one unit of a currency was worth in another on a day';
SELECT kith_protect('exchange_rates');
