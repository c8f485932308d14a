//! One problem: what is recommended, and what it and the others gain over pooled ERM.

use faer::Mat;
use kiln_adapt::diagnosis::{Diagnosis, LinearCandidate};
use kiln_adapt::{Adaptation, Evaluation, Fit, Labelled, Predict};
use kiln_receipts::statistics::{mean, mean_and_spread};
use kiln_receipts::{ExperimentError, Table};
use serde::{Deserialize, Serialize};

/// A loss of more than this is harm.
const POINT: f64 = 0.01;

/// Gains over pooled ERM in the target: of accuracy, or the share of its mean squared error that is gone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Decision {
    pub(super) method: LinearCandidate,
    /// Of what is recommended.
    pub(super) gain: f64,
    pub(super) coral: f64,
    /// Of every method that could be fitted.
    pub(super) all: Vec<(LinearCandidate, f64)>,
}

impl Decision {
    pub(super) fn harms(&self) -> bool {
        self.gain < -POINT
    }

    /// The method that gains most, with the target's labels at hand.
    fn oracle(&self) -> f64 {
        self.all.iter().map(|(_, gain)| *gain).fold(0.0, f64::max)
    }

    fn of(&self, method: LinearCandidate) -> Option<f64> {
        self.all.iter().find(|(other, _)| *other == method).map(|(_, gain)| *gain)
    }
}

/// `test` is the target with its labels, which only the evaluation sees.
pub(super) fn decide(
    data: &Adaptation<Mat<f64>>,
    test: &Labelled<Mat<f64>>,
    seed: u64,
) -> Result<Decision, ExperimentError> {
    let recommended = Diagnosis { seed }.run(data)?.recommendation.method;
    let pooled = LinearCandidate::PooledErm.fit(data)?.evaluate(test)?;
    let gain = |method: LinearCandidate| -> Option<f64> {
        let own = method.fit(data).ok()?.evaluate(test).ok()?;
        Some(match (&own, &pooled) {
            (
                Evaluation::Values { mean_squared_error: own },
                Evaluation::Values { mean_squared_error: theirs },
            ) => 1.0 - own / theirs,
            _ => own.score() - pooled.score(),
        })
    };
    let methods = LinearCandidate::all(test.y()).iter();
    let all: Vec<_> = methods.filter_map(|method| Some((*method, gain(*method)?))).collect();
    let of =
        |wanted: LinearCandidate| all.iter().find(|(method, _)| *method == wanted).map(|(_, gain)| *gain);
    let gain = of(recommended).ok_or("what was recommended cannot be fitted")?;
    // Who always adapts and cannot, pools.
    let coral = of(LinearCandidate::Coral).unwrap_or(0.0);
    Ok(Decision { method: recommended, gain, coral, all })
}

/// A row a family of problems.
pub(super) fn table<'a>(
    id: &str,
    title: &str,
    methods: &[LinearCandidate],
    families: impl IntoIterator<Item = (&'a str, Vec<&'a Decision>)>,
) -> Table {
    let caption = "Gain over pooled ERM by rows in the target, points: of accuracy, or hundredths of its mean \
        squared error that are gone. Mean over the problems, standard deviation in brackets. Adapted, harmed: \
        shares of the problems in % on which something else than pooling was recommended, and lost more than a \
        point. Oracle: the best of all methods, by the target's labels. The other columns: each method always.";
    let columns: Vec<&str> = ["problems", "adapted", "harmed", "recommended", "oracle"]
        .into_iter()
        .chain(methods.iter().skip(1).map(|method| method.name()))
        .collect();
    let columns: Vec<&str> = std::iter::once("").chain(columns).collect();
    let mut table = Table::new(id, title, caption, &columns);
    for (name, decisions) in families {
        let count = decisions.len() as f64;
        let share = |is: &dyn Fn(&Decision) -> bool| {
            let counted = decisions.iter().filter(|decision| is(decision)).count();
            format!("{:.0}", 100.0 * counted as f64 / count)
        };
        let points = |values: Vec<f64>| {
            let (mean, spread) = mean_and_spread(&values);
            format!("{:+.1} ({:.1})", 100.0 * mean, 100.0 * spread)
        };
        let mut cells = vec![
            name.to_owned(),
            decisions.len().to_string(),
            share(&|decision| decision.method != LinearCandidate::PooledErm),
            share(&Decision::harms),
            points(decisions.iter().map(|decision| decision.gain).collect()),
            points(decisions.iter().map(|decision| decision.oracle()).collect()),
        ];
        for method in methods.iter().skip(1) {
            let gains: Vec<f64> = decisions.iter().filter_map(|decision| decision.of(*method)).collect();
            cells.push(if gains.is_empty() {
                "–".to_owned()
            } else {
                format!("{:+.1}", 100.0 * mean(gains))
            });
        }
        table.row(cells);
    }
    table
}
