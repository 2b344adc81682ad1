//! What notes, tags, keys of other systems, interactions and tasks can be about.

use crate::text_enum;

text_enum! {
    /// The type of a record that something hangs on.
    pub enum SubjectType {
        /// An account.
        Account = "ACCOUNT",
        /// A contact.
        Contact = "CONTACT",
        /// A contact point.
        ContactPoint = "CONTACT_POINT",
        /// An address.
        Address = "ADDRESS",
        /// A role of an account.
        AccountRole = "ACCOUNT_ROLE",
        /// A relationship.
        Relationship = "RELATIONSHIP",
        /// A note.
        Note = "NOTE",
        /// A tag.
        Tag = "TAG",
        /// A user.
        User = "USER",
        /// A team.
        Team = "TEAM",
        /// A membership.
        Membership = "MEMBERSHIP",
        /// A group of products.
        ProductFamily = "PRODUCT_FAMILY",
        /// A product.
        Product = "PRODUCT",
        /// An exchange rate.
        ExchangeRate = "EXCHANGE_RATE",
        /// A lead.
        Lead = "LEAD",
        /// A form that captures leads.
        LeadForm = "LEAD_FORM",
        /// A rule that scores leads.
        LeadScoringRule = "LEAD_SCORING_RULE",
        /// A rule that assigns leads.
        LeadAssignmentRule = "LEAD_ASSIGNMENT_RULE",
        /// A pipeline.
        Pipeline = "PIPELINE",
        /// A stage of a pipeline.
        Stage = "STAGE",
        /// A reason for winning or losing.
        CloseReason = "CLOSE_REASON",
        /// A competitor.
        Competitor = "COMPETITOR",
        /// A price of a competitor.
        PriceObservation = "PRICE_OBSERVATION",
        /// An opportunity.
        Opportunity = "OPPORTUNITY",
        /// A line of an opportunity.
        OpportunityLine = "OPPORTUNITY_LINE",
        /// A contact's part in an opportunity.
        OpportunityContact = "OPPORTUNITY_CONTACT",
        /// A competitor's part in an opportunity.
        OpportunityCompetitor = "OPPORTUNITY_COMPETITOR",
        /// A quote.
        Quote = "QUOTE",
        /// A line of a quote.
        QuoteLine = "QUOTE_LINE",
        /// An order.
        Order = "ORDER",
        /// A line of an order.
        OrderLine = "ORDER_LINE",
        /// A refund.
        Refund = "REFUND",
        /// A price book.
        PriceBook = "PRICE_BOOK",
        /// A price.
        Price = "PRICE",
        /// An invoice.
        Invoice = "INVOICE",
        /// A payment.
        Payment = "PAYMENT",
        /// A step in reminding customers.
        ReminderStep = "REMINDER_STEP",
        /// A shipment.
        Shipment = "SHIPMENT",
        /// A subscription.
        Subscription = "SUBSCRIPTION",
        /// A target.
        Target = "TARGET",
        /// An interaction.
        Interaction = "INTERACTION",
        /// A person's part in an interaction.
        InteractionContact = "INTERACTION_CONTACT",
        /// A task.
        Task = "TASK",
        /// A sign of loyalty that another system measured.
        LoyaltyIndicator = "LOYALTY_INDICATOR",
        /// An answer that tells of loyalty.
        LoyaltyEvidenceItem = "LOYALTY_EVIDENCE_ITEM",
        /// A loyalty programme.
        LoyaltyProgram = "LOYALTY_PROGRAM",
        /// A membership of a loyalty programme.
        LoyaltyMembership = "LOYALTY_MEMBERSHIP",
        /// A tier of a loyalty programme.
        LoyaltyTier = "LOYALTY_TIER",
        /// A reward of a loyalty programme.
        LoyaltyReward = "LOYALTY_REWARD",
        /// The numbers of the rules for stages.
        LifecyclePolicy = "LIFECYCLE_POLICY",
        /// A customer who was or may have been lost.
        ChurnEvent = "CHURN_EVENT",
        /// What is planned to keep a customer.
        RetentionPlan = "RETENTION_PLAN",
        /// What is done to keep a customer.
        RetentionAction = "RETENTION_ACTION",
        /// An attempt to win a customer back.
        WinBackCase = "WIN_BACK_CASE",
    }
}
