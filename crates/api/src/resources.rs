//! Every resource and every error code there is. Standing here is enough to be served.

use kith_bulk as bulk;
use kith_commerce as commerce;
use kith_connectors as connectors;
use kith_contacts as contacts;
use kith_identity as identity;
use kith_interactions as interactions;
use kith_jobs as jobs;
use kith_kernel::{Catalogue, Code, Entry, Metric, codes};
use kith_lifecycle as lifecycle;
use kith_loyalty as loyalty;
use kith_loyalty::programme;
use kith_pipeline as pipeline;
use kith_webhooks as webhooks;
use std::sync::LazyLock;

/// Every resource, in the order in which documentation lists them.
pub fn catalogue() -> &'static Catalogue {
    static ALL: LazyLock<Catalogue> = LazyLock::new(|| {
        Catalogue::new(vec![
            Entry::of::<contacts::Account>().with(kith_flows::merge::accounts()),
            Entry::of::<contacts::AccountRole>(),
            Entry::of::<contacts::Contact>().with(kith_flows::merge::contacts()),
            Entry::of::<contacts::ContactPoint>(),
            Entry::of::<contacts::Address>(),
            Entry::of::<contacts::Relationship>(),
            Entry::of::<contacts::ExternalId>(),
            Entry::of::<contacts::Tag>(),
            Entry::of::<contacts::Tagging>(),
            Entry::of::<contacts::Note>(),
            Entry::of::<commerce::ProductFamily>(),
            Entry::of::<commerce::Product>(),
            Entry::of::<commerce::ExchangeRate>(),
            Entry::of::<commerce::Order>(),
            Entry::of::<commerce::OrderLine>(),
            Entry::of::<commerce::Refund>(),
            Entry::of::<commerce::PriceBook>(),
            Entry::of::<commerce::Price>(),
            Entry::of::<commerce::Invoice>(),
            Entry::of::<commerce::Payment>(),
            Entry::of::<commerce::ReminderStep>(),
            Entry::of::<commerce::Reminder>(),
            Entry::of::<commerce::Shipment>(),
            Entry::of::<commerce::Subscription>(),
            Entry::of::<pipeline::Lead>().with(kith_flows::convert::command()),
            Entry::of::<pipeline::LeadDuplicate>(),
            Entry::of::<pipeline::LeadForm>(),
            Entry::of::<pipeline::LeadScoringRule>(),
            Entry::of::<pipeline::LeadAssignmentRule>(),
            Entry::of::<pipeline::Pipeline>(),
            Entry::of::<pipeline::Stage>(),
            Entry::of::<pipeline::CloseReason>(),
            Entry::of::<pipeline::Competitor>(),
            Entry::of::<pipeline::PriceObservation>(),
            Entry::of::<pipeline::Opportunity>(),
            Entry::of::<pipeline::OpportunityLine>(),
            Entry::of::<pipeline::OpportunityMember>(),
            Entry::of::<pipeline::OpportunityContact>(),
            Entry::of::<pipeline::OpportunityCompetitor>(),
            Entry::of::<pipeline::StageChange>(),
            Entry::of::<pipeline::Quote>(),
            Entry::of::<pipeline::QuoteLine>(),
            Entry::of::<pipeline::Target>(),
            Entry::of::<pipeline::ForecastSnapshot>(),
            Entry::of::<pipeline::ForecastSnapshotLine>(),
            Entry::of::<interactions::Interaction>(),
            Entry::of::<interactions::InteractionContact>(),
            Entry::of::<interactions::Task>(),
            Entry::of::<loyalty::ValueModel>(),
            Entry::of::<loyalty::ValueIndicator>(),
            Entry::of::<loyalty::ValueRun>(),
            Entry::of::<loyalty::ValueProfile>(),
            Entry::of::<loyalty::ClvEstimate>(),
            Entry::of::<loyalty::ValueScore>(),
            Entry::of::<loyalty::PurchaseModel>(),
            Entry::of::<loyalty::CostEntry>(),
            Entry::of::<loyalty::CostRate>(),
            Entry::of::<loyalty::WalletEstimate>(),
            Entry::of::<loyalty::ResourcePolicy>(),
            Entry::of::<loyalty::LoyaltyIndicator>(),
            Entry::of::<loyalty::LoyaltyEvidenceItem>(),
            Entry::of::<loyalty::LoyaltyAssessment>(),
            Entry::of::<programme::LoyaltyProgram>(),
            Entry::of::<programme::LoyaltyMembership>(),
            Entry::of::<programme::LoyaltyTier>(),
            Entry::of::<programme::LoyaltyReward>(),
            Entry::of::<programme::Referral>(),
            Entry::of::<programme::PointEntry>(),
            Entry::of::<programme::PointPosting>(),
            Entry::of::<programme::PointLot>(),
            Entry::of::<programme::TierChange>(),
            Entry::of::<programme::Redemption>(),
            Entry::of::<lifecycle::Lifecycle>(),
            Entry::of::<lifecycle::LifecycleTransition>(),
            Entry::of::<lifecycle::LifecyclePolicy>(),
            Entry::of::<lifecycle::ChurnRisk>(),
            Entry::of::<lifecycle::ChurnScore>(),
            Entry::of::<lifecycle::ChurnModel>(),
            Entry::of::<lifecycle::ChurnEvent>(),
            Entry::of::<lifecycle::ChurnEventCorrection>(),
            Entry::of::<lifecycle::RetentionPlan>(),
            Entry::of::<lifecycle::RetentionAction>(),
            Entry::of::<lifecycle::WinBackCase>(),
            Entry::of::<connectors::Connector>(),
            Entry::of::<connectors::ConnectorField>(),
            Entry::of::<webhooks::WebhookEndpoint>(),
            Entry::of::<webhooks::WebhookDelivery>(),
            Entry::of::<webhooks::WebhookAttempt>(),
            Entry::of::<jobs::Job>(),
            Entry::of::<jobs::Schedule>(),
            Entry::of::<bulk::BulkLoad>(),
            Entry::of::<identity::Tenant>(),
            Entry::of::<identity::User>(),
            Entry::of::<identity::Team>(),
            Entry::of::<identity::Membership>(),
            Entry::of::<identity::Role>(),
            Entry::of::<identity::RoleAssignment>(),
            Entry::of::<identity::ApiKey>(),
        ])
    });
    &ALL
}

/// Every metric, in the order in which documentation lists them.
pub fn metrics() -> Vec<&'static Metric> {
    let all = [
        pipeline::lead::metrics::METRICS,
        pipeline::metrics::METRICS,
        pipeline::forecast_metrics::METRICS,
        programme::metrics::METRICS,
        lifecycle::metrics::METRICS,
        commerce::metrics::METRICS,
    ];
    all.into_iter().flatten().collect()
}

/// One of them.
pub fn metric(name: &str) -> Option<&'static Metric> {
    metrics().into_iter().find(|metric| metric.name == name)
}

/// Every error code, by crate.
pub fn all_codes() -> Vec<&'static Code> {
    codes::ALL.to_vec()
}
