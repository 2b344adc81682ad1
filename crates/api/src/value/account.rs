//! What is told of the value of one account: the shapes that both APIs answer with, which are their documentation.

use async_graphql::SimpleObject;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What an account and all that belong to it by `parentId`, at any depth, are worth together, as far as you may read them. Amounts
/// are sums of what each is worth, decimals as texts.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountGroupValue {
    /// The account at the top.
    account_id: Uuid,
    /// The currency of the amounts.
    currency: String,
    /// The last day that the values know; null: there was no run yet.
    as_of: Option<String>,
    /// Accounts that were valued, the one at the top included.
    accounts: i64,
    /// Those of them that ever bought.
    customers: i64,
    /// Those that bought in the window of the value model.
    active: i64,
    /// The first day of a purchase.
    first_on: Option<String>,
    /// The last day of a purchase.
    last_on: Option<String>,
    /// Net revenue of the window.
    revenue: String,
    /// Profit of the window.
    profit: String,
    /// Profit in per cent of the revenue, of the sums; null: there is no revenue.
    profit_rate: Option<String>,
    /// Cost to serve in the window.
    cost_to_serve: String,
    /// Net revenue of the whole time.
    lifetime_revenue: String,
    /// Margin of the whole time.
    lifetime_profit: String,
    /// What winning them cost.
    acquisition_cost: String,
    /// The sum of the lifetime values; null: none is known.
    clv: Option<String>,
    /// The largest of them by the revenue of the window.
    members: Vec<AccountGroupMember>,
}

/// One of the accounts that belong together.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountGroupMember {
    /// The account.
    account_id: Uuid,
    /// Its name; null: you may not read it.
    name: Option<String>,
    /// Steps below the account at the top, which has 0.
    depth: i64,
    /// Its layer of the pyramid.
    layer: String,
    /// Its class.
    value_class: String,
    /// Net revenue of the window.
    revenue: String,
    /// Profit of the window.
    profit: String,
    /// Lifetime value; null: none is known.
    clv: Option<String>,
}

/// What is missing to the next layer of the pyramid.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct AccountNextLayer {
    /// The account.
    account_id: Uuid,
    /// Its layer; null: it was not valued yet.
    layer: Option<String>,
    /// Its score, a decimal as a text.
    score: Option<String>,
    /// The layer above; null: see the reason.
    next_layer: Option<String>,
    /// What the border is counted in: POINTS of the score, or MONEY where the pyramid is cut by what customers bring.
    unit: Option<String>,
    /// The currency of amounts, ISO 4217.
    currency: Option<String>,
    /// Where the layer above begins, a decimal as a text. Whoever may not read the values of all customers is told amounts that
    /// are those of another one rounded to the next step of their second digit, here and in the ways.
    border: Option<String>,
    /// How much is missing to it, a decimal as a text. A move takes three points more, or two runs in a row.
    missing: Option<String>,
    /// The day of the values.
    as_of: Option<String>,
    /// TOP: there is none above; NOT_ACTIVE: nothing was bought in the window; NO_SCORE, NOT_VALUED: nothing is known; NEXT_RUN:
    /// it is past the border, and moves with the next run if it stays so.
    reason: Option<String>,
    /// How far each indicator alone would have to move, if it can; each of them would do.
    ways: Vec<AccountNextLayerWay>,
}

/// How far an indicator would have to move.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountNextLayerWay {
    /// The indicator.
    code: String,
    /// What it measures.
    source: String,
    /// Days looked back, if not those of the model.
    window_days: Option<i32>,
    /// MONEY, PERCENT, DAYS, OCCASIONS_A_YEAR, CONTACTS, POINTS or NUMBER.
    unit: String,
    /// What it is, a decimal as a text.
    value: Option<String>,
    /// What it would have to be.
    needed: Option<String>,
    /// needed less value.
    change: Option<String>,
}

/// What an account is entitled to: what its class gets by the resource policies, and when it is to hear from us again.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountEntitlements {
    /// The account.
    account_id: Uuid,
    /// Its class: LEAD, IRON, GOLD, PLATINUM or UNCLASSIFIED.
    value_class: String,
    /// Its layer of the pyramid; null: it was not valued yet.
    layer: Option<String>,
    /// How much care it should get: what somebody said of the account as long as that holds, else by rule. VIP, KEY or
    /// ORDINARY; null: it was not valued yet.
    importance: Option<String>,
    /// Who says so: MANUAL, a person; RULE, what it is worth.
    importance_source: String,
    /// The resource policy of its class.
    policy: Option<EntitlementPolicy>,
    /// Why there is no policy: NOT_VALUED, UNCLASSIFIED or NO_POLICY; null: there is one.
    reason: Option<String>,
    /// The highest discount in per cent that may be given without asking, a decimal as a text; null: none is set.
    discount_ceiling: Option<String>,
    /// When it is to hear from us; null: the policy does not say.
    care: Option<EntitlementCare>,
    /// Where the class comes from.
    source: EntitlementSource,
}

/// What a class gets.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementPolicy {
    /// The resource policy.
    id: Uuid,
    /// DIVEST, RE_ENGINEER, MAINTAIN or INVEST.
    strategy: String,
    /// The service level.
    service_level: Option<String>,
    /// Hours within which a request is answered.
    response_hours: Option<i64>,
    /// What else they get.
    benefits: Option<String>,
}

/// When an account is to hear from us.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementCare {
    /// The day on which it last heard from us: the last outbound interaction.
    last_on: Option<String>,
    /// The same as an instant.
    last_at: Option<String>,
    /// Days between two touches that we begin.
    every_days: i64,
    /// The day by which it is to hear from us again; today where it never did.
    due_on: String,
    /// That day is over.
    is_overdue: bool,
}

/// Where a class comes from.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementSource {
    /// The value model that counted; null: the usual one, or the account was not valued yet.
    model_id: Option<Uuid>,
    /// The last day that the values know.
    as_of: Option<String>,
    /// How much they can be relied on.
    state: String,
    /// The score, a decimal as a text.
    score: Option<String>,
    /// What more there is to gain, 0 to 100, a decimal as a text.
    potential: Option<String>,
}

/// How the profit of an account comes about.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountProfit {
    /// The account.
    account_id: Uuid,
    /// The last day that counts: today, in the tenant's time zone.
    as_of: String,
    /// Days looked back, by the published value model.
    window_days: i32,
    /// The currency of all amounts, ISO 4217.
    currency: String,
    /// From the list price down to the profit: LIST, DISCOUNTS, RETURNS (refunds, booked against their orders), SUBSCRIPTIONS
    /// (what was paid for them, if they are all that it bought), GOODS (what the goods cost), GOODS_ESTIMATED (the same where
    /// nobody knows, by the default margin of the product's family or of the value model) and SERVICE. They add up exactly.
    steps: Vec<AccountProfitStep>,
    /// What is left, a decimal as a text.
    profit: String,
    /// OK, or PARTIAL: some costs are estimated, or some orders, refunds or subscriptions have no exchange rate and
    /// are left out.
    state: String,
    /// Orders, refunds and subscriptions that are left out.
    unconverted: i64,
    /// Per cent of the active customers of the last run who brought less, a decimal as a text; null: nothing was bought in the
    /// window, there was no run yet, or the right to read all of them is missing.
    percentile: Option<String>,
    /// The median profit of those.
    median: Option<String>,
    /// How many those are.
    customers: Option<i64>,
}

/// A step from the list price to the profit.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
pub struct AccountProfitStep {
    /// What it is.
    step: String,
    /// What it adds, a decimal as a text; below 0: what it takes.
    amount: String,
    /// The sum so far.
    sum: String,
}
