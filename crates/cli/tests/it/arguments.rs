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
    refused(&["convert", "friends.csv", "friends.gexf"], &["friends.gexf", ".graphml"]);
    refused(&["convert", "friends.csv", "nowhere/a.csv"], &["cannot write nowhere/a.csv: "]);
    refused(&["clutser", "friends.csv"], &["cluster"]);
}

#[test]
fn tips_say_what_was_probably_meant() {
    refused(&["cluster", "--seed", "alice", "friends.csv"], &["<FILE>", "put FILE first"]);
    refused(&["friends.csv"], &["kiln cluster friends.csv --seed NAME"]);
    refused(&["cluster", "friends.csv", "alice"], &["names follow --seed: --seed alice"]);
    refused(&["cluster", "friends.csv", "--seed", "-x"], &["--seed=-NAME"]);
    refused(&["cluster", ".", "--seed", "alice"], &["folder"]);
    refused(&["cluster", "nowhere", "--seed", "alice"], &["nowhere: No such file"]);
    let out = ["cluster", "friends.csv", "--seed", "alice", "--out", "nowhere/a.html"];
    refused(&out, &["cannot write nowhere/a.html: there is no folder nowhere"]);
}

#[test]
fn names_may_look_like_anything() {
    let folder = folder_with("odd.csv", "-0,a\na,-x\n-0,-x\n-x,#b\n#c,-0\n\"d, e\",#b\n\"d, e\",ü\nü,#b\n");
    for (seed, name) in [("-0", "-0"), ("d, e", "d, e"), ("ü", "ü")] {
        let ran = kiln(folder.path(), &["cluster", "odd.csv", "--print", "tsv", "--seed", seed]);
        assert!(ran.status < 2 && ran.out.contains(&format!("\n{name}\t")), "{seed}: {}{}", ran.out, ran.err);
    }
    let ran = kiln(folder.path(), &["cluster", "odd.csv", "--print", "tsv", "--seed=-x"]);
    assert!(ran.status < 2, "{}", ran.err);
    let ran = kiln(folder.path(), &["cluster", "odd.csv", "--seed", "#c"]);
    assert!(ran.status == 2 && ran.err.contains("line 5 was taken for a comment: --comment"), "{}", ran.err);
    let ran =
        kiln(folder.path(), &["cluster", "odd.csv", "--comment", "%", "--print", "tsv", "--seed", "#c"]);
    assert!(ran.status < 2, "{}", ran.err);
    // Signs that steer a terminal do not reach it.
    let folder = folder_with("bell.csv", "a\u{1b}[2J,b\nb,c\nc,a\u{1b}[2J\nc,d\nd,e\ne,f\nf,d\n");
    let ran = kiln(folder.path(), &["cluster", "bell.csv", "--seed", "b"]);
    assert!(ran.out.contains("a [2J") && !ran.out.contains('\u{1b}'), "{}", ran.out);
}

/// Whatever its name, a file is read or it is said how it can be.
#[test]
fn names_of_files_tell_the_format_or_a_tip_does() {
    let folder = friends();
    std::fs::copy(folder.path().join("friends.csv"), folder.path().join("friends")).unwrap();
    assert_eq!(kiln(folder.path(), &["cluster", "friends", "--seed", "alice"]).status, 0);
    for (name, words) in [
        ("a.csv.xz", "unpack it first: xz -dc a.csv.xz | kiln cluster -"),
        ("a.zip", "unzip -p a.zip"),
        ("a.xlsx", "save the sheet as .csv"),
        ("a.dat", "--format csv reads it as a table"),
    ] {
        std::fs::write(folder.path().join(name), "PK\u{3}\u{4} and more").unwrap();
        let ran = kiln(folder.path(), &["cluster", name, "--seed", "alice"]);
        assert!(ran.status == 2 && ran.err.contains(words), "{name}: {}", ran.err);
    }
    let ran = kiln(folder.path(), &["cluster", "a.zip", "--seed", "alice", "--format", "csv"]);
    assert!(ran.status == 2 && ran.err.contains("packed by zip"), "{}", ran.err);
}

#[test]
fn files_that_hold_no_network_are_refused() {
    for (name, text, words) in [
        ("empty.csv", "", "empty.csv is empty"),
        ("blank.csv", "\n\n", "no connections in it"),
        ("comments.csv", "# nothing\n", "--comment"),
        ("header.csv", "source,target\n", "--header no"),
        ("one.csv", "alice\nbob\n", "one.csv, line 1"),
    ] {
        let folder = folder_with(name, text);
        let calls: [&[&str]; 4] = [
            &["cluster", name, "--seed", "alice"],
            &["cluster", name, "--all"],
            &["profile", name],
            &["convert", name, "b.csv"],
        ];
        for arguments in calls {
            let ran = kiln(folder.path(), arguments);
            assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.err);
            assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{arguments:?}: {}", ran.err);
        }
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
