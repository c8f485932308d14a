//! The commands that the documentation names are accepted by `cargo xtask`.

use std::collections::BTreeMap;
use std::process::Command;

use crate::{pages, prose_and_code, read, root};

/// The variable that names the program which xtask hands a subcommand to. Without it, which `cargo xtask test` sets,
/// asking the program for help would compile it in release mode.
fn program_of(command: &str) -> Option<&'static str> {
    match command {
        "reproduce" | "list" | "data" | "finetune" | "merge" | "tables" => Some("KILN_PAPERS"),
        "bench" => Some("KILN_BENCH"),
        _ => None,
    }
}

/// The words after `cargo xtask` in a text, one list for each time it occurs, up to the end of its line, its
/// code span, a comment or a second blank.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let of_line = |line: &str| {
        let line = line.to_owned();
        let ends = ['`', '#', '|', ';', '>', '\''];
        line.split("cargo xtask ")
            .skip(1)
            .map(|rest| {
                let rest = rest.split(ends).next().unwrap_or_default();
                let rest = rest.split("  ").next().unwrap_or_default();
                rest.split_whitespace().map(str::to_owned).collect()
            })
            .collect::<Vec<Vec<String>>>()
    };
    text.lines().flat_map(of_line).filter(|words| !words.is_empty()).collect()
}

/// The parts of a page that are code: fenced blocks and spans.
fn code_of(markdown: &str) -> String {
    let (prose, mut code) = prose_and_code(markdown);
    for span in prose.split('`').skip(1).step_by(2) {
        code.push_str(span);
        code.push('\n');
    }
    code
}

fn help_of(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).current_dir(root()).arg("xtask").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "cargo xtask {arguments:?}: {}{}",
        text,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Whether a help text describes a word: at the start of a line, or after "-x, ".
fn describes(help: &str, word: &str) -> bool {
    help.lines().any(|line| {
        line.starts_with(' ') && line.split_whitespace().take(2).any(|w| w.trim_end_matches(',') == word)
    })
}

#[test]
fn words_are_found() {
    let page =
        "Run `cargo xtask list`, not cargo xtask nothing.\n```sh\ncargo xtask test --only fmt  # fast\n```\n";
    assert_eq!(commands_in(&code_of(page)), [vec!["test", "--only", "fmt"], vec!["list"]]);
    let help = "Commands:\n  list  Lists\n  -h, --help  Help\n      --only <STAGE>\n";
    assert!(describes(help, "list") && describes(help, "--only") && describes(help, "--help"));
    assert!(!describes(help, "STAGE") && !describes(help, "--on"));
}

#[test]
fn documented_commands_exist() {
    let help = help_of(&["--help"]);
    let mut commands = commands_in(&help);
    commands.extend(pages().iter().flat_map(|page| commands_in(&code_of(&read(page)))));
    assert!(commands.iter().any(|words| words[0] == "test"), "README names `cargo xtask test`");
    assert!(commands.iter().any(|words| words[0] == "reproduce"), "README names `cargo xtask reproduce`");

    let mut helps = BTreeMap::new();
    for words in commands {
        let command = words[0].as_str();
        // Options of xtask itself, and the usage line's placeholder.
        if command.starts_with(['-', '<']) {
            continue;
        }
        assert!(describes(&help, command), "`cargo xtask {}`: no such command", words.join(" "));
        let flags: Vec<_> = words.iter().filter(|word| word.starts_with("--")).collect();
        if flags.is_empty() {
            continue;
        }
        if let Some(variable) = program_of(command).filter(|variable| std::env::var_os(variable).is_none()) {
            eprintln!("skipped: flags of `cargo xtask {}`, for {variable} is not set", words.join(" "));
            continue;
        }
        let of_command = helps.entry(command.to_owned()).or_insert_with(|| help_of(&[command, "--help"]));
        for flag in flags {
            let flag = flag.split('=').next().expect("split gives at least one piece");
            assert!(describes(of_command, flag), "`cargo xtask {}`: no {flag}", words.join(" "));
        }
    }
}
