//! The program `kiln`: Kiln's methods on files of your own, without a line of Rust.
//!
//! One feature a domain, `graph` and `linear`, both by default; neither compiles tensors. The feature `adapt`
//! does.

#[cfg(feature = "adapt")]
mod adapt;
#[cfg(feature = "pages")]
mod cli;
#[cfg(feature = "pages")]
mod files;
#[cfg(feature = "graph")]
mod graph;
#[cfg(feature = "linear")]
mod linear;
#[cfg(feature = "pages")]
mod numbers;
#[cfg(feature = "pages")]
mod page;
#[cfg(feature = "pages")]
mod print;

use std::process::ExitCode;

#[cfg(feature = "pages")]
fn main() -> ExitCode {
    cli::main()
}

#[cfg(not(feature = "pages"))]
fn main() -> ExitCode {
    eprintln!("error: this program was built without its domains: build it with the feature graph or linear");
    ExitCode::from(2)
}
