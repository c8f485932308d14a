//! The program `kiln`: Kiln's methods on files of your own, without a line of Rust.
//!
//! One feature a domain. Built with `graph` alone, the default, it compiles no tensors.

#[cfg(feature = "graph")]
mod cli;
#[cfg(feature = "graph")]
mod graph;

use std::process::ExitCode;

#[cfg(feature = "graph")]
fn main() -> ExitCode {
    cli::main()
}

#[cfg(not(feature = "graph"))]
fn main() -> ExitCode {
    eprintln!("error: this program was built without its domains: build it with the feature graph");
    ExitCode::from(2)
}
