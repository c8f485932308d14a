//! Small papers whose experiments are quick and whose results are known.

use std::{path::Path, sync::Arc};

use kiln_core::data::DataUse;
use kiln_datasets::DataPath;
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Need, Paper, Recorder, Scale,
    Statistic, Table, Threshold, ThresholdOrigin, progress::Reporter, run::Options,
};

const CHECK: Check = Check {
    name: "value",
    statistic: Statistic::Mean,
    threshold: Threshold::AtMost(1.0),
    unit: "",
    origin: ThresholdOrigin::Paper,
    full_only: false,
};

const CLAIM: Claim = Claim {
    id: "A",
    place: "Theorem 1",
    says: "says <b>\"this\"</b> & 'that'",
    test: "test",
    checks: &[CHECK],
    needs: &[],
    known_finding: None,
};

/// Every verdict once.
pub(crate) const VERDICTS: Paper = Paper {
    id: "verdicts",
    title: "A paper on <verdicts> & more",
    citation: "Nobody, Nowhere, 2026",
    url: "https://example.org/?a=1&b=2",
    domain: "fake",
    claims: &[
        CLAIM,
        Claim { id: "B", known_finding: Some("because it is so"), ..CLAIM },
        Claim { id: "C", needs: &[Need::Data("no-such-data-set")], ..CLAIM },
        Claim { id: "D", needs: &[Need::Gpu], ..CLAIM },
        Claim { id: "E", checks: &[CHECK, Check { name: "big", full_only: true, ..CHECK }], ..CLAIM },
        Claim { id: "F", checks: &[Check { name: "two", origin: ThresholdOrigin::Kiln, ..CHECK }], ..CLAIM },
        Claim { id: "G", needs: &[Need::Data("nobody-reads-this")], checks: &[], ..CLAIM },
        Claim { id: "H", known_finding: Some("it used to fail"), ..CLAIM },
    ],
    experiments: &[
        Experiment { id: "numbers", claims: &["A", "B", "D", "E", "F", "H"], run: numbers },
        Experiment { id: "data", claims: &["C"], run: data },
        Experiment {
            id: "more",
            claims: &["A", "F"],
            run: |_, recorder| {
                more(recorder);
                Ok(())
            },
        },
        Experiment {
            id: "pictures",
            claims: &["A"],
            run: |_, recorder| {
                pictures(recorder);
                Ok(())
            },
        },
    ],
};

fn numbers(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    for (i, seed) in context.seeds(4).into_iter().enumerate() {
        let value = recorder.memo(&format!("seed {seed}"), || Ok(0.1 * i as f64))?;
        recorder.record("A", "value", [value]);
    }
    recorder.record("B", "value", [2.0]);
    recorder.record("D", "value", [0.0]);
    recorder.record("E", "value", [1.0]);
    recorder.record("F", "two", [0.5]);
    recorder.record("H", "value", [0.5]);
    recorder.used_data(DataUse {
        name: "karate".to_owned(),
        route: "embedded".to_owned(),
        rows: 78,
        sha256: "ab".repeat(32),
    });
    Ok(())
}

fn data(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let found = context.data.find("no-such-data-set")?;
    recorder.note(found.sha256);
    Ok(())
}

fn more(recorder: &mut Recorder) {
    recorder.record("A", "value", [0.9]);
    recorder.record("F", "two", [0.7]);
}

fn pictures(recorder: &mut Recorder) {
    let mut table = Table::new("t", "A <table>", "With | a caption", &["name", "x"]);
    table.row(["<script>".to_owned(), "0.25".to_owned()]);
    recorder.table(table);
    recorder.note("A note with <i>markup</i>.");
    let axes = (Axis::log("size <n>"), Axis::linear("y & z"));
    let points = |slope: f64| (0..20).map(move |i| (10f64.powf(0.3 * f64::from(i)), slope * f64::from(i)));
    let figure = Figure::new("all-kinds", "Every <kind> & more", "A caption with \"quotes\"", axes.0, axes.1)
        .with_band("band", 0, points(1.0).map(|(x, y)| (x, y - 1.0, y + 2.0)))
        .with(Kind::Line, "line", 0, points(1.0))
        .with(Kind::LinePoints, "line and points", 1, points(0.5))
        .with(Kind::Points, "points", 2, points(0.7))
        .with(Kind::Dashed, "bound", 3, points(1.4).chain([(f64::NAN, 1.0), (-1.0, f64::INFINITY)]));
    recorder.figure(figure);
    let bars = Figure::new(
        "bars",
        "Bars",
        "",
        Axis::categories("graph", ["karate", "football"]),
        Axis::linear("F1"),
    )
    .with(Kind::Bars, "l1", 0, [(0.0, 0.9), (1.0, 0.8)])
    .with(Kind::Bars, "APPR", 1, [(0.0, 0.7), (1.0, f64::NAN)]);
    recorder.figure(bars);
    recorder.record("A", "value", []);
}

/// One claim measured by one experiment.
pub(crate) fn one_experiment(run: fn(&Context, &mut Recorder) -> Result<(), ExperimentError>) -> Paper {
    let experiment = Experiment { id: "only", claims: &["A"], run };
    Paper {
        claims: VERDICTS.claims.split_at(1).0,
        experiments: Box::leak(Box::new([experiment])),
        ..VERDICTS
    }
}

/// Options for a silent run in `out`.
pub(crate) fn options(out: &Path) -> Options {
    Options {
        scale: Scale::Quick,
        device: "flex".to_owned(),
        seeds: None,
        jobs: 1,
        out: out.to_owned(),
        data: Arc::new(DataPath::new(None)),
        shard: None,
        fresh: false,
        program: "program".to_owned(),
        reporter: Reporter::silent(),
    }
}
