//! Builds the program that a command belongs to, with the domains that it needs, and becomes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Result, cargo, root, target_dir};

/// What the first build of a domain (a feature of the programs) costs, for the line that asks for patience.
const COSTS: &[(&str, &str)] = &[
    ("adapt", "about ten minutes on 2 cores, most of it Burn"),
    ("graph", "about two minutes on 2 cores; Burn is not needed"),
    ("interpret", "about ten minutes on 2 cores, most of it Burn"),
    ("optim", "about ten minutes on 2 cores, most of it Burn"),
    ("models", "about twelve minutes on 2 cores, most of it Burn"),
];

/// What a benchmark needs, where its name is no domain.
const BENCHES: &[(&str, &str)] = &[("zo", "models")];

/// Runs `kiln-papers COMMAND ARGUMENTS` or `kiln-bench ARGUMENTS`, building it first unless `KILN_PAPERS` or
/// `KILN_BENCH` names a binary.
pub(crate) fn run(command: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let (package, variable) = match command {
        "bench" => ("kiln-bench", "KILN_BENCH"),
        _ => ("kiln-papers", "KILN_PAPERS"),
    };
    let binary = match std::env::var_os(variable) {
        Some(binary) => PathBuf::from(binary),
        None => build(package, &features(command, arguments, &read_registry()?))?,
    };
    let mut program = Command::new(&binary);
    if command == "reproduce" {
        keep_memory(&mut program);
    }
    if command != "bench" {
        program.arg(command);
    }
    replace_by(program.args(arguments)).map_err(|e| format!("cannot run {}: {e}", binary.display()))
}

/// Has glibc's allocator keep freed memory: training of convolutional networks on the CPU spends a quarter of
/// its time on large blocks that are given back and asked for again. Not for benchmarks and fine-tuning,
/// which report resident memory.
pub(crate) fn keep_memory(command: &mut Command) {
    const TUNABLES: &str = "GLIBC_TUNABLES";
    if std::env::var_os(TUNABLES).is_none() {
        command.env(TUNABLES, "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=8589934592");
    }
}

/// The features of the program that a command needs: domains, and what only benchmarks use. When in doubt it
/// is all domains, which costs time and never an answer.
fn features(command: &str, arguments: &[OsString], papers: &BTreeMap<String, String>) -> BTreeSet<String> {
    let arguments: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
    let asks_for_help = arguments.iter().any(|a| a == "--help" || a == "-h");
    if matches!(command, "data" | "tables") || (asks_for_help && command != "finetune") {
        return BTreeSet::new();
    }
    let bench = arguments.first().and_then(|name| BENCHES.iter().find(|(bench, _)| bench == name));
    let mut features = match bench {
        // Without it there is no such command, not even its help.
        _ if command == "finetune" => BTreeSet::from(["models".to_owned()]),
        Some((_, domain)) if command == "bench" => BTreeSet::from([(*domain).to_owned()]),
        _ => named_domains(&arguments, papers).unwrap_or_else(|| papers.values().cloned().collect()),
    };
    if command == "bench" && features.contains("graph") {
        features.insert("webgraph".to_owned());
    }
    // The default device is part of the domains that use tensors.
    for device in ["ndarray", "wgpu"] {
        let of_one_word = format!("--device={device}");
        if arguments.windows(2).any(|pair| pair == ["--device", device])
            || arguments.contains(&of_one_word.into())
        {
            features.insert(device.to_owned());
        }
    }
    features
}

/// The domains that arguments name, by themselves or by a paper; `None` if that is not certain.
fn named_domains(arguments: &[Cow<str>], papers: &BTreeMap<String, String>) -> Option<BTreeSet<String>> {
    let mut named = BTreeSet::new();
    let mut certain = false;
    for (i, argument) in arguments.iter().enumerate() {
        let domain =
            papers.get(argument.as_ref()).or_else(|| papers.values().find(|d| *d == argument.as_ref()));
        if let Some(domain) = domain {
            named.insert(domain.clone());
            // After a flag it may be that flag's value instead.
            certain |= i == 0 || !arguments[i - 1].starts_with('-');
        } else if i == 0 && !argument.starts_with('-') {
            return None;
        }
    }
    certain.then_some(named)
}

fn read_registry() -> Result<BTreeMap<String, String>> {
    let path = root().join("crates/papers/src/registry.rs");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Ok(domain_of_each_paper(&text))
}

/// Paper id → domain, from the registry's own lines `#[cfg(feature = "domain")]` and `paper_id::PAPER,`, so
/// that adding a paper changes nothing here.
fn domain_of_each_paper(registry: &str) -> BTreeMap<String, String> {
    let lines: Vec<_> = registry.lines().map(str::trim).collect();
    let of_pair = |pair: &[&str]| {
        let domain = pair[0].strip_prefix("#[cfg(feature = \"")?.strip_suffix("\")]")?;
        Some((pair[1].strip_suffix("::PAPER,")?.replace('_', "-"), domain.to_owned()))
    };
    lines.windows(2).filter_map(of_pair).collect()
}

/// The release binary with these features. Shards are only joined by the very program that ran them, so the
/// same domains must always give the same binary: they are named even if they are the package's default.
fn build(package: &str, features: &BTreeSet<String>) -> Result<PathBuf> {
    let binary = target_dir()?.join("release").join(format!("{package}{}", std::env::consts::EXE_SUFFIX));
    let stale = is_stale(&binary);
    if !stale && features.is_empty() {
        // Whatever domains it has, it will do.
        return Ok(binary);
    }
    if stale {
        eprintln!("{}", announcement(package, features));
    }
    let features: Vec<_> = features.iter().map(String::as_str).collect();
    let mut build = cargo();
    build.args(["build", "--release", "--package", package, "--no-default-features"]);
    let status = build.args(["--features", &features.join(",")]).status();
    let built = status.map_err(|e| format!("cannot run cargo: {e}"))?.success();
    built.then_some(binary).ok_or_else(|| format!("{package} does not compile: see cargo's messages above"))
}

fn announcement(package: &str, features: &BTreeSet<String>) -> String {
    let costs: Vec<_> = COSTS
        .iter()
        .filter(|(domain, _)| features.contains(*domain))
        .map(|(domain, cost)| format!("{domain}: {cost}"))
        .collect();
    let costs = if costs.is_empty() { "about two minutes on 2 cores".to_owned() } else { costs.join("; ") };
    format!(
        "Compiling {package}, optimised. The first time, cargo builds every dependency from source ({costs}); after \
         that only what changed."
    )
}

/// Whether the binary is missing or older than a source file that it was made from. Cargo decides what is
/// built; this only decides whether a word about it is due.
fn is_stale(binary: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified());
    let Ok(built) = modified(binary) else { return true };
    let Ok(dep_info) = std::fs::read_to_string(binary.with_extension("d")) else { return true };
    let sources = dep_info.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, s)| s);
    // A blank in a path is written as "\ ".
    let sources = sources.replace("\\ ", "\0");
    sources
        .split_whitespace()
        .any(|source| modified(Path::new(&source.replace('\0', " "))).map_or(true, |time| time > built))
}

/// Runs the command in place of this process: signals and the exit status are then its own.
#[cfg(unix)]
fn replace_by(command: &mut Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace_by(command: &mut Command) -> std::io::Result<ExitCode> {
    command.status().map(crate::exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = r#"
        #[cfg(feature = "interpret")]
        mod convergence_maps;

        pub const PAPERS: &[Paper] = &[
            #[cfg(feature = "graph")]
            local_graph_clustering::PAPER,
            #[cfg(feature = "optim")]
            variance_reduction::PAPER,
        ];
    "#;

    fn chosen(command: &str, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        features(command, &arguments, &domain_of_each_paper(REGISTRY)).into_iter().collect()
    }

    #[test]
    fn compiles_what_the_arguments_name() {
        assert_eq!(chosen("reproduce", &["local-graph-clustering", "--scale", "quick"]), ["graph"]);
        assert_eq!(chosen("reproduce", &["variance-reduction", "graph"]), ["graph", "optim"]);
        assert_eq!(chosen("reproduce", &["--scale", "quick", "graph"]), ["graph"]);
        assert_eq!(chosen("bench", &["graph"]), ["graph", "webgraph"]);
        assert_eq!(chosen("bench", &["optim"]), ["optim"]);
        assert_eq!(chosen("bench", &["zo", "--repeats", "3"]), ["models"]);
        assert_eq!(chosen("finetune", &["--model", "graph", "--train", "optim"]), ["models"]);
        assert_eq!(chosen("finetune", &["--device", "wgpu"]), ["models", "wgpu"]);
    }

    #[test]
    fn compiles_everything_when_in_doubt() {
        assert_eq!(chosen("reproduce", &[]), ["graph", "optim"]);
        assert_eq!(chosen("list", &[]), ["graph", "optim"]);
        assert_eq!(chosen("merge", &["shard-1", "shard-2"]), ["graph", "optim"]);
        assert_eq!(chosen("reproduce", &["--out", "graph"]), ["graph", "optim"]);
        assert_eq!(chosen("reproduce", &["no-such-paper"]), ["graph", "optim"]);
    }

    #[test]
    fn compiles_the_device_asked_for() {
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device", "wgpu"]), ["optim", "wgpu"]);
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device=ndarray"]), ["ndarray", "optim"]);
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device", "flex"]), ["optim"]);
    }

    #[test]
    fn help_and_data_need_no_domain() {
        assert!(chosen("reproduce", &["local-graph-clustering", "--help"]).is_empty());
        assert!(chosen("data", &["get", "karate"]).is_empty());
        assert_eq!(chosen("finetune", &["--help"]), ["models"], "it is no command without");
    }

    #[test]
    fn the_real_registry_is_understood() {
        let papers = read_registry().unwrap();
        assert_eq!(papers.get("local-graph-clustering").map(String::as_str), Some("graph"));
        assert_eq!(papers.len(), 24);
        let manifest = |name: &str| {
            std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap()
        };
        assert!(manifest("bench").contains("\nwebgraph = ["), "benchmarks of graphs ask for it");
        let manifest = manifest("papers");
        assert!(manifest.contains("\nmodels = ["), "finetune asks for it");
        for (paper, domain) in &papers {
            assert!(manifest.contains(&format!("\n{domain} = [")), "{paper}: {domain} is no feature");
            assert!(COSTS.iter().any(|(known, _)| known == domain), "no cost is given for {domain}");
        }
    }

    #[test]
    fn a_missing_binary_is_stale() {
        assert!(is_stale(Path::new("no/such/kiln-papers")));
    }
}
