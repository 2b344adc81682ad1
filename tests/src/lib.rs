//! The tests of Kith as a whole live in `main.rs`; there is nothing to depend on here.
