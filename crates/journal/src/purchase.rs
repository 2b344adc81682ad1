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
