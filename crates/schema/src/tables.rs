// Generated from the migrated database: `make golden`.

diesel::table! {
    account_roles (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        role -> Text,
        valid_from -> Nullable<Date>,
        valid_to -> Nullable<Date>,
    }
}

diesel::table! {
    accounts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        kind -> Text,
        name -> Text,
        legal_name -> Nullable<Text>,
        registration_number -> Nullable<Text>,
        industry -> Nullable<Text>,
        size_band -> Nullable<Text>,
        annual_revenue_amount -> Nullable<Numeric>,
        annual_revenue_currency -> Nullable<Text>,
        website -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        parent_id -> Nullable<Uuid>,
        preferred_channel -> Nullable<Text>,
        preferred_language -> Nullable<Text>,
        importance_class -> Text,
        importance_source -> Text,
        importance_reason -> Nullable<Text>,
        status -> Text,
        custom -> Jsonb,
        merged_into_id -> Nullable<Uuid>,
        importance_until -> Nullable<Date>,
    }
}

diesel::table! {
    addresses (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        kind -> Text,
        street -> Nullable<Text>,
        city -> Nullable<Text>,
        region -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        country -> Nullable<Text>,
        is_primary -> Bool,
    }
}

diesel::table! {
    api_key_secrets (tenant_id, api_key_id) {
        tenant_id -> Uuid,
        api_key_id -> Uuid,
        secret_hash -> Binary,
    }
}

diesel::table! {
    api_keys (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        role_id -> Uuid,
        prefix -> Text,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    audit_log (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        request_id -> Nullable<Uuid>,
        channel -> Text,
        address -> Nullable<Text>,
        resource -> Text,
        record_id -> Uuid,
        version -> Integer,
        operation -> Text,
        changed_fields -> Array<Text>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
    }
}

diesel::table! {
    bulk_loads (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        resource -> Text,
        mode -> Text,
        format -> Text,
        system -> Nullable<Text>,
        status -> Text,
        is_job -> Bool,
        job_id -> Nullable<Uuid>,
        is_dry_run -> Bool,
        lines -> Integer,
        created -> Integer,
        updated -> Integer,
        unchanged -> Integer,
        failed -> Integer,
        problem -> Nullable<Jsonb>,
        finished_at -> Nullable<Timestamptz>,
        key -> Text,
        request -> Text,
        holder -> Nullable<Uuid>,
        seen_at -> Timestamptz,
        received -> Integer,
        received_digest -> Text,
        done -> Integer,
        done_digest -> Text,
    }
}

diesel::table! {
    bulk_parts (tenant_id, load_id, number) {
        tenant_id -> Uuid,
        load_id -> Uuid,
        number -> Integer,
        body -> Binary,
    }
}

diesel::table! {
    bulk_results (tenant_id, load_id, number) {
        tenant_id -> Uuid,
        load_id -> Uuid,
        number -> Integer,
        created_at -> Timestamptz,
        body -> Binary,
    }
}

diesel::table! {
    change_log (tenant_id, xid, seq) {
        tenant_id -> Uuid,
        xid -> BigInt,
        seq -> BigInt,
        resource -> Text,
        record_id -> Uuid,
        version -> Integer,
        operation -> Text,
        changed_fields -> Array<Text>,
        audit_id -> Uuid,
    }
}

diesel::table! {
    change_log_floors (tenant_id) {
        tenant_id -> Uuid,
        xid -> BigInt,
        seq -> BigInt,
        pruned_at -> Timestamptz,
    }
}

diesel::table! {
    churn_event_corrections (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        churn_event_id -> Uuid,
        from_status -> Text,
        to_status -> Text,
        from_initiative -> Nullable<Text>,
        to_initiative -> Nullable<Text>,
        from_kind -> Text,
        to_kind -> Text,
        reason -> Text,
    }
}

diesel::table! {
    churn_events (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        status -> Text,
        occurred_on -> Date,
        initiative -> Nullable<Text>,
        kind -> Text,
        source -> Text,
        reason -> Nullable<Text>,
        competitor_id -> Nullable<Uuid>,
        root_cause -> Nullable<Text>,
        value_lost_amount -> Nullable<Numeric>,
        value_lost_currency -> Nullable<Text>,
        evidence -> Jsonb,
        decided_at -> Nullable<Timestamptz>,
        play -> Text,
    }
}

diesel::table! {
    churn_models (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        kind -> Text,
        is_shipped -> Bool,
        reason -> Text,
        coefficients -> Jsonb,
        trained_from -> Date,
        cut_off -> Date,
        later_cut_off -> Date,
        horizon_days -> Integer,
        customers -> Integer,
        base_rate -> Numeric,
        later_customers -> Integer,
        later_base_rate -> Numeric,
        auc -> Nullable<Numeric>,
        brier -> Nullable<Numeric>,
        baseline_auc -> Nullable<Numeric>,
        baseline_brier -> Nullable<Numeric>,
        calibration_error -> Nullable<Numeric>,
    }
}

diesel::table! {
    churn_risks (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        probability -> Nullable<Numeric>,
        horizon_days -> Integer,
        baseline -> Nullable<Numeric>,
        model -> Nullable<Text>,
        churn_model_id -> Nullable<Uuid>,
        drivers -> Jsonb,
        state -> Text,
        reason -> Nullable<Text>,
        value_at_risk_amount -> Nullable<Numeric>,
        value_at_risk_currency -> Nullable<Text>,
        as_of -> Date,
    }
}

diesel::table! {
    churn_risks_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        probability -> Nullable<Numeric>,
        horizon_days -> Integer,
        baseline -> Nullable<Numeric>,
        model -> Nullable<Text>,
        churn_model_id -> Nullable<Uuid>,
        drivers -> Jsonb,
        state -> Text,
        reason -> Nullable<Text>,
        value_at_risk_amount -> Nullable<Numeric>,
        value_at_risk_currency -> Nullable<Text>,
        as_of -> Date,
    }
}

diesel::table! {
    churn_scores (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        as_of -> Date,
        probability -> Numeric,
        baseline -> Numeric,
        horizon_days -> Integer,
        churn_model_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    churn_scores_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        as_of -> Date,
        probability -> Numeric,
        baseline -> Numeric,
        horizon_days -> Integer,
        churn_model_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    close_reasons (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        outcome -> Text,
    }
}

diesel::table! {
    clv_estimates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        purchase_model_id -> Nullable<Uuid>,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        method -> Text,
        horizon_months -> Integer,
        monthly_discount -> Numeric,
        margin -> Nullable<Numeric>,
        value_amount -> Nullable<Numeric>,
        value_currency -> Nullable<Text>,
        probability_alive -> Nullable<Numeric>,
        probability_buy30 -> Nullable<Numeric>,
        probability_buy90 -> Nullable<Numeric>,
        probability_buy365 -> Nullable<Numeric>,
        expected_purchases -> Nullable<Numeric>,
        expected_spend_amount -> Nullable<Numeric>,
        expected_spend_currency -> Nullable<Text>,
        spend_basis -> Nullable<Text>,
        next_purchase_on -> Nullable<Date>,
        next_purchase_rule -> Nullable<Text>,
        factors -> Jsonb,
        next_purchase_from -> Nullable<Date>,
        next_purchase_to -> Nullable<Date>,
    }
}

diesel::table! {
    clv_estimates_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        purchase_model_id -> Nullable<Uuid>,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        method -> Text,
        horizon_months -> Integer,
        monthly_discount -> Numeric,
        margin -> Nullable<Numeric>,
        value_amount -> Nullable<Numeric>,
        value_currency -> Nullable<Text>,
        probability_alive -> Nullable<Numeric>,
        probability_buy30 -> Nullable<Numeric>,
        probability_buy90 -> Nullable<Numeric>,
        probability_buy365 -> Nullable<Numeric>,
        expected_purchases -> Nullable<Numeric>,
        expected_spend_amount -> Nullable<Numeric>,
        expected_spend_currency -> Nullable<Text>,
        spend_basis -> Nullable<Text>,
        next_purchase_on -> Nullable<Date>,
        next_purchase_rule -> Nullable<Text>,
        factors -> Jsonb,
        next_purchase_from -> Nullable<Date>,
        next_purchase_to -> Nullable<Date>,
    }
}

diesel::table! {
    competitors (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        account_id -> Nullable<Uuid>,
        website -> Nullable<Text>,
        strengths -> Nullable<Text>,
        weaknesses -> Nullable<Text>,
        opportunities -> Nullable<Text>,
        threats -> Nullable<Text>,
    }
}

diesel::table! {
    connector_changes (tenant_id, connector_id, resource, record_id, field) {
        tenant_id -> Uuid,
        connector_id -> Uuid,
        resource -> Text,
        record_id -> Uuid,
        field -> Text,
        changed_at -> Timestamptz,
        taken_at -> Timestamptz,
    }
}

diesel::table! {
    connector_fields (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        connector_id -> Uuid,
        resource -> Text,
        field -> Text,
        authority -> Text,
    }
}

diesel::table! {
    connectors (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        system -> Text,
        description -> Nullable<Text>,
        default_authority -> Text,
        is_paused -> Bool,
        last_seen_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    contact_points (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        channel -> Text,
        value -> Text,
        normalized_value -> Text,
        label -> Nullable<Text>,
        is_primary -> Bool,
        verified_at -> Nullable<Timestamptz>,
        do_not_contact -> Bool,
    }
}

diesel::table! {
    contacts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Nullable<Uuid>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        name -> Text,
        salutation -> Nullable<Text>,
        locale -> Nullable<Text>,
        job_title -> Nullable<Text>,
        department -> Nullable<Text>,
        buying_role -> Nullable<Text>,
        birthday -> Nullable<Date>,
        reports_to_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
        custom -> Jsonb,
        merged_into_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    cost_entries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        kind -> Text,
        amount_amount -> Numeric,
        amount_currency -> Text,
        incurred_on -> Date,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    cost_rates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        channel -> Text,
        per_touch_amount -> Numeric,
        per_touch_currency -> Text,
        per_minute_amount -> Numeric,
        per_minute_currency -> Text,
    }
}

diesel::table! {
    credentials (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        password_hash -> Text,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    customer_days (tenant_id, account_id, day) {
        tenant_id -> Uuid,
        account_id -> Uuid,
        day -> Date,
        orders -> Integer,
        net -> Numeric,
        cost -> Numeric,
        uncosted -> Numeric,
        discount -> Numeric,
        discounted -> Numeric,
        lines -> Integer,
        booked -> Numeric,
        refunded -> Numeric,
        unconverted -> Integer,
    }
}

diesel::table! {
    customer_products (tenant_id, account_id, product_id) {
        tenant_id -> Uuid,
        account_id -> Uuid,
        product_id -> Uuid,
        first_on -> Date,
        last_on -> Date,
        orders -> Integer,
        net -> Numeric,
        cost -> Numeric,
        uncosted -> Numeric,
    }
}

diesel::table! {
    customer_touches (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        account_id -> Uuid,
        touched_at -> Timestamptz,
        status -> Text,
    }
}

diesel::table! {
    exchange_rates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        base_currency -> Text,
        quote_currency -> Text,
        rate -> Numeric,
        valid_on -> Date,
        source -> Nullable<Text>,
    }
}

diesel::table! {
    external_ids (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        subject_type -> Text,
        subject_id -> Uuid,
        system -> Text,
        external_id -> Text,
        source_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    forecast_snapshot_lines (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        snapshot_id -> Uuid,
        opportunity_id -> Uuid,
        status -> Text,
        amount_amount -> Nullable<Numeric>,
        amount_currency -> Nullable<Text>,
        weighted_amount -> Nullable<Numeric>,
        weighted_currency -> Nullable<Text>,
        probability -> Integer,
        forecast_category -> Text,
        close_date -> Nullable<Date>,
        pipeline_id -> Uuid,
        stage_id -> Uuid,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    forecast_snapshots (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Nullable<Text>,
        starts_on -> Date,
        ends_on -> Date,
        pipeline_id -> Nullable<Uuid>,
        taken_at -> Timestamptz,
        line_count -> Integer,
    }
}

diesel::table! {
    idempotency_keys (tenant_id, principal_id, key) {
        tenant_id -> Uuid,
        principal_id -> Uuid,
        key -> Text,
        fingerprint -> Binary,
        status -> Integer,
        headers -> Jsonb,
        body -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    instance (singleton) {
        singleton -> Bool,
        epoch -> Uuid,
        cursor_secret -> Binary,
        identity -> Nullable<Text>,
    }
}

diesel::table! {
    interaction_contacts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        interaction_id -> Uuid,
        contact_id -> Uuid,
        role -> Text,
        occurred_at -> Timestamptz,
    }
}

diesel::table! {
    interactions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        channel -> Text,
        direction -> Text,
        account_id -> Nullable<Uuid>,
        subject_type -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        duration_seconds -> Nullable<Integer>,
        subject_line -> Nullable<Text>,
        body -> Nullable<Text>,
        outcome -> Nullable<Text>,
        sentiment -> Nullable<Numeric>,
        thread_key -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    invoices (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        number -> Text,
        account_id -> Uuid,
        order_id -> Nullable<Uuid>,
        net_amount -> Numeric,
        net_currency -> Text,
        tax_amount -> Nullable<Numeric>,
        tax_currency -> Nullable<Text>,
        gross_amount -> Numeric,
        gross_currency -> Text,
        issued_on -> Date,
        due_on -> Date,
        is_void -> Bool,
        status -> Text,
        paid_amount -> Numeric,
        paid_currency -> Text,
        balance_amount -> Numeric,
        balance_currency -> Text,
        paid_at -> Nullable<Timestamptz>,
        reminded_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    job_wakes (id) {
        id -> BigInt,
        tenant_id -> Uuid,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    jobs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        kind -> Text,
        state -> Text,
        payload -> Jsonb,
        progress -> Jsonb,
        result -> Nullable<Jsonb>,
        error -> Nullable<Text>,
        attempts -> Integer,
        max_attempts -> Integer,
        run_after -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        cancel_requested_at -> Nullable<Timestamptz>,
        unique_key -> Nullable<Text>,
        lease -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    lead_assignment_rules (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        position -> Integer,
        filter -> Nullable<Jsonb>,
        method -> Text,
        user_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        is_paused -> Bool,
    }
}

diesel::table! {
    lead_duplicates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        lead_id -> Uuid,
        kind -> Text,
        other_lead_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        account_id -> Nullable<Uuid>,
        score -> Integer,
        reasons -> Jsonb,
    }
}

diesel::table! {
    lead_forms (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        public_key -> Text,
        source -> Nullable<Text>,
        campaign -> Nullable<Text>,
        double_opt_in -> Bool,
        honeypot -> Nullable<Text>,
        response_minutes -> Nullable<Integer>,
        is_paused -> Bool,
    }
}

diesel::table! {
    lead_scoring_rules (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        filter -> Jsonb,
        points -> Integer,
        is_paused -> Bool,
    }
}

diesel::table! {
    leads (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        locale -> Nullable<Text>,
        organization -> Nullable<Text>,
        job_title -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        normalized_phone -> Nullable<Text>,
        country -> Nullable<Text>,
        source -> Nullable<Text>,
        campaign -> Nullable<Text>,
        form_id -> Nullable<Uuid>,
        attribution -> Jsonb,
        interest -> Nullable<Text>,
        need -> Nullable<Text>,
        budget_amount -> Nullable<Numeric>,
        budget_currency -> Nullable<Text>,
        authority -> Nullable<Text>,
        timing -> Nullable<Text>,
        status -> Text,
        status_since -> Timestamptz,
        score -> Integer,
        score_reasons -> Jsonb,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        assignment_rule_id -> Nullable<Uuid>,
        assigned_at -> Nullable<Timestamptz>,
        respond_by -> Nullable<Timestamptz>,
        first_response_at -> Nullable<Timestamptz>,
        nurture_until -> Nullable<Date>,
        disqualify_reason -> Nullable<Text>,
        disqualify_note -> Nullable<Text>,
        opt_in -> Text,
        confirmed_at -> Nullable<Timestamptz>,
        confirmation_key -> Nullable<Text>,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        opportunity_id -> Nullable<Uuid>,
        converted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    lifecycle_policies (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        number -> Integer,
        status -> Text,
        published_at -> Nullable<Timestamptz>,
        note -> Nullable<Text>,
        silence_limit -> Nullable<Numeric>,
        fall_to -> Nullable<Numeric>,
        fall_occasions -> Nullable<Integer>,
        case_days -> Nullable<Integer>,
        growth -> Nullable<Numeric>,
        rises -> Nullable<Integer>,
        growth_periods -> Nullable<Integer>,
        level_periods -> Nullable<Integer>,
        exploration_occasions -> Nullable<Integer>,
        exploration_periods -> Nullable<Numeric>,
        keep_periods -> Nullable<Integer>,
        least_period_months -> Nullable<Integer>,
        winsor -> Nullable<Numeric>,
        is_seasonal -> Bool,
        regular_occasions -> Nullable<Integer>,
        long_standing_occasions -> Nullable<Integer>,
        long_standing_gaps -> Nullable<Numeric>,
        loyal_index -> Nullable<Numeric>,
        grace_days -> Nullable<Integer>,
    }
}

diesel::table! {
    lifecycle_transitions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        from_stage -> Nullable<Text>,
        to_stage -> Text,
        trigger -> Text,
        rule -> Text,
        reason -> Nullable<Text>,
        evidence -> Jsonb,
        moved_on -> Date,
        churn_event_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    lifecycles (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        stage -> Text,
        since -> Date,
        previous_stage -> Nullable<Text>,
        rule -> Text,
        confidence -> Numeric,
        evidence -> Jsonb,
        source -> Text,
        manual_reason -> Nullable<Text>,
        manual_until -> Nullable<Date>,
        loyalty_stage -> Text,
        activity -> Text,
        churned_on -> Nullable<Date>,
        lifetimes -> Integer,
        as_of -> Date,
        next_review -> Date,
    }
}

diesel::table! {
    loyalty_assessments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        level -> Nullable<Text>,
        is_inferred -> Bool,
        is_conflicted -> Bool,
        layers -> Jsonb,
        form -> Text,
        attitude -> Nullable<Numeric>,
        behaviour -> Nullable<Numeric>,
        index -> Nullable<Numeric>,
        index_reference -> Nullable<Numeric>,
        signs -> Jsonb,
        driver_index -> Nullable<Numeric>,
        drivers -> Jsonb,
        level_state -> Text,
        form_state -> Text,
    }
}

diesel::table! {
    loyalty_assessments_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        level -> Nullable<Text>,
        is_inferred -> Bool,
        is_conflicted -> Bool,
        layers -> Jsonb,
        form -> Text,
        attitude -> Nullable<Numeric>,
        behaviour -> Nullable<Numeric>,
        index -> Nullable<Numeric>,
        index_reference -> Nullable<Numeric>,
        signs -> Jsonb,
        driver_index -> Nullable<Numeric>,
        drivers -> Jsonb,
        level_state -> Text,
        form_state -> Text,
    }
}

diesel::table! {
    loyalty_evidence (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        kind -> Text,
        value -> Numeric,
        answered_on -> Date,
        system -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    loyalty_indicators (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        kind -> Text,
        system -> Text,
        raw -> Nullable<Numeric>,
        normalized -> Nullable<Numeric>,
        window_days -> Integer,
        observed_on -> Date,
        evidence -> Nullable<Text>,
        state -> Text,
    }
}

diesel::table! {
    loyalty_memberships (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        program_id -> Uuid,
        account_id -> Uuid,
        contact_id -> Nullable<Uuid>,
        number -> Text,
        status -> Text,
        joined_at -> Timestamptz,
        tier_id -> Nullable<Uuid>,
        tier_held_until -> Nullable<Timestamptz>,
        balance -> Numeric,
        pending -> Numeric,
        lifetime_earned -> Numeric,
        entry_count -> Integer,
    }
}

diesel::table! {
    loyalty_programs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        status -> Text,
        time_zone -> Text,
        currency -> Text,
        earn_rate -> Numeric,
        point_places -> Integer,
        pending_days -> Integer,
        expiry -> Text,
        expiry_months -> Nullable<Integer>,
        minimum_redemption -> Numeric,
        referrer_points -> Numeric,
        referred_points -> Numeric,
    }
}

diesel::table! {
    loyalty_rewards (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        program_id -> Uuid,
        name -> Text,
        description -> Nullable<Text>,
        cost -> Numeric,
        stock -> Nullable<Integer>,
        member_limit -> Nullable<Integer>,
        valid_from -> Nullable<Timestamptz>,
        valid_to -> Nullable<Timestamptz>,
        minimum_tier_id -> Nullable<Uuid>,
        status -> Text,
    }
}

diesel::table! {
    loyalty_tiers (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        program_id -> Uuid,
        name -> Text,
        rank -> Integer,
        measure -> Text,
        threshold -> Numeric,
        period -> Text,
        period_months -> Nullable<Integer>,
        multiplier -> Nullable<Numeric>,
        benefits -> Nullable<Text>,
        hold -> Text,
        hold_months -> Nullable<Integer>,
    }
}

diesel::table! {
    memberships (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        user_id -> Uuid,
        team_id -> Uuid,
        role -> Text,
    }
}

diesel::table! {
    notes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        subject_type -> Text,
        subject_id -> Uuid,
        body -> Text,
        is_pinned -> Bool,
    }
}

diesel::table! {
    numbers (tenant_id, resource) {
        tenant_id -> Uuid,
        resource -> Text,
        last -> Integer,
    }
}

diesel::table! {
    opportunities (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        pipeline_id -> Uuid,
        stage_id -> Uuid,
        status -> Text,
        amount_amount -> Nullable<Numeric>,
        amount_currency -> Nullable<Text>,
        amount_from_lines -> Bool,
        probability -> Nullable<Integer>,
        forecast_category -> Nullable<Text>,
        close_date -> Nullable<Date>,
        opened_at -> Timestamptz,
        stage_since -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        close_reason_id -> Nullable<Uuid>,
        close_note -> Nullable<Text>,
        competitor_id -> Nullable<Uuid>,
        source -> Nullable<Text>,
        next_step -> Nullable<Text>,
        next_step_on -> Nullable<Date>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        custom -> Jsonb,
    }
}

diesel::table! {
    opportunity_competitors (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        opportunity_id -> Uuid,
        competitor_id -> Uuid,
        position -> Text,
        strengths -> Nullable<Text>,
        weaknesses -> Nullable<Text>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    opportunity_contacts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        opportunity_id -> Uuid,
        contact_id -> Uuid,
        buying_role -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    opportunity_lines (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        opportunity_id -> Uuid,
        product_id -> Nullable<Uuid>,
        description -> Nullable<Text>,
        position -> Integer,
        quantity -> Numeric,
        unit_price_amount -> Numeric,
        unit_price_currency -> Text,
        discount_percent -> Numeric,
        total_amount -> Numeric,
        total_currency -> Text,
    }
}

diesel::table! {
    opportunity_members (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        opportunity_id -> Uuid,
        user_id -> Uuid,
        role -> Nullable<Text>,
        split_percent -> Numeric,
    }
}

diesel::table! {
    order_lines (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        order_id -> Uuid,
        product_id -> Nullable<Uuid>,
        description -> Nullable<Text>,
        position -> Integer,
        quantity -> Numeric,
        unit_price_amount -> Numeric,
        unit_price_currency -> Text,
        discount_percent -> Numeric,
        tax_rate -> Numeric,
        net_amount -> Numeric,
        net_currency -> Text,
        tax_amount -> Numeric,
        tax_currency -> Text,
        gross_amount -> Numeric,
        gross_currency -> Text,
        source_key -> Nullable<Text>,
        unit_cost_amount -> Nullable<Numeric>,
        unit_cost_currency -> Nullable<Text>,
        discount_amount -> Numeric,
        discount_currency -> Text,
    }
}

diesel::table! {
    orders (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        number -> Text,
        account_id -> Uuid,
        quote_id -> Nullable<Uuid>,
        currency -> Text,
        status -> Text,
        ordered_at -> Timestamptz,
        net_amount -> Numeric,
        net_currency -> Text,
        tax_amount -> Numeric,
        tax_currency -> Text,
        gross_amount -> Numeric,
        gross_currency -> Text,
        stated_gross_amount -> Nullable<Numeric>,
        stated_gross_currency -> Nullable<Text>,
        notes -> Nullable<Text>,
        is_internal -> Bool,
        refunded_amount -> Numeric,
        refunded_currency -> Text,
        base_net_amount -> Nullable<Numeric>,
        base_net_currency -> Nullable<Text>,
        base_rate -> Nullable<Numeric>,
        exchange_rate_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    payments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        invoice_id -> Nullable<Uuid>,
        amount_amount -> Numeric,
        amount_currency -> Text,
        paid_at -> Timestamptz,
        method -> Text,
        status -> Text,
        reference -> Nullable<Text>,
        failure_reason -> Nullable<Text>,
    }
}

diesel::table! {
    pipelines (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        description -> Nullable<Text>,
        is_default -> Bool,
        requires_reason -> Bool,
    }
}

diesel::table! {
    point_entries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        membership_id -> Uuid,
        number -> Integer,
        kind -> Text,
        points -> Numeric,
        balance_after -> Numeric,
        pending_after -> Numeric,
        occurred_at -> Timestamptz,
        reason -> Nullable<Text>,
        source -> Nullable<Text>,
        source_key -> Nullable<Text>,
        order_id -> Nullable<Uuid>,
        spend_amount -> Nullable<Numeric>,
        spend_currency -> Nullable<Text>,
        reverses_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    point_lots (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        membership_id -> Uuid,
        entry_id -> Uuid,
        points -> Numeric,
        pending -> Numeric,
        available -> Numeric,
        expired -> Numeric,
        earned_at -> Timestamptz,
        available_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    point_postings (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        entry_id -> Uuid,
        membership_id -> Uuid,
        ledger_account -> Text,
        lot_id -> Nullable<Uuid>,
        points -> Numeric,
    }
}

diesel::table! {
    price_books (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        description -> Nullable<Text>,
    }
}

diesel::table! {
    price_observations (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        competitor_id -> Uuid,
        product_id -> Nullable<Uuid>,
        product_name -> Nullable<Text>,
        price_amount -> Numeric,
        price_currency -> Text,
        observed_on -> Date,
        source -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    prices (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        price_book_id -> Uuid,
        product_id -> Uuid,
        amount_amount -> Numeric,
        amount_currency -> Text,
        valid_from -> Date,
        valid_to -> Nullable<Date>,
    }
}

diesel::table! {
    product_families (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        description -> Nullable<Text>,
        default_margin -> Nullable<Numeric>,
    }
}

diesel::table! {
    products (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        sku -> Text,
        name -> Text,
        family_id -> Nullable<Uuid>,
        description -> Nullable<Text>,
        unit -> Nullable<Text>,
        cost_amount -> Nullable<Numeric>,
        cost_currency -> Nullable<Text>,
        list_price_amount -> Nullable<Numeric>,
        list_price_currency -> Nullable<Text>,
        is_discontinued -> Bool,
        custom -> Jsonb,
    }
}

diesel::table! {
    purchase_models (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        kind -> Text,
        fitted_on -> Date,
        customers -> Integer,
        repeaters -> Integer,
        parameters -> Jsonb,
        log_likelihood -> Nullable<Numeric>,
        spend_parameters -> Jsonb,
        findings -> Jsonb,
        validation -> Jsonb,
        industry -> Nullable<Text>,
        part_of_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    pushed_changes (tenant_id, principal_id, client_id, change_id) {
        tenant_id -> Uuid,
        principal_id -> Uuid,
        client_id -> Uuid,
        change_id -> Uuid,
        fingerprint -> Binary,
        result -> Jsonb,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    quote_lines (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        quote_id -> Uuid,
        product_id -> Nullable<Uuid>,
        description -> Nullable<Text>,
        position -> Integer,
        quantity -> Numeric,
        unit_price_amount -> Numeric,
        unit_price_currency -> Text,
        discount_percent -> Numeric,
        tax_rate -> Numeric,
        subtotal_amount -> Numeric,
        subtotal_currency -> Text,
        discount_amount -> Numeric,
        discount_currency -> Text,
        tax_amount -> Numeric,
        tax_currency -> Text,
        total_amount -> Numeric,
        total_currency -> Text,
    }
}

diesel::table! {
    quotes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        number -> Text,
        revision -> Integer,
        replaces_id -> Nullable<Uuid>,
        opportunity_id -> Uuid,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        currency -> Text,
        status -> Text,
        valid_until -> Nullable<Date>,
        sent_at -> Nullable<Timestamptz>,
        decided_at -> Nullable<Timestamptz>,
        subtotal_amount -> Numeric,
        subtotal_currency -> Text,
        discount_amount -> Numeric,
        discount_currency -> Text,
        tax_amount -> Numeric,
        tax_currency -> Text,
        total_amount -> Numeric,
        total_currency -> Text,
        terms -> Nullable<Text>,
        notes -> Nullable<Text>,
    }
}

diesel::table! {
    redemptions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        membership_id -> Uuid,
        reward_id -> Uuid,
        entry_id -> Uuid,
        points -> Numeric,
        status -> Text,
        code -> Text,
        requested_at -> Timestamptz,
        decided_at -> Nullable<Timestamptz>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    referrals (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        program_id -> Uuid,
        referrer_membership_id -> Uuid,
        referred_account_id -> Nullable<Uuid>,
        referred_email -> Nullable<Text>,
        code -> Text,
        status -> Text,
        order_id -> Nullable<Uuid>,
        qualified_at -> Nullable<Timestamptz>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (tenant_id, token_hash) {
        tenant_id -> Uuid,
        token_hash -> Binary,
        family_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    refunds (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        number -> Text,
        account_id -> Uuid,
        order_id -> Nullable<Uuid>,
        order_line_id -> Nullable<Uuid>,
        product_id -> Nullable<Uuid>,
        net_amount -> Numeric,
        net_currency -> Text,
        tax_amount -> Nullable<Numeric>,
        tax_currency -> Nullable<Text>,
        refunded_at -> Timestamptz,
        reason -> Nullable<Text>,
        assigned_order_id -> Nullable<Uuid>,
        base_net_amount -> Nullable<Numeric>,
        base_net_currency -> Nullable<Text>,
        base_rate -> Nullable<Numeric>,
        exchange_rate_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    relationships (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        from_account_id -> Nullable<Uuid>,
        from_contact_id -> Nullable<Uuid>,
        to_account_id -> Nullable<Uuid>,
        to_contact_id -> Nullable<Uuid>,
        kind -> Text,
        label -> Nullable<Text>,
        valid_from -> Nullable<Date>,
        valid_to -> Nullable<Date>,
    }
}

diesel::table! {
    reminder_steps (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        after_days -> Integer,
        channel -> Text,
        text -> Nullable<Text>,
    }
}

diesel::table! {
    reminders (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        invoice_id -> Uuid,
        reminder_step_id -> Uuid,
        channel -> Text,
        overdue_days -> Integer,
        balance_amount -> Numeric,
        balance_currency -> Text,
        sent_at -> Timestamptz,
    }
}

diesel::table! {
    resource_policies (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        value_class -> Text,
        strategy -> Text,
        service_level -> Nullable<Text>,
        discount_ceiling -> Nullable<Numeric>,
        care_every_days -> Nullable<Integer>,
        response_hours -> Nullable<Integer>,
        benefits -> Nullable<Text>,
    }
}

diesel::table! {
    retention_actions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        retention_plan_id -> Uuid,
        name -> Text,
        lever -> Nullable<Text>,
        due_on -> Nullable<Date>,
        done_at -> Nullable<Timestamptz>,
        cost_amount -> Nullable<Numeric>,
        cost_currency -> Nullable<Text>,
        outcome -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    retention_plans (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        campaign -> Text,
        account_id -> Uuid,
        churn_event_id -> Nullable<Uuid>,
        lever -> Text,
        goal -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        status -> Text,
        budget_amount -> Nullable<Numeric>,
        budget_currency -> Nullable<Text>,
        starts_on -> Date,
        ends_on -> Date,
        is_control -> Bool,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    role_assignments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        user_id -> Uuid,
        role_id -> Uuid,
    }
}

diesel::table! {
    roles (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        description -> Nullable<Text>,
        is_built_in -> Bool,
        grants -> Jsonb,
    }
}

diesel::table! {
    schedules (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        kind -> Text,
        cadence -> Text,
        is_enabled -> Bool,
        next_run_at -> Timestamptz,
        last_run_at -> Nullable<Timestamptz>,
        last_job_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    shipments (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        order_id -> Uuid,
        status -> Text,
        shipped_at -> Nullable<Timestamptz>,
        delivered_at -> Nullable<Timestamptz>,
        promised_at -> Nullable<Timestamptz>,
        carrier -> Nullable<Text>,
        tracking_number -> Nullable<Text>,
        notes -> Nullable<Text>,
    }
}

diesel::table! {
    stage_changes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        opportunity_id -> Uuid,
        pipeline_id -> Uuid,
        from_stage_id -> Nullable<Uuid>,
        to_stage_id -> Uuid,
        changed_at -> Timestamptz,
        seconds_before -> Nullable<Integer>,
        amount_amount -> Nullable<Numeric>,
        amount_currency -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    stages (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        pipeline_id -> Uuid,
        name -> Text,
        position -> Integer,
        kind -> Text,
        probability -> Integer,
        forecast_category -> Text,
        exit_criteria -> Nullable<Jsonb>,
        rotting_days -> Nullable<Integer>,
    }
}

diesel::table! {
    subscriptions (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        number -> Text,
        account_id -> Uuid,
        product_id -> Nullable<Uuid>,
        status -> Text,
        amount_amount -> Numeric,
        amount_currency -> Text,
        interval -> Text,
        started_on -> Date,
        current_period_end -> Date,
        cancelled_at -> Nullable<Timestamptz>,
        ended_on -> Nullable<Date>,
        cancel_reason -> Nullable<Text>,
    }
}

diesel::table! {
    taggings (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        tag_id -> Uuid,
        subject_type -> Text,
        subject_id -> Uuid,
    }
}

diesel::table! {
    tags (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        color -> Nullable<Text>,
    }
}

diesel::table! {
    targets (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        user_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        pipeline_id -> Nullable<Uuid>,
        starts_on -> Date,
        ends_on -> Date,
        amount_amount -> Numeric,
        amount_currency -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    tasks (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        title -> Text,
        description -> Nullable<Text>,
        status -> Text,
        priority -> Text,
        due_on -> Nullable<Date>,
        due_at -> Nullable<Timestamptz>,
        reminder_at -> Nullable<Timestamptz>,
        reminder_dismissed_at -> Nullable<Timestamptz>,
        recurrence -> Nullable<Text>,
        recurrence_start -> Nullable<Text>,
        scheduled_for -> Nullable<Text>,
        occurrence -> Nullable<Integer>,
        previous_id -> Nullable<Uuid>,
        completed_at -> Nullable<Timestamptz>,
        account_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        subject_type -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        assignee_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    teams (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        parent_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    tenant_directory (slug) {
        slug -> Text,
        tenant_id -> Uuid,
    }
}

diesel::table! {
    tenants (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        slug -> Text,
        locale -> Text,
        time_zone -> Text,
        reporting_currency -> Text,
        requires_version -> Bool,
    }
}

diesel::table! {
    tier_changes (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        membership_id -> Uuid,
        from_tier_id -> Nullable<Uuid>,
        to_tier_id -> Nullable<Uuid>,
        changed_at -> Timestamptz,
        reason -> Text,
        measure -> Text,
        measured -> Numeric,
        threshold -> Numeric,
        held_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        email -> Text,
        name -> Text,
        locale -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        status -> Text,
    }
}

diesel::table! {
    value_indicators (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        model_id -> Uuid,
        code -> Text,
        position -> Integer,
        source -> Text,
        direction -> Text,
        scale -> Text,
        anchors -> Jsonb,
        weight -> Numeric,
        missing -> Text,
        window_days -> Nullable<Integer>,
        applies_to -> Text,
    }
}

diesel::table! {
    value_models (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        name -> Text,
        number -> Integer,
        status -> Text,
        published_at -> Nullable<Timestamptz>,
        window_days -> Nullable<Integer>,
        pyramid -> Text,
        top_border -> Nullable<Numeric>,
        large_border -> Nullable<Numeric>,
        medium_border -> Nullable<Numeric>,
        quadrant -> Text,
        value_cut -> Nullable<Numeric>,
        potential_cut -> Nullable<Numeric>,
        default_margin -> Nullable<Numeric>,
        purchase_model -> Text,
        horizon_months -> Nullable<Integer>,
        monthly_discount -> Nullable<Numeric>,
        notes -> Nullable<Text>,
        attitude_weight -> Nullable<Numeric>,
        sign_weights -> Jsonb,
        rfm_segments -> Jsonb,
    }
}

diesel::table! {
    value_profiles (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        model_id -> Nullable<Uuid>,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        first_on -> Nullable<Date>,
        last_on -> Nullable<Date>,
        occasions -> Integer,
        window_occasions -> Integer,
        typical_gap -> Nullable<Numeric>,
        regularity -> Nullable<Numeric>,
        frequency -> Nullable<Numeric>,
        revenue_amount -> Numeric,
        revenue_currency -> Text,
        profit_amount -> Numeric,
        profit_currency -> Text,
        profit_rate -> Nullable<Numeric>,
        cost_to_serve_amount -> Numeric,
        cost_to_serve_currency -> Text,
        lifetime_revenue_amount -> Numeric,
        lifetime_revenue_currency -> Text,
        lifetime_profit_amount -> Numeric,
        lifetime_profit_currency -> Text,
        acquisition_cost_amount -> Numeric,
        acquisition_cost_currency -> Text,
        rfm_recency -> Nullable<Integer>,
        rfm_frequency -> Nullable<Integer>,
        rfm_monetary -> Nullable<Integer>,
        rfm_segment -> Nullable<Text>,
        abc -> Nullable<Text>,
        wallet_amount -> Nullable<Numeric>,
        wallet_currency -> Nullable<Text>,
        wallet_source -> Nullable<Text>,
        share_of_wallet -> Nullable<Numeric>,
        potential -> Nullable<Numeric>,
        potential_parts -> Jsonb,
        score -> Nullable<Numeric>,
        score_reference -> Nullable<Numeric>,
        score_coverage -> Nullable<Numeric>,
        contributions -> Jsonb,
        layer -> Text,
        layer_proposed -> Nullable<Text>,
        value_class -> Text,
        class_proposed -> Nullable<Text>,
        importance -> Text,
    }
}

diesel::table! {
    value_profiles_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        model_id -> Nullable<Uuid>,
        as_of -> Date,
        state -> Text,
        reasons -> Jsonb,
        first_on -> Nullable<Date>,
        last_on -> Nullable<Date>,
        occasions -> Integer,
        window_occasions -> Integer,
        typical_gap -> Nullable<Numeric>,
        regularity -> Nullable<Numeric>,
        frequency -> Nullable<Numeric>,
        revenue_amount -> Numeric,
        revenue_currency -> Text,
        profit_amount -> Numeric,
        profit_currency -> Text,
        profit_rate -> Nullable<Numeric>,
        cost_to_serve_amount -> Numeric,
        cost_to_serve_currency -> Text,
        lifetime_revenue_amount -> Numeric,
        lifetime_revenue_currency -> Text,
        lifetime_profit_amount -> Numeric,
        lifetime_profit_currency -> Text,
        acquisition_cost_amount -> Numeric,
        acquisition_cost_currency -> Text,
        rfm_recency -> Nullable<Integer>,
        rfm_frequency -> Nullable<Integer>,
        rfm_monetary -> Nullable<Integer>,
        rfm_segment -> Nullable<Text>,
        abc -> Nullable<Text>,
        wallet_amount -> Nullable<Numeric>,
        wallet_currency -> Nullable<Text>,
        wallet_source -> Nullable<Text>,
        share_of_wallet -> Nullable<Numeric>,
        potential -> Nullable<Numeric>,
        potential_parts -> Jsonb,
        score -> Nullable<Numeric>,
        score_reference -> Nullable<Numeric>,
        score_coverage -> Nullable<Numeric>,
        contributions -> Jsonb,
        layer -> Text,
        layer_proposed -> Nullable<Text>,
        value_class -> Text,
        class_proposed -> Nullable<Text>,
        importance -> Text,
    }
}

diesel::table! {
    value_runs (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        as_of -> Nullable<Date>,
        status -> Text,
        is_history -> Bool,
        model_id -> Nullable<Uuid>,
        purchase_model_id -> Nullable<Uuid>,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        accounts -> Integer,
        changed -> Integer,
        borders -> Jsonb,
        summary -> Jsonb,
        problem -> Nullable<Text>,
        claimed_by -> Nullable<Uuid>,
        alive_at -> Nullable<Timestamptz>,
        resume_after -> Nullable<Uuid>,
        drafted -> Integer,
        published -> Nullable<Integer>,
        tracking_error -> Nullable<Numeric>,
    }
}

diesel::table! {
    value_scores (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        model_id -> Nullable<Uuid>,
        as_of -> Date,
        score -> Nullable<Numeric>,
        layer -> Text,
        value_class -> Text,
        potential -> Nullable<Numeric>,
        revenue_amount -> Numeric,
        revenue_currency -> Text,
        profit_amount -> Numeric,
        profit_currency -> Text,
        clv_amount -> Nullable<Numeric>,
        clv_currency -> Nullable<Text>,
    }
}

diesel::table! {
    value_scores_drafts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        model_id -> Nullable<Uuid>,
        as_of -> Date,
        score -> Nullable<Numeric>,
        layer -> Text,
        value_class -> Text,
        potential -> Nullable<Numeric>,
        revenue_amount -> Numeric,
        revenue_currency -> Text,
        profit_amount -> Numeric,
        profit_currency -> Text,
        clv_amount -> Nullable<Numeric>,
        clv_currency -> Nullable<Text>,
    }
}

diesel::table! {
    wallet_estimates (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        amount_amount -> Numeric,
        amount_currency -> Text,
        source -> Text,
        estimated_on -> Date,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_attempts (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        delivery_id -> Uuid,
        endpoint_id -> Uuid,
        number -> Integer,
        status -> Nullable<Integer>,
        error -> Nullable<Text>,
        duration_ms -> Integer,
    }
}

diesel::table! {
    webhook_deliveries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        endpoint_id -> Uuid,
        event_id -> Uuid,
        event_type -> Text,
        resource -> Text,
        record_id -> Uuid,
        record_version -> Integer,
        occurred_at -> Timestamptz,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        last_status -> Nullable<Integer>,
        last_error -> Nullable<Text>,
        cursor -> Nullable<Text>,
        lease -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        change_xid -> BigInt,
        change_seq -> BigInt,
    }
}

diesel::table! {
    webhook_endpoints (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        url -> Text,
        description -> Nullable<Text>,
        event_types -> Jsonb,
        filters -> Nullable<Jsonb>,
        changed_fields -> Nullable<Jsonb>,
        payload_fields -> Nullable<Jsonb>,
        state -> Text,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        cursor -> Nullable<Text>,
        secret -> Nullable<Text>,
        rotated_at -> Nullable<Timestamptz>,
        acts_for -> Nullable<Uuid>,
        failures -> Integer,
    }
}

diesel::table! {
    webhook_secrets (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        sealed -> Binary,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    win_back_cases (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Integer,
        created_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        updated_at -> Timestamptz,
        updated_by -> Nullable<Uuid>,
        archived_at -> Nullable<Timestamptz>,
        account_id -> Uuid,
        churn_event_id -> Uuid,
        status -> Text,
        target_value_amount -> Nullable<Numeric>,
        target_value_currency -> Nullable<Text>,
        offer -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        team_id -> Nullable<Uuid>,
        deadline -> Nullable<Date>,
        cost_amount -> Nullable<Numeric>,
        cost_currency -> Nullable<Text>,
        score -> Nullable<Numeric>,
        score_parts -> Jsonb,
        offered_at -> Nullable<Timestamptz>,
        order_id -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        outcome_reason -> Nullable<Text>,
    }
}
