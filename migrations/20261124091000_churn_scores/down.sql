DROP TABLE churn_scores;
