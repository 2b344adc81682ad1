//! The crate against published values, real data and wide grids.

#[cfg(test)]
mod boundary;
#[cfg(test)]
mod cdnow;
#[cfg(test)]
mod common;
#[cfg(test)]
mod grid;
#[cfg(test)]
mod holdout;
