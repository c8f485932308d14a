//! The program itself: its help, its errors, its exit status.

use std::process::{Command, Output};

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kiln-papers")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_teaches() {
    let help = text(&program(&["reproduce", "--help"]).stdout);
    for word in ["--scale", "--shard 2/8", "not reproduced", "Exit status", "checkpoints", "KILN_DATA"] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    assert!(text(&program(&["merge", "--help"]).stdout).contains("sbatch"));
}

#[test]
fn wrong_arguments_are_named_and_exit_with_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["reproduce", "no-such-paper"], "no paper or domain \"no-such-paper\""),
        (&["reproduce", "--shard", "3/2"], "1 <= I <= N"),
        (&["reproduce", "--scale", "huge"], "quick, full"),
        (&["reproduce", "--seeds", "0"], "0"),
        (&["merge", "no-such-folder"], "no-such-folder"),
        (&["unknown"], "unknown"),
    ];
    for (args, words) in cases {
        let output = program(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = text(&output.stderr);
        assert!(error.contains(words), "{args:?}: {error}");
    }
}

#[test]
fn list_names_every_paper() {
    let output = program(&["list"]);
    assert!(output.status.success());
    for paper in kiln_papers::registry::PAPERS {
        assert!(text(&output.stdout).contains(paper.id));
    }
}
