//! Typed ids: a contact's id cannot be passed where an account's is asked for. The type also tells the field
//! table which resource it points to, so that relations, filters and documentation follow from it.

/// Declares an id type for each resource: `AccountId => "accounts"`.
#[macro_export]
macro_rules! ids {
    ($( $(#[doc = $doc:literal])+ $name:ident => $target:literal; )+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $crate::export::uuid::Uuid);
        impl From<$crate::export::uuid::Uuid> for $name { fn from(id: $crate::export::uuid::Uuid) -> Self { $name(id) } }
        impl From<$name> for $crate::export::uuid::Uuid { fn from(id: $name) -> Self { id.0 } }
        impl $crate::FieldType for $name {
            const KIND: $crate::Kind = $crate::Kind::Id(Some($target));
            type Sql = $crate::export::diesel::sql_types::Uuid;
            type Row = $crate::export::uuid::Uuid;
            fn empty() -> Self { $name($crate::export::uuid::Uuid::nil()) }
            fn from_row(row: Self::Row) -> $crate::export::diesel::deserialize::Result<Self> { Ok($name(row)) }
            fn parse(value: &$crate::export::serde_json::Value) -> Result<Self, String> {
                <$crate::export::uuid::Uuid as $crate::FieldType>::parse(value).map($name)
            }
            fn write(&self, out: &mut Vec<u8>) { $crate::FieldType::write(&self.0, out) }
            fn binds(&self, out: &mut Vec<$crate::Bind>) { out.push($crate::Bind::Uuid(Some(self.0))) }
            fn nulls(out: &mut Vec<$crate::Bind>) { out.push($crate::Bind::Uuid(None)) }
            fn uuid(&self) -> Option<$crate::export::uuid::Uuid> { Some(self.0) }
        }
    )+ };
}

ids! {
    /// A tenant.
    TenantId => "tenants";
    /// A user.
    UserId => "users";
    /// A team.
    TeamId => "teams";
    /// A role.
    RoleId => "roles";
    /// An API key.
    ApiKeyId => "api-keys";
    /// A membership of a user in a team.
    MembershipId => "memberships";
    /// A role given to a user.
    RoleAssignmentId => "role-assignments";
    /// An account.
    AccountId => "accounts";
    /// A role an account plays.
    AccountRoleId => "account-roles";
    /// A contact.
    ContactId => "contacts";
    /// A phone number, e-mail address or the like.
    ContactPointId => "contact-points";
    /// A postal address.
    AddressId => "addresses";
    /// A relationship.
    RelationshipId => "relationships";
    /// A bulk load.
    BulkLoadId => "bulk-loads";
    /// A key in another system.
    ExternalIdId => "external-ids";
    /// A tag.
    TagId => "tags";
    /// A tag on a record.
    TaggingId => "taggings";
    /// A note.
    NoteId => "notes";
    /// A group of products.
    ProductFamilyId => "product-families";
    /// A product.
    ProductId => "products";
    /// An exchange rate.
    ExchangeRateId => "exchange-rates";
    /// A pipeline.
    PipelineId => "pipelines";
    /// A stage of a pipeline.
    StageId => "stages";
    /// A competitor.
    CompetitorId => "competitors";
    /// A price of a competitor.
    PriceObservationId => "price-observations";
    /// A lead.
    LeadId => "leads";
    /// A form that captures leads.
    LeadFormId => "lead-forms";
    /// A rule that scores leads.
    LeadScoringRuleId => "lead-scoring-rules";
    /// A rule that assigns leads.
    LeadAssignmentRuleId => "lead-assignment-rules";
    /// A record that may be the same as a lead.
    LeadDuplicateId => "lead-duplicates";
    /// A reason for winning or losing.
    CloseReasonId => "close-reasons";
    /// An opportunity.
    OpportunityId => "opportunities";
    /// A step in the history of an opportunity.
    StageChangeId => "stage-changes";
    /// A line of an opportunity.
    OpportunityLineId => "opportunity-lines";
    /// Somebody's part in an opportunity.
    OpportunityMemberId => "opportunity-members";
    /// A contact's part in an opportunity.
    OpportunityContactId => "opportunity-contacts";
    /// A competitor's part in an opportunity.
    OpportunityCompetitorId => "opportunity-competitors";
    /// A quote.
    QuoteId => "quotes";
    /// A line of a quote.
    QuoteLineId => "quote-lines";
    /// An order.
    OrderId => "orders";
    /// A line of an order.
    OrderLineId => "order-lines";
    /// A refund.
    RefundId => "refunds";
    /// A price book.
    PriceBookId => "price-books";
    /// A price.
    PriceId => "prices";
    /// An invoice.
    InvoiceId => "invoices";
    /// A payment.
    PaymentId => "payments";
    /// A step in reminding customers.
    ReminderStepId => "reminder-steps";
    /// A reminder.
    ReminderId => "reminders";
    /// A shipment.
    ShipmentId => "shipments";
    /// A subscription.
    SubscriptionId => "subscriptions";
    /// A target.
    TargetId => "targets";
    /// A forecast as it stood.
    ForecastSnapshotId => "forecast-snapshots";
    /// An opportunity as a forecast saw it.
    ForecastSnapshotLineId => "forecast-snapshot-lines";
    /// An interaction.
    InteractionId => "interactions";
    /// A person's part in an interaction.
    InteractionContactId => "interaction-contacts";
    /// A task.
    TaskId => "tasks";
    /// A way to value customers.
    ValueModelId => "value-models";
    /// A measure of a value model.
    ValueIndicatorId => "value-indicators";
    /// A purchase model that was fitted.
    PurchaseModelId => "purchase-models";
    /// A computation of all values.
    ValueRunId => "value-runs";
    /// What an account is worth.
    ValueProfileId => "value-profiles";
    /// What an account is expected to bring.
    ClvEstimateId => "clv-estimates";
    /// What an account was worth on a day.
    ValueScoreId => "value-scores";
    /// A cost of a customer.
    CostEntryId => "cost-entries";
    /// What a touch over a channel costs.
    CostRateId => "cost-rates";
    /// An estimate of what a customer buys a year.
    WalletEstimateId => "wallet-estimates";
    /// What a class of customers is given.
    ResourcePolicyId => "resource-policies";
    /// A sign of loyalty that another system measured.
    LoyaltyIndicatorId => "loyalty-indicators";
    /// An answer that tells of loyalty.
    LoyaltyEvidenceItemId => "loyalty-evidence";
    /// How loyal an account is.
    LoyaltyAssessmentId => "loyalty-assessments";
    /// A loyalty programme.
    LoyaltyProgramId => "loyalty-programs";
    /// A customer's membership of a loyalty programme.
    LoyaltyMembershipId => "loyalty-memberships";
    /// A tier of a loyalty programme.
    LoyaltyTierId => "loyalty-tiers";
    /// A movement of points.
    PointEntryId => "point-entries";
    /// What a movement does to one account of the ledger.
    PointPostingId => "point-postings";
    /// Points that were earned together.
    PointLotId => "point-lots";
    /// A step in the history of tiers.
    TierChangeId => "tier-changes";
    /// A reward of a loyalty programme.
    LoyaltyRewardId => "loyalty-rewards";
    /// A reward that a member took.
    RedemptionId => "redemptions";
    /// A customer whom a member brings.
    ReferralId => "referrals";
    /// Where a relationship stands.
    LifecycleId => "lifecycles";
    /// A move of a relationship.
    LifecycleTransitionId => "lifecycle-transitions";
    /// The numbers of the rules for stages.
    LifecyclePolicyId => "lifecycle-policies";
    /// What was fitted to tell who will leave.
    ChurnModelId => "churn-models";
    /// How likely a customer is to leave.
    ChurnRiskId => "churn-risks";
    /// How likely an account was to leave, as it was told on a day.
    ChurnScoreId => "churn-scores";
    /// A customer who was or may have been lost.
    ChurnEventId => "churn-events";
    /// What was put right about a loss.
    ChurnEventCorrectionId => "churn-event-corrections";
    /// What is planned to keep a customer.
    RetentionPlanId => "retention-plans";
    /// What is done to keep a customer.
    RetentionActionId => "retention-actions";
    /// An attempt to win a customer back.
    WinBackCaseId => "win-back-cases";
    /// Another system whose records are kept in step.
    ConnectorId => "connectors";
    /// Who decides a field that another system keeps too.
    ConnectorFieldId => "connector-fields";
    /// A piece of work in the background.
    JobId => "jobs";
    /// Work that comes again and again.
    ScheduleId => "schedules";
    /// Where changes are sent.
    WebhookEndpointId => "webhook-endpoints";
    /// A change that is sent to an endpoint.
    WebhookDeliveryId => "webhook-deliveries";
    /// An attempt to send a change.
    WebhookAttemptId => "webhook-attempts";
}
