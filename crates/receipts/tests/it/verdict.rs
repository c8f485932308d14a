//! Verdicts follow from values and thresholds alone.

use std::collections::BTreeMap;

use kiln_receipts::{
    Check, Claim, Experiment, Need, Number, Paper, Scale, Statistic, Threshold, ThresholdOrigin,
    recorder::Outcome,
    report::ClaimReport,
    run::run,
    verdict::{Verdict, judge},
};
use proptest::prelude::*;

use crate::fixture::{VERDICTS, options};

fn outcome(values: Vec<f64>) -> Outcome {
    let numbers = values.into_iter().map(Number).collect();
    let values = BTreeMap::from([("A".to_owned(), BTreeMap::from([("x".to_owned(), numbers)]))]);
    Outcome { values, ..Outcome::default() }
}

fn claim(statistic: Statistic, threshold: Threshold, full_only: bool) -> Claim {
    let check = Check { name: "x", statistic, threshold, unit: "", origin: ThresholdOrigin::Kiln, full_only };
    let checks: &'static [Check] = Box::leak(Box::new([check]));
    Claim { id: "A", place: "", says: "", test: "", checks, needs: &[], known_finding: None }
}

fn verdict(claim: &Claim, values: Vec<f64>, scale: Scale) -> Verdict {
    judge(claim, &[&outcome(values)], scale, "flex").0
}

fn statistic() -> impl Strategy<Value = Statistic> {
    prop::sample::select(vec![Statistic::Mean, Statistic::Median, Statistic::Max, Statistic::Min])
}

fn threshold() -> impl Strategy<Value = Threshold> {
    let t = || prop_oneof![-3.0..3.0, (-3i32..3).prop_map(f64::from)];
    prop_oneof![
        t().prop_map(Threshold::AtMost),
        t().prop_map(Threshold::AtLeast),
        t().prop_map(Threshold::Below),
        t().prop_map(Threshold::Above),
        (t(), 0.0..3.0).prop_map(|(low, width)| Threshold::Between(low, low + width)),
    ]
}

/// Small whole numbers among them, so that values meet thresholds exactly.
fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![-4.0..4.0, (-4i32..4).prop_map(f64::from)], 1..8)
}

/// The statistic, computed in another way than the framework's.
fn direct(statistic: Statistic, mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let n = values.len();
    match statistic {
        Statistic::Min => values[0],
        Statistic::Max => values[n - 1],
        Statistic::Median => 0.5 * values[(n - 1) / 2] + 0.5 * values[n / 2],
        Statistic::Mean => values.iter().map(|x| x / n as f64).sum(),
    }
}

proptest! {
    #[test]
    fn is_the_statistic_against_the_threshold(s in statistic(), t in threshold(), values in values()) {
        let x = direct(s, values.clone());
        let passes = match t {
            Threshold::AtMost(t) => x <= t,
            Threshold::AtLeast(t) => x >= t,
            Threshold::Below(t) => x < t,
            Threshold::Above(t) => x > t,
            Threshold::Between(low, high) => x >= low && x <= high,
        };
        let edges = match t {
            Threshold::AtMost(t) | Threshold::AtLeast(t) | Threshold::Below(t) | Threshold::Above(t) => [t, t],
            Threshold::Between(low, high) => [low, high],
        };
        // Two ways of summing may fall on two sides of a threshold that the mean meets exactly.
        prop_assume!(s != Statistic::Mean || edges.iter().all(|edge| (x - edge).abs() > 1e-12));
        let expected = if passes { Verdict::Reproduced } else { Verdict::NotReproduced };
        prop_assert_eq!(verdict(&claim(s, t, false), values, Scale::Quick), expected);
    }

    #[test]
    fn nan_is_an_error_wherever_it_stands(
        s in statistic(),
        t in threshold(),
        mut values in values(),
        at in any::<prop::sample::Index>(),
        full in any::<bool>(),
    ) {
        values.insert(at.index(values.len() + 1), f64::NAN);
        for scale in [Scale::Quick, Scale::Full] {
            let verdict = verdict(&claim(s, t, full), values.clone(), scale);
            prop_assert!(matches!(verdict, Verdict::Error { .. }), "{verdict:?}");
        }
    }

    #[test]
    fn a_threshold_for_full_scale_is_not_applied_at_quick_scale(
        s in statistic(),
        t in threshold(),
        values in values(),
    ) {
        let claim = claim(s, t, true);
        prop_assert_eq!(verdict(&claim, values.clone(), Scale::Quick), Verdict::SkippedAtThisScale);
        let judged = verdict(&claim, values, Scale::Full);
        prop_assert!(judged == Verdict::Reproduced || judged == Verdict::NotReproduced);
    }
}

#[test]
fn nothing_recorded_is_an_error() {
    let claim = claim(Statistic::Mean, Threshold::AtMost(1.0), false);
    assert!(matches!(verdict(&claim, vec![], Scale::Quick), Verdict::Error { .. }));
    let (verdict, _) = judge(&claim, &[], Scale::Quick, "flex");
    assert!(matches!(verdict, Verdict::Error { .. }));
}

#[test]
fn infinities_are_compared_as_they_are() {
    let at_most = claim(Statistic::Max, Threshold::AtMost(1.0), false);
    assert_eq!(verdict(&at_most, vec![0.0, f64::INFINITY], Scale::Quick), Verdict::NotReproduced);
    let mean = claim(Statistic::Mean, Threshold::AtMost(1.0), false);
    let both = vec![f64::NEG_INFINITY, f64::INFINITY];
    assert!(matches!(verdict(&mean, both, Scale::Quick), Verdict::Error { .. }));
}

#[test]
fn values_of_all_experiments_count() {
    let claim = claim(Statistic::Max, Threshold::AtMost(1.0), false);
    let (good, bad) = (outcome(vec![0.0]), outcome(vec![2.0]));
    assert_eq!(judge(&claim, &[&good, &good], Scale::Quick, "flex").0, Verdict::Reproduced);
    assert_eq!(judge(&claim, &[&good, &bad], Scale::Quick, "flex").0, Verdict::NotReproduced);
}

#[test]
fn a_failed_experiment_is_an_error_even_if_its_values_pass() {
    let claim = claim(Statistic::Max, Threshold::AtMost(1.0), false);
    let failed = Outcome { failure: Some("broken".to_owned()), ..outcome(vec![0.0]) };
    assert!(matches!(judge(&claim, &[&failed], Scale::Quick, "flex").0, Verdict::Error { .. }));
}

#[test]
fn missing_data_stop_only_the_claims_that_need_them() {
    const CLAIM: Claim = VERDICTS.claims[0];
    const PAPER: Paper = Paper {
        claims: &[
            CLAIM,
            Claim { id: "listed", needs: &[Need::Data("no-such-data-set")], ..CLAIM },
            Claim { id: "only here", ..CLAIM },
        ],
        experiments: &[
            Experiment {
                id: "with-data",
                claims: &["A", "listed", "only here"],
                run: |context, _| Ok(context.data.find("no-such-data-set").map(|_| ())?),
            },
            Experiment {
                id: "without-data",
                claims: &["A", "listed"],
                run: |_, recorder| {
                    recorder.record("A", "value", [0.125]);
                    recorder.record("listed", "value", [0.125]);
                    Ok(())
                },
            },
        ],
        ..VERDICTS
    };
    let folder = tempfile::tempdir().unwrap();
    let report = run(&[PAPER], &options(folder.path())).unwrap();
    let verdicts: Vec<_> = report.papers[0].claims.iter().map(ClaimReport::words).collect();
    assert_eq!(verdicts, ["reproduced", "needs data", "needs data"]);
}
