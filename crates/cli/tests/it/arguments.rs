//! Mistakes on the command line and in files: what is said, and the exit status.

use std::process::Stdio;

use crate::{command, folder_with, friends, kiln};

/// That a call ends with status 2 and says all of these words on standard error.
fn refused(arguments: &[&str], words: &[&str]) {
    let folder = friends();
    let ran = kiln(folder.path(), arguments);
    assert_eq!(ran.status, 2, "{arguments:?}: {}{}", ran.out, ran.err);
    assert_eq!(ran.out, "", "{arguments:?}");
    assert!(ran.err.starts_with("error: "), "{arguments:?}: {}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{arguments:?} does not say {word:?}: {}", ran.err);
    }
}

#[test]
fn mistakes_are_explained() {
    refused(&["cluster"], &["<FILE>"]);
    refused(&["cluster", "friends.csv"], &["--seed"]);
    refused(&["cluster", "nowhere.csv", "--seed", "alice"], &["nowhere.csv", "No such file"]);
    refused(&["cluster", "friends.csv", "--seed", "Alice"], &["\"Alice\"", "\"alice\""]);
    refused(&["cluster", "friends.csv", "--seed", "alcie"], &["similar", "\"alice\""]);
    refused(&["cluster", "friends.csv", "--seed", "zzzzz"], &["its 9 nodes"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--out", "a.docx"], &[".html", ".tsv"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--size", "0"], &["--size"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--alpha", "1"], &["alpha", "between 0 and 1"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--rho", "-1"], &["rho is -1"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--rho=-1"], &["rho"]);
    refused(
        &["cluster", "friends.csv", "--seed", "alice", "--size", "3", "--alpha", "0.1"],
        &["--size", "--alpha"],
    );
    refused(&["cluster", "friends.csv", "--seed", "alice", "--all"], &["--all"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--top", "3"], &["--all"]);
    refused(&["cluster", "friends.csv", "--all", "--out", "a.html"], &["a.html", ".tsv.gz"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--columns", "1"], &["columns"]);
    refused(&["cluster", "friends.csv", "--seed", "alice", "--format", "docx"], &["graphml"]);
    refused(&["profile", "friends.csv", "--out", "a.graphml"], &["a.graphml", ".html"]);
    refused(&["convert", "friends.csv", "friends.docx"], &["friends.docx"]);
    refused(&["clutser", "friends.csv"], &["cluster"]);
}

#[test]
fn files_that_hold_no_network_are_refused() {
    for (name, text) in [("empty.csv", ""), ("comments.csv", "# nothing\n"), ("one.csv", "alice\nbob\n")] {
        let folder = folder_with(name, text);
        let ran = kiln(folder.path(), &["cluster", name, "--seed", "alice"]);
        assert_eq!(ran.status, 2, "{name}: {}{}", ran.out, ran.err);
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
    let folder = folder_with("binary.csv", "\u{0}\u{1}\u{2}");
    assert_eq!(kiln(folder.path(), &["cluster", "binary.csv", "--seed", "a"]).status, 2);
    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    let ran = kiln(folder.path(), &["cluster", "folder.csv", "--seed", "a"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("folder.csv"), "{}", ran.err);
}

#[test]
fn a_seed_without_connections_is_named() {
    // A node of a loop alone is connected to itself only; one of weight 0 to nothing.
    let folder = folder_with("lonely.csv", "source,target,weight\nalice,bob,1\nbob,carol,1\ndave,dave,0\n");
    let ran = kiln(folder.path(), &["cluster", "lonely.csv", "--seed", "dave"]);
    assert_eq!(ran.status, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("dave"), "{}", ran.err);
}

#[test]
fn help_teaches() {
    let folder = friends();
    let ran = kiln(folder.path(), &["--help"]);
    assert_eq!(ran.status, 0);
    for word in ["cluster", "profile", "convert", "Exit status", "Examples"] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    let ran = kiln(folder.path(), &["cluster", "--help"]);
    assert_eq!(ran.status, 0);
    for word in ["Examples", "Conductance", "Exit status", "--seed", "--size", "--columns", "error bar"] {
        assert!(ran.out.contains(word), "{word}: {}", ran.out);
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
    // Without arguments it helps as well, and that is not success.
    let ran = kiln(folder.path(), &[]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("cluster"));
    assert!(kiln(folder.path(), &["--version"]).out.starts_with("kiln "));
}

/// A reader that has read enough, as `head`, ends the program without a word.
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    // More rows than a pipe holds.
    let ring: Vec<_> = (0..3000).map(|u| format!("{u},{}\n{u},{}", (u + 1) % 3000, (u + 2) % 3000)).collect();
    std::fs::write(folder.path().join("ring.csv"), ring.join("\n")).unwrap();
    let calls: [&[&str]; 2] = [
        &["cluster", "ring.csv", "--all"],
        &["cluster", "ring.csv", "--seed", "5", "--rho", "1e-9", "--print", "tsv"],
    ];
    for arguments in calls {
        let mut child = command(folder.path(), arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code().is_some_and(|status| status < 2),
            "{arguments:?}: {:?} {said}",
            output.status
        );
        assert!(!said.contains("panicked") && !said.contains("error"), "{arguments:?}: {said}");
    }
}
