//! The program `kiln-papers`; see [`kiln_papers::cli`].

use std::process::ExitCode;

/// Counts what is allocated, for the reports of `finetune`.
#[cfg(feature = "models")]
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

fn main() -> ExitCode {
    kiln_papers::cli::main()
}
