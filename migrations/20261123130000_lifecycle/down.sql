DROP TABLE win_back_cases, retention_actions, retention_plans, churn_event_corrections, churn_risks, churn_models,
    lifecycle_policies, lifecycle_transitions, churn_events, lifecycles;
