//! The life of a record: what every write leaves behind, and the standard verbs that every resource shares.
//!
//! - [`log`] writes the audit row and the change-log row in the transaction of the write;
//! - [`store`] reads, locks, inserts and saves one row of any resource;
//! - [`verbs`] are create, update, archive, restore and upsert, and [`verbs::change`] and [`verbs::make`] for business verbs;
//! - [`read`] answers lists and single records with everything selected, one statement a level;
//! - [`subject`] is what stands in for a foreign key to a record of any resource;
//! - [`timeline`] reads what there is about a record, over all resources;
//! - [`batch`] runs several of them, and [`transaction`] several over any resources that refer to each other;
//! - [`bulk`] writes many rows of one resource that are known to be right;
//! - [`push`] takes changes that a client made while it was offline;
//! - [`load`] creates or updates many records of one resource, as single writes would, in a few statements;
//! - [`keys`] finds many records by their keys in other systems;
//! - [`export`] reads all records of a resource, page by page;
//! - [`metric`] counts and adds up;
//! - [`derived`] keeps rows that follow from others, a set at a time;
//! - [`feed`] reads what was written, in the order of commits;
//! - [`wake`] tells the workers that there is something to do;
//! - [`purchase`] says in SQL which orders are purchases;
//! - [`number`] gives numbers that people read to each other.
//!
//! All of it works on erased rows, so it is compiled once. It knows neither a transaction's borders (its caller
//! opens and commits) nor any web protocol, nor a single resource but `external-ids` and, in [`purchase`], `orders` and
//! `refunds`.

pub mod batch;
pub mod bulk;
pub mod derived;
pub mod export;
pub mod external;
pub mod feed;
pub mod keys;
pub mod load;
pub mod log;
pub mod metric;
pub mod number;
pub mod purchase;
pub mod push;
pub mod read;
pub mod store;
pub mod subject;
pub mod timeline;
pub mod transaction;
pub mod verbs;
pub mod wake;
mod write;
