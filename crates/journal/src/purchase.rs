//! What a purchase is, for areas that read orders without knowing the area that keeps them: an order that is CONFIRMED or
//! FULFILLED, neither archived nor internal, and of which something is left after the refunds assigned to it.

/// SQL of what is left of an order `o` after its refunds, in its own currency.
pub const LEFT: &str = "(o.net_amount - (SELECT coalesce(sum(f.net_amount), 0) FROM refunds f \
    WHERE f.tenant_id = o.tenant_id AND f.assigned_order_id = o.id AND f.archived_at IS NULL))";

/// The condition that an order `o` is a purchase.
pub fn condition() -> String {
    let stands = "o.archived_at IS NULL AND NOT o.is_internal AND o.status IN ('CONFIRMED', 'FULFILLED')";
    format!("{stands} AND o.net_amount > 0 AND {LEFT} > 0")
}

/// SQL of the first day after what was paid of a subscription `t` that was cancelled. The beginning of Unix time stands for a
/// period that was not given.
pub const PAID_UNTIL: &str =
    "greatest(t.started_on, coalesce(nullif(t.current_period_end, date 'epoch'), t.cancelled_at::date))";

/// SQL of the months of a period of a subscription `t`.
pub const PERIOD_MONTHS: &str = "CASE t.interval WHEN 'YEAR' THEN 12 WHEN 'QUARTER' THEN 3 ELSE 1 END";
