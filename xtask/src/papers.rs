//! Builds the program that a command belongs to, with the domains that it needs, and becomes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Result, cargo, target_dir};

/// What the first build of a domain (a feature of the programs) costs, for the line that asks for patience.
const COSTS: &[(&str, &str)] = &[
    ("adapt", "about ten minutes on 2 cores, most of it Burn"),
    ("graph", "about two minutes on 2 cores; Burn is not needed"),
    ("interpret", "about ten minutes on 2 cores, most of it Burn"),
    ("optim", "about ten minutes on 2 cores, most of it Burn"),
    ("models", "about twelve minutes on 2 cores, most of it Burn"),
];

/// What a benchmark needs, where its name is no domain.
const BENCHES: &[(&str, &str)] = &[("linear", "linear"), ("zo", "models")];

/// Runs `kiln-papers COMMAND ARGUMENTS` or `kiln-bench ARGUMENTS`, building it first unless `KILN_PAPERS` or
/// `KILN_BENCH` names a binary.
pub(crate) fn run(command: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let (package, variable) = match command {
        "bench" => ("kiln-bench", "KILN_BENCH"),
        _ => ("kiln-papers", "KILN_PAPERS"),
    };
    let binary = match std::env::var_os(variable) {
        Some(binary) => PathBuf::from(binary),
        None if package == "kiln-papers" && needs_no_domain(command, arguments) => bare_papers()?,
        None => {
            let papers = if needs_papers(command) { domain_of_each_paper()? } else { BTreeMap::new() };
            build(package, &features(command, arguments, &papers))?
        }
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

/// Whether a command of `kiln-papers` does without the papers' experiments: claims are data, which any build
/// has.
fn needs_no_domain(command: &str, arguments: &[OsString]) -> bool {
    match command {
        "list" | "data" | "tables" => true,
        _ => asks_for_help(arguments),
    }
}

/// Whether the domains that a command needs follow from the papers that it names.
fn needs_papers(command: &str) -> bool {
    matches!(command, "reproduce" | "merge")
}

fn asks_for_help(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--help" || argument == "-h")
}

/// The features of the program that a command needs: domains, and what only benchmarks use. When in doubt it
/// is all domains, which costs time and never an answer.
fn features(command: &str, arguments: &[OsString], papers: &BTreeMap<String, String>) -> BTreeSet<String> {
    if command == "bench" && asks_for_help(arguments) {
        return BTreeSet::new();
    }
    let arguments: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
    let bench = arguments.first().and_then(|name| BENCHES.iter().find(|(bench, _)| bench == name));
    let mut features = match bench {
        _ if command == "finetune" => BTreeSet::from(["models".to_owned()]),
        Some((_, domain)) if command == "bench" => BTreeSet::from([(*domain).to_owned()]),
        _ => named_domains(&arguments, papers)
            .unwrap_or_else(|| COSTS.iter().map(|(domain, _)| (*domain).to_owned()).collect()),
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
        let of_itself = || COSTS.iter().map(|(domain, _)| *domain).find(|domain| domain == argument);
        let domain = papers.get(argument.as_ref()).map(String::as_str).or_else(of_itself);
        if let Some(domain) = domain {
            named.insert(domain.to_owned());
            // After a flag it may be that flag's value instead.
            certain |= i == 0 || !arguments[i - 1].starts_with('-');
        } else if i == 0 && !argument.starts_with('-') {
            return None;
        }
    }
    certain.then_some(named)
}

/// Paper id → domain, as `kiln-papers list --json` says.
fn domain_of_each_paper() -> Result<BTreeMap<String, String>> {
    let papers = bare_papers()?;
    let output = Command::new(&papers).args(["list", "--json"]).output();
    let output = output.map_err(|e| format!("cannot run {}: {e}", papers.display()))?;
    read_domains(&output.stdout).map_err(|e| format!("{} list --json: {e}", papers.display()))
}

fn read_domains(list: &[u8]) -> serde_json::Result<BTreeMap<String, String>> {
    #[derive(serde::Deserialize)]
    struct Paper {
        id: String,
        domain: String,
    }
    let papers: Vec<Paper> = serde_json::from_slice(list)?;
    Ok(papers.into_iter().map(|Paper { id, domain }| (id, domain)).collect())
}

/// `kiln-papers` without a domain, and so without Burn: it knows what all papers claim. It lies in a folder of its
/// own, so that a program that runs at this time is not replaced.
fn bare_papers() -> Result<PathBuf> {
    let folder = target_dir()?.join("claims");
    let binary = folder.join("release").join(format!("kiln-papers{}", std::env::consts::EXE_SUFFIX));
    if !binary.is_file() {
        eprintln!("Compiling what papers claim, once, without their experiments: about a minute on 2 cores.");
    }
    let mut build = cargo();
    build.args(["build", "--quiet", "--release", "--package", "kiln-papers", "--no-default-features"]);
    let status = build.arg("--target-dir").arg(&folder).status();
    let built = status.map_err(|e| format!("cannot run cargo: {e}"))?.success();
    built
        .then_some(binary)
        .ok_or_else(|| "kiln-papers does not compile: see cargo's messages above".to_owned())
}

/// The release binary with these features. Shards are joined only if their programs have the same features, so
/// domains are named even if they are the package's default.
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

    const LIST: &str = r#"[
        {"id": "local-graph-clustering", "domain": "graph", "title": "…", "claims": []},
        {"id": "variance-reduction", "domain": "optim"}
    ]"#;

    fn words(arguments: &[&str]) -> Vec<OsString> {
        arguments.iter().map(OsString::from).collect()
    }

    fn chosen(command: &str, arguments: &[&str]) -> Vec<String> {
        features(command, &words(arguments), &read_domains(LIST.as_bytes()).unwrap()).into_iter().collect()
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
        const ALL: [&str; 5] = ["adapt", "graph", "interpret", "models", "optim"];
        assert_eq!(chosen("reproduce", &[]), ALL);
        assert_eq!(chosen("merge", &["shard-1", "shard-2"]), ALL);
        assert_eq!(chosen("reproduce", &["--out", "graph"]), ALL);
        assert_eq!(chosen("reproduce", &["no-such-paper"]), ALL);
        assert!(read_domains(b"[{\"id\": 1}]").is_err());
    }

    #[test]
    fn compiles_the_device_asked_for() {
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device", "wgpu"]), ["optim", "wgpu"]);
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device=ndarray"]), ["ndarray", "optim"]);
        assert_eq!(chosen("reproduce", &["variance-reduction", "--device", "flex"]), ["optim"]);
    }

    #[test]
    fn claims_help_and_data_need_no_domain() {
        let bare = |command, arguments: &[&str]| needs_no_domain(command, &words(arguments));
        assert!(bare("reproduce", &["local-graph-clustering", "--help"]) && bare("merge", &["-h"]));
        assert!(bare("list", &[]) && bare("data", &["get", "karate"]) && bare("tables", &["page.md"]));
        assert!(!bare("reproduce", &[]) && !bare("merge", &["a", "b"]));
        assert!(bare("finetune", &["--help"]) && bare("finetune", &["replay", "--help"]));
        assert!(!bare("finetune", &["--model", "minilm"]));
        assert!(chosen("bench", &["--help"]).is_empty());
    }

    #[test]
    fn domains_are_features() {
        let manifest = |name: &str| {
            std::fs::read_to_string(crate::root().join("crates").join(name).join("Cargo.toml")).unwrap()
        };
        assert!(manifest("bench").contains("\nwebgraph = ["), "benchmarks of graphs ask for it");
        for (domain, _) in COSTS {
            for package in ["papers", "bench"] {
                assert!(manifest(package).contains(&format!("\n{domain} = [")), "{package} has no {domain}");
            }
        }
    }

    #[test]
    fn a_missing_binary_is_stale() {
        assert!(is_stale(Path::new("no/such/kiln-papers")));
    }
}
