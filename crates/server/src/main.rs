//! `kith`: see `kith --help`.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match kith_server::commands::run(kith_server::commands::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "kith: {error:#}").ok();
            if error.is::<kith_server::transfer::Refused>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}
