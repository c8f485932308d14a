//! Builds `kiln-papers` with the domains that a command needs, and becomes it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Result, cargo, exit_code, root, target_dir};

/// What the first build of a domain (a feature of kiln-papers) costs, for the line that asks for patience.
const COSTS: &[(&str, &str)] = &[("graph", "about a minute on 2 cores; Burn is not needed")];

/// Runs `kiln-papers COMMAND ARGUMENTS`, building it first unless `KILN_PAPERS` names a binary.
pub(crate) fn run(command: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let binary = match std::env::var_os("KILN_PAPERS") {
        Some(binary) => PathBuf::from(binary),
        None => match build(&domains(command, arguments, &read_registry()?))? {
            Ok(binary) => binary,
            Err(failed) => return Ok(failed),
        },
    };
    replace_by(Command::new(&binary).arg(command).args(arguments))
        .map_err(|e| format!("cannot run {}: {e}", binary.display()))
}

/// Which domains to compile.
#[derive(Debug, PartialEq, Eq)]
enum Domains {
    /// All of them: kiln-papers' default features.
    All,
    Some(BTreeSet<String>),
}

/// The domains that a command needs. When in doubt it is all of them, which costs time and never an answer.
fn domains(command: &str, arguments: &[OsString], papers: &BTreeMap<String, String>) -> Domains {
    let arguments: Vec<_> = arguments.iter().map(|a| a.to_string_lossy()).collect();
    if command == "data" || arguments.iter().any(|a| a == "--help" || a == "-h") {
        return Domains::Some(BTreeSet::new());
    }
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
            return Domains::All;
        }
    }
    if certain { Domains::Some(named) } else { Domains::All }
}

fn read_registry() -> Result<BTreeMap<String, String>> {
    let path = root().join("crates/papers/src/registry.rs");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Ok(domain_of_each_paper(&text))
}

/// Paper id → domain, from the registry's own lines `#[cfg(feature = "domain")] paper_id,`, so that adding a paper
/// changes nothing here.
fn domain_of_each_paper(registry: &str) -> BTreeMap<String, String> {
    let mut papers = BTreeMap::new();
    for line in registry.split("#[cfg(feature = \"").skip(1) {
        if let Some((domain, rest)) = line.split_once("\")]")
            && let Some((module, _)) = rest.split_once(',')
        {
            papers.insert(module.trim().replace('_', "-"), domain.to_owned());
        }
    }
    papers
}

/// The release binary with these domains, or cargo's exit status when it does not compile.
fn build(domains: &Domains) -> Result<std::result::Result<PathBuf, ExitCode>> {
    let binary = target_dir()?.join("release").join(format!("kiln-papers{}", std::env::consts::EXE_SUFFIX));
    let stale = is_stale(&binary);
    if !stale && *domains == Domains::Some(BTreeSet::new()) {
        // Whatever domains it has, it will do.
        return Ok(Ok(binary));
    }
    let mut build = cargo();
    build.args(["build", "--release", "--package", "kiln-papers"]);
    if stale {
        eprintln!("{}", announcement(domains));
    } else {
        build.arg("--quiet");
    }
    if let Domains::Some(domains) = domains {
        let features: Vec<_> = domains.iter().map(String::as_str).collect();
        build.args(["--no-default-features", "--features", &features.join(",")]);
    }
    let status = build.status().map_err(|e| format!("cannot run cargo: {e}"))?;
    Ok(if status.success() { Ok(binary) } else { Err(exit_code(status)) })
}

fn announcement(domains: &Domains) -> String {
    let (what, wanted) = match domains {
        Domains::All => ("all papers".to_owned(), None),
        Domains::Some(domains) if domains.is_empty() => ("no paper".to_owned(), Some(domains)),
        Domains::Some(domains) => (
            format!("the papers on {}", domains.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            Some(domains),
        ),
    };
    let costs: Vec<_> = COSTS
        .iter()
        .filter(|(domain, _)| wanted.is_none_or(|wanted| wanted.contains(*domain)))
        .map(|(domain, cost)| format!("{domain}: {cost}"))
        .collect();
    let costs = if costs.is_empty() { "about a minute on 2 cores".to_owned() } else { costs.join("; ") };
    format!(
        "Compiling kiln-papers with {what}, optimised. The first time, cargo builds every dependency from source \
         ({costs}); after that only what changed."
    )
}

/// Whether the binary is missing or older than a source file that it was made from. Cargo decides what is built;
/// this only decides whether a word about it is due.
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
    command.status().map(exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = r#"
        papers! {
            #[cfg(feature = "graph")] local_graph_clustering,
            #[cfg(feature = "optim")]
            variance_reduction,
        }
    "#;

    fn chosen(command: &str, arguments: &[&str]) -> Domains {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        domains(command, &arguments, &domain_of_each_paper(REGISTRY))
    }

    fn some(domains: &[&str]) -> Domains {
        Domains::Some(domains.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn compiles_what_the_arguments_name() {
        assert_eq!(chosen("reproduce", &["local-graph-clustering", "--scale", "quick"]), some(&["graph"]));
        assert_eq!(chosen("reproduce", &["variance-reduction", "graph"]), some(&["graph", "optim"]));
        assert_eq!(chosen("bench", &["graph"]), some(&["graph"]));
        assert_eq!(chosen("reproduce", &["--scale", "quick", "graph"]), some(&["graph"]));
    }

    #[test]
    fn compiles_everything_when_in_doubt() {
        assert_eq!(chosen("reproduce", &[]), Domains::All);
        assert_eq!(chosen("list", &[]), Domains::All);
        assert_eq!(chosen("reproduce", &["--out", "graph"]), Domains::All);
        assert_eq!(chosen("reproduce", &["no-such-paper"]), Domains::All);
    }

    #[test]
    fn help_and_data_need_no_domain() {
        assert_eq!(chosen("reproduce", &["--help"]), some(&[]));
        assert_eq!(chosen("data", &["get", "karate"]), some(&[]));
    }

    #[test]
    fn the_real_registry_is_understood() {
        let papers = read_registry().unwrap();
        let manifest = std::fs::read_to_string(root().join("crates/papers/Cargo.toml")).unwrap();
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
