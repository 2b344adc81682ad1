//! What another transaction stood in the way of is tried again, three times at most. Promise 31; a real deadlock is in
//! [`crate::concurrency`].

use diesel::{RunQueryDsl, sql_query};
use kith_db::Verdict;
use kith_kernel::Result;
use kith_testkit::Stage;
use std::time::Instant;
use uuid::Uuid;

const SERIALIZATION: &str =
    "DO $$ BEGIN RAISE EXCEPTION 'could not serialize' USING ERRCODE = 'serialization_failure'; END $$";
const DEADLOCK: &str = "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = 'deadlock_detected'; END $$";
const OTHER: &str = "DO $$ BEGIN RAISE EXCEPTION 'something else' USING ERRCODE = 'check_violation'; END $$";

/// Runs work that fails so often; the attempts it took, and what came of it.
fn attempts(stage: &Stage, failure: &str, failures: u32) -> (u32, Result<u32>) {
    let mut count = 0;
    let result = stage.app.db.write(Uuid::nil(), |conn| {
        count += 1;
        if count <= failures {
            sql_query(failure).execute(conn)?;
        }
        Ok(Verdict::Commit(count))
    });
    (count, result)
}

#[test]
fn a_transaction_that_others_stood_in_the_way_of_is_tried_three_times_more() {
    let stage = Stage::new();
    for failure in [SERIALIZATION, DEADLOCK] {
        for failures in 0..=3 {
            let (count, result) = attempts(&stage, failure, failures);
            assert_eq!((count, result.unwrap()), (failures + 1, failures + 1));
        }
        let began = Instant::now();
        let (count, result) = attempts(&stage, failure, u32::MAX);
        let error = result.unwrap_err();
        assert_eq!((count, error.code.name, error.retry_after), (4, "OVERLOADED", Some(1)));
        assert!(began.elapsed().as_millis() >= 30, "it waits in between");
    }
    let (count, result) = attempts(&stage, OTHER, 1);
    assert_eq!((count, result.is_err()), (1, true), "what nobody stood in the way of is not tried again");
}
