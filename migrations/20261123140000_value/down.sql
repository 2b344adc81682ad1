DROP TABLE resource_policies, wallet_estimates, cost_rates, cost_entries, value_scores, clv_estimates, value_profiles, value_runs, purchase_models,
    value_indicators, value_models;
