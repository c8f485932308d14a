//! Papers are chosen, and mistakes in them are refused.

use kiln_receipts::{
    Check, Claim, Experiment, Paper, Threshold,
    registry::{select, validate},
};

use crate::fixture::VERDICTS;

#[test]
fn mistakes_are_refused() {
    const CLAIM: Claim = VERDICTS.claims[0];
    const EXPERIMENT: Experiment = VERDICTS.experiments[0];
    let one = |claims: &'static [Claim], experiments: &'static [Experiment]| Paper {
        claims,
        experiments,
        ..VERDICTS
    };
    let infinite = Check { threshold: Threshold::AtMost(f64::INFINITY), ..CLAIM.checks[0] };
    let nan = Check { threshold: Threshold::Between(0.0, f64::NAN), ..CLAIM.checks[0] };
    let with = |check: Check| -> &'static [Claim] {
        Box::leak(Box::new([Claim { checks: Box::leak(Box::new([check])), ..CLAIM }]))
    };
    let feeds_a = &[Experiment { claims: &["A"], ..EXPERIMENT }];
    let cases = [
        (one(&[CLAIM], &[]), "no experiment"),
        (one(&[CLAIM], &[Experiment { claims: &["Z"], ..EXPERIMENT }]), "not listed"),
        (one(&[CLAIM, CLAIM], feeds_a), "twice"),
        (one(&[Claim { checks: &[], ..CLAIM }], feeds_a), "cannot fail"),
        (one(with(infinite), feeds_a), "accepts everything"),
        (one(with(nan), feeds_a), "accepts everything"),
        (Paper { id: "../x", ..VERDICTS }, "a-z"),
    ];
    for (paper, message) in cases {
        let error = validate(&[paper]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    validate(&[VERDICTS]).unwrap();
    assert!(validate(&[VERDICTS, VERDICTS]).unwrap_err().to_string().contains("repeated"));
}

#[test]
fn papers_are_chosen_by_id_or_domain() {
    let papers = [VERDICTS, Paper { id: "other", ..VERDICTS }];
    let ids = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        select(&papers, &names).map(|papers| papers.iter().map(|paper| paper.id).collect::<Vec<_>>())
    };
    assert_eq!(ids(&[]).unwrap(), ["verdicts", "other"]);
    assert_eq!(ids(&["other"]).unwrap(), ["other"]);
    assert_eq!(ids(&["fake", "other"]).unwrap(), ["verdicts", "other"]);
    assert!(ids(&["othr"]).unwrap_err().to_string().contains("verdicts (fake), other (fake)"));
}
