//! Every figure can be drawn, whatever is in it.

use kiln_receipts::{Axis, Figure, Kind, run::run};
use proptest::prelude::*;

use crate::fixture::{VALUE, one_experiment, options};

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e3..1e3,
        1 => prop::num::f64::ANY,
        1 => prop::sample::select(vec![0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e-300]),
    ]
}

fn figure() -> impl Strategy<Value = Figure> {
    let kind = prop::sample::select(vec![
        Kind::Line,
        Kind::Dashed,
        Kind::Points,
        Kind::LinePoints,
        Kind::Bars,
        Kind::Band,
        Kind::Cells,
    ]);
    let series =
        (kind, "\\PC{0,80}", any::<usize>(), prop::collection::vec((number(), number(), number()), 0..12));
    let axis =
        || ("\\PC{0,20}", any::<bool>()).prop_map(|(label, log)| Axis { label, log, categories: Vec::new() });
    let named = ("\\PC{0,20}", prop::collection::vec("\\PC{0,30}", 1..6))
        .prop_map(|(label, n)| Axis::categories(&label, n));
    let x = prop_oneof![axis(), named];
    ("\\PC{0,120}", x, axis(), prop::collection::vec(series, 0..6)).prop_map(|(title, x, y, series)| {
        series.into_iter().fold(Figure::new("f", &title, "", x, y), |figure, (kind, name, colour, points)| {
            match kind {
                Kind::Band => figure.with_band(&name, colour, points),
                Kind::Cells => {
                    let values: Vec<f64> = points.iter().map(|point| point.2).collect();
                    figure.with_picture(&name, colour, (&values, 3), (0.0, 1.0))
                }
                _ => figure.with(kind, &name, colour, points.into_iter().map(|(x, y, _)| (x, y))),
            }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn is_well_formed_svg(figure in figure()) {
        let text = figure.svg();
        prop_assert!(text.starts_with("<svg "), "{text}");
        prop_assert!(text.trim_end().ends_with("</svg>"));
        prop_assert!(!text.contains("NaN"), "{text}");
        prop_assert_eq!(text.matches("<svg").count(), 1);
        prop_assert_eq!(text.matches("<text").count(), text.matches("</text>").count());
    }
}

#[test]
fn a_figure_that_can_not_be_drawn_fails_the_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let paper = one_experiment(|_, recorder| {
        recorder.observe(&VALUE, [0.0]);
        recorder.figure(Figure::new("../f", "", "", Axis::linear("x"), Axis::linear("y")));
        Ok(())
    });
    let report = run(&[paper], &options(folder.path())).unwrap();
    assert!(report.papers[0].experiments[0].failure.as_ref().unwrap().contains("a-z"));
}
