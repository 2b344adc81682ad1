CREATE TABLE loyalty_programs (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    name text NOT NULL,
    status text NOT NULL,
    time_zone text NOT NULL,
    currency text NOT NULL,
    earn_rate numeric(19,4) NOT NULL,
    point_places integer NOT NULL,
    pending_days integer NOT NULL,
    expiry text NOT NULL,
    expiry_months integer,
    minimum_redemption numeric(19,4) NOT NULL,
    referrer_points numeric(19,4) NOT NULL,
    referred_points numeric(19,4) NOT NULL,
    CONSTRAINT loyalty_programs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_programs_status_check CHECK (status IN ('DRAFT', 'ACTIVE', 'CLOSED')),
    CONSTRAINT loyalty_programs_expiry_check CHECK (expiry IN ('NONE', 'AFTER_MONTHS', 'END_OF_YEAR')),
    CONSTRAINT loyalty_programs_expiry_months_check CHECK ((expiry = 'AFTER_MONTHS') = (expiry_months IS NOT NULL)),
    CONSTRAINT loyalty_programs_point_places_check CHECK (point_places BETWEEN 0 AND 4),
    CONSTRAINT loyalty_programs_pending_days_check CHECK (pending_days >= 0),
    CONSTRAINT loyalty_programs_earn_rate_check CHECK (earn_rate >= 0)
);
CREATE UNIQUE INDEX loyalty_programs_name_key ON loyalty_programs (tenant_id, name) WHERE archived_at IS NULL;
CREATE INDEX loyalty_programs_created_at_idx ON loyalty_programs (tenant_id, created_at, id);
CREATE INDEX loyalty_programs_updated_at_idx ON loyalty_programs (tenant_id, updated_at, id);
CREATE INDEX loyalty_programs_name_idx ON loyalty_programs (tenant_id, name, id);
COMMENT ON TABLE loyalty_programs IS 'How customers are rewarded: what points are earned for, and how long they last';
SELECT kith_protect('loyalty_programs');

CREATE TABLE loyalty_tiers (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    program_id uuid NOT NULL,
    name text NOT NULL,
    rank integer NOT NULL,
    measure text NOT NULL,
    threshold numeric(19,4) NOT NULL,
    period text NOT NULL,
    period_months integer,
    multiplier numeric(19,4),
    benefits text,
    hold text NOT NULL,
    hold_months integer,
    CONSTRAINT loyalty_tiers_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_tiers_program_id_fkey FOREIGN KEY (tenant_id, program_id) REFERENCES loyalty_programs (tenant_id, id),
    CONSTRAINT loyalty_tiers_measure_check CHECK (measure IN ('POINTS_EARNED', 'SPEND', 'ORDERS')),
    CONSTRAINT loyalty_tiers_period_check CHECK (period IN ('CALENDAR_YEAR', 'ROLLING_MONTHS')),
    CONSTRAINT loyalty_tiers_period_months_check CHECK ((period = 'ROLLING_MONTHS') = (period_months IS NOT NULL)),
    CONSTRAINT loyalty_tiers_hold_check CHECK (hold IN ('END_OF_NEXT_YEAR', 'MONTHS')),
    CONSTRAINT loyalty_tiers_hold_months_check CHECK ((hold = 'MONTHS') = (hold_months IS NOT NULL)),
    CONSTRAINT loyalty_tiers_threshold_check CHECK (threshold > 0),
    CONSTRAINT loyalty_tiers_multiplier_check CHECK (multiplier > 0)
);
CREATE UNIQUE INDEX loyalty_tiers_program_id_rank_key ON loyalty_tiers (tenant_id, program_id, rank) WHERE archived_at IS NULL;
CREATE INDEX loyalty_tiers_program_id_idx ON loyalty_tiers (tenant_id, program_id, id);
CREATE INDEX loyalty_tiers_created_at_idx ON loyalty_tiers (tenant_id, created_at, id);
CREATE INDEX loyalty_tiers_updated_at_idx ON loyalty_tiers (tenant_id, updated_at, id);
CREATE INDEX loyalty_tiers_rank_idx ON loyalty_tiers (tenant_id, rank, id);
COMMENT ON TABLE loyalty_tiers IS 'A tier of a programme: how it is reached, how long it is held, what it gives';
SELECT kith_protect('loyalty_tiers');

-- The balances follow from the postings and are written with them, under a lock of this row.
CREATE TABLE loyalty_memberships (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    program_id uuid NOT NULL,
    account_id uuid NOT NULL,
    contact_id uuid,
    number text NOT NULL,
    status text NOT NULL,
    joined_at timestamptz NOT NULL,
    tier_id uuid,
    tier_held_until timestamptz,
    balance numeric(19,4) NOT NULL,
    pending numeric(19,4) NOT NULL,
    lifetime_earned numeric(19,4) NOT NULL,
    entry_count integer NOT NULL,
    CONSTRAINT loyalty_memberships_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_memberships_program_id_fkey FOREIGN KEY (tenant_id, program_id) REFERENCES loyalty_programs (tenant_id, id),
    CONSTRAINT loyalty_memberships_account_id_fkey FOREIGN KEY (tenant_id, account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT loyalty_memberships_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CONSTRAINT loyalty_memberships_tier_id_fkey FOREIGN KEY (tenant_id, tier_id) REFERENCES loyalty_tiers (tenant_id, id),
    CONSTRAINT loyalty_memberships_status_check CHECK (status IN ('ACTIVE', 'SUSPENDED', 'ENDED')),
    CONSTRAINT loyalty_memberships_balance_check CHECK (balance >= 0),
    CONSTRAINT loyalty_memberships_pending_check CHECK (pending >= 0),
    CONSTRAINT loyalty_memberships_entry_count_check CHECK (entry_count >= 0),
    CONSTRAINT loyalty_memberships_tier_held_until_check CHECK ((tier_id IS NULL) = (tier_held_until IS NULL))
);
CREATE UNIQUE INDEX loyalty_memberships_number_key ON loyalty_memberships (tenant_id, number) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX loyalty_memberships_program_id_account_id_key ON loyalty_memberships (tenant_id, program_id, account_id) WHERE archived_at IS NULL;
CREATE INDEX loyalty_memberships_program_id_idx ON loyalty_memberships (tenant_id, program_id, id);
CREATE INDEX loyalty_memberships_account_id_idx ON loyalty_memberships (tenant_id, account_id, id);
CREATE INDEX loyalty_memberships_contact_id_idx ON loyalty_memberships (tenant_id, contact_id, id);
CREATE INDEX loyalty_memberships_tier_id_idx ON loyalty_memberships (tenant_id, tier_id, id);
CREATE INDEX loyalty_memberships_created_at_idx ON loyalty_memberships (tenant_id, created_at, id);
CREATE INDEX loyalty_memberships_updated_at_idx ON loyalty_memberships (tenant_id, updated_at, id);
CREATE INDEX loyalty_memberships_number_idx ON loyalty_memberships (tenant_id, number, id);
CREATE INDEX loyalty_memberships_joined_at_idx ON loyalty_memberships (tenant_id, joined_at, id);
CREATE INDEX loyalty_memberships_balance_idx ON loyalty_memberships (tenant_id, balance, id);
CREATE INDEX loyalty_memberships_lifetime_earned_idx ON loyalty_memberships (tenant_id, lifetime_earned, id);
CREATE INDEX loyalty_memberships_tier_held_until_idx ON loyalty_memberships (tenant_id, tier_held_until) WHERE tier_id IS NOT NULL;
COMMENT ON TABLE loyalty_memberships IS 'A customer in a programme, with what they hold';
SELECT kith_protect('loyalty_memberships');

CREATE TABLE point_entries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    membership_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    points numeric(19,4) NOT NULL,
    balance_after numeric(19,4) NOT NULL,
    pending_after numeric(19,4) NOT NULL,
    occurred_at timestamptz NOT NULL,
    reason text,
    source text,
    source_key text,
    order_id uuid,
    spend_amount numeric(19,4),
    spend_currency text,
    reverses_id uuid,
    CONSTRAINT point_entries_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT point_entries_membership_id_fkey FOREIGN KEY (tenant_id, membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT point_entries_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT point_entries_reverses_id_fkey FOREIGN KEY (tenant_id, reverses_id) REFERENCES point_entries (tenant_id, id),
    CONSTRAINT point_entries_kind_check CHECK (kind IN ('EARN', 'RELEASE', 'REDEEM', 'EXPIRE', 'REVERSE', 'ADJUST')),
    CONSTRAINT point_entries_source_check CHECK (source IN ('ORDER', 'REDEMPTION', 'REFERRAL', 'OTHER')),
    CONSTRAINT point_entries_balance_after_check CHECK (balance_after >= 0),
    CONSTRAINT point_entries_pending_after_check CHECK (pending_after >= 0),
    CONSTRAINT point_entries_number_check CHECK (number >= 1),
    CONSTRAINT point_entries_spend_check CHECK ((spend_amount IS NULL) = (spend_currency IS NULL)),
    CONSTRAINT point_entries_reverses_id_check CHECK ((kind = 'REVERSE') = (reverses_id IS NOT NULL))
);
CREATE UNIQUE INDEX point_entries_membership_id_number_key ON point_entries (tenant_id, membership_id, number);
CREATE UNIQUE INDEX point_entries_membership_id_kind_source_key_key ON point_entries (tenant_id, membership_id, kind, source_key) WHERE source_key IS NOT NULL;
CREATE UNIQUE INDEX point_entries_reverses_id_key ON point_entries (tenant_id, reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX point_entries_membership_id_idx ON point_entries (tenant_id, membership_id, id);
CREATE INDEX point_entries_order_id_idx ON point_entries (tenant_id, order_id, id);
CREATE INDEX point_entries_reverses_id_idx ON point_entries (tenant_id, reverses_id, id);
CREATE INDEX point_entries_created_at_idx ON point_entries (tenant_id, created_at, id);
CREATE INDEX point_entries_updated_at_idx ON point_entries (tenant_id, updated_at, id);
CREATE INDEX point_entries_occurred_at_idx ON point_entries (tenant_id, occurred_at, id);
CREATE INDEX point_entries_kind_idx ON point_entries (tenant_id, membership_id, occurred_at) WHERE kind = 'EARN';
COMMENT ON TABLE point_entries IS 'Each movement of points of a member: the application can only add to it';
SELECT kith_protect('point_entries', 'SELECT, INSERT');

-- What is left of a lot follows from the postings that name it, and is written with them.
CREATE TABLE point_lots (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    membership_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points numeric(19,4) NOT NULL,
    pending numeric(19,4) NOT NULL,
    available numeric(19,4) NOT NULL,
    expired numeric(19,4) NOT NULL,
    earned_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT point_lots_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT point_lots_membership_id_fkey FOREIGN KEY (tenant_id, membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT point_lots_entry_id_fkey FOREIGN KEY (tenant_id, entry_id) REFERENCES point_entries (tenant_id, id),
    CONSTRAINT point_lots_points_check CHECK (points > 0),
    CONSTRAINT point_lots_pending_check CHECK (pending >= 0),
    CONSTRAINT point_lots_available_check CHECK (available >= 0),
    CONSTRAINT point_lots_expired_check CHECK (expired >= 0),
    CONSTRAINT point_lots_pending_available_expired_check CHECK (pending + available + expired <= points)
);
CREATE INDEX point_lots_membership_id_idx ON point_lots (tenant_id, membership_id, id);
CREATE INDEX point_lots_entry_id_idx ON point_lots (tenant_id, entry_id, id);
CREATE INDEX point_lots_created_at_idx ON point_lots (tenant_id, created_at, id);
CREATE INDEX point_lots_updated_at_idx ON point_lots (tenant_id, updated_at, id);
CREATE INDEX point_lots_expires_at_idx ON point_lots (tenant_id, expires_at, id);
CREATE INDEX point_lots_earned_at_idx ON point_lots (tenant_id, earned_at, id);
CREATE INDEX point_lots_available_at_idx ON point_lots (tenant_id, available_at) WHERE pending > 0;
CREATE INDEX point_lots_available_idx ON point_lots (tenant_id, expires_at) WHERE available > 0;
CREATE INDEX point_lots_pending_idx ON point_lots (tenant_id, membership_id) WHERE pending > 0 OR available > 0;
COMMENT ON TABLE point_lots IS 'Points that were earned together: they are released, spent and expire together';
SELECT kith_protect('point_lots');

-- The postings of an entry add up to zero.
CREATE TABLE point_postings (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    entry_id uuid NOT NULL,
    membership_id uuid NOT NULL,
    ledger_account text NOT NULL,
    lot_id uuid,
    points numeric(19,4) NOT NULL,
    CONSTRAINT point_postings_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT point_postings_entry_id_fkey FOREIGN KEY (tenant_id, entry_id) REFERENCES point_entries (tenant_id, id),
    CONSTRAINT point_postings_membership_id_fkey FOREIGN KEY (tenant_id, membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT point_postings_lot_id_fkey FOREIGN KEY (tenant_id, lot_id) REFERENCES point_lots (tenant_id, id),
    CONSTRAINT point_postings_ledger_account_check CHECK (ledger_account IN ('MEMBER_AVAILABLE', 'MEMBER_PENDING', 'ISSUED', 'REDEEMED', 'EXPIRED', 'ADJUSTMENT'))
);
CREATE INDEX point_postings_entry_id_idx ON point_postings (tenant_id, entry_id, id);
CREATE INDEX point_postings_membership_id_idx ON point_postings (tenant_id, membership_id, id);
CREATE INDEX point_postings_lot_id_idx ON point_postings (tenant_id, lot_id, id);
CREATE INDEX point_postings_created_at_idx ON point_postings (tenant_id, created_at, id);
CREATE INDEX point_postings_updated_at_idx ON point_postings (tenant_id, updated_at, id);
COMMENT ON TABLE point_postings IS 'What an entry does to each account of the ledger; the application can only add to it';
SELECT kith_protect('point_postings', 'SELECT, INSERT');

CREATE TABLE tier_changes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    membership_id uuid NOT NULL,
    from_tier_id uuid,
    to_tier_id uuid,
    changed_at timestamptz NOT NULL,
    reason text NOT NULL,
    measure text NOT NULL,
    measured numeric(19,4) NOT NULL,
    threshold numeric(19,4) NOT NULL,
    held_until timestamptz,
    CONSTRAINT tier_changes_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT tier_changes_membership_id_fkey FOREIGN KEY (tenant_id, membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT tier_changes_from_tier_id_fkey FOREIGN KEY (tenant_id, from_tier_id) REFERENCES loyalty_tiers (tenant_id, id),
    CONSTRAINT tier_changes_to_tier_id_fkey FOREIGN KEY (tenant_id, to_tier_id) REFERENCES loyalty_tiers (tenant_id, id),
    CONSTRAINT tier_changes_reason_check CHECK (reason IN ('REACHED', 'LOST')),
    CONSTRAINT tier_changes_measure_check CHECK (measure IN ('POINTS_EARNED', 'SPEND', 'ORDERS')),
    CONSTRAINT tier_changes_to_tier_id_check CHECK (from_tier_id IS DISTINCT FROM to_tier_id)
);
CREATE INDEX tier_changes_membership_id_idx ON tier_changes (tenant_id, membership_id, id);
CREATE INDEX tier_changes_from_tier_id_idx ON tier_changes (tenant_id, from_tier_id, id);
CREATE INDEX tier_changes_to_tier_id_idx ON tier_changes (tenant_id, to_tier_id, id);
CREATE INDEX tier_changes_created_at_idx ON tier_changes (tenant_id, created_at, id);
CREATE INDEX tier_changes_updated_at_idx ON tier_changes (tenant_id, updated_at, id);
CREATE INDEX tier_changes_changed_at_idx ON tier_changes (tenant_id, changed_at, id);
COMMENT ON TABLE tier_changes IS 'When a member came to another tier, and on what evidence';
SELECT kith_protect('tier_changes', 'SELECT, INSERT');

CREATE TABLE loyalty_rewards (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    program_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    cost numeric(19,4) NOT NULL,
    stock integer,
    member_limit integer,
    valid_from timestamptz,
    valid_to timestamptz,
    minimum_tier_id uuid,
    status text NOT NULL,
    CONSTRAINT loyalty_rewards_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT loyalty_rewards_program_id_fkey FOREIGN KEY (tenant_id, program_id) REFERENCES loyalty_programs (tenant_id, id),
    CONSTRAINT loyalty_rewards_minimum_tier_id_fkey FOREIGN KEY (tenant_id, minimum_tier_id) REFERENCES loyalty_tiers (tenant_id, id),
    CONSTRAINT loyalty_rewards_cost_check CHECK (cost > 0),
    CONSTRAINT loyalty_rewards_stock_check CHECK (stock >= 0),
    CONSTRAINT loyalty_rewards_member_limit_check CHECK (member_limit >= 1),
    CONSTRAINT loyalty_rewards_valid_to_check CHECK (valid_to > valid_from),
    CONSTRAINT loyalty_rewards_status_check CHECK (status IN ('ACTIVE', 'PAUSED'))
);
CREATE UNIQUE INDEX loyalty_rewards_program_id_name_key ON loyalty_rewards (tenant_id, program_id, name) WHERE archived_at IS NULL;
CREATE INDEX loyalty_rewards_program_id_idx ON loyalty_rewards (tenant_id, program_id, id);
CREATE INDEX loyalty_rewards_minimum_tier_id_idx ON loyalty_rewards (tenant_id, minimum_tier_id, id);
CREATE INDEX loyalty_rewards_created_at_idx ON loyalty_rewards (tenant_id, created_at, id);
CREATE INDEX loyalty_rewards_updated_at_idx ON loyalty_rewards (tenant_id, updated_at, id);
CREATE INDEX loyalty_rewards_name_idx ON loyalty_rewards (tenant_id, name, id);
CREATE INDEX loyalty_rewards_cost_idx ON loyalty_rewards (tenant_id, cost, id);
COMMENT ON TABLE loyalty_rewards IS 'What members can have for their points';
SELECT kith_protect('loyalty_rewards');

CREATE TABLE redemptions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    membership_id uuid NOT NULL,
    reward_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    points numeric(19,4) NOT NULL,
    status text NOT NULL,
    code text NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_at timestamptz,
    reason text,
    CONSTRAINT redemptions_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT redemptions_membership_id_fkey FOREIGN KEY (tenant_id, membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT redemptions_reward_id_fkey FOREIGN KEY (tenant_id, reward_id) REFERENCES loyalty_rewards (tenant_id, id),
    CONSTRAINT redemptions_entry_id_fkey FOREIGN KEY (tenant_id, entry_id) REFERENCES point_entries (tenant_id, id),
    CONSTRAINT redemptions_points_check CHECK (points > 0),
    CONSTRAINT redemptions_status_check CHECK (status IN ('REQUESTED', 'FULFILLED', 'CANCELLED')),
    CONSTRAINT redemptions_decided_at_check CHECK ((status = 'REQUESTED') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX redemptions_code_key ON redemptions (tenant_id, code) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX redemptions_entry_id_key ON redemptions (tenant_id, entry_id);
CREATE INDEX redemptions_membership_id_idx ON redemptions (tenant_id, membership_id, id);
CREATE INDEX redemptions_reward_id_idx ON redemptions (tenant_id, reward_id, id);
CREATE INDEX redemptions_entry_id_idx ON redemptions (tenant_id, entry_id, id);
CREATE INDEX redemptions_created_at_idx ON redemptions (tenant_id, created_at, id);
CREATE INDEX redemptions_updated_at_idx ON redemptions (tenant_id, updated_at, id);
CREATE INDEX redemptions_requested_at_idx ON redemptions (tenant_id, requested_at, id);
CREATE INDEX redemptions_membership_id_reward_id_idx ON redemptions (tenant_id, membership_id, reward_id);
COMMENT ON TABLE redemptions IS 'A reward that a member took';
SELECT kith_protect('redemptions');

CREATE TABLE referrals (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    archived_at timestamptz,
    program_id uuid NOT NULL,
    referrer_membership_id uuid NOT NULL,
    referred_account_id uuid,
    referred_email text,
    code text NOT NULL,
    status text NOT NULL,
    order_id uuid,
    qualified_at timestamptz,
    reason text,
    CONSTRAINT referrals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT referrals_program_id_fkey FOREIGN KEY (tenant_id, program_id) REFERENCES loyalty_programs (tenant_id, id),
    CONSTRAINT referrals_referrer_membership_id_fkey FOREIGN KEY (tenant_id, referrer_membership_id) REFERENCES loyalty_memberships (tenant_id, id),
    CONSTRAINT referrals_referred_account_id_fkey FOREIGN KEY (tenant_id, referred_account_id) REFERENCES accounts (tenant_id, id),
    CONSTRAINT referrals_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT referrals_status_check CHECK (status IN ('PENDING', 'QUALIFIED', 'REJECTED', 'REWARDED')),
    CONSTRAINT referrals_referred_account_id_check CHECK (referred_account_id IS NOT NULL OR referred_email IS NOT NULL),
    CONSTRAINT referrals_qualified_at_check CHECK ((qualified_at IS NULL) = (order_id IS NULL))
);
CREATE UNIQUE INDEX referrals_code_key ON referrals (tenant_id, code) WHERE archived_at IS NULL;
CREATE UNIQUE INDEX referrals_program_id_referred_account_id_key ON referrals (tenant_id, program_id, referred_account_id) WHERE archived_at IS NULL AND status <> 'REJECTED';
CREATE UNIQUE INDEX referrals_program_id_referred_email_key ON referrals (tenant_id, program_id, referred_email) WHERE archived_at IS NULL AND status <> 'REJECTED';
CREATE INDEX referrals_program_id_idx ON referrals (tenant_id, program_id, id);
CREATE INDEX referrals_referrer_membership_id_idx ON referrals (tenant_id, referrer_membership_id, id);
CREATE INDEX referrals_referred_account_id_idx ON referrals (tenant_id, referred_account_id, id);
CREATE INDEX referrals_order_id_idx ON referrals (tenant_id, order_id, id);
CREATE INDEX referrals_created_at_idx ON referrals (tenant_id, created_at, id);
CREATE INDEX referrals_updated_at_idx ON referrals (tenant_id, updated_at, id);
CREATE INDEX referrals_qualified_at_idx ON referrals (tenant_id, qualified_at, id);
COMMENT ON TABLE referrals IS 'A member who brings a customer';
SELECT kith_protect('referrals');
