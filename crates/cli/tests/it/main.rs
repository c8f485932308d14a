//! The program as a person starts it.

#[cfg(feature = "adapt")]
mod adapt;
mod all;
mod arguments;
mod cluster;
mod linear;
mod odd_graphs;
mod pages;
#[cfg(feature = "parquet")]
mod parquet;
mod strange;
mod tutorial;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Two groups of four friends, and one who knows somebody in each.
const FRIENDS: &str = "\
alice,bob\nalice,carol\nalice,dave\nbob,carol\nbob,dave\ncarol,dave\n\
erin,frank\nerin,grace\nerin,heidi\nfrank,grace\nfrank,heidi\ngrace,heidi\n\
dave,ivan\nivan,erin\n";

/// A folder with `friends.csv`.
fn friends() -> TempDir {
    folder_with("friends.csv", FRIENDS)
}

fn folder_with(name: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiln"));
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").env_remove("COLUMNS");
    command
}

/// What the program says and how it ends.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Self {
            status: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    /// The names of the members, from the form `--print tsv`.
    fn members(&self) -> Vec<&str> {
        let rows = self.out.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
        let mut names: Vec<_> = rows.filter(|row| row[5] == "1").map(|row| row[0]).collect();
        names.sort_unstable();
        names
    }
}

fn kiln(folder: &Path, arguments: &[&str]) -> Ran {
    Ran::of(&command(folder, arguments).stdin(Stdio::null()).output().unwrap())
}

/// The program with this on its standard input.
fn kiln_with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = command(folder, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    Ran::of(&child.wait_with_output().unwrap())
}

fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

fn data(name: &str) -> Option<PathBuf> {
    Some(kiln_tests::data_with(name)?.join(name))
}
