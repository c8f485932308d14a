//! Verdicts follow from observations and rules alone.

use std::collections::BTreeMap;

use kiln_receipts::{
    Check, Claim, Expected, Experiment, Need, Number, Paper, Scale, Terms,
    check::{Allowed, Estimate, Rule},
    recorder::{Group, Outcome},
    run::run,
    verdict::{CheckReport, Finding, GroupReport, Verdict, judge},
};
use proptest::prelude::*;

use crate::fixture::{CLAIM, VALUE, VERDICTS, options};

/// Observations, a row of numbers each.
type Rows = Vec<Vec<f64>>;

/// Observations of the check `x` in groups.
fn outcome(groups: &[(&str, Rows)]) -> Outcome {
    let row = |row: &Vec<f64>| row.iter().copied().map(Number).collect();
    let group = |(name, rows): &(&str, Rows)| Group {
        name: (*name).to_owned(),
        rows: rows.iter().map(row).collect(),
    };
    let observed = BTreeMap::from([("x".to_owned(), groups.iter().map(group).collect())]);
    Outcome { observed, ..Outcome::default() }
}

fn singles(values: &[f64]) -> Rows {
    values.iter().map(|x| vec![*x]).collect()
}

/// Pairs with 1.
fn pairs(values: &[f64]) -> Rows {
    values.iter().map(|x| vec![*x, 1.0]).collect()
}

fn claim(check: Check) -> Claim {
    Claim { checks: Box::leak(Box::new([check])), ..CLAIM }
}

fn verdict_and_check(check: Check, rows: Rows, scale: Scale) -> (Verdict, CheckReport) {
    let (verdict, mut checks) = judge(&claim(check), &[&outcome(&[("", rows)])], scale, "flex");
    (verdict, checks.remove(0))
}

fn finding(check: Check, rows: Rows) -> Finding {
    verdict_and_check(check, rows, Scale::Full).1.finding
}

fn group(check: Check, rows: Rows) -> GroupReport {
    verdict_and_check(check, rows, Scale::Full).1.groups.remove(0)
}

fn is_undecided(finding: &Finding) -> bool {
    matches!(finding, Finding::Undecided { .. })
}

/// Ten values around `centre`, with the standard error 0.1.
fn around(centre: f64) -> Vec<f64> {
    [-0.5, -0.4, -0.2, -0.1, 0.0, 0.1, 0.2, 0.4, 0.5, 0.0].map(|x| centre + x).to_vec()
}

#[test]
fn an_interval_decides_or_does_not() {
    type Around = fn(f64) -> Rows;
    let cases: [(Check, Around); 7] = [
        (Check::mean("x").above(1.0), |x| singles(&around(x))),
        (Check::median("x").at_least(1.0), |x| singles(&around(x))),
        (Check::difference("x").above(0.0), |x| pairs(&around(x))),
        (Check::ratio("x").at_least(1.0), |x| {
            pairs(&around(x - 1.0).iter().map(|y| y.exp()).collect::<Vec<_>>())
        }),
        (Check::ordered("x"), |x| around(x - 1.0).iter().map(|y| vec![3.0, 3.0 + y]).collect()),
        (Check::mean("x").within(1.0, 5.0), |x| singles(&around(x))),
        (Check::share("x").above(0.4), |x| {
            singles(&(0..40).map(|i| f64::from(u8::from(f64::from(i) < 16.0 * x))).collect::<Vec<_>>())
        }),
    ];
    for (check, rows) in cases {
        assert_eq!(finding(check, rows(2.5)), Finding::Holds, "{check:?}");
        assert!(is_undecided(&finding(check, rows(1.05))), "{check:?}");
        assert_eq!(finding(check, rows(0.0)), Finding::Fails, "{check:?}");
    }
}

#[test]
fn each_value_is_judged_by_itself() {
    let check = Check::each("x").within(0.0, 1.0);
    assert_eq!(finding(check, singles(&[0.0, 1.0])), Finding::Holds, "the ends belong to it");
    assert_eq!(finding(check, singles(&[0.5, 0.5, 1.1])), Finding::Fails);
    let worst = group(check, singles(&[0.5, -2.0, 1.1]));
    assert_eq!((worst.estimate.0, worst.low.0, worst.high.0), (-2.0, -2.0, 1.1));
    assert_eq!(finding(Check::each("x").below(1.0), singles(&[1.0])), Finding::Fails);
    assert_eq!(finding(Check::each("x").above(1.0), singles(&[1.0])), Finding::Fails);
    assert_eq!(finding(Check::each("x").equal(3.0, 0.5), singles(&[2.5, 3.5])), Finding::Holds);
}

#[test]
fn few_observations_decide_nothing() {
    let says = |check, rows| match finding(check, rows) {
        Finding::NotJudged { because } => because,
        other => panic!("{other:?}"),
    };
    let four = [9.0, 9.1, 9.2, 9.3];
    assert!(says(Check::mean("x").above(0.0), singles(&four)).contains("at least 5"));
    assert!(says(Check::difference("x").above(0.0), pairs(&four)).contains("at least 5"));
    assert!(says(Check::share("x").at_least(0.5), singles(&four)).contains("at least 5"));
    assert!(says(Check::ordered("x"), four.map(|x| vec![0.0, x]).to_vec()).contains("at least 5"));
    let five = [9.0, 9.1, 9.2, 9.3, 9.4];
    assert!(says(Check::median("x").above(0.0), singles(&five)).contains("at least 6"));
    let check = Check::mean("x").above(0.0);
    let verdict = |scale| verdict_and_check(check, singles(&four), scale).0;
    assert_eq!(verdict(Scale::Quick), Verdict::Skipped);
    assert_eq!(verdict(Scale::Full), Verdict::Undecided);
    // Of two groups, each median needs 7 at the shared level.
    let six: Vec<_> = (0..6).map(|i| vec![f64::from(i)]).collect();
    let (_, checks) = judge(
        &claim(Check::median("x").above(-1.0)),
        &[&outcome(&[("a", six.clone()), ("b", six)])],
        Scale::Full,
        "flex",
    );
    assert!(checks[0].finding.words().contains("at least 7"), "{}", checks[0].finding.words());
}

#[test]
fn undecided_says_how_many_would_decide() {
    let check = Check::mean("x").above(1.0);
    let Finding::Undecided { needed: Some(needed) } = finding(check, singles(&around(1.1))) else {
        panic!("a number is known")
    };
    // The interval's half width is 0.23 at 10, and is to be 0.1.
    assert!((50..60).contains(&needed), "{needed}");
    let tie = finding(check, singles(&around(1.0)));
    assert!(matches!(tie, Finding::Undecided { needed: None }), "{tie:?}");
}

#[test]
fn infinities_have_an_order_but_no_interval() {
    assert_eq!(finding(Check::each("x").at_most(1.0), singles(&[0.0, f64::INFINITY])), Finding::Fails);
    assert_eq!(finding(Check::each("x").at_most(1.0), singles(&[0.0, f64::NEG_INFINITY])), Finding::Holds);
    for of in
        [Check::mean("x"), Check::median("x"), Check::share("x"), Check::difference("x"), Check::ratio("x")]
    {
        let check = of.below(0.5);
        let numbers =
            if matches!(check.rule, Rule::In(Estimate::Difference | Estimate::Ratio, _)) { 2 } else { 1 };
        let (verdict, _) = verdict_and_check(check, vec![vec![f64::INFINITY; numbers]; 8], Scale::Full);
        assert!(matches!(verdict, Verdict::Error { .. }), "{check:?}: {verdict:?}");
    }
}

#[test]
fn ratios_are_of_positive_values() {
    let check = Check::ratio("x").above(1.0);
    let (verdict, _) = verdict_and_check(check, vec![vec![0.0, 1.0]; 6], Scale::Full);
    assert!(matches!(verdict, Verdict::Error { .. }), "{verdict:?}");
    let lifted = check.floor(1e-12);
    assert_eq!(finding(lifted, vec![vec![0.0, 1.0]; 6]), Finding::Fails, "0 is lifted to the floor");
    assert_eq!(group(lifted, vec![vec![0.0, 1e-6]; 6]).estimate.to_string(), "1e−6");
}

#[test]
fn what_is_rounding_is_a_tie() {
    let rounding = vec![vec![3e-16, 1e-16]; 6];
    let apart = Check::ratio("x").above(1.0);
    assert_eq!(finding(apart, rounding.clone()), Finding::Holds);
    let tie = finding(apart.floor(1e-12), rounding.clone());
    assert!(matches!(&tie, Finding::NotJudged { because } if because.contains("rounding")), "{tie:?}");
    let tie = finding(Check::difference("x").above(0.0).floor(1e-12), rounding);
    assert!(matches!(&tie, Finding::NotJudged { because } if because.contains("rounding")), "{tie:?}");
    // Of an order the steps at rounding are not judged, the others are.
    let order = Check::ordered("x").floor(1e-12);
    let rows = |first: f64, second: f64, last: f64| -> Rows {
        (1..7).map(|i| vec![first, second, last * (1.0 + f64::from(i) / 10.0)]).collect()
    };
    let tie = finding(order, rows(3e-16, 1e-16, 1.0));
    assert!(matches!(&tie, Finding::NotJudged { because } if because.contains("rounding")), "{tie:?}");
    assert_eq!(finding(order, rows(3e-16, 1e-16, -1.0)), Finding::Fails, "the other step goes back");
    let varied = |i: i32| vec![1e-16, f64::from(i), 2.5 * f64::from(i)];
    assert_eq!(finding(order, (1..7).map(varied).collect()), Finding::Holds);
}

/// Student's interval of equal values is a point however few they are; that of their median is one from six on.
#[test]
fn few_equal_values_decide_nothing() {
    let equal = |check: Check, row: &[f64], count: usize| finding(check, vec![row.to_vec(); count]);
    let cases: [(Check, &[f64]); 4] = [
        (Check::mean("x").above(0.5), &[0.1]),
        (Check::difference("x").within(-0.1, 0.1), &[1.0, 1.3]),
        (Check::ratio("x").above(1.0), &[1.0, 3.0]),
        (Check::ordered("x"), &[1.0, 2.0, 2.0]),
    ];
    for (check, row) in cases {
        let few = equal(check, row, 5);
        assert!(matches!(&few, Finding::NotJudged { because } if because.contains("equal")), "{few:?}");
        assert_eq!(equal(check, row, 8), Finding::Fails, "{check:?}");
    }
    // A share's interval holds for any law, and what is not random needs none.
    assert_eq!(equal(Check::share("x").above(0.5), &[1.0], 5), Finding::Holds);
    assert_eq!(equal(Check::each("x").above(0.5), &[1.0], 5), Finding::Holds);
    // Rounding is no spread.
    let nearly = singles(&[1.0, 1.0 + f64::EPSILON, 1.0, 1.0, 1.0]);
    assert!(matches!(finding(Check::mean("x").above(0.5), nearly), Finding::NotJudged { .. }));
}

#[test]
fn what_full_scale_does_not_judge_is_a_surprise() {
    const EXPECTED: &[Expected] = &[Expected::full(0.5, 2.0, "the data have four rows")];
    let check = Check::mean("x").above(0.0);
    let surprise = |check, scale| {
        let (verdict, report) = verdict_and_check(check, singles(&[0.9, 1.0, 1.1]), scale);
        (verdict, report.is_a_surprise())
    };
    assert_eq!(surprise(check, Scale::Quick), (Verdict::Skipped, false));
    assert_eq!(surprise(check, Scale::Full), (Verdict::Undecided, true));
    assert_eq!(surprise(check.expected(EXPECTED), Scale::Full), (Verdict::Undecided, false));
    assert_eq!(surprise(check.at_full_scale(), Scale::Quick), (Verdict::Skipped, false));
}

#[test]
fn every_group_must_hold_and_the_worst_is_shown_first() {
    let check = Check::mean("x").above(0.0);
    let judged = |groups: &[(&str, Rows)]| {
        let (verdict, mut checks) = judge(&claim(check), &[&outcome(groups)], Scale::Full, "flex");
        let CheckReport { finding, groups, .. } = checks.remove(0);
        (verdict, finding, groups.into_iter().map(|group| group.name).collect::<Vec<_>>())
    };
    let (good, better, bad) = (singles(&around(1.0)), singles(&around(2.0)), singles(&around(-1.0)));
    let all_good = judged(&[("good", good.clone()), ("better", better.clone())]);
    assert_eq!(all_good, (Verdict::Reproduced, Finding::Holds, vec!["good".into(), "better".into()]));
    let one_bad = judged(&[("better", better), ("bad", bad), ("good", good)]);
    assert_eq!(
        one_bad,
        (Verdict::Contradicted, Finding::Fails, vec!["bad".into(), "good".into(), "better".into()])
    );
    // Groups share the chance to miss, so an interval of one of ten is wider.
    let lone = group(check, singles(&around(1.0)));
    let many: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| (name, singles(&around(1.0)))).to_vec();
    let (_, checks) = judge(&claim(check), &[&outcome(&many)], Scale::Full, "flex");
    assert!(checks[0].groups[0].low.0 < lone.low.0);
}

#[test]
fn parts_of_a_group_are_judged_together() {
    let check = claim(Check::each("x").at_most(1.0));
    let (good, bad) = (outcome(&[("", singles(&[0.0]))]), outcome(&[("", singles(&[2.0]))]));
    assert_eq!(judge(&check, &[&good, &good], Scale::Quick, "flex").0, Verdict::Reproduced);
    let (verdict, checks) = judge(&check, &[&good, &bad], Scale::Quick, "flex");
    assert_eq!((verdict, checks[0].groups[0].count), (Verdict::Contradicted, 2));
}

#[test]
fn an_order_fails_where_one_step_does() {
    let rows = |steps: [f64; 2]| -> Rows {
        around(0.0)
            .iter()
            .enumerate()
            .map(|(i, x)| {
                // The first step spreads much, the second little.
                let wild = if i % 2 == 0 { 8.0 } else { -8.0 };
                vec![0.0, steps[0] + wild, steps[0] + wild + steps[1] + 0.1 * x]
            })
            .collect()
    };
    assert!(is_undecided(&finding(Check::ordered("x"), rows([1.0, 1.0]))));
    assert_eq!(finding(Check::ordered("x"), rows([1.0, -1.0])), Finding::Fails, "the narrow step goes back");
}

#[test]
fn the_law_of_a_reference() {
    const REFERENCE: &[f64] =
        &[0.1, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 1.0];
    let check = Check::same_law("x", REFERENCE, 0.4);
    let shifted = |by: f64| singles(&REFERENCE.iter().map(|x| x + by).collect::<Vec<_>>());
    assert_eq!(finding(check, shifted(0.01)), Finding::Holds);
    assert!(is_undecided(&finding(check, shifted(0.3))));
    assert_eq!(finding(check, shifted(2.0)), Finding::Fails);
    // The same middle, but all in the ends: the shift is small and the law another.
    let ends: Vec<_> = (0..40).map(|i| if i % 2 == 0 { -3.0 } else { 4.0 }).collect();
    assert_eq!(finding(Check::same_law("x", REFERENCE, 100.0), singles(&ends)), Finding::Fails);
}

#[test]
fn terms_tell_a_contradiction_from_what_is_not_shown() {
    let terms = |terms| Claim { terms, ..claim(Check::each("x").at_most(1.0)) };
    let failing = outcome(&[("", singles(&[2.0]))]);
    let verdict = |claim: &Claim| judge(claim, &[&failing], Scale::Quick, "flex").0;
    assert_eq!(verdict(&terms(Terms::Exact)), Verdict::Contradicted);
    assert_eq!(verdict(&terms(Terms::Reduced { what: "less" })), Verdict::Contradicted);
    assert_eq!(verdict(&terms(Terms::StandIn { what: "that", why: "so" })), Verdict::NotShown);
    assert_eq!(verdict(&terms(Terms::Ours)), Verdict::NotShown);
}

#[test]
fn expectations_are_met_or_left() {
    const AT: &[Expected] = &[Expected::full(1.5, 2.5, "it is so")];
    let check = Check::each("x").at_most(1.0).expected(AT);
    let surprise =
        |check, value: f64, scale| verdict_and_check(check, singles(&[value]), scale).1.is_a_surprise();
    assert!(!surprise(check, 2.0, Scale::Full), "as expected");
    assert!(surprise(check, 3.0, Scale::Full), "worse than expected");
    assert!(surprise(check, 0.5, Scale::Full), "better than expected");
    assert!(surprise(check, 2.0, Scale::Quick), "nothing is expected at this scale, and it fails");
    assert!(!surprise(check, 0.5, Scale::Quick), "nothing is expected at this scale, and it holds");
    assert!(surprise(Check::each("x").at_most(1.0), 2.0, Scale::Full));
    let (_, report) = verdict_and_check(check, singles(&[2.0]), Scale::Full);
    let expected = report.expected.unwrap();
    assert!(expected.met && expected.why == "it is so");
}

#[test]
fn what_is_not_attempted_says_why() {
    let claim = Claim::not_attempted("X", "it takes a year");
    let (verdict, checks) = judge(&claim, &[], Scale::Full, "flex");
    assert_eq!(verdict, Verdict::NotAttempted { because: "it takes a year".to_owned() });
    assert!(checks.is_empty() && !verdict.is_a_finding());
}

#[test]
fn nothing_observed_is_an_error() {
    let check = claim(Check::mean("x").at_most(1.0));
    for outcomes in [&[][..], &[&outcome(&[]), &outcome(&[("", vec![])])][..]] {
        let (verdict, _) = judge(&check, outcomes, Scale::Quick, "flex");
        assert!(matches!(&verdict, Verdict::Error { message } if message.contains("nothing was observed")));
    }
}

#[test]
fn a_failed_experiment_is_an_error_even_if_its_values_pass() {
    let claim = claim(Check::each("x").at_most(1.0));
    let failed = Outcome { failure: Some("broken".to_owned()), ..outcome(&[("", singles(&[0.0]))]) };
    assert!(matches!(judge(&claim, &[&failed], Scale::Quick, "flex").0, Verdict::Error { .. }));
}

#[test]
fn a_claim_for_gpus_waits_for_one() {
    let claim = Claim { needs: &[Need::Gpu], ..claim(Check::each("x").at_most(1.0)) };
    let holds = outcome(&[("", singles(&[0.0]))]);
    assert_eq!(judge(&claim, &[&holds], Scale::Quick, "flex").0, Verdict::NeedsGpu);
    assert_eq!(judge(&claim, &[&holds], Scale::Quick, "wgpu").0, Verdict::Reproduced);
}

#[test]
fn missing_data_stop_only_the_claims_that_need_them() {
    const LISTED_CHECK: Check = Check::each("listed").at_most(1.0);
    const ALONE_CHECK: Check = Check::each("alone").at_most(1.0);
    const LISTED: Claim =
        Claim { id: "listed", checks: &[LISTED_CHECK], needs: &[Need::Data("no-such-data-set")], ..CLAIM };
    const ALONE: Claim = Claim { id: "only here", checks: &[ALONE_CHECK], ..CLAIM };
    const PAPER: Paper = Paper {
        claims: &[CLAIM, LISTED, ALONE],
        experiments: &[
            Experiment {
                id: "with-data",
                claims: &[CLAIM, LISTED, ALONE],
                run: |context, _| Ok(context.data.find("no-such-data-set").map(|_| ())?),
            },
            Experiment {
                id: "without-data",
                claims: &[CLAIM, LISTED],
                run: |_, recorder| {
                    recorder.observe(&VALUE, [0.125]);
                    recorder.observe(&LISTED_CHECK, [0.125]);
                    Ok(())
                },
            },
        ],
        ..VERDICTS
    };
    let folder = tempfile::tempdir().unwrap();
    let report = run(&[PAPER], &options(folder.path())).unwrap();
    let verdicts: Vec<_> = report.papers[0].claims.iter().map(|claim| claim.verdict.words()).collect();
    assert_eq!(verdicts, ["reproduced", "needs data", "needs data"]);
}

/// Rules that take single values or pairs, and how many numbers an observation has.
fn check() -> impl Strategy<Value = (Check, usize)> {
    let allowed = (0usize..5, -2.0..2.0, 0.1..2.0).prop_map(|(kind, t, width)| match kind {
        0 => Allowed::AtMost(t),
        1 => Allowed::AtLeast(t),
        2 => Allowed::Below(t),
        3 => Allowed::Above(t),
        _ => Allowed::Within(t, t + width),
    });
    let estimate =
        prop::sample::select(vec![Estimate::Each, Estimate::Mean, Estimate::Median, Estimate::Difference]);
    let simple = (estimate, allowed).prop_map(|(estimate, allowed)| {
        let numbers = if estimate == Estimate::Difference { 2 } else { 1 };
        (Check::new("x", Rule::In(estimate, allowed)), numbers)
    });
    prop_oneof![4 => simple, 1 => Just((Check::ordered("x"), 3))]
}

fn rows(count: usize) -> impl Strategy<Value = Rows> {
    prop::collection::vec(prop::collection::vec(-3.0..3.0, 3), 1..count)
}

fn cut(rows: &[Vec<f64>], numbers: usize) -> Rows {
    rows.iter().map(|row| row[..numbers].to_vec()).collect()
}

fn scaled(allowed: Allowed, by: f64) -> Allowed {
    match allowed {
        Allowed::AtMost(t) => Allowed::AtMost(by * t),
        Allowed::AtLeast(t) => Allowed::AtLeast(by * t),
        Allowed::Below(t) => Allowed::Below(by * t),
        Allowed::Above(t) => Allowed::Above(by * t),
        Allowed::Within(low, high) => Allowed::Within(by * low, by * high),
    }
}

fn mirrored(allowed: Allowed) -> Allowed {
    match allowed {
        Allowed::AtMost(t) => Allowed::AtLeast(-t),
        Allowed::AtLeast(t) => Allowed::AtMost(-t),
        Allowed::Below(t) => Allowed::Above(-t),
        Allowed::Above(t) => Allowed::Below(-t),
        Allowed::Within(low, high) => Allowed::Within(-high, -low),
    }
}

/// The same kind of finding; the number that would decide may round to a neighbour.
fn same(a: &Finding, b: &Finding) -> bool {
    match (a, b) {
        (Finding::Undecided { needed: Some(a) }, Finding::Undecided { needed: Some(b) }) => {
            a.abs_diff(*b) <= 1
        }
        (Finding::Undecided { .. }, Finding::Undecided { .. }) => true,
        _ => a == b,
    }
}

proptest! {
    #[test]
    fn units_do_not_matter((check, numbers) in check(), rows in rows(30), power in -6i32..=6) {
        let by = 10f64.powi(power);
        let rows = cut(&rows, numbers);
        let other = match check.rule {
            Rule::In(estimate, allowed) => Check { rule: Rule::In(estimate, scaled(allowed, by)), ..check },
            _ => check,
        };
        let other_rows = rows.iter().map(|row| row.iter().map(|x| by * x).collect()).collect();
        let (here, there) = (finding(check, rows), finding(other, other_rows));
        prop_assert!(same(&here, &there), "{here:?} {there:?}");
    }

    #[test]
    fn a_ratio_has_no_unit(rows in prop::collection::vec((0.1..10.0, 0.1..10.0), 5..30), power in -6i32..=6) {
        let check = Check::ratio("x").above(1.1);
        let by = 10f64.powi(power);
        let of = |by: f64| finding(check, rows.iter().map(|(a, b): &(f64, f64)| vec![by * a, by * b]).collect());
        prop_assert!(same(&of(1.0), &of(by)));
    }

    #[test]
    fn left_and_right_are_alike((check, numbers) in check(), rows in rows(30)) {
        let Rule::In(estimate, allowed) = check.rule else { return Ok(()) };
        let rows = cut(&rows, numbers);
        let mirror = Check { rule: Rule::In(estimate, mirrored(allowed)), ..check };
        let other = rows.iter().map(|row| row.iter().map(|x| -x).collect()).collect();
        let (here, there) = (finding(check, rows), finding(mirror, other));
        prop_assert!(same(&here, &there), "{here:?} {there:?}");
    }

    #[test]
    fn the_order_of_observations_does_not_matter((check, numbers) in check(), rows in rows(30)) {
        let rows = cut(&rows, numbers);
        let reversed = rows.iter().rev().cloned().collect();
        prop_assert!(same(&finding(check, rows), &finding(check, reversed)));
    }

    #[test]
    fn what_holds_does_not_fail_elsewhere(values in prop::collection::vec(-3.0..3.0, 6..20), t in -3.0..3.0) {
        // An interval on one side of a threshold lies outside the other side.
        for of in [Check::mean("x"), Check::median("x")] {
            let (above, below) = (finding(of.above(t), singles(&values)), finding(of.at_most(t), singles(&values)));
            match above {
                Finding::Holds => prop_assert_eq!(below, Finding::Fails),
                Finding::Fails => prop_assert_eq!(below, Finding::Holds),
                _ => prop_assert!(is_undecided(&below)),
            }
        }
    }

    #[test]
    fn nan_is_an_error_wherever_it_stands(
        (check, numbers) in check(),
        rows in rows(12),
        at in any::<prop::sample::Index>(),
        within in any::<prop::sample::Index>(),
        full_only in any::<bool>(),
    ) {
        let mut rows = cut(&rows, numbers);
        let at = at.index(rows.len());
        rows[at][within.index(numbers)] = f64::NAN;
        for scale in [Scale::Quick, Scale::Full] {
            let (verdict, _) = verdict_and_check(Check { full_only, ..check }, rows.clone(), scale);
            prop_assert!(matches!(verdict, Verdict::Error { .. }), "{verdict:?}");
        }
    }

    #[test]
    fn a_rule_for_full_scale_is_not_applied_at_quick_scale((check, numbers) in check(), rows in rows(12)) {
        let rows = cut(&rows, numbers);
        let (verdict, report) = verdict_and_check(check.at_full_scale(), rows.clone(), Scale::Quick);
        prop_assert_eq!(verdict, Verdict::Skipped);
        prop_assert_eq!(report.groups.len(), 1, "but its measurement is shown");
        let full = verdict_and_check(check.at_full_scale(), rows.clone(), Scale::Full).1;
        prop_assert_eq!(full.finding, finding(check, rows));
    }
}

/// How often 95 % intervals hold what they are intervals of: over many samples of known laws.
mod coverage {
    use std::f64::consts::TAU;

    use kiln_core::random;

    use super::*;

    const SAMPLES: u64 = 2000;

    /// Standard normal numbers.
    fn normal(seed: u64) -> impl Iterator<Item = f64> {
        let mut generator = random::stream(seed, 0);
        std::iter::from_fn(move || {
            let (a, b) = (random::unit_interval(&mut generator), random::unit_interval(&mut generator));
            Some((-2.0 * (1.0 - a).ln()).sqrt() * (TAU * b).cos())
        })
    }

    /// Share of the samples whose interval holds the truth.
    fn share(check: Check, truth: f64, sample: impl Fn(u64) -> Rows) -> f64 {
        let holds = |seed: &u64| {
            let GroupReport { low, high, .. } = group(check, sample(*seed));
            low.0 <= truth && truth <= high.0
        };
        (0..SAMPLES).filter(holds).count() as f64 / SAMPLES as f64
    }

    /// Three standard errors of a share of 95 % among 2,000.
    const SLACK: f64 = 0.015;

    #[test]
    fn of_means_and_differences_of_normal_values() {
        for n in [5, 10, 30] {
            let found = share(Check::mean("x").above(0.0), 2.0, |seed| {
                normal(seed).take(n).map(|z| vec![2.0 + 3.0 * z]).collect()
            });
            assert!((found - 0.95).abs() < SLACK, "mean of {n}: {found}");
            let found = share(Check::difference("x").above(0.0), 1.0, |seed| {
                // The seeds' own effect is large and goes away in pairs.
                let (seeds, noise) = (normal(seed).take(n), normal(seed + 1_000_000));
                seeds.zip(noise).map(|(common, z)| vec![100.0 * common + 1.0 + z, 100.0 * common]).collect()
            });
            assert!((found - 0.95).abs() < SLACK, "difference of {n}: {found}");
        }
    }

    #[test]
    fn of_ratios_of_log_normal_values() {
        let found = share(Check::ratio("x").above(1.0), 3.0, |seed| {
            normal(seed).take(8).map(|z| vec![3.0 * (0.5 * z).exp(), 1.0]).collect()
        });
        assert!((found - 0.95).abs() < SLACK, "{found}");
    }

    #[test]
    fn of_medians_whatever_the_law() {
        for n in [6, 9, 20, 50] {
            let found = share(Check::median("x").above(0.0), 1.0, |seed| {
                normal(seed).take(n).map(|z| vec![(4.0 * z).exp()]).collect()
            });
            assert!(found > 0.95 - SLACK, "median of {n}: {found}");
        }
    }

    #[test]
    fn of_shares() {
        for (n, p) in [(10, 0.5), (20, 0.9), (50, 0.7), (100, 0.97)] {
            let found = share(Check::share("x").above(0.5), p, |seed| {
                let mut generator = random::stream(seed, 7);
                (0..n).map(|_| vec![f64::from(u8::from(random::unit_interval(&mut generator) < p))]).collect()
            });
            // Wilson's interval is right on average over p; at one p it may miss by some per cent.
            assert!(found > 0.91, "{n} of share {p}: {found}");
        }
    }

    /// Where nothing differs, "A beats B" holds in 2.5 % of the cases, and A is found worse in as many.
    #[test]
    fn chance_is_seldom_taken_for_a_finding() {
        let check = Check::difference("x").above(0.0);
        let of = |seed: u64| finding(check, normal(seed).take(6).map(|z| vec![z, 0.0]).collect::<Vec<_>>());
        let found: Vec<_> = (0..SAMPLES).map(of).collect();
        for wrong in [Finding::Holds, Finding::Fails] {
            let share = found.iter().filter(|finding| **finding == wrong).count() as f64 / SAMPLES as f64;
            assert!((share - 0.025).abs() < 0.0105, "{wrong:?} in {share}");
        }
        // And of four groups without a difference one fails in at most 10 % of the cases, not in 19 %.
        let groups = |seed: u64| {
            let part = |k: u64| normal(4 * seed + k).take(6).map(|z| vec![z, 0.0]).collect::<Vec<_>>();
            let groups = [("a", part(0)), ("b", part(1)), ("c", part(2)), ("d", part(3))];
            judge(&claim(check), &[&outcome(&groups)], Scale::Full, "flex").0
        };
        let fails = (0..500).filter(|seed| groups(*seed) == Verdict::Contradicted).count() as f64 / 500.0;
        assert!(fails < 0.05, "{fails}");
    }

    /// A sample with the law of the reference is taken for another one in at most 1 % of the cases.
    #[test]
    fn one_law_is_seldom_taken_for_two() {
        let reference: &'static [f64] = normal(99).take(40).collect::<Vec<_>>().leak();
        let check = Check::same_law("x", reference, 100.0);
        let fails = (0..SAMPLES)
            .filter(|seed| {
                finding(check, normal(1000 + seed).take(25).map(|z| vec![z]).collect()) == Finding::Fails
            })
            .count() as f64
            / SAMPLES as f64;
        // For one reference the chance differs from that over all of them.
        assert!(fails < 0.03, "{fails}");
    }
}
