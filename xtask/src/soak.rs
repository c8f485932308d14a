//! Fuzzing: hours of odd input for the readers of files.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{Result, exit_code, is_installed, root};

/// Where fuzzers are.
const FUZZERS: [&str; 1] = ["crates/graph/fuzz"];

/// What to soak, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds for each fuzzer
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only these fuzzers, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !is_installed(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        return Err("`cargo +nightly fuzz` does not run: `rustup toolchain install nightly`, then \
                    `cargo install cargo-fuzz`"
            .to_owned());
    }
    for folder in FUZZERS {
        let folder = root().join(folder);
        for name in names(&folder)? {
            if !options.only.is_empty() && !options.only.contains(&name) {
                continue;
            }
            eprintln!("soak: {name}, {} s", options.seconds);
            let mut fuzzer = Command::new("cargo");
            fuzzer.args(["+nightly", "fuzz", "run", &name, "--fuzz-dir"]).arg(&folder).arg("--");
            fuzzer
                .arg(format!("-max_total_time={}", options.seconds))
                .args(["-rss_limit_mb=2048", "-max_len=65536"]);
            let status = fuzzer.current_dir(root()).status();
            let status = status.map_err(|error| format!("cannot start cargo fuzz: {error}"))?;
            if !status.success() {
                return Ok(exit_code(status));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The fuzzers of a folder, in the order of their names.
fn names(folder: &Path) -> Result<Vec<String>> {
    let targets = folder.join("fuzz_targets");
    let entries = targets.read_dir().map_err(|error| format!("{}: {error}", targets.display()))?;
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.ok()?.path())).collect();
    names.sort();
    Ok(names)
}
