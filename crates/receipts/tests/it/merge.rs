//! Shards split the experiments, and their reports join into the whole one.

use std::{collections::BTreeSet, path::PathBuf};

use kiln_receipts::{
    Paper, Scale,
    provenance::Program,
    report::Report,
    run::{Options, merge, plan, run},
    shard::Shard,
};
use proptest::prelude::*;

use crate::{
    checkpoint::timeless,
    fixture::{VERDICTS, options, program},
};

const OTHER: Paper = Paper { id: "other", ..VERDICTS };

fn shards(count: usize, change: impl Fn(usize, Options) -> Options) -> Vec<(PathBuf, Report)> {
    let report = |index| {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { shard: Some(Shard { index, count }), ..options(folder.path()) };
        let report = run(&[VERDICTS, OTHER], &change(index, options)).unwrap();
        report.write(folder.path()).unwrap();
        (PathBuf::from(format!("shard-{index}")), Report::read(folder.path()).unwrap())
    };
    (1..=count).map(report).collect()
}

proptest! {
    #[test]
    fn shards_are_disjoint_and_cover_everything(count in 1usize..12) {
        let names = |shard| {
            plan(&[VERDICTS, OTHER], shard).iter().map(|(p, e)| (p.id, e.id)).collect::<Vec<_>>()
        };
        let parts: Vec<_> = (1..=count).flat_map(|index| names(Some(Shard { index, count }))).collect();
        let whole = names(None);
        prop_assert_eq!(parts.len(), whole.len());
        prop_assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), whole.into_iter().collect::<BTreeSet<_>>());
    }

    #[test]
    fn only_shards_parse(index in 0usize..5, count in 0usize..5) {
        let parsed = format!("{index}/{count}").parse::<Shard>();
        prop_assert_eq!(parsed.is_ok(), index >= 1 && index <= count);
    }
}

#[test]
fn joined_shards_equal_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(&[VERDICTS, OTHER], &options(folder.path())).unwrap();
    for count in [1, 3, 20] {
        let (merged, missing) =
            merge(&[VERDICTS, OTHER], &program("program"), &shards(count, |_, o| o)).unwrap();
        assert!(missing.is_empty());
        assert_eq!(timeless(&merged), timeless(&whole));
    }
}

#[test]
fn what_is_missing_is_named_and_its_claims_left_out() {
    let mut reports = shards(3, |_, o| o);
    reports.remove(0);
    let (merged, missing) = merge(&[VERDICTS, OTHER], &program("program"), &reports).unwrap();
    assert_eq!(missing, ["verdicts/numbers", "other/data", "other/pictures"]);
    let ids =
        |paper: usize| merged.papers[paper].claims.iter().map(|claim| claim.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids(0), ["C", "G"]);
    assert_eq!(ids(1), ["B", "D", "E", "F", "G", "H", "I"]);
}

#[test]
fn reports_that_do_not_belong_together_are_refused() {
    let refused = |reports: &[(PathBuf, Report)], bytes: &str, words: &str| {
        let error = merge(&[VERDICTS, OTHER], &program(bytes), reports).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let good = shards(2, |_, o| o);
    refused(&[], "program", "no reports");
    refused(&good, "rebuilt", "the commit of one is not known");
    refused(&[good[0].clone(), good[0].clone()], "program", "in an earlier report");
    let second = |change: fn(Options) -> Options| {
        shards(2, move |index, options| if index == 2 { change(options) } else { options })
    };
    refused(&second(|o| Options { scale: Scale::Full, ..o }), "program", "has settings");
    refused(&second(|o| Options { seeds: Some(7), ..o }), "program", "has settings");
    refused(
        &second(|o| Options { program: program("rebuilt"), ..o }),
        "program",
        "shard-2 is not of this program",
    );
}

/// Executables differ from machine to machine; what they were built from says whether they do the same.
#[test]
fn shards_of_several_executables_join_if_their_sources_agree() {
    let built = |bytes: &str| Program {
        commit: Some("0123456789abcdef".repeat(2) + "01234567"),
        lock: Some("ab".repeat(32)),
        features: vec!["graph".to_owned()],
        ..program(bytes)
    };
    let good =
        shards(2, move |index, options| Options { program: built(&format!("machine {index}")), ..options });
    let with = |change: &dyn Fn(&mut Program)| {
        let mut reports = good.clone();
        change(&mut reports[1].1.program);
        merge(&[VERDICTS, OTHER], &built("a third"), &reports)
    };
    let (joined, missing) = with(&|_| {}).unwrap();
    assert!(missing.is_empty());
    assert_eq!(joined.summary.reproduced, 4);
    assert_eq!(joined.program.sha256, "machine 1");
    let refused = |words: &str, change: &dyn Fn(&mut Program)| {
        let error = with(change).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("shard-2"), "{error}");
    };
    refused("commits", &|program| program.commit = Some("f".repeat(40)));
    refused("not known", &|program| program.commit = None);
    refused("not committed", &|program| program.changed = true);
    refused("lock files", &|program| program.lock = None);
    refused("features", &|program| program.features.clear());
    refused("programs", &|program| program.name = "another".to_owned());
    // One executable is one program, whatever is known of it.
    let changed = |mut reports: Vec<(PathBuf, Report)>| {
        for (_, report) in &mut reports {
            report.program = Program { changed: true, ..built("one") };
        }
        merge(&[VERDICTS, OTHER], &built("one"), &reports)
    };
    assert!(changed(good.clone()).is_ok());
}
