//! Speed of Kiln against other programs. Benchmarks are never part of a verdict.
//!
//! The binary `kiln-bench` is the command line; `cargo xtask bench` starts it. Each domain is a feature, so
//! that a benchmark of graphs compiles no tensors. Peers are Python packages, asked through a Python process;
//! one that is not installed is left out with a message.

#[cfg(feature = "adapt")]
mod adapt;
#[cfg(feature = "graph")]
mod graph;
#[cfg(feature = "graph")]
mod graph_clusters;
#[cfg(feature = "graph")]
mod graph_load;
#[cfg(feature = "interpret")]
mod interpret;
#[cfg(feature = "interpret")]
mod interpret_tensors;
#[cfg(feature = "linear")]
mod linear;
#[cfg(feature = "linear")]
mod linear_contest;
#[cfg(feature = "linear")]
mod linear_sets;
#[cfg(feature = "optim")]
mod optim;
#[cfg(any(feature = "adapt", feature = "graph", feature = "interpret", feature = "linear"))]
mod peers;
#[cfg(any(feature = "adapt", feature = "graph", feature = "interpret", feature = "linear"))]
mod report;
#[cfg(feature = "models")]
mod zo;

use std::process::ExitCode;

use clap::Parser;
use kiln_receipts::ExperimentError;

/// Compare Kiln's speed with other programs.
#[derive(Debug, Parser)]
#[command(name = "kiln-bench", version, arg_required_else_help = true)]
struct Cli {
    /// Which benchmark.
    name: String,
    /// Passed to the benchmark.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Reads the arguments of the process and does what they say; gives the exit status.
pub fn main() -> ExitCode {
    let Cli { name, args } = Cli::parse();
    match run(&name, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// One benchmark.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// Name on the command line.
    pub name: &'static str,
    /// What it measures, one line.
    pub about: &'static str,
    /// Runs it with the remaining arguments and prints its table.
    pub run: fn(&[String]) -> Result<(), ExperimentError>,
}

/// All benchmarks of this build.
pub const BENCHES: &[Bench] = &[
    #[cfg(feature = "adapt")]
    Bench {
        name: "adapt",
        about: "epochs of domain adaptation against PyTorch, exact fits against scikit-learn and skada",
        run: adapt::run,
    },
    #[cfg(feature = "graph")]
    Bench {
        name: "graph",
        about: "local queries against NetworKit, networkx, LocalGraphClustering, and against the graph's size",
        run: graph::run,
    },
    #[cfg(feature = "interpret")]
    Bench { name: "interpret", about: "wavelet transforms against PyWavelets and ptwt", run: interpret::run },
    #[cfg(feature = "linear")]
    Bench {
        name: "linear",
        about: "linear models to a duality gap against scikit-learn, celer and skglm",
        run: linear::run,
    },
    #[cfg(feature = "optim")]
    Bench {
        name: "optim",
        about: "SVRG and SAGA for logistic regression against scikit-learn",
        run: optim::run,
    },
    #[cfg(feature = "models")]
    Bench {
        name: "zo",
        about: "zeroth-order steps on MiniLM: time over forward passes, memory over inference, and PyTorch",
        run: zo::run,
    },
];

/// Runs the benchmark of that name.
///
/// # Errors
/// An unknown name, with the known ones listed, or whatever the benchmark reports.
pub fn run(name: &str, args: &[String]) -> Result<(), ExperimentError> {
    match BENCHES.iter().find(|bench| bench.name == name) {
        Some(bench) => (bench.run)(args),
        None if BENCHES.is_empty() => Err(format!("no benchmark {name}: this build has none").into()),
        None => {
            let known: Vec<_> =
                BENCHES.iter().map(|bench| format!("{} ({})", bench.name, bench.about)).collect();
            Err(format!("no benchmark {name}; known: {}", known.join(", ")).into())
        }
    }
}
