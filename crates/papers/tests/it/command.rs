//! The program itself: its help, its errors, its exit status.

use std::process::{Command, Output};

use kiln_papers::registry::PAPERS;
use kiln_receipts::registry::lacks_its_domain;

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kiln-papers")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_teaches() {
    let help = text(&program(&["reproduce", "--help"]).stdout);
    for word in ["--scale", "--shard 2/8", "not attempted", "Exit status", "checkpoints", "KILN_DATA"] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    assert!(text(&program(&["merge", "--help"]).stdout).contains("sbatch"));
}

#[test]
fn wrong_arguments_are_named_and_exit_with_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["reproduce", "no-such-paper"], "no paper or domain \"no-such-paper\""),
        (&["reproduce", "variance-reductoin"], "did you mean \"variance-reduction\"?"),
        (&["reproduce", "--device", "toaster"], "possible values: flex, ndarray, wgpu"),
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
    for paper in PAPERS {
        assert!(text(&output.stdout).contains(paper.id));
    }
    let one = text(&program(&["list", PAPERS[0].id]).stdout);
    let others = PAPERS.iter().skip(1).map(|paper| format!("{} ({})", paper.id, paper.domain));
    assert!(
        one.contains(PAPERS[0].claims[0].id) && others.into_iter().all(|other| !one.contains(&other)),
        "{one}"
    );
}

/// What `cargo xtask` reads.
#[test]
fn list_says_domains_to_programs() {
    let list: serde_json::Value = serde_json::from_slice(&program(&["list", "--json"]).stdout).unwrap();
    let listed: Vec<_> =
        list.as_array().unwrap().iter().map(|paper| (paper["id"].clone(), paper["domain"].clone())).collect();
    let known: Vec<_> = PAPERS.iter().map(|paper| (paper.id.into(), paper.domain.into())).collect();
    assert_eq!(listed, known);
}

/// A build has the experiments of the domains whose features are on, and claims of all.
#[test]
fn a_domain_that_was_not_compiled_is_refused() {
    let features = [
        ("adapt", cfg!(feature = "adapt")),
        ("graph", cfg!(feature = "graph")),
        ("interpret", cfg!(feature = "interpret")),
        ("models", cfg!(feature = "models")),
        ("optim", cfg!(feature = "optim")),
    ];
    for paper in PAPERS {
        let (_, compiled) =
            features.iter().find(|(domain, _)| *domain == paper.domain).expect("a domain is a feature");
        let attempted = paper.claims.iter().any(|claim| claim.not_attempted.is_none());
        assert_eq!(lacks_its_domain(paper), attempted && !compiled, "{}", paper.id);
        if lacks_its_domain(paper) {
            let output = program(&["reproduce", paper.id]);
            assert_eq!(output.status.code(), Some(2));
            let said = text(&output.stderr);
            assert!(said.contains(&format!("`cargo xtask reproduce {}`", paper.id)), "{said}");
        }
    }
}

#[test]
#[cfg(all(feature = "graph", not(feature = "wgpu")))]
fn a_device_that_was_not_compiled_is_refused() {
    let output = program(&["reproduce", "local-graph-clustering", "--device", "wgpu"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no device wgpu"), "{}", text(&output.stderr));
}
