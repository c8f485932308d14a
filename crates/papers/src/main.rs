//! The program `kiln-papers`; see [`kiln_papers::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    kiln_papers::cli::main()
}
