//! Papers are chosen, and mistakes in them are refused.

use kiln_receipts::{
    Check, Claim, Expected, Experiment, Paper,
    registry::{select, validate},
};

use crate::fixture::{CLAIM, VERDICTS, one_experiment};

/// The paper of one experiment with this check.
fn with(check: Check) -> Paper {
    let claims: &'static [Claim] =
        Box::leak(Box::new([Claim { checks: Box::leak(Box::new([check])), ..CLAIM }]));
    Paper { claims, ..one_experiment(|_, _| Ok(())) }
}

#[test]
fn mistakes_are_refused() {
    const EXPERIMENT: Experiment = Experiment { id: "only", claims: &[CLAIM], run: |_, _| Ok(()) };
    const Z: Claim = Claim { id: "Z", checks: &[Check::each("z").at_most(0.0)], ..CLAIM };
    const NOT_ATTEMPTED: Claim = Claim::not_attempted("Z", "no time");
    const NEVER: &[Expected] = &[Expected::quick(2.0, 1.0, "")];
    let one = |claims: &'static [Claim], experiments: &'static [Experiment]| Paper {
        claims,
        experiments,
        ..VERDICTS
    };
    let each = || Check::each("value");
    let not_attempted = Claim::not_attempted("A", "no time");
    let attempted_and_not = Claim { checks: CLAIM.checks, ..not_attempted };
    let leaked = |claim: Claim| -> &'static [Claim] { Box::leak(Box::new([claim])) };
    let cases = [
        (one(leaked(Claim { id: "Z", ..CLAIM }), &[EXPERIMENT]), "feeds claim A, which is not listed"),
        (one(&[CLAIM, Z], &[EXPERIMENT]), "no experiment"),
        (one(&[CLAIM, CLAIM], &[EXPERIMENT]), "twice"),
        (one(&[CLAIM, Claim { id: "Z", ..CLAIM }], &[EXPERIMENT]), "check \"value\" is listed twice"),
        (one(leaked(Claim { checks: &[], ..CLAIM }), &[EXPERIMENT]), "cannot fail"),
        (one(leaked(attempted_and_not), &[EXPERIMENT]), "is not attempted"),
        (with(each().at_most(f64::INFINITY)), "accepts everything"),
        (with(each().within(0.0, f64::NAN)), "accepts everything"),
        (with(each().within(1.0, 0.0)), "accepts everything"),
        (with(Check::same_law("value", &[1.0], 0.1)), "accepts everything"),
        (with(Check::ratio("value").above(0.0)), "accepts everything"),
        (with(Check::ratio("value").at_most(-1.0)), "accepts everything"),
        (with(Check::share("value").at_least(0.0)), "accepts everything"),
        (with(Check::share("value").at_least(1.0)), "accepts everything or nothing"),
        (with(Check::share("value").at_most(90.0)), "accepts everything"),
        // One success in any number is enough for the interval, and none is never enough against it.
        (with(Check::share("value").above(0.0)), "accepts everything or nothing"),
        (with(Check::share("value").below(1.0)), "accepts everything or nothing"),
        (with(each().at_most(0.0).floor(-1.0)), "floor"),
        (with(each().at_most(0.0).expected(NEVER)), "empty"),
        (Paper { id: "../x", ..VERDICTS }, "a-z"),
    ];
    for (paper, message) in cases {
        let error = validate(&[paper]).unwrap_err().to_string();
        assert!(error.contains(message), "{message}: {error}");
    }
    validate(&[VERDICTS]).unwrap();
    validate(&[
        with(Check::share("value").above(0.1)),
        Paper { id: "other", ..with(Check::share("value").at_most(0.5)) },
    ])
    .unwrap();
    validate(&[one(&[CLAIM, NOT_ATTEMPTED], &[EXPERIMENT])]).unwrap();
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
    let says = |name: &str, words: &str| {
        let error = ids(&[name]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says("othr", "no paper or domain \"othr\"; did you mean \"other\"? `list` names all");
    says("verdict", "did you mean \"verdicts\"?");
    says("fakes", "did you mean \"fake\"?");
    says("nothing-like-it", "known: verdicts (fake), other (fake)");
    let none = select(&[], &["x".to_owned()]).unwrap_err().to_string();
    assert!(none.ends_with("there are no papers"), "{none}");
}
