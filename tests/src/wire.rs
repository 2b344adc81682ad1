//! What only a real socket shows: how messages are framed, how long clients may take, and what browsers are told.

mod browsers;
mod framing;
mod slow;
mod tokens;
