DROP TABLE opportunity_competitors, opportunity_contacts, opportunity_members, opportunity_lines, stage_changes, opportunities, close_reasons, price_observations, competitors, stages, pipelines;
