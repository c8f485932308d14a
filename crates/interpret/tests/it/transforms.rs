//! Transforms against PyWavelets, against their definition, and their invariants.

use kiln_core::InputError;
use kiln_interpret::wavelet::{Band, Boundary, Dwt, DwtWorkspace, Wavelet, WaveletError, WaveletFloat};
use proptest::prelude::*;
use serde_json::Value;

use crate::reference::{distance, numbers, reference};

fn named(name: &str) -> Wavelet {
    Wavelet::named(name).unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|value| *value as f32).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

type Transform<'a> = &'a dyn Fn(&[f64]) -> Vec<f64>;

/// Coefficients in both precisions: they are `expected` to 1e-10 and 1e-5, and lead back to `x`.
fn agrees(case: &str, dwt: [Transform<'_>; 2], x: &[f64], expected: &[f64]) {
    let size = expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    for (transform, tolerance) in dwt.iter().zip([1e-10, 1e-5]) {
        let found = transform(x);
        let error = distance(&found, expected);
        assert!(error <= tolerance * size, "{case}: {error:e}");
    }
}

fn agrees_1d(case: &str, wavelet: &str, boundary: Boundary, x: &[f64], levels: usize, expected: &[f64]) {
    let wavelet = named(wavelet);
    let f64s = Dwt::<f64, 1>::new(&wavelet, boundary, [x.len()], levels).unwrap();
    let f32s = Dwt::<f32, 1>::new(&wavelet, boundary, [x.len()], levels).unwrap();
    let transforms: [Transform<'_>; 2] =
        [&|x| f64s.forward(x).unwrap(), &|x| wide(&f32s.forward(&narrow(x)).unwrap())];
    agrees(case, transforms, x, expected);
    if wavelet.name() != "dmey" {
        let back = f64s.inverse(expected).unwrap();
        assert!(distance(&back, x) < 1e-10, "{case}: back");
        let back = wide(&f32s.inverse(&narrow(expected)).unwrap());
        assert!(distance(&back, x) < 1e-4, "{case}: back in f32");
    }
}

#[test]
fn rows_are_those_of_pywavelets() {
    let file = reference("dwt1d.json");
    for (wavelet, modes) in file["cases"].as_object().unwrap() {
        for (mode, signals) in modes.as_object().unwrap() {
            for (signal, result) in signals.as_object().unwrap() {
                let x = numbers(&file[signal]);
                let level = |key: &str, level: usize| numbers(&result[key][level - 1]);
                for levels in 1..=4 {
                    let mut expected = level("cA", levels);
                    (1..=levels).rev().for_each(|j| expected.extend(level("cD", j)));
                    let case = format!("{wavelet} {mode} {signal} {levels}");
                    agrees_1d(&case, wavelet, mode.parse().unwrap(), &x, levels, &expected);
                }
            }
        }
    }
}

#[test]
fn modes_are_those_of_pywavelets() {
    let file = reference("boundary_modes.json");
    for (mode, pad) in file["pad"].as_object().unwrap() {
        let boundary: Boundary = mode.parse().unwrap();
        let pads = pad["left_right"].as_u64().unwrap() as usize;
        let found = boundary.extend(&numbers(&file["x5"]), pads, pads).unwrap();
        assert!(distance(&found, &numbers(&pad["values"])) < 1e-12, "{mode}");
    }
    for (mode, wavelets) in file["dwt"].as_object().unwrap() {
        for (wavelet, signals) in wavelets.as_object().unwrap() {
            for (signal, result) in signals.as_object().unwrap() {
                let mut expected = numbers(&result["cA"]);
                expected.extend(numbers(&result["cD"]));
                let case = format!("{wavelet} {mode} {signal}");
                agrees_1d(&case, wavelet, mode.parse().unwrap(), &numbers(&file[signal]), 1, &expected);
            }
        }
    }
}

#[test]
fn pictures_are_those_of_pywavelets() {
    let file = reference("dwt2d.json");
    let x: Vec<f64> = file["x"].as_array().unwrap().iter().flat_map(numbers).collect();
    for (name, modes) in file["cases"].as_object().unwrap() {
        for (mode, result) in modes.as_object().unwrap() {
            let wavelet = named(name);
            let boundary = mode.parse().unwrap();
            let block = |level: usize, key: &str| -> (Vec<f64>, [usize; 2]) {
                let block: &Value = &result["levels"][level - 1][key];
                let shape = numbers(&block["shape"]);
                (numbers(&block["data"]), [shape[0] as usize, shape[1] as usize])
            };
            let f64s = Dwt::<f64, 2>::new(&wavelet, boundary, [16, 16], 2).unwrap();
            let f32s = Dwt::<f32, 2>::new(&wavelet, boundary, [16, 16], 2).unwrap();
            let mut expected = block(2, "cA").0;
            for level in [2, 1] {
                for (key, band) in [("cH", Band::Horizontal), ("cV", Band::Vertical), ("cD", Band::Diagonal)]
                {
                    let (values, shape) = block(level, key);
                    assert_eq!(f64s.block_shape(level).unwrap(), shape);
                    assert_eq!(
                        f64s.band(level, band).unwrap(),
                        expected.len()..expected.len() + values.len()
                    );
                    expected.extend(values);
                }
            }
            let transforms: [Transform<'_>; 2] =
                [&|x| f64s.forward(x).unwrap(), &|x| wide(&f32s.forward(&narrow(x)).unwrap())];
            agrees(&format!("{name} {mode}"), transforms, &x, &expected);
            assert!(distance(&f64s.inverse(&expected).unwrap(), &x) < 1e-10);
            assert!(distance(&wide(&f32s.inverse(&narrow(&expected)).unwrap()), &x) < 1e-4);
        }
    }
}

#[test]
fn lengths_are_those_of_pywavelets() {
    let file = reference("lengths.json");
    for case in file["cases"].as_array().unwrap() {
        let number = |key: &str| case[key].as_u64().unwrap() as usize;
        let (len, filter_len) = (number("N"), number("F"));
        let wavelet = named(&format!("db{}", filter_len / 2));
        assert_eq!(Boundary::Periodization.coefficient_len(len, filter_len), number("per"));
        assert_eq!(Boundary::Smooth.coefficient_len(len, filter_len), number("other"));
        assert_eq!(wavelet.max_level(len), number("max_level"), "{case}");
    }
}

/// One level by the sums that define it.
fn by_definition(wavelet: &Wavelet, boundary: Boundary, x: &[f64]) -> Vec<f64> {
    let filter_len = wavelet.filter_len();
    let shift = if boundary == Boundary::Periodization { filter_len / 2 } else { 1 };
    let count = boundary.coefficient_len(x.len(), filter_len);
    let pad = 2 * filter_len + 2;
    let extended = boundary.extend(x, pad, pad).unwrap();
    [wavelet.dec_lo(), wavelet.dec_hi()]
        .iter()
        .flat_map(|filter| (0..count).map(move |k| (*filter, k)))
        .map(|(filter, k)| {
            filter.iter().enumerate().map(|(m, tap)| tap * extended[pad + 2 * k + shift - m]).sum()
        })
        .collect()
}

fn boundary() -> impl Strategy<Value = Boundary> {
    prop::sample::select(&Boundary::ALL[..])
}

fn wavelet() -> impl Strategy<Value = Wavelet> {
    let names: Vec<String> = Wavelet::names().into_iter().filter(|name| name != "dmey").collect();
    prop::sample::select(names).prop_map(|name| named(&name))
}

fn orthogonal() -> impl Strategy<Value = Wavelet> {
    wavelet().prop_filter("orthogonal", |wavelet| !wavelet.name().contains("bio"))
}

fn signal(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.0..1.0_f64, len)
}

/// How much a sample, and what the transform makes of it, may grow: extensions on a line are long for short
/// signals.
fn size(values: &[f64]) -> f64 {
    values.iter().fold(1.0_f64, |most, value| most.max(value.abs()))
}

fn round_trip<T: WaveletFloat>(
    wavelet: &Wavelet,
    boundary: Boundary,
    x: &[T],
    levels: usize,
) -> Result<(f64, f64), WaveletError> {
    let dwt = Dwt::<T, 1>::new(wavelet, boundary, [x.len()], levels)?;
    let coefficients = dwt.forward(x)?;
    let back = dwt.inverse(&coefficients)?;
    let wide = |values: &[T]| values.iter().map(|value| value.to_f64()).collect::<Vec<_>>();
    Ok((distance(&wide(&back), &wide(x)), size(&wide(&coefficients))))
}

/// The transform, except of sides that reflecting modes cannot do; then they say so.
fn planned<T>(made: Result<T, WaveletError>, boundary: Boundary) -> Option<T> {
    match made {
        Err(WaveletError::TooShort { len: 1, .. }) if boundary.least_len() == 2 => None,
        made => Some(made.unwrap()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn transforms_are_inverted(wavelet in wavelet(), boundary in boundary(), levels in 1_usize..5, x in signal(2..71)) {
        let Some((error, size)) = planned(round_trip(&wavelet, boundary, &x, levels), boundary)
        else { return Ok(()) };
        // The stored taps of coiflets are right to their last digit too.
        prop_assert!(error <= 1e-12 * size, "{} {boundary}: {error:e} of {size}", wavelet.name());
        let (error, size) = round_trip(&wavelet, boundary, &narrow(&x), levels).unwrap();
        prop_assert!(error <= 1e-4 * size, "{} {boundary} in f32: {error:e} of {size}", wavelet.name());
    }

    #[test]
    fn pictures_are_inverted(
        wavelet in wavelet(), boundary in boundary(), levels in 1_usize..4, height in 2_usize..40,
        width in 2_usize..40, x in signal(2 * 39 * 39),
    ) {
        let x = &x[..2 * height * width];
        let Some(dwt) = planned(Dwt::<f64, 2>::new(&wavelet, boundary, [height, width], levels), boundary)
        else { return Ok(()) };
        let coefficients = dwt.forward(x).unwrap();
        let error = distance(&dwt.inverse(&coefficients).unwrap(), x);
        prop_assert!(error <= 1e-12 * size(&coefficients), "{} {boundary}: {error:e}", wavelet.name());
    }

    #[test]
    fn one_level_is_its_definition(wavelet in wavelet(), boundary in boundary(), x in signal(2..90)) {
        let expected = by_definition(&wavelet, boundary, &x);
        let found = Dwt::<f64, 1>::new(&wavelet, boundary, [x.len()], 1).unwrap().forward(&x).unwrap();
        prop_assert!(distance(&found, &expected) <= 1e-13 * size(&expected));
    }

    /// Blocks, whole lanes and what is left of them, away from and at the ends.
    #[test]
    fn long_rows_are_their_definition(wavelet in wavelet(), boundary in boundary(), x in signal(1000..2300)) {
        let expected = by_definition(&wavelet, boundary, &x);
        let dwt = Dwt::<f64, 1>::new(&wavelet, boundary, [x.len()], 1).unwrap();
        let found = dwt.forward(&x).unwrap();
        prop_assert!(distance(&found, &expected) <= 1e-13 * size(&expected));
        prop_assert!(distance(&dwt.inverse(&found).unwrap(), &x) <= 1e-12);
    }

    /// Axes in turn, by transforms of rows.
    #[test]
    fn pictures_are_rows_and_columns(
        wavelet in wavelet(), boundary in boundary(), height in 2_usize..40, width in 2_usize..40,
        x in signal(39 * 39),
    ) {
        let x = &x[..height * width];
        let along = Dwt::<f64, 1>::new(&wavelet, boundary, [width], 1).unwrap();
        let down = Dwt::<f64, 1>::new(&wavelet, boundary, [height], 1).unwrap();
        let rows = along.forward(x).unwrap();
        let (row_len, column_len) = (along.coefficient_len(), down.coefficient_len());
        let turned: Vec<f64> = (0..row_len).flat_map(|j| (0..height).map(move |i| (i, j)))
            .map(|(i, j)| rows[i * row_len + j]).collect();
        let both = down.forward(&turned).unwrap();
        let (wide, high) = (row_len / 2, column_len / 2);
        let block = |axis_0: usize, axis_1: usize| -> Vec<f64> {
            (0..high).flat_map(|i| (0..wide).map(move |j| (i, j)))
                .map(|(i, j)| both[(axis_1 * wide + j) * column_len + axis_0 * high + i]).collect()
        };
        let expected = [block(0, 0), block(1, 0), block(0, 1), block(1, 1)].concat();
        let found = Dwt::<f64, 2>::new(&wavelet, boundary, [height, width], 1).unwrap().forward(x).unwrap();
        prop_assert!(distance(&found, &expected) <= 1e-12 * size(&expected));
    }

    #[test]
    fn transforms_are_linear(
        wavelet in wavelet(), boundary in boundary(), levels in 1_usize..4, pair in signal(2 * 37), a in -2.0..2.0_f64,
    ) {
        let (x, y) = pair.split_at(37);
        let dwt = Dwt::<f64, 1>::new(&wavelet, boundary, [37], levels).unwrap();
        let sum: Vec<f64> = x.iter().zip(y).map(|(x, y)| a * x + y).collect();
        let (of_x, of_y) = (dwt.forward(x).unwrap(), dwt.forward(y).unwrap());
        let expected: Vec<f64> = of_x.iter().zip(&of_y).map(|(x, y)| a * x + y).collect();
        prop_assert!(distance(&dwt.forward(&sum).unwrap(), &expected) <= 1e-12 * size(&of_x).max(size(&of_y)));
    }

    /// Parseval's identity, and what an extension other than zeros adds.
    #[test]
    fn energy_is_preserved(
        wavelet in orthogonal(), boundary in boundary(), levels in 1_usize..4, odd in 1_usize..10, x in signal(72),
    ) {
        let len = odd << levels;
        let x = &x[..len];
        let Some(dwt) = planned(Dwt::<f64, 1>::new(&wavelet, boundary, [len], levels), boundary)
        else { return Ok(()) };
        let coefficients = dwt.forward(x).unwrap();
        let (before, after) = (dot(x, x), dot(&coefficients, &coefficients));
        if matches!(boundary, Boundary::Zero | Boundary::Periodization) {
            prop_assert!((before - after).abs() <= 1e-12 * before.max(1.0));
        } else {
            prop_assert!(after >= before - 1e-12);
        }
    }

    #[test]
    fn shifts_go_round(wavelet in wavelet(), levels in 1_usize..4, odd in 1_usize..9, x in signal(64)) {
        let step = 1 << levels;
        let len = odd * step;
        let dwt = Dwt::<f64, 1>::new(&wavelet, Boundary::Periodization, [len], levels).unwrap();
        let mut x = x[..len].to_vec();
        let before = dwt.forward(&x).unwrap();
        x.rotate_right(step);
        let after = dwt.forward(&x).unwrap();
        let shifts = std::iter::once(1).chain((0..levels).map(|finer| 1 << finer));
        for (block, shift) in dwt.blocks().into_iter().zip(shifts) {
            let mut expected = before[block.clone()].to_vec();
            expected.rotate_right(shift);
            prop_assert!(distance(&after[block], &expected) <= 1e-13 * size(&before));
        }
    }

    #[test]
    fn the_transpose_is_one(
        wavelet in wavelet(), boundary in boundary(), levels in 1_usize..4, u in signal(2..50), c in signal(700),
    ) {
        let Some(dwt) = planned(Dwt::<f64, 1>::new(&wavelet, boundary, [u.len()], levels), boundary)
        else { return Ok(()) };
        let c = &c[..dwt.coefficient_len()];
        let transposed = dwt.inverse_transposed(&u).unwrap();
        let (left, right) = (dot(&dwt.inverse(c).unwrap(), &u), dot(c, &transposed));
        prop_assert!((left - right).abs() <= 1e-11 * size(&transposed), "{left} {right}");
        let whole = u.len() % (1 << levels) == 0;
        if boundary == Boundary::Periodization && wavelet.orthogonality_residual() < 1e-14 && whole {
            prop_assert!(distance(&transposed, &dwt.forward(&u).unwrap()) < 1e-12);
        }
    }

    #[test]
    fn the_transpose_of_pictures_is_one(
        wavelet in wavelet(), boundary in boundary(), levels in 1_usize..3, height in 2_usize..20, width in 2_usize..20,
        u in signal(400), c in signal(20_000),
    ) {
        let Some(dwt) = planned(Dwt::<f64, 2>::new(&wavelet, boundary, [height, width], levels), boundary)
        else { return Ok(()) };
        let (u, len) = (&u[..height * width], dwt.coefficient_len());
        // Long filters have more coefficients than there are numbers here.
        let c: Vec<f64> = c.iter().copied().cycle().take(len).collect();
        let transposed = dwt.inverse_transposed(u).unwrap();
        let (left, right) = (dot(&dwt.inverse(&c).unwrap(), u), dot(&c, &transposed));
        prop_assert!((left - right).abs() <= 1e-10 * size(&transposed), "{left} {right}");
    }

    #[test]
    fn extensions_have_limits(boundary in boundary()) {
        prop_assert!(boundary.terms(0, 0).is_err());
        prop_assert_eq!(boundary.terms(0, 1).is_ok(), boundary.least_len() == 1);
        for (left, right) in [(usize::MAX, 0), (0, usize::MAX), (usize::MAX / 2, 1)] {
            let refused = boundary.extend(&[1.0, 2.0], left, right);
            let is_size = matches!(refused, Err(WaveletError::Input(InputError::Setting { .. })));
            prop_assert!(is_size);
        }
    }

    /// Terms of positions near and far say what `extend` does, and inside nothing is changed.
    #[test]
    fn extensions_are_linear(boundary in boundary(), x in signal(2..12), at in -60_isize..60) {
        let terms = boundary.terms(at, x.len()).unwrap();
        let sum: f64 = terms.as_slice().iter().map(|(index, weight)| x[*index] * weight).sum();
        let extended = boundary.extend(&x, 60, 60).unwrap();
        prop_assert!((sum - extended[(at + 60) as usize]).abs() <= 1e-12 * sum.abs().max(1.0));
        prop_assert_eq!(&extended[60..60 + x.len()], &x[..]);
    }

    /// `N` vanishing moments away from the ends, where line and constants go on, even at them.
    #[test]
    fn details_of_polynomials_vanish(n in 1_usize..9, c in signal(8)) {
        let x: Vec<f64> = (0..80).map(|i| {
            let t = f64::from(i) / 80.0;
            c[..n].iter().rev().fold(0.0, |sum, c| sum * t + c)
        }).collect();
        for family in ["db", "sym"] {
            let wavelet = if n == 1 { named("haar") } else { named(&format!("{family}{n}")) };
            let dwt = Dwt::<f64, 1>::new(&wavelet, Boundary::Zero, [80], 1).unwrap();
            let coefficients = dwt.forward(&x).unwrap();
            let details = &coefficients[dwt.details(1).unwrap()];
            prop_assert!(details[n..details.len() - n].iter().all(|d| d.abs() < 1e-10));
        }
        let line: Vec<f64> = (0..31).map(|i| c[0] + c[1] * f64::from(i)).collect();
        for mode in [Boundary::Smooth, Boundary::Antireflect] {
            let dwt = Dwt::<f64, 1>::new(&named("db3"), mode, [31], 3).unwrap();
            let coefficients = dwt.forward(&line).unwrap();
            prop_assert!(coefficients[dwt.approximation().end..].iter().all(|d| d.abs() < 1e-10));
        }
    }
}

#[test]
fn constants_have_no_details() {
    for mode in [
        Boundary::Constant,
        Boundary::Symmetric,
        Boundary::Reflect,
        Boundary::Periodic,
        Boundary::Periodization,
    ] {
        for name in ["haar", "db4", "sym5", "coif2", "bior3.3"] {
            let dwt = Dwt::<f64, 1>::new(&named(name), mode, [33], 3).unwrap();
            let coefficients = dwt.forward(&[3.0; 33]).unwrap();
            assert!(coefficients[dwt.approximation().end..].iter().all(|d| d.abs() < 1e-13), "{name} {mode}");
        }
    }
}

#[test]
fn every_wavelet_is_inverted_in_every_mode() {
    let x: Vec<f64> = (0..23).map(|i| f64::from(i * i % 11) - 4.0).collect();
    for name in Wavelet::names() {
        for mode in Boundary::ALL {
            let (error, size) = round_trip(&named(&name), mode, &x, 3).unwrap();
            let tolerance = if name == "dmey" { 2e-2 } else { 1e-13 };
            assert!(error <= tolerance * size, "{name} {mode}: {error:e}");
        }
    }
}

#[test]
fn rows_and_pictures_of_a_batch_are_apart() {
    let x: Vec<f64> = (0..3 * 42).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let dwt = Dwt::<f64, 1>::new(&named("db4"), Boundary::Reflect, [42], 3).unwrap();
    let single: Vec<f64> = x.chunks(42).flat_map(|row| dwt.forward(row).unwrap()).collect();
    let mut workspace = DwtWorkspace::default();
    let mut out = vec![0.0; single.len()];
    for _ in 0..2 {
        dwt.forward_into(&x, &mut out, &mut workspace).unwrap();
        assert_eq!(out, single);
    }
    let mut back = vec![0.0; x.len()];
    dwt.inverse_into(&out, &mut back, &mut workspace).unwrap();
    assert_eq!(back, dwt.inverse(&single).unwrap());

    // A workspace may be handed from one transform to another.
    let dwt = Dwt::<f64, 2>::new(&named("db2"), Boundary::Periodic, [6, 7], 2).unwrap();
    let single: Vec<f64> = x.chunks(42).flat_map(|picture| dwt.forward(picture).unwrap()).collect();
    let mut out = vec![0.0; single.len()];
    dwt.forward_into(&x, &mut out, &mut workspace).unwrap();
    assert_eq!(out, single);
    let mut back = vec![0.0; x.len()];
    dwt.inverse_into(&out, &mut back, &mut workspace).unwrap();
    assert!(distance(&back, &x) < 1e-13);
}

#[test]
fn lanes_of_pictures_are_apart() {
    // Widths about one and two strips, in both types.
    for width in [15, 16, 17, 31, 32, 33, 64, 65, 130] {
        let x: Vec<f64> = (0..9 * width).map(|i| ((i * i) as f64 * 0.3).sin()).collect();
        for mode in [Boundary::Zero, Boundary::Periodization, Boundary::Antireflect] {
            let dwt = Dwt::<f64, 2>::new(&named("db3"), mode, [9, width], 2).unwrap();
            assert!(distance(&dwt.inverse(&dwt.forward(&x).unwrap()).unwrap(), &x) < 1e-12);
            let dwt = Dwt::<f32, 2>::new(&named("db3"), mode, [9, width], 2).unwrap();
            assert!(distance(&wide(&dwt.inverse(&dwt.forward(&narrow(&x)).unwrap()).unwrap()), &x) < 1e-4);
        }
    }
}

#[test]
fn bad_input_is_an_error() {
    use WaveletError as E;
    let haar = named("haar");
    let new = |mode, len, levels| Dwt::<f64, 1>::new(&haar, mode, [len], levels).map(|_| ());
    assert_eq!(new(Boundary::Zero, 0, 1), Err(E::Input(InputError::empty("the signal"))));
    assert_eq!(new(Boundary::Zero, 8, 0), Err(E::Level { level: 0, most: 64 }));
    assert_eq!(new(Boundary::Zero, 8, 65), Err(E::Level { level: 65, most: 64 }));
    let two_levels = Dwt::<f64, 1>::new(&Wavelet::named("db2").unwrap(), Boundary::Zero, [16], 2).unwrap();
    for level in [0, 3] {
        assert_eq!(two_levels.details(level), Err(E::Level { level, most: 2 }));
    }
    let short = |level| Err(E::TooShort { boundary: Boundary::Reflect, level, len: 1 });
    assert_eq!(new(Boundary::Reflect, 1, 1), short(1));
    assert_eq!(new(Boundary::Reflect, 4, 3), short(3));
    // Beyond the useful level, but with a meaning.
    assert_eq!(new(Boundary::Symmetric, 4, 5), Ok(()));
    assert_eq!(new(Boundary::Symmetric, 1, 1), Ok(()));

    let dwt = Dwt::<f64, 1>::new(&haar, Boundary::Zero, [4], 2).unwrap();
    assert!(matches!(dwt.forward(&[]), Err(E::Input(InputError::Empty { .. }))));
    assert!(matches!(dwt.forward(&[0.0; 6]), Err(E::Input(InputError::Size { found: 6, .. }))));
    assert!(matches!(dwt.inverse(&[]), Err(E::Input(InputError::Empty { .. }))));
    assert!(matches!(dwt.inverse(&[0.0; 5]), Err(E::Input(InputError::Size { found: 5, .. }))));
    assert!(matches!(dwt.inverse_transposed(&[0.0; 3]), Err(E::Input(InputError::Size { found: 3, .. }))));
    let mut workspace = DwtWorkspace::default();
    assert!(matches!(
        dwt.forward_into(&[0.0; 4], &mut [0.0; 5], &mut workspace),
        Err(E::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        dwt.inverse_into(&[0.0; 4], &mut [0.0; 5], &mut workspace),
        Err(E::Input(InputError::Size { .. }))
    ));
    let overflow = Err(E::Overflow { what: "a coefficient" });
    assert_eq!(dwt.forward(&[f64::MAX; 4]), overflow);

    let picture = Dwt::<f32, 2>::new(&haar, Boundary::Zero, [0, 4], 1).map(|_| ());
    assert_eq!(picture, Err(E::Input(InputError::empty("the signal"))));
    let dwt = Dwt::<f32, 2>::new(&haar, Boundary::Zero, [2, 3], 1).unwrap();
    assert!(matches!(dwt.forward(&[0.0; 7]), Err(E::Input(InputError::Size { found: 7, .. }))));
    assert!(matches!(dwt.inverse(&[f32::NAN; 8]), Err(E::Input(InputError::NotFinite { .. }))));
}

#[test]
fn what_is_not_finite_is_found() {
    for name in ["haar", "db3", "bior2.2", "bior5.5"] {
        for mode in Boundary::ALL {
            for at in 0..13 {
                for bad in [f64::NAN, f64::INFINITY] {
                    let mut x = [1.0; 13];
                    x[at] = bad;
                    let dwt = Dwt::<f64, 1>::new(&named(name), mode, [13], 2).unwrap();
                    let expected =
                        WaveletError::Input(InputError::not_finite(format!("value {at} of the signal")));
                    assert_eq!(dwt.forward(&x), Err(expected), "{name} {mode}");
                    let mut c = dwt.forward(&[1.0; 13]).unwrap();
                    c[at] = bad;
                    let expected = WaveletError::Input(InputError::not_finite(format!(
                        "value {at} of the coefficients"
                    )));
                    assert_eq!(dwt.inverse(&c), Err(expected));
                }
            }
        }
    }
}

/// A row of whole blocks, whose coefficients end a little after them.
#[test]
fn what_is_not_finite_is_found_after_blocks() {
    for mode in [Boundary::Symmetric, Boundary::Periodization] {
        let dwt = Dwt::<f32, 1>::new(&named("db3"), mode, [2048], 2).unwrap();
        for at in (0..dwt.coefficient_len()).step_by(7).chain(dwt.blocks().iter().map(|block| block.end - 1))
        {
            let mut c = vec![0.5; dwt.coefficient_len()];
            c[at] = f32::NEG_INFINITY;
            let expected =
                WaveletError::Input(InputError::not_finite(format!("value {at} of the coefficients")));
            assert_eq!(dwt.inverse(&c), Err(expected));
        }
    }
}
