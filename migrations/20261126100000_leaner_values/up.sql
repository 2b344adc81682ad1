-- Computed rows are written anew for every customer by every run, and what that costs is their indexes. There is none any
-- more for what is the id under another name, for the moment of the computation, which all rows share, or for an order that
-- nobody asks for.
DROP INDEX value_profiles_account_id_idx, value_profiles_created_at_idx, value_profiles_updated_at_idx;
DROP INDEX clv_estimates_account_id_idx, clv_estimates_created_at_idx, clv_estimates_updated_at_idx,
    clv_estimates_purchase_model_id_idx, clv_estimates_probability_alive_idx;
DROP INDEX loyalty_assessments_account_id_idx, loyalty_assessments_created_at_idx, loyalty_assessments_updated_at_idx,
    loyalty_assessments_attitude_idx, loyalty_assessments_behaviour_idx;
DROP INDEX churn_risks_account_id_idx, churn_risks_created_at_idx, churn_risks_updated_at_idx,
    churn_risks_churn_model_id_idx, churn_risks_state_idx;
DROP INDEX lifecycles_account_id_idx, lifecycles_created_at_idx, lifecycles_updated_at_idx, lifecycles_activity_idx,
    lifecycles_next_review_idx;
-- Those of an account are found by the key over account and day.
DROP INDEX value_scores_account_id_idx, value_scores_created_at_idx, value_scores_updated_at_idx;
DROP INDEX churn_scores_account_id_idx, churn_scores_created_at_idx, churn_scores_updated_at_idx,
    churn_scores_churn_model_id_idx;

-- They may be looked for by the id instead.
ALTER TABLE value_profiles ADD CONSTRAINT value_profiles_id_check CHECK (id = account_id);
ALTER TABLE clv_estimates ADD CONSTRAINT clv_estimates_id_check CHECK (id = account_id);
ALTER TABLE loyalty_assessments ADD CONSTRAINT loyalty_assessments_id_check CHECK (id = account_id);

-- Models are never deleted, and each row of a run names the same one: asking for it a million times found nothing.
ALTER TABLE value_profiles DROP CONSTRAINT value_profiles_model_id_fkey;
ALTER TABLE clv_estimates DROP CONSTRAINT clv_estimates_purchase_model_id_fkey;
ALTER TABLE churn_risks DROP CONSTRAINT churn_risks_churn_model_id_fkey;
ALTER TABLE value_scores DROP CONSTRAINT value_scores_model_id_fkey;
ALTER TABLE churn_scores DROP CONSTRAINT churn_scores_churn_model_id_fkey;

-- Where nothing that is sorted by changes, a new version of a row leaves the indexes alone, if it fits on the page. All rows
-- get one every night, so that half of each page would be theirs anyway.
ALTER TABLE lifecycles SET (fillfactor = 50);
ALTER TABLE loyalty_assessments SET (fillfactor = 50);
ALTER TABLE value_profiles SET (fillfactor = 50);

-- What explains a row is larger than the row, and PostgreSQL's own compression of it took longer than writing it did. Servers
-- that were built without the other one go on as before.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT attrelid::regclass AS name, attname FROM pg_attribute
        WHERE atttypid = 'jsonb'::regtype AND attnum > 0 AND NOT attisdropped AND attrelid::regclass::text IN (
            'value_profiles', 'value_profiles_drafts', 'clv_estimates', 'clv_estimates_drafts', 'loyalty_assessments',
            'loyalty_assessments_drafts', 'churn_risks', 'churn_risks_drafts', 'lifecycles')
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', found.name, found.attname);
    END LOOP;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;
