//! The program `kiln-bench`; see [`kiln_bench`].

use std::process::ExitCode;

/// Counts what is allocated, for the benchmark of memory.
#[cfg(feature = "models")]
#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

fn main() -> ExitCode {
    kiln_bench::main()
}
