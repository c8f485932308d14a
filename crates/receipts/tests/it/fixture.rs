//! Small papers whose experiments are quick and whose results are known.

use std::{path::Path, sync::Arc};

use kiln_core::data::DataUse;
use kiln_datasets::DataPath;
use kiln_receipts::{
    Axis, Check, Claim, Context, Expected, Experiment, ExperimentError, Figure, Kind, Need, Paper, Recorder,
    Scale, Table, Terms, progress::Reporter, provenance::Program, run::Options,
};

/// The one check of the one claim of [`one_experiment`]; other claims are made of it.
pub(crate) const VALUE: Check = Check::each("value").at_most(1.0).by_paper();

/// A claim that holds if its value does.
pub(crate) const CLAIM: Claim = Claim {
    place: "Theorem 1",
    says: "says <b>\"this\"</b> & 'that'",
    test: "test",
    checks: &[VALUE],
    ..Claim::exact("A")
};

const TOO_FEW: &str = "5 seeds are too few for its spread";
const AVERAGE: Check = Check::mean("average").at_most(1.0).unit("nats");
const FAILING: Check =
    Check::each("failing value").at_most(1.0).expected(&[Expected::quick(1.5, 2.5, "so it is in theirs")]);
const OF_DATA: Check = Check::each("value of data").at_most(1.0);
const ON_GPU: Check = Check::each("value on a GPU").at_most(1.0);
const SMALL: Check = Check::each("small").at_most(1.0);
const BIG: Check = Check::each("big").at_most(1.0).at_full_scale();
const RATIO: Check = Check::ratio("plain / doubled").at_least(1.5).by_us("constants are below 1.2");
const MOST: Check = Check::share("in most cases").at_least(0.5);
const ELSEWHERE: Check =
    Check::difference("ours less theirs").above(0.0).expected(&[Expected::quick(-2.0, 0.0, "no drift")]);
const WIDE: Check = Check::mean("wide")
    .above(0.0)
    .by_authors("authors/repository: train.py")
    .expected(&[Expected::quick(-1.0, 1.0, TOO_FEW)]);

const A: Claim = Claim { checks: &[VALUE, AVERAGE], ..CLAIM };
const B: Claim = Claim { id: "B", checks: &[FAILING], ruled_out: "other seeds", ..CLAIM };
const C: Claim = Claim { id: "C", checks: &[OF_DATA], needs: &[Need::Data("no-such-data-set")], ..CLAIM };
const D: Claim = Claim { id: "D", checks: &[ON_GPU], needs: &[Need::Gpu], ..CLAIM };
const E: Claim =
    Claim { id: "E", terms: Terms::Reduced { what: "3 steps of 10" }, checks: &[SMALL, BIG], ..CLAIM };
const F: Claim = Claim { id: "F", terms: Terms::Ours, checks: &[RATIO, MOST], ..CLAIM };
const G: Claim =
    Claim { place: "Table 9", says: "It scales.", ..Claim::not_attempted("G", "it takes 512 GPUs") };
const H: Claim = Claim {
    id: "H",
    terms: Terms::StandIn { what: "noise in place of data", why: "noise drifts as well" },
    checks: &[ELSEWHERE],
    ..CLAIM
};
const I: Claim = Claim { id: "I", checks: &[WIDE], ..CLAIM };

/// Every verdict but the error once.
pub(crate) const VERDICTS: Paper = Paper {
    id: "verdicts",
    title: "A paper on <verdicts> & more",
    citation: "Nobody, Nowhere, 2026",
    url: "https://example.org/?a=1&b=2",
    domain: "fake",
    claims: &[A, B, C, D, E, F, G, H, I],
    experiments: &[
        Experiment { id: "numbers", claims: &[A, B, D, E, F, H, I], run: numbers },
        Experiment { id: "data", claims: &[C], run: data },
        Experiment {
            id: "more",
            claims: &[A, F],
            run: |_, recorder| {
                more(recorder);
                Ok(())
            },
        },
        Experiment {
            id: "pictures",
            claims: &[A],
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
        recorder.observe(&VALUE, [value]);
        recorder.observe(&AVERAGE, [value]);
    }
    recorder.observe(&FAILING, [2.0]);
    recorder.observe(&ON_GPU, [0.0]);
    recorder.observe(&SMALL, [1.0]);
    for (group, doubled) in [("small graphs", 1.0), ("large graphs", 1.5)] {
        recorder.observe_in(group, &RATIO, [3.0, 3.2, 3.1, 2.9, 2.8].map(|plain| (plain, doubled)));
    }
    recorder.observe(&ELSEWHERE, [1.1, 1.2, 0.9, 1.0, 0.8].map(|theirs| (0.0, theirs)));
    recorder.observe(&WIDE, [-1.0, 2.0, -2.0, 1.0, 0.5]);
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
    recorder.observe(&VALUE, [0.9]);
    recorder.observe(&AVERAGE, [0.9]);
    recorder.observe(&MOST, [true; 20]);
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
}

/// One claim, A, with the check [`VALUE`], measured by one experiment.
pub(crate) fn one_experiment(run: fn(&Context, &mut Recorder) -> Result<(), ExperimentError>) -> Paper {
    let experiment = Experiment { id: "only", claims: &[CLAIM], run };
    Paper { claims: &[CLAIM], experiments: Box::leak(Box::new([experiment])), ..VERDICTS }
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
        program: program("program"),
        reporter: Reporter::silent(),
    }
}

/// A program with these bytes, from unknown sources.
pub(crate) fn program(bytes: &str) -> Program {
    Program { sha256: bytes.to_owned(), ..Program::named("kiln-receipts") }
}
