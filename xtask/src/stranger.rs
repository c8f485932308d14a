//! The libraries as a stranger adds them: from outside the workspace, with their default features, to run the
//! example that each front page shows; README's examples likewise; and a paper of the stranger's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::counts::Counts;
use crate::{Result, cargo, root};

/// Crates of others that an example may name, and its reader then adds.
const OTHERS: &[&str] = &["burn", "serde", "serde_json", "tempfile"];

/// What a stranger writes who has read one page.
struct Program {
    /// Its package, named after the page.
    package: String,
    /// Its binaries' source texts.
    sources: Vec<String>,
    /// What they are started with.
    arguments: &'static [&'static str],
    /// `[dependencies]` of its manifest.
    dependencies: String,
}

/// Builds all programs, in a workspace of their own below `target`, runs them and says which failed.
///
/// They are built together, for each set of features would compile Burn again. So that one library's features do not
/// help out another, a test here looks at the defaults, and the stage `alone` compiles each by itself.
pub(crate) fn run(target: &Path) -> Result<Counts> {
    let programs = programs()?;
    let workspace = target.join("stranger");
    lay_out(&workspace, &programs)?;
    let mut build = cargo();
    build.current_dir(&workspace).env("CARGO_TARGET_DIR", target).args([
        "build",
        "--workspace",
        "--keep-going",
    ]);
    let built = build.status().map_err(|e| format!("cannot run cargo: {e}"))?.success();
    let mut counts = Counts { failed: u64::from(!built), ..Counts::default() };
    if !built {
        return Ok(counts);
    }
    for Program { package, sources, arguments, .. } in &programs {
        for number in 1..=sources.len() {
            let name = format!("{package}-{number}");
            let program = target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
            let mut program = Command::new(program);
            program.args(*arguments).current_dir(workspace.join(package)).stdin(Stdio::null());
            let status = program.status();
            if status.map_err(|e| format!("cannot run {name}: {e}"))?.success() {
                counts.passed += 1;
            } else {
                eprintln!("{name} failed; see {}", workspace.join(package).display());
                counts.failed += 1;
            }
        }
    }
    Ok(counts)
}

/// One program for each published library, one for README, and one that reproduces a paper.
fn programs() -> Result<Vec<Program>> {
    let workspace = read(&root().join("Cargo.toml"))?;
    let mut programs = Vec::new();
    for (name, folder) in libraries()? {
        let source = read(&folder.join("src/lib.rs"))?;
        let page = source.lines().filter_map(|line| line.strip_prefix("//!"));
        let page: Vec<_> = page.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        let example = examples(&page.join("\n")).into_iter().next();
        let example = example.ok_or_else(|| format!("the front page of {name} has no example that runs"))?;
        programs.push(Program {
            package: name.replace("kiln", "stranger"),
            dependencies: dependencies(&workspace, &format!("{} {example}", name.replace('-', "_") + "::"))?,
            sources: vec![example],
            arguments: &[],
        });
    }
    let sources = examples(&read(&root().join("README.md"))?);
    let dependencies = dependencies(&workspace, &sources.concat())?;
    programs.push(Program { package: "stranger-readme".to_owned(), sources, arguments: &[], dependencies });
    // A paper of the stranger's own.
    let paper = read(&root().join("crates/receipts/examples/halving.rs"))?;
    programs.push(Program {
        package: "stranger-paper".to_owned(),
        dependencies: self::dependencies(&workspace, &paper)?,
        sources: vec![paper],
        arguments: &["reproduce", "--fresh"],
    });
    Ok(programs)
}

/// The published crates that are libraries, by name.
fn libraries() -> Result<Vec<(String, PathBuf)>> {
    let folder = root().join("crates");
    let entries = fs::read_dir(&folder).map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    let mut libraries = Vec::new();
    for entry in entries.flatten() {
        let manifest = entry.path().join("Cargo.toml");
        let published = manifest.is_file() && !read(&manifest)?.contains("publish = false");
        if published && entry.path().join("src/lib.rs").is_file() {
            libraries.push((format!("kiln-{}", entry.file_name().to_string_lossy()), entry.path()));
        }
    }
    libraries.sort();
    Ok(libraries)
}

/// The programs that the Rust examples of a page amount to, made as rustdoc makes them.
fn examples(markdown: &str) -> Vec<String> {
    let mut programs = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let code: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if !["", "rust"].contains(&language) {
            continue;
        }
        let shown =
            |line: &&str| if *line == "#" { "" } else { line.strip_prefix("# ").unwrap_or(line) }.to_owned();
        let code = code.iter().map(shown).collect::<Vec<_>>().join("\n");
        programs.push(if code.contains("fn main(") {
            code
        } else if code.contains("Ok::<") {
            let head =
                "fn main() {\nexample().unwrap()\n}\nfn example() -> Result<(), impl std::fmt::Debug> {";
            format!("{head}\n{code}\n}}\n")
        } else {
            format!("fn main() {{\n{code}\n}}\n")
        });
    }
    programs
}

/// `[dependencies]` on the crates that `code` names, with the workspace's versions: ours by their path with
/// their default features, Burn without any, so that ours have to bring a device.
fn dependencies(workspace: &str, code: &str) -> Result<String> {
    let listed = workspace.split("[workspace.dependencies]\n").nth(1).unwrap_or_default();
    let listed = listed.split("\n[").next().unwrap_or_default();
    let mut lines = Vec::new();
    for (name, value) in listed.lines().filter_map(|line| line.split_once(" = ")) {
        let may_be_named = name.starts_with("kiln-") || OTHERS.contains(&name);
        if !may_be_named || !names(code, &name.replace('-', "_")) {
            continue;
        }
        let quoted = |key: &str| value.split_once(key).and_then(|(_, rest)| rest.split('"').nth(1));
        lines.push(if let Some(path) = quoted("path =") {
            format!("{name} = {{ path = '{}' }}\n", root().join(path).display())
        } else {
            let version =
                quoted("version =").or_else(|| quoted("")).ok_or_else(|| format!("{name} has no version"))?;
            let bare = if name == "burn" { ", default-features = false" } else { "" };
            format!("{name} = {{ version = \"{version}\"{bare} }}\n")
        });
    }
    Ok(lines.concat())
}

/// Whether code has a path that begins with this crate.
fn names(code: &str, krate: &str) -> bool {
    code.match_indices(&format!("{krate}::")).any(|(at, _)| {
        !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
    })
}

/// Writes the workspace. Files that are as they should be are left alone, so that nothing is built again.
fn lay_out(workspace: &Path, programs: &[Program]) -> Result<()> {
    for Program { package, sources, dependencies, .. } in programs {
        let folder = workspace.join(package);
        let mut binaries = Vec::new();
        for (number, source) in (1..).zip(sources) {
            binaries.push(format!("\n[[bin]]\nname = \"{package}-{number}\"\npath = \"{number}.rs\"\n"));
            write(&folder.join(format!("{number}.rs")), source)?;
        }
        let manifest = format!(
            "[package]\nname = \"{package}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
             [dependencies]\n{dependencies}{}",
            binaries.concat()
        );
        write(&folder.join("Cargo.toml"), &manifest)?;
    }
    let members: Vec<_> = programs.iter().map(|program| format!("\"{}\"", program.package)).collect();
    let members = members.join(", ");
    // Without debug information, which nobody reads here.
    let manifest =
        format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[profile.dev]\ndebug = false\n");
    write(&workspace.join("Cargo.toml"), &manifest)?;
    // The versions that all else is tested with; cargo takes out what is not needed here.
    write(&workspace.join("Cargo.lock"), &read(&root().join("Cargo.lock"))?)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let folder = path.parent().expect("a file lies in a folder");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_become_programs() {
        let page = "A page.\n```text\nno\n```\n```\n# use a::b;\nb();\n#\n# Ok::<(), ()>(())\n```\n\
                    ```rust\nfn main() {}\n```\n```rust,ignore\nno\n```\n";
        let programs = examples(page);
        assert_eq!(programs.len(), 2);
        assert!(programs[0].contains("{\nuse a::b;\nb();\n\nOk::<(), ()>(())\n}"), "{}", programs[0]);
        assert_eq!(programs[1], "fn main() {}");
    }

    #[test]
    fn dependencies_are_those_that_are_named() {
        let workspace = "[workspace.dependencies]\nkiln-a = { path = \"crates/a\", version = \"0.1.0\" }\n\
                         burn = { version = \"0.22.1\", features = [\"x\"] }\nserde = \"1\"\n\
                         tempfile = \"3\"\n\n[profile.dev]\n";
        let found = dependencies(
            workspace,
            "use kiln_a::X; burn::f(); a::serde::g(); mytempfile::h(); tempfile::r()",
        )
        .unwrap();
        let lines: Vec<_> = found.lines().collect();
        assert!(lines[0].starts_with("kiln-a = { path = '") && lines[0].ends_with("crates/a' }"), "{found}");
        assert_eq!(
            lines[1..],
            ["burn = { version = \"0.22.1\", default-features = false }", "tempfile = { version = \"3\" }"]
        );
    }

    #[test]
    fn libraries_are_found() {
        let names: Vec<_> = libraries().unwrap().into_iter().map(|(name, _)| name).collect();
        assert!(
            names.contains(&"kiln-graph".to_owned()) && !names.contains(&"kiln-papers".to_owned()),
            "{names:?}"
        );
    }

    #[test]
    fn a_library_that_can_have_a_device_has_one_by_default() {
        for (name, folder) in libraries().unwrap() {
            let manifest = read(&folder.join("Cargo.toml")).unwrap();
            let has_flex = manifest.lines().any(|line| line.starts_with("flex = ["));
            assert_eq!(has_flex, manifest.lines().any(|line| line == "default = [\"flex\"]"), "{name}");
        }
    }
}
