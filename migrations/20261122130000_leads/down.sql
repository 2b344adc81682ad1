DROP INDEX accounts_lower_name_idx;
DROP TABLE lead_duplicates, leads, lead_assignment_rules, lead_scoring_rules, lead_forms;
